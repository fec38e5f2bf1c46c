-- The regular expressions of schemas: those of ECMA-262 in its Unicode mode, matched by PCRE2. Its options do most
-- of it (see `l_regex_compile` in src/lua/libraries.c: \u, \x, '$', unset groups, empty classes). Rewritten here is
-- what they cannot do in PCRE2 10.42:
--   \s and \S    ECMA-262 counts Unicode's spaces; PCRE2_UCP would do that, but to \d, \w and \b as well
--   \v           is U+000B, not any vertical space
--   .            ends at \n, \r, U+2028 and U+2029; no newline convention of PCRE2 is just that
--   \ud83d\ude00 is one character
--   \p{Letter}   PCRE2 knows general categories by their short names only, and without gc=
--   [ in a class stands for itself, where PCRE2 begins a POSIX class
--   []           may be repeated
--   { } ]        alone stand for themselves; PCRE2 from 10.43 on reads {,3} as a quantifier
-- Refused is what ECMA-262 does not have: possessive quantifiers, recursion, verbs, other groups and escapes. Allowed
-- beyond it is what pydantic writes: (?i) and (?m), and backslashes before any punctuation.

local errors = require "anyreach.errors"
local evaluation = require "anyreach.schema.evaluation"
local regex = require "anyreach.regex"

local pattern = {}

local SPACES = "\\t-\\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}"
local NOT_SPACES = "\\x00-\\x08\\x0E-\\x1F!-\u{9F}\u{A1}-\u{167F}\u{1681}-\u{1FFF}\u{200B}-\u{2027}"
  .. "\u{202A}-\u{202E}\u{2030}-\u{205E}\u{2060}-\u{2FFF}\u{3001}-\u{FEFE}\u{FF00}-\u{10FFFF}"
local ANY = "[^\\n\\r\u{2028}\u{2029}]"

-- Escapes that mean something else to PCRE2: what they become inside a class.
local ESCAPES = { s = SPACES, S = NOT_SPACES, v = [[\x0B]] }

-- Escapes that mean the same to both, inside of classes and outside; and those that only stand outside.
local SAME = { "u%x%x%x%x", "u{%x+}", "x%x%x", "c%a", "0%f[^%d]", "[dDwWfnrtb]", "[^%w][\x80-\xBF]*" }
local SAME_OUTSIDE = { "B", "k<[%a_$][%w_$]*>" }

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

local function property(reader, letter)
  local name = reader:take("{([%w_=]+)}")
  if not name then refuse("\\%s needs a property in braces", letter) end
  local category = name:match("^gc=([%w_]+)$") or name:match("^General_Category=([%w_]+)$") or name
  return ("\\%s{%s}"):format(letter, CATEGORIES[category] or category)
end

-- Two escapes that are one character beyond U+FFFF, or nil.
local function surrogate_pair(reader)
  local high, low = reader:take("u([dD][89aAbB]%x%x)\\u([dD][c-fC-F]%x%x)")
  return high and utf8.char(0x10000 + ((tonumber(high, 16) & 0x3FF) << 10) + (tonumber(low, 16) & 0x3FF))
end

local function take_one_of(reader, forms)
  for _, form in ipairs(forms) do
    local text = reader:take(form)
    if text then return "\\" .. text end
  end
end

-- A reference to a group; PCRE2 would take \12 for a character when there are fewer groups.
local function back_reference(reader)
  local number = reader:take("[1-9]%d*")
  return number and ("\\g{%s}"):format(number)
end

-- After a backslash.
local function escape(reader, in_class)
  local text = surrogate_pair(reader) or take_one_of(reader, SAME)
    or not in_class and (take_one_of(reader, SAME_OUTSIDE) or back_reference(reader))
  if text then return text end
  local letter = reader:take("[pP]")
  if letter then return property(reader, letter) end
  letter = reader:take("%w")
  if not letter then refuse("it ends in a backslash") end
  local known = ESCAPES[letter]
  if not known then refuse("unknown escape \\%s", letter) end
  return in_class and known or "[" .. known .. "]"
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
