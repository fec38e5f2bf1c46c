-- What a slot shall hold instead of what it holds, as steps of requests: slots are written by publishing a
-- version anew, and cleared by publishing the version that holds them with the number to be taken away.
-- Pure but for `apply`.

local answering = require "anyreach.agents.numbers.answering"
local errors = require "anyreach.errors"
local slots = require "anyreach.agents.numbers.slots"
local steps = require "anyreach.agents.steps"

local moves = {}

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
---@field phone_numbers string[] to be assigned to the version
---@field unassign_phone_numbers string[] to be taken from the agent
---@field changes anyreach.slot_change[] that it brings about

-- {====== steps ======

-- Who publishes to bring a change about: the version that comes, else the one that goes.
local function publisher(change)
  local holder = change.to or change.from
  if not holder.agent_id then
    errors.raise("input", "the %s slot of %s holds version %s, which no agent of the organisation has; "
      .. "assign the number to an agent first", change.slot, change.number, holder.version_id)
  end
  return holder
end

-- Changes of both slots of a number, by the same version in the same way, are one.
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

-- The step that can take a change in: of the same direction, by the same version, or for a number that is
-- taken away by any version of the same agent.
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

--- The fewest requests that bring changes about. What is assigned comes before what is cleared, so that no
--- version is without a number in between.
---@param changes anyreach.slot_change[]
---@return anyreach.slot_step[]
function moves.steps(changes)
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
function moves.publish_steps(holder, changes)
  local list = moves.steps(changes)
  if #list == 0 then list[1] = new_step(holder) end
  return list
end

-- }======

-- {====== words ======

--- A version in words.
---@param holder anyreach.holder|nil
---@return string
function moves.name(holder)
  if not holder then return "nobody" end
  if not holder.agent then return "version " .. holder.version_id end
  return ("%s@%s"):format(holder.agent, holder.version or "new")
end

--- A change in words.
---@param change anyreach.slot_change
---@return string
function moves.describe_change(change)
  return ("%s %s: %s -> %s"):format(change.number, change.slot, moves.name(change.from), moves.name(change.to))
end

--- A step in words.
---@param step anyreach.slot_step
---@return string
function moves.describe(step)
  local texts = {}
  for index, change in ipairs(step.changes) do texts[index] = moves.describe_change(change) end
  if #texts == 0 then return ("%s@%s published"):format(step.agent, step.version) end
  return table.concat(texts, ", ")
end

-- }======

-- {====== carrying out ======

local function check_change(api, answer, change)
  local held = slots.version_id(answering.record(api, answer, change.number), change.slot)
  if held == (change.to and change.to.version_id) then return end
  errors.raise("conflict", "the %s slot of %s should hold %s and holds %s after it was written", change.slot,
    change.number, moves.name(change.to), held and "version " .. held or "nothing")
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

--- Carries out steps, and checks by what the server answers that the slots hold what they should.
---@param api anyreach.client
---@param list anyreach.slot_step[] get their `outcome`
function moves.apply(api, list)
  local ok, err = pcall(steps.run, list, function(step) perform(api, step) end)
  if not ok then error(steps.failure(list, err, moves.describe), 0) end
end

-- }======

return moves
