-- Phone numbers and the versions that answer there: what the commands of the recipe `numbers` do, for
-- scripts too.
--
--   local numbers = require "anyreach.agents.numbers"
--   for _, number in ipairs(numbers.read(api)) do print(number.number, number.inbound and number.inbound.agent) end
--   numbers.carry_out(api, "my swap", numbers.swap(api, "+15551230001", "+15551230002", "both"))

local agent_lookup = require "anyreach.agents.lookup"
local answers = require "anyreach.agents.answers"
local answering = require "anyreach.agents.numbers.answering"
local changes = require "anyreach.agents.numbers.changes"
local errors = require "anyreach.errors"
local moves = require "anyreach.agents.numbers.moves"
local unfinished = require "anyreach.agents.numbers.unfinished"

local numbers = {}

--- All numbers, sorted, with the version that each slot holds.
numbers.read = answering.read

--- The records of all numbers, sorted, as the server gave them.
numbers.records = answering.records

-- {====== what is to change ======

--- A version of an agent as what a slot holds.
---@param agent table
---@param version table without a number: it is yet to be created
---@return anyreach.holder
function numbers.holder(agent, version)
  local version_id = version.version and answers.version_id(version)
  return { version_id = version_id, agent_id = agent.id, agent = agent.name, version = version.version }
end

-- The version that is meant: the one of that number, else the newest published one.
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

--- What gives a number to a version of an agent. The version must be published.
---@param api anyreach.client
---@param number string
---@param agent string its name or id
---@param version integer|nil default the newest published one
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.assign(api, number, agent, version, direction)
  local found = agent_lookup.find(api, agent)
  local holder = numbers.holder(found, published_version(api, found, version))
  return changes.assign(answering.read_some(api, { number })[number], direction, holder)
end

--- What takes a number from whoever holds it.
---@param api anyreach.client
---@param number string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.clear(api, number, direction)
  return changes.clear(answering.read_some(api, { number })[number], direction)
end

local function two(api, a, b)
  if a == b then errors.raise("input", "%s is named twice; expected two numbers", a) end
  local found = answering.read_some(api, { a, b })
  return found[a], found[b]
end

--- What moves that which a number's slots hold to another number.
---@param api anyreach.client
---@param from string
---@param to string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.move(api, from, to, direction)
  local source, target = two(api, from, to)
  return changes.move(source, target, direction)
end

--- What lets two numbers change places.
---@param api anyreach.client
---@param a string
---@param b string
---@param direction "inbound"|"outbound"|"both"
---@return anyreach.slot_change[]
function numbers.swap(api, a, b, direction)
  local first, second = two(api, a, b)
  return changes.swap(first, second, direction)
end

--- What moves all slots that hold one version of an agent to another of its versions.
---@param records table[] of phone numbers, as numbers.records reads them
---@param from anyreach.holder
---@param to anyreach.holder
---@return anyreach.slot_change[]
function numbers.hand_over(records, from, to)
  local list = {}
  for _, slot in ipairs(answering.slots_of(records, from.version_id)) do
    list[#list + 1] = { number = slot.number, slot = slot.slot, from = from, to = to }
  end
  return list
end

-- }======

-- {====== carrying it out ======

local function is_begun(list)
  return list[1].outcome == "done" or list[1].outcome == "may_have_been_done"
end

--- Carries out steps. When they are several, they are noted first, so that a run that is cut off can be
--- completed; while an earlier note stands, that is refused. A failure after the first step is an error of
--- kind "partial" that lists what was done.
---@param api anyreach.client
---@param what string the command, in words
---@param steps anyreach.slot_step[] get their `outcome`
function numbers.run(api, what, steps)
  if #steps < 2 then return moves.apply(api, steps) end
  local all = {}
  for _, step in ipairs(steps) do table.move(step.changes, 1, #step.changes, #all + 1, all) end
  unfinished.note(api, what, all)
  local ok, err = pcall(moves.apply, api, steps)
  if ok or not is_begun(steps) then unfinished.forget(api) end
  if not ok then error(err, 0) end
end

--- Carries out changes of slots.
---@param api anyreach.client
---@param what string the command, in words
---@param list anyreach.slot_change[]
---@return anyreach.slot_step[] that were carried out
function numbers.carry_out(api, what, list)
  local steps = moves.steps(list)
  numbers.run(api, what, steps)
  return steps
end

---@class anyreach.left_over
---@field what string the command that was cut off
---@field steps anyreach.slot_step[] what is left to be done of it
---@field changed anyreach.slot_change[] slots that somebody has changed since, which are left alone

--- What an earlier run on this account has begun and not finished, or nil.
---@param api anyreach.client
---@return anyreach.left_over|nil
function numbers.left_over(api)
  local record = unfinished.read(api)
  if not record then return nil end
  local by_number = {}
  for _, row in ipairs(answering.records(api)) do by_number[row.phone_number] = row end
  local due, changed = unfinished.remaining(record, by_number)
  return { what = record.what, steps = moves.steps(due), changed = changed }
end

--- Completes what an earlier run has begun.
---@param api anyreach.client
---@param left anyreach.left_over
function numbers.complete(api, left)
  moves.apply(api, left.steps)
  unfinished.forget(api)
end

-- }======

return numbers
