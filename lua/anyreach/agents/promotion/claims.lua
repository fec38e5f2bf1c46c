-- Phone numbers of promoted agents: the numbers that reach an agent in the source, as numbers of the target
-- that shall reach the promoted version, in the same directions.

local slots = require "anyreach.agents.numbers.slots"

local claims = {}

local function add_problem(problems, item, number, format, ...)
  problems[#problems + 1] = { path = ("%s: %s"):format(item.name, number), message = format:format(...) }
end

-- The direction in which a number of the source holds some version of an agent, or nil.
local function direction_of(record, version_ids)
  local held = {}
  for _, slot in ipairs(slots.names) do
    if version_ids[slots.version_id(record, slot)] then held[#held + 1] = slot end
  end
  return #held == 2 and "both" or held[1]
end

local function check_claim(claimed, item, number, direction, problems)
  for _, slot in ipairs(slots.of(direction)) do
    local key = number .. " " .. slot
    if claimed[key] then
      add_problem(problems, item, number, "its %s slot is already claimed by '%s'", slot, claimed[key])
    end
    claimed[key] = claimed[key] or item.name
  end
end

-- Gives the item one number.
local function claim(item, number, direction, by_number, problems)
  if not by_number[number] then
    return add_problem(problems, item, number, "the target has no such number; say which one is meant in its "
      .. "environment file, as references: {number: {\"%s\": NUMBER}}", number)
  end
  item.state.numbers[number] = by_number[number]
  table.insert(item.numbers, { number = number, direction = direction })
end

local function claim_all(item, records, by_number, converter, claimed, problems)
  for _, record in ipairs(records) do
    local direction = direction_of(record, item.choice.version_ids)
    if direction then
      local number, problem = converter:number(record.phone_number)
      if number then
        check_claim(claimed, item, number, direction, problems)
        claim(item, number, direction, by_number, problems)
      else
        add_problem(problems, item, record.phone_number, "%s", problem)
      end
    end
  end
end

--- Gives each item the numbers that it has in the source.
---@param items anyreach.promotion_item[]
---@param records {source: table[], target: table[]} of all phone numbers
---@param converter anyreach.remap
---@param problems {path: string, message: string}[] to which problems are added
function claims.add(items, records, converter, problems)
  local by_number, claimed = {}, {}
  for _, record in ipairs(records.target) do by_number[record.phone_number] = record end
  for _, item in ipairs(items) do
    claim_all(item, records.source, by_number, converter, claimed, problems)
  end
end

return claims
