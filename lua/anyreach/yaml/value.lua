-- Values as YAML holds them, for those that write it: what kind each is, the order of a mapping's keys, and
-- whether two are the same to the last detail, tags and the difference of 1 and 1.0 included.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local yaml_value = {}

-- The keys that come first, in this order, wherever they occur; the others follow in theirs.
local FIRST = {
  "name", "description", "type", "active", "is_demo", "metadata", "config", "generate",
  "instruction_builder_inputs", "publish", "phone_numbers", "deploy_as_sip",
}
local rank = {}
for index, key in ipairs(FIRST) do rank[key] = index end

--- True for a key that comes before others.
---@param key string
---@return boolean
function yaml_value.has_rank(key)
  return rank[key] ~= nil
end

--- True when one key of a mapping is written before another.
---@param first string
---@param second string
---@return boolean
function yaml_value.is_before(first, second)
  local a, b = rank[first] or #FIRST + 1, rank[second] or #FIRST + 1
  if a ~= b then return a < b end
  return first < second
end

--- The keys of a mapping in the order in which they are written.
---@param value table
---@return string[]
function yaml_value.keys(value)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" then
      errors.raise("usage", "YAML: expected a key that is text, got %s %s", type(key), tostring(key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, yaml_value.is_before)
  return keys
end

--- The sort of a value. A reference is a tag: !ref.
---@param value any
---@return "list"|"map"|"tag"|"scalar"
function yaml_value.kind(value)
  if type(value) ~= "table" or json.is_number(value) then return "scalar" end
  if reference.is_reference(value) or yaml.is_tag(value) then return "tag" end
  return (json.is_array(value) or value[1] ~= nil) and "list" or "map"
end

--- The tag and its content.
---@param value table of kind "tag"
---@return string tag
---@return any content
function yaml_value.tag(value)
  if reference.is_reference(value) then return "!ref", tostring(value) end
  return value.tag, value.value
end

local function same_scalar(a, b)
  if a == nil then a = json.null end
  if b == nil then b = json.null end
  if type(a) == "number" and type(b) == "number" then
    return math.type(a) == math.type(b) and (a == b or a ~= a and b ~= b)
  end
  return json.equal(a, b)
end

local function same_lists(a, b)
  if #a ~= #b then return false end
  for index = 1, #a do
    if not yaml_value.same(a[index], b[index]) then return false end
  end
  return true
end

local function same_maps(a, b)
  for key, value in pairs(a) do
    if b[key] == nil or not yaml_value.same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- True when two values are the same as YAML.
---@param a any
---@param b any
---@return boolean
function yaml_value.same(a, b)
  local kind = yaml_value.kind(a)
  if kind ~= yaml_value.kind(b) then return false end
  if kind == "list" then return same_lists(a, b) end
  if kind == "map" then return same_maps(a, b) end
  if kind == "scalar" then return same_scalar(a, b) end
  local tag, content = yaml_value.tag(a)
  local other_tag, other = yaml_value.tag(b)
  return tag == other_tag and yaml_value.same(content, other)
end

return yaml_value
