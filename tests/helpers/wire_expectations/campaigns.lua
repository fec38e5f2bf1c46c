-- Campaigns, their contacts, configurations and settings. Ids of campaigns and contacts may be external
-- ones, which hold what they like.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

local CAMPAIGN = "/campaign/campaigns/" .. ID
local CONTACTS = CAMPAIGN .. "/contacts"
local CONFIGURATION = "/campaign/configurations/" .. ID

return {
  ["campaigns.list"] = {
    { function(api) return api.campaigns.list() end, bytes "GET /campaign/campaigns" },
    {
      function(api)
        return api.campaigns.list { name = "May recall", status = { "active", "paused" }, limit = 5, cursor = "c" }
      end,
      bytes "GET /campaign/campaigns?name=May%20recall&status=active&status=paused&limit=5&cursor=c",
    },
    { function(api) return api.campaigns.list { status = {} } end, bytes "GET /campaign/campaigns" },
    {
      function(api) return api.campaigns.list { status = anyreach.array { "closed" } } end,
      bytes "GET /campaign/campaigns?status=closed",
    },
  },
  ["campaigns.create"] = {
    {
      function(api)
        return api.campaigns.create { name = "May recall", config_id = ID, external_id = "crm/2025#5", priority = 3 }
      end,
      bytes("POST /campaign/campaigns",
        '{"config_id":"' .. ID .. '","external_id":"crm/2025#5","name":"May recall","priority":3}'),
    },
  },
  ["campaigns.get"] = {
    { function(api) return api.campaigns.get(ID) end, bytes("GET " .. CAMPAIGN) },
    { function(api) return api.campaigns.get("crm/2025#5") end, bytes "GET /campaign/campaigns/crm%2F2025%235" },
  },
  ["campaigns.update"] = {
    {
      function(api) return api.campaigns.update("crm/2025#5", { name = "June recall" }) end,
      bytes("PATCH /campaign/campaigns/crm%2F2025%235", '{"name":"June recall"}'),
    },
  },
  ["campaigns.start"] = {
    { function(api) return api.campaigns.start(ID) end, bytes("POST " .. CAMPAIGN .. "/start") },
    { function(api) return api.campaigns.start("a/b") end, bytes "POST /campaign/campaigns/a%2Fb/start" },
  },
  ["campaigns.pause"] = {
    { function(api) return api.campaigns.pause(ID) end, bytes("POST " .. CAMPAIGN .. "/pause") },
  },
  ["campaigns.close"] = {
    { function(api) return api.campaigns.close(ID) end, bytes("POST " .. CAMPAIGN .. "/close") },
  },
  ["campaigns.stats"] = {
    { function(api) return api.campaigns.stats(ID) end, bytes("GET " .. CAMPAIGN .. "/stats") },
  },
  ["campaigns.contacts.list"] = {
    {
      function(api) return api.campaigns.contacts.list(ID, { status = "pending", limit = 100, offset = 200 }) end,
      bytes("GET " .. CONTACTS .. "?status=pending&limit=100&offset=200"),
    },
    {
      function(api) return api.campaigns.contacts.list("default") end,
      bytes "GET /campaign/campaigns/default/contacts",
    },
  },
  ["campaigns.contacts.upsert"] = {
    {
      function(api)
        return api.campaigns.contacts.upsert("default", {
          { external_id = "crm/7", phone_numbers = { "+15557654321" }, data = {}, timezone = "America/New_York" },
          { id = ID, phone_numbers = {}, agent_config = { tools = {} }, agent_version = "latest" },
        })
      end,
      bytes("POST /campaign/campaigns/default/contacts",
        '[{"data":{},"external_id":"crm/7","phone_numbers":["+15557654321"],"timezone":"America/New_York"},'
        .. '{"agent_config":{"tools":{}},"agent_version":"latest","id":"' .. ID .. '","phone_numbers":[]}]'),
    },
    {
      function(api) return api.campaigns.contacts.upsert(ID, { contacts = {} }) end,
      bytes("POST " .. CONTACTS, '{"contacts":[]}'),
    },
    {
      function(api) return api.campaigns.contacts.upsert(ID, anyreach.array {}) end,
      bytes("POST " .. CONTACTS, "[]"),
    },
  },
  ["campaigns.contacts.get"] = {
    {
      function(api) return api.campaigns.contacts.get("default", "crm/7 ä") end,
      bytes "GET /campaign/campaigns/default/contacts/crm%2F7%20%C3%A4",
    },
  },
  ["campaigns.contacts.delete"] = {
    { function(api) return api.campaigns.contacts.delete(ID, "c1") end, bytes("DELETE " .. CONTACTS .. "/c1") },
    {
      function(api) return api.campaigns.contacts.delete("a/b", "..%2F") end,
      bytes "DELETE /campaign/campaigns/a%2Fb/contacts/..%252F",
    },
  },
  ["campaign_configurations.list"] = {
    { function(api) return api.campaign_configurations.list() end, bytes "GET /campaign/configurations" },
    {
      function(api) return api.campaign_configurations.list { limit = 1, cursor = "c" } end,
      bytes "GET /campaign/configurations?limit=1&cursor=c",
    },
  },
  ["campaign_configurations.create"] = {
    {
      function(api)
        return api.campaign_configurations.create {
          name = "weekdays", agent_id = "a1", default_country_code = "1",
          schedule = {
            default_timezone = "America/New_York",
            default_windows = { { days = { "mon", "fri" }, start = "09:00", ["end"] = "17:30" } },
            overrides = {}, scheduled_windows = anyreach.null, scheduled_overrides = {},
          },
        }
      end,
      bytes("POST /campaign/configurations", '{"agent_id":"a1","default_country_code":"1","name":"weekdays",'
        .. '"schedule":{"default_timezone":"America/New_York",'
        .. '"default_windows":[{"days":["mon","fri"],"end":"17:30","start":"09:00"}],'
        .. '"overrides":[],"scheduled_overrides":[],"scheduled_windows":null}}'),
    },
  },
  ["campaign_configurations.get"] = {
    { function(api) return api.campaign_configurations.get(ID) end, bytes("GET " .. CONFIGURATION) },
  },
  ["campaign_configurations.update"] = {
    {
      function(api) return api.campaign_configurations.update(ID, { schedule = { default_windows = {} } }) end,
      bytes("PATCH " .. CONFIGURATION, '{"schedule":{"default_windows":[]}}'),
    },
  },
  ["campaign_configurations.delete"] = {
    { function(api) return api.campaign_configurations.delete(ID) end, bytes("DELETE " .. CONFIGURATION) },
  },
  ["campaign_settings.timezones"] = {
    { function(api) return api.campaign_settings.timezones() end, bytes "GET /campaign/timezones" },
  },
  ["campaign_settings.get_concurrency"] = {
    { function(api) return api.campaign_settings.get_concurrency() end, bytes "GET /campaign/concurrency-settings" },
  },
  ["campaign_settings.update_concurrency"] = {
    {
      function(api) return api.campaign_settings.update_concurrency { concurrency_limit = 25 } end,
      bytes("PUT /campaign/concurrency-settings", '{"concurrency_limit":25}'),
    },
  },
}
