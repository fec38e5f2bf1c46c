-- The drafts of JSON Schema that are understood: 2020-12, which stands for a schema that names none, 2019-09, and
-- draft-07 with its predecessor. Keywords say since and until which draft they mean what they do, by its year. The
-- drafts before these differ in more than keywords: what names one of them is read as the nearest, with a warning.

local metaschema = require "anyreach.schema.metaschema"

local dialects = {}

---@class anyreach.schema.dialect
---@field name string
---@field year integer of publication; keywords compare it

local DIALECTS = {
  ["2020-12"] = { name = "2020-12", year = 2020 },
  ["2019-09"] = { name = "2019-09", year = 2019 },
  ["draft-07"] = { name = "draft-07", year = 2018 },
  ["draft-06"] = { name = "draft-06", year = 2017 },
}

--- What a schema is read as that names no draft.
dialects.DEFAULT = DIALECTS["2020-12"]

local BY_ADDRESS = {
  [metaschema.uri] = DIALECTS["2020-12"],
  [metaschema.uri_2019] = DIALECTS["2019-09"],
}
for _, name in ipairs { "draft-07", "draft-06" } do
  for _, scheme in ipairs { "http", "https" } do
    BY_ADDRESS[("%s://json-schema.org/%s/schema"):format(scheme, name)] = DIALECTS[name]
  end
end

--- The draft with a name such as "draft-07".
---@param name string
---@return anyreach.schema.dialect|nil
function dialects.named(name)
  return DIALECTS[name]
end

--- The draft whose meta-schema has an address.
---@param address string without a fragment
---@return anyreach.schema.dialect|nil
function dialects.at(address)
  return BY_ADDRESS[address]
end

--- What comes nearest to a draft that is not understood.
---@param address string of its meta-schema
---@return anyreach.schema.dialect
function dialects.nearest(address)
  return address:find("json%-schema%.org/draft%-0[0-5]/") and DIALECTS["draft-06"] or dialects.DEFAULT
end

return dialects
