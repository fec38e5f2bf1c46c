-- Pruning: deletes the agents that a lock says were provisioned from here, and that no file describes any
-- more. Only for whoever types the name of the organisation; never an agent that the lock does not name.

local errors = require "anyreach.errors"
local orphans = require "anyreach.agents.orphans"
local tasks = require "anyreach.client.tasks"

local prune = {}

--- Refuses to prune, with an error of kind "guard", when the name that was typed is not the organisation's.
---@param account anyreach.account
---@param typed string
function prune.check_name(account, typed)
  if typed ~= "" and (typed == account.organization or typed == account.organization_name) then return end
  local name = account.organization_name or account.organization
  if name then
    errors.raise("guard", "--prune: expected the name or id of the organisation, '%s', got '%s'; nothing was sent",
      name, typed)
  end
  errors.raise("guard", "--prune: which organisation this is, is not known; give its organization or "
    .. "organization_name in a profile, and type that")
end

---@class anyreach.pruned
---@field name string
---@field agent_id string
---@field action "delete"|"deleted"|"failed"
---@field error any

--- The agents to delete. Only reads.
---@param api anyreach.client
---@param locks anyreach.lock[]
---@param account anyreach.account
---@param agents anyreach.agent[] all that files describe
---@return anyreach.pruned[] each with the action "delete"
function prune.find(api, locks, account, agents)
  local found = {}
  for _, lock in ipairs(locks) do
    for _, orphan in ipairs(orphans.find(api, lock, account.key, agents)) do
      found[#found + 1] = { name = orphan.name, agent_id = orphan.agent_id, action = "delete", lock = lock }
    end
  end
  return found
end

-- An agent that somebody else has just deleted is no more, which is what is wanted.
local function delete(api, item)
  local ok, err = pcall(api.agents.delete, item.agent_id)
  if not ok and not (errors.is_error(err) and err.kind == "not_found") then
    item.action, item.error = "failed", err
  else
    item.action = "deleted"
  end
end

--- Deletes them, and takes them out of their locks.
---@param api anyreach.client
---@param account anyreach.account
---@param found anyreach.pruned[] they get the action "deleted" or "failed"
function prune.apply(api, account, found)
  tasks.map(found, function(item)
    delete(api, item)
    if item.action == "deleted" then item.lock:remove(account.key, item.name) end
  end)
end

return prune
