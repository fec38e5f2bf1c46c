-- Problems in words. A fact says what was expected: `types` and `choices` (lists), `expected` (words),
-- `missing` (with `because` and `choices`), `unknown` (with the known `names`), `name_problem` (of the
-- name of a key), or the whole `text`.

local value_in_words = require("anyreach.text.messages").value_in_words
local json = require "anyreach.json"
local operations = require "anyreach.operations"

local words = {}

local CHOICES_MAX = 12 -- shown

local TYPES = {
  string = "text", integer = "an integer", number = "a number", boolean = "true or false", null = "null",
  array = "a list", object = "a mapping",
}

local function add_once(list, seen, text)
  if not seen[text] then list[#list + 1] = text end
  seen[text] = true
end

-- "a", "a or b", "a, b or c"
local function either(list)
  if #list < 2 then return list[1] or "nothing" end
  return table.concat(list, ", ", 1, #list - 1) .. " or " .. list[#list]
end

local function describe(value)
  return value == json.null and "null" or value_in_words(value)
end

local function choice_text(value)
  local ok, text = pcall(json.encode, value)
  return ok and text or tostring(value)
end

-- What would do, in words.
local function expected_of(fact)
  local list, seen = {}, {}
  for index, choice in ipairs(fact.choices or {}) do
    if index > CHOICES_MAX then
      add_once(list, seen, ("%d others"):format(#fact.choices - CHOICES_MAX))
      break
    end
    add_once(list, seen, choice_text(choice))
  end
  for _, name in ipairs(fact.types or {}) do add_once(list, seen, TYPES[name]) end
  return either(list)
end

local function only_texts(list)
  local texts = {}
  for _, value in ipairs(list or {}) do
    if type(value) == "string" then texts[#texts + 1] = value end
  end
  return texts
end

local function hint(word, names)
  local near = type(word) == "string" and operations.nearest(word, names)
  return near and near ~= word and ("; did you mean '%s'?"):format(near) or ""
end

local function missing_text(fact)
  local text = "required but missing"
  if fact.because then text = ("required because '%s' is given, but missing"):format(fact.because) end
  return fact.choices and ("%s; expected %s"):format(text, expected_of(fact)) or text
end

local function text_of(problem)
  local fact, value = problem.fact, problem.value
  if fact.text then return fact.text end
  if fact.missing then return missing_text(fact) end
  if fact.name_problem then return "the key's name: " .. words.message(fact.name_problem) end
  if fact.unknown then
    local name = tostring(problem.keys[problem.depth])
    return ("unknown key '%s'%s"):format(name, hint(name, fact.names))
  end
  local near = hint(value, only_texts(fact.choices))
  return ("expected %s, got %s%s"):format(fact.expected or expected_of(fact), describe(value), near)
end

--- What is wrong, without where; one line that is safe to print, though schemas come from elsewhere.
---@param problem anyreach.schema.raw_problem
---@return string
function words.message(problem)
  local others = problem.alternatives
  local text = text_of(problem) .. (others and (" (the nearest of %d alternatives)"):format(others) or "")
  return (text:gsub("%c", "?"))
end

return words
