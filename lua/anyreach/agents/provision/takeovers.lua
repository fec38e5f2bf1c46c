-- Phone numbers that a run takes from others. Each slot that is to be written is told with the agent and version that
-- hold it. One that is held by an agent which none of the given files describes is taken only when that is allowed;
-- otherwise nothing of the agent that claims it is written.

local errors = require "anyreach.errors"

local takeovers = {}

-- Calls f with each slot that a change writes and that holds something.
local function each_slot(changes, f)
  for _, change in ipairs(changes) do
    for _, step in ipairs(change.steps) do
      for _, slot in ipairs(step.slots or {}) do
        if slot.before then f(slot, change) end
      end
    end
  end
end

-- Completes what slots hold by the agents that have these versions.
local function find_holders(search, changes)
  local ids = {}
  each_slot(changes, function(slot) ids[slot.before.version_id] = true end)
  if not next(ids) then return end
  local holders = search:find(ids)
  each_slot(changes, function(slot) slot.before = holders[slot.before.version_id] end)
end

-- The slots that are taken from agents that no change is about, by change. The agent of a change that could not be
-- compared is known by its name alone.
local function undescribed(changes)
  local ids, names, found = {}, {}, {}
  for _, change in ipairs(changes) do
    ids[change.agent_id or ""], names[change.name] = true, not change.agent_id or nil
  end
  each_slot(changes, function(slot, change)
    local before = slot.before
    if before.agent_id and ids[before.agent_id] or before.agent and names[before.agent] then return end
    found[change] = found[change] or {}
    table.insert(found[change], slot)
  end)
  return found
end

--- What a slot holds, in words.
---@param holder anyreach.holder
---@return string
function takeovers.holder_text(holder)
  if not holder.agent then return "a version of an agent that is not found" end
  return ("'%s' version %d"):format(holder.agent, holder.version)
end

local OTHERS = "which no given file describes"

local function text_of(taken, why)
  local parts = {}
  for index, slot in ipairs(taken) do
    parts[index] = ("%s %s is held by %s"):format(slot.phone_number, slot.slot, takeovers.holder_text(slot.before))
  end
  return ("%s, %s"):format(table.concat(parts, "; "), why or OTHERS), #taken == 1 and "it" or "them"
end

--- The error for slots that may not be taken, of kind "conflict".
---@param taken anyreach.taken_slot[]
---@param why? string what those are that hold them; default "which no given file describes"
---@return anyreach.error
function takeovers.refusal(taken, why)
  return errors.make { kind = "conflict", message = ("%s; --take-numbers takes %s"):format(text_of(taken, why)) }
end

--- The question whether slots may be taken, for somebody at a terminal.
---@param name string who takes them
---@param taken anyreach.taken_slot[]
---@param why? string as above
---@return string
function takeovers.question(name, taken, why)
  return ("%s: %s; take %s?"):format(name, text_of(taken, why))
end

--- Completes the slots in the steps of changes, and has those changes fail that would take a number from an agent
--- that none of them is about.
---@param search anyreach.holder_search
---@param changes anyreach.change[]
---@param may_take boolean|(fun(change: anyreach.change, taken: anyreach.taken_slot[]): boolean)|nil
---@param why? string what such an agent is; default "which no given file describes"
function takeovers.check(search, changes, may_take, why)
  find_holders(search, changes)
  local found = undescribed(changes)
  for _, change in ipairs(changes) do
    local taken = found[change]
    local is_allowed = not taken or may_take == true or may_take and may_take(change, taken)
    if not is_allowed and not change.error then
      change.action, change.error = "failed", takeovers.refusal(taken, why)
    end
  end
end

return takeovers
