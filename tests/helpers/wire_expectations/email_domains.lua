-- Domains that agents send email from.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

local DOMAIN = "/core/email-domains/" .. ID

return {
  ["email_domains.list"] = {
    { function(api) return api.email_domains.list() end, bytes "GET /core/email-domains" },
    {
      function(api) return api.email_domains.list { limit = 2, cursor = "c=" } end,
      bytes "GET /core/email-domains?limit=2&cursor=c%3D",
    },
  },
  ["email_domains.create"] = {
    {
      function(api) return api.email_domains.create { domain = "mail.riverside.example", provider = "resend" } end,
      bytes("POST /core/email-domains", '{"domain":"mail.riverside.example","provider":"resend"}'),
    },
  },
  ["email_domains.get"] = {
    { function(api) return api.email_domains.get(ID) end, bytes("GET " .. DOMAIN) },
  },
  ["email_domains.verify"] = {
    { function(api) return api.email_domains.verify(ID) end, bytes("POST " .. DOMAIN .. "/verify") },
  },
  ["email_domains.refresh"] = {
    { function(api) return api.email_domains.refresh(ID) end, bytes("POST " .. DOMAIN .. "/refresh") },
  },
  ["email_domains.delete"] = {
    { function(api) return api.email_domains.delete(ID) end, bytes("DELETE " .. DOMAIN) },
  },
}
