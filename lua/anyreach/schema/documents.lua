-- The documents that a schema is made of, and what in them can be referred to: resources ($id), anchors,
-- and subschemas by JSON Pointer. Nothing is ever fetched: what is not there is an error.

local dialects = require "anyreach.schema.dialects"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local metaschema = require "anyreach.schema.metaschema"
local uri = require "anyreach.schema.uri"

local documents = {}

---@class anyreach.schema.resource a schema with an address of its own
---@field uri string
---@field root table|boolean
---@field anchors table<string, table> by name, of $anchor and $dynamicAnchor
---@field dynamic table<string, table> by name, of $dynamicAnchor
---@field vocabularies table<string, boolean> which ones apply
---@field dialect anyreach.schema.dialect

---@class anyreach.schema.documents
---@field resources table<string, anyreach.schema.resource>
---@field owners table<table, anyreach.schema.resource> the resource that a schema belongs to
---@field pointers table<table, string> where in its document a schema stands
---@field given table<string, any> documents that may be referred to
---@field dialect anyreach.schema.dialect of documents that name none
---@field unknown table<string, string> addresses of drafts that are not understood: what is read instead
local Documents = {}
Documents.__index = Documents

-- How each keyword holds schemas.
local HOLDERS = {
  additionalProperties = "one", unevaluatedProperties = "one", items = "one", unevaluatedItems = "one",
  contains = "one", propertyNames = "one", contentSchema = "one",
  ["not"] = "one", ["if"] = "one", ["then"] = "one", ["else"] = "one",
  allOf = "many", anyOf = "many", oneOf = "many", prefixItems = "many",
  properties = "many", patternProperties = "many", dependentSchemas = "many", ["$defs"] = "many",
  definitions = "many", -- the name of $defs before draft 2019-09
}

-- In drafts before 2020-12, which have these others.
local OLDER_HOLDERS = setmetatable({}, { __index = HOLDERS })
for keyword, how in pairs(HOLDERS) do OLDER_HOLDERS[keyword] = how end
OLDER_HOLDERS.items, OLDER_HOLDERS.additionalItems, OLDER_HOLDERS.dependencies = "either", "one", "many"

local STANDARD = {}
for _, name in pairs(metaschema.vocabularies) do STANDARD[name] = true end

-- {====== vocabularies ======

-- What the meta-schema's $vocabulary allows. Without one all that is known applies.
function Documents:read_vocabularies(address)
  local meta = self.given[address] or metaschema.documents()[address]
  local listed = type(meta) == "table" and meta["$vocabulary"]
  if type(listed) ~= "table" then return STANDARD end
  local found = { core = true }
  for name, is_required in pairs(listed) do
    local known = metaschema.vocabularies[name]
    if known then
      found[known] = true
      -- Draft 2019-09 had no vocabulary of their own for these.
      if known == "applicator" and name:find("2019-09", 1, true) then found.unevaluated = true end
    elseif is_required == true then
      errors.raise("input", "the schema needs the vocabulary %s, which is not supported", name)
    end
  end
  return found
end

-- The draft of a meta-schema: its own address says it, or else its meta-schema does.
function Documents:dialect_at(address)
  local known = dialects.at(address)
  if known then return known end
  local given = self.given[address]
  local meta = type(given) == "table" and given["$schema"]
  if type(meta) == "string" then return dialects.at((meta:gsub("#$", ""))) or dialects.DEFAULT end
  if given == nil then
    known = dialects.nearest(address)
    self.unknown[address] = known.name
  end
  return known or dialects.DEFAULT
end

-- What a schema is written in: the draft, and the vocabularies of it that apply.
function Documents:language_of(schema, parent)
  local address = type(schema) == "table" and schema["$schema"]
  if type(address) ~= "string" then return parent or { vocabularies = STANDARD, dialect = self.dialect } end
  address = address:gsub("#$", "")
  self.by_metaschema[address] = self.by_metaschema[address]
    or { vocabularies = self:read_vocabularies(address), dialect = self:dialect_at(address) }
  return self.by_metaschema[address]
end

-- }======

