-- The sandbox's rules for agents and their versions.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local FIRST, NUMBER, NO_AGENT = asking.FIRST, asking.NUMBER, asking.NO_AGENT
local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused
local new_agent, with_draft, with_published = asking.new_agent, asking.with_draft, asking.with_published
local names, base64, encode_query = asking.names, asking.base64, asking.encode_query

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

  it("are found by any part of their names, whatever is in it", function()
    local box = new()
    local given = { 'Say "hi"', "back\\slash", "100% _x", "two\nlines", "Grüße 日本", "it's; --", "tab\t\u{7F}" }
    for _, name in ipairs(given) do must(box, "POST", "/core/agents", { name = name }) end
    for _, name in ipairs(given) do
      for start in utf8.codes(name) do
        local part = name:sub(start):upper()
        local found = must(box, "GET", "/core/agents?name=" .. encode_query(part))
        local has_it = false
        for _, agent in ipairs(found) do
          has_it = has_it or agent.name == name
          expect.contains(agent.name:upper(), part)
        end
        expect.truthy(has_it)
      end
    end
    expect.equal(must(box, "GET", "/core/agents?name=" .. encode_query "\\n"), json.array {})
  end)

  it("are listed in pages within bounds", function()
    local box, times = new(), {}
    for index = 1, 8 do times[index] = must(box, "POST", "/core/agents", { name = "A" .. index }).created_at end
    local function page(cursor)
      local query = "?limit=2&created_after=" .. encode_query(times[2]) .. "&created_before=" .. encode_query(times[6])
      if cursor then query = query .. "&cursor=" .. encode_query(base64(cursor)) end
      return names(must(box, "GET", "/core/agents" .. query))
    end
    expect.equal({ page(), page(times[8]), page(times[6]), page(times[5]), page(times[3]), page(times[2]) },
      { "A6,A5", "A6,A5", "A5,A4", "A4,A3", "A2", "" })
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
      local page = must(box, "GET", path .. "/versions" .. query)
      for index, version in ipairs(page) do numbers[index] = version.version end
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
