-- Lays one JSON value over another: what a value becomes when a file owns some of its fields. The fields that the
-- file names get its values, all others stay; a null in the file removes what is there. What is written, compared and
-- shown is made by this one rule. Pure; values are as the JSON and YAML readers make them, and the upper one may hold
-- secrets and references.
--
-- Mappings are laid over each other key by key. An element of a list is laid over the one that has the same name (the
-- first of NAMES that it holds), or over the one at its place when it has none; what no element is laid over goes.

local json = require "anyreach.json"

local overlay = {}

-- The fields by which an element of a list is known, the best first.
local NAMES = { "name", "id", "type" }

-- References have parts, but are whole values.
local function kind(value)
  if type(value) ~= "table" then return "leaf" end
  local metatable = getmetatable(value)
  if metatable and metatable.__tostring then return "leaf" end
  return (json.is_array(value) or value[1] ~= nil) and "list" or "mapping"
end

local function is_absent(value)
  return value == nil or value == json.null
end

-- {====== lists ======

-- The field that names an element; nil when none does.
local function naming_field(element)
  if kind(element) ~= "mapping" then return nil end
  for _, field in ipairs(NAMES) do
    if type(element[field]) == "string" then return field end
  end
end

local function is_named_alike(upper, field, lower)
  return kind(lower) == "mapping" and lower[field] == upper[field]
end

--- Which elements of two lists belong together. Names count first, then places; of several elements of one name those
--- at the same place belong together.
---@param upper table
---@param lower table
---@return table<integer, integer> partner index above -> index below
---@return table<integer, string> named index above -> the field by which the two were paired
function overlay.pair_elements(upper, lower)
  local partner, is_taken, named = {}, {}, {}
  local function pair(index, other, field)
    partner[index], is_taken[other], named[index] = other, true, field
  end
  for index = 1, #upper do
    local field = naming_field(upper[index])
    if field and is_named_alike(upper[index], field, lower[index]) then pair(index, index, field) end
  end
  for index = 1, #upper do
    local field = not partner[index] and naming_field(upper[index])
    for other = 1, field and #lower or 0 do
      if not is_taken[other] and is_named_alike(upper[index], field, lower[other]) then
        pair(index, other, field)
        break
      end
    end
  end
  for index = 1, math.min(#upper, #lower) do
    if not is_taken[index] and not naming_field(upper[index]) then pair(index, index) end
  end
  return partner, named
end

-- }======

local lay

local function lay_list(upper, lower, exact)
  local result, partner = setmetatable({}, getmetatable(upper)), overlay.pair_elements(upper, lower)
  for index = 1, #upper do
    local element, other = upper[index], lower[partner[index]]
    -- A null in a list is an element.
    if is_absent(element) then result[index] = json.null else result[index] = lay(element, other, exact) end
  end
  return result
end

local function lay_mapping(upper, lower, exact)
  local result = setmetatable({}, getmetatable(upper))
  for key, value in pairs(exact and {} or lower) do
    if upper[key] == nil then result[key] = value end
  end
  for key, value in pairs(upper) do result[key] = lay(value, lower[key], exact) end
  return result
end

function lay(upper, lower, exact)
  if is_absent(upper) then
    if is_absent(lower) then return upper end
    return nil
  end
  local same = kind(upper)
  if same == "mapping" then return lay_mapping(upper, kind(lower) == same and lower or {}, exact) end
  if same == "list" then return lay_list(upper, kind(lower) == same and lower or {}, exact) end
  return upper
end

--- A value with another one laid over it. Neither is changed.
---@param upper any null: the value is removed
---@param lower any nil: nothing is there
---@param exact? boolean fields that only `lower` has go
---@return any
function overlay.apply(upper, lower, exact)
  return lay(upper, lower, exact or false)
end

return overlay
