-- The state of an organisation's phone numbers: which agent and version each slot holds. Only reads.

local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local holder_search = require "anyreach.agents.numbers.holder_search"
local operations = require "anyreach.operations"
local pager = require "anyreach.client.pager"
local slots = require "anyreach.agents.numbers.slots"

local number_state = {}

---@class anyreach.number
---@field number string
---@field phone_number table as the server gave it
---@field inbound anyreach.holder|nil
---@field outbound anyreach.holder|nil

-- Completes the holders, which are given by version id.
local function find_agents(api, holders)
  if not next(holders) then return end
  for id, found in pairs(holder_search.new(api):find(holders)) do
    for key, value in pairs(found) do holders[id][key] = value end
  end
end

local function make_number(phone_number, holders)
  local number = { number = phone_number.phone_number, phone_number = phone_number }
  for _, slot in ipairs(slots.names) do
    local id = slots.version_id(phone_number, slot)
    if id then
      holders[id] = holders[id] or { version_id = id }
      number[slot] = holders[id]
    end
  end
  return number
end

local function make_numbers(phone_numbers)
  local numbers, holders = {}, {}
  for index, phone_number in ipairs(phone_numbers) do numbers[index] = make_number(phone_number, holders) end
  return numbers, holders
end

local expected = setmetatable({}, { __mode = "k" }) -- client -> changes that are only shown

--- Has the numbers that are read from now on show changes that come before what is planned. With --check they are not
--- made.
---@param api anyreach.client
---@param changes anyreach.slot_change[]
function number_state.expect(api, changes)
  expected[api] = changes
end

local function show_expected(api, list)
  local by_number = {}
  for _, phone_number in ipairs(list) do by_number[phone_number.phone_number] = phone_number end
  for _, change in ipairs(expected[api] or {}) do
    local to = change.to
    if by_number[change.number] then slots.show(by_number[change.number], change.slot, to and to.version_id) end
  end
end

--- The organisation's phone numbers as the server gave them, sorted.
---@param api anyreach.client
---@return table[]
function number_state.phone_numbers(api)
  local list = checked.list("phone_number", api.phone_numbers.each(), "phone_numbers.list")
  show_expected(api, list)
  table.sort(list, function(a, b) return a.phone_number < b.phone_number end)
  return list
end

--- All numbers, sorted, with what their slots hold.
---@param api anyreach.client
---@return anyreach.number[]
function number_state.read(api)
  local numbers, holders = make_numbers(number_state.phone_numbers(api))
  find_agents(api, holders)
  return numbers
end

local function fail_unknown(phone_numbers, wanted)
  local known = {}
  for index, phone_number in ipairs(phone_numbers) do known[index] = phone_number.phone_number end
  local near = operations.nearest(wanted, known)
  errors.raise("input", "the organisation has no phone number %s; %s", wanted,
    near and ("did you mean %s?"):format(near) or "'anyreach run numbers' lists its numbers")
end

--- Some numbers with what their slots hold. A number that the organisation does not have raises an error of
--- kind "input".
---@param api anyreach.client
---@param wanted string[]
---@return table<string, anyreach.number> by number
function number_state.read_some(api, wanted)
  local by_number, chosen, all = {}, {}, number_state.phone_numbers(api)
  for _, phone_number in ipairs(all) do by_number[phone_number.phone_number] = phone_number end
  for index, number in ipairs(wanted) do chosen[index] = by_number[number] or fail_unknown(all, number) end
  local numbers, holders = make_numbers(chosen)
  find_agents(api, holders)
  local result = {}
  for _, number in ipairs(numbers) do result[number.number] = number end
  return result
end

--- A phone number as it is now.
---@param api anyreach.client
---@param number string
---@return table
function number_state.get(api, number)
  return checked.object("phone_number", api.phone_numbers.get(number), "phone_numbers.get")
end

--- A phone number after a publication: from the answer, or read anew when the answer leaves it out.
---@param api anyreach.client
---@param answer any to agents.versions.publish
---@param number string
---@return table
function number_state.after_publish(api, answer, number)
  for _, row in ipairs(pager.rows(answer) or {}) do
    if type(row) == "table" and row.phone_number == number then
      return checked.object("phone_number", row, "agents.versions.publish")
    end
  end
  return number_state.get(api, number)
end

return number_state
