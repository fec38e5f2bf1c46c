-- Orphans: agents that were provisioned from a directory, as its lock says, are still in the organisation,
-- and that no file in it describes any more. Agents that are not in the lock are somebody else's.

local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local tasks = require "anyreach.client.tasks"

local orphans = {}

-- The agent, if it still is there under that name.
local function find_agent(api, row)
  local agent, err = api.try.agents.get(row.agent_id)
  if not errors.is_error(err) then
    return checked.object("agent", agent, "agents.get").name == row.agent and agent or nil
  end
  if err.kind ~= "not_found" then error(err, 0) end
end

--- The orphans of a lock.
---@param api anyreach.client
---@param lock anyreach.lock
---@param account string key of the organisation in the lock
---@param agents anyreach.agent[] all that files describe
---@return {name: string, agent_id: string}[] sorted by name
function orphans.find(api, lock, account, agents)
  local described, rows, found = {}, {}, {}
  for _, agent in ipairs(agents) do described[agent.name] = true end
  for _, row in ipairs(lock:rows(account)) do
    if not described[row.agent] and row.agent_id then rows[#rows + 1] = row end
  end
  local present = tasks.map(rows, function(row) return find_agent(api, row) or false end)
  for index, row in ipairs(rows) do
    if present[index] then found[#found + 1] = { name = row.agent, agent_id = row.agent_id } end
  end
  return found
end

return orphans
