-- Query strings: from the text of a request to values of the types that the operation declares.

local json = require "anyreach.json"
local refusal = require "anyreach.sandbox.refusal"

local query = {}

local function decode_percent(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- One decoded name or value; what is not UTF-8 cannot mean anything in an API that speaks JSON.
local function decode(text)
  local decoded = decode_percent(text)
  if not utf8.len(decoded) then refusal.raise(422, "query: expected UTF-8") end
  return decoded
end

---Names and texts as they came: a string, or an array of strings for a name that came repeatedly.
---@param text string without the question mark
---@return table<string, string|string[]>
function query.parse(text)
  local values = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=(.*)$")
    name, value = decode(name or pair), decode(value or "")
    local earlier = values[name]
    if earlier == nil then
      values[name] = value
    elseif type(earlier) == "table" then
      earlier[#earlier + 1] = value
    else
      values[name] = json.array { earlier, value }
    end
  end
  return values
end

local CONVERSIONS = {
  integer = function(text) return math.tointeger(tonumber(text)) end,
  number = tonumber,
  boolean = function(text)
    if text == "true" then return true end
    if text == "false" then return false end
  end,
}

local function is_list(field)
  return (field.schema.types or {})[1] == "array"
end

local function convert(field, text)
  if field.schema.json_text then
    local ok, value = pcall(json.decode, text)
    if not ok then refusal.raise(422, "%s: %s", field.name, value) end
    return value
  end
  for _, type_name in ipairs(field.schema.types or { "string" }) do
    local conversion = CONVERSIONS[type_name]
    local value = conversion and conversion(text)
    if value ~= nil then return value end
    if type_name == "string" then return text end
  end
  refusal.raise(422, "%s: %q is out of range", field.name, text)
end

---Values of the declared types. Call it on what operations.check has passed.
---@param texts table<string, string|string[]>
---@param fields table[]? the operation's query_fields
---@return table<string, any>
function query.convert(texts, fields)
  local values = {}
  for _, field in ipairs(fields or {}) do
    local text = texts[field.name]
    if type(text) ~= "string" then
      values[field.name] = text
    else
      values[field.name] = is_list(field) and json.array { text } or convert(field, text)
    end
  end
  return values
end

return query
