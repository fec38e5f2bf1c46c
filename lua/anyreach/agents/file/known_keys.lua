-- Near misses of known keys in configurations, such as `instrctions`: what the API takes for a key that it does not
-- know is not documented, and the prompt would be missing. Known is what the guides document (src/openapi), and what
-- the API's own JSON Schema names when there is one. Other keys pass: the guides document only a part.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local known_keys = {}

-- A key counts as mistyped when a fifth of it or less is otherwise: `interruption` is no misspelled `instructions`.
local PART = 5

-- {====== what is known of a value: a list of descriptions, of operations or in JSON Schema ======

---@class anyreach.key_knowledge
---@field fields table[] descriptions as in `operations.describe`
---@field schemas table[] JSON Schemas
---@field root table|nil the whole schema, for references into it
---@field cache table<string|integer, anyreach.key_knowledge> of what is below, for each key
---@field names table<string, true>|nil

local function pointed_at(root, pointer)
  local value = root
  for token in pointer:gmatch("/([^/]*)") do
    token = token:gsub("~1", "/"):gsub("~0", "~")
    value = type(value) == "table" and (value[token] or value[math.tointeger(tonumber(token)) or token]) or nil
  end
  return value
end

-- Adds a schema, and those that it consists of.
local function add_schema(list, schema, root, seen)
  if type(schema) ~= "table" or seen[schema] then return end
  seen[schema] = true
  list[#list + 1] = schema
  if type(schema["$ref"]) == "string" and schema["$ref"]:find("^#/") then
    add_schema(list, pointed_at(root, schema["$ref"]:sub(2)), root, seen)
  end
  for _, keyword in ipairs { "allOf", "anyOf", "oneOf" } do
    for _, part in ipairs(type(schema[keyword]) == "table" and schema[keyword] or {}) do
      add_schema(list, part, root, seen)
    end
  end
  for _, keyword in ipairs { "if", "then", "else" } do add_schema(list, schema[keyword], root, seen) end
end

local function config_description()
  local described = operations.describe("agents.versions.create")
  for _, field in ipairs(described and described.body and described.body.fields or {}) do
    if field.name == "config" then return field.schema end
  end
end

local function find_below(known, key)
  local result, seen = { fields = {}, schemas = {}, root = known.root, cache = {} }, {}
  for _, description in ipairs(known.fields) do
    for _, field in ipairs(key and description.fields or {}) do
      if field.name == key then result.fields[#result.fields + 1] = field.schema end
    end
    if not key then result.fields[#result.fields + 1] = description.items end
  end
  for _, schema in ipairs(known.schemas) do
    local properties = type(schema.properties) == "table" and schema.properties or {}
    add_schema(result.schemas, key and properties[key] or not key and schema.items or nil, known.root, seen)
  end
  return result
end

-- What is known of the value below a key of a mapping, or of the elements of a list when there is no key.
local function below(known, key)
  local place = key or 1
  known.cache[place] = known.cache[place] or find_below(known, key)
  return known.cache[place]
end

local function find_names(known)
  local names = {}
  for _, description in ipairs(known.fields) do
    for _, field in ipairs(description.fields or {}) do names[field.name] = true end
  end
  for _, schema in ipairs(known.schemas) do
    if type(schema.additionalProperties) == "table" or schema.patternProperties then return {} end
    for name in pairs(type(schema.properties) == "table" and schema.properties or {}) do names[name] = true end
  end
  return names
end

-- The keys that a mapping is known to have; none where any key may stand.
local function names_in(known)
  known.names = known.names or find_names(known)
  return known.names
end

local NO_SCHEMA = {}
local of_configurations = setmetatable({}, { __mode = "k" }) -- JSON Schema or NO_SCHEMA -> what is known

-- What is known of configurations. It is kept: a run checks thousands of them.
local function of_config(schema)
  local kept = of_configurations[schema or NO_SCHEMA]
  if kept then return kept end
  kept = { fields = { config_description() }, schemas = {}, root = schema, cache = {} }
  add_schema(kept.schemas, schema, schema, {})
  of_configurations[schema or NO_SCHEMA] = kept
  return kept
end

-- }======

-- A key that is there itself is not what another was meant to be.
local function near_miss(key, names, mapping)
  local list = {}
  for name in pairs(names) do
    if mapping[name] == nil then list[#list + 1] = name end
  end
  table.sort(list)
  return operations.nearest(key, list, PART)
end

local walk

local function walk_mapping(mapping, known, path, found)
  local names = names_in(known)
  for key, value in pairs(mapping) do
    local near = type(key) == "string" and next(names) and not names[key] and near_miss(key, names, mapping)
    if near then
      found[#found + 1] = { container = mapping, key = key, path = diff.path(path, key), near = near }
    elseif type(value) == "table" then
      walk(value, below(known, key), diff.path(path, key), found)
    end
  end
end

function walk(value, known, path, found)
  if #known.fields == 0 and #known.schemas == 0 or json.is_number(value) or yaml.is_tag(value)
    or reference.is_reference(value) then
    return
  end
  if not json.is_array(value) then return walk_mapping(value, known, path, found) end
  for index, element in ipairs(value) do
    if type(element) == "table" then walk(element, below(known), diff.path(path, index), found) end
  end
end

--- The keys of a configuration that are most likely mistyped, sorted by path.
---@param config table
---@param schema? table the JSON Schema of configurations
---@return {container: table, key: string, path: string, near: string}[]
function known_keys.near_misses(config, schema)
  local found = {}
  walk(config, of_config(schema), "config", found)
  table.sort(found, function(a, b) return a.path < b.path end)
  return found
end

--- True for a key that is documented for configurations.
---@param key string
---@return boolean
function known_keys.is_config_key(key)
  return names_in(of_config())[key] == true
end

return known_keys
