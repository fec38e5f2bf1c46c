-- Three-way merge of JSON values by fields. What one side has changed since the common base is taken; what both
-- have changed differently is a conflict. Mappings are merged key by key; lists element by element when they are
-- equally long everywhere and their elements go by the same names in the same order; texts by lines and words
-- where the changes do not meet; all else is taken or left as a whole. Without a base every field that differs is a
-- conflict. A null is the same as an absent key. Pure.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local merge_text = require "anyreach.text.merge_text"
local reference = require "anyreach.yaml.reference"

local merge = {}

---@class anyreach.merge_conflict
---@field path string
---@field base any nil: absent, or there is no base
---@field source any
---@field target any

-- The base where there is none.
local NONE = {}

-- The fields by which an element of a list is known, the best first.
local NAMES = { "name", "id", "type" }

local function is_equal(a, b)
  return a ~= NONE and b ~= NONE and #diff.compare(a, b, { exact = true }) == 0
end

local function present(value)
  if value == json.null then return nil end
  return value
end

local function kind(value)
  if type(value) ~= "table" or json.is_number(value) or reference.is_reference(value) then return "leaf" end
  return json.is_array(value) and "list" or "mapping"
end

--- By which name an element of a list is known: the first of name, id and type that it has; nil without any.
---@param element any
---@return string|nil
function merge.name_of(element)
  if kind(element) ~= "mapping" then return nil end
  for _, field in ipairs(NAMES) do
    if type(element[field]) == "string" then return field .. "=" .. element[field] end
  end
end

-- True when the elements of both lists go by the same names.
local function is_aligned(a, b)
  if #a ~= #b then return false end
  for index = 1, #a do
    local name = merge.name_of(a[index])
    if not name or name ~= merge.name_of(b[index]) then return false end
  end
  return true
end

local function can_merge(base, source, target)
  local same = kind(source)
  if same == "leaf" or kind(target) ~= same then return false end
  if same == "mapping" then return base == nil or base == NONE or kind(base) == "mapping" end
  local is_base_aligned = base == NONE or kind(base) == "list" and is_aligned(base, source)
  return is_base_aligned and is_aligned(source, target)
end

-- All keys of the values, which are mappings or lists, sorted.
local function keys_of(...)
  local seen, keys = {}, {}
  for _, value in ipairs { ... } do
    for key in pairs(value) do
      if not seen[key] then keys[#keys + 1] = key end
      seen[key] = true
    end
  end
  table.sort(keys)
  return keys
end

local merge_values

-- The values under each key, merged.
local function merge_parts(state, path, base, source, target)
  local merged = setmetatable({}, getmetatable(target))
  local parts = base ~= nil and base or {} -- NONE has no parts either
  for _, key in ipairs(keys_of(source, target, parts)) do
    local part = parts[key]
    if base == NONE then part = NONE end
    merged[key] = merge_values(state, diff.path(path, key), part, source[key], target[key])
  end
  return merged
end

local function decide(state, path, base, source, target)
  table.insert(state.conflicts, { path = path, base = base ~= NONE and base or nil, source = source, target = target })
  if state.prefer == "source" then return source end
  return target
end

function merge_values(state, path, base, source, target)
  base, source, target = present(base), present(source), present(target)
  if is_equal(source, target) or is_equal(source, base) then return target end
  if is_equal(target, base) then return source end
  if can_merge(base, source, target) then return merge_parts(state, path, base, source, target) end
  local are_texts = type(base) == "string" and type(source) == "string" and type(target) == "string"
  local text = are_texts and merge_text(base, source, target)
  if text then return text end
  return decide(state, path, base, source, target)
end

--- Merges what the source has changed into the target.
---@param base table|nil nil: nothing is known of a common past
---@param source table
---@param target table
---@param prefer? "source"|"target" whose value a field in conflict gets; default the target's
---@return table merged
---@return anyreach.merge_conflict[] conflicts
function merge.run(base, source, target, prefer)
  local state = { conflicts = {}, prefer = prefer }
  local merged = merge_values(state, "", base == nil and NONE or base, source, target)
  return merged, state.conflicts
end

return merge
