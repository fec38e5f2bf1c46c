-- Conversations: how they begin on each channel, who sees which part of them, how lists find them, and the brief
-- for a person who takes over. Stored in "conversations" as the whole object; what the credential may not see is
-- left out of answers. How they go on is in turns.lua. Nobody joins the room of a webrtc conversation here, so it
-- stays `token_created`.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local checks = require "anyreach.sandbox.checks"
local config_schema = require "anyreach.sandbox.config_schema"
local listing = require "anyreach.sandbox.listing"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local turns = require "anyreach.sandbox.turns"
local versions = require "anyreach.sandbox.versions"
local timestamp = require "anyreach.text.timestamp"

local conversations = {}

local HAS_ROOM = { telephone = true, webrtc = true }
local TOKEN_SECONDS = 3600

-- {====== what other families ask ======

---How many conversations an agent has had. The keys are our choice: that there are statistics is
---documented, what they hold is not.
---@return table
function conversations.statistics(request, agent_id)
  local result = { total = 0, active = 0, completed = 0, average_duration = json.null }
  local seconds = 0
  for conversation in request.store:each_with("conversations", request.organization, "agent_id", agent_id) do
    result.total = result.total + 1
    if turns.is_active(conversation) then result.active = result.active + 1 end
    if conversation.status == "completed" then
      result.completed = result.completed + 1
      seconds = seconds + conversation.duration
    end
  end
  if result.completed > 0 then result.average_duration = seconds / result.completed end
  return result
end

-- }======

-- {====== who sees what ======

local SENSITIVE = { "summary", "initial_context", "custom_metadata", "conversation", "recording_details" }

-- The conversation as the API shows it. The page says that what comes back depends on read_sensitive; so
-- manage alone does not show the sensitive fields, and they are absent rather than null (our choice).
local function present(request, conversation)
  conversation.starting_message = nil
  if not request.caller.holds("conversations:read_sensitive") then
    for _, field in ipairs(SENSITIVE) do conversation[field] = nil end
  end
  return conversation
end

-- }======

-- {====== lists ======

local EXACT = { "direction", "channel", "status", "agent_id", "agent_version_id", "web_widget_id" }
local PARTS = { "user_id", "agent_number" }
local AT_LEAST = { duration_above = "duration", user_turn_count_above = "user_turn_count" }
local AT_MOST = { duration_below = "duration", user_turn_count_below = "user_turn_count" }

local function is_equal(value, wanted) return value == wanted end
local function is_part(value, wanted) return value ~= json.null and listing.contains_text(value, wanted) end
local function is_at_least(value, bound) return value ~= json.null and value >= bound end
local function is_at_most(value, bound) return value ~= json.null and value <= bound end

-- Query field -> the field it is held against, and how.
local FILTERS = { custom_metadata = { field = "custom_metadata", holds = listing.contains_value } }
for _, name in ipairs(EXACT) do FILTERS[name] = { field = name, holds = is_equal } end
for _, name in ipairs(PARTS) do FILTERS[name] = { field = name, holds = is_part } end
for name, field in pairs(AT_LEAST) do FILTERS[name] = { field = field, holds = is_at_least } end
for name, field in pairs(AT_MOST) do FILTERS[name] = { field = field, holds = is_at_most } end

-- Webrtc conversations that nobody has joined are not listed unless asked for by their status: the
-- dashboard hides them, and that the server does it is our choice.
local function filter(query)
  return function(conversation)
    if conversation.status == "token_created" and query.status == nil then return false end
    for name, wanted in pairs(query) do
      local one = FILTERS[name]
      if one and not one.holds(conversation[one.field], wanted) then return false end
    end
    return true
  end
end

local function hints_of(query)
  local hints = { holding = {}, having = { custom_metadata = query.custom_metadata } }
  for _, name in ipairs(EXACT) do hints.having[name] = query[name] end
  for _, name in ipairs(PARTS) do hints.holding[name] = query[name] end
  return hints
end

-- }======

