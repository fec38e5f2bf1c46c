-- What every rule needs to accept or refuse what a caller has sent: the refusal itself, checks of bodies
-- whose schema is open because the documentation does not list their fields, telephone numbers, UTF-8.
--
-- A refusal is an error object. Whoever runs the rule turns it into the documented error body
-- {"detail": message}, after undoing what the rule had changed.

local json = require "anyreach.json"

local checks = {}

-- {====== refusals ======

---@class SandboxRefusal
---@field status integer
---@field detail string
local Refusal = {}
Refusal.__index = Refusal
Refusal.__tostring = function(self) return ("%d %s"):format(self.status, self.detail) end

---Ends the request with that status, by raising a SandboxRefusal. Further arguments are put into the message
---by string.format.
---@param status integer
---@param message string
---@param ... any
function checks.refuse(status, message, ...)
  local detail = select("#", ...) > 0 and message:format(...) or message
  error(setmetatable({ status = status, detail = detail }, Refusal), 0)
end

---Ends the request with 422 and a message that names all problems.
---@param problems { path: string, message: string }[] as operations.check gives them
function checks.refuse_problems(problems)
  local lines = {}
  for _, problem in ipairs(problems) do
    lines[#lines + 1] = problem.path == "" and problem.message or problem.path .. ": " .. problem.message
  end
  checks.refuse(422, "%s", table.concat(lines, "; "))
end

---@param value any what pcall caught
---@return boolean
function checks.is_refusal(value)
  return getmetatable(value) == Refusal
end

-- }======

-- {====== open bodies ======

---Copies the fields of a body into a document, under the names they were sent with. Answers 422 for a field
---that the service sets (our choice).
---@param document table
---@param body table<string, any>
---@param set_by_service table<string, boolean>
function checks.copy_fields(document, body, set_by_service)
  for name, value in pairs(body) do
    if set_by_service[name] then checks.refuse(422, "%s: set by the service; leave it out", name) end
    document[name] = value
  end
end

---Answers 422 unless the value is a text that is not empty (our choice: which fields are required is not
---documented).
---@param value any
---@param name string
function checks.require_text(value, name)
  if type(value) ~= "string" or value == "" then checks.refuse(422, "%s: required but missing", name) end
end

---True for a JSON object.
---@param value any
---@return boolean
function checks.is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

-- }======

-- {====== texts ======

local LONGEST_NUMBER = 16 -- a plus and 15 digits

---True for a telephone number in E.164, such as +15551234567.
---@param number any
---@return boolean
function checks.is_phone_number(number)
  return type(number) == "string" and #number <= LONGEST_NUMBER and number:find("^%+[1-9]%d+$") ~= nil
end

---Completes a telephone number to E.164: drops what people put between digits, and puts the country's calling
---code before a number that begins without a plus; leading zeros of such a number are dropped (our choice).
---@param number string
---@param calling_code string? digits
---@return string? number nil when it cannot be completed
function checks.complete_phone_number(number, calling_code)
  local plain = number:gsub("[%s().%-]", "")
  if calling_code and plain:find("^%d") then plain = "+" .. calling_code .. plain:gsub("^0+", "") end
  return checks.is_phone_number(plain) and plain or nil
end

---The text with every byte that is not part of UTF-8 replaced by a question mark, because JSON holds nothing
---else.
---@param text string
---@return string
function checks.clean_utf8(text)
  local parts, start = {}, 1
  while true do
    local length, position = utf8.len(text, start)
    if length then break end
    parts[#parts + 1] = text:sub(start, position - 1)
    start = position + 1
  end
  parts[#parts + 1] = text:sub(start)
  return table.concat(parts, "?")
end

-- }======

return checks
