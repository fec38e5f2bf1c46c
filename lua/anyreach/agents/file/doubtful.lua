-- What YAML reads as something that a person can hardly have meant: a phone number without quotes, which is an integer;
-- `yes`, which is a text; a # that makes the rest of a text a comment. It is all valid, so these are warnings; each
-- rule is narrow, because a warning about what is right teaches people to read none. Only plain scalars are looked at:
-- quotes say that a text is meant.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local known_keys = require "anyreach.agents.file.known_keys"
local yaml = require "anyreach.yaml"

local doubtful = {}

local PHONE_DIGITS = 7 -- and more are a phone number
local FLOAT_DIGITS = 17 -- that a float can tell apart

-- {====== rules ======

-- What a rule looks at: the value and its spelling, its key if it is in a mapping, and the line behind it.
---@class anyreach.plain_scalar
---@field value any
---@field text string
---@field key string|nil
---@field behind string
---@field is_alone boolean the mapping has no other key

local function is_phone_key(key)
  key = key and key:lower() or ""
  return key:find("number$") ~= nil or key:find("phone") ~= nil or key:find("fax") ~= nil
end

-- Of numbers; each returns the words, or nil. Integers keep all their digits, however many they are.
local number_rules = {
  function(s)
    local digits = #s.text:gsub("%D", "")
    local is_phone = s.text:find("^%+%d+$") or s.text:find("^%d+$") and is_phone_key(s.key)
    if is_phone and digits >= PHONE_DIGITS then
      return ('an unquoted number is read as an integer; quote the phone number: "%s"'):format(s.text)
    end
  end,
  function(s)
    local is_odd = s.text:find("^[-+]?0%d+$") or s.text:find("^0[xo]") or s.text:find("^%d+[eE]%d+$")
      or s.text:find("^%d+%.%d*0$") and s.key and s.key:lower():find("version$")
    if is_odd then
      return ("%s is read as the number %s; quote it if it is no number"):format(s.text,
        json.encode(s.value):gsub("%.0$", ""))
    end
  end,
  function(s)
    local digits = s.text:match("^[-+]?([%d.]+)"):gsub("%.", ""):gsub("^0+", "")
    if s.text:find(".", 1, true) and #digits > FLOAT_DIGITS then
      return ("its last digits are lost: it is read as %s; quote it if it is no number"):format(json.encode(s.value))
    end
  end,
}

local FLAGS = { yes = "true", on = "true", no = "false", off = "false" }
local NOTHING = { None = "null", ["nil"] = "null", undefined = "null" }

-- Keys besides those of configurations.
local COMMON_KEYS = { name = true, description = true, type = true, active = true, config = true, number = true,
  direction = true, actions = true, properties = true, required = true }

local function glued_key(text)
  local name = text:match("^([%a_][%w_]*):[^%s/]")
  return name and (COMMON_KEYS[name] or known_keys.is_config_key(name)) and name
end

-- Of texts.
local text_rules = {
  function(s)
    local meant = s.key and (FLAGS[s.text:lower()] or NOTHING[s.text])
    if meant then
      return ("%s is read as a text; write %s, or quote it"):format(s.text, meant)
    end
  end,
  function(s)
    if s.text:find("^[-+]?%d+_[%d_]*%d$") then
      return ("%s is read as a text; write %s, or quote it"):format(s.text, (s.text:gsub("_", "")))
    end
  end,
  function(s)
    local name = glued_key(s.text)
    return name and ("a space is missing after '%s:'"):format(name)
  end,
  function(s)
    if s.text:find("%a") and s.behind:find("^ #%w") then
      return ('a comment begins at "%s", and the text ends before it; quote the text'):format(s.behind:match("#%w+"))
    end
  end,
  function(s)
    for _, sign in ipairs { "“", "”", "„", "«", "‘" } do
      if s.text:sub(1, #sign) == sign then
        return 'the typographic quotes are a part of the text; YAML quotes with "'
      end
    end
  end,
  function(s)
    if s.key and s.text:find("^[^%s,]+,$") then return "the comma at the end is a part of the text" end
  end,
  function(s)
    if s.text:find("[%w.!?]\\n%s*%w") and s.text:find(" ", 1, true) then
      return [[\n is read as a backslash and an n; it is a line break in double quotes alone]]
    end
  end,
}

local function null_words(s)
  if s.text ~= "" then return nil end
  return "nothing is read as null; write null if that is meant"
    .. (s.is_alone and ", or quote what is a text in braces" or "")
end

local function words_of(scalar)
  local value = scalar.value
  if value == json.null then return null_words(scalar) end
  local is_number = type(value) == "number" or json.is_number(value)
  for _, rule in ipairs(is_number and number_rules or type(value) == "string" and text_rules or {}) do
    local words = rule(scalar)
    if words then return words end
  end
end

-- }======

-- {====== the walk ======

local function lines_of(text)
  local lines = {}
  if not text:find(" #%w") then return lines end
  text = text:gsub("^\u{FEFF}", ""):gsub("\r\n?", "\n") .. "\n"
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

-- The rest of the line behind a scalar, where that may begin a comment.
local function behind(doc, note)
  doc.lines = doc.lines or lines_of(doc.text)
  local line = doc.lines[note.end_line] or ""
  return line:find("#", 1, true) and line:sub(utf8.offset(line, note.end_column) or #line + 1) or ""
end

local function check_scalar(doc, container, key, note, path)
  local is_list = json.is_array(container)
  local words = words_of {
    value = container[key], text = note.text, key = not is_list and key or nil, behind = behind(doc, note),
    is_alone = not is_list and next(container) == key and next(container, key) == nil,
  }
  if words then doc:warning_at(note, "%s: %s", path, words) end
end

local function is_before(doc, container, a, b)
  local places = doc.positions[container] or {}
  local one, other = places[a] or {}, places[b] or {}
  if one.line ~= other.line then return (one.line or 0) < (other.line or 0) end
  return (one.column or 0) < (other.column or 0)
end

-- Keys that only case, or the sign between their words, keeps apart.
local function check_twins(doc, container, path)
  local seen = {}
  for key in pairs(container) do
    local folded = tostring(key):lower():gsub("-", "_")
    local other = seen[folded]
    if other then
      local first, second = other, key
      if is_before(doc, container, second, first) then first, second = second, first end
      doc:warning(container, second, "%s: this key and '%s' differ only in how they are spelled",
        diff.path(path, second), first)
    end
    seen[folded] = other or key
  end
end

local function walk(doc, container, path)
  if yaml.is_tag(container) or json.is_number(container) then return end
  local notes = doc.plain[container] or {}
  if not json.is_array(container) then check_twins(doc, container, path) end
  for key, value in pairs(container) do
    local place = diff.path(path, key)
    if type(value) == "table" then
      walk(doc, value, place)
    elseif notes[key] then
      check_scalar(doc, container, key, notes[key], place)
    end
  end
end

-- }======

--- Warns of what can hardly be meant in a YAML document, as it was read: before anything is merged into it.
---@param doc anyreach.document
---@param checked_elsewhere? string a key at the top whose value has checks of its own
function doubtful.check(doc, checked_elsewhere)
  if type(doc.value) ~= "table" or not doc.text then return end
  check_twins(doc, doc.value, "")
  local notes = doc.plain[doc.value] or {}
  for key, value in pairs(doc.value) do
    if type(value) == "table" and key ~= checked_elsewhere and not yaml.is_tag(doc.value) then
      walk(doc, value, diff.path("", key))
    elseif notes[key] then
      check_scalar(doc, doc.value, key, notes[key], diff.path("", key))
    end
  end
end

return doubtful
