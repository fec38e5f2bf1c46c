-- Every fault of the sandbox at every writing step of a provisioning, with and without retries: what is
-- sent, what is reported, and that running it again completes the work. tests/spec/provision_spec.lua
-- has each step fail exactly once; here a step goes on failing, half of the time and by chance, but
-- repeatably.

local agent_file = require "anyreach.agents.file"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local provision = require "anyreach.agents.provision"

local RUNS_MAX = 20

local CREATED = [[
name: A
description: Books.
generate: true
instruction_builder_inputs: {purpose: Help.}
config: {max_tool_steps: 2}
phone_numbers:
  - "+15551234567"
  - {number: "+15551230001", direction: outbound}
deploy_as_sip: true
]]
local CHANGED = CREATED:gsub("Books.", "Books and cancels.")

-- Which operations a provisioning writes with, and how often at most.
local STEPS = {
  ["agents.create"] = 1,
  ["agents.update"] = 1,
  ["agents.versions.create"] = 1,
  ["agents.versions.update"] = 1,
  ["agents.versions.generate_instructions"] = 1,
  ["agents.versions.publish"] = 2,
  ["agents.deploy_as_sip"] = 1,
}

-- What each fault is called when it is the end. Unless it `refuses`, the step may have been carried out.
local FAULTS = {
  ["429;retry-after=0.01"] = { kind = "rate_limited", status = 429, refuses = true },
  ["503;retry-after=0.01"] = { kind = "server", status = 503, refuses = true, is_open = true },
  ["500"] = { kind = "server", status = 500, is_open = true },
  ["503"] = { kind = "server", status = 503, is_open = true },
  ["drop"] = { kind = "network", is_open = true },
  ["truncate"] = { kind = "network", is_open = true, commits = true },
  ["invalid"] = { kind = "answer", status = 200, is_open = true, commits = true },
  ["429;after-commit"] = { kind = "rate_limited", status = 429, refuses = true, commits = true },
  ["429;retry-after=0.01;after-commit"] = { kind = "rate_limited", status = 429, refuses = true, commits = true },
  ["500;after-commit"] = { kind = "server", status = 500, is_open = true, commits = true },
  ["503;after-commit"] = { kind = "server", status = 503, is_open = true, commits = true },
  ["503;retry-after=0.01;after-commit"] = { kind = "server", status = 503, refuses = true, is_open = true,
    commits = true },
  ["drop;after-commit"] = { kind = "network", is_open = true, commits = true },
}

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function read_agent(yaml)
  local path = process.directory()
  process.write(path .. "/a.yaml", yaml)
  return agent_file.read { path }
end

local created, changed = read_agent(CREATED), read_agent(CHANGED)

-- The requests of a run that may not be repeated and were not refused, counted by operation. The log
-- says of a dropped connection what would have been answered, or nothing.
local function counts(requests, first, fault)
  local sent = {}
  for index = first, #requests do
    local name, status = requests[index].operation, requests[index].status
    local is_refused = status == 429 or (fault.refuses and status == 503)
    if STEPS[name] and operations.describe(name).retry == "never" and not is_refused then
      sent[name] = (sent[name] or 0) + 1
    end
  end
  return sent
end

local function check_error(result, step, fault)
  local err = result.error
  expect.equal({ err.operation, err.kind, err.status }, { step, fault.kind, fault.status })
  expect.equal(err.may_have_been_sent, fault.is_open or false)
  for _, done in ipairs(result.steps) do
    if done.outcome ~= "done" then
      expect.equal(done.outcome, fault.is_open and "may_have_been_done" or "failed")
      break
    end
  end
end

-- Runs a provisioning until nothing is left to do; returns how many runs failed. A step that was carried
-- out although it failed may be found done by the next run.
local function complete(api, agents, step, fault)
  local failures = 0
  for _ = 1, RUNS_MAX do
    local first = #api.request { path = "/_sandbox/requests" } + 1
    local result = provision.run(api, agents)[1]
    for name, count in pairs(counts(api.request { path = "/_sandbox/requests" }, first, fault)) do
      if count > STEPS[name] then error(("%s was sent %d times in one run"):format(name, count)) end
    end
    if result.action == "unchanged" then return failures end
    if result.action == "failed" then
      failures = failures + 1
      check_error(result, step, fault)
    end
  end
  error(("not complete after %d runs"):format(RUNS_MAX))
end

local function check_state(api)
  local agents = {}
  for agent in api.agents.each() do agents[#agents + 1] = agent end
  expect.equal(#agents, 1)
  expect.equal({ agents[1].name, agents[1].description }, { "A", "Books and cancels." })
  local published = {}
  for version in api.agents.versions.each(agents[1].id) do
    if version.published then published[#published + 1] = version.id end
  end
  expect.equal(#published, 1)
  local first, second = api.phone_numbers.get "+15551234567", api.phone_numbers.get "+15551230001"
  expect.equal({ first.inbound_agent_version_id, second.outbound_agent_version_id }, { published[1], published[1] })
  expect.truthy(agents[1].sip_endpoint ~= json.null)
end

-- libcurl itself sends again what may be repeated when a connection that was used before is closed.
local function is_repeated_below(step, name)
  return name:find "drop" and operations.describe(step).retry ~= "never"
end

-- What was created is found, whatever the answer said.
local function is_settled(step, name)
  return FAULTS[name].commits and (step == "agents.create" or step == "agents.versions.create")
end

-- Creates an agent and changes it, while one step meets one fault half of the time.
local function survives(step, name, retries)
  local sandbox <close> = process.sandbox(("--faults=%s;only=%s;rate=0.6;seed=4"):format(name, step))
  local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin", retries = retries }
  local ok, err = pcall(function()
    local failures = complete(api, created, step, FAULTS[name]) + complete(api, changed, step, FAULTS[name])
    check_state(api)
    local may_fail = not is_repeated_below(step, name) and not is_settled(step, name)
    if retries == 0 and may_fail then expect.truthy(failures > 0) end
    if retries > 0 and FAULTS[name].refuses or is_settled(step, name) then expect.equal(failures, 0) end
  end)
  if not ok then error(("%s at %s with %d retries: %s"):format(name, step, retries, err), 0) end
end

local steps = sorted_names(STEPS)

for _, retries in ipairs { 0, 2 } do
  describe(("provisionings with %d retries, one for each step that fails by chance"):format(retries), function()
    for _, fault in ipairs(sorted_names(FAULTS)) do
      it("complete in spite of " .. fault, function()
        anyreach.map(steps, function(step) survives(step, fault, retries) end)
      end)
    end
  end)
end
