-- The sandbox's rules for conversations on every channel, and for the brief made from them.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"

local NUMBER = asking.NUMBER
local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused
local with_draft, with_published = asking.with_draft, asking.with_published

local PATH = "/core/conversations"
local CALLER = "+15550100"
local NONE = PATH .. "/00000000-0000-4000-8000-000000000000"
local VIEWER = { token = "ak_sandbox.viewer" }

-- A sandbox with a published agent; returns it and the agent.
local function with_agent()
  local box = new()
  local _, _, agent = with_published(box)
  return box, agent
end

local function create(box, body, status)
  return must(box, "POST", PATH, body, status)
end

local function text_with(box, agent, fields)
  local body = { channel = "text", user_id = "guest_1", agent_id = agent.id }
  for name, value in pairs(fields or {}) do body[name] = value end
  return create(box, body).conversation
end

local function call_with(box, agent, fields)
  local body = { channel = "telephone", user_id = CALLER, agent_id = agent.id }
  for name, value in pairs(fields or {}) do body[name] = value end
  return create(box, body, 202).conversation
end

-- The statuses that reads of a conversation find, one after the other.
local function statuses(box, id, reads)
  local seen = {}
  for index = 1, reads do seen[index] = must(box, "GET", PATH .. "/" .. id).status end
  return table.concat(seen, " ")
end

