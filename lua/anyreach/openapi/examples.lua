-- Examples of calling an operation, made from its row: what is required is given, with values that fit.

local json = require "anyreach.json"
local name_rule = require "anyreach.openapi.name"
local encode = require("anyreach.text.percent").encode

local examples = {}

local BASE_URL = "https://api.anyreach.ai"

local FORMATS = {
  ["date-time"] = "2026-01-31T09:00:00Z",
  date = "2026-01-31",
  email = "name@example.com",
  uri = "https://example.com/",
}

local object_value -- objects hold values, values objects

local function has_type(schema, wanted)
  for _, name in ipairs(schema.types) do
    if name == wanted then return true end
  end
  return false
end

-- A value that the schema accepts; `name` is what a text says of itself.
local function value_of(schema, name)
  if schema.choices and schema.choices[1] then return schema.choices[1] end
  if has_type(schema, "string") then return FORMATS[schema.format] or name:upper() end
  if has_type(schema, "integer") or has_type(schema, "number") then return schema.minimum or 1 end
  if has_type(schema, "boolean") then return true end
  if has_type(schema, "object") then return object_value(schema) end
  if has_type(schema, "array") then
    return json.array { schema.items and value_of(schema.items, name) or name:upper() }
  end
  return json.null
end

-- The required fields, and the first of those of which one is needed.
function object_value(schema)
  local first, object = schema.exactly_one_of and schema.exactly_one_of[1], {}
  for _, field in ipairs(schema.fields or {}) do
    if field.required or field.name == first then object[field.name] = value_of(field.schema, field.name) end
  end
  return object
end

local function query_of(operation)
  local query = {}
  for _, field in ipairs(operation.parameters) do
    if field.required then query[field.name] = value_of(field.schema, field.name) end
  end
  return query
end

local function body_of(operation)
  local body = operation.body
  if not body then return nil end
  if has_type(body, "object") then
    local value, first = object_value(body), body.fields and body.fields[1]
    if not next(value) and first then value[first.name] = value_of(first.schema, first.name) end
    return (operation.body_required or next(value)) and value or nil
  end
  return operation.body_required and value_of(body, "value") or nil
end

local function path_values(operation)
  local values = {}
  for i, field in ipairs(operation.path_fields) do values[i] = value_of(field.schema, field.name) end
  return values
end

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- A value as Lua source.
local function lua_text(value)
  if value == json.null then return "anyreach.null" end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if json.is_array(value) then
    for i, element in ipairs(value) do parts[i] = lua_text(element) end
  else
    for _, key in ipairs(sorted_keys(value)) do
      local left = name_rule.is_spelled(key) and not key:find(".", 1, true) and key or ("[%q]"):format(key)
      parts[#parts + 1] = left .. " = " .. lua_text(value[key])
    end
  end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

--- One line of Lua that calls it.
---@param operation table from operations.describe
---@return string
function examples.lua(operation)
  local given = {}
  for i, value in ipairs(path_values(operation)) do given[i] = lua_text(value) end
  local fields, body = query_of(operation), body_of(operation)
  if type(body) == "table" and not json.is_array(body) then
    for key, value in pairs(body) do fields[key] = value end
  elseif body ~= nil then
    fields = body
  end
  if body ~= nil or next(fields) then given[#given + 1] = lua_text(fields) end
  return ("local result = api.%s(%s)"):format(operation.name, table.concat(given, ", "))
end

local function text_of(value)
  return type(value) == "table" and json.encode(value) or tostring(value)
end

local function target(operation)
  local values, index, parts = path_values(operation), 0, {}
  local path = operation.path:gsub("{[^}]*}", function()
    index = index + 1
    return encode(text_of(values[index]))
  end)
  local query = query_of(operation)
  for _, name in ipairs(sorted_keys(query)) do
    parts[#parts + 1] = encode(name) .. "=" .. encode(text_of(query[name]))
  end
  return BASE_URL .. path .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A command for a shell that calls it; the credential is in $ANYREACH_TOKEN.
---@param operation table from operations.describe
---@return string
function examples.curl(operation)
  local method = operation.method ~= "GET" and "-X " .. operation.method .. " " or ""
  local lines = { "curl " .. method .. quote(target(operation)) }
  if not operation.public then lines[#lines + 1] = '-H "Authorization: Bearer $ANYREACH_TOKEN"' end
  local body = body_of(operation)
  if body ~= nil then
    lines[#lines + 1] = "-H 'Content-Type: application/json'"
    lines[#lines + 1] = "-d " .. quote(json.encode(body))
  end
  return table.concat(lines, " \\\n  ")
end

return examples
