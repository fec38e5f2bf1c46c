-- How many requests the recipes send for agents that are as they were: two for each, besides the pages of lists, which
-- are read once; and that agents whose lists lag behind are found all the same.

local organizations = require "helpers.organizations"
local process = require "helpers.process"

local AGENTS = 45
local PAGES = 20 -- of lists: agents for names and for references, numbers, datasets, trunks

local function directory_of_agents()
  local path = process.directory()
  for index = 1, AGENTS do
    local number = index == 1 and 'phone_numbers: ["+15551234567"]\n' or ""
    process.write(("%s/%02d.yaml"):format(path, index),
      ("name: Agent %02d\nconfig: {instructions: Be kind %d.}\n%s"):format(index, index, number))
  end
  return path
end

local function count(base_url)
  local api = anyreach.client { base_url = base_url, token = "ak_sandbox.admin" }
  local _, response = api.request { path = "/_sandbox/requests" }
  return tonumber(response.headers["x-total-count"])
end

-- The requests that a command sends; it must end well.
local function requests_of(sandbox, ...)
  local before = count(sandbox.base_url)
  local code, _, err = process.run(sandbox.environment .. process.anyreach("run", ...))
  expect.equal({ (...), code, err }, { (...), 0, "" })
  return count(sandbox.base_url) - before
end

local function is_at_most(actual, limit, what)
  if actual > limit then error(("%s: %d requests, expected at most %d"):format(what, actual, limit), 2) end
end

describe("an unchanged agent among many", function()
  it("costs two requests, with a lock and without one", function()
    local sandbox <close>, path = process.sandbox(), directory_of_agents()
    requests_of(sandbox, "provision", path)
    local exported = process.directory() .. "/agents"
    requests_of(sandbox, "export", exported)
    for _, command in ipairs {
      { "provision", path, "--check" }, { "provision", path }, { "provision", path, "--no-lock" }, { "diff", path },
      { "export", exported }, { "export", exported, "--check" },
    } do
      is_at_most(requests_of(sandbox, table.unpack(command)), 2 * AGENTS + PAGES, table.concat(command, " "))
    end
  end)

  it("costs a check no more than an export", function()
    local sandbox <close>, path = process.sandbox(), directory_of_agents()
    requests_of(sandbox, "provision", path)
    local exported = requests_of(sandbox, "export", process.directory() .. "/agents")
    is_at_most(requests_of(sandbox, "provision", path, "--check"), exported + 2, "provision --check")
  end)

  it("costs two requests in each of two organisations", function()
    local both <close> = organizations.start()
    expect.equal((both:run("provision", "--profile=staging", "--no-lock", directory_of_agents())), 0)
    local promote = { "promote", "--from", "staging", "--to", "production", "--all", "--yes" }
    expect.equal((both:run(table.unpack(promote))), 0)
    local before = count(both.sandbox.base_url)
    expect.equal((both:run(table.unpack(promote))), 0)
    is_at_most(count(both.sandbox.base_url) - before, 4 * AGENTS + 2 * PAGES, "promote --all")
  end)

  it("is found by its id in the lock when lists do not show it yet", function()
    local sandbox <close>, path = process.sandbox("--faults", "stale=1000;only=agents.create"), directory_of_agents()
    requests_of(sandbox, "provision", path)
    local before = count(sandbox.base_url)
    local _, out = process.run(sandbox.environment .. process.anyreach("run", "provision", path))
    expect.contains(out, "0 created, 0 updated, 45 unchanged, 0 failed")
    is_at_most(count(sandbox.base_url) - before, 2 * AGENTS + PAGES, "provision")
  end)
end)
