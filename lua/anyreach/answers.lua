-- Answers of a server, which may lack what they should hold.

local errors = require "anyreach.errors"

local answers = {}

--- What an operation answered, if it is an object with that field; else raises an error of kind "answer".
---@generic T
---@param answer T
---@param field string
---@param operation string for the message
---@return T
function answers.require_field(answer, field, operation)
  if type(answer) == "table" and answer[field] ~= nil then return answer end
  errors.raise("answer", "%s: the answer holds no '%s'", operation, field)
end

return answers
