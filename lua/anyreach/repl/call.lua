-- The call around a place in source that is being typed: what it calls, which argument stands there, and
-- what fields the table takes that the place is in. For completion and for the signature line.

local library = require "anyreach.repl.library"
local lookup = require "anyreach.repl.lookup"
local operations = require "anyreach.operations"

local call = {}

---@class anyreach.repl.call
---@field thing anyreach.repl.thing what is called
---@field callee anyreach.repl.step[] how it is written
---@field position integer of the argument, from 1
---@field tables anyreach.repl.frame[] the tables within it that the place is in, outermost first

-- {====== finding it ======

--- The innermost call around a place whose callee is known; nil when there is none.
---@param place anyreach.repl.place
---@param environment table
---@return anyreach.repl.call|nil
function call.around(place, environment)
  local tables = {}
  for i = #place.frames, 1, -1 do
    local frame = place.frames[i]
    if frame.open == "block" then return nil end
    if frame.open == "{" then table.insert(tables, 1, frame) else tables = frame.callee and tables or {} end
    local thing = frame.open ~= "[" and lookup.find(frame.callee, environment, place.locals)
    if thing then
      local position = frame.open == "(" and frame.position or 1
      return { thing = thing, callee = frame.callee, position = position, tables = tables }
    elseif frame.open == "(" or frame.open == "[" then
      tables = {}
    end
  end
end

-- }======

-- {====== what it takes ======

--- The operation whose arguments a thing takes: itself, or for `each` the list that it follows.
---@param thing anyreach.repl.thing
---@return table|nil row of operations.describe
function call.operation(thing)
  if thing.kind == "operation" then return operations.describe(thing.name) end
  local prefix = thing.kind == "function" and thing.name:match "^api%.(.*)%.each$"
  return prefix and operations.describe(prefix .. ".list") or nil
end

-- A field as an annotation tells of it: `active?`, "boolean".
local function annotated_field(known)
  local choices, types = {}, {}
  for choice in known.type:gmatch '"([^"]*)"' do choices[#choices + 1] = choice end
  for name in known.type:gmatch "[%w_.]+" do types[#types + 1] = name end
  return {
    name = known.name:gsub("%?$", ""),
    required = not known.name:find "%?$",
    summary = known.text ~= "" and known.text or nil,
    schema = { types = types, choices = #choices > 0 and choices or nil },
  }
end

local function annotated_fields(thing, position)
  local entry = library.get(thing.name)
  local known = entry and library.fields(entry, position)
  if thing.name == "api.request" then known = library.class("anyreach.request").fields end
  local fields = {}
  for i, field in ipairs(known or {}) do fields[i] = annotated_field(field) end
  return { fields = fields }
end

local function table_schema(operation)
  local body = operation.body
  local own = body and body.fields or {}
  local fields = table.move(operation.query_fields, 1, #operation.query_fields, 1, {})
  return { fields = table.move(own, 1, #own, #fields + 1, fields), items = body and body.items }
end

--- The schema of an argument, as far as it is known: {fields?, items?, choices?, types?}, or nil.
---@param thing anyreach.repl.thing
---@param position integer
---@return table|nil
function call.argument_schema(thing, position)
  local operation = call.operation(thing)
  if not operation then return thing.kind == "function" and annotated_fields(thing, position) or nil end
  local path_count = #operation.path_fields
  if position <= path_count then return operation.path_fields[position].schema end
  return position == path_count + 1 and table_schema(operation) or nil
end

local function field_schema(schema, name)
  for _, field in ipairs(schema.fields or {}) do
    if field.name == name then return field.schema end
  end
end

-- The schema of what is typed in a table: of the field's value, or of an element.
local function within(schema, frame)
  if frame.field then return field_schema(schema, frame.field) end
  return schema.items
end

--- The schema of the innermost table that the place is in, and that of the value there. Either may be nil.
---@param found anyreach.repl.call
---@return table|nil table_schema
---@return table|nil value_schema
function call.schemas(found)
  local schema = call.argument_schema(found.thing, found.position)
  local outer
  for _, frame in ipairs(found.tables) do
    if not schema then return nil end
    outer, schema = schema, within(schema, frame)
  end
  return outer, schema
end

-- }======

return call
