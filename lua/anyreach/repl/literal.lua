-- Values as Lua would write them, for people to read: within the width of the terminal and a number of
-- lines, with what is left out counted. A table that fits is on one line, any other on several. What has no
-- contents to show (functions, operations, clients, tasks, secrets) is described in a few words. Raw, but for
-- __tostring of objects that have one: no other metamethod runs.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local lexer = require "anyreach.repl.lexer"
local lookup = require "anyreach.repl.lookup"
local text = require "anyreach.repl.display_text"

local literal = {}

local MAX_DEPTH, MAX_DEPTH_FULL = 5, 60 -- of tables in tables
local LONGEST_INLINE = 60 -- columns of a string in a table that takes one line

-- {====== a value in a few words ======

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
  return ok and text.line(words) or "<" .. type(value) .. " that cannot be converted to a string>"
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
function literal.short(value)
  return by_type[type(value)](value)
end

-- }======

-- {====== the entries of a table ======

-- A list's elements, then fields that say what the thing is, then the others by name, then keys that are no names.

---@class anyreach.repl.entry
---@field key any
---@field value any
---@field label? string the key as a Lua table constructor has it: `name`, `["a b"]`; nil of a list's element

local FIRST = {}
for i, name in ipairs {
  "id", "agent_id", "name", "title", "kind", "type", "status", "state", "version", "number", "direction", "active",
  "message", "description",
} do
  FIRST[name] = i
end

local function key_text(key)
  if lexer.is_name(key) then return key end
  if type(key) == "string" then return "[" .. text.quoted(key) .. "]" end
  return "[" .. (type(key) == "number" and tostring(key) or "<" .. type(key) .. ">") .. "]"
end

local function comes_before(a, b)
  local first, second = FIRST[a.key], FIRST[b.key]
  if first or second then return (first or math.huge) < (second or math.huge) end
  if type(a.key) ~= type(b.key) then return type(a.key) > type(b.key) end
  if type(a.key) == "string" or type(a.key) == "number" then return a.key < b.key end
  return false
end

--- How many elements there are at 1, 2, … without a gap.
---@param value table
---@return integer
function literal.count_elements(value)
  local count = 0
  while rawget(value, count + 1) ~= nil do count = count + 1 end
  return count
end

--- All entries, in order.
---@param value table
---@return anyreach.repl.entry[]
function literal.entries(value)
  local count, list, fields = literal.count_elements(value), {}, {}
  for i = 1, count do list[i] = { key = i, value = rawget(value, i) } end
  for key, item in next, value do
    local is_element = math.type(key) == "integer" and key >= 1 and key <= count
    if not is_element then fields[#fields + 1] = { key = key, value = item, label = key_text(key) } end
  end
  table.sort(fields, comes_before)
  return table.move(fields, 1, #fields, count + 1, list)
end

-- }======

local Writer = {}
Writer.__index = Writer

-- {====== one line ======

-- A value on one line of at most `room` columns: painted text and its columns; nil when it does not fit.
function Writer:inline(value, room, depth)
  local words, kind = literal.short(value)
  if not words then return self:inline_table(value, room, depth) end
  local columns = text.width(words)
  if columns > room or kind == "string" and depth > 1 and columns > LONGEST_INLINE then return nil end
  return text.paint(kind, words, self.color), columns
end

function Writer:count_text(value)
  return ("{ … %s }"):format(text.count(#self:entries(value)))
end

-- What stands for a table whose contents are not shown, or that has none; nil for all others.
function Writer:closed_table(value, depth)
  if self.path[value] then return "<the table that it is in>" end
  if next(value) == nil then return json.is_array(value) and "anyreach.array{}" or "{}" end
  if depth > (self.full and MAX_DEPTH_FULL or MAX_DEPTH) then return self:count_text(value) end
end

function Writer:inline_table(value, room, depth)
  local closed = self:closed_table(value, depth)
  if closed then return text.paint("note", closed, self.color), text.width(closed) end
  local parts, columns = {}, 4
  self.path[value] = true
  for _, entry in ipairs(self:entries(value)) do
    local label = entry.label and entry.label .. " = " or ""
    columns = columns + text.width(label) + (#parts > 0 and 2 or 0)
    local part, width
    if columns < room then part, width = self:inline(entry.value, room - columns, depth + 1) end
    if not part then
      self.path[value] = nil
      return nil
    end
    parts[#parts + 1], columns = label .. part, columns + width
  end
  self.path[value] = nil
  return "{ " .. table.concat(parts, ", ") .. " }", columns
end

-- }======

-- {====== several lines ======

function Writer:add(indent, line)
  self.lines[#self.lines + 1] = (" "):rep(indent) .. line
end

function Writer:entries(value)
  self.known[value] = self.known[value] or literal.entries(value)
  return self.known[value]
end

-- A string that is too long for its line: its beginning, and how much it is.
function Writer:folded(value, room)
  local _, breaks = value:gsub("\n", "")
  local note = " … " .. text.counted(utf8.len(value) or #value, "character")
  if breaks > 0 then note = note .. ", " .. text.counted(breaks + 1, "line") end
  local beginning = text.quoted(value:match("^[^\n]*"):sub(1, 4 * room)):sub(2, -2)
  beginning = text.clip(beginning, math.max(room - text.width(note) - 2, 8)):gsub("\\$", "")
  return text.paint("string", '"' .. beginning .. '"', self.color) .. text.paint("note", note, self.color)
end

-- In full, with its lines as they are.
function Writer:add_whole_string(indent, label, value, ending)
  local level = ""
  while value:find("]" .. level .. "]", 1, true) do level = level .. "=" end
  local body = text.paint("string", text.lines(value), self.color)
  self:add(indent, ("%s[%s[\n%s]%s]%s"):format(label, level, body, level, ending))
end

function Writer:add_string(indent, label, value, ending)
  local room = self.width - indent - text.width(label) - #ending
  if not self.full then
    self:add(indent, label .. self:folded(value, room) .. ending)
  elseif value:find "\n" then
    self:add_whole_string(indent, label, value, ending)
  else
    self:add(indent, label .. text.paint("string", text.quoted(value), self.color) .. ending)
  end
end

-- How many lines an entry may take: what its later siblings need is kept for them, if there is so much.
local function share(left, siblings)
  return siblings == 0 and left or math.max(left - siblings, left // 2)
end

function Writer:add_table(indent, label, value, ending, depth, most)
  local list, start = self:entries(value), #self.lines
  self.path[value] = true
  self:add(indent, label .. "{")
  for i, entry in ipairs(list) do
    local left = most - (#self.lines - start) - 1
    if left < 2 and i < #list then
      self:add(indent + 2, text.paint("note", ("… %s more"):format(text.count(#list - i + 1)), self.color))
      break
    end
    local entry_label = entry.label and entry.label .. " = " or ""
    self:add_value(indent + 2, entry_label, entry.value, ",", depth + 1, share(left, #list - i))
  end
  self.path[value] = nil
  self:add(indent, "}" .. ending)
end

-- Adds at most `most` lines. A table that could show but one of its entries, or none, only says how many it has.
function Writer:add_value(indent, label, value, ending, depth, most)
  local room = self.width - indent - text.width(label) - #ending
  local line, words, kind = self:inline(value, room, depth), nil, nil
  if not line then words, kind = literal.short(value) end
  if line then
    self:add(indent, label .. line .. ending)
  elseif type(value) == "string" then
    self:add_string(indent, label, value, ending)
  elseif words then
    self:add(indent, label .. text.paint(kind, words, self.color) .. ending)
  elseif most < 2 + math.min(#self:entries(value), 2) then
    self:add(indent, label .. text.paint("note", self:count_text(value), self.color) .. ending)
  else
    self:add_table(indent, label, value, ending, depth, most)
  end
end

-- }======

---@class anyreach.repl.show_options
---@field width? integer columns; default 80
---@field height? integer lines of the terminal; default 24
---@field color? boolean
---@field full? boolean nothing is left out

--- A value as a Lua literal.
---@param value any
---@param options anyreach.repl.show_options
---@return string
function literal.text(value, options)
  local writer = setmetatable({
    width = options.width or 80,
    color = options.color,
    full = options.full,
    lines = {},
    path = {},
    known = {},
  }, Writer)
  local most = options.full and math.maxinteger or math.max((options.height or 24) - 2, 10)
  writer:add_value(0, "", value, "", 1, most)
  return table.concat(writer.lines, "\n")
end

return literal
