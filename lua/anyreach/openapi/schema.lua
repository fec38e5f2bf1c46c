-- Reads OpenAPI schemas (3.0, and what 3.1 documents commonly use) into the shape that
-- operations.describe() shows: what a value must look like, as far as we check it. What our shape
-- cannot say (patterns, numeric enums, lengths of arrays) does not restrict. Never changes what it
-- was given; schemas read from the same $ref are the same table.

local json = require "anyreach.json"

local schema = {}

---@class anyreach.openapi.reader
---@field document table the decoded document, in which references lead somewhere
---@field schemas table<string, table> read schemas by $ref
---@field resolving table<string, boolean> the $refs that are being read
---@field depth integer of the schema that is being read
---@field is_ours? boolean the document is of ours
---@field is_request boolean it describes what is sent
---@field steps integer how many schemas have been made; the same work may not be done without end

local TYPES = { "boolean", "integer", "number", "string", "array", "object", "null" }
local IS_TYPE = {}
for _, name in ipairs(TYPES) do IS_TYPE[name] = true end

-- Schemas that a document may make of its own: combining shared ones multiplies them.
local MAX_STEPS = 500000

local function count_step(reader)
  reader.steps = reader.steps + 1
  if reader.steps > MAX_STEPS then error("the document's schemas are too large", 0) end
end

