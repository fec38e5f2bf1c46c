-- What an expression stands for that is being typed, found without evaluating it: no metamethod runs,
-- no request is sent. Live values are read by raw access; `api` and what is below it are known from the
-- operation table, `anyreach` from its annotations.

local composites = require "anyreach.client.uploads"
local library = require "anyreach.repl.library"
local operations = require "anyreach.operations"

local lookup = {}

---@class anyreach.repl.thing
---@field kind "namespace"|"operation"|"function"|"library"|"answer"|"value"
---@field name? string of an operation or namespace as in "agents.versions", "" being the client itself; of a
--- library or function as in "anyreach.map"
---@field schema? table of an answer
---@field value? any

local ANYREACH = require "anyreach"
local MAX_DEPTH = 10 -- of __index tables behind one another

-- {====== raw access ======

local function metafield(value, name)
  local metatable = debug.getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, name) or nil
end

--- A field by raw access, also in the tables behind it that __index names; never by calling anything.
---@param value any
---@param key any
---@return any
function lookup.raw(value, key)
  for _ = 1, MAX_DEPTH do
    if type(value) == "table" then
      local found = rawget(value, key)
      if found ~= nil then return found end
    end
    value = metafield(value, "__index")
    if type(value) ~= "table" then return nil end
  end
end

-- }======

-- {====== live values that are ours ======

-- An upvalue of a function of ours in C, where its object keeps what it is (client.c).
local function upvalue(value, index)
  local f = metafield(value, "__index")
  if type(f) ~= "function" or debug.getinfo(f, "S").what ~= "C" then return nil end
  return select(2, debug.getupvalue(f, index))
end

local function operation_name(value)
  local index = metafield(value, "__index")
  return type(index) == "function" and debug.getinfo(index, "S").what == "C" and index(value, "name") or nil
end

--- What a live value is.
---@param value any
---@return anyreach.repl.thing
function lookup.of_value(value)
  local type_name = metafield(value, "__name")
  if rawequal(value, ANYREACH) then return { kind = "library", name = "anyreach", value = value } end
  if rawequal(value, ANYREACH.json) then return { kind = "library", name = "anyreach.json", value = value } end
  if type(value) == "userdata" and type_name == "anyreach.client" then
    return { kind = "namespace", name = "", value = value }
  elseif type(value) == "table" and type_name == "anyreach.namespace" then
    return { kind = "namespace", name = upvalue(value, 2) or "", value = value }
  elseif type(value) == "userdata" and type_name == "anyreach.operation" then
    return { kind = "operation", name = operation_name(value), value = value }
  end
  return { kind = "value", value = value }
end

-- }======

