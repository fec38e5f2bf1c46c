-- What is wrong with a YAML text, for people: libyaml says where it could not go on and what it had expected there;
-- this says what was most likely meant, where that is, and how to write it. The rules are tried in order; where none
-- knows better, libyaml's own words remain. yaml_mistakes.explain also shows the line, with a caret. Pure.

local redaction = require "anyreach.text.redaction"

local yaml_mistakes = {}

local SHOWN_MAX = 100 -- characters of a line

---@class anyreach.yaml_mistake
---@field line integer|nil
---@field column integer|nil in characters
---@field message string
---@field excerpt string|nil the line with a caret below it

-- {====== bytes that are no text ======

-- Line and column of a byte.
local function place_of(text, byte)
  local before = text:sub(1, byte - 1)
  local _, breaks = before:gsub("\n", "")
  local line = before:match("[^\n]*$")
  return breaks + 1, (utf8.len(line) or #line) + 1
end

local function is_utf_16(text)
  if text:find("^\xFF\xFE") or text:find("^\xFE\xFF") then return true end
  local start = text:sub(1, 64)
  local _, nulls = start:gsub("%z", "")
  return nulls > 0 and nulls * 3 >= #start
end

-- What cannot be read before anything else can be said; nil for text in UTF-8.
local function wrong_encoding(text)
  if is_utf_16(text) then return { message = "this file is UTF-16; save it as UTF-8", line = 1, column = 1 } end
  local _, byte = utf8.len(text)
  if byte then
    local line, column = place_of(text, byte)
    return { line = line, column = column, message = ("this file is not UTF-8, most likely Latin-1 (byte 0x%02X at "
      .. "line %d); save it as UTF-8"):format(text:byte(byte), line) }
  end
  local control = text:find("[%z\1-\8\11\12\14-\31\127]")
  if not control then return nil end
  local line, column = place_of(text, control)
  local code = text:byte(control)
  return { line = line, column = column, message = code == 0 and "a null byte; this file is no text"
    or ('a control character; remove it, or write it as "\\x%02X" in double quotes'):format(code) }
end

-- }======

-- {====== rules ======

-- What a rule looks at.
---@class anyreach.yaml_case
---@field lines string[]
---@field line integer where libyaml stopped
---@field column integer
---@field said string libyaml's words
---@field text string the line where it stopped
---@field behind string that line from there on
---@field before string what is before it
---@field started integer|nil the line where that began which libyaml was reading

local function indent_of(line)
  return #line:match("^ *")
end

-- The nearest line above with content, and its number.
local function line_above(case, number)
  for index = number - 1, 1, -1 do
    if case.lines[index]:find("%S") and not case.lines[index]:find("^%s*#") then return case.lines[index], index end
  end
end

local function column_of(line, byte)
  return (utf8.len(line:sub(1, byte - 1)) or byte - 1) + 1
end

-- "name:value": the byte of the colon.
local function glued_colon(line)
  local colon = line:match("^%s*%-?%s*[%w_-]+():[^%s:/]")
  return colon and not line:find("^%s*%-?%s*[%w_-]+: ") and colon or nil
end

-- The first character of the value on a line, and its byte.
local function start_of_value(line)
  if not line then return nil end
  local byte = line:match("^%s*[^%s:#][^:#]*:%s+()%S") or line:match("^%s*%-%s+()%S")
  return byte and line:sub(byte, byte), byte
end

local function conflict(case)
  for number, line in ipairs(case.lines) do
    if line:find("^<<<<<<<") or line:find("^>>>>>>>") then
      return "a merge that was not finished; resolve the conflict", number, 1
    end
  end
end

local function tab(case)
  local at = case.text:match("^ *()\t")
  if at then return "a tab; YAML takes spaces for indentation", case.line, at end
end

local function glued(case)
  for _, number in ipairs { case.line, case.started or case.line, select(2, line_above(case, case.line)) } do
    local colon = glued_colon(case.lines[number] or "")
    if colon then return "a space is missing after the colon", number, colon end
  end
end

local function typographic(case)
  local number = case.started or case.line
  local first = (case.lines[number] or ""):match("^%s*%-?%s*[%w_-]*:?%s*()“")
  if first then
    return 'typographic quotes are text to YAML; use "', number, column_of(case.lines[number], first)
  end
end

-- A value that begins with {{, or with braces or brackets that more text follows.
local function braces(case)
  local character, byte = start_of_value(case.text)
  if character ~= "{" and character ~= "[" or case.behind:find("^[%]}]") then return end
  local rest = case.text:sub(byte)
  local words = rest:find("^{{") and "quote a value that begins with {{"
    or rest:find("^%b{}%s*[^%s#]") and "quote a value that begins with {"
    or rest:find("^%b[]%s*[^%s#]") and "quote a value that begins with ["
  if words then return words, case.line, column_of(case.text, byte) end
end

local function first_character(case)
  local character = case.behind:match("^[@`%%*&!|>]")
  if character then return ("quote a value that begins with %s"):format(character) end
end

-- A * or & that is neither alias nor anchor.
local function no_name(case)
  local character, byte = start_of_value(case.text)
  if character ~= "*" and character ~= "&" then return end
  return ("quote a value that begins with %s"):format(character), case.line, column_of(case.text, byte)
end

local function stray(case)
  local character = case.behind:match("^[,%]}]")
  if not character then return end
  local _, byte = start_of_value(case.text)
  return (byte == #case.before + 1 and "quote a value that begins with %s" or "a %s that closes nothing")
    :format(character)
end

local function open_quote(case)
  local line = case.started and case.lines[case.started]
  local byte, quote = (line or ""):match("^[^\"']*()([\"'])")
  if not byte then return end
  return ("the quote %s is not closed"):format(quote), case.started, column_of(line, byte)
end

local function has_odd_number(line, quote)
  return select(2, line:gsub(quote, "")) % 2 == 1
end

-- "it's" in single quotes, or quotes in double quotes, ended the value; or the value of an earlier line did not end.
local function behind_quote(case)
  local quote = case.before:match("([\"'])%s*$")
  if not quote or case.behind:find("^%s*$") then return end
  for number = has_odd_number(case.before, quote) and case.line - 1 or 0, 1, -1 do
    local character, byte = start_of_value(case.lines[number])
    if character == quote and has_odd_number(case.lines[number], quote) then
      return ("the quote %s is not closed"):format(quote), number, column_of(case.lines[number], byte)
    end
  end
  return quote == "'" and "text after the closing quote; inside single quotes, write '' for one"
    or 'text after the closing quote; inside double quotes, write \\" for one'
end

local function escape(case)
  local character = case.behind:match("^\\(.)") or case.before:match("\\(.)$") or case.behind:sub(1, 1)
  return ("\\%s is no escape in double quotes; write \\\\ for a backslash, or use single quotes"):format(character)
end

-- A second colon on the line.
local function colon_in_value(case)
  local _, byte = start_of_value(case.text)
  if byte and byte <= #case.before and case.behind:find("^:") then
    return "a colon in an unquoted value; quote the value", case.line, column_of(case.text, byte)
  end
end

local function key_below_value(case)
  local above, number = line_above(case, case.line)
  if above and indent_of(case.text) > indent_of(above) and start_of_value(above) then
    return ("wrong indentation: the key above, in line %d, has a value already"):format(number), case.line,
      indent_of(case.text) + 1
  end
end

-- A text, not a key, stands where a mapping's first key was expected.
local function key_below_text(case)
  local above, number = line_above(case, case.line)
  if above and indent_of(case.text) == indent_of(above) and not above:find(":") then
    return "expected a key with a colon", number, indent_of(above) + 1
  end
end

local function list_in_line()
  return "a list begins on a line of its own; put it below its key"
end

local function element(case)
  local is_element = case.text:find("^%s*%-%s") ~= nil
  return (is_element and "wrong indentation: the elements of a list stand below each other"
    or "wrong indentation: expected an element of the list, which begins with '-', or a line further left or right"),
    case.line, indent_of(case.text) + 1
end

local function no_key(case)
  local number = case.started or case.line
  local line = case.lines[number] or ""
  local above = line_above(case, number)
  local in_block = above and above:find("[|>][+-]?%d?%s*$")
  return in_block and "wrong indentation: a text after | or > stands further right than its key"
    or "expected a key with a colon; indent the line if it continues the value above", number, indent_of(line) + 1
end

-- The number of the line with | or > that a text belongs to which has become too narrow.
local function block_above(case)
  local indent = indent_of(case.text)
  for number = case.line - 1, 1, -1 do
    local line = case.lines[number]
    if line:find("%S") and indent_of(line) <= indent then
      return line:find("[|>][+-]?%d?%s*$") and indent_of(line) < indent and number or nil
    end
  end
end

local function block_indentation(case)
  local indent = indent_of(case.text)
  if case.column ~= indent + 1 then return end
  local block = block_above(case)
  if block then
    return ("wrong indentation: less than the first line of the text that begins in line %d"):format(block)
  end
  if case.text:find("^%s*%-%s") then
    return "wrong indentation: a list element here, where a key was expected"
  end
  return ("wrong indentation: no mapping above is indented by %d space%s"):format(indent, indent == 1 and "" or "s")
end

local function unclosed(case)
  local bracket = case.said:find("']'", 1, true) and "[" or "{"
  local line = case.started and case.lines[case.started] or ""
  local byte = line:find(bracket, 1, true)
  if byte then
    return ("the %s is not closed, or a comma is missing behind it"):format(bracket), case.started,
      column_of(line, byte)
  end
end

-- The text ends within brackets or braces.
local function ended(case)
  if case.behind:find("%S") or case.lines[case.line + 1] then return end
  for number = case.line, 1, -1 do
    local character, byte = start_of_value(case.lines[number])
    if character == "[" or character == "{" then
      return ("the %s is not closed"):format(character), number, column_of(case.lines[number], byte)
    end
  end
end

local function block_header()
  return "the text of | or > begins on the next line; quote a value that begins with it"
end

-- What libyaml says -> the rules that may know what it means. A rule returns the words, and line and column where
-- that is another place; or nil.
local RULES = {
  { "", conflict },
  { "tab character", tab },
  { "cannot start any token", tab, first_character },
  { "a key must be plain text", braces },
  { "unexpected end of stream", open_quote },
  { "unknown escape character", escape },
  { "mapping values are not allowed", tab, glued, typographic, colon_in_value, key_below_value,
    key_below_text },
  { "block sequence entries are not allowed", list_in_line },
  { "did not find expected key", tab, braces, behind_quote, typographic, stray, block_indentation },
  { "could not find expected ':'", tab, glued, typographic, no_key },
  { "did not find expected '-' indicator", tab, element },
  { "<document start>", tab, braces, behind_quote, stray, block_indentation },
  { "',' or", unclosed },
  { "node content", stray, ended },
  { "alphabetic or numeric character", no_name },
  { "there is no anchor", function(case) return case.said .. "; quote the value if it is text" end },
  { "comment or line break", block_header },
}

local function lines_of(text)
  local lines = {}
  text = text:gsub("\r\n?", "\n") .. "\n"
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

-- The rule's words and place, or libyaml's.
local function diagnosis(case)
  for _, rule in ipairs(RULES) do
    for index = 2, case.said:find(rule[1], 1, true) and #rule or 1 do
      local words, line, column = rule[index](case)
      if words then return { message = words, line = line or case.line, column = column or case.column } end
    end
  end
  return { message = case.said, line = case.line, column = case.column }
end

-- }======

-- {====== the line ======

-- A value whose key says that it is secret is not shown.
local function without_secret(line)
  local name = line:match("([%w_-]+)[\"']?%s*:")
  if name and redaction.is_secret_name(name) then return (line:gsub(":.*", ": …")) end
  return redaction.text(line)
end

-- The line with a caret, both cut around the place.
local function excerpt(line, number, column)
  line = without_secret(line):gsub("\t", "→")
  local length = utf8.len(line)
  if not length then return nil end
  local first = math.max(1, math.min(column - SHOWN_MAX // 2, length - SHOWN_MAX + 1))
  local last = math.min(length, first + SHOWN_MAX - 1)
  local shown = line:sub(utf8.offset(line, first) or 1, (utf8.offset(line, last + 1) or #line + 1) - 1)
  local label = ("%5d | "):format(number)
  local until_caret = shown:sub(1, (utf8.offset(shown, math.max(1, column - first + 1)) or #shown + 1) - 1)
  local pad = require("anyreach.text_width").of(until_caret)
  return ("%s%s\n%s| %s^"):format(label, shown, (" "):rep(#label - 2), (" "):rep(pad))
end

-- }======

--- What is wrong with a text that yaml.decode refused.
---@param text string
---@param name string that it had for yaml.decode
---@param message string which yaml.decode raised
---@return anyreach.yaml_mistake
function yaml_mistakes.explain(text, name, message)
  local rest = message:sub(1, #name) == name and message:sub(#name + 1) or ""
  local number, column, said = rest:match("^:(%d+):(%d+): (.*)$")
  text = text:gsub("^\u{FEFF}", "")
  local mistake = wrong_encoding(text)
  if mistake then return mistake end
  if not number then return { message = message } end
  number, column = math.tointeger(tonumber(number)), math.tointeger(tonumber(column))
  local lines = lines_of(text)
  local line = lines[number] or ""
  local byte = utf8.offset(line, column) or #line + 1
  mistake = diagnosis {
    lines = lines, line = number, column = column, said = said, text = line, before = line:sub(1, byte - 1),
    behind = line:sub(byte), started = math.tointeger(tonumber(said:match("%(while .*, line (%d+)%)$"))),
  }
  local shown = lines[mistake.line] or ""
  mistake.excerpt = shown:find("%S") and excerpt(shown, mistake.line, mistake.column) or nil
  return mistake
end

return yaml_mistakes
