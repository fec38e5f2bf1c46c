-- Writes lua/library/anyreach.lua: annotations for lua-language-server. The hand-written part is
-- prelude.lua beside this file; a class for each namespace and each table of fields follows.

local library = {}

local LUA_TYPES = {
  null = "lightuserdata", boolean = "boolean", integer = "integer", number = "number",
  string = "string", array = "any[]", object = "table<string, any>",
}

local function lua_type(schema)
  if #schema.types == 7 then return "any" end
  local parts = {}
  for _, name in ipairs(schema.types) do
    if name == "string" and schema.choices then
      for _, choice in ipairs(schema.choices) do table.insert(parts, ("%q"):format(choice)) end
    elseif name == "array" and schema.items then
      local item = lua_type(schema.items)
      table.insert(parts, (item:find("|", 1, true) and "(" .. item .. ")" or item) .. "[]")
    else
      table.insert(parts, LUA_TYPES[name])
    end
  end
  return table.concat(parts, "|")
end

local function accepts(schema, name)
  for _, accepted in ipairs(schema.types) do
    if accepted == name then return true end
  end
  return false
end

-- The query and body fields of an operation, which a call takes in one table.
local function table_fields(operation)
  local fields = { table.unpack(operation.parameters) }
  local body = operation.body and operation.body.fields or {}
  table.move(body, 1, #body, #fields + 1, fields)
  return fields
end

local function remarks(field)
  local parts = { field.summary or "" }
  if field.schema.default_json then table.insert(parts, ("Default: %s."):format(field.schema.default_json)) end
  if field.unverified then table.insert(parts, "(Inferred, not documented.)") end
  return table.concat(parts, " ")
end

local function class_text(name, fields, open)
  local lines = { "---@class " .. name }
  for _, field in ipairs(fields) do
    table.insert(lines, ("---@field %s%s %s %s"):format(field.name, field.required and "" or "?",
      lua_type(field.schema), remarks(field)))
  end
  if open then table.insert(lines, "---@field [string] any further fields, as the service knows them") end
  return table.concat(lines, "\n") .. "\n\n"
end

-- The type of the elements of a body that is a list, and the class that it needs.
local function element_type(operation)
  local items = operation.body.items
  if not items or not items.fields then return items and lua_type(items) or "any", "" end
  local name = "anyreach." .. operation.name .. ".element"
  return name, class_text(name, items.fields, items.open)
end

-- The type of a call's last argument and the classes that it needs; nil when there is no such argument.
local function fields_type(operation)
  local fields, body = table_fields(operation), operation.body
  if #fields == 0 and not body then return nil, "" end
  local types, classes = {}, ""
  if #operation.parameters > 0 or accepts(body, "object") then
    types[1] = "anyreach." .. operation.name .. ".fields"
    classes = class_text(types[1], fields, body and body.open)
  end
  if body and accepts(body, "array") then
    local element, class = element_type(operation)
    table.insert(types, element .. "[]")
    classes = classes .. class
  end
  return table.concat(types, "|"), classes
end

local function needs_fields(operation)
  for _, field in ipairs(table_fields(operation)) do
    if field.required then return true end
  end
  return operation.body_required
end

local RESULT = { json = "any", text = "string", none = "nil" }

-- Appends the annotations of the arguments and returns their names.
local function document_arguments(lines, operation, last_type)
  local arguments = {}
  for _, field in ipairs(operation.path_fields) do
    table.insert(arguments, field.name)
    table.insert(lines, ("---@param %s %s %s"):format(field.name, lua_type(field.schema), remarks(field)))
  end
  if last_type then
    table.insert(arguments, "fields")
    table.insert(lines, ("---@param fields%s %s"):format(needs_fields(operation) and "" or "?", last_type))
  end
  return table.concat(arguments, ", ")
end

local function function_text(operation, prefix, last_type)
  local lines = { "--- " .. operation.summary }
  if operation.description then table.insert(lines, "---\n--- " .. operation.description) end
  local arguments = document_arguments(lines, operation, last_type)
  table.insert(lines, "---@return " .. RESULT[operation.answer_kind])
  table.insert(lines, "---@return anyreach.response")
  table.insert(lines, ("function %s.%s(%s) end\n\n"):format(prefix, operation.name:match("[^.]+$"), arguments))
  return table.concat(lines, "\n")
end

local function each_text(operation, prefix, last_type)
  local lines = { ("--- Goes through what `%s` returns, on all pages."):format(operation.name) }
  local arguments = document_arguments(lines, operation, last_type)
  table.insert(lines, "---@return fun(): table|nil")
  table.insert(lines, ("function %s.each(%s) end\n\n"):format(prefix, arguments))
  return table.concat(lines, "\n")
end

local function namespace_of(name)
  return name:match("^(.*)%.[^.]+$") or ""
end

-- All namespaces with those they stand in, sorted, so that outer ones come first.
local function namespaces(operations)
  local seen, list = {}, {}
  for _, operation in ipairs(operations) do
    local name = namespace_of(operation.name)
    while name ~= "" and not seen[name] do
      seen[name] = true
      table.insert(list, name)
      name = namespace_of(name)
    end
  end
  table.sort(list)
  return list
end

local function class_of(namespace)
  return namespace == "" and "anyreach.operations" or "anyreach.operations." .. namespace
end

local function variable_of(namespace)
  return namespace == "" and "operations" or namespace:gsub("%.", "_")
end

local function namespace_class(namespace, all)
  local lines = { "---@class " .. class_of(namespace) }
  for _, other in ipairs(all) do
    if namespace_of(other) == namespace then
      table.insert(lines, ("---@field %s %s"):format(other:match("[^.]+$"), class_of(other)))
    end
  end
  table.insert(lines, ("local %s = {}\n\n"):format(variable_of(namespace)))
  return table.concat(lines, "\n")
end

local CLIENT = [[
---@class anyreach.sources.upload.options
---@field name? string What the source is called; the file's name, when left out.
---@field chunking_strategy? table<string, any> Default: {"method":"structure_based"}.
---@field dataset_id? string A knowledge base to attach the source to; the call then waits until it is processed.
---@field timeout? number seconds to wait at most
---@field on_progress? fun(state: string, seconds: number)

--- Creates a source, sends the bytes of a file to the address that the answer gives, and marks it complete.
---@param path string the file
---@param options? anyreach.sources.upload.options
---@return any
function sources.upload(path, options) end

---@class anyreach.client : anyreach.operations
---@field try anyreach.operations the same calls; a failure is returned as nil, error
local client = {}

--- Any request, through the same layers as the named operations.
---@param request anyreach.request
---@return any
---@return anyreach.response
function client.request(request) end

return anyreach
]]

local function read_prelude(directory)
  local file = assert(io.open(directory .. "prelude.lua", "rb"))
  local text = file:read("a")
  file:close()
  return text .. "\n"
end

--- The text of the file.
---@param operations table[] sorted by name
---@param directory string where prelude.lua is
---@return string
function library.write(operations, directory)
  local parts, all = { read_prelude(directory) }, namespaces(operations)
  table.insert(parts, namespace_class("", all))
  for _, namespace in ipairs(all) do table.insert(parts, namespace_class(namespace, all)) end
  for _, operation in ipairs(operations) do
    local last_type, classes = fields_type(operation)
    local prefix = variable_of(namespace_of(operation.name))
    table.insert(parts, classes)
    table.insert(parts, function_text(operation, prefix, last_type))
    if operation.paging ~= "none" then table.insert(parts, each_text(operation, prefix, last_type)) end
  end
  table.insert(parts, CLIENT)
  return (table.concat(parts):gsub(" +\n", "\n"))
end

return library
