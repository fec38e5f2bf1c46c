-- Which version answers where: the phone numbers of an organisation, and the agent and version that each
-- slot holds. A slot names a version by its id alone, and no operation finds a version by id; so the
-- versions of one agent after the other are read until all that are held have been met. Only reads.

local agent_lookup = require "anyreach.agents.lookup"
local answers = require "anyreach.agents.answers"
local errors = require "anyreach.errors"
local operations = require "anyreach.operations"
local pager = require "anyreach.client.pager"
local slots = require "anyreach.agents.numbers.slots"
local tasks = require "anyreach.client.tasks"

local answering = {}

---@class anyreach.holder what a slot holds
---@field version_id string
---@field agent_id string|nil nil: no agent of the organisation has this version
---@field agent string|nil its name
---@field version integer|nil
---@field newest integer|nil number of the agent's newest published version

---@class anyreach.number
---@field number string
---@field record table as the server gave it
---@field inbound anyreach.holder|nil
---@field outbound anyreach.holder|nil

local function note_agent(holders, agent, versions)
  local published, found = agent_lookup.published(versions), 0
  for _, version in ipairs(versions) do
    local holder = version.id and holders[version.id]
    if holder then
      holder.agent_id, holder.agent, holder.version = agent.id, agent.name, version.version
      holder.newest = published and published.version
      found = found + 1
    end
  end
  return found
end

-- Completes the holders, which are given by version id.
local function find_agents(api, holders)
  local missing = 0
  for _ in pairs(holders) do missing = missing + 1 end
  if missing == 0 then return end
  tasks.map(agent_lookup.all(api), function(agent)
    if missing == 0 then return end
    local found = note_agent(holders, agent, agent_lookup.versions(api, agent.id))
    missing = missing - found
  end)
end

local function make_number(record, holders)
  local number = { number = record.phone_number, record = record }
  for _, slot in ipairs(slots.names) do
    local id = slots.version_id(record, slot)
    if id then
      holders[id] = holders[id] or { version_id = id }
      number[slot] = holders[id]
    end
  end
  return number
end

local function make_numbers(records)
  local numbers, holders = {}, {}
  for index, record in ipairs(records) do numbers[index] = make_number(record, holders) end
  return numbers, holders
end

local function read_records(api)
  local records = answers.list("phone_number", api.phone_numbers.each(), "phone_numbers.list")
  table.sort(records, function(a, b) return a.phone_number < b.phone_number end)
  return records
end

--- All numbers, sorted, with what their slots hold.
---@param api anyreach.client
---@return anyreach.number[]
function answering.read(api)
  local numbers, holders = make_numbers(read_records(api))
  find_agents(api, holders)
  return numbers
end

local function fail_unknown(records, wanted)
  local known = {}
  for index, record in ipairs(records) do known[index] = record.phone_number end
  local near = operations.nearest(wanted, known)
  errors.raise("input", "phone number %s is none of the organisation's; %s", wanted,
    near and ("did you mean %s?"):format(near) or "'anyreach run numbers' shows those")
end

--- Some numbers with what their slots hold; one that the organisation does not have raises an error of
--- kind "input".
---@param api anyreach.client
---@param wanted string[]
---@return table<string, anyreach.number> by number
function answering.read_some(api, wanted)
  local by_number, chosen, all = {}, {}, read_records(api)
  for _, record in ipairs(all) do by_number[record.phone_number] = record end
  for index, number in ipairs(wanted) do chosen[index] = by_number[number] or fail_unknown(all, number) end
  local numbers, holders = make_numbers(chosen)
  find_agents(api, holders)
  local result = {}
  for _, number in ipairs(numbers) do result[number.number] = number end
  return result
end

--- The slots that hold some version, as changes that would fill them with `to`.
---@param records table[] of phone numbers
---@param version_id string
---@return {number: string, slot: string}[]
function answering.slots_of(records, version_id)
  local list = {}
  for _, record in ipairs(records) do
    for _, slot in ipairs(slots.names) do
      if slots.version_id(record, slot) == version_id then
        list[#list + 1] = { number = record.phone_number, slot = slot }
      end
    end
  end
  return list
end

--- The records of all numbers, sorted.
answering.records = read_records

--- The record of a number, as it is now.
---@param api anyreach.client
---@param number string
---@return table
function answering.record_of(api, number)
  return answers.read("phone_number", api.phone_numbers.get(number), "phone_numbers.get")
end

--- The record of a number in the answer to a publication, or as it is read now when the answer leaves it out.
---@param api anyreach.client
---@param answer any
---@param number string
---@return table
function answering.record(api, answer, number)
  for _, record in ipairs(pager.rows(answer) or {}) do
    if type(record) == "table" and record.phone_number == number then
      return answers.read("phone_number", record, "agents.versions.publish")
    end
  end
  return answering.record_of(api, number)
end

return answering
