-- What a value is, in a few words, where it is not shown by its contents: functions, operations, clients,
-- tasks, secrets and objects that have words of their own.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local lookup = require "anyreach.repl.lookup"
local text = require "anyreach.repl.text"

local describe = {}

-- `name(a, b)` of a function of Lua, where it was defined; one in C only says that it is built in.
local function function_text(f)
  local facts = debug.getinfo(f, "Su")
  if facts.what == "C" then return "<function, built in>" end
  local names = {}
  for i = 1, facts.nparams do names[i] = debug.getlocal(f, i) end
  if facts.isvararg then names[#names + 1] = "..." end
  local place = facts.short_src:gsub("^%[anyreach%] ", "")
  return ("<function(%s) at %s:%d>"):format(table.concat(names, ", "), place, facts.linedefined)
end

-- What the object says of itself. Its own code may fail.
local function own_words(value)
  local ok, words = pcall(tostring, value)
  return ok and text.line(words) or "<" .. type(value) .. " that cannot say what it is>"
end

local function userdata_text(value)
  local thing = lookup.of_value(value)
  if thing.kind == "operation" then return "<operation " .. thing.name .. ">" end
  local metatable = debug.getmetatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  if name == "anyreach.task" then return "<task, " .. value:status() .. ">" end
  return own_words(value)
end

local function table_text(value)
  if json.is_number(value) then return tostring(value) end
  local metatable = debug.getmetatable(value)
  if type(metatable) ~= "table" then return nil end
  local thing = lookup.of_value(value)
  if thing.kind == "namespace" then return ("<operations of api.%s>"):format(thing.name) end
  if errors.is_error(value) then return "<error " .. text.line(tostring(value)) .. ">" end
  return rawget(metatable, "__tostring") ~= nil and own_words(value) or nil
end

-- The digits that read back as the same number.
local function number_text(value)
  local short = tostring(value)
  return (math.type(value) == "integer" or tonumber(short) == value or value ~= value) and short
    or ("%.17g"):format(value)
end

local by_type = {
  ["nil"] = function() return "nil", "constant" end,
  boolean = function(value) return tostring(value), "constant" end,
  number = function(value) return number_text(value), "number" end,
  string = function(value) return text.quoted(value), "string" end,
  ["function"] = function(value) return function_text(value), "note" end,
  thread = function(value) return ("<coroutine, %s>"):format(coroutine.status(value)), "note" end,
  table = function(value)
    local words = table_text(value)
    return words, words and (json.is_number(value) and "number" or "note")
  end,
  userdata = function(value)
    if rawequal(value, json.null) then return "anyreach.null", "constant" end
    return userdata_text(value), "note"
  end,
}

--- A value in one line of printable text, without its contents; nil for a table that has no words of its own.
---@param value any
---@return string|nil
---@return string|nil kind as text.paint takes it
function describe.value(value)
  return by_type[type(value)](value)
end

return describe
