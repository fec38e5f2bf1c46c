-- The call around a place in source that is being typed: what it calls, which argument is being typed, and
-- which fields the table takes that the place is in; for completion, and for the signature line, which says what
-- a call takes while it is typed: publish(agent_id, <version>, { direction }). Nothing is evaluated.

local context = require "anyreach.repl.context"
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

-- A field as an annotation describes it: `active?`, "boolean".
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
  local fields = table.move(operation.parameters, 1, #operation.parameters, 1, {})
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

-- {====== the signature line ======

local MOST_TEXT = 4096 -- bytes before the cursor that are examined
local WIDTH = 100 -- bytes after which fields are left out

-- The possible values of a field, where they help.
local function values_text(schema)
  if schema.choices and #schema.choices <= 6 then return table.concat(schema.choices, "|") end
  return table.concat(schema.types or {}, "|")
end

local function field_text(field, current)
  if field.name ~= current then return field.name .. (field.required and "*" or "") end
  local values = values_text(field.schema)
  return ("<%s%s>"):format(field.name, values ~= "" and ": " .. values or "")
end

-- Fields that a table takes: the current one first, then those not given yet.
local function fields_text(schema, frame)
  local current, parts, length, left = frame.field, {}, 0, 0
  local function add(field)
    local text = field_text(field, current)
    if length + #text > WIDTH and field.name ~= current then
      left = left + 1
      return
    end
    parts[#parts + 1] = text
    length = length + #text + 2
  end
  for _, field in ipairs(schema.fields) do
    if field.name == current then add(field) end
  end
  for _, field in ipairs(schema.fields) do
    if field.name ~= current and not frame.given[field.name] then add(field) end
  end
  if left > 0 then parts[#parts + 1] = ("… %d more"):format(left) end
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

local function mark(text, is_current)
  return is_current and "<" .. text .. ">" or text
end

-- The table argument: the fields of the innermost table that the cursor is in, else only that it is one.
local function table_text(found, is_current)
  local depth, schema = #found.tables, call.schemas(found)
  if not is_current or depth == 0 or not schema or #(schema.fields or {}) == 0 then
    return mark("{ … }", is_current)
  end
  local text = fields_text(schema, found.tables[depth])
  for i = depth - 1, 1, -1 do
    local field = found.tables[i].field
    text = ("{ %s%s }"):format(field and field .. " = " or "", text)
  end
  return text
end

local function operation_text(found, operation)
  local parts, path_count = {}, #operation.path_fields
  for i, field in ipairs(operation.path_fields) do parts[i] = mark(field.name, found.position == i) end
  if #operation.parameters > 0 or operation.body then
    parts[path_count + 1] = table_text(found, found.position == path_count + 1)
  end
  return table.concat(parts, ", ")
end

local function parameters_text(found, names)
  local parts = {}
  for i, name in ipairs(names) do
    local is_current = found.position == i or name == "..." and found.position >= i
    parts[i] = is_current and found.tables[1] and table_text(found, true) or mark(name, is_current)
  end
  return table.concat(parts, ", ")
end

-- The parameters of a Lua function; nil for one in C, which does not reveal them.
local function parameter_names(f)
  local facts = debug.getinfo(f, "Su")
  if facts.what == "C" then return nil end
  local names = {}
  for i = 1, facts.nparams do names[i] = debug.getlocal(f, i) end
  if facts.isvararg then names[#names + 1] = "..." end
  return names
end

-- The name by which the callee was called in the source.
local function callee_text(chain)
  local text = ""
  for _, step in ipairs(chain) do
    if step.kind == "name" then
      text = step.name
    elseif step.kind == "call" then
      text = text .. "(…)"
    else
      text = text .. (step.kind == "method" and ":" or ".") .. tostring(step.name or "?")
    end
  end
  return text
end

local function arguments_text(found)
  local operation = call.operation(found.thing)
  if operation then return operation_text(found, operation) end
  local thing = found.thing
  local entry = thing.name and library.get(thing.name)
  local names = entry and entry.parameters or type(thing.value) == "function" and parameter_names(thing.value)
  if thing.name == "api.request" then names = { "request" } end
  return names and parameters_text(found, names)
end

--- The signature of the call around the cursor, or nil when there is none that is known.
---@param text string the whole entry
---@param cursor integer how many of its bytes precede the cursor
---@param environment table the globals
---@return string|nil one line
function call.signature(text, cursor, environment)
  local before = text:sub(math.max(1, cursor - MOST_TEXT), cursor)
  if before:find "^%s*:" then return nil end
  local place = context.at_end(before)
  local found = call.around(place, environment)
  local arguments = found and arguments_text(found)
  return arguments and ("%s(%s)"):format(callee_text(found.callee), arguments) or nil
end

-- }======

return call
