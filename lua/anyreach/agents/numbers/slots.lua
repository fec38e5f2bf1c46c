-- The two slots of a phone number: inbound holds the version that answers calls to it, outbound the one that may
-- call from it. A direction names slots: "inbound", "outbound" or "both". Pure.

local json = require "anyreach.json"

local slots = {}

--- The slots, in the order in which they are shown.
slots.names = { "inbound", "outbound" }

local fields = { inbound = "inbound_agent_version_id", outbound = "outbound_agent_version_id" }

local named = { inbound = { "inbound" }, outbound = { "outbound" }, both = slots.names }

--- All directions.
slots.directions = { "inbound", "outbound", "both" }

--- The slots that a direction names; nil for an unknown one.
---@param direction string
---@return string[]|nil
function slots.of(direction)
  return named[direction]
end

--- The id of the version that a slot holds, or nil.
---@param record table of a phone number
---@param slot "inbound"|"outbound"
---@return string|nil
function slots.version_id(record, slot)
  local id = record[fields[slot]]
  if id == json.null then return nil end
  return id
end

--- Lets a record show a version in a slot.
---@param record table of a phone number; it is changed
---@param slot "inbound"|"outbound"
---@param version_id string|nil
function slots.show(record, slot, version_id)
  record[fields[slot]] = version_id or json.null
end

return slots
