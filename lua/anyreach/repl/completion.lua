-- Completion of what is typed at the prompt: names, fields of live tables, operations and what they take, file
-- names, and `:commands`; and what Tab does with the candidates. It reads the text up to the cursor and never
-- evaluates anything, calls a metamethod or sends a request.

local call = require "anyreach.repl.call"
local context = require "anyreach.repl.context"
local directory = require "anyreach.directory"
local lexer = require "anyreach.repl.lexer"
local library = require "anyreach.repl.library"
local lookup = require "anyreach.repl.lookup"
local operations = require "anyreach.operations"
local text_width = require "anyreach.text_width"

local completion = {}

---@class anyreach.repl.candidate
---@field text string replaces what was typed
---@field suffix? string is typed after it when it is the only one
---@field note? string what it is

---@class anyreach.repl.completion
---@field from integer position of the first byte that a candidate replaces
---@field to integer position of the last one; from - 1 when nothing is replaced
---@field candidates anyreach.repl.candidate[] sorted

local MOST_TEXT = 4096 -- bytes before the cursor; earlier text is ignored
local MOST_ENTRIES = 5000 -- entries of a live table that are examined
local MOST_CANDIDATES = 500

-- Functions whose first argument is the path of a file.
local TAKES_PATH = {
  dofile = true, loadfile = true, read_file = true, read_json = true, read_yaml = true, write_json = true,
  upload = true,
}
-- The same, where the last name alone says too little.
local TAKES_PATH_OF = {
  ["io.open"] = true, ["io.lines"] = true, ["agent_files.load"] = true, ["agent_files.write"] = true,
}

