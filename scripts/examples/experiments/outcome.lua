-- Success as a function: a call of at least half a minute that was completed. Calls that nobody answered do
-- not count. To use it, write `outcome: !file outcome.lua` in the experiment.

return function(conversation)
  if conversation.status == "unanswered" then return nil end
  return conversation.status == "completed" and (conversation.duration or 0) >= 30
end
