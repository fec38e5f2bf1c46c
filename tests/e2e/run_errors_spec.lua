-- Errors that concern a run as a whole end it once, with one message and few requests; the rest counts as not tried.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local process = require "helpers.process"
local tasks = require "anyreach.client.tasks"

local AGENTS = 2000
local AT_ONCE = 24

local function directory_of_agents(count)
  local path = process.directory()
  for index = 1, count do
    process.write(("%s/%04d.yaml"):format(path, index),
      ("name: Agent %04d\nconfig: {instructions: Be kind.}\n"):format(index))
  end
  return path
end

local function requests(sandbox, operation)
  local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
    headers = { ["X-Sandbox-Fault"] = "latency=0" } }
  local count = 0
  for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
    if request.operation == operation then count = count + 1 end
  end
  return count
end

local function lines_with(text, part)
  local count = 0
  for line in text:gmatch("[^\n]+") do
    if line:find(part, 1, true) then count = count + 1 end
  end
  return count
end

describe("a run of 2,000 files", function()
  local path = directory_of_agents(AGENTS)

  it("without a network ends with one message", function()
    for _, words in ipairs {
      { "provision", path }, { "provision", path, "--check" }, { "diff", path }, { "export", path },
    } do
      local code, out, err = process.run("ANYREACH_BASE_URL=http://127.0.0.1:9 ANYREACH_TOKEN=ak_x "
        .. process.anyreach("--retries=1", "run", table.unpack(words)))
      expect.equal({ words[1], code, out }, { words[1], 10, "" })
      expect.equal(lines_with(err, "nothing answers at this address"), 1)
    end
  end)

  it("with a credential that may not write ends after three refusals", function()
    local sandbox <close> = process.sandbox()
    local code, out, err = process.run(sandbox.environment .. "ANYREACH_TOKEN=ak_sandbox.viewer "
      .. process.anyreach("run", "provision", path, "--json", "--no-lock"))
    expect.equal(code, 4)
    expect.equal(lines_with(err, "anyreach: the run ended, with "), 1)
    local refused = requests(sandbox, "agents.create")
    expect.truthy(refused >= 3 and refused <= 3 + AT_ONCE)
    local summary = json.decode(out:match("([^\n]+)\n$"))
    expect.equal({ summary.agents, summary.created, summary.failed + summary.not_tried }, { AGENTS, 0, AGENTS })
    expect.truthy(summary.failed <= 2)
    expect.equal(lines_with(out, '"action":"not_tried"'), summary.not_tried)
  end)

  it("whose server is gone in the middle ends, and says what was not tried", function()
    local sandbox <close> = process.sandbox("--faults", "latency=1")
    local run = process.start(sandbox.environment .. process.anyreach("--retries=0", "run", "provision", path))
    process.eventually("some agents", function() return requests(sandbox, "agents.versions.publish") > 50 end)
    sandbox:stop()
    local code, out, err = run:wait(), run:output(), run:output "err"
    expect.equal(code, 8)
    local created, failed, untried = out:match("2000 agents: (%d+) created, 0 updated, 0 unchanged, (%d+) failed, "
      .. "(%d+) not tried\n$")
    expect.equal(tonumber(created) + tonumber(failed) + tonumber(untried), AGENTS)
    expect.truthy(tonumber(failed) <= AT_ONCE)
    expect.equal(lines_with(err, "anyreach: the run ended, with " .. untried .. " of 2000 agents not tried: "), 1)
  end)
end)

describe("one object that is forbidden", function()
  it("is that object's failure when others are permitted", function()
    local results = tasks.each({ 1, 2, 3, 4, 5, 6 }, function(value)
      if value == 1 then return { value = value } end
      return { value = value, error = errors.make { kind = "forbidden", message = "no" } }
    end, { concurrency = 1, untried = function() return { not_tried = true } end })
    for index, result in ipairs(results) do expect.equal({ result.value, result.not_tried }, { index }) end
  end)

  it("ends the run when nothing is permitted", function()
    local results = tasks.each({ 1, 2, 3, 4, 5 }, function(value)
      return { value = value, error = errors.make { kind = "forbidden", message = "no" } }
    end, { concurrency = 1, untried = function(value) return { untried = value } end })
    local seen = {}
    for index, result in ipairs(results) do seen[index] = result.untried or -result.value end
    expect.equal(seen, { -1, -2, 3, 4, 5 })
  end)
end)
