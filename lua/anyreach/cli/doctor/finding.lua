-- What a check of `anyreach doctor` finds: fine, perhaps a problem, or wrong, with what to do about it.

local errors = require "anyreach.errors"

local finding = {}

---@class anyreach.finding
---@field name string what was looked at
---@field status "ok"|"warning"|"failure"
---@field text string
---@field advice? string what to do
---@field code? integer exit code of a failure that has one of its own
---@field facts? table the same for machines

---@param name string
---@param text string
---@param facts? table
---@return anyreach.finding
function finding.ok(name, text, facts)
  return { name = name, status = "ok", text = text, facts = facts }
end

---@param name string
---@param text string
---@param advice? string
---@param facts? table
---@return anyreach.finding
function finding.warning(name, text, advice, facts)
  return { name = name, status = "warning", text = text, advice = advice, facts = facts }
end

---@param name string
---@param text string
---@param advice? string
---@param code? integer
---@return anyreach.finding
function finding.failure(name, text, advice, code)
  return { name = name, status = "failure", text = text, advice = advice, code = code }
end

--- An error as a failure.
---@param name string
---@param err any
---@return anyreach.finding
function finding.failure_of(name, err)
  local code = errors.exit_code(err)
  return finding.failure(name, tostring(err), nil, code > 1 and code or nil)
end

return finding
