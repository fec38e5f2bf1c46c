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

-- What a run that was cut off may have created is looked for no longer than this.
local PATIENCE = "--max-wait=1"

local function provision(sandbox, path, ...)
  return process.run(sandbox.environment .. process.anyreach(PATIENCE, "run", "provision", path, ...))
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

-- A sandbox whose lists lag behind by so many requests, in which a run was killed at the case's request, and a client
-- whose requests it does not count.
local function killed(case, path, lag)
  local sandbox = process.sandbox("--faults", ("stale=%d;only=agents.create|%s"):format(lag, case.faults))
  local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
    headers = held_request.headers }
  held_request.stop(api, case, function()
    return process.start(sandbox.environment .. process.anyreach("run", "provision", path))
  end)
  return sandbox, api
end

describe("a run that is killed while lists lag behind", function()
  it("is completed by the next one, without a second agent", function()
    for _, case in ipairs(held_request.cases(WRITES)) do
      local path = directory_of_agents(AGENTS)
      local sandbox <close> = killed(case, path, LAG)
      expect.equal({ case.name, (provision(sandbox, path)) }, { case.name, 0 })
      for _ = 1, LAG do state(sandbox.base_url) end
      expect.equal({ case.name, state(sandbox.base_url) }, { case.name, COMPLETE })
      local code, out = provision(sandbox, path)
      expect.equal({ case.name, code }, { case.name, 0 })
      expect.contains(out, "0 created, 0 updated, 3 unchanged, 0 failed")
    end
  end)

  it("looks for what may have been created and no list shows yet", function()
    local many, lag = 20, 100
    for _, case in ipairs(held_request.cases { "agents.create 1", "agents.create 7", "agents.create 20" }) do
      local path = directory_of_agents(many)
      local sandbox <close>, api = killed(case, path, lag)
      local _, _, err = provision(sandbox, path, "--check", "--max-wait=60")
      expect.contains(err, "an interrupted run may have created")
      local function list_all()
        for _ = 1, lag do api.agents.list { limit = 100 } end
      end
      local is_created = case.name:find("^after") ~= nil
      if not is_created then list_all() end
      local next_run <close> = process.start(sandbox.environment
        .. process.anyreach(is_created and "--max-wait=60" or PATIENCE, "run", "provision", path))
      process.eventually("the next run waits", function()
        return next_run:output("err"):find("waiting up to", 1, true) or next_run:has_ended()
      end)
      if is_created then -- else the second of patience may be over before the run begins
        expect.contains(next_run:output "err", "s for what the interrupted run may have created: 'Agent ")
      end
      list_all()
      expect.equal({ case.name, next_run:wait() }, { case.name, 0 })
      list_all()
      local found, count = state(sandbox.base_url), 0
      for name, of_name in pairs(found) do
        expect.equal({ case.name, name, of_name }, { case.name, name, { agents = 1, published = 1 } })
        count = count + 1
      end
      expect.equal({ case.name, count }, { case.name, many })
      local _, out, again = provision(sandbox, path)
      expect.contains(out, "0 created, 0 updated, 20 unchanged, 0 failed")
      expect.falsy(again:find("waiting", 1, true))
    end
  end)

  it("with many agents knows those again that had gone on", function()
    local many, lag = 60, 1000 -- lists never show them
    for _, case in ipairs(held_request.cases { "agents.versions.create 30", "agents.versions.publish 40" }) do
      local path = directory_of_agents(many)
      local _ <close>, api = killed(case, path, lag)
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

local GENERATED = "name: Desk\ngenerate: true\nconfig: {voice: alloy}\ninstruction_builder_inputs: {business: %s}\n"

describe("a run that is killed while it writes a draft whose instructions are generated", function()
  it("is completed in that draft", function()
    local writes = {}
    for _, operation in ipairs { "create", "update", "generate_instructions", "publish" } do
      for number = 1, 2 do writes[#writes + 1] = ("agents.versions.%s %d"):format(operation, number) end
    end
    for _, case in ipairs(held_request.cases(writes)) do
      local path = process.directory()
      local sandbox <close> = process.sandbox("--faults", case.faults)
      local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
        headers = held_request.headers }
      for round = 1, 2 do
        process.write(path .. "/desk.yaml", GENERATED:format(round))
        if case.number == round then
          held_request.stop(api, { name = case.name, operation = case.operation, number = 1 }, function()
            return process.start(sandbox.environment .. process.anyreach("run", "provision", path))
          end)
        end
        local code, out, err = provision(sandbox, path)
        expect.equal({ case.name, code, code ~= 0 and out .. err or nil }, { case.name, 0 })
        expect.equal({ case.name, state(sandbox.base_url) },
          { case.name, { Desk = { agents = 1, published = round } } })
        expect.falsy(out:find("not written from here", 1, true))
      end
      local agent = api.agents.each()()
      local count = 0
      for _ in api.agents.versions.each(agent.id) do count = count + 1 end
      expect.equal({ case.name, count }, { case.name, 2 })
    end
  end)
end)
