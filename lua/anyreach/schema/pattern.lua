-- The regular expressions of schemas: those of ECMA-262 in its Unicode mode, written anew for PCRE2,
-- where the two differ. Refused is what ECMA-262 does not have (possessive quantifiers, recursion,
-- verbs, POSIX classes); allowed beyond it is what pydantic writes: (?i) and (?m), and backslashes
-- before any punctuation.

local errors = require "anyreach.errors"
local evaluation = require "anyreach.schema.evaluation"
local regex = require "anyreach.regex"

local pattern = {}

local SPACES = [[\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]]
local NOT_SPACES = [[\x{0}-\x{8}\x{E}-\x{1F}!-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}]]
  .. [[\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}]]
local ANY = [=[[^\n\r\x{2028}\x{2029}]]=]

-- Escapes that are one letter: what they become inside a class, and outside where that differs.
local ESCAPES = {
  d = { [[\d]] }, D = { [[\D]] }, w = { [[\w]] }, W = { [[\W]] },
  s = { SPACES, "[" .. SPACES .. "]" }, S = { NOT_SPACES, "[" .. NOT_SPACES .. "]" },
  f = { [[\f]] }, n = { [[\n]] }, r = { [[\r]] }, t = { [[\t]] }, v = { [[\x{B}]] },
  b = { [[\x{8}]], [[\b]] }, B = { nil, [[\B]] },
}

-- Unicode's general categories by their long names; PCRE2 has the short ones only.
local CATEGORIES = {
  Letter = "L", Cased_Letter = "L&", Uppercase_Letter = "Lu", Lowercase_Letter = "Ll", Titlecase_Letter = "Lt",
  Modifier_Letter = "Lm", Other_Letter = "Lo", Mark = "M", Nonspacing_Mark = "Mn", Spacing_Mark = "Mc",
  Enclosing_Mark = "Me", Number = "N", Decimal_Number = "Nd", Letter_Number = "Nl", Other_Number = "No",
  Punctuation = "P", Connector_Punctuation = "Pc", Dash_Punctuation = "Pd", Open_Punctuation = "Ps",
  Close_Punctuation = "Pe", Initial_Punctuation = "Pi", Final_Punctuation = "Pf", Other_Punctuation = "Po",
  Symbol = "S", Math_Symbol = "Sm", Currency_Symbol = "Sc", Modifier_Symbol = "Sk", Other_Symbol = "So",
  Separator = "Z", Space_Separator = "Zs", Line_Separator = "Zl", Paragraph_Separator = "Zp", Other = "C",
  Control = "Cc", Format = "Cf", Surrogate = "Cs", Private_Use = "Co", Unassigned = "Cn", LC = "L&",
  punct = "P", digit = "Nd", cntrl = "Cc", Combining_Mark = "M",
}

local PROPERTY_KINDS = {
  gc = "", General_Category = "", sc = "sc:", Script = "sc:", scx = "scx:", Script_Extensions = "scx:",
}

local function refuse(format, ...)
  error({ refusal = format:format(...) }, 0)
end

---@class anyreach.schema.pattern_reader
---@field text string
---@field position integer
---@field out string[]
---@field can_repeat boolean whether a quantifier may come next
local Reader = {}
Reader.__index = Reader

-- Takes what matches a Lua pattern here: its captures, or nothing at all.
function Reader:take(lua_pattern)
  local first, last, one, two = self.text:find("^" .. lua_pattern, self.position)
  if not first then return nil end
  self.position = last + 1
  return one or self.text:sub(first, last), two
end

