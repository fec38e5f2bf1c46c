-- Who has changed something since files and organisation were last the same, by the digests in the lock.
-- Only asked when they differ now: so if the files are as they were, it was the organisation.

local agent_state = require "anyreach.agents.state"

local ahead = {}

-- Digests leave secrets out.
local function are_all_secret(differences)
  for _, difference in ipairs(differences) do
    if getmetatable(difference.after) ~= "secret" then return false end
  end
  return true
end

--- Who is ahead.
---@param row anyreach.lock_row|nil
---@param agent anyreach.agent
---@param state anyreach.agent_state
---@param differences anyreach.difference[]
---@return "files"|"organization"|"both"|"unknown"
function ahead.of(row, agent, state, differences)
  if not row or not row.files or not row.remote or are_all_secret(differences) then return "unknown" end
  if row.files == agent_state.wanted_digest(agent) then return "organization" end
  return row.remote == agent_state.digest(state, agent_state.wanted(agent)) and "files" or "both"
end

return ahead
