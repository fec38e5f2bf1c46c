-- Phone numbers, whose ids are the numbers themselves, and trunks.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

return {
  ["phone_numbers.list"] = {
    {
      function(api) return api.phone_numbers.list { phone_number = "+1555", trunk_id = "t/1" } end,
      bytes "GET /core/phone-numbers?phone_number=%2B1555&trunk_id=t%2F1",
    },
  },
  ["phone_numbers.create"] = {
    {
      function(api) return api.phone_numbers.create { phone_number = "+15550001111", trunk_id = "t1" } end,
      bytes("POST /core/phone-numbers", '{"phone_number":"+15550001111","trunk_id":"t1"}'),
    },
  },
  ["phone_numbers.get"] = {
    { function(api) return api.phone_numbers.get("+15551234567") end, bytes "GET /core/phone-numbers/%2B15551234567" },
  },
  ["phone_numbers.update"] = {
    {
      function(api) return api.phone_numbers.update("+15551234567", { outbound_shareable = true }) end,
      bytes("PATCH /core/phone-numbers/%2B15551234567", '{"outbound_shareable":true}'),
    },
  },
  ["trunks.list"] = {
    { function(api) return api.trunks.list() end, bytes "GET /core/trunks" },
    {
      function(api)
        return api.trunks.list {
          name = "main line", created_after = "2025-01-01T00:00:00Z", created_before = "2025-02-01T00:00:00Z",
          updated_after = "2025-03-01T00:00:00Z", updated_before = "2025-04-01T00:00:00Z", limit = 1, cursor = "c",
        }
      end,
      bytes("GET /core/trunks?name=main%20line&created_after=2025-01-01T00%3A00%3A00Z"
        .. "&created_before=2025-02-01T00%3A00%3A00Z&updated_after=2025-03-01T00%3A00%3A00Z"
        .. "&updated_before=2025-04-01T00%3A00%3A00Z&limit=1&cursor=c"),
    },
  },
  ["trunks.create"] = {
    {
      function(api)
        return api.trunks.create {
          name = "carrier", inbound_config = { enable_noise_cancellation = true },
          outbound_config = {
            address = "sip.carrier.example", auth_username = "riverside", auth_password = anyreach.secret 'p"w',
            transport = "TLS", media_encryption = "NONE",
          },
        }
      end,
      bytes("POST /core/trunks", '{"inbound_config":{"enable_noise_cancellation":true},"name":"carrier",'
        .. '"outbound_config":{"address":"sip.carrier.example","auth_password":"p\\"w","auth_username":"riverside",'
        .. '"media_encryption":"NONE","transport":"TLS"}}'),
    },
  },
  ["trunks.get"] = {
    { function(api) return api.trunks.get(ID) end, bytes("GET /core/trunks/" .. ID) },
  },
  ["trunks.update"] = {
    {
      function(api) return api.trunks.update(ID, { name = "renamed", outbound_config = anyreach.null }) end,
      bytes("PUT /core/trunks/" .. ID, '{"name":"renamed","outbound_config":null}'),
    },
  },
  ["trunks.delete"] = {
    { function(api) return api.trunks.delete(ID) end, bytes("DELETE /core/trunks/" .. ID) },
  },
}
