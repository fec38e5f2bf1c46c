-- Values as Lua would write them, for people to read: within the width of the terminal and a number of
-- lines, with what is left out counted. A table that fits stands on one line, any other on several.

local describe = require "anyreach.repl.describe"
local entries = require "anyreach.repl.entries"
local json = require "anyreach.json"
local text = require "anyreach.repl.text"

local MAX_DEPTH, MAX_DEPTH_FULL = 5, 60 -- of tables in tables
local LONGEST_INLINE = 60 -- columns of a string in a table that stands on one line

local Writer = {}
Writer.__index = Writer

-- {====== one line ======

-- A value on one line of at most `room` columns: painted text and its columns; nil when it does not fit.
function Writer:inline(value, room, depth)
  local words, kind = describe.value(value)
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
  self.known[value] = self.known[value] or entries.of(value)
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
  if not line then words, kind = describe.value(value) end
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
local function literal(value, options)
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