-- {====== lists of candidates ======

local List = {}
List.__index = List

local function new_list(prefix)
  return setmetatable({ prefix = prefix, seen = {} }, List)
end

function List:takes(text)
  return type(text) == "string" and text:sub(1, #self.prefix) == self.prefix and #self < MOST_CANDIDATES
end

function List:add(text, suffix, note)
  if not self:takes(text) or self.seen[text] then return end
  self.seen[text] = true
  self[#self + 1] = { text = text, suffix = suffix, note = note }
end

-- The completion, or nil when there are no candidates.
local function finished(list, from, to)
  if #list == 0 then return nil end
  table.sort(list, function(a, b) return a.text < b.text end)
  return { from = from, to = to, candidates = table.move(list, 1, #list, 1, {}) }
end

-- }======

-- {====== members: after a dot or colon ======

local function add_namespace_member(list, thing, member)
  local operation = operations.describe(thing.name == "" and member.name or thing.name .. "." .. member.name)
  list:add(member.name, member.is_namespace and "." or nil, operation and operation.summary or nil)
end

local function add_live(list, value, access)
  if type(value) == "string" and access == "." then return end
  lookup.each_raw(value, MOST_ENTRIES, function(key, item)
    local fits = list:takes(key) and lexer.is_name(key) and (access == "." or type(item) == "function")
    if fits then list:add(key, nil, type(item)) end
  end)
end

-- Metamethods of ours in C answer instead of a table; what they know is in the annotations.
local function add_methods(list, value)
  local metatable = debug.getmetatable(value)
  local type_name = type(metatable) == "table" and rawget(metatable, "__name")
  if type_name == "anyreach.task" then
    for _, name in ipairs(library.names "task:") do list:add(name) end
  elseif type_name == "anyreach.error" then
    list:add "curl"
  end
end

local function complete_member(place, list, environment)
  local thing = lookup.find(place.chain, environment, place.locals)
  if not thing then return end
  for _, member in ipairs(lookup.members(thing)) do
    if thing.kind == "namespace" then
      add_namespace_member(list, thing, member)
    else
      list:add(member.name, nil, member.note)
    end
  end
  if thing.kind == "value" or thing.kind == "library" then add_live(list, thing.value, place.access) end
  if place.access == ":" then add_methods(list, thing.value) end
end

-- }======

-- {====== names ======

local function add_fields(list, frame, schema)
  for _, field in ipairs(schema.fields or {}) do
    if not frame.given[field.name] then list:add(field.name, " = ", field.summary) end
  end
end

local function is_boolean(schema)
  for _, name in ipairs(schema.types or {}) do
    if name == "boolean" then return #schema.types <= 2 end
  end
  return false
end

local function add_values(list, schema)
  if is_boolean(schema) then
    list:add "true"
    list:add "false"
  end
  for _, choice in ipairs(list.prefix == "" and schema.choices or {}) do list:add(('"%s"'):format(choice)) end
end

-- In a table that a call takes: its fields, or what the value of one may be.
local function complete_argument(place, list, environment)
  local found = call.around(place, environment)
  if not found then return end
  local frame = found.tables[#found.tables]
  local outer, schema = call.schemas(found)
  if frame and outer and frame.at_start and not frame.field then add_fields(list, frame, outer) end
  if schema then add_values(list, schema) end
end

local function complete_global(place, list, environment)
  list:add("api", nil, "the client")
  for name in pairs(place.locals) do list:add(name) end
  lookup.each_raw(environment, MOST_ENTRIES, function(key, value)
    if list:takes(key) and lexer.is_name(key) then list:add(key, nil, type(value)) end
  end)
  if list.prefix == "" then return end
  for _, word in ipairs(lexer.keywords()) do list:add(word) end
end

local function complete_name(place, prefix, environment)
  local list = new_list(prefix)
  if place.access then
    complete_member(place, list, environment)
  else
    complete_argument(place, list, environment)
    if #list == 0 then complete_global(place, list, environment) end
  end
  return list
end

-- }======

-- {====== strings ======

-- What would end a string, or change its contents.
local CUT_OFF = "[%c\"'\\]"

-- Leaves out names that hold what the pattern `unfit` finds.
local function add_files(list, closing, unfit)
  local place = list.prefix:match "^(.*/)" or ""
  local home = place:find "^~/" and os.getenv "HOME"
  local real = home and home .. place:sub(2) or place
  for _, name in ipairs(directory.names(real == "" and "." or real) or {}) do
    local is_hidden = name:sub(1, 1) == "." and list.prefix:sub(#place + 1, #place + 1) ~= "."
    if not is_hidden and not name:find(unfit or CUT_OFF) then
      local is_directory = directory.kind(real .. name) == "directory"
      list:add(place .. name .. (is_directory and "/" or ""), not is_directory and closing or nil)
    end
  end
end

local function chain_text(chain)
  local names = {}
  for i, step in ipairs(chain) do names[i] = tostring(step.name) end
  return table.concat(names, ".")
end

local function takes_path(chain)
  if not chain then return false end
  local last = chain[#chain].name
  return TAKES_PATH[last] or TAKES_PATH_OF[chain_text(table.move(chain, math.max(#chain - 1, 1), #chain, 1, {}))]
end

-- What is called with the string as its first argument: f("… or f "…
local function callee_of_string(place)
  local frame = place.frames[#place.frames]
  if place.chain then return place.chain end
  return frame and frame.open == "(" and frame.position == 1 and frame.callee or nil
end

local function add_keys(list, frame, environment, locals, closing)
  local thing = lookup.find(frame.callee, environment, locals)
  if not thing then return end
  lookup.each_raw(thing.value, MOST_ENTRIES, function(key, value)
    if list:takes(key) and not key:find "[%c\"'\\]" then list:add(key, closing .. "]", type(value)) end
  end)
end

local function add_choices(list, place, environment, closing)
  local found = call.around(place, environment)
  local _, schema = nil, nil
  if found then _, schema = call.schemas(found) end
  for _, choice in ipairs(schema and schema.choices or {}) do list:add(choice, closing) end
end

local function add_profiles(list, place, environment, closing)
  local found = call.around(place, environment)
  local frame = found and found.thing.name == "anyreach.client" and found.tables[1]
  if not frame or frame.field ~= "profile" then return end
  for _, name in ipairs(require("anyreach.account.profiles").names()) do list:add(name, closing) end
end

local function complete_string(place, text, after, environment)
  local word = place.word
  local list, frame = new_list(text:sub(word.content)), place.frames[#place.frames]
  local opening = word.text:match "^[\"']"
  local closing = opening and after:sub(1, 1) ~= opening and opening or ""
  if frame and frame.open == "[" and frame.callee and frame.at_start and not place.chain then
    add_keys(list, frame, environment, place.locals, closing)
    return list
  end
  add_choices(list, place, environment, closing)
  add_profiles(list, place, environment, closing)
  local is_path = takes_path(callee_of_string(place)) or list.prefix:find "^%.?%.?/" or list.prefix:find "^~/"
  if #list == 0 and is_path then add_files(list, closing) end
  return list
end

-- }======

-- {====== commands ======

local complete -- the argument of a command may be Lua

local function commands_list(prefix)
  local list = new_list(prefix)
  for _, row in ipairs(require("anyreach.repl.commands").rows) do
    list:add(row.name, row.usage ~= ":" .. row.name and " " or nil, row.summary)
  end
  return list
end

-- The argument at the end of a command's line; `rest` is all that follows the name.
local function argument_list(row, rest)
  local word = rest:match "%S*$"
  local list, before = new_list(row.takes == "path" and rest or word), {}
  for other in rest:sub(1, #rest - #word):gmatch "%S+" do before[#before + 1] = other end
  local is_one_word = row.usage:find "ARGUMENTS" or #before == 0
  local names, takes_files = {}, false
  if row.complete and is_one_word then names, takes_files = row.complete(before) end
  for _, name in ipairs(names) do list:add(name) end
  if row.takes == "path" then add_files(list, "") end
  if takes_files then add_files(list, "", "[%s%c\"'\\]") end
  return list
end

local function complete_command(before, after, environment)
  local name = before:match "^%s*:([%a_]*)$"
  if name then return finished(commands_list(name), #before - #name + 1, #before) end
  local command, rest = before:match "^%s*:([%a_]+)!?%s+(.*)$"
  local row = command and require("anyreach.repl.commands").find(command)
  if not row then return nil end
  local list = argument_list(row, rest)
  if #list > 0 or row.takes ~= "lua" then return finished(list, #before - #list.prefix + 1, #before) end
  local head = #before - #rest
  local found = complete(rest .. after, #rest, environment)
  if found then found.from, found.to = found.from + head, found.to + head end
  return found
end

-- }======

-- The text that is examined, and how many bytes precede it: a long entry from the start of a line.
local function recent(text)
  if #text <= MOST_TEXT then return text, 0 end
  local line = text:find("\n", #text - MOST_TEXT, true)
  return line and text:sub(line + 1) or "", line or #text
end

--- What may be typed at the cursor; nil when we know nothing about it.
---@param text string the whole entry
---@param cursor integer how many of its bytes precede the cursor
---@param environment table the globals
---@return anyreach.repl.completion|nil
function complete(text, cursor, environment)
  local before, after = text:sub(1, cursor), text:sub(cursor + 1)
  if before:find "^%s*:" then return complete_command(before, after, environment) end
  local skipped
  before, skipped = recent(before)
  local place = context.at_end(before)
  if place.is_blocked then return nil end
  local word = place.word
  if word and word.kind == "string" then
    return finished(complete_string(place, before, after, environment), skipped + word.content, cursor)
  end
  local prefix = word and word.text or ""
  return finished(complete_name(place, prefix, environment), cursor - #prefix + 1, cursor)
end

completion.at = complete

-- {====== Tab ======

local GAP = 2 -- columns between two candidates of a listing
local ROWS_FOR_OTHERS = 4 -- of a screen with a listing: the entry, its hint

-- The longest beginning that all candidates share, never ending within a character.
local function common_prefix(candidates)
  local prefix = candidates[1].text
  for _, candidate in ipairs(candidates) do
    local length = 0
    while length < #prefix and prefix:byte(length + 1) == candidate.text:byte(length + 1) do length = length + 1 end
    prefix = prefix:sub(1, length)
  end
  while not utf8.len(prefix) do prefix = prefix:sub(1, -2) end
  return prefix
end

-- Names that are longer than the last part of a path or a dotted name are shown by that part.
local function shown(candidate)
  return candidate.label or candidate.text
end

--- Candidates in columns, read from the top down. Of more than a screen the first are shown, and how many
--- there are.
---@param candidates anyreach.repl.candidate[]
---@param columns integer of the terminal
---@param height integer rows of the terminal
---@return string
function completion.listing(candidates, columns, height)
  local width = 0
  for _, candidate in ipairs(candidates) do width = math.max(width, text_width.of(shown(candidate))) end
  local across = math.max(1, (columns + GAP - 1) // (width + GAP))
  local rows = (#candidates + across - 1) // across
  local room = math.max(1, height - ROWS_FOR_OTHERS)
  local lines = {}
  for row = 1, math.min(rows, room) do
    local parts = {}
    for index = row, #candidates, rows do
      local name = shown(candidates[index])
      local is_last = index + rows > #candidates
      parts[#parts + 1] = is_last and name or name .. (" "):rep(width + GAP - text_width.of(name))
    end
    lines[row] = table.concat(parts)
  end
  if rows > room then lines[room] = ("… of %d: a letter more makes them fewer"):format(#candidates) end
  return table.concat(lines, "\n")
end

--- How the entry changes, or what is listed: one candidate is taken with its suffix; of several what they
--- share, and when that adds nothing, at the second time, a list of them.
---@param found anyreach.repl.completion|nil
---@param cursor integer bytes before the cursor
---@param again boolean the key before was Tab, too
---@param columns integer of the terminal
---@param rows integer of the terminal
---@return integer length bytes before the cursor that give way
---@return string|nil insert
---@return string|nil listing
function completion.edit(found, cursor, again, columns, rows)
  local candidates = found and found.candidates or {}
  if #candidates == 0 then return 0 end
  local length = math.max(0, cursor - found.from + 1)
  if #candidates == 1 then return length, candidates[1].text .. (candidates[1].suffix or "") end
  local prefix = common_prefix(candidates)
  if #prefix > length then return length, prefix end
  if again then return 0, nil, completion.listing(candidates, columns, rows) end
  return length, #prefix == length and prefix or nil
end

-- }======

return completion
