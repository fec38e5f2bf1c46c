-- How a rule refuses a request: it raises one of these, and the router turns it into the documented
-- error body {"detail": message} after undoing what the request had changed.

local refusal = {}

local Refusal = {}
Refusal.__index = Refusal
Refusal.__tostring = function(self) return ("%d %s"):format(self.status, self.detail) end

---Ends the request with that status. Further arguments are put into the message by string.format.
---@param status integer
---@param message string
---@param ... any
function refusal.raise(status, message, ...)
  local detail = select("#", ...) > 0 and message:format(...) or message
  error(setmetatable({ status = status, detail = detail }, Refusal), 0)
end

---Ends the request with 422 and a message that names all problems.
---@param problems { path: string, message: string }[] as operations.check gives them
function refusal.raise_problems(problems)
  local lines = {}
  for _, problem in ipairs(problems) do
    lines[#lines + 1] = problem.path == "" and problem.message or problem.path .. ": " .. problem.message
  end
  refusal.raise(422, "%s", table.concat(lines, "; "))
end

---@param value any what pcall caught
---@return boolean
function refusal.is(value)
  return getmetatable(value) == Refusal
end

return refusal
