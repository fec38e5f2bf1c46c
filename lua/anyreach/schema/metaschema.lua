-- The meta-schemas of the drafts that are understood: what a schema looks like, said as schemas, for newer drafts one
-- for each vocabulary. They can be referred to by their addresses without being fetched.

local array = require("anyreach.json").array

local metaschema = {}

local BASE, BASE_2019 = "https://json-schema.org/draft/2020-12/", "https://json-schema.org/draft/2019-09/"

--- The addresses of the meta-schemas.
metaschema.uri = BASE .. "schema"
metaschema.uri_2019 = BASE_2019 .. "schema"

local TEXT, NUMBER, FLAG = { type = "string" }, { type = "number" }, { type = "boolean", default = false }
local REFERENCE = { type = "string", format = "uri-reference" }
local PATTERN = { type = "string", format = "regex" }
local ANCHOR = { type = "string", pattern = "^[A-Za-z_][-A-Za-z0-9._]*$" }
local COUNT = { type = "integer", minimum = 0 }
local NAMES = { type = "array", items = TEXT, uniqueItems = true, default = array {} }
local TYPE = { enum = array { "array", "boolean", "integer", "null", "number", "object", "string" } }

-- The keywords of each vocabulary, where `SCHEMA` refers to a schema. "format" names nothing of its own here;
-- "applicator" holds schemas.
local function vocabularies(SCHEMA)
  local SCHEMAS = { type = "array", minItems = 1, items = SCHEMA }
  local SCHEMA_MAP = { type = "object", additionalProperties = SCHEMA, default = {} }
  return {
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
end

local NAMES_IN_ORDER = {
  "core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content",
}

local function document(name, vocabulary, title)
  return {
    ["$schema"] = metaschema.uri,
    ["$id"] = BASE .. name,
    ["$vocabulary"] = vocabulary,
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

local function add_2020(documents)
  local all, parts, keywords = {}, array {}, vocabularies { ["$dynamicRef"] = "#meta" }
  for index, name in ipairs(NAMES_IN_ORDER) do
    local uri = metaschema.vocabulary_uri(name)
    all[uri] = true
    parts[index] = { ["$ref"] = "meta/" .. name }
    local part = document("meta/" .. name, { [uri] = true }, ("Vocabulary %s"):format(name))
    part.properties = keywords[name]
    documents[part["$id"]] = part
  end
  local whole = document("schema", all, "Schemas of draft 2020-12")
  whole.allOf = parts
  documents[metaschema.uri] = whole
end

-- {====== older drafts ======

local function merge(target, ...)
  for _, source in ipairs { ... } do
    for key, value in pairs(source) do target[key] = value end
  end
  return target
end

-- Keywords that have had another meaning, or none, since.
local function older_keywords(SCHEMA)
  local SCHEMAS = { type = "array", minItems = 1, items = SCHEMA }
  return {
    items = { anyOf = array { SCHEMA, SCHEMAS } },
    additionalItems = SCHEMA,
    definitions = { type = "object", additionalProperties = SCHEMA },
    dependencies = { type = "object", additionalProperties = { anyOf = array { SCHEMA, NAMES } } },
  }
end

local function add_2019(documents)
  local SCHEMA = { ["$recursiveRef"] = "#" }
  local keywords, parts, all = vocabularies(SCHEMA), array {}, {}
  merge(keywords.applicator, keywords.unevaluated, older_keywords(SCHEMA))
  merge(keywords.core, { ["$recursiveRef"] = REFERENCE, ["$recursiveAnchor"] = FLAG })
  keywords.format = keywords["format-annotation"]
  local function add(name, fields)
    documents[BASE_2019 .. name] = merge({
      ["$schema"] = metaschema.uri_2019, ["$id"] = BASE_2019 .. name, ["$recursiveAnchor"] = true,
      type = array { "object", "boolean" },
    }, fields)
  end
  for index, name in ipairs { "core", "applicator", "validation", "meta-data", "format", "content" } do
    local uri = BASE_2019 .. "vocab/" .. name
    all[uri], parts[index] = true, { ["$ref"] = "meta/" .. name }
    add("meta/" .. name, { ["$vocabulary"] = { [uri] = true }, properties = keywords[name] })
  end
  add("schema", { ["$vocabulary"] = all, allOf = parts })
end

local function add_draft(documents, name)
  local SCHEMA = { ["$ref"] = "#" }
  local keywords, properties = vocabularies(SCHEMA), { ["$id"] = REFERENCE }
  for _, vocabulary in ipairs { "core", "applicator", "validation", "meta-data", "format-annotation", "content" } do
    for keyword, value in pairs(keywords[vocabulary]) do properties[keyword] = properties[keyword] or value end
  end
  local address = ("http://json-schema.org/%s/schema"):format(name)
  documents[address] = {
    ["$schema"] = address .. "#", ["$id"] = address .. "#", type = array { "object", "boolean" },
    properties = merge(properties, older_keywords(SCHEMA)),
  }
end

-- }======

local function make_documents()
  local documents = {}
  add_2020(documents)
  add_2019(documents)
  add_draft(documents, "draft-07")
  add_draft(documents, "draft-06")
  return documents
end

for _, name in ipairs { "core", "applicator", "validation", "meta-data", "content" } do
  metaschema.vocabularies[BASE_2019 .. "vocab/" .. name] = name
end
metaschema.vocabularies[BASE_2019 .. "vocab/format"] = "format-annotation"

--- All documents of the meta-schemas, by address.
---@return table<string, table>
function metaschema.documents()
  metaschema.made = metaschema.made or make_documents()
  return metaschema.made
end

return metaschema
