-- How a server may store agents' configurations otherwise than they were sent, and show them otherwise than they are
-- stored: the fault `stores=WORDS`. The words, separated by ",":
--
--   mask    secrets, by their keys' names, are shown as asterisks
--   trim    texts lose the white space around them
--   round   numbers keep two decimals
--   drop    keys that begin with "drop" are forgotten
--   add     configurations, and the mappings in their lists, get a key that nobody sent
--
-- Our choice in all of it: the API documents nothing of the kind.

local json = require "anyreach.json"

local stored_forms = {}

local WORDS = { mask = true, trim = true, round = true, drop = true, add = true }

---@param text string
---@return table<string, true>|nil words
---@return string|nil message
function stored_forms.parse(text)
  local words = {}
  for word in text:gmatch("[^,%s]+") do
    if not WORDS[word] then return nil, "expected some of mask, trim, round, drop, add" end
    words[word] = true
  end
  if next(words) == nil then return nil, "expected some of mask, trim, round, drop, add" end
  return words
end

local function is_mapping(value)
  return type(value) == "table" and not json.is_array(value) and not json.is_number(value)
end

-- A copy in which `change` has replaced each plain value; nil leaves it out.
local function map(value, key, change)
  if type(value) ~= "table" or json.is_number(value) then return change(value, key) end
  local copy = setmetatable({}, getmetatable(value))
  for name, part in pairs(value) do
    local new = map(part, name, change)
    if new ~= nil then copy[name] = new end
  end
  return copy
end

local function add_keys(value, is_top)
  if type(value) ~= "table" or json.is_number(value) then return end
  if is_top then value.added_by_server = true end
  for _, part in pairs(value) do add_keys(part, json.is_array(value) and is_mapping(part)) end
end

local function without_dropped(value)
  if type(value) ~= "table" or json.is_number(value) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do
    if not (type(key) == "string" and key:find("^drop")) then copy[key] = without_dropped(part) end
  end
  return copy
end

--- A configuration as it is stored.
---@param words table<string, true>
---@param config table
---@return table
function stored_forms.stored(words, config)
  local copy = map(words.drop and without_dropped(config) or config, "", function(value)
    if words.trim and type(value) == "string" then return value:match("^%s*(.*%S)") or "" end
    if words.round and math.type(value) == "float" then return math.floor(value * 100 + 0.5) / 100 end
    return value
  end)
  if words.add then add_keys(copy, true) end
  return copy
end

local function is_secret(key)
  return type(key) == "string" and (key:find("key$") or key:find("token$") or key:find("secret$")) ~= nil
end

--- A configuration as it is shown.
---@param words table<string, true>
---@param config any
---@return any
function stored_forms.shown(words, config)
  if not words.mask then return config end
  return map(config, "", function(value, key)
    if type(value) == "string" and is_secret(key) then return "****" .. value:sub(-2) end
    return value
  end)
end

return stored_forms
