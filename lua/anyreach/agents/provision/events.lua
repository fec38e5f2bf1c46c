-- Steps of provisioning as values for JSON events, which the recipes `provision` and `promote` print: the state
-- afterwards is the state before with their `differences` and `slots`.

local diff_text = require "anyreach.text.diff_text"
local json = require "anyreach.json"

local events = {}

local function slot_event(slot)
  local before = slot.before
  return {
    phone_number = slot.phone_number,
    slot = slot.slot,
    before = before and {
      agent_id = before.agent_id, agent = before.agent, agent_version = before.version,
      agent_version_id = before.version_id,
    } or json.null,
  }
end

--- Slots with what they held before, as a JSON array.
---@param slots anyreach.taken_slot[]
---@return table[]
function events.slots(slots)
  local list = json.array {}
  for index, slot in ipairs(slots) do list[index] = slot_event(slot) end
  return list
end

local function step_event(step)
  return {
    action = step.action,
    outcome = step.outcome,
    changes = step.changes and json.array(step.changes),
    differences = step.differences and diff_text.events(step.differences),
    base_version = step.base_version,
    slots = step.slots and events.slots(step.slots),
    phone_numbers = step.phone_numbers and json.array(step.phone_numbers),
    direction = step.direction,
  }
end

--- Steps as a JSON array.
---@param steps anyreach.step[]
---@return table[]
function events.steps(steps)
  local list = json.array {}
  for index, step in ipairs(steps) do list[index] = step_event(step) end
  return list
end

return events
