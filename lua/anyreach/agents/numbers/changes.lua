-- What the commands on numbers mean for the slots: lists of changes, without those that are already so.
-- Pure; the numbers are as anyreach.numbers.answering reads them. A direction says which slots are meant.

local slots = require "anyreach.agents.numbers.slots"

local changes = {}

local function add(list, number, slot, to)
  local from = number[slot]
  if (from and from.version_id) == (to and to.version_id) then return end
  list[#list + 1] = { number = number.number, slot = slot, from = from, to = to }
end

--- A number is given to a version.
---@param number anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@param holder anyreach.holder
---@return anyreach.slot_change[]
function changes.assign(number, direction, holder)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do add(list, number, slot, holder) end
  return list
end

--- A number is taken from whoever holds it.
---@param number anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function changes.clear(number, direction)
  return changes.assign(number, direction, nil)
end

--- What the slots of one number hold goes to another number. Empty slots change nothing there.
---@param from anyreach.number
---@param to anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function changes.move(from, to, direction)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do
    if from[slot] then
      add(list, to, slot, from[slot])
      add(list, from, slot, nil)
    end
  end
  return list
end

--- Two numbers change places.
---@param a anyreach.number
---@param b anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function changes.swap(a, b, direction)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do
    add(list, a, slot, b[slot])
    add(list, b, slot, a[slot])
  end
  return list
end

return changes
