-- Conversations on the four channels, and help for the people who take one over.

local wire_request = require "helpers.wire_request"

local bytes, ID = wire_request.bytes, wire_request.ID

local CONVERSATION = "/core/conversations/" .. ID

return {
  ["conversations.list"] = {
    { function(api) return api.conversations.list() end, bytes "GET /core/conversations", answer = { body = "[]" } },
    {
      function(api)
        return api.conversations.list {
          direction = "inbound", channel = "telephone", status = "in_progress", user_id = "+1555", agent_id = "a 1",
          agent_version_id = "v1", agent_number = "+15551234567", web_widget_id = "w/1", duration_above = 0,
          duration_below = 60, user_turn_count_above = 1, user_turn_count_below = 9,
          custom_metadata = { anyreach_campaign = { id = "c1" }, tags = { "a&b", "é" } },
          created_after = "2025-01-01T00:00:00Z", created_before = "2025-02-01T00:00:00+01:00",
          limit = 50, cursor = "MjAyNQ==",
        }
      end,
      bytes("GET /core/conversations?direction=inbound&channel=telephone&status=in_progress&user_id=%2B1555"
        .. "&agent_id=a%201&agent_version_id=v1&agent_number=%2B15551234567&web_widget_id=w%2F1"
        .. "&duration_above=0&duration_below=60&user_turn_count_above=1&user_turn_count_below=9"
        .. "&custom_metadata=%7B%22anyreach_campaign%22%3A%7B%22id%22%3A%22c1%22%7D"
        .. "%2C%22tags%22%3A%5B%22a%26b%22%2C%22%C3%A9%22%5D%7D"
        .. "&created_after=2025-01-01T00%3A00%3A00Z&created_before=2025-02-01T00%3A00%3A00%2B01%3A00"
        .. "&limit=50&cursor=MjAyNQ%3D%3D"),
      answer = { body = "[]" },
    },
    {
      function(api) return api.conversations.list { custom_metadata = {} } end,
      bytes "GET /core/conversations?custom_metadata=%7B%7D",
    },
  },
  ["conversations.create"] = {
    {
      function(api)
        return api.conversations.create {
          channel = "telephone", user_id = "+15557654321", agent_number = "+15551234567",
          custom_metadata = { order = 17, tags = anyreach.array {} },
        }
      end,
      bytes("POST /core/conversations", '{"agent_number":"+15551234567","channel":"telephone",'
        .. '"custom_metadata":{"order":17,"tags":[]},"user_id":"+15557654321"}'),
      answer = { status = 202, body = '{"queued":true,"id":"k1"}' },
      result = { queued = true, id = "k1" },
    },
    {
      function(api)
        return api.conversations.create { channel = "text", user_id = "u-1", agent_id = ID, version = "latest" }
      end,
      bytes("POST /core/conversations", '{"agent_id":"' .. ID .. '","channel":"text","user_id":"u-1",'
        .. '"version":"latest"}'),
      answer = { body = '{"conversation":{"id":"k2","status":"in_progress"},"starting_message":"Hi!"}' },
      result = { conversation = { id = "k2", status = "in_progress" }, starting_message = "Hi!" },
    },
    {
      function(api)
        return api.conversations.create {
          channel = "email", user_id = "ann@example.com", agent_version_id = "v-1", to_address = "ann@example.com",
          from_address = "front@riverside.example", subject = 'Your "visit"', initial_context = "line 1\nline 2",
        }
      end,
      bytes("POST /core/conversations", '{"agent_version_id":"v-1","channel":"email",'
        .. '"from_address":"front@riverside.example","initial_context":"line 1\\nline 2",'
        .. '"subject":"Your \\"visit\\"","to_address":"ann@example.com","user_id":"ann@example.com"}'),
      answer = { body = '{"id":"k3","channel":"email"}' },
      result = { id = "k3", channel = "email" },
    },
    {
      function(api)
        return api.conversations.create {
          channel = "webrtc", user_id = "u-2", agent_config = { instructions = "Be kind.", tools = {} },
        }
      end,
      bytes("POST /core/conversations", '{"agent_config":{"instructions":"Be kind.","tools":[]},'
        .. '"channel":"webrtc","user_id":"u-2"}'),
      answer = { body = '{"id":"k4","token":"join-me"}' },
      result = { id = "k4", token = "join-me" },
    },
  },
  ["conversations.get"] = {
    { function(api) return api.conversations.get(ID) end, bytes("GET " .. CONVERSATION) },
  },
  ["conversations.messages.create"] = {
    {
      function(api)
        return api.conversations.messages.create(ID, { text = "Is 3 pm free? 🙂", interactivity = "rich" })
      end,
      bytes("POST " .. CONVERSATION .. "/messages", '{"interactivity":"rich","text":"Is 3 pm free? 🙂"}'),
    },
  },
  ["conversations.end_"] = {
    { function(api) return api.conversations.end_(ID) end, bytes("POST " .. CONVERSATION .. "/end") },
  },
  ["conversations.listener_token"] = {
    {
      function(api) return api.conversations.listener_token(ID) end,
      bytes("POST " .. CONVERSATION .. "/listener-token"),
    },
  },
  ["conversations.dial"] = {
    {
      function(api) return api.conversations.dial { to = "+15557654321", attempts = {}, dry_run = true } end,
      bytes("POST /core/conversations/dial", '{"attempts":{},"dry_run":true,"to":"+15557654321"}'),
    },
    { function(api) return api.conversations.dial() end, bytes "POST /core/conversations/dial" },
  },
  ["agent_assist.get"] = {
    { function(api) return api.agent_assist.get("+15551234567") end, bytes "GET /core/agent-assist/%2B15551234567" },
  },
}
