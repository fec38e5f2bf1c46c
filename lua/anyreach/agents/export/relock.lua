-- After an export files and organisation are the same, and the lock is to say so: of the agents that it
-- knows already. What a repository owns is for provisioning to say, not for an export.

local agent_state = require "anyreach.agents.state"
local comparison = require "anyreach.agents.comparison"
local references = require "anyreach.agents.references"

local relock = {}

-- True when a file wants just what there is. A variable may hold something else, which an export leaves.
local function agrees(agent, state, resolver)
  local own = setmetatable({ numbers = {} }, { __index = agent })
  local wanted = references.substitute(agent_state.wanted(own, state), resolver)
  return #comparison.differences_of_file(wanted, agent_state.content(state), false) == 0
end

--- Notes the agents that were exported.
---@param results anyreach.export_result[]
---@param agents anyreach.agent[] as their files say now
---@param lock anyreach.lock
---@param account string key of the organisation in the lock
function relock.note(results, agents, lock, account)
  local by_name = {}
  for _, agent in ipairs(agents) do by_name[agent.name] = agent end
  for _, result in ipairs(results) do
    local agent, state = by_name[result.name], result.state
    if agent and state and lock:get(account, result.name) and agrees(agent, state, result.resolver) then
      lock:set(account, result.name, {
        agent_id = result.agent_id,
        version = state.version and state.version.version,
        files = agent_state.wanted_digest(agent),
        remote = agent_state.digest(state, agent_state.wanted(agent)),
      })
    end
  end
  lock:write()
end

return relock
