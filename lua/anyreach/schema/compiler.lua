-- Compiles schemas into nodes (see anyreach.schema.evaluation): each keyword becomes a check, made once.
-- A keyword is a row { name, vocabulary, kinds, argument, compile, since, till }: the kinds of values it applies to
-- (nil: all), what its own value must be, a function (argument, context) -> check or nil, and the years of the first
-- and the last draft in which it has this meaning (nil: all).

local errors = require "anyreach.errors"
local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local compiler = {}

-- In the order in which they are checked: `type` first, because nothing else matters when it fails;
-- what looks at the work of all others last.
local ROWS = {}
for _, module in ipairs { "scalars", "sizes", "formats", "references", "logic", "objects", "arrays", "unevaluated" } do
  for _, row in ipairs(require("anyreach.schema.keywords." .. module)) do ROWS[#ROWS + 1] = row end
end

local KINDS = { "string", "number", "boolean", "null", "array", "object", "opaque" }

-- {====== what keywords may hold ======

local function is_schema(value)
  local kind = values.kind(value)
  return kind == "object" or kind == "boolean"
end

local function every(test)
  return function(value)
    if type(value) ~= "table" then return false end
    for _, item in pairs(value) do
      if not test(item) then return false end
    end
    return true
  end
end

local function has_kind(...)
  local allowed = {}
  for _, kind in ipairs { ... } do allowed[kind] = true end
  return function(value) return allowed[values.kind(value)] == true end
end

-- A list without elements may not be marked as one.
local function is_list(value)
  return type(value) == "table" and (values.kind(value) == "array" or next(value) == nil)
end

local function list_of(test)
  local all = every(test)
  return function(value) return is_list(value) and all(value) end
end

local function is_count(value)
  return type(value) == "number" and value >= 0 and value % 1 == 0
end

local is_text, is_object, all_are_schemas = has_kind("string"), has_kind("object"), every(is_schema)
local is_list_of_schemas, is_list_of_texts = list_of(is_schema), list_of(is_text)

local function is_schema_map(value)
  return is_object(value) and all_are_schemas(value)
end

local ARGUMENTS = {
  schema = { "a schema", is_schema },
  schemas = { "a list of schemas", list_of(is_schema) },
  ["schema map"] = { "a mapping of schemas", is_schema_map },
  ["schema or schemas"] = { "a schema or a list of schemas", function(value)
    return is_schema(value) or is_list_of_schemas(value)
  end },
  dependencies = { "a mapping of schemas and lists of names", every(function(value)
    return is_schema(value) or is_list_of_texts(value)
  end) },
  text = { "text", is_text },
  number = { "a number", has_kind("number") },
  count = { "an integer from 0", is_count },
  flag = { "true or false", has_kind("boolean") },
  names = { "a list of names", list_of(is_text) },
  ["name lists"] = { "a mapping of lists of names", every(list_of(is_text)) },
  list = { "a list", is_list },
  any = { "anything", function() return true end },
}

-- }======

---@class anyreach.schema.context what the compilation of a keyword may ask for
---@field schema table in which the keyword stands
---@field place {keyword: string, location: string}
---@field documents anyreach.schema.documents
---@field resource anyreach.schema.resource
---@field compiler anyreach.schema.compiler
local Context = {}
Context.__index = Context

--- The node of a schema inside this one.
---@param schema table|boolean
---@param key? string|integer of the keyword's value, under which it stands
function Context:node_of(schema, key)
  return self.compiler:node(schema, self.resource, key and self.place.location .. "/" .. key or self.place.location)
end

--- Raises what is wrong with the keyword.
---@param format string
function Context:refuse(format, ...)
  errors.raise("input", "%s: %s", self.place.location, format:format(...))
end

---@class anyreach.schema.compiler
---@field documents anyreach.schema.documents
---@field options table
---@field nodes table<table, table> by schema
---@field waiting table[] nodes without checks as yet
---@field skipped {location: string, message: string}[] patterns that could not be understood
local Compiler = {}
Compiler.__index = Compiler

local function new_node(resource, location)
  local checks = {}
  for _, kind in ipairs(KINDS) do checks[kind] = {} end
  return { checks = checks, resource = resource, location = location }
end

-- `false` allows nothing, `true` everything.
local function boolean_node(schema, resource, location)
  local node = new_node(resource, location)
  if schema then return node end
  local place = { keyword = "false", location = location }
  local function check(run, value)
    return evaluation.fail(run, place, value, { text = "not allowed here" })
  end
  for _, kind in ipairs(KINDS) do node.checks[kind][1] = check end
  return node
end

--- The node of a schema; its checks are made before compilation ends. Anything else is refused.
---@param schema any
---@param resource anyreach.schema.resource
---@param location string
function Compiler:node(schema, resource, location)
  if type(schema) == "boolean" then return boolean_node(schema, resource, location) end
  if not is_schema(schema) then
    errors.raise("input", "%s: the schema is invalid: expected a schema", location)
  end
  local node = self.nodes[schema]
  if node then return node end
  node = new_node(self.documents.owners[schema], self.documents:location(schema))
  node.schema = schema
  self.nodes[schema] = node
  self.waiting[#self.waiting + 1] = node
  return node
end

local function add_check(node, row, check)
  for _, kind in ipairs(row.kinds or KINDS) do table.insert(node.checks[kind], check) end
  if row.name == "type" then node.first = check end
  if row.tracks then node.tracks = true end
end

-- Before draft 2019-09 a reference stands for all of its schema.
local function is_in_force(row, node)
  local year = node.resource.dialect.year
  if year < (row.since or 0) or year > (row.till or math.huge) then return false end
  if year < 2019 and node.schema["$ref"] ~= nil then return row.name == "$ref" end
  return node.resource.vocabularies[row.vocabulary]
end

function Compiler:compile_keyword(node, row)
  local argument = node.schema[row.name]
  if argument == nil or not is_in_force(row, node) then return end
  local place = { keyword = row.name, location = self.documents:location(node.schema, row.name) }
  local context = setmetatable({
    schema = node.schema, place = place, documents = self.documents, resource = node.resource, compiler = self,
  }, Context)
  local expected, test = table.unpack(ARGUMENTS[row.argument])
  if not test(argument) then context:refuse("the schema is invalid: expected %s", expected) end
  local check = row.compile(argument, context)
  if check then add_check(node, row, check) end
end

--- Makes the checks of all nodes that wait for theirs.
function Compiler:finish()
  while #self.waiting > 0 do
    local node = table.remove(self.waiting)
    for _, row in ipairs(ROWS) do self:compile_keyword(node, row) end
  end
end

--- Compiles a document from its root.
---@param documents anyreach.schema.documents
---@param root anyreach.schema.resource
---@param options table
---@return table node
---@return anyreach.schema.compiler
function compiler.compile(documents, root, options)
  local self = setmetatable({ documents = documents, options = options, nodes = {}, waiting = {}, skipped = {} },
    Compiler)
  local node = self:node(root.root, root, root.uri .. "#")
  self:finish()
  return node, self
end

return compiler
