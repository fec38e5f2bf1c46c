-- The one form of a JSON value that all equal values have, and digests of it. Equal is what
-- anyreach.diff takes for equal: a null and an absent key are the same, so are 1 and 1.0; secrets are
-- left out. Pure.

local digest = require "anyreach.digest"
local json = require "anyreach.json"

local canonical = {}

local function is_secret(value)
  return getmetatable(value) == "secret"
end

local copy

local function copy_list(list, template)
  local result = json.array {}
  for index = 1, #list do
    local item = copy(list[index], template and template[index])
    if item == nil then item = json.null end
    result[index] = item
  end
  return result
end

local function copy_object(object, template)
  local result = {}
  for key, value in pairs(object) do
    value = copy(value, template and template[key])
    if value ~= json.null then result[key] = value end
  end
  return result
end

-- nil for a secret.
function copy(value, template)
  if is_secret(value) or is_secret(template) then return nil end
  if type(value) == "number" then return math.tointeger(value) or value end
  if type(value) ~= "table" then return value end
  local metatable = getmetatable(value)
  if metatable and metatable.__tostring then return tostring(value) end
  template = type(template) == "table" and template or nil
  if json.is_array(value) or value[1] ~= nil then return copy_list(value, template) end
  return copy_object(value, template)
end

--- A copy in canonical form; nil for a secret. References become text.
---@param value any
---@param template? any where this holds a secret, the value at the same place is left out, too
---@return any
function canonical.copy(value, template)
  return copy(value, template)
end

--- True when two values are equal; anyreach.diff would find nothing between them.
---@param a any
---@param b any
---@return boolean
function canonical.same(a, b)
  return json.equal(copy(a), copy(b))
end

--- A digest that equal values share.
---@param value any
---@param template? any as for copy
---@return string "sha256:" and 64 hex digits
function canonical.digest(value, template)
  local found = copy(value, template)
  return "sha256:" .. digest.sha256(found == nil and "" or json.encode(found, { invalid_bytes = "keep" }))
end

return canonical
