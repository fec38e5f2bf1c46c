-- What was said in a conversation: `conversation.turns`, each with role, content and time. The inner form
-- of a transcript is not documented; this one is our choice.

local json = require "anyreach.json"

local transcript = {}

---@return table an empty transcript
function transcript.new()
  return { turns = json.array {} }
end

---Adds a turn, and counts it when it is the user's.
---@param conversation table changed in place
---@param role string "user" or "assistant"
---@param content string
---@param now string time stamp
---@param details table? further fields of the turn
function transcript.add(conversation, role, content, now, details)
  local turn = { role = role, content = content, created_at = now }
  for name, value in pairs(details or {}) do turn[name] = value end
  local turns = conversation.conversation.turns
  turns[#turns + 1] = turn
  if role == "user" then conversation.user_turn_count = conversation.user_turn_count + 1 end
end

---@return string
function transcript.summarize(conversation)
  local count = conversation.user_turn_count
  return ("The user spoke %s."):format(count == 1 and "once" or ("%d times"):format(count))
end

return transcript
