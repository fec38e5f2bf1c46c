-- Values and errors as the prompt shows them: a list of objects as a table, an operation with what it
-- takes, an error with what to do, everything else as a Lua literal. No text of a server's reaches the
-- terminal raw (display_text.lua).

local errors = require "anyreach.errors"
local literal = require "anyreach.repl.literal"
local lookup = require "anyreach.repl.lookup"
local operations = require "anyreach.operations"
local table_view = require "anyreach.repl.table_view"
local text = require "anyreach.repl.display_text"

local show = {}

local LINES_OF_TEXT = 12 -- of a text of many lines that is not shown in full
local LINES_OF_STRING = 4 -- a string without line breaks that takes no more is shown whole

-- {====== errors ======

-- What to do, by the kind of the error. "%s" is the operation's name.
local ADVICE = {
  unauthorized = "Check the token: 'anyreach doctor' reports what it is and where it comes from.",
  forbidden = "The credential may not do this; another token, or another role, can.",
  credential = "Set ANYREACH_TOKEN, or choose a profile: :profile NAME.",
  rate_limited = "Wait a moment; --rate N keeps below a number of requests a second.",
  network = "Check the address and the connection: 'anyreach doctor'.",
  tls = "Check the certificate: 'anyreach doctor'; --ca-file FILE trusts authorities of your own.",
  timeout = "Try again; --timeout SECONDS allows more time.",
  server = "The server failed; trying again later may help.",
}

-- The same where the operation explains itself.
local OPERATION_ADVICE = {
  usage = "help(api.%s) lists its fields.",
  validation = "help(api.%s) lists its fields.",
  bad_request = "help(api.%s) lists its fields.",
  not_found = "It may be gone, or belong to another organisation: api.%s lists those that exist.",
}

local function list_of(operation)
  local name = operation:gsub("[^.]+$", "list")
  return operations.describe(name) and name
end

-- What a recipe does not declare, and what --read-only forbids, no command allows.
local function guard_advice(err)
  local is_lifted = err.message:find "this session is read%-only" or err.message:find "is protected"
  return is_lifted and ":readonly off allows writes." or nil
end

local function advice(err)
  if err.kind == "guard" then return guard_advice(err) end
  if err.kind == "not_found" then
    local list = err.operation and list_of(err.operation)
    return list and OPERATION_ADVICE.not_found:format(list)
  end
  local about = err.operation and operations.describe(err.operation) and OPERATION_ADVICE[err.kind]
  return about and about:format(err.operation) or ADVICE[err.kind]
end

local function facts(err)
  local list = {}
  if err.method and err.url then list[1] = err.method .. " " .. err.url end
  if err.request_id then list[#list + 1] = "request " .. err.request_id end
  if (err.attempts or 1) > 1 then list[#list + 1] = ("%d attempts"):format(err.attempts) end
  if err.retry_after then list[#list + 1] = ("try again after %g s"):format(err.retry_after) end
  if err.where and not err.where:find "^%(" then list[#list + 1] = "at " .. err.where end
  return table.concat(list, ", ")
end

-- A message of Lua's that begins with where in the entry it arose.
local function plain_message(err)
  if type(err) == "string" then return err end
  local ok, words = pcall(tostring, err)
  return ok and words or "an error that cannot be converted to a string"
end

--- An error as text of several lines.
---@param err any what was raised, or returned in place of a result
---@param options? anyreach.repl.show_options
---@return string
function show.error(err, options)
  local color = options and options.color
  if not errors.is_error(err) then return text.paint("failure", text.lines(plain_message(err)), color) end
  local message = tostring(err.message)
  local head = err.operation and tostring(err.operation) .. ": " .. message or message
  local lines = { text.paint("failure", text.lines(head), color) }
  local function add(line, kind)
    if line and line ~= "" then lines[#lines + 1] = "  " .. text.paint(kind, text.line(line), color) end
  end
  add(facts(err), "note")
  if err.may_have_been_sent then add("It may have been carried out: look before you do it again.", "warning") end
  add(advice(err), "note")
  return table.concat(lines, "\n")
end

-- }======

-- {====== values ======

local function operation_text(thing, options)
  local row = operations.describe(thing.name)
  local signature = require("anyreach.openapi.help").signature(row)
  local note = ("%s  help(api.%s) explains it"):format(text.line(row.summary), thing.name)
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
  local names = literal.text(table.concat(members, " "), { width = math.huge }):gsub('"', "")
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
  return breaks >= 2 and folded_text(value, options) or literal.text(value, options)
end

local function object_text(value, options)
  local thing = lookup.of_value(value)
  if thing.kind == "operation" then return operation_text(thing, options) end
  if thing.kind == "namespace" then
    return type(value) == "userdata" and client_text(thing, options) or namespace_text(thing, options)
  end
  local rows, rest = table_view.rows(value)
  local shown = rows and not options.full and table_view.text(rows, options)
  if not shown then return literal.text(value, options) end
  return rest and next(rest) ~= nil and shown .. "\n" .. literal.text(rest, options) or shown
end

--- A value as text, without an end of line.
---@param value any
---@param options? anyreach.repl.show_options
---@return string
function show.value(value, options)
  options = options or {}
  if type(value) == "string" then return string_text(value, options) end
  if errors.is_error(value) then return show.error(value, options) end
  return object_text(value, options)
end

-- }======

return show