function Reader:put(text, can_repeat)
  self.out[#self.out + 1] = text
  self.can_repeat = can_repeat
end

local function code_point(hex)
  local code = tonumber(hex, 16)
  if #hex > 8 or code > 0x10FFFF then refuse("\\u{%s} is beyond Unicode", hex) end
  if code >= 0xD800 and code <= 0xDFFF then refuse("\\u%s is half of a surrogate pair", hex) end
  return ("\\x{%X}"):format(code)
end

local function property(reader, letter)
  local name = reader:take("{([%w_=]+)}")
  if not name then refuse("\\%s needs a property in braces", letter) end
  local kind, value = name:match("^([%w_]+)=([%w_]+)$")
  if kind and not PROPERTY_KINDS[kind] then refuse("unknown kind of property '%s'", kind) end
  value = value or name
  local is_category = not kind or PROPERTY_KINDS[kind] == ""
  return ("\\%s{%s%s}"):format(letter, kind and PROPERTY_KINDS[kind] or "", is_category and CATEGORIES[value] or value)
end

-- A character given by its number, or nil.
local function numbered(reader)
  local high, low = reader:take("u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)")
  if high then
    local code = 0x10000 + ((tonumber(high, 16) & 0x3FF) << 10) + (tonumber(low, 16) & 0x3FF)
    return ("\\x{%X}"):format(code)
  end
  local hex = reader:take("u{(%x+)}") or reader:take("u(%x%x%x%x)") or reader:take("x(%x%x)")
  if hex then return code_point(hex) end
  local letter = reader:take("c(%a)")
  if letter then return ("\\x{%X}"):format(letter:byte() & 31) end
  return reader:take("0%f[^%d]") and "\\x{0}" or nil
end

-- A reference to a group, which only stands outside of classes.
local function back_reference(reader)
  local number = reader:take("[1-9]%d*")
  if number then return ("\\g{%s}"):format(number) end
  local name = reader:take("k<([^>]+)>")
  return name and ("\\k<%s>"):format(name) or nil
end

-- After a backslash.
local function escape(reader, in_class)
  local text = numbered(reader) or not in_class and back_reference(reader)
  if text then return text end
  local letter = reader:take("([pP])%f[{]")
  if letter then return property(reader, letter) end
  local character = reader:take(utf8.charpattern)
  if not character or character == "" then refuse("a backslash stands at the end") end
  local known = ESCAPES[character]
  if known then text = not in_class and known[2] or known[1] end
  if not text and character:find("^%w") then refuse("unknown escape \\%s", character) end
  return text or (character:find("^%p") and "\\" or "") .. character
end

-- PCRE2 lets nothing repeat a class that is empty, not even never.
local function read_class(reader)
  if reader:take("%[%]") then return reader:put("(?:(?!))", true) end
  reader:put(reader:take("%[%^?"))
  while not reader:take("%]") do
    if reader:take("\\") then
      reader:put(escape(reader, true))
    elseif reader:take("%[") then
      reader:put("\\[")
    else
      local character = reader:take(utf8.charpattern)
      if not character or character == "" then refuse("a class [ is not closed") end
      reader:put(character)
    end
  end
  reader:put("]", true)
end

local GROUPS = { "%(%?:", "%(%?=", "%(%?!", "%(%?<=", "%(%?<!", "%(%?<[%a_$][%w_$]*>", "%(%?[im]+[:)]" }

local function read_group(reader)
  for _, opening in ipairs(GROUPS) do
    local text = reader:take(opening)
    if text then return reader:put(text, false) end
  end
  local text = reader:take("%(%??.?")
  if text:find("^%(%?") then refuse("unknown kind of group '%s'", text) end
  reader.position = reader.position - #text + 1
  reader:put("(", false)
end

local QUANTIFIERS = { "[*+?]%??", "{%d+}%??", "{%d+,%d*}%??" }

local function read_quantifier(reader)
  for _, form in ipairs(QUANTIFIERS) do
    local text = reader:take(form)
    if text then
      if not reader.can_repeat then refuse("there is nothing to repeat before '%s'", text) end
      reader:put(text, false)
      return true
    end
  end
  return false
end

local function read_one(reader)
  if read_quantifier(reader) then return end
  local next_character = reader.text:sub(reader.position, reader.position)
  if next_character == "[" then return read_class(reader) end
  if next_character == "(" then return read_group(reader) end
  if reader:take("\\") then return reader:put(escape(reader, false), true) end
  local character = reader:take(utf8.charpattern)
  if not character or character == "" then refuse("it is not UTF-8") end
  if character == "." then return reader:put(ANY, true) end
  if character:find("^[%]{}]$") then return reader:put("\\" .. character, true) end
  reader:put(character, not character:find("^[|^$]$"))
end

local function translate(text)
  local reader = setmetatable({ text = text, position = 1, out = {}, can_repeat = false }, Reader)
  while reader.position <= #text do read_one(reader) end
  return table.concat(reader.out)
end

--- Compiles a regular expression.
---@param text string
---@return {matches: fun(self, text: string): boolean|nil, string?}|nil
---@return string|nil message
function pattern.compile(text)
  if not utf8.len(text) then return nil, "it is not UTF-8" end
  local ok, translated = pcall(translate, text)
  if ok then return regex.compile(translated) end
  if type(translated) ~= "table" then error(translated, 0) end
  return nil, translated.refusal
end

-- What stands for a pattern that cannot be used: an error, unless these are to be skipped.
local function unusable(text, message, context)
  local compiler = context.compiler
  if not compiler.options.skip_patterns then context:refuse("the pattern %s cannot be used: %s", text, message) end
  table.insert(compiler.skipped, { location = context.place.location, message = text .. ": " .. message })
end

--- A function that tells whether a text has a match, for the compilation of a keyword. The time that
--- matches take counts as work of the evaluation.
---@param text string
---@param context anyreach.schema.context
---@return nil|fun(run: anyreach.schema.run, text: string): boolean
function pattern.matcher(text, context)
  local expression, message = pattern.compile(text)
  if not expression then return unusable(text, message, context) end
  return function(run, subject)
    local started = os.clock()
    local found, problem = expression:matches(subject)
    evaluation.count_seconds(run, os.clock() - started)
    if found == nil then
      errors.raise("input", "%s: matching the pattern %s takes too long: %s", context.place.location, text, problem)
    end
    return found
  end
end

return pattern
