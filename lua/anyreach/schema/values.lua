-- Values as schemas see them: which of JSON's kinds a value is, and a text that is the same for equal
-- values (anyreach.canonical is no help here: to a schema, null is not an absent key). Secrets and other
-- stand-ins for a text that is not known here are of the kind "opaque": they pass wherever a text may
-- stand, and are never looked into.

local decimal = require "anyreach.schema.decimal"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

local values = {}

local DEPTH_MAX = 512 -- as in JSON

local SCALARS = { string = "string", number = "number", boolean = "boolean" }

-- References are tables that show themselves as text; tags are tables, too.
local function kind_of_table(value)
  if json.is_array(value) or value[1] ~= nil then return "array" end
  local metatable = getmetatable(value)
  if not metatable then return "object" end
  return (metatable.__tostring or yaml.is_tag(value)) and "opaque" or "object"
end

--- Which kind of value it is.
---@param value any
---@return "string"|"number"|"boolean"|"null"|"array"|"object"|"opaque"
function values.kind(value)
  local kind = type(value)
  if SCALARS[kind] then return SCALARS[kind] end
  if value == json.null then return "null" end
  if json.is_number(value) then return "number" end
  if kind == "table" then return kind_of_table(value) end
  if kind == "userdata" then return "opaque" end
  errors.raise("usage", "anyreach.schema: expected a JSON value, got a %s", kind)
end

--- A count in words: "1 item", "2 items". A schema may hold one that is beyond all integers.
---@param count number
---@param noun string
---@return string
function values.counted(count, noun)
  return ("%s %s%s"):format(math.tointeger(count) or count, noun, count == 1 and "" or "s")
end

--- The names of an object, sorted.
---@param object table
---@return string[]
function values.names(object)
  local names = {}
  for name in pairs(object) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return names
end

local key_of

local writers = {}

function writers.string(value) return ("%d:%s"):format(#value, value) end

function writers.number(value) return decimal.key(value) .. ";" end

function writers.array(value, depth)
  local parts = {}
  for index, item in ipairs(value) do parts[index] = key_of(item, depth) end
  return "[" .. table.concat(parts) .. "]"
end

function writers.object(value, depth)
  local parts = {}
  for _, name in ipairs(values.names(value)) do
    parts[#parts + 1] = writers.string(name) .. key_of(value[name], depth)
  end
  return "{" .. table.concat(parts) .. "}"
end

function writers.opaque(value) return ("?%p"):format(value) end

function key_of(value, depth)
  if depth > DEPTH_MAX then errors.raise("input", "values nested deeper than %d levels", DEPTH_MAX) end
  local kind = values.kind(value)
  local writer = writers[kind]
  return writer and kind:sub(1, 1) .. writer(value, depth + 1) or kind .. tostring(value)
end

--- A text that is the same for equal values, and for these alone.
---@param value any
---@return string
function values.key(value)
  return key_of(value, 1)
end

return values
