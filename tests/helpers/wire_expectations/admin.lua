-- Members, usage and keys of the organisation.

local wire_request = require "helpers.wire_request"

local bytes = wire_request.bytes

return {
  ["admin.members.my_scopes"] = {
    {
      function(api) return api.admin.members.my_scopes() end,
      bytes "GET /admin/members/me/scopes",
      answer = { body = '["agents:read"]' },
      result = anyreach.array { "agents:read" },
    },
  },
  ["admin.usage.summary"] = {
    {
      function(api)
        return api.admin.usage.summary { from = "2025-01-01T00:00:00Z", to = "2025-12-31T23:59:59+01:00" }
      end,
      bytes "GET /admin/usage/summary?from=2025-01-01T00%3A00%3A00Z&to=2025-12-31T23%3A59%3A59%2B01%3A00",
    },
  },
  ["admin.organization_pats.create"] = {
    {
      function(api) return api.admin.organization_pats.create { name = "ci", expires_at = 1767225600000 } end,
      bytes("POST /admin/organization-pats", '{"expires_at":1767225600000,"name":"ci"}'),
    },
    {
      function(api) return api.admin.organization_pats.create { name = "ci", expires_at = anyreach.null } end,
      bytes("POST /admin/organization-pats", '{"expires_at":null,"name":"ci"}'),
    },
  },
}