-- {====== which agent speaks ======

-- Found from the one reference that the body gives: an agent with or without a version, a version, a configuration
-- for this conversation alone, or for a call the number it is placed from. That a version must be published is
-- documented; the statuses of the refusals, except the 422 for more than one reference, are our choice.

local REFERENCES = { "agent_id", "agent_version_id", "agent_config" }

local function get(request, collection, id, what)
  local document = request.store:get(collection, request.organization, id)
  if not document then checks.refuse(404, "%s %s not found.", what, id) end
  return document
end

local function latest_published(request, agent)
  return versions.newest_published(request, agent.id)
    or checks.refuse(400, "Agent %s has no published version.", agent.id)
end

-- The reference to a version that has been found.
local function to_version(request, agent, version)
  if not version.published then
    checks.refuse(400, "Version %d of agent %s is not published.", version.version, agent.id)
  end
  return {
    agent = { id = agent.id, name = agent.name },
    agent_version_id = version.id,
    config = get(request, "configs", version.id, "Configuration").config,
  }
end

local function by_version_id(request, id)
  local version = get(request, "versions", id, "Agent version")
  return to_version(request, get(request, "agents", version.agent_id, "Agent"), version)
end

local READERS = {
  agent_id = function(request, id, body)
    local agent = get(request, "agents", id, "Agent")
    local number = body.version or "latest"
    local version = number == "latest" and latest_published(request, agent) or versions.find(request, agent.id, number)
    return to_version(request, agent, version)
  end,
  agent_version_id = by_version_id,
  agent_config = function(_, config)
    config_schema.check(config)
    return { agent = json.null, agent_version_id = json.null, config = config }
  end,
}

-- The version that calls from this number: documented is that the number may stand for an agent; that
-- it is the one in the slot for outbound calls is our choice.
local function by_number(request, number)
  local slot = phone_numbers.require(request, number).outbound_agent_version_id
  if slot == json.null then checks.refuse(400, "Phone number %s has no agent for outbound calls.", number) end
  return by_version_id(request, slot)
end

local function given_references(body)
  local given = {}
  for _, name in ipairs(REFERENCES) do
    if body[name] ~= nil then given[#given + 1] = name end
  end
  return given
end

-- The agent of a new conversation: { agent =, agent_version_id =, config = }, the first two null with a
-- configuration alone.
local function find_agent(request, body)
  local given = given_references(body)
  if #given > 1 then checks.refuse(422, "body: expected just one of %s", table.concat(given, ", ")) end
  if body.version ~= nil and given[1] ~= "agent_id" then checks.refuse(422, "version: goes with agent_id alone") end
  if given[1] then return READERS[given[1]](request, body[given[1]], body) end
  if body.agent_number and body.channel == "telephone" then return by_number(request, body.agent_number) end
  checks.refuse(422, "body: expected one of %s", table.concat(REFERENCES, ", "))
end

-- }======

-- {====== beginnings ======

local function id_of(agent)
  return agent == json.null and json.null or agent.id
end

-- The greeting of a configuration on a channel. Its form is documented for a text alone; any other, and
-- none, is replaced by our own words.
local function starting_message(config, channel)
  local overrides = config.channel_overrides
  local override = type(overrides) == "table" and overrides[channel]
  local special = type(override) == "table" and override.starting_message
  for _, text in ipairs { special or json.null, config.starting_message or json.null } do
    if type(text) == "string" then return text end
  end
  return "Hello, how can I help you?"
end

-- A conversation of which nothing has been said yet. Its direction on each channel is our choice.
local function begin(request, body, status, direction)
  local reference = find_agent(request, body)
  local now = request.now()
  return {
    id = request.new_id(),
    organization_id = request.organization,
    direction = direction,
    channel = body.channel,
    status = status,
    user_id = body.user_id,
    agent = reference.agent,
    agent_id = id_of(reference.agent),
    agent_version_id = reference.agent_version_id,
    agent_number = body.agent_number or json.null,
    web_widget_id = json.null,
    trunk_id = json.null,
    duration = json.null,
    user_turn_count = 0,
    summary = json.null,
    initial_context = body.initial_context or json.null,
    custom_metadata = body.custom_metadata or {},
    conversation = turns.new_transcript(),
    recording_details = json.null,
    starting_message = starting_message(reference.config, body.channel),
    created_at = now,
    updated_at = now,
  }
end

local function add(request, conversation)
  request.store:add("conversations", conversation.id, conversation, { organization = request.organization })
end

-- A token for the room of a conversation. It opens nothing; the keys are those of a listener's token,
-- also for webrtc, where they are our choice.
local function room_token(request, conversation, purpose)
  local now = timestamp.parse(request.now())
  return {
    url = "wss://livekit.sandbox.invalid",
    token = ("sandbox-%s-%s"):format(purpose, request.new_id()),
    room_name = "conversation-" .. conversation.id,
    expires_at = timestamp.format(now + TOKEN_SECONDS * 1000000),
  }
end

-- That a call is answered with the conversation under the same key as a text one is our choice.
local function begin_call(request, body)
  if not checks.is_phone_number(body.user_id) then
    checks.refuse(422, "user_id: expected an E.164 number such as +15551234567")
  end
  if body.agent_number == nil and body.agent_id == nil and body.agent_version_id == nil then
    checks.refuse(422, "body: a call needs one of agent_number, agent_id, agent_version_id")
  end
  local conversation = begin(request, body, "triggered", "outbound")
  if body.agent_number then
    conversation.trunk_id = phone_numbers.require(request, body.agent_number).trunk_id
  end
  add(request, conversation)
  return { conversation = present(request, conversation) }
end

local function begin_text(request, body)
  local conversation = begin(request, body, "in_progress", "inbound")
  local greeting = conversation.starting_message
  turns.add(conversation, "assistant", greeting, conversation.created_at)
  add(request, conversation)
  return { conversation = present(request, conversation), starting_message = greeting }
end

-- The greeting counts as sent at once; the keys beside delivery_status are our choice.
local function begin_email(request, body)
  if not (body.to_address or ""):find("^[^@%s]+@[^@%s]+$") then
    checks.refuse(422, "to_address: expected an email address")
  end
  local conversation = begin(request, body, "in_progress", "outbound")
  turns.add(conversation, "assistant", conversation.starting_message, conversation.created_at, {
    to_address = body.to_address,
    from_address = body.from_address or json.null,
    subject = body.subject or json.null,
    delivery_status = "sent",
  })
  add(request, conversation)
  return { conversation = present(request, conversation) }
end

local function begin_webrtc(request, body)
  local conversation = begin(request, body, "token_created", "inbound")
  local answer = room_token(request, conversation, "join")
  add(request, conversation)
  answer.conversation = present(request, conversation)
  return answer
end

local BEGINNINGS = { telephone = begin_call, text = begin_text, email = begin_email, webrtc = begin_webrtc }

-- }======

local rules = {}

rules["conversations.list"] = function(request)
  local query = request.query
  local page = listing.page(request, "conversations", nil, filter(query), hints_of(query))
  for _, conversation in ipairs(page) do present(request, conversation) end
  return page
end

rules["conversations.create"] = function(request)
  local body = request.body
  return BEGINNINGS[body.channel](request, body), { status = body.channel == "telephone" and 202 or nil }
end

rules["conversations.get"] = function(request)
  local conversation = turns.require(request)
  if conversation.channel == "telephone" and turns.advance_call(conversation, request.now()) then
    turns.save(request, conversation)
  end
  return present(request, conversation)
end

-- Its body is not documented: it takes what the creation of a call takes (our choice).
rules["conversations.dial"] = function(request)
  local body = request.body or {}
  body.channel = "telephone"
  local problems = operations.check("conversations.create", "body", body)
  if problems then checks.refuse_problems(problems) end
  return begin_call(request, body)
end

rules["conversations.listener_token"] = function(request)
  local conversation = turns.require(request)
  if not turns.is_active(conversation) then
    checks.refuse(409, "Conversation %s is not active: it is %s.", conversation.id, conversation.status)
  end
  if not HAS_ROOM[conversation.channel] then
    checks.refuse(404, "Conversation %s has no room to listen to.", conversation.id)
  end
  return room_token(request, conversation, "listener")
end

-- {====== the brief for a person who takes over ======

-- Made anew from the newest conversation of a number with each call. The real service lets a language model write
-- it; here it is put together from what is stored, with the documented keys. The keys inside the lists are our
-- choice.

local function newest_with(request, number)
  local range = { hints = { having = { user_id = number } } }
  for conversation in request.store:each("conversations", request.organization, nil, range) do
    if conversation.user_id == number then return conversation end
  end
  checks.refuse(404, "No conversation with %s.", number)
end

local function header(conversation)
  local name = conversation.custom_metadata.name
  return {
    caller_name = type(name) == "string" and name or "Unknown Caller",
    phone_number = conversation.user_id,
    call_duration_seconds = conversation.duration,
    sentiment = { label = "Calm", level = "calm" },
  }
end

-- Three lines, the fewest that the page promises.
local function call_summary(conversation)
  return json.array {
    ("The conversation is on the channel %s, %s."):format(conversation.channel, conversation.direction),
    ("Its status is %s."):format(conversation.status),
    ("The user has spoken %d times."):format(conversation.user_turn_count),
  }
end

local function information_collected(conversation)
  local names, list = {}, json.array {}
  for name in pairs(conversation.custom_metadata) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    list[#list + 1] = { key = name, value = conversation.custom_metadata[name] }
  end
  return list
end

rules["agent_assist.get"] = function(request)
  local conversation = newest_with(request, request.path.phone_number)
  return {
    header = header(conversation),
    transfer_reason = conversation.status == "transferred" and "The agent transferred the call."
      or "The conversation was not transferred.",
    call_summary = call_summary(conversation),
    information_collected = information_collected(conversation),
    suggested_next_steps = json.array { { step = "Ask how you can help.", confidence = "high" } },
    transcript = conversation.conversation.turns,
    compliance_flags = json.array {},
  }
end

-- }======

conversations.rules = rules

return conversations
