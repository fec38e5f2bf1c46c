-- Slot changes: which version a slot should hold instead of the one it holds, the requests ("steps") that bring
-- changes about, and their words. A slot is written by publishing a version again, and emptied by publishing the
-- version that holds it with the number in unassign_phone_numbers. Pure but for `apply`.

local errors = require "anyreach.errors"
local number_state = require "anyreach.agents.numbers.number_state"
local slots = require "anyreach.agents.numbers.slots"
local steps = require "anyreach.agents.steps"

local slot_changes = {}

---@class anyreach.slot_change
---@field number string
---@field slot "inbound"|"outbound"
---@field from anyreach.holder|nil nil: the slot is empty
---@field to anyreach.holder|nil nil: the slot becomes empty

---@class anyreach.slot_step one request
---@field agent_id string
---@field agent string its name
---@field version integer
---@field direction "inbound"|"outbound"|"both"|nil nil: no slot is written, the version is only published
---@field phone_numbers string[] to assign to the version
---@field unassign_phone_numbers string[] to take from the agent
---@field changes anyreach.slot_change[] that it brings about

-- {====== changes ======

local function add(list, number, slot, to)
  local from = number[slot]
  if (from and from.version_id) == (to and to.version_id) then return end
  list[#list + 1] = { number = number.number, slot = slot, from = from, to = to }
end

--- The changes that give a number to a version.
---@param number anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@param holder anyreach.holder
---@return anyreach.slot_change[]
function slot_changes.assign(number, direction, holder)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do add(list, number, slot, holder) end
  return list
end

--- The changes that empty a number's slots.
---@param number anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function slot_changes.clear(number, direction)
  return slot_changes.assign(number, direction, nil)
end

--- The changes that move what one number's slots hold to another number. Empty slots change nothing there.
---@param from anyreach.number
---@param to anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function slot_changes.move(from, to, direction)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do
    if from[slot] then
      add(list, to, slot, from[slot])
      add(list, from, slot, nil)
    end
  end
  return list
end

--- The changes that swap what two numbers hold.
---@param a anyreach.number
---@param b anyreach.number
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function slot_changes.swap(a, b, direction)
  local list = {}
  for _, slot in ipairs(slots.of(direction)) do
    add(list, a, slot, b[slot])
    add(list, b, slot, a[slot])
  end
  return list
end

--- The changes that hand every slot of one version to another.
---@param phone_numbers table[] as number_state.phone_numbers reads them
---@param from anyreach.holder
---@param to anyreach.holder
---@return anyreach.slot_change[]
function slot_changes.hand_over(phone_numbers, from, to)
  local list = {}
  for _, phone_number in ipairs(phone_numbers) do
    for _, slot in ipairs(slots.names) do
      if slots.version_id(phone_number, slot) == from.version_id then
        list[#list + 1] = { number = phone_number.phone_number, slot = slot, from = from, to = to }
      end
    end
  end
  return list
end

-- }======

-- {====== steps ======

-- The version that is published to bring a change about: the new one, else the one that leaves.
local function publisher(change)
  local holder = change.to or change.from
  if not holder.agent_id then
    errors.raise("input", "the %s slot of %s holds version %s, which no agent of the organisation has; "
      .. "assign the number to an agent first", change.slot, change.number, holder.version_id)
  end
  return holder
end

-- Changes of both slots of a number go into one request when one version makes both in the same way.
local function direction_of(change, all)
  for _, other in ipairs(all) do
    local is_twin = other ~= change and other.number == change.number
    if is_twin and (other.to == nil) == (change.to == nil) then
      local a, b = publisher(other), publisher(change)
      if change.to and a.version_id == b.version_id or not change.to and a.agent_id == b.agent_id then return "both" end
    end
  end
  return change.slot
end

local function new_step(holder, direction)
  return {
    agent_id = holder.agent_id, agent = holder.agent, version = holder.version, direction = direction,
    phone_numbers = {}, unassign_phone_numbers = {}, changes = {},
  }
end

-- The step that can include a change: of the same direction and version; to empty a slot, any version of the
-- same agent will do.
local function find_step(list, change, holder, direction)
  for _, step in ipairs(list) do
    local same = change.to and step.version == holder.version or not change.to
    if step.agent_id == holder.agent_id and step.direction == direction and same then return step end
  end
end

local function add_once(list, value)
  for _, present in ipairs(list) do
    if present == value then return end
  end
  list[#list + 1] = value
end

local function add_change(list, change, all)
  local holder, direction = publisher(change), direction_of(change, all)
  local step = find_step(list, change, holder, direction)
  if not step then
    step = new_step(holder, direction)
    list[#list + 1] = step
  end
  add_once(change.to and step.phone_numbers or step.unassign_phone_numbers, change.number)
  step.changes[#step.changes + 1] = change
end

--- The fewest requests that bring changes about. Numbers are assigned before others are cleared, so that no
--- version is without a number in between.
---@param changes anyreach.slot_change[]
---@return anyreach.slot_step[]
function slot_changes.steps(changes)
  local list = {}
  for _, is_assignment in ipairs { true, false } do
    for _, change in ipairs(changes) do
      if (change.to ~= nil) == is_assignment then add_change(list, change, changes) end
    end
  end
  return list
end

--- The steps that publish a version and give it slots: at least the one that publishes it.
---@param holder anyreach.holder
---@param changes anyreach.slot_change[] all of them to `holder`
---@return anyreach.slot_step[]
function slot_changes.publish_steps(holder, changes)
  local list = slot_changes.steps(changes)
  if #list == 0 then list[1] = new_step(holder) end
  return list
end

-- }======

-- {====== words ======

--- A version in words.
---@param holder anyreach.holder|nil
---@return string
function slot_changes.name(holder)
  if not holder then return "nobody" end
  if not holder.agent then return "version " .. holder.version_id end
  return ("%s@%s"):format(holder.agent, holder.version or "new")
end

--- A change in words.
---@param change anyreach.slot_change
---@return string
function slot_changes.describe_change(change)
  local from, to = slot_changes.name(change.from), slot_changes.name(change.to)
  return ("%s %s: %s -> %s"):format(change.number, change.slot, from, to)
end

--- A step in words.
---@param step anyreach.slot_step
---@return string
function slot_changes.describe(step)
  local texts = {}
  for index, change in ipairs(step.changes) do texts[index] = slot_changes.describe_change(change) end
  if #texts == 0 then return ("%s@%s published"):format(step.agent, step.version) end
  return table.concat(texts, ", ")
end

-- }======

-- {====== carrying out ======

local function check_change(api, answer, change)
  local held = slots.version_id(number_state.after_publish(api, answer, change.number), change.slot)
  if held == (change.to and change.to.version_id) then return end
  errors.raise("conflict", "the %s slot of %s should hold %s and holds %s after it was written", change.slot,
    change.number, slot_changes.name(change.to), held and "version " .. held or "nothing")
end

local function list_or_nil(list)
  return #list > 0 and list or nil
end

local function perform(api, step)
  local body = step.direction and {
    phone_numbers = list_or_nil(step.phone_numbers),
    unassign_phone_numbers = list_or_nil(step.unassign_phone_numbers),
    direction = step.direction,
  }
  local answer = api.agents.versions.publish(step.agent_id, step.version, body)
  for _, change in ipairs(step.changes) do check_change(api, answer, change) end
end

--- Carries out steps, and checks in each answer that the slots hold what they should. A failure after the first
--- step is an error of kind "partial" that lists what was done.
---@param api anyreach.client
---@param list anyreach.slot_step[] get their `outcome`
function slot_changes.apply(api, list)
  local ok, err = pcall(steps.run, list, function(step) perform(api, step) end)
  if not ok then error(steps.failure(list, err, slot_changes.describe), 0) end
end

-- }======

return slot_changes
