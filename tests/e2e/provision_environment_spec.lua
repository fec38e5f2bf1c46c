-- The recipe `provision` with environments and references, as a user runs it.

local process = require "helpers.process"

local function new_db()
  return process.directory() .. "/sandbox.db"
end

local function provision(db, ...)
  return process.run(process.anyreach("--retries=0", "--sandbox=" .. db, "run", "provision", ...))
end

-- What Lua code prints that is run against the sandbox in `db`.
local function evaluate(db, profile, code)
  local status, out, err = process.run(process.anyreach("--sandbox=" .. db, "--profile", profile, "-e",
    "local api = anyreach.client() " .. code))
  expect.equal({ status, err }, { 0, "" })
  return out
end

local CONFIGS = [[
  for agent in api.agents.each() do
    for version in api.agents.versions.each(agent.id) do
      print(agent.name, anyreach.json.encode(api.agents.versions.get(agent.id, version.version).config))
    end
  end]]

local CLINIC = {
  ["agents/clinic.yaml"] = [[
name: Clinic
config:
  dataset_ids: [!ref dataset:Default]
  workflow_id: !ref workflow:Intake
  transfer_to: !required the number of the front desk
  instructions: Be kind.
phone_numbers: [!ref number:main]
]],
  ["environments/sandbox-one.yaml"] = [[
references: {workflow: {Intake: wf_one}, number: {main: "+15551234567"}}
defaults: {config: {transfer_to: "+15551230003"}}
]],
  ["environments/two.yaml"] = [[
references: {workflow: {Intake: wf_two}, number: {main: "+15557654321"}}
agents: {Clinic: {config: {transfer_to: "+15557650003"}}}
]],
}

describe("one set of files", function()
  it("becomes other agents in each environment, with the ids of each organisation", function()
    local path, db = process.directory_of(CLINIC), new_db()
    local code, out, err = provision(db, path .. "/agents", "--profile", "sandbox-one")
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "created    Clinic  version 1 published; +15551234567 inbound\n")
    code, out = provision(db, path .. "/agents", "--profile", "sandbox-two", "--environment", "two",
      "--first-time")
    expect.equal(code, 0)
    expect.contains(out, "+15557654321 inbound")
    local expected = 'Clinic\t{"dataset_ids":["2a000000-0000-4000-8000-00000000000%d"],"instructions":"Be kind.",'
      .. '"transfer_to":"%s","workflow_id":"%s"}\n'
    expect.equal(evaluate(db, "sandbox-one", CONFIGS), expected:format(1, "+15551230003", "wf_one"))
    expect.equal(evaluate(db, "sandbox-two", CONFIGS), expected:format(2, "+15557650003", "wf_two"))
    local environment = path .. "/environments/two.yaml"
    code = provision(db, path .. "/agents", "--profile", "sandbox-two", "--environment", environment, "--check")
    expect.equal(code, 0)
  end)

  it("is not deployed without the values that it asks for, and nothing is sent", function()
    local path, db = process.directory_of(CLINIC), new_db()
    local code, out, err = provision(db, path .. "/agents")
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "/agents/clinic.yaml:5:16: config.transfer_to: a value is required here: the number of the "
      .. "front desk; choose an environment that gives it\n")
    code, out, err = provision(db, path .. "/agents", "--environment", "tow")
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "no environment 'tow'")
    expect.contains(err, "did you mean 'two'?")
    expect.equal(evaluate(db, "sandbox-one", CONFIGS), "")
  end)

  it("is not deployed with markers that nobody replaced, or variables that are not set or empty", function()
    local path, db = process.directory_of {
      ["agents/clinic.yaml"] = [[
name: Clinic
description: Front desk of ${CITY}
config:
  instructions: !file prompt.md
  transfer_to: !env SCALE_UNSET
  voice: !env SCALE_EMPTY
]],
      ["agents/prompt.md"] = "Say @@OPENING@@ first.\n",
      ["environments/two.yaml"] = 'defaults: {config: {greeting: "Hello from ${CITY}"}}\n',
    }, new_db()
    local code, out, err = process.run("SCALE_EMPTY= " .. process.anyreach("--sandbox=" .. db, "run", "provision",
      path .. "/agents", "--environment", "two"))
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "anyreach: 4 problems\n")
    expect.contains(err, "/agents/clinic.yaml:2:1: description: the marker ${CITY} was not replaced")
    expect.match(err, "/agents/clinic.yaml:5:16: config.transfer_to: [^\n]*SCALE_UNSET")
    expect.match(err, "/agents/clinic.yaml:6:10: config.voice: [^\n]*SCALE_EMPTY")
    expect.match(err, "/environments/two.yaml:1:%d+: config.greeting: the marker ${CITY} was not replaced")
    expect.equal(evaluate(db, "sandbox-one", CONFIGS), "")
  end)

  it("is not deployed where a reference leads nowhere: all of them are told, and nothing is written", function()
    local path, db = process.directory_of {
      ["agents/clinic.yaml"] = CLINIC["agents/clinic.yaml"],
      ["environments/two.yaml"] = "agents: {Clinic: {config: {transfer_to: x, more: !ref dataset:Defualt}}}\n",
    }, new_db()
    local code, out, err = provision(db, path .. "/agents", "--environment", "two")
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "anyreach: 3 problems\n")
    expect.contains(err, "/agents/clinic.yaml:4:16: config.workflow_id: workflow:Intake: workflows cannot be looked up")
    expect.contains(err, "/agents/clinic.yaml:7:17: phone_numbers[1]: no phone number has the name 'main'")
    expect.contains(err, "/environments/two.yaml:1:50: config.more: no dataset has the name 'Defualt'; did you mean "
      .. "'Default'?")
    expect.equal(evaluate(db, "sandbox-one", CONFIGS), "")
  end)
end)
