-- How conversations go on: what is said in them, how calls move, how text conversations end. No model speaks here,
-- and nobody picks up: both sides say fixed words, so that tests can rely on them. How they begin, and who sees
-- which part of them, is in conversations.lua.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local timestamp = require "anyreach.text.timestamp"

local turns = {}
local rules = {}

local ACTIVE = { triggered = true, ringing = true, in_progress = true }

---True while one can speak or listen. `token_created` does not count: the pages differ about it, and
-- this follows those of the messages and of live monitoring.
---@param conversation table
---@return boolean
function turns.is_active(conversation)
  return ACTIVE[conversation.status] == true
end

---The conversation that the path names; answers 404 when the organisation has none of that id.
---@param request SandboxRequest
---@return table
function turns.require(request)
  local id = request.path.conversation_id
  local conversation = request.store:get("conversations", request.organization, id)
  if not conversation then checks.refuse(404, "Conversation %s not found.", id) end
  return conversation
end

---Stores a changed conversation.
---@param request SandboxRequest
---@param conversation table
function turns.save(request, conversation)
  request.store:save("conversations", conversation.id, conversation)
end

-- {====== transcripts ======

-- What was said: `conversation.turns`, each with role, content and time. The inner form of a transcript is not
-- documented; this one is our choice.

---A transcript in which nothing has been said.
---@return table
function turns.new_transcript()
  return { turns = json.array {} }
end

---Adds a turn, and counts it when it is the user's.
---@param conversation table changed in place
---@param role string "user" or "assistant"
---@param content string
---@param now string time stamp
---@param details table? further fields of the turn
function turns.add(conversation, role, content, now, details)
  local turn = { role = role, content = content, created_at = now }
  for name, value in pairs(details or {}) do turn[name] = value end
  local said = conversation.conversation.turns
  said[#said + 1] = turn
  if role == "user" then conversation.user_turn_count = conversation.user_turn_count + 1 end
end

local function summarize(conversation)
  local count = conversation.user_turn_count
  return ("The user spoke %s."):format(count == 1 and "once" or ("%d times"):format(count))
end

-- }======

-- {====== calls ======

-- A call moves one step with each time it is read (conversations.get). That lists do not move it, and all that is
-- said, is our choice. It is completed unless its custom_metadata name another end under `sandbox_outcome`.

-- Outcome -> the statuses on the way to it.
local COURSES = {
  completed = { "triggered", "ringing", "in_progress", "completed" },
  transferred = { "triggered", "ringing", "in_progress", "transferred" },
  unanswered = { "triggered", "ringing", "unanswered" },
  cancelled = { "triggered", "ringing", "cancelled" },
  failed = { "triggered", "failed" },
}

local SECONDS = 60 -- that a call lasts when somebody has answered

local function next_status(conversation)
  local course = COURSES[conversation.custom_metadata.sandbox_outcome] or COURSES.completed
  for index, status in ipairs(course) do
    if status == conversation.status then return course[index + 1] end
  end
end

local function hang_up(conversation, now)
  turns.add(conversation, "user", "Hello, who is this?", now)
  turns.add(conversation, "assistant", "This is a call in the sandbox. Goodbye.", now)
  conversation.duration = SECONDS
  conversation.summary = summarize(conversation)
  conversation.recording_details = { url = ("https://recordings.sandbox.invalid/%s.ogg"):format(conversation.id) }
end

---Moves a call one step on.
---@param conversation table changed in place
---@param now string time stamp
---@return boolean changed
function turns.advance_call(conversation, now)
  local status = next_status(conversation)
  if not status then return false end
  local spoke = conversation.status == "in_progress"
  conversation.status = status
  conversation.updated_at = now
  if status == "in_progress" then turns.add(conversation, "assistant", conversation.starting_message, now) end
  if spoke then hang_up(conversation, now) end
  return true
end

-- }======

-- {====== text conversations ======

-- The agent repeats what it was told, runs no tools, and shows one widget when it may.

local function require_text(request)
  local conversation = turns.require(request)
  if conversation.channel ~= "text" then
    checks.refuse(409, "Conversation %s is not a text conversation: its channel is %s.", conversation.id,
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

rules["conversations.messages.create"] = function(request)
  local conversation, body = require_text(request), request.body
  if not turns.is_active(conversation) then
    checks.refuse(409, "Conversation %s is not active: it is %s.", conversation.id, conversation.status)
  end
  local reply, now = "You said: " .. body.text, request.now()
  turns.add(conversation, "user", body.text, now)
  turns.add(conversation, "assistant", reply, now)
  conversation.updated_at = now
  turns.save(request, conversation)
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
  if turns.is_active(conversation) then
    local now = request.now()
    conversation.status = "completed"
    conversation.duration = seconds_between(conversation.created_at, now)
    conversation.summary = summarize(conversation)
    conversation.updated_at = now
    turns.save(request, conversation)
  end
  return {
    conversation_id = conversation.id,
    status = conversation.status,
    duration = conversation.duration,
    summary = conversation.summary,
  }
end

-- }======

turns.rules = rules

return turns
