-- The meta-schema of draft 2020-12: what a schema looks like, said as schemas, one for each vocabulary.
-- It can be referred to by its address without being fetched.

local array = require("anyreach.json").array

local metaschema = {}

local BASE = "https://json-schema.org/draft/2020-12/"

--- The address of the meta-schema.
metaschema.uri = BASE .. "schema"

local SCHEMA = { ["$dynamicRef"] = "#meta" }
local SCHEMAS = { type = "array", minItems = 1, items = SCHEMA }
local SCHEMA_MAP = { type = "object", additionalProperties = SCHEMA, default = {} }
local TEXT, NUMBER, FLAG = { type = "string" }, { type = "number" }, { type = "boolean", default = false }
local REFERENCE = { type = "string", format = "uri-reference" }
local PATTERN = { type = "string", format = "regex" }
local ANCHOR = { type = "string", pattern = "^[A-Za-z_][-A-Za-z0-9._]*$" }
local COUNT = { type = "integer", minimum = 0 }
local NAMES = { type = "array", items = TEXT, uniqueItems = true, default = array {} }
local TYPE = { enum = array { "array", "boolean", "integer", "null", "number", "object", "string" } }

-- The keywords of each vocabulary. "format" names nothing of its own here; "applicator" holds schemas.
local VOCABULARIES = {
  core = {
    ["$id"] = { type = "string", format = "uri-reference", pattern = "^[^#]*#?$" },
    ["$schema"] = { type = "string", format = "uri" },
    ["$ref"] = REFERENCE,
    ["$anchor"] = ANCHOR,
    ["$dynamicRef"] = REFERENCE,
    ["$dynamicAnchor"] = ANCHOR,
    ["$vocabulary"] = {
      type = "object",
      propertyNames = { type = "string", format = "uri" },
      additionalProperties = { type = "boolean" },
    },
    ["$comment"] = TEXT,
    ["$defs"] = { type = "object", additionalProperties = SCHEMA },
  },
  applicator = {
    prefixItems = SCHEMAS,
    items = SCHEMA,
    contains = SCHEMA,
    additionalProperties = SCHEMA,
    properties = SCHEMA_MAP,
    patternProperties = { type = "object", additionalProperties = SCHEMA, propertyNames = PATTERN, default = {} },
    dependentSchemas = SCHEMA_MAP,
    propertyNames = SCHEMA,
    ["if"] = SCHEMA,
    ["then"] = SCHEMA,
    ["else"] = SCHEMA,
    allOf = SCHEMAS,
    anyOf = SCHEMAS,
    oneOf = SCHEMAS,
    ["not"] = SCHEMA,
  },
  unevaluated = { unevaluatedItems = SCHEMA, unevaluatedProperties = SCHEMA },
  validation = {
    type = { anyOf = array { TYPE, { type = "array", items = TYPE, minItems = 1, uniqueItems = true } } },
    const = true,
    enum = { type = "array", items = true },
    multipleOf = { type = "number", exclusiveMinimum = 0 },
    maximum = NUMBER,
    exclusiveMaximum = NUMBER,
    minimum = NUMBER,
    exclusiveMinimum = NUMBER,
    maxLength = COUNT,
    minLength = COUNT,
    pattern = PATTERN,
    maxItems = COUNT,
    minItems = COUNT,
    uniqueItems = FLAG,
    maxContains = COUNT,
    minContains = COUNT,
    maxProperties = COUNT,
    minProperties = COUNT,
    required = NAMES,
    dependentRequired = { type = "object", additionalProperties = NAMES },
  },
  ["meta-data"] = {
    title = TEXT,
    description = TEXT,
    default = true,
    deprecated = FLAG,
    readOnly = FLAG,
    writeOnly = FLAG,
    examples = { type = "array", items = true },
  },
  ["format-annotation"] = { format = TEXT },
  content = { contentEncoding = TEXT, contentMediaType = TEXT, contentSchema = SCHEMA },
}

local NAMES_IN_ORDER = {
  "core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content",
}

local function document(name, vocabularies, title)
  return {
    ["$schema"] = metaschema.uri,
    ["$id"] = BASE .. name,
    ["$vocabulary"] = vocabularies,
    ["$dynamicAnchor"] = "meta",
    title = title,
    type = array { "object", "boolean" },
  }
end

--- The address of a vocabulary.
---@param name string
---@return string
function metaschema.vocabulary_uri(name)
  return BASE .. "vocab/" .. name
end

--- The vocabularies that are known, by address.
---@type table<string, string>
metaschema.vocabularies = { [BASE .. "vocab/format-assertion"] = "format-assertion" }
for _, name in ipairs(NAMES_IN_ORDER) do metaschema.vocabularies[metaschema.vocabulary_uri(name)] = name end

local function make_documents()
  local documents, all, parts = {}, {}, array {}
  for index, name in ipairs(NAMES_IN_ORDER) do
    local uri = metaschema.vocabulary_uri(name)
    all[uri] = true
    parts[index] = { ["$ref"] = "meta/" .. name }
    local part = document("meta/" .. name, { [uri] = true }, ("Vocabulary %s"):format(name))
    part.properties = VOCABULARIES[name]
    documents[part["$id"]] = part
  end
  local whole = document("schema", all, "Schemas of draft 2020-12")
  whole.allOf = parts
  documents[metaschema.uri] = whole
  return documents
end

--- All documents of the meta-schema, by address.
---@return table<string, table>
function metaschema.documents()
  metaschema.made = metaschema.made or make_documents()
  return metaschema.made
end

return metaschema
