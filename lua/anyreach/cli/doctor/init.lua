-- What `anyreach doctor` looks at, in the order in which one thing needs the other. Each check gives
-- findings: what is fine, what may matter, what is wrong and what to do about it. None needs the network
-- or a credential to give an answer, and none writes anything, except to a sandbox of its own.

local errors = require "anyreach.errors"

local doctor = {}

local FAILED = 9 -- exit code of a failed check that has no better one

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
function doctor.ok(name, text, facts)
  return { name = name, status = "ok", text = text, facts = facts }
end

---@param name string
---@param text string
---@param advice? string
---@param facts? table
---@return anyreach.finding
function doctor.warning(name, text, advice, facts)
  return { name = name, status = "warning", text = text, advice = advice, facts = facts }
end

---@param name string
---@param text string
---@param advice? string
---@param code? integer
---@return anyreach.finding
function doctor.failure(name, text, advice, code)
  return { name = name, status = "failure", text = text, advice = advice, code = code }
end

--- An error as a failure.
---@param name string
---@param err any
---@return anyreach.finding
function doctor.failure_of(name, err)
  local code = errors.exit_code(err)
  return doctor.failure(name, tostring(err), nil, code > 1 and code or nil)
end

-- What a check is called whose own code failed; that is a defect of ours.
local function run_check(check, patient, say)
  local ok, findings = pcall(check.run, patient)
  if not ok then findings = { doctor.failure_of(check.name, findings) } end
  for _, finding in ipairs(findings) do say(finding) end
end

--- Runs all checks.
---@param say fun(finding: anyreach.finding) is told each as it is known
---@return integer exit code: 0, or that of the first failure
function doctor.run(say)
  local code = 0
  local function note(finding)
    if finding.status == "failure" and code == 0 then code = finding.code or FAILED end
    say(finding)
  end
  local patient = {} -- what checks leave for later ones
  for _, check in ipairs(require "anyreach.cli.doctor.checks") do run_check(check, patient, note) end
  return code
end

return doctor
