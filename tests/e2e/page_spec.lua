-- The page "Programmatic agents" of the documentation, done three times against a sandbox: with its
-- curl commands in its order, with a script, and with `anyreach call`.

local json = require "anyreach.json"
local process = require "helpers.process"

local NUMBER = "+15551234567"
local sandbox = process.sandbox()

-- curl as the page calls it; returns the status and the decoded body.
local function curl(method, path, body)
  local data = body and " -H 'Content-Type: application/json' -d " .. process.quote(body) or ""
  local code, out, err = process.run(("curl -sS -X %s '%s%s' -H 'Authorization: Bearer ak_sandbox.admin'%s %s")
    :format(method, sandbox.base_url, path, data, "-w '\n%{http_code}'"))
  expect.equal({ code, err }, { 0, "" })
  local text, status = out:match("^(.*)\n(%d+)$")
  return tonumber(status), text ~= "" and json.decode(text) or nil
end

local function succeeds(method, path, body)
  local status, answer = curl(method, path, body)
  if status > 299 then error(("%s %s: %d %s"):format(method, path, status, json.encode(answer)), 2) end
  return answer
end

describe("with curl", function()
  local agent, version

  it("create an agent: a stub", function()
    agent = succeeds("POST", "/core/agents", [[{
      "name": "Riverside Dental Scheduler",
      "description": "Books appointments for Riverside Dental.",
      "active": true
    }]])
    expect.equal(type(agent.agent_id), "string")
    expect.equal(succeeds("GET", "/core/agents/" .. agent.agent_id .. "/versions"), json.array {})
  end)

  it("create a version: a draft", function()
    version = succeeds("POST", "/core/agents/" .. agent.agent_id .. "/versions", '{ "config": { "tools": [] } }')
    expect.equal({ version.version, version.published, version.config }, { 1, false, { tools = json.array {} } })
  end)

  it("publish it without a body", function()
    local numbers = succeeds("POST", "/core/agents/" .. agent.agent_id .. "/versions/1/publish")
    expect.equal(numbers, json.array {})
    expect.equal(succeeds("GET", "/core/agents/" .. agent.agent_id .. "/versions/1").published, true)
  end)

  it("update it no more: 400", function()
    local status, answer = curl("PUT", "/core/agents/" .. agent.agent_id .. "/versions/1", '{ "config": { } }')
    expect.equal(status, 400)
    expect.equal(type(answer.detail), "string")
  end)

  it("update a new draft", function()
    version = succeeds("POST", "/core/agents/" .. agent.agent_id .. "/versions", '{ "base_version": 1 }')
    expect.equal({ version.version, version.published, version.config }, { 2, false, { tools = json.array {} } })
    local updated = succeeds("PUT", "/core/agents/" .. agent.agent_id .. "/versions/2",
      '{ "config": { "a": [] }, "instruction_builder_inputs": { "purpose": "Book appointments." } }')
    expect.equal(updated.config, { a = json.array {} })
  end)

  it("let it write instructions, and poll until it is done", function()
    local path = "/core/agents/" .. agent.agent_id .. "/versions/2"
    expect.equal((curl("POST", path .. "/generate-instructions")), 202)
    local state = succeeds("GET", path)
    expect.equal(state.instruction_generation.status, "running")
    process.eventually("the generation", function()
      state = succeeds("GET", path)
      return state.instruction_generation.status == "completed"
    end)
    expect.contains(json.encode(state.config), "Book appointments.")
  end)

  it("publish to numbers: only the slot that is named moves", function()
    local path = "/core/agents/" .. agent.agent_id .. "/versions/%d/publish"
    local first = succeeds("GET", "/core/agents/" .. agent.agent_id .. "/versions/1").id
    local second = succeeds("GET", "/core/agents/" .. agent.agent_id .. "/versions/2").id
    local function slots(direction, number)
      local changed = succeeds("POST", path:format(number),
        ('{"phone_numbers":["%s"],"direction":"%s"}'):format(NUMBER, direction))
      expect.equal(#changed, 1)
      local phone = succeeds("GET", "/core/phone-numbers/" .. NUMBER:gsub("+", "%%2B"))
      return { phone.inbound_agent_version_id, phone.outbound_agent_version_id }
    end
    expect.equal(slots("both", 1), { first, first })
    expect.equal(slots("inbound", 2), { second, first })
    expect.equal(slots("outbound", 2), { second, second })
  end)

  it("deploy as SIP: the agent then has an address", function()
    succeeds("POST", "/core/agents/" .. agent.agent_id .. "/deploy-as-sip")
    local endpoint = succeeds("GET", "/core/agents/" .. agent.agent_id).sip_endpoint
    expect.match(json.encode(endpoint), "sip:")
  end)

  it("find it by its name", function()
    local found = succeeds("GET", "/core/agents?name=Riverside%20Dental%20Scheduler")
    expect.equal({ #found, found[1].agent_id }, { 1, agent.agent_id })
  end)

  it("read the schema of configurations", function()
    expect.equal(succeeds("GET", "/core/agent-config-schema").type, "object")
  end)
end)

local SCRIPT = [[
local api = anyreach.client()
local agent = api.agents.create{
  name = "From a script", description = "Books appointments for Riverside Dental.", active = true,
}
local version = api.agents.versions.create(agent.id, { config = { tools = anyreach.array{} } })
api.agents.versions.publish(agent.id, version.version)
local _, err = api.try.agents.versions.update(agent.id, version.version, { config = {} })
assert(err.status == 400)

local draft = api.agents.versions.create(agent.id, { base_version = 1 })
api.agents.versions.update(agent.id, draft.version, {
  config = { tools = anyreach.array{} }, instruction_builder_inputs = { purpose = "Book appointments." },
})
api.agents.versions.generate_instructions(agent.id, draft.version)
repeat
  anyreach.sleep(0.01)
  draft = api.agents.versions.get(agent.id, draft.version)
until draft.instruction_generation.status ~= "running"

local numbers = api.agents.versions.publish(agent.id, draft.version, {
  phone_numbers = { arg[1] }, direction = "inbound",
})
assert(#numbers == 1 and numbers[1].inbound_agent_version_id == draft.id)
assert(numbers[1].outbound_agent_version_id ~= draft.id)
api.agents.deploy_as_sip(agent.id)
print(api.agents.get(agent.id).sip_endpoint ~= nil)
print((api.agents.versions.compare(agent.id, { from_version = 1, to_version = 2 })):match("%S") ~= nil)

local found = 0
for candidate in api.agents.each{ name = agent.name } do
  if candidate.name == agent.name then found = found + 1 end
end
print(found)
api.agents.delete(agent.id)
print(api.try.agents.get(agent.id))
]]

describe("with a script", function()
  it("everything on the page", function()
    local path = process.directory() .. "/page.lua"
    process.write(path, SCRIPT)
    local code, out, err = process.run("env " .. sandbox.environment .. process.anyreach(path, "+15551230001"))
    expect.equal({ code, err }, { 0, "" })
    expect.match(out, "^true\ntrue\n1\nnil\tagents.get: 404 not found: ")
  end)
end)

describe("from the shell", function()
  local program = "env " .. sandbox.environment .. process.anyreach "call"

  local function call(words)
    local code, out, err = process.run(program .. " " .. words)
    expect.equal({ code, err }, { 0, "" })
    return out ~= "" and json.decode(out) or nil
  end

  it("everything on the page", function()
    local id = call("agents.create --name 'From a shell' --active true").agent_id
    expect.equal(call("agents.versions.create " .. id .. [[ -d '{"config":{"tools":[]}}']]).version, 1)
    expect.equal(call("agents.versions.publish " .. id .. " 1"), json.array {})
    expect.equal(call("agents.versions.create " .. id .. " --base-version 1").version, 2)
    call("agents.versions.update " .. id .. " 2 --config '{}' --instruction-builder-inputs '{\"purpose\":\"x\"}'")
    call("agents.versions.generate_instructions " .. id .. " 2")
    process.eventually("the generation", function()
      return call("agents.versions.get " .. id .. " 2").instruction_generation.status == "completed"
    end)
    local numbers = call("agents.versions.publish " .. id .. " 2 --phone-numbers +15551230002 --direction both")
    expect.equal(numbers[1].phone_number, "+15551230002")
    call("agents.deploy_as_sip " .. id)
    expect.equal(call("agents.list --name 'From a shell'")[1].agent_id, id)
    call("agents.delete " .. id)
  end)
end)

it("the sandbox ends in good order", function() expect.equal(sandbox:stop(), 130) end)
