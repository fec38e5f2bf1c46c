-- The brief for a person who takes over from an agent: made anew from the newest conversation of a number
-- with each call. The real service lets a language model write it; here it is put together from what is
-- stored, with the documented keys. The keys inside the lists are our choice.

local json = require "anyreach.json"
local listing = require "anyreach.sandbox.listing"
local refusal = require "anyreach.sandbox.refusal"

local agent_assist = {}

local function newest(request, number)
  local range = { words = { listing.word(number) } }
  for conversation in request.store:each("conversations", request.organization, nil, range) do
    if conversation.user_id == number then return conversation end
  end
  refusal.raise(404, "No conversation with %s.", number)
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

agent_assist.rules = {
  ["agent_assist.get"] = function(request)
    local conversation = newest(request, request.path.phone_number)
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
  end,
}

return agent_assist
