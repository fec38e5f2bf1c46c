-- Text that is fit for a terminal. What comes from a server may hold control characters, escape
-- sequences, marks that turn the direction of writing, and secrets; none of them is shown as it is.

local color = require "anyreach.text.color"
local redact = require("anyreach.redact").known
local width = require "anyreach.text_width"

local text = {}

local function escaped_byte(c)
  return ("\\x%02X"):format(c:byte())
end

local function escaped_character(c)
  return ("\\u{%X}"):format(utf8.codepoint(c))
end

-- Characters of valid UTF-8 that a terminal obeys or that cannot be seen: C1 controls, marks of
-- direction and width, separators of lines.
local INVISIBLE = { "\xC2[\x80-\x9F]", "\xE2\x80[\x8B\x8E\x8F\xA8-\xAE]", "\xE2\x81[\xA0-\xAF]", "\xEF\xBB\xBF" }

local function escape_valid(part, controls)
  part = part:gsub(controls, escaped_byte)
  for _, pattern in ipairs(INVISIBLE) do part = part:gsub(pattern, escaped_character) end
  return part
end

local function escape(value, controls)
  if not value:find "[%c\127-\255]" then return value end
  local parts, at = {}, 1
  while at <= #value do
    local length, wrong = utf8.len(value, at)
    local last = length and #value or wrong - 1
    parts[#parts + 1] = escape_valid(value:sub(at, last), controls)
    if wrong then parts[#parts + 1] = escaped_byte(value:sub(wrong, wrong)) end
    at = (wrong or #value) + 1
  end
  return table.concat(parts)
end

--- A text of one line, without secrets: what cannot be shown as it is becomes \xNN or \u{N}.
---@param value string
---@return string
function text.line(value)
  return escape(redact(value), "[%c\127]")
end

--- The same for a text of several lines: new lines stay, and tabs.
---@param value string
---@return string
function text.lines(value)
  return escape(redact(value), "[%z\1-\8\11-\31\127]")
end

local SHORT = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }

--- A Lua literal.
---@param value string
---@return string
function text.quoted(value)
  return '"' .. escape(redact(value):gsub('[\n\t\r"\\]', SHORT), "[%c\127]") .. '"'
end

--- How many columns a printable text takes.
---@param value string
---@return integer
function text.width(value)
  return value:find "[\128-\255]" and width.of(value) or #value
end

--- As much of a printable text as fits into so many columns.
---@param value string
---@param columns integer
---@return string
function text.clip(value, columns)
  return text.width(value) <= columns and value or width.cut(value, columns)
end

--- A printable text cut to so many columns, with "…" when something is missing.
---@param value string
---@param columns integer
---@return string
function text.cut(value, columns)
  if text.width(value) <= columns then return value end
  return width.cut(value, math.max(columns - 1, 0)) .. "…"
end

--- A printable text, filled up with spaces to so many columns.
---@param value string
---@param columns integer
---@param to_the_right? boolean the spaces come before it
---@return string
function text.pad(value, columns, to_the_right)
  local space = (" "):rep(columns - text.width(value))
  return to_the_right and space .. value or value .. space
end

--- "5,214".
---@param count integer
---@return string
function text.count(count)
  local digits = ("%d"):format(count):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (digits:gsub("^,", ""))
end

--- "1 line", "5,214 lines".
---@param count integer
---@param noun string
---@param plural? string where it is not the noun with an "s"
---@return string
function text.counted(count, noun, plural)
  return text.count(count) .. " " .. (count == 1 and noun or plural or noun .. "s")
end

local STYLES = {
  string = "green", number = "cyan", constant = "magenta", note = "dim", name = "bold", failure = "red",
  warning = "yellow",
}

--- Text in the colour of what it is, where colours are wanted.
---@param kind "string"|"number"|"constant"|"note"|"name"|"failure"|"warning"
---@param value string
---@param is_wanted? boolean
---@return string
function text.paint(kind, value, is_wanted)
  return is_wanted and color.paint(value, STYLES[kind]) or value
end

return text