-- {====== reading ======

local function add_anchor(resource, schema, keyword, is_dynamic)
  local name = schema[keyword]
  if type(name) ~= "string" then return end
  resource.anchors[name] = schema
  if is_dynamic then resource.dynamic[name] = schema end
end

function Documents:add_resource(address, schema, parent)
  local language = self:language_of(schema, parent)
  local resource = { uri = address, root = schema, anchors = {}, dynamic = {},
    vocabularies = language.vocabularies, dialect = language.dialect }
  self.resources[address] = self.resources[address] or resource
  return resource
end

function Documents:read_children(schema, resource, pointer)
  for keyword, how in pairs(resource.dialect.year < 2020 and OLDER_HOLDERS or HOLDERS) do
    local value, place = schema[keyword], uri.pointer(pointer, keyword)
    if how == "one" or how == "either" and not json.is_array(value) then
      self:read(value, resource, place)
    elseif type(value) == "table" then
      for key, child in pairs(value) do
        self:read(child, resource, uri.pointer(place, type(key) == "number" and key - 1 or key))
      end
    end
  end
end

-- The resource that a schema with an id belongs to. Before draft 2019-09, an id beside a reference says nothing, and a
-- fragment in one is what an anchor is now.
function Documents:entered(schema, resource)
  local id, is_old = schema["$id"], resource.dialect.year < 2019
  if type(id) ~= "string" or is_old and schema["$ref"] ~= nil then return resource end
  local address, fragment = uri.resolve(resource.uri, id)
  if not is_old or not fragment or fragment == "" then return self:add_resource(address, schema, resource) end
  if address ~= resource.uri then resource = self:add_resource(address, schema, resource) end
  resource.anchors[fragment] = schema
  return resource
end

-- Notes a schema and those inside it.
function Documents:read(schema, resource, pointer)
  if type(schema) ~= "table" or self.owners[schema] then return end
  local own = self:entered(schema, resource)
  if own ~= resource then resource, pointer = own, "" end
  self.owners[schema], self.pointers[schema] = resource, pointer
  add_anchor(resource, schema, "$anchor", false)
  add_anchor(resource, schema, "$dynamicAnchor", true)
  self:read_children(schema, resource, pointer)
end

--- Adds a document.
---@param address string
---@param schema any
---@return anyreach.schema.resource
function Documents:add(address, schema)
  local resource = self:add_resource(address, schema, nil)
  self:read(schema, resource, "")
  if type(schema) ~= "table" or self.owners[schema] == resource then return resource end
  self.resources[address] = self.owners[schema]
  return self.owners[schema]
end

-- }======

-- {====== finding ======

function Documents:find_resource(address)
  if self.resources[address] then return self.resources[address] end
  local found = self.given[address]
  if found == nil then found = metaschema.documents()[address] end
  return found ~= nil and self:add(address, found) or nil
end

-- Follows a pointer. A schema on the way that has an address of its own owns what is below it.
function Documents:follow(resource, pointer)
  local node, place = resource.root, ""
  for _, key in ipairs(uri.pointer_keys(pointer)) do
    if type(node) ~= "table" then return nil end
    local index = node[1] ~= nil and math.tointeger(tonumber(key))
    node, place = node[index and index + 1 or key], uri.pointer(place, key)
    if type(node) == "table" then
      if type(node["$id"]) == "string" then self:read(node, resource, place) end
      if self.owners[node] and self.owners[node] ~= resource then resource, place = self.owners[node], "" end
    end
  end
  self:read(node, resource, place)
  return node
end

--- What a reference leads to.
---@param resource anyreach.schema.resource in which it stands
---@param reference string
---@return table|boolean|nil schema nil when there is nothing
---@return anyreach.schema.resource|nil resource that the reference names
---@return string|nil anchor when it is a reference to one
function Documents:find(resource, reference)
  local address, fragment = uri.resolve(resource.uri, reference)
  local target = self:find_resource(address)
  if not target then return nil end
  fragment = uri.decode(fragment or "")
  if fragment == "" or fragment:sub(1, 1) == "/" then return self:follow(target, fragment), target end
  return target.anchors[fragment], target, fragment
end

--- Where a schema or keyword stands, as a URI reference.
---@param schema table
---@param keyword? string
---@return string such as "#/$defs/Tool/required"
function Documents:location(schema, keyword)
  local pointer = self.pointers[schema] or ""
  return self.owners[schema].uri .. "#" .. (keyword and uri.pointer(pointer, keyword) or pointer)
end

-- }======

--- Reads a schema's own document.
---@param schema any
---@param given? table<string, any> further documents by address
---@param dialect anyreach.schema.dialect of what names none
---@return anyreach.schema.documents
---@return anyreach.schema.resource its root
function documents.read(schema, given, dialect)
  local self = setmetatable({
    resources = {}, owners = {}, pointers = {}, given = given or {}, by_metaschema = {}, unknown = {},
    dialect = dialect,
  }, Documents)
  local root = self:add("", schema)
  self.dialect = root.dialect
  return self, root
end

return documents