local function list_of(set)
  local list = {}
  for _, name in ipairs(TYPES) do
    if set[name] then list[#list + 1] = name end
  end
  return list
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

local function only_strings(list)
  for _, value in ipairs(list) do
    if type(value) ~= "string" then return false end
  end
  return #list > 0
end

---@param value any
---@return table|nil the value when it is a table
local function table_or_nil(value)
  return type(value) == "table" and value or nil
end

local function lookup(document, ref)
  if type(ref) ~= "string" or ref:sub(1, 2) ~= "#/" then
    error(("the reference %s leads out of the document; only local ones (#/…) are followed")
      :format(tostring(ref)), 0)
  end
  local node = document
  for part in ref:sub(3):gmatch("[^/]+") do
    local key = part:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
      :gsub("~1", "/"):gsub("~0", "~")
    if json.is_array(node) and key:find "^%d+$" then key = math.tointeger(key) + 1 end -- JSON counts from 0
    node = type(node) == "table" and node[key] or nil
  end
  if type(node) ~= "table" then error(("the reference %s leads nowhere"):format(ref), 0) end
  return node
end

--- Follows $ref until something else is found.
---@param reader anyreach.openapi.reader
---@param node table
---@return table
function schema.resolve(reader, node)
  local seen = {}
  if type(node) ~= "table" then error(("expected an object, got %s"):format(tostring(node)), 0) end
  while node["$ref"] ~= nil do
    local ref = node["$ref"]
    if seen[ref] then error(("the reference %s leads to itself"):format(tostring(ref)), 0) end
    seen[ref] = true
    node = lookup(reader.document, ref)
  end
  return node
end

--- Text as one line that is safe to print.
---@param text string
---@return string
function schema.clean(text)
  text = text:gsub("[%s%c\127]+", " "):gsub("\xC2[\x80-\x9F]", " ")
  return (text:gsub("^ ", ""):gsub(" $", ""))
end

--- A name that can be shown and sent, or an error.
---@param name any
---@param what string
---@return string
function schema.check_name(name, what)
  if type(name) ~= "string" or name == "" then error(("%s has no name"):format(what), 0) end
  if name:find("[%c\127]") or name:find("\xC2[\x80-\x9F]") then
    error(("the name of %s holds a control character: %q"):format(what, schema.clean(name)), 0)
  end
  return name
end

--- A description as one line, or nil.
---@param node table
---@param key string
---@return string|nil
function schema.text(node, key)
  local text = node[key]
  if type(text) ~= "string" then return nil end
  text = schema.clean(text)
  return text ~= "" and text or nil
end

local function enum_of(node)
  if node.const ~= nil then return { node.const } end
  return table_or_nil(node.enum) or {}
end

local function guess_type(node)
  if node.properties or node.additionalProperties ~= nil then return { object = true } end
  if node.items then return { array = true } end
  if only_strings(enum_of(node)) then return { string = true } end
  return set_of(TYPES)
end

-- A type that JSON has not ("file", "date") does not restrict, except in a document of ours: there it is a mistake.
local function types_of(reader, node)
  local set
  if node.type == nil then
    set = guess_type(node)
  else
    set = set_of(type(node.type) == "table" and node.type or { node.type })
  end
  if node.nullable == true then set.null = true end
  for name in pairs(set) do
    if not IS_TYPE[name] and reader.is_ours then
      error(("unknown type %q; the types are %s"):format(schema.clean(tostring(name)), table.concat(TYPES, ", ")), 0)
    end
    if not IS_TYPE[name] then return set_of(TYPES) end
  end
  return set
end

local function is_shown_name(name)
  return (pcall(schema.check_name, name, "a field"))
end

local function is_read_only(reader, property)
  local ok, target = pcall(schema.resolve, reader, property)
  return ok and target.readOnly == true
end

-- Without those that cannot be named, and without those that only an answer has. Returns whether any were left out.
local function fields_of(reader, node)
  local required = set_of(table_or_nil(node.required) or {})
  local fields, is_less = {}, false
  for name, property in pairs(table_or_nil(node.properties) or {}) do
    if not is_shown_name(name) then
      is_less = true
    elseif not (reader.is_request and is_read_only(reader, property)) then
      fields[#fields + 1] = schema.read_field(reader, name, property, property, required[name])
    end
  end
  return #fields > 0 and schema.sort_fields(fields) or nil, is_less
end

--- Required fields first, then by name. A document's own order is not known any more.
---@param fields table[]
---@return table[] the same table
function schema.sort_fields(fields)
  table.sort(fields, function(a, b)
    if a.required ~= b.required then return a.required end
    return a.name < b.name
  end)
  return fields
end

--- Reads a parameter, or a property of an object. `node` carries what is said about the field,
--- `value` is its schema; for a property the two are the same.
---@return table field
function schema.read_field(reader, name, node, value, required)
  local ok, target = pcall(schema.resolve, reader, node)
  if not ok then target = {} end
  return {
    name = schema.check_name(name, "a field"),
    schema = schema.read(reader, value),
    summary = schema.text(target, "description"),
    required = required == true,
    unverified = target["x-unverified"] == true,
  }
end

-- What the node itself says, without what it combines.
local function read_own(reader, node)
  count_step(reader)
  local set = types_of(reader, node)
  local result = { types = list_of(set), format = schema.text(node, "format") }
  if only_strings(enum_of(node)) then result.choices = { table.unpack(enum_of(node)) } end
  if set.object then
    local is_less
    result.fields, is_less = fields_of(reader, node)
    result.open = node.additionalProperties ~= false or is_less or nil
  end
  if set.array and table_or_nil(node.items) then result.items = schema.read(reader, node.items) end
  if node.default ~= nil then result.default_json = json.encode(node.default) end
  result.minimum = math.tointeger(node.minimum)
  result.maximum = math.tointeger(node.maximum)
  result.min_length = math.tointeger(node.minLength)
  return result
end

-- allOf: both hold

local function common_types(a, b)
  local in_a, in_b, common = set_of(a), set_of(b), {}
  if in_a.number then in_a.integer = true end
  if in_b.number then in_b.integer = true end
  for name in pairs(in_a) do common[name] = in_b[name] end
  if common.number then common.integer = nil end
  return list_of(common)
end

local function common_choices(a, b)
  if not a or not b then return a or b end
  local in_b, common = set_of(b), {}
  for _, choice in ipairs(a) do
    if in_b[choice] then common[#common + 1] = choice end
  end
  return common
end

local function pick(choose, a, b)
  if a and b then return choose(a, b) end
  return a or b
end

local both -- defined below; fields and items call it again

local function common_fields(reader, a, b)
  if not a or not b then return a or b end
  local by_name, fields = {}, {}
  for _, field in ipairs(a) do by_name[field.name] = field end
  for _, field in ipairs(b) do
    local other = by_name[field.name]
    by_name[field.name] = other and {
      name = field.name,
      schema = both(reader, other.schema, field.schema),
      summary = other.summary or field.summary,
      required = other.required or field.required,
      unverified = other.unverified and field.unverified,
    } or field
  end
  for _, field in pairs(by_name) do fields[#fields + 1] = field end
  return schema.sort_fields(fields)
end

function both(reader, a, b)
  count_step(reader)
  return {
    types = common_types(a.types, b.types),
    open = a.open and b.open,
    format = a.format or b.format,
    choices = common_choices(a.choices, b.choices),
    fields = common_fields(reader, a.fields, b.fields),
    exactly_one_of = a.exactly_one_of or b.exactly_one_of,
    items = a.items and b.items and both(reader, a.items, b.items) or a.items or b.items,
    default_json = a.default_json or b.default_json,
    minimum = pick(math.max, a.minimum, b.minimum),
    maximum = pick(math.min, a.maximum, b.maximum),
    min_length = pick(math.max, a.min_length, b.min_length),
  }
end

-- oneOf and anyOf: some alternative holds

-- What each type may carry of its own. With two alternatives of one type we keep none of it: our
-- shape could only say too much.
local DETAILS = {
  string = { "format", "min_length" },
  integer = { "minimum", "maximum" },
  number = { "minimum", "maximum" },
  array = { "items" },
  object = { "fields", "exactly_one_of" },
}

local function union_choices(alternatives)
  local choices = {}
  for _, alternative in ipairs(alternatives) do
    if set_of(alternative.types).string then
      if not alternative.choices then return nil end
      table.move(alternative.choices, 1, #alternative.choices, #choices + 1, choices)
    end
  end
  return #choices > 0 and choices or nil
end

local function union(alternatives)
  local set, holders = {}, {}
  for _, alternative in ipairs(alternatives) do
    for _, name in ipairs(alternative.types) do
      set[name] = true
      holders[name] = holders[name] and "several" or alternative
    end
  end
  local result = { types = list_of(set), choices = union_choices(alternatives) }
  for name, holder in pairs(holders) do
    for _, detail in ipairs(DETAILS[name] or {}) do
      if holder ~= "several" then result[detail] = holder[detail] end
    end
  end
  if holders.object == "several" then
    result.open = true
  elseif holders.object then
    result.open = holders.object.open
  end
  if holders.integer and holders.number then result.minimum, result.maximum = nil, nil end
  return result
end

-- The names when every alternative is just { required: [name] }.
local function sole_required_names(alternatives)
  local names = {}
  for _, alternative in ipairs(alternatives) do
    local required = type(alternative) == "table" and table_or_nil(alternative.required)
    if not required or #required ~= 1 or next(alternative, next(alternative)) then return nil end
    names[#names + 1] = required[1]
  end
  return names
end

local function read_each(reader, nodes)
  local list = {}
  for i, node in ipairs(nodes) do list[i] = schema.read(reader, node) end
  return list
end

local function read_alternatives(reader, result, nodes, exclusive)
  local names = sole_required_names(nodes)
  if not names then return both(reader, result, union(read_each(reader, nodes))) end
  if exclusive then result.exactly_one_of = names end
  return result
end

local function read_plain(reader, node)
  local result = read_own(reader, node)
  for _, part in ipairs(read_each(reader, table_or_nil(node.allOf) or {})) do
    result = both(reader, result, part)
  end
  for _, key in ipairs { "oneOf", "anyOf" } do
    local nodes = table_or_nil(node[key])
    if nodes and #nodes > 0 then result = read_alternatives(reader, result, nodes, key == "oneOf") end
  end
  return result
end

-- What cannot be described does not restrict: a schema that contains itself, one that is elsewhere, one too deep. In a
-- document of ours it is a mistake.
local function anything(reader, problem, ...)
  if reader.is_ours then error(problem:format(...), 0) end
  return { types = list_of(set_of(TYPES)), open = true }
end

local MAX_DEPTH = 40 -- of schemas in schemas

local function read_target(reader, ref)
  local ok, target = pcall(lookup, reader.document, ref)
  return ok and schema.read(reader, target) or anything(reader, "%s", target)
end

--- Reads a schema. Raises a message when it is malformed.
---@param reader anyreach.openapi.reader
---@param node any
---@return table
function schema.read(reader, node)
  if node == true then node = {} end
  if node == false then return { types = {} } end
  if type(node) ~= "table" or json.is_array(node) then error("a schema must be an object", 0) end
  local ref = node["$ref"]
  local key = ref and (reader.is_request and "request " or "") .. tostring(ref)
  if key and reader.schemas[key] then return reader.schemas[key] end
  if key and reader.resolving[key] or reader.depth > MAX_DEPTH and not reader.is_ours then
    return anything(reader, "the schema %s contains itself", ref)
  end
  if key then reader.resolving[key] = true end
  reader.depth = reader.depth + 1
  local result = ref and read_target(reader, ref) or read_plain(reader, node)
  reader.depth = reader.depth - 1
  if key then
    reader.resolving[key] = nil
    reader.schemas[key] = result
  end
  return result
end

return schema
