-- The recipe `provision` as a user runs it, against the sandbox with its state in a file.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local process = require "helpers.process"

local CLINIC = "scripts/examples/clinic/agents"
local CANARY = "hush-canary-5d1f"

-- Runs the recipe against the sandbox in `db`. `options` come before `run`, `words` after `provision`.
local function provision(db, words, options, environment)
  local command = process.anyreach("--retries=0", "--sandbox=" .. db, table.unpack(options or {}))
  local arguments = {}
  for index, word in ipairs(words) do arguments[index] = process.quote(word) end
  return process.run((environment or "") .. " " .. command .. " run provision --no-lock "
    .. table.concat(arguments, " "))
end

local function new_db()
  return process.directory() .. "/sandbox.db"
end

-- What Lua code prints that is run against the sandbox in `db`.
local function evaluate(db, code)
  local status, out, err = process.run(process.anyreach("--sandbox=" .. db, "-e",
    "local api = anyreach.client() " .. code))
  expect.equal({ status, err }, { 0, "" })
  return out
end

local function events(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = json.decode(line) end
  return list
end

-- Everything that a complete clinic has, so that two of them can be compared.
local STATE = [[
  local lines = {}
  for agent in api.agents.each() do
    local whole, published = api.agents.get(agent.id), 0
    for version in api.agents.versions.each(agent.id) do
      if version.published then published = published + 1 end
    end
    lines[#lines + 1] = ("%s: %d published, SIP %s"):format(agent.name, published,
      tostring(whole.sip_endpoint ~= anyreach.null))
  end
  for number in api.phone_numbers.each() do
    for _, slot in ipairs { "inbound_agent_version_id", "outbound_agent_version_id" } do
      if number[slot] ~= anyreach.null then lines[#lines + 1] = number.phone_number .. " " .. slot end
    end
  end
  table.sort(lines)
  print(table.concat(lines, "\n"))]]

local COMPLETE = [[
+15551230001 outbound_agent_version_id
+15551234567 inbound_agent_version_id
Riverside Dental After Hours: 1 published, SIP true
Riverside Dental Reminders: 1 published, SIP false
Riverside Dental Scheduler: 1 published, SIP false
]]

describe("the example clinic", function()
  it("is created by the first run, and left alone by the second", function()
    local db = new_db()
    local code, out, err = provision(db, { CLINIC })
    expect.equal({ code, err }, { 0, "" })
    expect.match(out, "created    Riverside Dental After Hours  instructions generated; version 1 published; "
      .. "deployed as sip:[%x-]+@sip%.sandbox%.invalid\n")
    expect.contains(out, "created    Riverside Dental Reminders    version 1 published; +15551230001 outbound\n")
    expect.contains(out, "created    Riverside Dental Scheduler    version 1 published; +15551234567 inbound\n"
      .. "3 agents: 3 created, 0 updated, 0 unchanged, 0 failed\n")
    expect.equal(evaluate(db, STATE), COMPLETE)

    code, out, err = provision(db, { CLINIC })
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "unchanged  Riverside Dental Scheduler    version 1\n"
      .. "3 agents: 0 created, 0 updated, 3 unchanged, 0 failed\n")
  end)

  it("is told as events with --json, and not at all with --quiet", function()
    local db = new_db()
    local code, out = provision(db, { CLINIC, "--json" })
    local list = events(out)
    expect.equal({ code, #list }, { 0, 4 })
    expect.equal({ list[3].version, list[3].event, list[3].name, list[3].action, list[3].agent_version },
      { 1, "agent", "Riverside Dental Scheduler", "created", 1 })
    expect.equal(list[3].file, CLINIC .. "/scheduler.yaml")
    expect.equal(list[3].steps[3], { action = "publish", outcome = "done", direction = "inbound",
      phone_numbers = json.array { "+15551234567" },
      slots = json.array { { phone_number = "+15551234567", slot = "inbound", before = json.null } } })
    expect.equal(list[4], { version = 1, event = "summary", exit_code = 0, agents = 3, created = 3, updated = 0,
      unchanged = 0, failed = 0, organization = "0a000000-0000-4000-8000-000000000001",
      organization_name = "Sandbox One" })
    code, out = provision(db, { CLINIC, "--quiet" })
    expect.equal({ code, out }, { 0, "" })
  end)

  it("is only looked at with --check, with exit code 2 when there is something to do", function()
    local db = new_db()
    local code, out = provision(db, { CLINIC, "--check" })
    expect.equal(code, 2)
    expect.contains(out, "to create  Riverside Dental Scheduler    new version published; +15551234567 inbound\n")
    expect.contains(out, "3 agents: 3 to create, 0 to update, 0 unchanged, 0 failed\n")
    expect.equal(evaluate(db, "for a in api.agents.each() do print(a.name) end"), "")

    provision(db, { CLINIC })
    expect.equal((provision(db, { CLINIC, "--check" })), 0)
    evaluate(db, [[
      for a in api.agents.each{ name = "Scheduler" } do
        api.agents.versions.create(a.id, { config = { instructions = "Drift." } })
        api.agents.versions.publish(a.id, 2)
      end]])
    code, out = provision(db, { CLINIC, "--check", "--json" })
    expect.equal(code, 2)
    local event = events(out)[3]
    expect.equal({ event.action, event.changes[2], event.steps[1].outcome }, { "update", "config.instructions", nil })
  end)
end)

-- Provisions the clinic against a sandbox in `db` that holds a request, and stops the run there.
local function stop_at(case, db, signal)
  local sandbox <close> = process.sandbox("--db", db, "--faults", case.faults)
  local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
    headers = held_request.headers }
  return held_request.stop(api, case, function()
    return process.start(sandbox.environment .. process.anyreach("run", "provision", "--no-lock", CLINIC))
  end, signal)
end

-- The clinic has three agents, which are written at the same time, and one SIP address.
local WRITES = { "agents.create 1", "agents.create 3", "agents.versions.create 1", "agents.versions.create 3",
  "agents.versions.publish 1", "agents.versions.publish 3", "agents.deploy_as_sip 1" }

describe("a run that is stopped", function()
  it("by kill -9 at any write is completed by the next one", function()
    for _, case in ipairs(held_request.cases(WRITES)) do
      local db = new_db()
      stop_at(case, db)
      local code, _, err = provision(db, { CLINIC })
      expect.equal({ case.name, code, err }, { case.name, 0, "" })
      expect.equal({ case.name, evaluate(db, STATE) }, { case.name, COMPLETE })
    end
  end)

  it("by Ctrl-C says so, and is completed by the next one", function()
    for _, case in ipairs(held_request.cases { "agents.versions.publish 1" }) do
      local db = new_db()
      local run, code = stop_at(case, db, "INT")
      expect.equal({ case.name, code }, { case.name, 130 })
      expect.match(select(2, process.headline(run:output("err"))), "^anyreach: interrupted; of 3 agents: ")
      expect.equal((provision(db, { CLINIC })), 0)
      expect.equal({ case.name, evaluate(db, STATE) }, { case.name, COMPLETE })
    end
  end)
end)

describe("a fault", function()
  -- fault, part of the line, exit code
  local cases = {
    { "503;only=agents.list;nth=2", "agents.list: 503 service unavailable", 1 },
    { "drop;only=phone_numbers.get", "phone_numbers.get: ", 10 },
    { "429;only=agents.create", "agents.create: 429 too many requests", 5 },
    { "invalid;only=agents.versions.publish", "agents.versions.publish: the answer is not JSON", 1 },
    { "503;only=agents.versions.publish", "agents.versions.publish: 503 service unavailable", 1 },
  }

  it("is told in the agent's line, with the exit code that stands for it", function()
    for _, case in ipairs(cases) do
      local db = new_db()
      local code, out, err = provision(db, { CLINIC .. "/scheduler.yaml" }, { "--sandbox-faults", case[1] })
      expect.equal({ case[1], code }, { case[1], case[3] })
      expect.contains(out, "failed     Riverside Dental Scheduler  " .. case[2])
      expect.contains(err, "anyreach: the agent 'Riverside Dental Scheduler' failed: " .. case[2])
      expect.contains(out, "1 agent: 0 created, 0 updated, 0 unchanged, 1 failed\n")
      expect.equal({ case[1], (provision(db, { CLINIC .. "/scheduler.yaml" })) }, { case[1], 0 })
    end
  end)

  it("of one agent leaves the others alone, with exit code 8", function()
    local code, out = provision(new_db(), { CLINIC }, { "--sandbox-faults", "429;only=phone_numbers.get" })
    expect.equal(code, 8)
    expect.contains(out, "3 agents: 1 created, 0 updated, 0 unchanged, 2 failed\n")
    code, out = provision(new_db(), { CLINIC, "--json" }, { "--sandbox-faults", "429;only=phone_numbers.get" })
    local event = events(out)[2]
    expect.equal({ code, event.action, event.error.kind, event.error.status, event.error.exit_code },
      { 8, "failed", "rate_limited", 429, 5 })
  end)
end)

describe("wrong agent files", function()
  local path = process.directory_of {
    ["a.yaml"] = "nmae: x\nphone_numbers: [+15551234567]\n",
    ["b.json"] = '{"name": "b", "config": {"tools": 5}}',
  }

  it("are all told before anything is sent, with exit code 3", function()
    local code, out, err = process.run("ANYREACH_TOKEN=ak_x "
      .. process.anyreach("--retries=0", "--base-url", "http://127.0.0.1:1", "run", "provision", path))
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "anyreach: 5 problems\n")
    expect.contains(err, "/a.yaml:1:1: unknown key 'nmae'; did you mean 'name'?\n")
    expect.contains(err, "/a.yaml:2:17: phone_numbers[1]: an unquoted number is read as an integer; "
      .. 'quote the phone number: "+15551234567"\n')
    expect.contains(err, "/b.json: config.tools: expected an array")
  end)

  it("are an event with --json", function()
    local code, out = provision(new_db(), { path, "--json" })
    local event = events(out)[1]
    expect.equal({ code, event.event, event.exit_code, #event.error.problems }, { 3, "error", 3, 5 })
  end)
end)

describe("wrong usage", function()
  it("has exit code 64 and says what was expected", function()
    local code, _, err = process.run(process.anyreach("run", "provision"))
    expect.equal(code, 64)
    expect.contains(err, "expected agent files (.yaml, .yml, .json), or directories of them")
    code, _, err = process.run(process.anyreach("run", "provision", CLINIC, "--chekc"))
    expect.equal(code, 64)
    expect.contains(err, "unknown option '--chekc'; did you mean '--check'?")
  end)

  it("is avoided by the help", function()
    local code, out = process.run(process.anyreach("run", "provision", "--help"))
    expect.equal(code, 0)
    expect.contains(out, "usage: anyreach run provision FILE|DIRECTORY...")
    code, out = process.run(process.anyreach("recipes"))
    expect.equal(code, 0)
    expect.match(out, "provision +Creates and updates agents from agent files")
    code, out = process.run(process.anyreach("recipes", "provision"))
    expect.equal(code, 0)
    expect.contains(out, "--always-publish")
    code = process.run(process.anyreach("recipes", "provison"))
    expect.equal(code, 64)
  end)

  it("is among the recipes, which are events with --json", function()
    local _, out = process.run(process.anyreach("--json", "recipes"))
    local names = {}
    for _, event in ipairs(events(out)) do
      expect.equal(event.event, "recipe")
      names[event.name] = event.summary
    end
    expect.match(names.provision, "^Creates and updates agents")
    _, out = process.run(process.anyreach("--json", "recipes", "provision"))
    local list = events(out)
    expect.equal({ #list, list[1].name }, { 1, "provision" })
    expect.contains(list[1].help, "--always-publish")
  end)
end)

describe("a secret", function()
  it("is in no output, whatever happens", function()
    local path = process.directory_of {
      ["a.yaml"] = "name: A\nmetadata: {k: !env {name: CANARY, secret: true}}\n"
        .. "config: {key: !env {name: CANARY, secret: true}, tools: []}\n",
    }
    local db, texts = new_db(), {}
    for _, run in ipairs {
      { {}, { "--sandbox-faults", "503;only=agents.versions.create" } },
      { { "--check" } }, { { "--json" } }, { {} }, { { "--exact", "--check", "--json" } },
    } do
      local words = { path, table.unpack(run[1]) }
      local code, out, err = provision(db, words, run[2], "CANARY=" .. CANARY)
      texts[#texts + 1] = ("%d\n%s%s"):format(code, out, err)
    end
    for index, code in ipairs { "1", "2", "0", "0", "0" } do expect.equal(texts[index]:match("^%d+"), code) end
    expect.falsy(table.concat(texts):find(CANARY, 1, true))
    expect.equal(evaluate(db, "for a in api.agents.each() do print(a.metadata.k) end"), CANARY .. "\n")
  end)
end)

describe("two agents of one name", function()
  it("are listed, with exit code 11", function()
    local db = new_db()
    local ids = evaluate(db, [[for _ = 1, 2 do print(api.agents.create{ name = "Twin" }.id) end]])
    local code, out = provision(db, { process.directory_of { ["a.yaml"] = "name: Twin\n" } })
    expect.equal(code, 11)
    for id in ids:gmatch("%S+") do expect.contains(out, id) end
  end)
end)
