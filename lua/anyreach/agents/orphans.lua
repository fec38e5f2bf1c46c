-- Orphans: agents that, by its lock, were provisioned from a directory, that the organisation still has, and that no
-- file describes any more. `diff` lists them, `provision --prune` deletes them, for whoever types the name of the
-- organisation. An agent that the lock does not name is never one.

local agent_lookup = require "anyreach.agents.lookup"
local errors = require "anyreach.errors"
local tasks = require "anyreach.client.tasks"

local orphans = {}

---@class anyreach.orphan
---@field name string
---@field agent_id string
---@field action "delete"|"deleted"|"failed"
---@field error any
---@field private lock anyreach.lock

--- The orphans of a lock. Only reads.
---@param api anyreach.client
---@param lock anyreach.lock
---@param account string key of the organisation in the lock
---@param agents anyreach.agent[] all that files describe
---@return anyreach.orphan[] sorted by name, each with the action "delete"
function orphans.find(api, lock, account, agents)
  local described, rows, found = {}, {}, {}
  for _, agent in ipairs(agents) do described[agent.name] = true end
  for _, row in ipairs(lock:rows(account)) do
    if not described[row.agent] and row.agent_id then rows[#rows + 1] = row end
  end
  local present = tasks.map(rows, function(row)
    local agent = agent_lookup.by_known_id(api, row.agent_id)
    return agent ~= nil and agent.name == row.agent
  end)
  for index, row in ipairs(rows) do
    if present[index] then
      found[#found + 1] = { name = row.agent, agent_id = row.agent_id, action = "delete", lock = lock }
    end
  end
  return found
end

--- Refuses to delete, with an error of kind "guard", when the name that was typed is not the organisation's.
---@param account anyreach.account
---@param typed string
function orphans.check_organization(account, typed)
  if typed ~= "" and (typed == account.organization or typed == account.organization_name) then return end
  local name = account.organization_name or account.organization
  if name then
    errors.raise("guard", "--prune: expected the name or id of the organisation, '%s', got '%s'; nothing was written",
      name, typed)
  end
  errors.raise("guard", "--prune: the name of this organisation is not known; give its organization or "
    .. "organization_name in a profile, and type that")
end

-- An agent that somebody else has just deleted is gone, which is what is wanted.
local function delete(api, orphan)
  local ok, err = pcall(api.agents.delete, orphan.agent_id)
  if not ok and not (errors.is_error(err) and err.kind == "not_found") then
    orphan.action, orphan.error = "failed", err
  else
    orphan.action = "deleted"
  end
end

--- Deletes orphans, and removes them from their locks.
---@param api anyreach.client
---@param account string key of the organisation in the lock
---@param found anyreach.orphan[] they get the action "deleted" or "failed"
function orphans.delete(api, account, found)
  tasks.map(found, function(orphan)
    delete(api, orphan)
    if orphan.action == "deleted" then orphan.lock:remove(account, orphan.name) end
  end)
end

return orphans
