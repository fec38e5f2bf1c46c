-- How a call goes on. Nobody picks up in the sandbox, so a call moves one step with each time it is read
-- (conversations.get), and both sides speak fixed words. That lists do not move it, and all that is said,
-- is our choice.
-- A call is completed unless its custom_metadata name another end under `sandbox_outcome`.

local transcript = require "anyreach.sandbox.transcript"

local calls = {}

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
  transcript.add(conversation, "user", "Hello, who is this?", now)
  transcript.add(conversation, "assistant", "This is a call in the sandbox. Goodbye.", now)
  conversation.duration = SECONDS
  conversation.summary = transcript.summarize(conversation)
  conversation.recording_details = { url = ("https://recordings.sandbox.invalid/%s.ogg"):format(conversation.id) }
end

---Moves a call one step on.
---@param conversation table changed in place
---@param now string time stamp
---@return boolean changed
function calls.advance(conversation, now)
  local status = next_status(conversation)
  if not status then return false end
  local spoke = conversation.status == "in_progress"
  conversation.status = status
  conversation.updated_at = now
  if status == "in_progress" then transcript.add(conversation, "assistant", conversation.starting_message, now) end
  if spoke then hang_up(conversation, now) end
  return true
end

return calls
