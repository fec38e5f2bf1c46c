-- Agents and their versions.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

local AGENT = "/core/agents/" .. ID

return {
  ["agents.list"] = {
    { function(api) return api.agents.list() end, bytes "GET /core/agents" },
    {
      function(api)
        return api.agents.list {
          limit = 3, name = "Riverside & Söhne", active = true, is_demo = false, cursor = "a+b/c==",
          metadata = { team = "front desk", tier = 1 }, created_after = "2025-01-01T00:00:00Z",
        }
      end,
      bytes("GET /core/agents?name=Riverside%20%26%20S%C3%B6hne&active=true&is_demo=false"
        .. "&metadata=%7B%22team%22%3A%22front%20desk%22%2C%22tier%22%3A1%7D"
        .. "&created_after=2025-01-01T00%3A00%3A00Z&limit=3&cursor=a%2Bb%2Fc%3D%3D"),
    },
  },
  ["agents.create"] = {
    {
      function(api)
        return api.agents.create {
          name = "Riverside Dental Scheduler", description = "Books appointments.", active = true, metadata = {},
        }
      end,
      bytes("POST /core/agents", '{"active":true,"description":"Books appointments.","metadata":{},'
        .. '"name":"Riverside Dental Scheduler"}'),
    },
  },
  ["agents.get"] = {
    { function(api) return api.agents.get(ID) end, bytes("GET " .. AGENT) },
  },
  ["agents.update"] = {
    {
      function(api) return api.agents.update(ID, { description = anyreach.null, active = false }) end,
      bytes("PUT " .. AGENT, '{"active":false,"description":null}'),
    },
  },
  ["agents.delete"] = {
    { function(api) return api.agents.delete(ID) end, bytes("DELETE " .. AGENT) },
  },
  ["agents.config_schema"] = {
    { function(api) return api.agents.config_schema() end, bytes "GET /core/agent-config-schema" },
  },
  ["agents.deploy_as_sip"] = {
    { function(api) return api.agents.deploy_as_sip(ID) end, bytes("POST " .. AGENT .. "/deploy-as-sip") },
  },
  ["agents.versions.list"] = {
    {
      function(api) return api.agents.versions.list(ID, { published = true, version = 2 }) end,
      bytes("GET " .. AGENT .. "/versions?version=2&published=true"),
    },
  },
  ["agents.versions.create"] = {
    {
      function(api)
        return api.agents.versions.create(ID, {
          config = { tools = anyreach.array {}, voice = { speed = 1.0 }, seed = 9007199254740993, note = "é\0" },
        })
      end,
      bytes("POST " .. AGENT .. "/versions",
        '{"config":{"note":"é\\u0000","seed":9007199254740993,"tools":[],"voice":{"speed":1.0}}}'),
    },
    {
      function(api) return api.agents.versions.create(ID, { base_version = 3 }) end,
      bytes("POST " .. AGENT .. "/versions", '{"base_version":3}'),
    },
  },
  ["agents.versions.get"] = {
    { function(api) return api.agents.versions.get(ID, 2) end, bytes("GET " .. AGENT .. "/versions/2") },
    { function(api) return api.agents.versions.get(ID, "latest") end, bytes("GET " .. AGENT .. "/versions/latest") },
    { function(api) return api.agents.versions.get(ID, 2.0) end, bytes("GET " .. AGENT .. "/versions/2") },
  },
  ["agents.versions.update"] = {
    {
      function(api) return api.agents.versions.update(ID, 2, { config = { llm = { temperature = 0.1 } } }) end,
      bytes("PUT " .. AGENT .. "/versions/2", '{"config":{"llm":{"temperature":0.1}}}'),
    },
    {
      function(api)
        return api.agents.versions.update(ID, 2, {
          config = { tools = { { name = "book", required = {}, actions = {}, properties = {} } } },
        })
      end,
      bytes("PUT " .. AGENT .. "/versions/2",
        '{"config":{"tools":[{"actions":[],"name":"book","properties":{},"required":[]}]}}'),
    },
  },
  ["agents.versions.compare"] = {
    {
      function(api) return api.agents.versions.compare(ID, { from_version = 1, to_version = 2 }) end,
      bytes("POST " .. AGENT .. "/versions/compare", '{"from_version":1,"to_version":2}', { accept = "text/plain" }),
      answer = { type = "text/plain", body = "- greeting\n+ greeting, longer\n" },
      result = "- greeting\n+ greeting, longer\n",
    },
  },
  ["agents.versions.generate_instructions"] = {
    {
      function(api) return api.agents.versions.generate_instructions(ID, 2) end,
      bytes("POST " .. AGENT .. "/versions/2/generate-instructions"),
      answer = { status = 202, body = "" },
    },
  },
  ["agents.versions.publish"] = {
    {
      function(api) return api.agents.versions.publish(ID, 2) end,
      bytes("POST " .. AGENT .. "/versions/2/publish"),
    },
    {
      function(api)
        return api.agents.versions.publish(ID, 2, {
          phone_numbers = { "+15551234567" }, unassign_phone_numbers = {}, direction = "both",
        })
      end,
      bytes("POST " .. AGENT .. "/versions/2/publish",
        '{"direction":"both","phone_numbers":["+15551234567"],"unassign_phone_numbers":[]}'),
    },
  },
}