describe("the agent of a new conversation", function()
  local function body(fields)
    fields.channel, fields.user_id = fields.channel or "text", fields.user_id or "guest_1"
    return fields
  end

  it("is the latest published version, or the one that is named", function()
    local box = new()
    local path, version, agent = with_published(box)
    local first = must(box, "GET", version).id
    must(box, "POST", path .. "/versions", { base_version = 1 })
    local function version_of(fields) return create(box, body(fields)).conversation.agent_version_id end
    expect.equal(version_of { agent_id = agent.id }, first)
    must(box, "POST", path .. "/versions/2/publish")
    local second = must(box, "GET", path .. "/versions/2").id
    expect.equal(version_of { agent_id = agent.id }, second)
    expect.equal(version_of { agent_id = agent.id, version = "latest" }, second)
    expect.equal(version_of { agent_id = agent.id, version = 1 }, first)
    expect.equal(version_of { agent_version_id = first }, first)
  end)

  it("may be a configuration for this conversation alone", function()
    local box = new()
    local answer = create(box, body { agent_config = { starting_message = "Good day." } })
    expect.equal(answer.starting_message, "Good day.")
    local conversation = answer.conversation
    expect.equal({ conversation.agent_id, conversation.agent_version_id, conversation.agent },
      { json.null, json.null, json.null })
    refused(box, 422, "tools", "POST", PATH, body { agent_config = { tools = json.array { {} } } })
  end)

  it("greets as its configuration says for the channel", function()
    local box = new()
    local function greeting(config)
      return create(box, body { agent_config = config }).starting_message
    end
    local overrides = { text = { starting_message = "Hi, typist." }, email = { starting_message = "Dear" } }
    expect.equal(greeting { starting_message = "Hi.", channel_overrides = overrides }, "Hi, typist.")
    expect.equal(greeting { starting_message = { unknown = true } }, "Hello, how can I help you?")
  end)

  it("is given just once", function()
    local box, agent = with_agent()
    local two = body { agent_id = agent.id, agent_config = {} }
    refused(box, 422, "just one of agent_id, agent_config", "POST", PATH, two)
    refused(box, 422, "expected one of", "POST", PATH, body {})
    refused(box, 422, "expected one of", "POST", PATH, body { agent_number = NUMBER })
    refused(box, 422, "version", "POST", PATH, body { agent_config = {}, version = 1 })
    refused(box, 422, "channel", "POST", PATH, body { agent_id = agent.id, channel = "sms" })
    refused(box, 422, "user_id", "POST", PATH, { channel = "text", agent_id = agent.id })
  end)

  it("must be there and published", function()
    local box = new()
    local _, version, agent = with_draft(box)
    local draft = must(box, "GET", version).id
    refused(box, 400, "no published version", "POST", PATH, body { agent_id = agent.id })
    refused(box, 400, "not published", "POST", PATH, body { agent_id = agent.id, version = 1 })
    refused(box, 400, "not published", "POST", PATH, body { agent_version_id = draft })
    refused(box, 404, "no version 7", "POST", PATH, body { agent_id = agent.id, version = 7 })
    refused(box, 404, "Agent x not found", "POST", PATH, body { agent_id = "x" })
    refused(box, 404, "version x not found", "POST", PATH, body { agent_version_id = "x" })
    expect.equal(#must(box, "GET", PATH), 0)
  end)
end)

describe("a call", function()
  it("is queued, and moves on with each read until it is completed", function()
    local box, agent = with_agent()
    local call = call_with(box, agent, { initial_context = "Returning caller", custom_metadata = { order = 7 } })
    expect.equal({ call.status, call.direction, call.duration }, { "triggered", "outbound", json.null })
    expect.equal(call.agent, { id = agent.id, name = agent.name })
    expect.equal(statuses(box, call.id, 4), "ringing in_progress completed completed")
    local read = must(box, "GET", PATH .. "/" .. call.id)
    expect.equal({ read.duration, read.user_turn_count }, { 60, 1 })
    expect.equal({ read.initial_context, read.custom_metadata }, { "Returning caller", { order = 7 } })
    expect.equal(#read.conversation.turns, 3)
    expect.match(read.recording_details.url, "%.invalid/")
    expect.match(read.summary, "once")
  end)

  it("ends as its metadata ask for", function()
    local box, agent = with_agent()
    local function course(outcome)
      local call = call_with(box, agent, { custom_metadata = { sandbox_outcome = outcome } })
      return statuses(box, call.id, 4)
    end
    expect.equal(course "unanswered", "ringing unanswered unanswered unanswered")
    expect.equal(course "cancelled", "ringing cancelled cancelled cancelled")
    expect.equal(course "transferred", "ringing in_progress transferred transferred")
    expect.equal(course "failed", "failed failed failed failed")
    expect.equal(course "anything", "ringing in_progress completed completed")
  end)

  it("may be placed by the number alone, when the number has an agent for calls from it", function()
    local box = new()
    local _, version = with_published(box)
    local body = { channel = "telephone", user_id = CALLER, agent_number = NUMBER }
    refused(box, 400, NUMBER, "POST", PATH, body)
    must(box, "POST", version .. "/publish", { phone_numbers = { NUMBER }, direction = "outbound" })
    local call = create(box, body, 202).conversation
    expect.equal(call.agent_version_id, must(box, "GET", version).id)
    expect.equal({ call.agent_number, call.trunk_id }, { NUMBER, "1a000000-0000-4000-8000-000000000001" })
    body.agent_number = "+15557654321"
    refused(box, 404, "+15557654321", "POST", PATH, body)
  end)

  it("needs a number to call and an agent that is stored", function()
    local box, agent = with_agent()
    local function refuse(part, fields)
      fields.channel, fields.user_id = "telephone", fields.user_id or CALLER
      refused(box, 422, part, "POST", PATH, fields)
    end
    refuse("E.164", { agent_id = agent.id, user_id = "030123456" })
    refuse("needs one of", { agent_config = {} })
  end)

  it("may be dialed by those who hold the internal scope", function()
    local box, agent = with_agent()
    local call = must(box, "POST", PATH .. "/dial", { user_id = CALLER, agent_id = agent.id }).conversation
    expect.equal({ call.channel, call.status }, { "telephone", "triggered" })
    refused(box, 422, "user_id", "POST", PATH .. "/dial", {})
    refused(box, 422, "agent_id", "POST", PATH .. "/dial", { user_id = CALLER, agent_id = 7 })
    refused(box, 403, "conversations:dial", "POST", PATH .. "/dial", {}, VIEWER)
  end)
end)

describe("a text conversation", function()
  it("answers each message in the same words", function()
    local box, agent = with_agent()
    local path = PATH .. "/" .. text_with(box, agent).id
    local answer = must(box, "POST", path .. "/messages", { text = "Are you open?" })
    expect.equal(answer, {
      conversation_id = path:match("[^/]+$"), reply = "You said: Are you open?", tool_calls = json.array {},
    })
    expect.equal(must(box, "POST", path .. "/messages", { text = "a", interactivity = "plain" }).widgets, nil)
    local rich = must(box, "POST", path .. "/messages", { text = "b", interactivity = "rich" })
    expect.equal(rich.widgets[1].type, "info")
    local read = must(box, "GET", path)
    expect.equal({ read.status, read.user_turn_count, #read.conversation.turns }, { "in_progress", 3, 7 })
    refused(box, 422, "text", "POST", path .. "/messages", { text = "" })
    refused(box, 422, "interactivity", "POST", path .. "/messages", { text = "a", interactivity = "x" })
  end)

  it("ends once, and says nothing after that", function()
    local box, agent = with_agent()
    local path = PATH .. "/" .. text_with(box, agent).id
    must(box, "POST", path .. "/messages", { text = "Bye" })
    local ended = must(box, "POST", path .. "/end")
    expect.equal({ ended.status, ended.duration }, { "completed", 0 })
    expect.match(ended.summary, "once")
    local read = must(box, "GET", path)
    expect.equal(must(box, "POST", path .. "/end"), ended)
    expect.equal(must(box, "GET", path), read)
    refused(box, 409, "not active", "POST", path .. "/messages", { text = "Still there?" })
  end)

  it("is the only one that takes messages and an end", function()
    local box, agent = with_agent()
    local path = PATH .. "/" .. call_with(box, agent).id
    refused(box, 409, "telephone", "POST", path .. "/messages", { text = "a" })
    refused(box, 409, "telephone", "POST", path .. "/end")
    refused(box, 404, "not found", "POST", NONE .. "/messages", { text = "a" })
    refused(box, 404, "not found", "POST", NONE .. "/end")
    refused(box, 403, "conversations:manage", "POST", path .. "/end", nil, VIEWER)
  end)
end)

describe("the other channels", function()
  it("an email goes to an address", function()
    local box, agent = with_agent()
    local body = { channel = "email", user_id = "ann", agent_id = agent.id, subject = "Hi" }
    refused(box, 422, "to_address", "POST", PATH, body)
    body.to_address = "ann"
    refused(box, 422, "to_address", "POST", PATH, body)
    body.to_address = "ann@example.com"
    local turn = create(box, body).conversation.conversation.turns[1]
    expect.equal({ turn.to_address, turn.subject, turn.delivery_status }, { "ann@example.com", "Hi", "sent" })
  end)

  it("webrtc comes with a token, and is not listed until somebody joins", function()
    local box, agent = with_agent()
    local answer = create(box, { channel = "webrtc", user_id = "guest_1", agent_id = agent.id })
    expect.match(answer.token, "^sandbox%-join%-")
    expect.equal(answer.conversation.status, "token_created")
    expect.equal(#must(box, "GET", PATH), 0)
    expect.equal(#must(box, "GET", PATH .. "?status=token_created"), 1)
    expect.equal(#must(box, "GET", PATH .. "?channel=webrtc"), 0)
    refused(box, 409, "token_created", "POST", PATH .. "/" .. answer.conversation.id .. "/listener-token")
  end)

  it("a listener is let into the room of an active call alone", function()
    local box, agent = with_agent()
    local path = PATH .. "/" .. call_with(box, agent).id
    local grant = must(box, "POST", path .. "/listener-token")
    expect.match(grant.token, "^sandbox%-listener%-")
    expect.match(grant.expires_at, "^2026%-01%-01T01:")
    expect.truthy(grant.url and grant.room_name)
    for _ = 1, 3 do must(box, "GET", path) end
    refused(box, 409, "completed", "POST", path .. "/listener-token")
    refused(box, 404, "no room", "POST", PATH .. "/" .. text_with(box, agent).id .. "/listener-token")
    refused(box, 404, "not found", "POST", NONE .. "/listener-token")
  end)
end)

describe("the list of conversations", function()
  -- The user ids of a list, with commas between them.
  local function users(list)
    local result = {}
    for index, conversation in ipairs(list) do result[index] = conversation.user_id end
    return table.concat(result, ",")
  end

  local function finder(box)
    return function(query) return users(must(box, "GET", PATH .. query)) end
  end

  it("is newest first, and filtered by every parameter", function()
    local box = new()
    local _, version, agent = with_published(box)
    local version_id = must(box, "GET", version).id
    local metadata = { a = 1, tags = json.array { "x", "y" } }
    local first = text_with(box, agent, { user_id = "guest_ANN", custom_metadata = metadata })
    must(box, "POST", PATH .. "/" .. first.id .. "/messages", { text = "a" })
    must(box, "POST", PATH .. "/" .. first.id .. "/end")
    local call = call_with(box, agent, { agent_number = NUMBER })
    for _ = 1, 3 do must(box, "GET", PATH .. "/" .. call.id) end
    local third = create(box, { channel = "text", user_id = "bob", agent_config = {} }).conversation
    local find = finder(box)
    expect.equal(find "", "bob,+15550100,guest_ANN")
    expect.equal(find "?direction=outbound", CALLER)
    expect.equal(find "?channel=text", "bob,guest_ANN")
    expect.equal(find "?status=completed", "+15550100,guest_ANN")
    expect.equal(find "?status=completed&channel=text", "guest_ANN")
    expect.equal(find "?user_id=Guest_a", "guest_ANN")
    expect.equal(find("?agent_id=" .. agent.id), "+15550100,guest_ANN")
    expect.equal(find("?agent_version_id=" .. version_id), "+15550100,guest_ANN")
    expect.equal(find "?agent_number=555123", CALLER)
    expect.equal(find "?web_widget_id=w", "")
    expect.equal(find "?duration_above=60", CALLER)
    expect.equal(find "?duration_above=61", "")
    expect.equal(find "?duration_below=60", "+15550100,guest_ANN")
    expect.equal(find "?duration_below=59", "guest_ANN")
    expect.equal(find "?user_turn_count_above=1", "+15550100,guest_ANN")
    expect.equal(find "?user_turn_count_below=0", "bob")
    expect.equal(find("?custom_metadata=" .. asking.encode_query '{"tags":["y"]}'), "guest_ANN")
    expect.equal(find("?created_after=" .. third.created_at), "bob")
    expect.equal(find("?created_before=" .. first.created_at), "guest_ANN")
    refused(box, 422, "status", "GET", PATH .. "?status=gone")
    refused(box, 422, "custom_metadata", "GET", PATH .. "?custom_metadata=x")
  end)

  it("comes in pages that the client's own cursor continues", function()
    local box, agent = with_agent()
    for index = 1, 5 do text_with(box, agent, { user_id = "u" .. index }) end
    local seen, cursor = {}, ""
    repeat
      local page = must(box, "GET", PATH .. "?limit=2" .. cursor)
      seen[#seen + 1] = users(page)
      if #page > 0 then cursor = "&cursor=" .. asking.encode_query(asking.base64(page[#page].created_at)) end
    until #page < 2
    expect.equal(table.concat(seen, " "), "u5,u4 u3,u2 u1")
  end)

  it("does not move calls on", function()
    local box, agent = with_agent()
    call_with(box, agent)
    for _ = 1, 3 do must(box, "GET", PATH) end
    expect.equal(must(box, "GET", PATH)[1].status, "triggered")
  end)
end)

describe("who sees what of a conversation", function()
  local SENSITIVE = { "summary", "initial_context", "custom_metadata", "conversation", "recording_details" }

  it("a reader without read_sensitive sees the safe fields alone", function()
    local box, agent = with_agent()
    local path = PATH .. "/" .. text_with(box, agent).id
    local _, read = ask(box, "GET", path, nil, VIEWER)
    local _, list = ask(box, "GET", PATH, nil, VIEWER)
    for _, field in ipairs(SENSITIVE) do
      expect.equal({ read[field], list[1][field] }, {})
      expect.truthy(must(box, "GET", path)[field] ~= nil)
    end
    expect.equal({ read.user_id, read.status, read.channel }, { "guest_1", "in_progress", "text" })
    expect.equal(must(box, "GET", path).starting_message, nil)
  end)

  it("another organisation sees nothing", function()
    local box, agent = with_agent()
    local path, second = PATH .. "/" .. text_with(box, agent).id, { token = "ak_sandbox.second" }
    refused(box, 404, "not found", "GET", path, nil, second)
    refused(box, 404, "not found", "GET", NONE)
    local _, list = ask(box, "GET", PATH, nil, second)
    expect.equal(#list, 0)
    refused(box, 404, "Agent", "POST", PATH, { channel = "text", user_id = "x", agent_id = agent.id }, second)
  end)

  it("an agent counts its own", function()
    local box, agent = with_agent()
    text_with(box, agent)
    local call = call_with(box, agent)
    for _ = 1, 3 do must(box, "GET", PATH .. "/" .. call.id) end
    create(box, { channel = "text", user_id = "x", agent_config = {} })
    expect.equal(must(box, "GET", "/core/agents/" .. agent.id).conversation_statistics,
      { total = 2, active = 1, completed = 1, average_duration = 60 })
  end)
end)

describe("the brief for a colleague", function()
  it("is about the newest conversation of just that number", function()
    local box, agent = with_agent()
    local path = "/core/agent-assist/" .. CALLER
    refused(box, 404, CALLER, "GET", path)
    call_with(box, agent, { custom_metadata = { name = "Ann" } })
    local newest = call_with(box, agent, { custom_metadata = { order = 7, sandbox_outcome = "transferred" } })
    for _ = 1, 3 do must(box, "GET", PATH .. "/" .. newest.id) end
    local brief = must(box, "GET", path)
    expect.equal(brief.header, {
      caller_name = "Unknown Caller", phone_number = CALLER, call_duration_seconds = 60,
      sentiment = { label = "Calm", level = "calm" },
    })
    expect.contains(brief.transfer_reason, "transferred the call")
    expect.equal({ #brief.call_summary, #brief.suggested_next_steps, #brief.transcript }, { 3, 1, 3 })
    expect.equal(brief.information_collected[1], { key = "order", value = 7 })
    expect.equal(must(box, "GET", path), brief)
    refused(box, 404, "+1555010", "GET", "/core/agent-assist/+1555010")
  end)
end)
