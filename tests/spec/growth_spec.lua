-- What recipes do once for each agent must not take longer the more agents there are.

local drift = require "anyreach.agents.drift"
local field_digests = require "anyreach.agents.field_digests"
local group_write = require "anyreach.agents.group_write"
local host = require "anyreach.host"
local lock = require "anyreach.agents.lock"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local prompts = require "anyreach.agents.prompts"
local steps = require "helpers.steps"

describe("notes of many agents", function()
  it("share one write while that is awaited, and the last ones are written at the end", function()
    local noted, written, writes = 0, 0, 0
    do
      local group <close> = group_write.new(function() written, writes = noted, writes + 1 end)
      for _ = 1, 1000 do
        noted = noted + 1
        group:soon()
      end
      group:wait()
      expect.equal({ written, writes }, { 1000, 1 })
      noted = noted + 1
      group:soon()
    end
    expect.equal({ written, writes }, { 1001, 2 })
  end)

  it("are not written again by a task that was left over, nor where there are none", function()
    local writes = 0
    local group = group_write.new(function() writes = writes + 1 end)
    group:finish()
    expect.equal(writes, 0)
    group:soon()
    group:finish()
    host.sleep(0.01)
    group:finish()
    expect.equal(writes, 1)
  end)

  it("that say what the lock says already do not touch the file", function()
    local opened = lock.read(process.directory() .. "/anyreach.lock")
    local facts = { agent_id = "1", version = 2 }
    opened:set("account", "Ada", facts)
    expect.equal(opened:write(), true)
    process.write(opened.path, "not a lock")
    opened:set("account", "Ada", facts)
    expect.equal(opened:write(), false)
    opened:set("account", "Ada", { agent_id = "1", version = 3 })
    expect.raises(function() opened:write() end, "not a line of a lock")
  end)
end)

-- A client whose organisation has so many agents, each with a version in use.
local function client_of(count, instructions)
  local function each(list)
    local index = 0
    return function()
      index = index + 1
      return list[index]
    end
  end
  local agents, version = {}, { id = "v", version = 1, published = true, config = { instructions = instructions } }
  for index = 1, count do agents[index] = { id = "id" .. index, name = "Agent " .. index } end
  return { agents = {
    each = function() return each(agents) end,
    versions = { each = function() return each { version } end },
  } }
end

describe("a folder of prompts whose agents are there", function()
  it("is planned without looking for names that are near", function()
    local directory, nearest, looks = process.directory(), operations.nearest, 0
    for index = 1, 5 do process.write(("%s/agent-%d.md"):format(directory, index), "You are kind.") end
    operations.nearest = function(...)
      looks = looks + 1
      return nearest(...)
    end
    local record = { row = function() end, draft = function() end, is_own = function() return true end }
    local ok, plans = pcall(prompts.plan, client_of(5, "You are kind."), directory, { record = record })
    operations.nearest = nearest
    if not ok then error(plans, 0) end
    expect.equal({ #plans, looks }, { 5, 0 })
  end)
end)

describe("a configuration of many keys", function()
  local function values(first, last)
    local list = {}
    for index = first, last do list["key" .. index] = { text = "value " .. index } end
    return { config = { variables = list } }
  end

  -- As many keys are new in the file as are known.
  local function effort(count)
    local old, new = values(1, count), values(1, 2 * count)
    local noted = field_digests.note(old, old, "id")
    return steps.of(function()
      local decision = drift.decide(noted, new, old, "id")
      expect.equal(#decision.kept + #decision.conflicts, 0)
    end)
  end

  it("is compared in steps that grow as the keys do", function()
    local few, many = effort(200), effort(2000)
    if many > few * 15 then error(("%d thousand steps instead of %d"):format(many, few)) end
  end)
end)
