-- Values and errors as the prompt shows them: a list of objects as a table, an operation with what it
-- takes, an error with what to do, everything else as a Lua literal. No text of a server's reaches the
-- terminal raw (text.lua).

local error_view = require "anyreach.repl.error_view"
local errors = require "anyreach.errors"
local literal = require "anyreach.repl.literal"
local lookup = require "anyreach.repl.lookup"
local operations = require "anyreach.operations"
local table_view = require "anyreach.repl.table_view"
local text = require "anyreach.repl.text"

local show = {}

local LINES_OF_TEXT = 12 -- of a text of many lines that is not shown in full
local LINES_OF_STRING = 4 -- a string without line breaks that takes no more is shown whole

local function operation_text(thing, options)
  local row = operations.describe(thing.name)
  local signature = require("anyreach.openapi.help").signature(row)
  local note = ("%s  help(api.%s) tells more"):format(text.line(row.summary), thing.name)
  return text.paint("name", signature, options.color) .. "\n" .. text.paint("note", note, options.color)
end

local function summary_of(member, prefix)
  local row = operations.describe((prefix == "" and "" or prefix .. ".") .. member.name)
  if row then return text.line(row.summary) end
  if member.name == "each" then return "Go through the rows of all pages of list." end
  return member.is_namespace and "…" or ""
end

local function namespace_text(thing, options)
  local members, widest = lookup.members(thing), 0
  table.sort(members, function(a, b) return a.name < b.name end)
  for _, member in ipairs(members) do widest = math.max(widest, #member.name) end
  local lines = { text.paint("name", "api" .. (thing.name == "" and "" or "." .. thing.name), options.color) }
  for _, member in ipairs(members) do
    local line = ("  %-" .. widest .. "s  %s"):format(member.name, summary_of(member, thing.name))
    lines[#lines + 1] = text.cut(line:gsub(" +$", ""), options.width or 80)
  end
  return table.concat(lines, "\n")
end

local function client_text(thing, options)
  local members = {}
  for _, member in ipairs(lookup.members(thing)) do members[#members + 1] = member.name end
  table.sort(members)
  local names = literal(table.concat(members, " "), { width = math.huge }):gsub('"', "")
  return text.paint("name", text.line(tostring(thing.value)), options.color) .. "\n"
    .. text.paint("note", text.cut("  " .. names, options.width or 80), options.color)
end

-- The first lines of a text of many.
local function folded_text(value, options)
  local lines, total = {}, 0
  for line in (value .. "\n"):gmatch "(.-)\n" do
    total = total + 1
    if total <= LINES_OF_TEXT then lines[total] = text.cut(text.line(line), options.width or 80) end
  end
  local note = ("… %s, %s; :full shows all"):format(text.counted(utf8.len(value) or #value, "character"),
    text.counted(total, "line"))
  lines[#lines + 1] = text.paint("note", note, options.color)
  return table.concat(lines, "\n")
end

local function string_text(value, options)
  if options.full then return text.lines(value) end
  local _, breaks = value:gsub("\n", "")
  if breaks == 0 and #value <= LINES_OF_STRING * (options.width or 80) then
    return text.paint("string", text.quoted(value), options.color)
  end
  return breaks >= 2 and folded_text(value, options) or literal(value, options)
end

local function object_text(value, options)
  local thing = lookup.of_value(value)
  if thing.kind == "operation" then return operation_text(thing, options) end
  if thing.kind == "namespace" then
    return type(value) == "userdata" and client_text(thing, options) or namespace_text(thing, options)
  end
  local rows, rest = table_view.rows(value)
  local shown = rows and not options.full and table_view.text(rows, options)
  if not shown then return literal(value, options) end
  return rest and next(rest) ~= nil and shown .. "\n" .. literal(rest, options) or shown
end

--- A value as text, without an end of line.
---@param value any
---@param options? anyreach.repl.show_options
---@return string
function show.value(value, options)
  options = options or {}
  if type(value) == "string" then return string_text(value, options) end
  if errors.is_error(value) then return error_view(value, options) end
  return object_text(value, options)
end

--- An error as text: what failed, why, and what to do.
---@param err any
---@param options? anyreach.repl.show_options
---@return string
function show.error(err, options)
  return error_view(err, options)
end

return show
