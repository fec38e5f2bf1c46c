-- Environment variables behind the tag !env:
--   !env NAME
--   !env {name: NAME, secret: true}                which no output ever shows
--   !env {name: NAME, type: number, default: 3}    or boolean, or json for lists and mappings; the default is for a
--                                                  variable that is unset or empty
-- Values are not shown in messages: they may be secrets all the same.

local json = require "anyreach.json"
local messages = require "anyreach.text.messages"
local operations = require "anyreach.operations"
local secret = require "anyreach.secret"

local variables = {}

local KEYS = { "default", "name", "secret", "type" }

-- What each type makes of the variable's text: the value, or nil; and what a default of the type is.
local TYPES = {
  text = { words = "text", parse = function(text) return text end,
    is = function(value) return type(value) == "string" end },
  number = { words = "a number", parse = function(text)
    local ok, value = pcall(json.decode, text)
    if ok and (type(value) == "number" or json.is_number(value)) then return value end
  end, is = function(value) return type(value) == "number" or json.is_number(value) end },
  boolean = { words = "true or false", parse = function(text)
    if text == "true" or text == "false" then return text == "true" end
  end, is = function(value) return type(value) == "boolean" end },
  json = { words = "JSON", parse = function(text)
    local ok, value = pcall(json.decode, text)
    if ok then return value end
  end, is = function() return true end },
}
local TYPE_NAMES = { "boolean", "json", "number", "text" }

local function near_or_all(word, names)
  local near = type(word) == "string" and operations.nearest(word, names)
  return near and ("did you mean '%s'?"):format(near) or "expected one of " .. table.concat(names, ", ")
end

local function key_problem(given)
  for key in pairs(given) do
    local is_known = false
    for _, name in ipairs(KEYS) do is_known = is_known or name == key end
    if not is_known then return ("!env: unknown key '%s'; %s"):format(key, near_or_all(key, KEYS)) end
  end
end

-- Why the tag's content is malformed.
local function problem_of(given)
  if type(given) ~= "table" or type(given.name) ~= "string" or given.name == "" then
    return "expected the name of a variable after !env, or {name: NAME, secret: true}"
  end
  local problem = key_problem(given)
  if problem then return problem end
  if given.secret ~= nil and type(given.secret) ~= "boolean" then
    return "!env: secret: expected true or false, got " .. messages.value_in_words(given.secret)
  end
  local kind = TYPES[given.type or "text"]
  if not kind then
    return ("!env: type: unknown type %s; %s"):format(messages.value_in_words(given.type),
      near_or_all(given.type, TYPE_NAMES))
  end
  if given.secret and (kind ~= TYPES.text or given.default ~= nil) then
    return "!env: a secret is text and has no default"
  end
  if given.default ~= nil and given.default ~= json.null and not kind.is(given.default) then
    return ("!env: default: expected %s, got %s"):format(kind.words, messages.value_in_words(given.default))
  end
end

--- The name of the variable that a tag !env names, or nil.
---@param tag table
---@return string|nil
function variables.name(tag)
  local name = type(tag.value) == "table" and tag.value.name or tag.value
  return type(name) == "string" and name or nil
end

--- The value that a tag !env stands for.
---@param tag table
---@return any value a secret if the tag says so; nil when there is none
---@return string|nil problem why there is none
function variables.value(tag)
  local given = type(tag.value) == "string" and { name = tag.value } or tag.value
  local problem = problem_of(given)
  if problem then return nil, problem end
  local text = os.getenv(given.name)
  if (not text or text == "") and given.default ~= nil then return given.default end
  if not text or text == "" then
    return nil, ("the environment variable %s is %s"):format(given.name, text and "empty" or "not set")
  end
  if not utf8.len(text) then return nil, ("the environment variable %s is not UTF-8"):format(given.name) end
  if given.secret then return secret(text) end
  local kind = TYPES[given.type or "text"]
  local value = kind.parse(text)
  if value == nil then return nil, ("the environment variable %s is not %s"):format(given.name, kind.words) end
  return value
end

return variables
