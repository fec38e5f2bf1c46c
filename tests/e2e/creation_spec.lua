-- Nothing is created twice, whatever is answered to a request, and wherever a run is killed, also while lists lag
-- behind: one agent of each name, no version published that another run or attempt had published, and a second run that
-- is quiet.

local held_request = require "helpers.held_request"
local process = require "helpers.process"

local AGENTS = 3
local LAG = 4 -- lists that do not show what was created

local function directory_of_agents(count)
  local path = process.directory()
  for index = 1, count do
    process.write(("%s/%d.yaml"):format(path, index),
      ("name: Agent %d\nconfig: {instructions: Be kind %d.}\n"):format(index, index))
  end
  return path
end

-- The agents of a sandbox by name: how many there are, and how many published versions these have.
local function state(base_url)
  local api = anyreach.client { base_url = base_url, token = "ak_sandbox.admin", headers = held_request.headers }
  local found = {}
  for agent in api.agents.each() do
    found[agent.name] = found[agent.name] or { agents = 0, published = 0 }
    found[agent.name].agents = found[agent.name].agents + 1
    for version in api.agents.versions.each(agent.id) do
      if version.published then found[agent.name].published = found[agent.name].published + 1 end
    end
  end
  return found
end

local COMPLETE = {}
for index = 1, AGENTS do COMPLETE["Agent " .. index] = { agents = 1, published = 1 } end

local function provision(sandbox, path, ...)
  return process.run(sandbox.environment .. process.anyreach("run", "provision", path, ...))
end

-- How many requests of an operation have arrived.
local function arrived(base_url, operation)
  local api = anyreach.client { base_url = base_url, token = "ak_sandbox.admin", headers = held_request.headers }
  local count = 0
  for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
    if request.operation == operation then count = count + 1 end
  end
  return count
end

local ANSWERS = { "429", "429;retry-after=0.01", "503", "503;retry-after=0.01", "500", "drop" }

describe("a create that is carried out and answered otherwise", function()
  for _, operation in ipairs { "agents.create", "agents.versions.create" } do
    for _, answer in ipairs(ANSWERS) do
      it(("%s with %s, is not repeated, and is no failure"):format(operation, answer), function()
        for number = 1, AGENTS do
          local fault = ("%s;after-commit;only=%s;nth=%d"):format(answer, operation, number)
          local sandbox <close>, path = process.sandbox("--faults", fault), directory_of_agents(AGENTS)
          local code, _, err = provision(sandbox, path)
          expect.equal({ fault, code, err }, { fault, 0, "" })
          expect.equal({ fault, arrived(sandbox.base_url, operation) }, { fault, AGENTS })
          expect.equal({ fault, state(sandbox.base_url) }, { fault, COMPLETE })
          local again, out = provision(sandbox, path)
          expect.equal({ fault, again }, { fault, 0 })
          expect.contains(out, "0 created, 0 updated, 3 unchanged, 0 failed")
        end
      end)
    end
  end

  it("while lists lag behind leaves one agent of each name", function()
    for _, answer in ipairs { "429", "500", "drop" } do
      for number = 1, AGENTS, 2 do
        local fault = ("stale=%d;only=agents.create|%s;after-commit;only=agents.create;nth=%d"):format(
          LAG, answer, number)
        local sandbox <close>, path = process.sandbox("--faults", fault), directory_of_agents(AGENTS)
        provision(sandbox, path)
        expect.equal({ fault, (provision(sandbox, path)) }, { fault, 0 })
        for _ = 1, LAG do state(sandbox.base_url) end
        expect.equal({ fault, state(sandbox.base_url) }, { fault, COMPLETE })
        local _, out = provision(sandbox, path)
        expect.contains(out, "0 created, 0 updated, 3 unchanged, 0 failed")
      end
    end
  end)
end)

local WRITES = {}
for index = 1, AGENTS, 2 do
  for _, operation in ipairs { "agents.create", "agents.versions.create", "agents.versions.publish" } do
    WRITES[#WRITES + 1] = ("%s %d"):format(operation, index)
  end
end

describe("a run that is killed while lists lag behind", function()
  it("is completed by the next one, without a second agent", function()
    for _, case in ipairs(held_request.cases(WRITES)) do
      local path = directory_of_agents(AGENTS)
      local sandbox <close> = process.sandbox("--faults", ("stale=%d;only=agents.create|%s"):format(LAG, case.faults))
      local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
        headers = held_request.headers }
      held_request.stop(api, case, function()
        return process.start(sandbox.environment .. process.anyreach("run", "provision", path))
      end)
      expect.equal({ case.name, (provision(sandbox, path)) }, { case.name, 0 })
      for _ = 1, LAG do state(sandbox.base_url) end
      expect.equal({ case.name, state(sandbox.base_url) }, { case.name, COMPLETE })
      local code, out = provision(sandbox, path)
      expect.equal({ case.name, code }, { case.name, 0 })
      expect.contains(out, "0 created, 0 updated, 3 unchanged, 0 failed")
    end
  end)

  it("with many agents knows those again that had gone on", function()
    local many, lag = 60, 1000 -- lists never show them
    for _, case in ipairs(held_request.cases { "agents.versions.create 30", "agents.versions.publish 40" }) do
      local path = directory_of_agents(many)
      local sandbox <close> = process.sandbox("--faults", ("stale=%d;only=agents.create|%s"):format(lag, case.faults))
      local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
        headers = held_request.headers }
      held_request.stop(api, case, function()
        return process.start(sandbox.environment .. process.anyreach("run", "provision", path))
      end)
      local going_on = {}
      for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
        local id = request.operation == "agents.versions.create" and request.path:match("agents/([^/]+)/versions")
        if id then going_on[id] = true end
      end
      local lock = process.read(path .. "/anyreach.lock")
      for id in pairs(going_on) do expect.contains(lock, id) end
    end
  end)
end)
