-- What the guides say about configurations is written down twice: in src/openapi, from which near misses of keys are
-- told, and in the JSON Schema that the sandbox serves. Where both name keys of a value, they must name the same.

local config_schema = require "anyreach.sandbox.config_schema"
local operations = require "anyreach.operations"

local schema = config_schema.rules["agents.config_schema"]()

local function resolved(part)
  local name = part["$ref"] and part["$ref"]:match("^#/%$defs/(.+)$")
  return name and schema["$defs"][name] or part
end

local function sorted(keys)
  local list = {}
  for key in pairs(keys) do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- Compares the keys at each place where both name some. Returns how many there were.
local function compare(part, described, path)
  part, described = resolved(part), described or {}
  local properties, fields, count = part.properties or {}, {}, 0
  for _, field in ipairs(described.fields or {}) do fields[field.name] = field.schema or {} end
  if next(properties) and next(fields) then
    expect.equal({ path, sorted(properties) }, { path, sorted(fields) })
    for key, below in pairs(properties) do count = count + 1 + compare(below, fields[key], path .. "." .. key) end
  end
  if part.items then count = count + compare(part.items, described.items, path .. "[]") end
  return count
end

describe("the keys of configurations", function()
  it("are the same in src/openapi and in the sandbox's schema", function()
    local config
    for _, field in ipairs(operations.describe("agents.versions.create").body.fields) do
      if field.name == "config" then config = field.schema end
    end
    expect.truthy(compare(schema, config, "config") > 60)
  end)
end)