-- {====== steps ======

local function joined(prefix, name)
  return prefix == "" and name or prefix .. "." .. name
end

-- Functions below a namespace that are not operations themselves.
local function namespace_function(prefix, name)
  local full = joined(prefix, name)
  if composites[full] or full == "request" then return true end
  local list = name == "each" and operations.describe(joined(prefix, "list"))
  return list and list.paging ~= "none"
end

local function has_operations_below(name)
  for _, known in ipairs(operations.names()) do
    if known:sub(1, #name + 1) == name .. "." then return true end
  end
  return false
end

local function namespace_step(thing, name)
  local full = joined(thing.name, name)
  if full == "try" then return { kind = "namespace", name = "" } end
  if operations.describe(full) then return { kind = "operation", name = full } end
  if has_operations_below(full) then return { kind = "namespace", name = full } end
  if namespace_function(thing.name, name) then return { kind = "function", name = "api." .. full } end
end

local function library_step(thing, name)
  local full = thing.name .. "." .. name
  if library.class(full) then return { kind = "library", name = full, value = lookup.raw(thing.value, name) } end
  if library.get(full) then return { kind = "function", name = full, value = lookup.raw(thing.value, name) } end
  local value = lookup.raw(thing.value, name)
  return value ~= nil and lookup.of_value(value) or nil
end

local function answer_step(thing, name)
  local schema = thing.schema
  if math.type(name) == "integer" then return schema.items and { kind = "answer", schema = schema.items } end
  for _, field in ipairs(schema.fields or {}) do
    if field.name == name then return { kind = "answer", schema = field.schema } end
  end
end

local steps_by_kind = {
  namespace = namespace_step,
  library = library_step,
  answer = answer_step,
  operation = function(thing, name)
    local has = name == "wait" and operations.describe(thing.name).wait or name == "curl"
    if has then return { kind = "function", name = ("api.%s.%s"):format(thing.name, name) } end
    return has_operations_below(thing.name) and namespace_step(thing, name) or nil
  end,
  value = function(thing, name)
    local value = lookup.raw(thing.value, name)
    return value ~= nil and lookup.of_value(value) or nil
  end,
}

local function call_step(thing)
  if thing.kind == "operation" then
    local answer = operations.describe(thing.name).answer
    return answer and { kind = "answer", schema = answer }
  elseif thing.name == "anyreach.client" then
    return { kind = "namespace", name = "" }
  end
end

-- `api` is made when it is first used: until then it is no value, and yet it is known.
local function first_thing(name, environment)
  local value = lookup.raw(environment, name)
  if value ~= nil then return lookup.of_value(value) end
  return name == "api" and { kind = "namespace", name = "" } or nil
end

--- What a chain stands for, or nil when that is not known without evaluating it.
---@param chain anyreach.repl.step[]|nil
---@param environment table the globals
---@param locals? table<string, boolean> names that are something else than the globals of that name
---@return anyreach.repl.thing|nil
function lookup.find(chain, environment, locals)
  if not chain or locals and locals[chain[1].name] then return nil end
  local thing = first_thing(chain[1].name, environment)
  for i = 2, #chain do
    if not thing then return nil end
    local step = chain[i]
    if step.kind == "call" then
      thing = call_step(thing)
    else
      local take = steps_by_kind[thing.kind]
      thing = take and step.name ~= nil and take(thing, step.name) or nil
    end
  end
  return thing
end

-- }======

-- {====== members ======

---@class anyreach.repl.member
---@field name string
---@field is_namespace? boolean there is more below it
---@field note? string

local function namespace_members(thing)
  local members, seen = {}, {}
  local function add(name, is_namespace)
    if not seen[name] then members[#members + 1] = { name = name, is_namespace = is_namespace } end
    seen[name] = true
  end
  local prefix = thing.name == "" and "" or thing.name .. "."
  local function add_below(full)
    local name, rest = full:sub(#prefix + 1):match "^([^.]+)(.*)$"
    if full:sub(1, #prefix) == prefix then add(name, rest ~= "") end
  end
  for _, full in ipairs(operations.names()) do add_below(full) end
  for full in pairs(composites) do add_below(full) end
  if namespace_function(thing.name, "each") then add("each") end
  if prefix == "" then
    add "request"
    add("try", true)
  end
  return members
end

local function schema_members(thing)
  local members = {}
  for _, field in ipairs(thing.schema.fields or {}) do
    members[#members + 1] = { name = field.name, note = field.summary }
  end
  return members
end

local function library_members(thing)
  local members = {}
  for _, name in ipairs(library.names(thing.name .. ".")) do members[#members + 1] = { name = name } end
  return members
end

local function operation_members(thing)
  local members = has_operations_below(thing.name) and namespace_members(thing) or {}
  table.insert(members, { name = "curl" })
  table.insert(members, { name = "name" })
  if operations.describe(thing.name).wait then table.insert(members, { name = "wait" }) end
  return members
end

local members_by_kind = {
  namespace = namespace_members,
  answer = schema_members,
  library = library_members,
  operation = operation_members,
}

--- The names below a thing that are known without looking at a live value; in no particular order.
---@param thing anyreach.repl.thing
---@return anyreach.repl.member[]
function lookup.members(thing)
  local list = members_by_kind[thing.kind]
  return list and list(thing) or {}
end

--- Calls `visit(key, value)` for each entry of a live value, and of the tables behind it, by raw access.
---@param value any
---@param most integer so many entries of each table at most
---@param visit fun(key: any, value: any)
function lookup.each_raw(value, most, visit)
  for _ = 1, MAX_DEPTH do
    if type(value) == "table" then
      local count = 0
      for key, item in next, value do
        visit(key, item)
        count = count + 1
        if count >= most then break end
      end
    end
    value = metafield(value, "__index")
    if type(value) ~= "table" then return end
  end
end

-- }======

return lookup
