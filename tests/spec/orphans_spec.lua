-- Orphans: agents that a lock names and no file describes any more.

local host = require "anyreach.host"
local lock = require "anyreach.agents.lock"
local orphans = require "anyreach.agents.orphans"
local process = require "helpers.process"

host.start_sandbox { seed = "orphans" }
local api = anyreach.client()

-- An agent that a new lock names. Returns its id, the lock, and the orphans that are found.
local function orphan()
  local agent = api.agents.create { name = "Gone" }
  local found = lock.read(process.directory() .. "/anyreach.lock")
  found:set("here", "Gone", { agent_id = agent.id })
  return agent.id, found, orphans.find(api, found, "here", {})
end

-- What deleting came to, and whether the lock still names the agent.
local function outcome(client, locked, found)
  orphans.delete(client, "here", found)
  return { found[1].action, found[1].error and found[1].error.kind, locked:get("here", "Gone") ~= nil }
end

describe("an orphan", function()
  it("is deleted, and its lock forgets it", function()
    local id, locked, found = orphan()
    expect.equal(outcome(api, locked, found), { "deleted", nil, false })
    local _, err = api.try.agents.get(id)
    expect.equal(err.kind, "not_found")
  end)

  it("that somebody else has deleted meanwhile counts as deleted", function()
    local id, locked, found = orphan()
    expect.equal(found[1].agent_id, id)
    api.agents.delete(id)
    expect.equal(outcome(api, locked, found), { "deleted", nil, false })
  end)

  it("that is gone before anybody looks is none", function()
    local id, locked = orphan()
    api.agents.delete(id)
    expect.equal(orphans.find(api, locked, "here", {}), {})
  end)

  it("that cannot be deleted stays in the lock", function()
    local id, locked, found = orphan()
    local viewer = anyreach.client { token = "ak_sandbox.viewer" }
    expect.equal(outcome(viewer, locked, found), { "failed", "forbidden", true })
    expect.equal(api.agents.get(id).id, id)
  end)

  it("has no other agent's name", function()
    local id, locked = orphan()
    api.agents.update(id, { name = "Renamed" })
    expect.equal(orphans.find(api, locked, "here", {}), {})
  end)
end)
