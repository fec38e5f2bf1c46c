-- JSON Schema: a schema, a line "%%", and a value, both as JSON. A schema is refused in words, with its place,
-- or checks the value in bounded time; the verdict alone is the same as with the problems, and every problem
-- has a path, words and a place in the schema.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local schema = require "anyreach.schema"

local function decode(text)
  local ok, value = pcall(json.decode, text)
  return ok and value or nil
end

-- What a call returns; nil when it refuses its input in words. Anything else that it raises is a failure.
local function try(f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  assert(errors.is_error(result) and result.kind == "input", tostring(result))
  assert(#tostring(result) > 0)
end

local function expect_words(problem)
  assert(type(problem.path) == "string" and problem.message:find("%S"))
  assert(type(problem.keyword) == "string" and problem.schema_path:find("#", 1, true), problem.schema_path)
  assert(utf8.len(problem.message), "a message that is not UTF-8")
end

return function(text)
  local schema_text, value_text = text:match("^(.-)\n%%%%\n(.*)$")
  local wanted, value = decode(schema_text or text), decode(value_text or "{}")
  if wanted == nil or value == nil then return end
  local validator = (type(wanted) == "table" or type(wanted) == "boolean") and try(schema.compile, wanted)
  if not validator then return end
  local problems = try(validator.validate, validator, value)
  if not problems then return end
  for _, problem in ipairs(problems) do expect_words(problem) end
  local is_valid = try(validator.is_valid, validator, value)
  assert(is_valid == nil or is_valid == (#problems == 0), "the verdict differs with the problems")
end
