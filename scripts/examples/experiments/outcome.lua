-- Success as a function: a completed call of at least half a minute. Unanswered calls do not count. To use it,
-- write `outcome: !file outcome.lua` in the experiment.

return function(conversation)
  if conversation.status == "unanswered" then return nil end
  return conversation.status == "completed" and (conversation.duration or 0) >= 30
end
