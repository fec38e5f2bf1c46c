-- Changed places of a text as lines for people: "[-removed-]" and "{+added+}", or red and green, with a
-- few words around them and the number of the line. Lines without a change are not shown. A line that
-- only one of the texts has is marked - or +, and "-" lines bear their number in the old text.

local color = require "anyreach.text.color"
local redaction = require "anyreach.text.redaction"

local CONTEXT = 6 -- words beside a change
local CONTEXT_BYTES = 120 -- and their length, where words are long
local NARROWEST = 20 -- columns of text, however narrow the terminal is
local LINE_BREAK = "↵"

---@class anyreach.word_diff_render_options
---@field color? boolean red and green in place of the marks
---@field context? integer words shown beside a change; default 6
---@field width? integer columns to fold lines to; default no folding

-- {====== rows: the lines of both texts, one below the other ======

---@class anyreach.word_diff_row
---@field line integer number in the new text
---@field before_line integer number in the old text
---@field segments {kind: string, text: string}[]
---@field kinds table<string, boolean> of its segments and its line break

local function new_row(line, before_line)
  return { line = line, before_line = before_line, segments = {}, kinds = {} }
end

local function add_segment(row, kind, text)
  row.kinds[kind] = true
  if text ~= "" then table.insert(row.segments, { kind = kind, text = text }) end
end

local function is_changed(row)
  return row.kinds.removed or row.kinds.added
end

-- A line break that comes or goes is shown, unless its whole line does.
local function add_break(row, kind)
  row.kinds[kind] = true
  local is_mixed = (row.kinds.removed and 1 or 0) + (row.kinds.added and 1 or 0) + (row.kinds.same and 1 or 0) > 1
  if kind ~= "same" and (is_mixed or #row.segments == 0) then add_segment(row, kind, LINE_BREAK) end
end

local function finish_row(rows, row, kind)
  add_break(row, kind)
  if is_changed(row) then rows[#rows + 1] = row end
  return new_row(row.line + (kind ~= "removed" and 1 or 0), row.before_line + (kind ~= "added" and 1 or 0))
end

-- The rows that hold a change.
local function changed_rows(pieces)
  local rows, row = {}, new_row(1, 1)
  for _, piece in ipairs(pieces) do
    local kind = piece.kind
    for text, line_break in piece.text:gmatch("([^\n]*)(\n?)") do
      if text ~= "" then add_segment(row, kind, text) end
      if line_break ~= "" then row = finish_row(rows, row, kind) end
    end
  end
  if is_changed(row) then rows[#rows + 1] = row end
  return rows
end

-- }======

-- {====== context ======

-- The first words of a text and the blanks before them.
local function head(text, count)
  local last = 0
  for after in text:gmatch("%S+()") do
    if count == 0 or after > CONTEXT_BYTES then break end
    last, count = after - 1, count - 1
  end
  if last == 0 and count > 0 then last = (utf8.offset(text, 0, math.min(#text, CONTEXT_BYTES)) or 1) - 1 end
  return text:sub(1, last)
end

local function tail(text, count)
  local starts = {}
  for start in text:gmatch("()%S+") do starts[#starts + 1] = start end
  local start = starts[#starts - count + 1] or 1
  if #text - start >= CONTEXT_BYTES then start = utf8.offset(text, 0, #text - CONTEXT_BYTES) end
  return text:sub(start)
end

-- What is shown of unchanged text before, after or between changes.
local function shorten(text, count, has_before, has_after)
  local left = has_before and head(text, count) or ""
  local right = has_after and tail(text, count) or ""
  if #left + #right >= #text then return text end
  return left .. (has_before and left:find("%S") and " …" or "…") .. (has_after and " " or "") .. right:gsub("^%s+", "")
end

local function shorten_segments(row, count)
  local shown = {}
  for index, segment in ipairs(row.segments) do
    local text = segment.text
    if segment.kind == "same" then text = shorten(text, count, index > 1, index < #row.segments) end
    shown[index] = { kind = segment.kind, text = redaction.printable(text) }
  end
  return shown
end

-- }======

-- {====== lines ======

local marks = { removed = { "[-", "-]" }, added = { "{+", "+}" }, same = { "", "" } }
local colors = { removed = "red", added = "green" }

local function decorate(kind, text, options)
  if options.color then
    return colors[kind] and color.paint(text, colors[kind]) or text
  end
  return marks[kind][1] .. text .. marks[kind][2]
end

local function columns(text)
  return utf8.len(text) or #text
end

-- Puts words into lines of at most `width` columns.
local Folder = {}
Folder.__index = Folder

function Folder:cost(kind, text)
  local last = self.line[#self.line]
  return columns(text) + (last and last.kind == kind and 0 or #marks[kind][1] + #marks[kind][2])
end

function Folder:add(kind, text)
  if self.used > 0 and self.used + self:cost(kind, text) > self.width then
    self.line, self.used = {}, 0
    table.insert(self.lines, self.line)
    text = text:gsub("^ +", "")
  end
  self.used = self.used + self:cost(kind, text)
  local last = self.line[#self.line]
  if last and last.kind == kind then
    last.text = last.text .. text
  else
    table.insert(self.line, { kind = kind, text = text })
  end
end

local function fold(segments, width)
  local line = {}
  local folder = setmetatable({ lines = { line }, line = line, used = 0, width = width }, Folder)
  for _, segment in ipairs(segments) do
    for word in segment.text:gmatch("%s*%S*") do
      if word ~= "" then folder:add(segment.kind, word) end
    end
  end
  return folder.lines
end

-- "-  12  ", "+  12  " or "   12  ": which text a line belongs to, and its number there.
local function margin(row)
  if row.kinds.same or row.kinds.removed and row.kinds.added then return ("  %4d  "):format(row.line) end
  return row.kinds.removed and ("- %4d  "):format(row.before_line) or ("+ %4d  "):format(row.line)
end

local function add_row(lines, row, options)
  local left = margin(row)
  local width = options.width and math.max(options.width - #left, NARROWEST) or math.huge
  for _, segments in ipairs(fold(shorten_segments(row, options.context or CONTEXT), width)) do
    local parts = {}
    for index, segment in ipairs(segments) do parts[index] = decorate(segment.kind, segment.text, options) end
    lines[#lines + 1] = left .. table.concat(parts)
    left = (" "):rep(#left)
  end
end

-- }======

--- The changed places.
---@param pieces anyreach.piece[] from word_diff.compare
---@param options? anyreach.word_diff_render_options
---@return string[] lines without line breaks
return function(pieces, options)
  local lines = {}
  for _, row in ipairs(changed_rows(pieces)) do add_row(lines, row, options or {}) end
  return lines
end
