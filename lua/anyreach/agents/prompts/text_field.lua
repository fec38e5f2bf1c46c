-- Texts in a configuration by their paths, such as channel_overrides.text.instructions. Pure.

local json = require "anyreach.json"
local operations = require "anyreach.operations"

local text_field = {}

-- The keys of a path, or nil when it is malformed.
local function keys_of(path)
  local keys, position = {}, 1
  while position <= #path do
    local name, after = path:match("^([^.%[%]]+)()", position)
    local index, after_index = path:match("^%[(%d+)%]()", position)
    if not name and not index then return nil end
    keys[#keys + 1] = name or math.tointeger(tonumber(index))
    position = after or after_index
    if path:sub(position, position) == "." then position = position + 1 end
  end
  return keys[1] and keys
end

local function nearest_key(container, key)
  local known = {}
  for name in pairs(container) do known[#known + 1] = tostring(name) end
  return operations.nearest(tostring(key), known)
end

local function missing(container, key, path)
  local near = nearest_key(container, key)
  return ("the configuration has no '%s'%s"):format(path, near and ("; did you mean '%s'?"):format(near) or "")
end

--- The text at a path.
---@param config table
---@param path string
---@return string|nil text nil when there is none
---@return string|nil problem why there is none; nil when it could be put there
---@return boolean|nil is_new nothing is there, and it could be put there
function text_field.get(config, path)
  local keys, value = keys_of(path), config
  if not keys then
    return nil, ("'%s' is not a path; expected one such as channel_overrides.text.instructions"):format(path)
  end
  for index, key in ipairs(keys) do
    local container = value
    value = container[key]
    if value == json.null then value = nil end
    if value == nil then
      local is_new = index == #keys and type(key) == "string" and not json.is_array(container)
      return nil, missing(container, key, path), is_new
    elseif index < #keys and type(value) ~= "table" then
      return nil, ("'%s' is not a mapping"):format(table.concat(keys, ".", 1, index))
    end
  end
  if type(value) ~= "string" then return nil, ("'%s' holds no text"):format(path) end
  return value
end

local function set(value, keys, index, text)
  if index > #keys then return text end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = part end
  copy[keys[index]] = set(copy[keys[index]], keys, index + 1, text)
  return copy
end

--- The configuration with a text at a path where get found one, or that one could be put there.
---@param config table
---@param path string
---@param text string
---@return table copy which shares what has not changed
function text_field.set(config, path, text)
  return set(config, keys_of(path), 1, text)
end

return text_field
