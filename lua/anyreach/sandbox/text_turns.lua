-- Text conversations: one turn after the other, and their end. No model speaks here: the agent says
-- again what it was told, runs no tools, and shows one widget when it may. Tests can rely on its words.

local json = require "anyreach.json"
local conversations = require "anyreach.sandbox.conversations"
local refusal = require "anyreach.sandbox.refusal"
local timestamp = require "anyreach.text.timestamp"
local transcript = require "anyreach.sandbox.transcript"

local text_turns = {}

local function require_text(request)
  local conversation = conversations.require(request)
  if conversation.channel ~= "text" then
    refusal.raise(409, "Conversation %s is not a text conversation: its channel is %s.", conversation.id,
      conversation.channel)
  end
  return conversation
end

local function seconds_between(earlier, later)
  return (timestamp.parse(later) - timestamp.parse(earlier)) // 1000000
end

-- `info` is one of the documented types of widgets; its data are our choice.
local function widgets(text)
  return json.array { { type = "info", data = { title = "You said", text = text } } }
end

local rules = {}

rules["conversations.messages.create"] = function(request)
  local conversation, body = require_text(request), request.body
  if not conversations.is_active(conversation) then
    refusal.raise(409, "Conversation %s is not active: it is %s.", conversation.id, conversation.status)
  end
  local reply, now = "You said: " .. body.text, request.store:now()
  transcript.add(conversation, "user", body.text, now)
  transcript.add(conversation, "assistant", reply, now)
  conversation.updated_at = now
  conversations.save(request, conversation)
  return {
    conversation_id = conversation.id,
    reply = reply,
    tool_calls = json.array {},
    widgets = body.interactivity == "rich" and widgets(body.text) or nil,
  }
end

-- One that has ended already stays as it is.
rules["conversations.end_"] = function(request)
  local conversation = require_text(request)
  if conversations.is_active(conversation) then
    local now = request.store:now()
    conversation.status = "completed"
    conversation.duration = seconds_between(conversation.created_at, now)
    conversation.summary = transcript.summarize(conversation)
    conversation.updated_at = now
    conversations.save(request, conversation)
  end
  return {
    conversation_id = conversation.id,
    status = conversation.status,
    duration = conversation.duration,
    summary = conversation.summary,
  }
end

text_turns.rules = rules

return text_turns
