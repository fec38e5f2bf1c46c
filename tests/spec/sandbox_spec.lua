-- The rules of the sandbox, asked directly, without HTTP.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local sandbox = require "anyreach.sandbox"

local FIRST = "0a000000-0000-4000-8000-000000000001"
local SECOND = "0a000000-0000-4000-8000-000000000002"
local NUMBER = "+15551234567"
local NO_AGENT = "/core/agents/00000000-0000-4000-8000-000000000000"

-- {====== asking ======

local function new(options)
  options = options or {}
  options.seed = options.seed or "spec"
  return sandbox.new(options)
end

-- Sends a request as the administrator, or with the token and headers given. Returns the status, the
-- decoded body (its text where it is none) and the whole answer.
local function ask(box, method, target, body, options)
  options = options or {}
  local path, query = target:match("^([^?]*)%??(.*)$")
  local headers = { ["content-type"] = body ~= nil and "application/json" or nil }
  if options.token ~= false then headers.authorization = "Bearer " .. (options.token or "ak_sandbox.admin") end
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  local text = type(body) == "table" and json.encode(body) or body
  local answer = box:handle(method, path, query, headers, text or "")
  local is_json = answer.headers and answer.headers["Content-Type"] == "application/json"
  local ok, value = pcall(json.decode, is_json and answer.body or "")
  return answer.status, ok and value or answer.body, answer
end

-- The body of an answer that must have that status (200 unless given).
local function must(box, method, target, body, status)
  local got, value = ask(box, method, target, body)
  if got ~= (status or 200) then error(("%s %s answered %s: %s"):format(method, target, got, json.encode(value)), 2) end
  return value
end

-- Expects a refusal with a part of its detail.
local function refused(box, status, part, method, target, body, options)
  local got, value = ask(box, method, target, body, options)
  expect.equal(got, status)
  expect.contains(type(value) == "table" and value.detail, part)
end

local function new_agent(box, name)
  return must(box, "POST", "/core/agents", { name = name or "Riverside Dental Scheduler" })
end

-- An agent with one draft; returns the agent's path and the path of its version.
local function with_draft(box, config)
  local agent = new_agent(box)
  local path = "/core/agents/" .. agent.id
  must(box, "POST", path .. "/versions", { config = config or { instructions = "Be kind." } })
  return path, path .. "/versions/1", agent
end

local function with_published(box)
  local path, version, agent = with_draft(box)
  must(box, "POST", version .. "/publish")
  return path, version, agent
end

local function names(list)
  local result = {}
  for index, agent in ipairs(list) do result[index] = agent.name end
  return table.concat(result, ",")
end

local function base64(text)
  local digits, out = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", {}
  for first, second, third in text:gmatch("(.)(.?)(.?)") do
    local a, b, c = first:byte(), second:byte() or 0, third:byte() or 0
    local group = a << 16 | b << 8 | c
    for place = 0, #second + #third + 1 do
      local digit = group >> (18 - 6 * place) & 63
      out[#out + 1] = digits:sub(digit + 1, digit + 1)
    end
    out[#out + 1] = ("="):rep(2 - #second - #third)
  end
  return table.concat(out)
end

local function encode_query(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- }======

describe("routes", function()
  local box = new()

  it("an unknown path is 404, a wrong method 405 with the allowed ones", function()
    refused(box, 404, "/core/nothing", "GET", "/core/nothing")
    refused(box, 404, "/", "GET", "/")
    local status, body, answer = ask(box, "DELETE", "/core/agents")
    expect.equal(status, 405)
    expect.contains(body.detail, "allowed: GET, POST")
    expect.equal(answer.headers.Allow, "GET, POST")
    refused(box, 405, "HEAD", "HEAD", "/core/agents")
    refused(box, 405, "BREW", "BREW", "/core/agents")
  end)

  it("bytes that are no UTF-8 are refused and quoted without harm", function()
    refused(box, 404, "?", "GET", "/core/\255")
    refused(box, 404, "UTF-8", "GET", "/core/agents/%FF")
    refused(box, 422, "UTF-8", "GET", "/core/agents?name=%FF")
    refused(box, 404, "not found", "GET", "/core/agents/%00")
  end)

  it("every operation of agents and phone numbers has a rule", function()
    for _, name in ipairs(operations.names()) do
      local operation = operations.describe(name)
      local path = operation.path:gsub("{version}", "1"):gsub("{[^}]*}", "x")
      local status, body = ask(box, operation.method, path, operation.body and "{}" or nil)
      expect.truthy(status ~= 405 and not tostring(body.detail):find("No such path", 1, true))
    end
  end)
end)

describe("credentials", function()
  local box = new()

  it("missing, malformed and unknown ones are 401", function()
    refused(box, 401, "Missing credential", "GET", "/core/agents", nil, { token = false })
    refused(box, 401, "Missing credential", "GET", "/core/agents", nil,
      { token = false, headers = { authorization = "Basic abc" } })
    refused(box, 401, "Invalid", "GET", "/core/agents", nil, { token = "ak_unknown.x" })
  end)

  it("a detail never repeats the credential", function()
    local _, body = ask(box, "GET", "/core/agents", nil, { token = "ak_my.secret" })
    expect.falsy(body.detail:find("secret", 1, true))
  end)

  it("a viewer reads and does not write", function()
    expect.equal(ask(box, "GET", "/core/agents", nil, { token = "ak_sandbox.viewer" }), 200)
    expect.equal(ask(box, "GET", "/core/phone-numbers", nil, { token = "ak_sandbox.viewer" }), 200)
    expect.equal(ask(box, "GET", "/core/agent-config-schema", nil, { token = "ak_sandbox.viewer" }), 200)
    refused(box, 403, "agents:manage", "POST", "/core/agents", { name = "x" }, { token = "ak_sandbox.viewer" })
  end)

  it("a personal token needs an organisation that its user belongs to", function()
    local function with_organization(id)
      return { token = "pat_sandbox", headers = { ["x-anyreach-org"] = id } }
    end
    refused(box, 401, "Token is missing organization claim.", "GET", "/core/agents", nil, { token = "pat_sandbox" })
    refused(box, 403, "not a member", "GET", "/core/agents", nil, with_organization("elsewhere"))
    expect.equal(ask(box, "POST", "/core/agents", { name = "pat" }, with_organization(SECOND)), 200)
    local _, second = ask(box, "GET", "/core/agents", nil, { token = "ak_sandbox.second" })
    expect.equal(names(second), "pat")
    local _, first = ask(box, "GET", "/core/agents", nil, with_organization(FIRST))
    expect.equal(#first, 0)
  end)

  it("an organisation sees nothing of another", function()
    local agent = new_agent(box)
    refused(box, 404, agent.id, "GET", "/core/agents/" .. agent.id, nil, { token = "ak_sandbox.second" })
    refused(box, 404, NUMBER, "GET", "/core/phone-numbers/" .. NUMBER, nil, { token = "ak_sandbox.second" })
  end)

  it("are described with their scopes", function()
    local description = box:describe("http://127.0.0.1:1")
    expect.equal(description.base_url, "http://127.0.0.1:1")
    expect.equal(description.organizations[1].id, FIRST)
    expect.equal(description.organizations[2].id, SECOND)
    local by_token = {}
    for _, token in ipairs(description.tokens) do by_token[token.token] = token end
    expect.equal(by_token["ak_sandbox.admin"].organization, FIRST)
    expect.equal(by_token["ak_sandbox.second"].organization, SECOND)
    expect.equal(by_token["pat_sandbox"].organization, json.null)
    expect.truthy(#by_token["ak_sandbox.admin"].scopes > #by_token["ak_sandbox.viewer"].scopes)
    for _, scope in ipairs(by_token["ak_sandbox.viewer"].scopes) do expect.match(scope, ":read$") end
  end)
end)

describe("validation", function()
  local box = new()

  it("names every problem of a body in one 422", function()
    local status, body = ask(box, "POST", "/core/agents", { nmae = "x", active = "yes" })
    expect.equal(status, 422)
    expect.contains(body.detail, "nmae: unknown field")
    expect.contains(body.detail, "name: required but missing")
    expect.contains(body.detail, "active: ")
  end)

  it("malformed JSON, a missing body and a foreign content type are 422", function()
    refused(box, 422, "body: ", "POST", "/core/agents", "{")
    refused(box, 422, "required but missing", "POST", "/core/agents", "")
    refused(box, 422, "expected an object", "POST", "/core/agents", "[]")
    refused(box, 422, "application/json", "POST", "/core/agents", '{"name":"x"}',
      { headers = { ["content-type"] = "text/plain" } })
  end)

  it("query values are checked", function()
    refused(box, 422, "active: ", "GET", "/core/agents?active=maybe")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=0")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=101")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=x")
    refused(box, 422, "cursor: ", "GET", "/core/agents?cursor=%21%21")
    refused(box, 422, "created_after: ", "GET", "/core/agents?created_after=yesterday")
    refused(box, 422, "metadata: ", "GET", "/core/agents?metadata=%7B")
    refused(box, 422, "colour: unknown", "GET", "/core/agents?colour=red")
  end)

  it("leaves nothing behind", function()
    expect.equal(#must(box, "GET", "/core/agents"), 0)
  end)
end)

describe("agents", function()
  it("start as a stub", function()
    local box = new()
    local agent = must(box, "POST", "/core/agents", { name = "A", metadata = { team = "x" } })
    expect.equal(agent.id, agent.agent_id)
    expect.equal(agent.organization_id, FIRST)
    expect.equal({ agent.active, agent.is_demo, agent.description }, { true, false, json.null })
    local read = must(box, "GET", "/core/agents/" .. agent.id)
    expect.equal(#read.versions + #read.phone_numbers + #read.web_widgets, 0)
    expect.equal(read.sip_endpoint, json.null)
    expect.equal(read.conversation_statistics.total, 0)
    expect.equal(read.metadata, { team = "x" })
  end)

  it("change only in the fields that are sent", function()
    local box = new()
    local agent = new_agent(box, "before")
    local path = "/core/agents/" .. agent.id
    local changed = must(box, "PUT", path, { active = false, description = "d" })
    expect.equal({ changed.name, changed.active, changed.description }, { "before", false, "d" })
    expect.truthy(changed.updated_at > agent.updated_at)
    expect.equal(changed.created_at, agent.created_at)
    expect.equal(must(box, "GET", path).active, false)
    refused(box, 422, "id: unknown field", "PUT", path, { id = "x" })
    refused(box, 404, "not found", "PUT", NO_AGENT, { name = "x" })
  end)

  it("go with all they had, and their numbers become free", function()
    local box = new()
    local path, version = with_draft(box)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "both" })
    local status, body = ask(box, "DELETE", path)
    expect.equal({ status, body }, { 204, nil })
    refused(box, 404, "not found", "GET", path)
    refused(box, 404, "not found", "GET", version)
    refused(box, 404, "not found", "DELETE", path)
    local number = must(box, "GET", "/core/phone-numbers/" .. NUMBER)
    expect.equal({ number.inbound_agent_version_id, number.outbound_agent_version_id }, { json.null, json.null })
  end)

  it("are listed newest first, by every filter", function()
    local box = new()
    local create = function(body) return must(box, "POST", "/core/agents", body) end
    local one = create { name = "Alpha One", metadata = { env = "ci", tags = json.array { "a", "b" } } }
    local two = create { name = "Beta", active = false }
    local three = create { name = "alpha two", is_demo = true, metadata = { env = "prod" } }
    local function list(query) return names(must(box, "GET", "/core/agents" .. query)) end
    expect.equal(list "", "alpha two,Beta,Alpha One")
    expect.equal(list "?name=ALPHA", "alpha two,Alpha One")
    expect.equal(list "?name=alpha+one", "Alpha One")
    expect.equal(list "?active=false", "Beta")
    expect.equal(list "?is_demo=true", "alpha two")
    expect.equal(list("?metadata=" .. encode_query '{"env":"ci"}'), "Alpha One")
    expect.equal(list("?metadata=" .. encode_query '{"tags":["b"]}'), "Alpha One")
    expect.equal(list("?metadata=" .. encode_query '{"tags":["c"]}'), "")
    expect.equal(list("?metadata=" .. encode_query '{}'), "alpha two,Beta,Alpha One")
    expect.equal(list("?created_after=" .. encode_query(two.created_at)), "alpha two,Beta")
    expect.equal(list("?created_before=" .. encode_query(two.created_at)), "Beta,Alpha One")
    must(box, "PUT", "/core/agents/" .. one.id, { active = true })
    expect.equal(list("?updated_after=" .. encode_query(three.updated_at)), "alpha two,Alpha One")
    expect.equal(list("?updated_before=" .. encode_query(two.updated_at)), "Beta")
    expect.equal(list "?created_after=2025-12-31", "alpha two,Beta,Alpha One")
    expect.equal(list("?created_before=" .. encode_query "2026-01-01T01:00:00+02:00"), "")
    expect.equal(list "?limit=2", "alpha two,Beta")
  end)

  it("no page loses or repeats one", function()
    local box = new()
    for index = 1, 120 do new_agent(box, ("agent %d"):format(index)) end
    local seen, cursor = {}, ""
    for _, expected in ipairs { 50, 50, 20, 0 } do
      local page = must(box, "GET", "/core/agents?limit=50" .. cursor)
      expect.equal(#page, expected)
      for _, agent in ipairs(page) do seen[#seen + 1] = agent.name end
      if #page > 0 then cursor = "&cursor=" .. encode_query(base64(page[#page].created_at)) end
    end
    expect.equal(#seen, 120)
    for index = 1, 120 do expect.equal(seen[index], ("agent %d"):format(121 - index)) end
    expect.equal(#must(box, "GET", "/core/agents"), 20)
  end)
end)

describe("versions", function()
  it("are drafts, numbered from 1", function()
    local box = new()
    local path, version = with_draft(box, { instructions = "i" })
    local first = must(box, "GET", version)
    expect.equal({ first.version, first.published, first.published_at }, { 1, false, json.null })
    expect.equal(first.config, { instructions = "i" })
    expect.equal(first.agent_id, path:match("[^/]+$"))
    local second = must(box, "POST", path .. "/versions", { base_version = 1 })
    expect.equal({ second.version, second.base_version, second.config.instructions }, { 2, 1, "i" })
    expect.truthy(second.id ~= first.id)
  end)

  it("take exactly one of config and base_version", function()
    local box = new()
    local path = with_draft(box)
    refused(box, 422, "", "POST", path .. "/versions", {})
    refused(box, 422, "", "POST", path .. "/versions", { config = {}, base_version = 1 })
    refused(box, 404, "no version 7", "POST", path .. "/versions", { base_version = 7 })
    refused(box, 404, "not found", "POST", NO_AGENT .. "/versions", { config = {} })
    refused(box, 422, "config", "POST", path .. "/versions", { config = json.array {} })
  end)

  it("keep every JSON value as it was", function()
    local box = new()
    local text = '{"a":[],"b":{},"c":null,"d":0.1,"e":1.0,"f":9007199254740993,"g":"\\u00e9\\u0000",'
      .. '"h":18446744073709551616,"i":[[],{},null,[null]],"j":-0.0,"k":1e400}'
    local path, version = with_draft(box)
    local _, _, answer = ask(box, "POST", path .. "/versions", '{"config":' .. text .. "}")
    local expected = json.encode(json.decode(text))
    expect.contains(answer.body, expected)
    _, _, answer = ask(box, "PUT", version, '{"config":' .. text .. "}")
    expect.equal(answer.status, 200)
    _, _, answer = ask(box, "GET", version)
    expect.contains(answer.body, expected)
  end)

  it("are found by number, and nothing else but latest", function()
    local box = new()
    local path = with_draft(box)
    refused(box, 404, "no version 2", "GET", path .. "/versions/2")
    refused(box, 422, "version", "GET", path .. "/versions/newest")
    refused(box, 422, "version", "PUT", path .. "/versions/latest", { config = {} })
    refused(box, 422, "version", "GET", path .. "/versions/99999999999999999999")
  end)

  it("are listed newest first and filtered", function()
    local box = new()
    local path = with_published(box)
    must(box, "POST", path .. "/versions", { config = {} })
    local function list(query)
      local numbers = {}
      for index, version in ipairs(must(box, "GET", path .. "/versions" .. query)) do numbers[index] = version.version end
      return table.concat(numbers, ",")
    end
    expect.equal(list "", "2,1")
    expect.equal(list "?published=true", "1")
    expect.equal(list "?published=false", "2")
    expect.equal(list "?version=1", "1")
    expect.equal(list "?version=3", "")
    expect.equal(list "?limit=1", "2")
  end)

  it("change while they are drafts, never afterwards", function()
    local box = new()
    local _, version = with_draft(box)
    local changed = must(box, "PUT", version, { config = { instructions = "new" } })
    expect.equal(changed.config.instructions, "new")
    must(box, "PUT", version, { instruction_builder_inputs = { purpose = "p" } })
    expect.equal(must(box, "GET", version).config.instructions, "new")
    refused(box, 422, "expected config or", "PUT", version, {})
    must(box, "POST", version .. "/publish")
    refused(box, 400, "published", "PUT", version, { config = {} })
    expect.equal(must(box, "GET", version).config.instructions, "new")
  end)

  it("latest makes sure that there is a draft", function()
    local box = new()
    local agent = new_agent(box)
    local path = "/core/agents/" .. agent.id
    local stub = must(box, "GET", path .. "/versions/latest")
    expect.equal({ stub.version, stub.published, stub.config }, { 1, false, {} })
    expect.equal(must(box, "GET", path .. "/versions/latest").id, stub.id)
    must(box, "PUT", path .. "/versions/1", { config = { instructions = "i" } })
    must(box, "POST", path .. "/versions/1/publish")
    local draft = must(box, "GET", path .. "/versions/latest")
    expect.equal({ draft.version, draft.published, draft.config.instructions }, { 2, false, "i" })
    expect.equal(#must(box, "GET", path .. "/versions"), 2)
    refused(box, 404, "not found", "GET", NO_AGENT .. "/versions/latest")
  end)

  it("configurations that are certainly wrong are refused", function()
    local box = new()
    local path, version = with_draft(box)
    local function wrong(config, part)
      refused(box, 422, part, "POST", path .. "/versions", { config = config })
      refused(box, 422, part, "PUT", version, { config = config })
    end
    wrong({ instructions = 5 }, "config.instructions: expected a string")
    wrong({ tools = {} }, "config.tools: expected an array")
    wrong({ tools = json.array { "x" } }, "config.tools[1]: expected an object")
    wrong({ tools = json.array { { name = "x" } } }, "config.tools[1].actions: required but missing")
    local tool = { name = "n", description = "d", actions = json.array {} }
    must(box, "PUT", version, { config = { tools = json.array { tool }, anything = 1 } })
  end)
end)

describe("compare", function()
  it("tells in plain text what differs", function()
    local box = new()
    local path = with_draft(box, { instructions = "Be kind.", a = { b = 1, c = json.array { 1, 2 } }, gone = true })
    must(box, "POST", path .. "/versions",
      { config = { instructions = "Be brief.", a = { b = 1, c = json.array { 1, 3, 4 } }, fresh = json.array {} } })
    local status, text, answer = ask(box, "POST", path .. "/versions/compare", { from_version = 1, to_version = 2 })
    expect.equal(status, 200)
    expect.match(answer.headers["Content-Type"], "^text/plain")
    expect.truthy(answer.stream)
    expect.equal(text, table.concat({
      "The versions differ in 5 places:",
      "- config.a.c[2] changed from 2 to 3",
      "- config.a.c[3] added: 4",
      "- config.fresh added: []",
      "- config.gone removed; it was true",
      '- config.instructions changed from "Be kind." to "Be brief."',
      "",
    }, "\n"))
    local _, same = ask(box, "POST", path .. "/versions/compare", { from_version = 2, to_version = 2 })
    expect.equal(same, "The versions do not differ.\n")
  end)

  it("needs two versions that are there", function()
    local box = new()
    local path = with_draft(box)
    refused(box, 422, "to_version", "POST", path .. "/versions/compare", { from_version = 1 })
    refused(box, 404, "no version 2", "POST", path .. "/versions/compare", { from_version = 1, to_version = 2 })
  end)

  it("is a read", function()
    local box = new()
    local path = with_draft(box)
    local status = ask(box, "POST", path .. "/versions/compare", { from_version = 1, to_version = 1 },
      { token = "ak_sandbox.viewer" })
    expect.equal(status, 200)
  end)
end)

describe("generation of instructions", function()
  local INPUTS = { purpose = "Book appointments.", guardrails = json.array { "No advice.", "No names." } }

  it("runs for three looks, then the instructions are there", function()
    local box = new()
    local _, version = with_draft(box, { keep = 1 })
    must(box, "PUT", version, { instruction_builder_inputs = INPUTS })
    local started = must(box, "POST", version .. "/generate-instructions", nil, 202)
    expect.equal(started.instruction_generation.status, "running")
    for _ = 1, 2 do
      local look = must(box, "GET", version)
      expect.equal(look.instruction_generation.status, "running")
      expect.equal(look.config.instructions, nil)
    end
    local done = must(box, "GET", version)
    expect.equal(done.instruction_generation.status, "completed")
    expect.equal(done.config.keep, 1)
    expect.equal(done.config.instructions, "You are a voice agent. Follow these instructions.\n\n"
      .. "# Guardrails\n- No advice.\n- No names.\n\n# Purpose\nBook appointments.")
    expect.equal(must(box, "GET", version).config.instructions, done.config.instructions)
  end)

  it("needs a draft with inputs", function()
    local box = new()
    local _, version = with_draft(box)
    refused(box, 400, "instruction_builder_inputs", "POST", version .. "/generate-instructions")
    must(box, "PUT", version, { instruction_builder_inputs = INPUTS })
    must(box, "POST", version .. "/publish")
    refused(box, 400, "published", "POST", version .. "/generate-instructions")
  end)

  it("holds publishing back while it runs, and is not started twice", function()
    local box = new()
    local _, version = with_draft(box)
    must(box, "PUT", version, { instruction_builder_inputs = INPUTS })
    must(box, "POST", version .. "/generate-instructions", nil, 202)
    refused(box, 409, "generating", "POST", version .. "/publish")
    must(box, "GET", version)
    must(box, "POST", version .. "/generate-instructions", nil, 202)
    must(box, "GET", version)
    expect.equal(must(box, "GET", version).instruction_generation.status, "completed")
    must(box, "POST", version .. "/publish")
  end)
end)

describe("publishing", function()
  local function slots(box, number)
    local record = must(box, "GET", "/core/phone-numbers/" .. (number or NUMBER))
    return { record.inbound_agent_version_id, record.outbound_agent_version_id }
  end

  it("without numbers touches no assignment", function()
    local box = new()
    local path, version = with_draft(box)
    expect.equal(#must(box, "POST", version .. "/publish"), 0)
    local published = must(box, "GET", version)
    expect.truthy(published.published)
    expect.match(published.published_at, "^2026")
    expect.equal(must(box, "GET", path).versions[1].published, true)
    expect.equal(slots(box), { json.null, json.null })
    must(box, "POST", version .. "/publish", {})
    expect.equal(must(box, "GET", version).published_at, published.published_at)
  end)

  it("writes the slots that direction names, inbound by default", function()
    local box = new()
    local path, version = with_draft(box)
    local updated = must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER } })
    local first = must(box, "GET", version).id
    expect.equal(#updated, 1)
    expect.equal(updated[1].inbound_agent_version_id, first)
    expect.equal(slots(box), { first, json.null })

    must(box, "POST", path .. "/versions", { base_version = 1 })
    local second = path .. "/versions/2"
    must(box, "POST", second .. "/publish", { phone_numbers = { NUMBER }, direction = "outbound" })
    local second_id = must(box, "GET", second).id
    expect.equal(slots(box), { first, second_id })
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "both" })
    expect.equal(slots(box), { first, first })
    expect.equal(must(box, "GET", path).phone_numbers[1].phone_number, NUMBER)
    refused(box, 422, "direction", "POST", version .. "/publish", { direction = "sideways" })
  end)

  it("clears only slots that hold a version of this agent", function()
    local box = new()
    local path, version = with_draft(box)
    local _, other = with_draft(box)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "inbound" })
    must(box, "POST", other .. "/publish", { phone_numbers = { NUMBER }, direction = "outbound" })
    must(box, "POST", path .. "/versions", { base_version = 1 })
    local outbound = slots(box)[2]
    local updated = must(box, "POST", path .. "/versions/2/publish",
      { unassign_phone_numbers = { NUMBER, "+15551230001" }, direction = "both" })
    expect.equal(#updated, 1)
    expect.equal(slots(box), { json.null, outbound })
  end)

  it("answers each number once, also when it is in both lists", function()
    local box = new()
    local _, version = with_draft(box)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "both" })
    local updated = must(box, "POST", version .. "/publish", {
      phone_numbers = { "+15551230001", NUMBER, NUMBER }, unassign_phone_numbers = { NUMBER }, direction = "inbound",
    })
    expect.equal(#updated, 2)
    local id = must(box, "GET", version).id
    expect.equal(slots(box), { id, id })
    expect.equal(slots(box, "+15551230001"), { id, json.null })
  end)

  it("with an unknown number changes nothing at all", function()
    local box = new()
    local _, version = with_draft(box)
    refused(box, 404, "+15550000000", "POST", version .. "/publish", { phone_numbers = { NUMBER, "+15550000000" } })
    refused(box, 404, "+15557654321", "POST", version .. "/publish", { unassign_phone_numbers = { "+15557654321" } })
    expect.falsy(must(box, "GET", version).published)
    expect.equal(slots(box), { json.null, json.null })
  end)
end)

describe("deployment as SIP", function()
  it("needs a published version, and shows on the agent", function()
    local box = new()
    local path, version, agent = with_draft(box)
    refused(box, 400, "published", "POST", path .. "/deploy-as-sip")
    must(box, "POST", version .. "/publish")
    must(box, "POST", path .. "/deploy-as-sip")
    local endpoint = must(box, "GET", path).sip_endpoint
    expect.equal(endpoint.uri, "sip:" .. agent.id .. "@sip.sandbox.invalid")
    must(box, "POST", path .. "/deploy-as-sip")
    expect.equal(must(box, "GET", path).sip_endpoint, endpoint)
    refused(box, 404, "not found", "POST", NO_AGENT .. "/deploy-as-sip")
  end)
end)

describe("phone numbers", function()
  local OWN_TRUNK, MANAGED_TRUNK = "1a000000-0000-4000-8000-000000000002", "1a000000-0000-4000-8000-000000000001"

  it("every organisation has some of its own", function()
    local box = new()
    expect.equal(#must(box, "GET", "/core/phone-numbers"), 4)
    local _, second = ask(box, "GET", "/core/phone-numbers", nil, { token = "ak_sandbox.second" })
    expect.equal(#second, 4)
    for _, record in ipairs(second) do expect.match(record.phone_number, "^%+155576") end
  end)

  it("are filtered by a part of the number and by trunk", function()
    local box = new()
    local function count(query) return #must(box, "GET", "/core/phone-numbers" .. query) end
    expect.equal(count "?phone_number=123000", 3)
    expect.equal(count "?phone_number=%2B15551234567", 1)
    expect.equal(count("?trunk_id=" .. MANAGED_TRUNK), 4)
    expect.equal(count("?trunk_id=" .. OWN_TRUNK), 0)
    expect.equal(count "?limit=1", 1)
  end)

  it("are read by number, percent-encoded or not", function()
    local box = new()
    expect.equal(must(box, "GET", "/core/phone-numbers/+15551234567").phone_number, NUMBER)
    expect.equal(must(box, "GET", "/core/phone-numbers/%2B15551234567").phone_number, NUMBER)
    refused(box, 404, "+1999", "GET", "/core/phone-numbers/+1999")
  end)

  it("are registered on a trunk of one's own alone", function()
    local box = new()
    local function register(number, trunk) return { phone_number = number, trunk_id = trunk } end
    local record = must(box, "POST", "/core/phone-numbers", register("+4930123456", OWN_TRUNK))
    expect.equal({ record.inbound_agent_version_id, record.outbound_shareable }, { json.null, false })
    expect.equal(#must(box, "GET", "/core/phone-numbers"), 5)
    refused(box, 409, "already", "POST", "/core/phone-numbers", register("+4930123456", OWN_TRUNK))
    refused(box, 409, "already", "POST", "/core/phone-numbers", register("+15557654321", OWN_TRUNK))
    refused(box, 400, "managed", "POST", "/core/phone-numbers", register("+4930123457", MANAGED_TRUNK))
    refused(box, 404, "Trunk x", "POST", "/core/phone-numbers", register("+4930123457", "x"))
    refused(box, 422, "E.164", "POST", "/core/phone-numbers", register("030123457", OWN_TRUNK))
    refused(box, 422, "trunk_id", "POST", "/core/phone-numbers", { phone_number = "+4930123457" })
  end)

  it("change in outbound_shareable alone", function()
    local box = new()
    local path = "/core/phone-numbers/" .. NUMBER
    expect.equal(must(box, "PATCH", path, { outbound_shareable = true }).outbound_shareable, true)
    expect.equal(must(box, "GET", path).outbound_shareable, true)
    refused(box, 422, "trunk_id", "PATCH", path, { trunk_id = "x" })
    refused(box, 422, "outbound_shareable", "PATCH", path, {})
  end)
end)

describe("configuration schema", function()
  it("is a JSON Schema that says it is an approximation", function()
    local schema = must(new(), "GET", "/core/agent-config-schema")
    expect.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
    expect.contains(schema.description, "approximation")
    expect.equal(schema.properties.instructions.type, "string")
    expect.equal(schema.properties.tools.items["$ref"], "#/$defs/Tool")
    expect.equal(schema["$defs"].Tool.required, json.array { "name", "description", "actions" })
  end)
end)

describe("faults", function()
  local function with(fault) return { headers = { ["x-sandbox-fault"] = fault } } end
  local function create(box, fault) return ask(box, "POST", "/core/agents", { name = "x" }, with(fault)) end
  local function count(box) return #must(box, "GET", "/core/agents") end

  it("refuse before anything is done", function()
    local box = new()
    local status, body, answer = create(box, "429; retry-after=7")
    expect.equal({ status, answer.headers["Retry-After"] }, { 429, "7" })
    expect.truthy(body.detail)
    expect.equal(create(box, "500"), 500)
    expect.equal(create(box, "503"), 503)
    local _, _, dropped = create(box, "drop")
    expect.equal({ dropped.fault, dropped.status }, { "drop", nil })
    expect.equal(count(box), 0)
  end)

  it("or fail after the work was done", function()
    local box = new()
    expect.equal(create(box, "500;after-commit"), 500)
    local _, _, answer = create(box, "after-commit;drop")
    expect.equal(answer.fault, "drop")
    expect.equal(count(box), 2)
  end)

  it("or spoil the answer", function()
    local box = new()
    local status, _, answer = create(box, "truncate")
    expect.equal({ status, answer.fault }, { 200, "truncate" })
    expect.equal(json.decode(answer.body).name, "x")
    status, _, answer = create(box, "invalid")
    expect.equal(status, 200)
    expect.raises(function() json.decode(answer.body) end)
    expect.equal(count(box), 2)
  end)

  it("or delay it", function()
    local _, _, answer = ask(new(), "GET", "/core/agents", nil, with("latency=20"))
    expect.equal(answer.delay, 0.02)
  end)

  it("hide what was created from the next lists", function()
    local box = new()
    local _, agent = create(box, "stale=2")
    expect.equal(count(box), 0)
    expect.equal(must(box, "GET", "/core/agents/" .. agent.id).id, agent.id)
    expect.equal({ count(box), count(box), count(box) }, { 0, 1, 1 })
  end)

  it("malformed ones are 400 and name the valid words", function()
    local box = new()
    for fault, part in pairs {
      ["42"] = 'unknown fault "42"', ["latncy=3"] = 'did you mean "latency"?', ["latency"] = "expected latency=VALUE",
      ["latency=x"] = "expected a number", ["500;503"] = "a request can meet one of", ["drop=1"] = "takes no value",
      ["after-commit"] = "needs 500, 503 or drop", ["429;after-commit"] = "needs 500, 503 or drop",
      ["retry-after=1"] = "needs 429", [""] = "no fault named", ["rate=0.5"] = "valid: 429, 500",
    } do
      refused(box, 400, part, "GET", "/core/agents", nil, with(fault))
    end
  end)

  it("of a profile hit the operations it names, repeatably", function()
    local function run(profile)
      local box, hits = new { faults = profile }, {}
      for index = 1, 200 do hits[index] = ask(box, "POST", "/core/agents", { name = "x" }) == 500 and "x" or "." end
      expect.equal(ask(box, "GET", "/core/agents"), 200)
      return table.concat(hits)
    end
    local hits = run "500;rate=0.1;seed=7;only=agents.create"
    expect.equal(run "500;rate=0.1;seed=7;only=*.create", hits)
    expect.truthy(run "500;rate=0.1;seed=8;only=agents.create" ~= hits)
    local _, count_of_hits = hits:gsub("x", "")
    expect.truthy(count_of_hits > 5 and count_of_hits < 40)
    expect.equal(run "500;only=agents.c*", ("x"):rep(200))
    expect.equal(run "500;rate=0", ("."):rep(200))
  end)

  it("a malformed profile is an error at start", function()
    local err = expect.raises(function() new { faults = "rat=0.1" } end, "fault profile")
    expect.contains(err, 'did you mean "rate"?')
  end)
end)

describe("control", function()
  it("shows the requests", function()
    local box = new()
    must(box, "GET", "/core/agents?limit=3")
    ask(box, "GET", "/nowhere")
    ask(box, "GET", "/core/agents", nil, { headers = { ["x-sandbox-fault"] = "drop" } })
    local status, requests, answer = ask(box, "GET", "/_sandbox/requests", nil, { token = false })
    expect.equal(status, 200)
    expect.equal(requests, json.array {
      { method = "GET", path = "/core/agents", query = "limit=3", status = 200, operation = "agents.list" },
      { method = "GET", path = "/nowhere", query = "", status = 404, operation = json.null },
      { method = "GET", path = "/core/agents", query = "", status = json.null, operation = "agents.list" },
    })
    expect.equal(answer.headers["X-Total-Count"], "3")
    refused(box, 405, "GET", "POST", "/_sandbox/requests")
    refused(box, 404, "_sandbox", "GET", "/_sandbox/x")
  end)

  it("resets to the beginning, ids included", function()
    local box = new()
    local before = new_agent(box)
    must(box, "PATCH", "/core/phone-numbers/" .. NUMBER, { outbound_shareable = true })
    expect.equal(ask(box, "POST", "/_sandbox/reset", nil, { token = false }), 204)
    expect.equal(#must(box, "GET", "/core/agents"), 0)
    expect.equal(must(box, "GET", "/core/phone-numbers/" .. NUMBER).outbound_shareable, false)
    expect.equal(new_agent(box), before)
  end)
end)

describe("state", function()
  local function temporary_path()
    local path = os.tmpname()
    os.remove(path)
    return path
  end

  local function copy_file(from, to)
    local source = io.open(from, "rb")
    if not source then return end
    local target = assert(io.open(to, "wb"))
    target:write(source:read("a"))
    source:close()
    target:close()
  end

  local function remove(path)
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end

  it("without a seed, ids are UUIDs and time is now", function()
    local box = sandbox.new()
    local one, two = new_agent(box), new_agent(box)
    expect.match(one.id, "^%x+%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$")
    expect.truthy(one.id ~= two.id and one.created_at < two.created_at)
    expect.equal(one.created_at:sub(1, 4), os.date("!%Y"))
    expect.match(one.created_at, "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$")
  end)

  it("with a seed, ids and time are repeatable", function()
    expect.equal(new_agent(new { seed = "a" }), new_agent(new { seed = "a" }))
    expect.truthy(new_agent(new { seed = "a" }).id ~= new_agent(new { seed = "b" }).id)
  end)

  it("in a file survives a stop, and goes on with new ids and later times", function()
    local path = temporary_path()
    local box = new { file = path }
    local one = new_agent(box)
    ask(box, "DELETE", "/core/agents/" .. one.id)
    local two = new_agent(box)
    box:close()
    box = new { file = path }
    expect.equal(must(box, "GET", "/core/agents/" .. two.id).name, two.name)
    local three = new_agent(box)
    expect.truthy(three.id ~= one.id and three.id ~= two.id and three.created_at > two.created_at)
    box:close()
    remove(path)
  end)

  it("in a file survives the death of the process after every answer", function()
    local path, copy = temporary_path(), temporary_path()
    local box = new { file = path }
    for count = 1, 5 do
      new_agent(box)
      for _, suffix in ipairs { "", "-wal" } do copy_file(path .. suffix, copy .. suffix) end
      local survivor = new { file = copy }
      expect.equal(#must(survivor, "GET", "/core/agents"), count)
      expect.equal(#must(survivor, "GET", "/core/phone-numbers"), 4)
      survivor:close()
      remove(copy)
    end
    box:close()
    remove(path)
  end)

  it("a file in use, of another program or no database is named", function()
    local path = temporary_path()
    local box = new { file = path }
    expect.raises(function() new { file = path } end, "sandbox: " .. path .. " is in use by another process")
    box:close()
    remove(path)

    local other = require "anyreach.sqlite".open(path)
    other:execute("CREATE TABLE precious (a)")
    other:close()
    expect.raises(function() new { file = path } end, "belongs to another program")
    remove(path)

    local file = assert(io.open(path, "w"))
    file:write(("no database\n"):rep(100))
    file:close()
    expect.raises(function() new { file = path } end, "file is not a database")
    remove(path)
  end)

  it("a defect of a rule undoes its request and leaves the sandbox usable", function()
    local box = new()
    local add = box.store.add
    box.store.add = function(store, ...)
      add(store, ...)
      error("defect")
    end
    expect.raises(function() new_agent(box) end, "defect")
    box.store.add = nil
    expect.equal(#must(box, "GET", "/core/agents"), 0)
    new_agent(box)
  end)
end)
