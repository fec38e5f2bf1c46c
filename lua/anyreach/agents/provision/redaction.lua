-- Errors without the secrets of an agent file: a server may send back what it was sent.

local errors = require "anyreach.errors"

local redaction = {}

local function redact(value, secrets)
  if type(value) == "string" then
    for _, secret in ipairs(secrets) do value = secret:redact(value) end
  elseif type(value) == "table" then
    local copy = setmetatable({}, getmetatable(value))
    for key, part in pairs(value) do copy[redact(key, secrets)] = redact(part, secrets) end
    return copy
  end
  return value
end

--- The error without the secrets. A message made of the server's words is made anew of them, because it
--- may hold them in another spelling.
---@param err any
---@param secrets anyreach.secret[]
---@return any
function redaction.of_error(err, secrets)
  if #secrets == 0 then return err end
  local copy = redact(errors.is_error(err) and err or tostring(err), secrets)
  if errors.is_error(copy) and copy.detail ~= nil then
    copy.message = nil
    return errors.make(copy)
  end
  return copy
end

return redaction
