-- Writes values as YAML that our reader, and any other, takes for the same value: what YAML 1.1 or 1.2
-- might read as something else is quoted, texts of several lines are literal blocks, keys have a stable
-- order. yaml/edit/init.lua changes an existing text.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local yaml_value = require "anyreach.yaml.value"

local yaml_text = {}

local INDENT = "  "
local LONG_LINE = 80 -- bytes from which a text that would need quotes is a literal block
local LONGEST_KEY = 1000 -- bytes; readers give up on longer ones that are not marked by "?"
local MAX_DEPTH = 500 -- below what our reader takes

-- {====== text on one line ======

-- Words that YAML 1.1 reads as flags or as nothing, or that people may take for nothing.
local AMBIGUOUS = { y = true, n = true, yes = true, no = true, on = true, off = true, ["true"] = true,
  ["false"] = true, null = true, none = true, ["nil"] = true, undefined = true }

-- What looks like quotes, a separator or a line break, and is a part of a plain text: our reader warns of it.
local MISLEADING = { "^\u{201C}", "^\u{201D}", "^\u{201E}", "^\u{2018}", "^«", ",$", "\\n" }

-- Characters that must not occur unescaped in a YAML document, or that some reader takes for the end of
-- a line.
local function is_special(code)
  return code < 0x20 or code >= 0x7F and code < 0xA0 or code == 0x2028 or code == 0x2029 or code == 0xFEFF
    or code == 0xFFFE or code == 0xFFFF
end

local function check_text(text)
  local length, place = utf8.len(text)
  if not length then errors.raise("usage", "YAML: a text is not valid UTF-8 at byte %d", place) end
end

local function has_special(text, except)
  if not text:find("[%c\127-\255]") then return false end
  for _, code in utf8.codes(text) do
    if is_special(code) and not (except and except[code]) then return true end
  end
  return false
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\0"] = "\\0" }

local function escape(character)
  if escapes[character] then return escapes[character] end
  local code = utf8.codepoint(character)
  if not is_special(code) then return character end
  return (code < 0x100 and "\\x%02X" or "\\u%04X"):format(code)
end

local function double_quoted(text)
  return '"' .. text:gsub(utf8.charpattern, escape) .. '"'
end

local function single_quoted(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

local function is_misleading(text)
  for _, pattern in ipairs(MISLEADING) do
    if text:find(pattern) then return true end
  end
  return false
end

-- True when nobody can take the text, without quotes, for anything else.
local function is_plain(text)
  return (text:find("^[%a_/\128-\255]") or text:find("^%.%.?/")) and not text:find("[%s:]$")
    and not text:find(":%s") and not text:find(" #") and not AMBIGUOUS[text:lower()] and not is_misleading(text)
    and not has_special(text)
end

--- A text on one line, in a style if the text allows it, else in the simplest one that it allows.
---@param text string
---@param is_flow? boolean it is between brackets or braces, or a key
---@param style? "plain"|"single"|"double"
---@return string
function yaml_text.text(text, is_flow, style)
  check_text(text)
  if style == "double" then return double_quoted(text) end
  if style == "single" and not has_special(text) then return single_quoted(text) end
  local is_safe = is_plain(text) and not (is_flow and (text:find("[,%[%]{}]") or text:find(":?", 1, true)))
  return is_safe and text or double_quoted(text)
end

local function number_text(value)
  if value ~= value then return ".nan" end
  if value == math.huge then return ".inf" end
  if value == -math.huge then return "-.inf" end
  local text = json.encode(value)
  if math.type(value) == "integer" then return text end
  -- YAML 1.1 asks for the point and the sign: 1.0e+300
  local digits, sign, exponent = text:match("^(.-)[eE]([+-]?)(%d+)$")
  if not digits then return text end
  return (digits:find(".", 1, true) and digits or digits .. ".0") .. "e" .. (sign == "" and "+" or sign) .. exponent
end

local function scalar_text(value, is_flow, style)
  if type(value) == "string" then return yaml_text.text(value, is_flow, style) end
  if value == nil or value == json.null then return "null" end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "number" then return number_text(value) end
  if json.is_number(value) then return tostring(value) end
  errors.raise("usage", "YAML: a %s cannot be written to a file", type(value) == "userdata" and "secret" or type(value))
end

local function tag_name(tag)
  if type(tag) ~= "string" or not tag:find("^![%w_-]+$") then
    errors.raise("usage", "YAML: expected a tag such as !file, got %s", tostring(tag))
  end
  return tag
end

local function check_depth(depth)
  if depth > MAX_DEPTH then errors.raise("usage", "YAML: nested deeper than %d levels", MAX_DEPTH) end
end

local function key_text(key)
  local text = yaml_text.text(key, true)
  return #text > LONGEST_KEY and "? " .. text or text, #text > LONGEST_KEY
end

--- An entry of a mapping between braces.
---@param key string
---@param value_text string
---@return string
function yaml_text.inline_entry(key, value_text)
  local text, is_long = key_text(key)
  return text .. (is_long and " : " or ": ") .. value_text
end

local inline

local function inline_map(value, depth)
  local parts = {}
  for index, key in ipairs(yaml_value.keys(value)) do
    parts[index] = yaml_text.inline_entry(key, inline(value[key], depth))
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function inline_list(value, depth)
  local parts = {}
  for index = 1, #value do parts[index] = inline(value[index], depth) end
  return "[" .. table.concat(parts, ", ") .. "]"
end

function inline(value, depth, style)
  check_depth(depth)
  local kind = yaml_value.kind(value)
  if kind == "map" then return inline_map(value, depth + 1) end
  if kind == "list" then return inline_list(value, depth + 1) end
  if kind == "scalar" then return scalar_text(value, true, style) end
  local tag, content = yaml_value.tag(value)
  return tag_name(tag) .. " " .. inline(content, depth + 1)
end

--- A value on one line, as it is written between brackets or braces.
---@param value any
---@param style? "plain"|"single"|"double" of a text
---@return string
function yaml_text.inline(value, style)
  return inline(value, 1, style)
end

-- }======

-- {====== blocks ======

local LITERAL = { [10] = true, [9] = true } -- line breaks and tabs may occur in a literal block

-- Patterns that begin with "^.*" look at each character once; "\n*$" would look again from every line break.
local function without_last_breaks(text)
  return text:match("^.*[^\n]") or ""
end

local function last_line(text)
  local body = without_last_breaks(text)
  return body:match("^.*\n(.*)") or body
end

-- Some readers disagree on lines of blanks at the end, and a block cannot hold other special characters.
local function can_be_literal(text)
  return last_line(text):find("[^ \t]") and not has_special(text, LITERAL)
end

--- A text as a literal block: its header, and its lines without their indentation.
---@param text string
---@return string|nil header nil when the text cannot be a literal block
---@return string[]|nil lines
function yaml_text.literal(text)
  check_text(text)
  if not can_be_literal(text) then return nil end
  local indicator = text:find("^%s") and #INDENT or ""
  local breaks = #text - #without_last_breaks(text)
  local chomping = breaks == 0 and "-" or breaks > 1 and "+" or ""
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return "|" .. indicator .. chomping, lines
end

local function indent(line)
  return line == "" and "" or INDENT .. line
end

local node

local function add_body(lines, body)
  for _, line in ipairs(body) do lines[#lines + 1] = indent(line) end
end

local function map_lines(value, depth)
  local lines = {}
  for _, key in ipairs(yaml_value.keys(value)) do
    local head, body = node(value[key], depth)
    local text, is_long = key_text(key)
    if is_long then lines[#lines + 1], text = text, "" end
    lines[#lines + 1] = text .. ":" .. (head == "" and "" or " " .. head)
    add_body(lines, body)
  end
  return lines
end

-- A container begins on the line of its dash.
local function list_lines(value, depth)
  local lines = {}
  for index = 1, #value do
    local head, body = node(value[index], depth)
    if head == "" then head, body = body[1], table.move(body, 2, #body, 1, {}) end
    lines[#lines + 1] = "- " .. head
    add_body(lines, body)
  end
  return lines
end

local function text_node(value, style)
  local is_long = #value >= LONG_LINE and not is_plain(value)
  local wants_literal = style == "literal" or not style and (value:find("\n", 1, true) or is_long)
  if wants_literal then
    local header, lines = yaml_text.literal(value)
    if header then return header, lines end
  end
  return yaml_text.text(value, false, style), {}
end

function node(value, depth, style)
  check_depth(depth)
  local kind = yaml_value.kind(value)
  if kind == "tag" then return inline(value, depth), {} end
  if kind == "scalar" then
    if type(value) == "string" then return text_node(value, style) end
    return scalar_text(value), {}
  end
  if next(value) == nil then return kind == "list" and "[]" or "{}", {} end
  return "", (kind == "list" and list_lines or map_lines)(value, depth + 1)
end

--- A value as it is written after a key or a dash.
---@param value any
---@param style? "plain"|"single"|"double"|"literal" of a text
---@return string head what is on the same line; "" for a container that has something in it
---@return string[] body lines below, without the indentation that they share
function yaml_text.node(value, style)
  return node(value, 1, style)
end

--- The lines of an element of a list, without indentation.
---@param value any
---@return string[]
function yaml_text.element(value)
  return list_lines({ value }, 1)
end

--- The lines of an entry of a mapping, without indentation.
---@param key string
---@param value any
---@return string[]
function yaml_text.entry(key, value)
  return map_lines({ [key] = value }, 1)
end

-- }======

-- Top-level entries that take several lines are set apart by blank lines. A blank line after a block that keeps
-- its last line breaks would belong to it.
local function document_lines(value)
  local lines, keeps_breaks = {}, false
  for index, key in ipairs(yaml_value.keys(value)) do
    local entry = yaml_text.entry(key, value[key])
    if #entry > 1 and index > 1 and not keeps_breaks then lines[#lines + 1] = "" end
    table.move(entry, 1, #entry, #lines + 1, lines)
    keeps_breaks = entry[#entry] == ""
  end
  return lines
end

--- The value as a YAML document. A secret, or a text that is not UTF-8, raises an error.
---@param value any
---@return string
function yaml_text.encode(value)
  local lines
  if yaml_value.kind(value) == "map" and next(value) ~= nil then
    lines = document_lines(value)
  else
    local head, body = yaml_text.node(value)
    lines = head == "" and body or { head }
    if head ~= "" then add_body(lines, body) end
  end
  return table.concat(lines, "\n") .. "\n"
end

return yaml_text
