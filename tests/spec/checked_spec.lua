-- Recipes refuse answers that lack a field, or hold something else in it, with an error of kind "answer" that
-- names operation and field: never with a Lua error, and never with a wrong guess.

local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local json = require "anyreach.json"
local number_state = require "anyreach.agents.numbers.number_state"
local references = require "anyreach.agents.references"
local wire = require "helpers.wire"

-- Calls f with a client of a server that gives these bodies, one after the other.
local function answered(bodies, f)
  local server <close> = wire.start()
  for index, body in ipairs(bodies) do server:answer({ body = body }, index) end
  return f(anyreach.client { base_url = server.base_url, token = "ak_x" })
end

local function create(api)
  experiment_state.create_version(api, { agent_id = "a1", base = 1, newest = 1, taken = {} }, {}, function() end)
end

local function refused(part, bodies, f)
  local err = expect.raises(function() answered(bodies, f) end, part)
  expect.equal({ part, err.kind }, { part, "answer" })
end

describe("an answer of another form", function()
  it("is refused, with operation and field", function()
    local one_agent = '{"id":"a1","name":"Desk"}'
    for _, case in ipairs {
      { "agents.list: the answer holds no usable 'name'; expected a text, got null", { '[{"id":"a1","name":null}]' },
        function(api) agent_lookup.by_name(api, "Desk") end },
      { "agents.list: the answer holds no usable 'id'; expected a text, got nothing", { '[{"name":"Desk"}]' },
        function(api) agent_lookup.all(api) end },
      { "agents.list: expected an object in the answer, got a number", { "[7]" },
        function(api) agent_lookup.all(api) end },
      { "agents.get: expected an object in the answer, got null", { "null" },
        function(api) agent_lookup.by_id(api, "a1") end },
      { "agents.get: the answer holds no usable 'metadata'", { '{"id":"a1","name":"Desk","metadata":5}' },
        function(api) agent_lookup.by_id(api, "a1") end },
      { "agents.versions.list: the answer holds no usable 'version'; expected an integer, got a string",
        { '[{"version":"2"},{"version":1}]' }, function(api) agent_lookup.versions(api, "a1") end },
      { "agents.versions.get: the answer holds no usable 'config'; expected an object, got null",
        { '[{"version":1,"published":true}]', '{"version":1,"config":null}' },
        function(api) agent_lookup.in_use(api, { id = "a1" }) end },
      { "phone_numbers.list: the answer holds no usable 'inbound_agent_version_id'",
        { '[{"phone_number":"+15551230001","inbound_agent_version_id":5}]' }, number_state.read },
      { "phone_numbers.list: the answer holds no usable 'phone_number'", { one_agent, "[]", '[{"id":"x"}]' },
        function(api) agent_state.reader(api):read("a1") end },
      { "agents.versions.create: the answer holds no usable 'version'", { '{"version":1,"config":{}}', '{"id":"v1"}' },
        function(api) create(api) end },
    } do
      refused(case[1], case[2], case[3])
    end
  end)

  it("is refused where phone numbers need the id of a version, and only there", function()
    refused("agents.versions: the answer holds no usable 'id'", { '{"version":1,"config":{}}', '{"version":2}' },
      function(api) create(api) end)
    answered({ '[{"version":2}]' }, function(api)
      expect.equal(agent_lookup.versions(api, "a1")[1].version, 2)
    end)
  end)
end)

describe("a row that comes on two pages", function()
  local function page(next_cursor, row)
    return json.encode { data = json.array { row }, next_cursor = next_cursor }
  end

  it("is one agent, and no second one of its name", function()
    local desk, other = { id = "a1", name = "Desk" }, { id = "a2", name = "Other" }
    answered({ page("b", desk), page("c", other), page(json.null, desk), json.encode(desk) }, function(api)
      expect.equal(agent_lookup.by_name(api, "Desk").id, "a1")
    end)
  end)

  it("is one thing to refer to", function()
    local faq, other = { id = "d1", name = "FAQ" }, { id = "d2", name = "Other" }
    answered({ page("b", faq), page("c", other), page(json.null, faq) }, function(api)
      expect.equal(references.resolver(api):id("dataset", "FAQ"), "d1")
    end)
  end)
end)
