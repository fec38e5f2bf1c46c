-- Writes rows as an OpenAPI document: what the sandbox serves as a service's own. The reader makes the
-- same rows of it, but for what only our extensions can say; those are not written, as no vendor would.

local json = require "anyreach.json"

local write = {}

local write_schema -- schemas and fields hold each other

local function add_object(node, schema)
  node.additionalProperties = schema.open == true
  if not schema.fields then return end
  node.properties = {}
  for _, field in ipairs(schema.fields) do
    local property = write_schema(field.schema)
    property.description = field.summary
    node.properties[field.name] = property
    if field.required then
      node.required = node.required or json.array {}
      table.insert(node.required, field.name)
    end
  end
end

local function sole_requirements(names)
  local list = json.array {}
  for i, name in ipairs(names) do list[i] = { required = json.array { name } } end
  return list
end

-- Types as 3.0 has them: one, or alternatives; null is `nullable`.
local function add_types(node, schema)
  if #schema.types == 7 then return end
  local names = {}
  for _, name in ipairs(schema.types) do
    if name == "null" then node.nullable = true else names[#names + 1] = name end
  end
  node.type = #names == 1 and names[1] or json.array(names)
end

function write_schema(schema)
  local is_object = false
  for _, name in ipairs(schema.types) do is_object = is_object or name == "object" end
  local node = {
    format = schema.format,
    enum = schema.choices and json.array { table.unpack(schema.choices) },
    default = schema.default_json and json.decode(schema.default_json),
    minimum = schema.minimum,
    maximum = schema.maximum,
    minLength = schema.min_length,
    items = schema.items and write_schema(schema.items),
    oneOf = schema.exactly_one_of and sole_requirements(schema.exactly_one_of),
  }
  add_types(node, schema)
  if is_object and node.type then add_object(node, schema) end
  return node
end

local function add_parameters(list, fields, place)
  for _, field in ipairs(fields) do
    local schema = write_schema(field.schema)
    local content = field.schema.json_text and { ["application/json"] = { schema = schema } } or nil
    list[#list + 1] = {
      name = field.name,
      ["in"] = place,
      required = field.required == true,
      description = field.summary,
      schema = not content and schema or nil,
      content = content,
    }
  end
end

local CONTENT_TYPES = { json = "application/json", text = "text/plain" }

local function write_responses(row)
  local kind = CONTENT_TYPES[row.answer_kind]
  local content = kind and { [kind] = { schema = row.answer and write_schema(row.answer) or {} } } or nil
  return { [tostring(row.success_status)] = { description = "Success", content = content } }
end

local function write_body(row)
  if not row.body then return nil end
  local content = { ["application/json"] = { schema = write_schema(row.body) } }
  return { required = row.body_required == true, content = content }
end

local function write_operation(row)
  local parameters = json.array {}
  add_parameters(parameters, row.path_fields, "path")
  add_parameters(parameters, row.parameters, "query")
  return {
    operationId = row.operation_id,
    summary = row.summary,
    description = row.description,
    parameters = parameters,
    requestBody = write_body(row),
    responses = write_responses(row),
    security = row.public and json.array {} or nil,
  }
end

--- The document of some rows.
---@param title string
---@param rows table[] as from operations.describe()
---@return table
function write.document(title, rows)
  local paths = {}
  for _, row in ipairs(rows) do
    paths[row.path] = paths[row.path] or {}
    paths[row.path][row.method:lower()] = write_operation(row)
  end
  return {
    openapi = "3.0.3",
    info = { title = title, version = "1.0.0" },
    security = json.array { { bearer = json.array {} } },
    components = { securitySchemes = { bearer = { type = "http", scheme = "bearer" } } },
    paths = paths,
  }
end

return write
