-- Values in words for messages: the text "x", a list, the number 5. It knows a reference (yaml/reference.lua)
-- by its metatable's name, so that texts need nothing of what they speak of.

local json = require "anyreach.json"

local SHOWN_MAX = 40 -- characters of a text

local function is_reference(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and metatable.__name == "anyreach.reference"
end

---@param value any
---@return string
return function(value)
  if value == nil or value == json.null then return "nothing" end
  if type(value) == "string" then
    local cut = utf8.offset(value, SHOWN_MAX + 1)
    if cut and cut <= #value then value = value:sub(1, cut - 1) .. "…" end
    return "the text " .. json.encode(value)
  end
  if is_reference(value) then return "the reference " .. tostring(value) end
  if json.is_array(value) then return "a list" end
  if type(value) == "table" then return "a mapping" end
  if type(value) == "number" or json.is_number(value) then return "the number " .. tostring(value) end
  return type(value) == "boolean" and tostring(value) or "a secret"
end
