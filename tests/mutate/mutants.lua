-- The mutants of a source file in C or Lua: each a small change that a test should notice. Text in, texts out;
-- nothing is run here. Strings and comments stay as they are.
--
--   an operator becomes its neighbour, a number one more, true false; a negation goes, a condition gets one;
--   an early return, a call or an assignment on a line of its own is dropped.

local mutants = {}

---@class Mutant
---@field line integer
---@field before string the line, without blanks around it
---@field after string the same line, mutated
---@field text string the whole file, mutated

-- {====== languages ======

local SHARED = {
  ["=="] = "~=", ["<"] = "<=", ["<="] = "<", [">"] = ">=", [">="] = ">", ["+"] = "-", ["-"] = "+", ["*"] = "/",
  ["/"] = "*", ["true"] = "false", ["false"] = "true",
}

local function with(more)
  local all = {}
  for from, to in pairs(SHARED) do all[from] = to end
  for from, to in pairs(more) do all[from] = to end
  return all
end

-- neighbours: token -> what it becomes. negation: what is dropped. condition: matches from the condition's
-- start, and says how to negate it. dropped: patterns of lines that are a whole statement. comment, strings: what
-- is skipped.
local LANGUAGES = {
  lua = {
    neighbours = with { ["~="] = "==", ["and"] = "or", ["or"] = "and" },
    negation = "not ",
    conditions = { "%f[%w]if ()[^\n]-() then%f[%W]", "%f[%w]elseif ()[^\n]-() then%f[%W]" },
    negate = "not (%s)",
    dropped = { "^%s*[%a_][%w_.:]*%b()$", "^%s*[%a_][%w_.]*%[?[^=\n]* = [^\n]+$" },
    inner_return = "(then )(return%f[%W][^\n]-)( end)$",
  },
  c = {
    neighbours = with { ["=="] = "!=", ["!="] = "==", ["&&"] = "||", ["||"] = "&&" },
    negation = "!",
    conditions = { "%f[%w]if %(()[^\n]+()%)" },
    negate = "!(%s)",
    dropped = { "^%s*[%a_][%w_]*%b();$", "^%s*%*?[%a_][%w_.%->%[%]]* [|+%-&]?= [^\n]+;$" },
    inner_return = "(if %b() )(return[^\n]-;)()$",
  },
}

-- }======

