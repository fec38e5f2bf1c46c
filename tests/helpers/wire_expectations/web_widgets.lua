-- Web widgets, as their owner and as a visitor's browser see them.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

local WIDGET = "/core/web-widgets/" .. ID

return {
  ["web_widgets.list"] = {
    { function(api) return api.web_widgets.list() end, bytes "GET /core/web-widgets" },
    { function(api) return api.web_widgets.list { limit = 10 } end, bytes "GET /core/web-widgets?limit=10" },
  },
  ["web_widgets.create"] = {
    {
      function(api)
        return api.web_widgets.create { agent_id = "a1", agent_version_id = "v1", domains = {}, config = {} }
      end,
      bytes("POST /core/web-widgets", '{"agent_id":"a1","agent_version_id":"v1","config":{},"domains":[]}'),
    },
    {
      function(api)
        return api.web_widgets.create {
          agent_id = "a1", agent_version_id = "v1", domains = { "riverside.example" }, published = true,
          config = { v1 = { forms = anyreach.array {}, title = "Hello" } },
        }
      end,
      bytes("POST /core/web-widgets", '{"agent_id":"a1","agent_version_id":"v1",'
        .. '"config":{"v1":{"forms":[],"title":"Hello"}},"domains":["riverside.example"],"published":true}'),
    },
  },
  ["web_widgets.get"] = {
    { function(api) return api.web_widgets.get(ID) end, bytes("GET " .. WIDGET) },
  },
  ["web_widgets.update"] = {
    {
      function(api) return api.web_widgets.update(ID, { domains = {}, published = false }) end,
      bytes("PUT " .. WIDGET, '{"domains":[],"published":false}'),
    },
  },
  ["web_widgets.delete"] = {
    { function(api) return api.web_widgets.delete(ID) end, bytes("DELETE " .. WIDGET) },
  },
  ["web_widgets.auto_brand"] = {
    {
      function(api) return api.web_widgets.auto_brand(ID, { domain = "https://www.riverside.example/" }) end,
      bytes("POST " .. WIDGET .. "/auto-brand", '{"domain":"https://www.riverside.example/"}'),
    },
  },
  ["public.web_widgets.get"] = {
    {
      function(api) return api.public.web_widgets.get(ID) end,
      bytes("GET /core/public/web-widgets/" .. ID, nil, { public = true }),
    },
  },
}
