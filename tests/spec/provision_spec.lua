-- Provisioning against a sandbox: what the planned steps (provision_plan_spec.lua) do there.

local agent_file = require "anyreach.agents.file"
local contents = require "anyreach.agents.contents"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local process = require "helpers.process"
local provision = require "anyreach.agents.provision"
local secret = require "anyreach.secret"
local provision_lines = require "anyreach.agents.provision.lines"

local NUMBER, OTHER_NUMBER = "+15551234567", "+15551230001"

local function array(...)
  return json.array { ... }
end

host.start_sandbox { seed = "provision" }
local api = anyreach.client()

local function reset()
  api.request { method = "POST", path = "/_sandbox/reset" }
end

-- The requests that wrote, since the last reset.
local function writes()
  local list = {}
  for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
    if request.method ~= "GET" then list[#list + 1] = request.operation end
  end
  return list
end

-- Provisions agents of these YAML texts; returns the results and their lines.
local function run(texts, options)
  local path = process.directory()
  for index, yaml in ipairs(texts) do process.write(("%s/%03d.yaml"):format(path, index), yaml) end
  local results, lines = provision.run(api, agent_file.read { path }, options), {}
  for index, result in ipairs(results) do
    lines[index] = provision_lines.line(result, 1):gsub("[%x]+%-[%x%-]+", "ID")
  end
  return results, lines
end

local function lines_of(texts, options)
  return select(2, run(texts, options))
end

local SCHEDULER = [[
name: Scheduler
description: Books.
config: {instructions: Be kind., tools: [], max_tool_steps: 2}
phone_numbers:
  - "+15551234567"
  - {number: "+15551230001", direction: outbound}
deploy_as_sip: true
]]

local function slots(number)
  local record = api.phone_numbers.get(number)
  return { record.inbound_agent_version_id, record.outbound_agent_version_id }
end

describe("provisioning", function()
  it("creates an agent with version, numbers and SIP address, and then finds nothing to do", function()
    reset()
    local results, lines = run { SCHEDULER }
    expect.equal(lines, { "created    Scheduler  version 1 published; +15551234567 inbound; +15551230001 outbound; "
      .. "deployed as sip:ID@sip.sandbox.invalid" })
    expect.equal(writes(), { "agents.create", "agents.versions.create", "agents.versions.publish",
      "agents.versions.publish", "agents.deploy_as_sip" })
    local agent = api.agents.get(results[1].agent_id)
    expect.equal({ agent.name, agent.description, agent.active }, { "Scheduler", "Books.", true })
    local made = api.agents.versions.get(agent.id, 1)
    expect.equal(made.config, { instructions = "Be kind.", tools = array(), max_tool_steps = 2 })
    expect.equal(slots(NUMBER), { made.id, json.null })
    expect.equal(slots(OTHER_NUMBER), { json.null, made.id })

    local count = #writes()
    results, lines = run { SCHEDULER }
    expect.equal({ results[1].action, lines[1] }, { "unchanged", "unchanged  Scheduler  version 1" })
    expect.equal(#writes(), count)
  end)

  it("publishes a new version with what has changed in the file", function()
    reset()
    run { SCHEDULER }
    local lines = lines_of { (SCHEDULER:gsub("Be kind.", "Be brief."):gsub("Books.", "Books visits.")) }
    expect.equal(lines[1], "updated    Scheduler  agent changed (description); version 2 published "
      .. "(config.instructions); +15551234567 inbound; +15551230001 outbound")
  end)

  it("finds what was changed on the server", function()
    reset()
    local id = run({ SCHEDULER })[1].agent_id
    api.agents.update(id, { description = "Somebody's" })
    api.agents.versions.create(id, { config = { instructions = "Somebody's" } })
    api.agents.versions.publish(id, 2, { phone_numbers = { NUMBER }, direction = "both" })
    local lines = lines_of({ SCHEDULER }, { check = true })
    expect.equal(lines[1], "to update  Scheduler  agent changed (description); new version published "
      .. "(config.instructions, config.max_tool_steps, config.tools); +15551234567 inbound; +15551230001 outbound")
    run { SCHEDULER }
    expect.equal(run({ SCHEDULER })[1].action, "unchanged")
    expect.equal(api.agents.versions.get(id, 3).config.instructions, "Be kind.")
  end)

  it("moves a number back without a new version", function()
    reset()
    local id = run({ SCHEDULER })[1].agent_id
    api.agents.versions.publish(id, 1, { unassign_phone_numbers = { NUMBER } })
    local lines = lines_of { SCHEDULER }
    expect.equal(lines[1], "updated    Scheduler  +15551234567 inbound")
  end)

  it("leaves somebody's newer draft alone, and says so", function()
    reset()
    local id = run({ SCHEDULER })[1].agent_id
    api.agents.versions.create(id, { config = { instructions = "unfinished" } })
    local lines = lines_of { SCHEDULER }
    expect.equal(lines[1], "unchanged  Scheduler  version 1; draft 2, not written from here, is left alone")
  end)

  it("leaves the version a draft when the file says so", function()
    reset()
    local file = "name: D\npublish: false\nconfig: {instructions: one}\n"
    local known
    local options = {
      known_draft = function() return known end,
      on_draft = function(change, _, version)
        known = { version = version.version, digest = contents.draft_digest(version, change.agent) }
      end,
    }
    local results, lines = run({ file }, options)
    expect.equal(lines[1], "created    D  draft 1 written")
    run({ (file:gsub("one", "two")) }, options)
    local draft = api.agents.versions.get(results[1].agent_id, 1)
    expect.equal({ draft.published, draft.config.instructions }, { false, "two" })
    results, lines = run({ file }, options)
    expect.equal(lines[1], "updated    D  draft 1 written (config.instructions)")
    expect.equal(results[1].version, 1)

    -- Somebody edits it.
    api.agents.versions.update(results[1].agent_id, 1, { config = { instructions = "three" } })
    lines = lines_of({ file }, options)
    expect.equal(lines[1], "updated    D  draft 2 written; draft 1, not written from here, is left alone")
    expect.equal(api.agents.versions.get(results[1].agent_id, 1).config.instructions, "three")
  end)

  it("follows the documented pattern to the letter on request", function()
    reset()
    local file = "name: D\nconfig: {instructions: one}\n"
    run { file }
    local lines = lines_of({ file }, { always_publish = true })
    expect.equal(lines[1], "updated    D  version 2 published")
  end)

  it("only changes the agent where the file has no configuration", function()
    reset()
    expect.equal(lines_of { "name: S\nactive: false\n" }, { "created    S" })
    expect.equal(writes(), { "agents.create" })
    expect.equal(lines_of { "name: S\nactive: true\n" }, { "updated    S  agent changed (active)" })
  end)

  it("only plans when it is to check", function()
    reset()
    local results, lines = run({ SCHEDULER }, { check = true })
    expect.equal(lines[1],
      "to create  Scheduler  new version published; +15551234567 inbound; +15551230001 outbound; deployed as SIP")
    expect.equal(provision.exit_code(results), 2)
    expect.equal(writes(), {})
    run { SCHEDULER }
    expect.equal(provision.exit_code(run({ SCHEDULER }, { check = true })), 0)
  end)

  it("lets the platform write the instructions once, and again when the inputs change", function()
    reset()
    local file = "name: G\ngenerate: true\ninstruction_builder_inputs: {purpose: Help.}\nconfig: {max_tool_steps: 2}\n"
    local results, lines = run { file }
    expect.equal(lines[1], "created    G  instructions generated; version 1 published")
    local id = results[1].agent_id
    expect.contains(api.agents.versions.get(id, 1).config.instructions, "Help.")
    expect.equal(run({ file })[1].action, "unchanged")

    lines = lines_of { (file:gsub("max_tool_steps: 2", "max_tool_steps: 3")) }
    expect.equal(lines[1], "updated    G  version 2 published (config.max_tool_steps)")
    local made = api.agents.versions.get(id, 2)
    expect.contains(made.config.instructions, "Help.")

    lines = lines_of { (file:gsub("Help.", "Sell.")) }
    expect.contains(lines[1], "instructions generated; version 3 published")
    expect.contains(api.agents.versions.get(id, 3).config.instructions, "Sell.")
  end)

  it("finds an agent among many whose names contain its own, and a version behind many", function()
    reset()
    local id = run({ "name: Clinic\nconfig: {a: 1}\n" })[1].agent_id
    anyreach.map(json.decode("[" .. ("1,"):rep(44) .. "1]"), function(_, i)
      api.agents.create { name = "Clinic " .. i }
    end)
    for _ = 1, 25 do api.agents.versions.create(id, { config = { a = 2 } }) end
    local results, lines = run { "name: Clinic\nconfig: {a: 1}\n" }
    expect.equal(results[1].agent_id, id)
    expect.equal(lines[1], "unchanged  Clinic  version 1; draft 26, not written from here, is left alone")
  end)

  it("handles many agents at a time, and reports them in their order", function()
    reset()
    local files, order = {}, {}
    for i = 1, 40 do files[i] = ("name: Agent %02d\nconfig: {n: %d}\n"):format(i, i) end
    local results = run(files, { on_result = function(result) order[#order + 1] = result.name end })
    local counts = provision.count(results)
    expect.equal({ counts.created, counts.failed, counts.total }, { 40, 0, 40 })
    for i, name in ipairs(order) do expect.equal(name, ("Agent %02d"):format(i)) end
    expect.equal(provision.count(run(files)).unchanged, 40)
  end)
end)

-- A client whose nth call other than get and each meets a fault.
local function client_with_fault(fault, failing)
  local count, faulty = 0, anyreach.client { headers = { ["X-Sandbox-Fault"] = fault } }
  local function proxy(sound, broken)
    return setmetatable({}, { __index = function(_, name)
      if name == "each" or name == "get" then return sound[name] end
      if name == "versions" then return proxy(sound.versions, broken.versions) end
      return function(...)
        count = count + 1
        return (count == failing and broken or sound)[name](...)
      end
    end })
  end
  return { agents = proxy(api.agents, faulty.agents), phone_numbers = api.phone_numbers, try = api.try }
end

describe("provisioning that fails", function()
  it("for two agents of one name lists both", function()
    reset()
    local first, second = api.agents.create { name = "Twin" }, api.agents.create { name = "Twin" }
    local results = run { "name: Twin\n" }
    expect.equal({ results[1].action, results[1].error.kind }, { "failed", "conflict" })
    expect.contains(tostring(results[1].error), "2 agents have the name 'Twin'")
    expect.contains(tostring(results[1].error), first.id)
    expect.contains(tostring(results[1].error), second.id)
    expect.equal(provision.exit_code(results), 11)
  end)

  it("for an unknown number writes nothing of the agent, and the others go on", function()
    reset()
    local results, lines = run { 'name: A\nconfig: {}\nphone_numbers: ["+15550000000"]\n', "name: B\n" }
    expect.contains(lines[1], "failed     A  the organisation has no phone number +15550000000")
    expect.equal(lines[2], "created    B")
    expect.equal(writes(), { "agents.create" })
    expect.equal(provision.exit_code(results), 8)
    expect.equal(provision.exit_code({ results[1] }), 3)
  end)

  it("tells what was done before", function()
    reset()
    local path = process.directory()
    process.write(path .. "/a.yaml", "name: A\nconfig: {a: 1}\n")
    local results = provision.run(client_with_fault("429", 2), agent_file.read { path })
    local line = provision_lines.line(results[1], 1)
    expect.contains(line, "failed     A  agents.versions.create: 429 too many requests: ")
    expect.contains(line, "; done before: agent created")
    local outcomes = {}
    for index, step in ipairs(results[1].steps) do outcomes[index] = step.outcome end
    expect.equal(outcomes, { "done", "failed", "not_attempted" })
    expect.equal(provision.exit_code(results), 5)
    results = provision.run(client_with_fault("drop", 1), agent_file.read { path })
    expect.equal(results[1].steps[1].outcome, "may_have_been_done")
    expect.equal(provision.exit_code(results), 10)
    results = provision.run(client_with_fault("drop;after-commit", 1), agent_file.read { path })
    expect.equal(results[1].steps[1].outcome, "done")
  end)

  it("when a number does not hold the version after it was assigned", function()
    reset()
    local real = api.agents.versions
    local answers = { create = real.create, each = real.each, get = real.get,
      publish = function(...)
        local answer = real.publish(...)
        answer[1].inbound_agent_version_id = "another"
        return answer
      end }
    local agents = setmetatable({ versions = answers }, { __index = api.agents })
    local lying = { agents = agents, phone_numbers = api.phone_numbers, try = api.try }
    local path = process.directory()
    process.write(path .. "/a.yaml", 'name: A\nconfig: {instructions: Hi.}\nphone_numbers: ["+15551234567"]\n')
    local results = provision.run(lying, agent_file.read { path })
    expect.contains(tostring(results[1].error), "phone number +15551234567 (inbound) does not hold version 1")
  end)

  -- Provisions with the nth write meeting a fault, then soundly, and expects one agent as wanted.
  local function survives(yaml, fault, failing)
    reset()
    local path, label = process.directory(), fault .. " at write " .. failing
    process.write(path .. "/a.yaml", yaml)
    local agents, found = agent_file.read { path }, 0
    provision.run(client_with_fault(fault, failing), agents)
    provision.run(api, agents)
    expect.equal({ label, provision.run(api, agents)[1].action }, { label, "unchanged" })
    for _ in api.agents.each() do found = found + 1 end
    expect.equal({ label, found }, { label, 1 })
  end

  it("leaves a state that the next run completes", function()
    for _, fault in ipairs { "503", "500;after-commit", "drop", "drop;after-commit", "truncate", "invalid" } do
      for failing = 1, 5 do survives(SCHEDULER, fault, failing) end
    end
  end)

  it("leaves a generation that the next run completes", function()
    local yaml = "name: G\ngenerate: true\ninstruction_builder_inputs: {purpose: Help.}\n"
    for _, fault in ipairs { "503", "drop;after-commit" } do
      for failing = 2, 5 do survives(yaml, fault, failing) end
    end
  end)
end)

describe("references", function()
  local FAQ = "2a000000-0000-4000-8000-000000000001"

  it("become ids of the organisation, wherever they stand", function()
    reset()
    local file = [[
name: Scheduler
metadata: {trunk: !ref trunk:Own carrier}
config:
  dataset_ids: [!ref dataset:Default]
  instructions: Be kind.
phone_numbers: [!ref number:+15551234567]
]]
    local results, lines = run { file }
    expect.equal(lines, { "created    Scheduler  version 1 published; +15551234567 inbound" })
    local agent, made = api.agents.get(results[1].agent_id), api.agents.versions.get(results[1].agent_id, 1)
    expect.equal(agent.metadata, { trunk = "1a000000-0000-4000-8000-000000000002" })
    expect.equal(made.config, { dataset_ids = array(FAQ), instructions = "Be kind." })
    expect.equal(slots(NUMBER), { made.id, json.null })
    expect.equal(run({ file })[1].action, "unchanged")
  end)

  it("that cannot be resolved are all told with their places, and nothing is written", function()
    reset()
    api.datasets.create { name = "Twin" }
    api.datasets.create { name = "Twin" }
    local before = #writes()
    local err = expect.raises(function()
      run {
        "name: A\nconfig:\n  a: !ref dataset:Defualt\n  b: !ref workflow:Intake\n",
        "name: B\nconfig: {c: !ref dataset:Twin}\nphone_numbers: [!ref number:+15550000000]\n",
      }
    end, "4 problems")
    expect.equal({ err.kind, errors.exit_code(err) }, { "input", 3 })
    local found = tostring(err)
    expect.match(found, "001.yaml:3:6: config.a: no dataset has the name 'Defualt'; did you mean 'Default'%?")
    expect.match(found, "001.yaml:4:6: config.b: workflow:Intake: workflows cannot be looked up")
    expect.match(found, "002.yaml:2:13: config.c: 2 datasets have the name 'Twin'")
    expect.match(found, "002.yaml:3:17: phone_numbers%[1%]: no phone number has the name '%+15550000000'")
    expect.equal(#writes(), before)
  end)

  it("may name agents that the same run creates, also in a circle", function()
    reset()
    local files = {
      "name: A\nconfig: {transfer_to: !ref agent:B}\n",
      "name: B\nconfig: {transfer_to: !ref agent:A}\n",
      "name: C\nconfig: {transfer_to: !ref agent:A}\n",
    }
    local checked = select(2, run(files, { check = true }))
    expect.equal(checked[1], "to create  A  new version published")
    expect.equal(writes(), {})
    local results = run(files)
    for index, other in ipairs { 2, 1, 1 } do
      expect.equal({ results[index].action, results[index].error }, { "created" })
      expect.equal(api.agents.versions.get(results[index].agent_id, 1).config.transfer_to, results[other].agent_id)
    end
    expect.equal({ writes()[1], writes()[2], #writes() }, { "agents.create", "agents.create", 9 })
    for _, result in ipairs(run(files)) do expect.equal(result.action, "unchanged") end
  end)

  it("to an agent that could not be created fail with it, and the others go on", function()
    reset()
    local path = process.directory()
    process.write(path .. "/a.yaml", "name: A\nconfig: {transfer_to: !ref agent:B}\n")
    process.write(path .. "/b.yaml", "name: B\n")
    local agents = agent_file.read { path }
    local changes = provision.compare(api, agents)
    local results = provision.apply(api, { changes[1] })
    expect.contains(tostring(results[1].error), "the agent 'B', which this one refers to, was not created")
    expect.equal(writes(), { "agents.create" })
    expect.equal(provision.run(api, agents)[2].action, "created")
  end)

  it("to one number in two files are a conflict", function()
    local err = expect.raises(function()
      run {
        'name: A\nconfig: {}\nphone_numbers: ["+15551234567"]\n',
        "name: B\nconfig: {}\nphone_numbers: [!ref number:+15551234567]\n",
      }
    end, "+15551234567 inbound is already claimed at")
    expect.match(tostring(err), "002.yaml:3:17: phone_numbers")
  end)
end)

describe("a secret of an agent file", function()
  it("reaches the server, is compared, and is shown nowhere", function()
    reset()
    local path = process.directory()
    process.write(path .. "/a.yaml", "name: A\nconfig: {key: !env {name: PATH, secret: true}}\n")
    local agents = agent_file.read { path }
    local results = provision.run(api, agents)
    expect.equal(api.agents.versions.get(results[1].agent_id, 1).config.key, os.getenv("PATH"))
    expect.equal(provision.run(api, agents)[1].action, "unchanged")
  end)

  it("is taken out of what a server says of it", function()
    local failing = { agents = { each = function()
      error(errors.make { status = 422, operation = "agents.list", detail = array(
        { loc = array("body", "name"), msg = 'hush"hush is wrong', input = { key = 'hush"hush' } },
        { x = 'hush"hush' }) }, 0)
    end } }
    local agent = { file = "x.yaml", name = "X", own = {}, publish = true, numbers = {}, references = {},
      secrets = { secret 'hush"hush' } }
    local err = provision.run(failing, { agent })[1].error
    expect.equal(tostring(err), 'agents.list: 422 not valid: body.name: [secret] is wrong; {"x":"[secret]"}')
    expect.falsy(json.encode(err.detail):find("hush", 1, true))
  end)
end)
