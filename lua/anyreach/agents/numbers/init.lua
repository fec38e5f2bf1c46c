-- Phone numbers and the versions that answer there: what the commands of the recipe `numbers` change, as lists of
-- slot changes. Only reads; interrupted.run carries changes out.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local number_state = require "anyreach.agents.numbers.number_state"
local slot_changes = require "anyreach.agents.numbers.slot_changes"

local numbers = {}

--- A version of an agent as what a slot holds.
---@param agent table
---@param version table without a number when it is yet to be created
---@return anyreach.holder
function numbers.holder(agent, version)
  local version_id = version.version and checked.version_id(version)
  return { version_id = version_id, agent_id = agent.id, agent = agent.name, version = version.version }
end

-- The version of that number, else the newest published one.
local function published_version(api, agent, number)
  local versions = agent_lookup.versions(api, agent.id)
  local version = number and agent_lookup.numbered(versions, number) or not number and agent_lookup.published(versions)
  if not version then
    errors.raise("input", "agent '%s' has no %s", agent.name,
      number and ("version %d"):format(number) or "published version; publish one first")
  elseif version.published ~= true then
    errors.raise("input", "version %d of agent '%s' is a draft; publish it before it gets a number", number, agent.name)
  end
  return version
end

--- The changes that give a number to a version of an agent. The version must be published.
---@param api anyreach.client
---@param number string
---@param agent string its name or id
---@param version integer|nil default the newest published one
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.assign(api, number, agent, version, direction)
  local found = agent_lookup.find(api, agent)
  local holder = numbers.holder(found, published_version(api, found, version))
  return slot_changes.assign(number_state.read_some(api, { number })[number], direction, holder)
end

--- The changes that empty a number's slots.
---@param api anyreach.client
---@param number string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.clear(api, number, direction)
  return slot_changes.clear(number_state.read_some(api, { number })[number], direction)
end

local function read_two(api, a, b)
  if a == b then errors.raise("input", "%s is named twice; expected two numbers", a) end
  local found = number_state.read_some(api, { a, b })
  return found[a], found[b]
end

--- The changes that move what a number's slots hold to another number.
---@param api anyreach.client
---@param from string
---@param to string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.move(api, from, to, direction)
  local source, target = read_two(api, from, to)
  return slot_changes.move(source, target, direction)
end

--- The changes that swap what two numbers hold.
---@param api anyreach.client
---@param a string
---@param b string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.swap(api, a, b, direction)
  local first, second = read_two(api, a, b)
  return slot_changes.swap(first, second, direction)
end

return numbers
