-- Regular expressions of schemas: the first line is the expression, the rest the text that may match. An
-- expression is refused in words, or finds the same alone and within a group that looks ahead; a match takes
-- bounded time, and is refused in words when it would take more.

local pattern = require "anyreach.schema.pattern"

local function expect_words(value, message)
  assert(value == nil and type(message) == "string" and message:find("%S"), "refused without words")
end

return function(text)
  local source, subject = text:match("^([^\n]*)\n?(.*)$")
  local expression, message = pattern.compile(source)
  if not expression then return expect_words(expression, message) end
  local found, problem = expression:matches(subject)
  if found == nil then return expect_words(found, problem) end
  assert(type(found) == "boolean")
  local within = pattern.compile("(?=" .. source .. ")")
  local again = within and within:matches(subject)
  assert(again == nil or again == found, "differs within a group")
end
