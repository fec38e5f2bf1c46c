-- Differences between two JSON values by path, such as "config.tools[2].name". Pure; values are as
-- the JSON and YAML readers make them, and the wanted one may hold secrets, which are compared and
-- never shown.
--
-- By default only what `wanted` holds is compared: keys that `actual` has beyond it are left out,
-- because a server adds defaults. A wanted null is the same as an absent key. Arrays are compared
-- element by element and must be of the same length.

local json = require "anyreach.json"

local diff = {}

---@class anyreach.difference
---@field path string
---@field change "added"|"removed"|"changed" what happens to `actual` when it becomes `wanted`
---@field before any the actual value; nil when there is none
---@field after any the wanted value, which may be a secret

---@class anyreach.diff_options
---@field path? string path of the two values themselves; default none
---@field exact? boolean keys that only `actual` has are differences too

local function is_absent(value)
  return value == nil or value == json.null
end

-- "list" and "object" are compared by their parts, everything else as a whole.
local function kind(value)
  if type(value) ~= "table" then return "scalar" end
  return (json.is_array(value) or value[1] ~= nil) and "list" or "object"
end

--- The path of an element or a field below `path`.
---@param path string "" at the root
---@param key string|integer
---@return string
function diff.path(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  if not key:match("^[%a_][%w_%-]*$") then
    return ("%s[%s]"):format(path, json.encode(key, { invalid_bytes = "replace" }))
  end
  return path == "" and key or path .. "." .. key
end

-- Where the JSON string ends that begins at a position.
local function string_end(text, position)
  local at = position + 1
  while text:sub(at, at) ~= '"' do
    if at > #text then return nil end
    at = at + (text:sub(at, at) == "\\" and 2 or 1)
  end
  return at
end

-- The key at a position of a path, and the position after it.
local function key_at(path, position)
  local name, after = path:match("^%.?([%a_][%w_%-]*)()", position)
  if name then return name, after end
  local index, after_index = path:match("^%[(%d+)%]()", position)
  if index then return math.tointeger(tonumber(index)), after_index end
  local last = path:find('^%["', position) and string_end(path, position + 1)
  if not last or path:sub(last + 1, last + 1) ~= "]" then error(("diff: not a path: %s"):format(path), 0) end
  return json.decode(path:sub(position + 1, last)), last + 2
end

--- The keys of a path that diff.path has made.
---@param path string
---@return (string|integer)[]
function diff.keys(path)
  local keys, position = {}, 1
  while position <= #path do keys[#keys + 1], position = key_at(path, position) end
  return keys
end

-- All keys that matter, sorted.
local function keys_of(wanted, actual, exact)
  local keys = {}
  for key in pairs(wanted) do keys[#keys + 1] = key end
  for key in pairs(exact and actual or {}) do
    if wanted[key] == nil then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

local function add(found, path, change, wanted, actual)
  found[#found + 1] = { path = path, change = change, before = actual, after = wanted }
end

local collect

-- A null that is there is not an element that is not there: unlike a key, it is a value.
local function collect_elements(found, path, wanted, actual, exact)
  for index = 1, math.max(#wanted, #actual) do
    local element_path, after, before = diff.path(path, index), wanted[index], actual[index]
    if index > #actual or index > #wanted then
      add(found, element_path, index > #actual and "added" or "removed", after, before)
    elseif is_absent(after) ~= is_absent(before) then
      add(found, element_path, "changed", after, before)
    else
      collect(found, element_path, after, before, exact)
    end
  end
end

function collect(found, path, wanted, actual, exact)
  if is_absent(wanted) or is_absent(actual) then
    if is_absent(wanted) and is_absent(actual) then return end
    add(found, path, is_absent(actual) and "added" or "removed", wanted, actual)
  elseif kind(wanted) ~= kind(actual) then
    add(found, path, "changed", wanted, actual)
  elseif kind(wanted) == "object" then
    for _, key in ipairs(keys_of(wanted, actual, exact)) do
      collect(found, diff.path(path, key), wanted[key], actual[key], exact)
    end
  elseif kind(wanted) == "list" then
    collect_elements(found, path, wanted, actual, exact)
  elseif not json.equal(wanted, actual) then
    add(found, path, "changed", wanted, actual)
  end
end

--- What must change in `actual` to make it what is wanted, in the order of the paths; empty when
--- nothing must.
---@param wanted any
---@param actual any
---@param options? anyreach.diff_options
---@return anyreach.difference[]
function diff.compare(wanted, actual, options)
  options = options or {}
  local found = {}
  collect(found, options.path or "", wanted, actual, options.exact or false)
  return found
end

--- The paths of differences.
---@param differences anyreach.difference[]
---@return string[]
function diff.paths(differences)
  local paths = {}
  for index, difference in ipairs(differences) do paths[index] = difference.path end
  return paths
end

return diff