-- {====== what is code ======

-- The text with everything in strings and comments replaced by blanks, byte for byte.
local function blank_out(text, patterns)
  local parts, position = {}, 1
  while position <= #text do
    local stop
    for _, pattern in ipairs(patterns) do
      local _, last = text:find("^" .. pattern, position)
      if last then
        stop = last
        break
      end
    end
    if stop then
      parts[#parts + 1] = text:sub(position, stop):gsub("[^\n]", " ")
      position = stop + 1
    else
      parts[#parts + 1] = text:sub(position, position)
      position = position + 1
    end
  end
  return table.concat(parts)
end

-- A quoted string cannot be one pattern: it ends at the first quote without a backslash before it.
local function blank_strings(text)
  local result, quote, escaped = {}, nil, false
  for character in text:gmatch "." do
    local shown = quote and character ~= "\n" and "_" or character
    if quote then
      if escaped then
        escaped = false
      elseif character == "\\" then
        escaped = true
      elseif character == quote then
        quote, shown = nil, character
      end
    elseif character == '"' or character == "'" then
      quote = character
    end
    if character == "\n" then quote, escaped = nil, false end
    result[#result + 1] = shown
  end
  return table.concat(result)
end

-- Comments first, where no quote stands before them on the line; then strings.
local function code_of(text, language)
  if language == "c" then
    return blank_strings(blank_out(text, { "/%*.-%*/", "//[^\n]*", "#[^\n]*" }))
  end
  return blank_strings(blank_out(text, { "%-%-%[%[.-%]%]", "%-%- [^\n]*", "%-%-%-[^\n]*", "%[%[.-%]%]" }))
end

-- }======

-- {====== finding ======

local function line_of(text, position)
  local line, start = 1, 1
  for found in text:gmatch "()\n" do
    if found >= position then break end
    line, start = line + 1, found + 1
  end
  return line, text:sub(start, (text:find("\n", start, true) or #text + 1) - 1), start
end

local function trim(text)
  return text:match "^%s*(.-)%s*$"
end

-- Adds the mutant in which the bytes from first to last are replaced.
local function add(found, text, first, last, replacement)
  local line, before, start = line_of(text, first)
  local after = text:sub(start, first - 1) .. replacement .. text:sub(last + 1, start + #before - 1)
  found[#found + 1] = {
    line = line,
    before = trim(before),
    after = trim(after),
    position = first,
    text = text:sub(1, first - 1) .. replacement .. text:sub(last + 1),
  }
end

-- Operators that stand between blanks, so that signs, pointers and generics are left alone.
local function add_operators(found, text, code, language)
  for blank, token, stop in code:gmatch "()%s([=~!<>+%-*/&|]+)()%s" do
    local replacement = language.neighbours[token]
    if replacement then add(found, text, blank + 1, stop - 1, replacement) end
  end
end

local function add_words(found, text, code, language)
  for first, word, stop in code:gmatch "%f[%w_]()(%a+)()%f[^%w_]" do
    local replacement = language.neighbours[word]
    if replacement then add(found, text, first, stop - 1, replacement) end
  end
end

local function add_numbers(found, text, code)
  for first, digits, stop in code:gmatch "%f[%w_.]()(%d+)()%f[^%w_.]" do
    add(found, text, first, stop - 1, tostring(math.tointeger(digits) + 1))
  end
end

local function add_negations(found, text, code, language)
  local position = 1
  while true do
    local first, last = code:find(language.negation, position, true)
    if not first then return end
    local is_other = code:find("^[=]", last + 1) or code:find("^[%w_]", first - 1)
    if not is_other then add(found, text, first, last, "") end
    position = last + 1
  end
end

local function closing(code, first)
  return code:match("^%b()()", first)
end

-- A single comparison or negation has another mutant already, which is the same.
local function is_covered(condition)
  local is_single = not (condition:find "%f[%w]and%f[%W]" or condition:find "%f[%w]or%f[%W]" or condition:find "[&|]")
  return is_single and (condition:find "[=~!]= " or condition:find "^not " or condition:find "^!") ~= nil
end

local function add_conditions(found, text, code, language)
  for _, pattern in ipairs(language.conditions) do
    for first, last in code:gmatch(pattern) do
      if language.negate:find "^!" then last = closing(code, first - 1) - 1 end
      local condition = text:sub(first, last - 1)
      if not is_covered(code:sub(first, last - 1)) then
        add(found, text, first, last - 1, language.negate:format(condition))
      end
    end
  end
end

local function is_statement(line, language)
  local word = line:match "^%s*(%a+)"
  if word == "local" or word == "goto" then return false end
  if word == "return" then return language == LANGUAGES.lua end
  for _, pattern in ipairs(language.dropped) do
    if line:find(pattern) then return true end
  end
  return false
end

local function add_dropped(found, text, code, language)
  local replacement = language == LANGUAGES.lua and "do end" or ";"
  for start, line, stop in code:gmatch "()([^\n]*)()" do
    local first = line:find "%S"
    if first and is_statement(line, language) then
      add(found, text, start + first - 1, stop - 1, replacement)
    elseif first then
      local before, dropped, after = line:match(language.inner_return)
      if dropped then
        local at = stop - #dropped - (type(after) == "string" and #after or 0)
        assert(before and code:sub(at, at + #dropped - 1) == dropped)
        add(found, text, at, at + #dropped - 1, replacement)
      end
    end
  end
end

-- }======

---The mutants of a file, in the order of their places. A mutant in Lua that is no program is left out; whether one
---in C is, the compiler says.
---@param text string
---@param kind "c"|"lua"
---@return Mutant[]
function mutants.of(text, kind)
  local language, found, kept = LANGUAGES[kind], {}, {}
  local code = code_of(text, kind)
  add_operators(found, text, code, language)
  add_words(found, text, code, language)
  add_numbers(found, text, code)
  add_negations(found, text, code, language)
  add_conditions(found, text, code, language)
  add_dropped(found, text, code, language)
  for _, mutant in ipairs(found) do
    if kind == "c" or load(mutant.text, "=mutant") then kept[#kept + 1] = mutant end
  end
  table.sort(kept, function(first, second)
    if first.position ~= second.position then return first.position < second.position end
    return first.after < second.after
  end)
  return kept
end

return mutants
