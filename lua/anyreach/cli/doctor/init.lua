-- What `anyreach doctor` looks at, in the order in which one thing needs the other. Each check gives
-- findings: what is fine, what may matter, what is wrong and what to do about it. None needs the network
-- or a credential to give an answer, and none writes anything, except to a sandbox of its own.

local finding = require "anyreach.cli.doctor.finding"
local machine = require "anyreach.cli.doctor.machine"
local network = require "anyreach.cli.doctor.network"

local doctor = {}

local FAILED = 9 -- exit code of a failed check that has no better one

---@type {name: string, run: fun(patient: table): anyreach.finding[]}[]
local CHECKS = {
  { name = "program", run = machine.program },
  { name = "config", run = machine.config },
  { name = "address", run = network.address },
  { name = "proxy", run = network.proxy },
  { name = "network", run = network.reach },
  { name = "tls", run = network.tls },
  { name = "clock", run = network.clock },
  { name = "credential", run = network.credential },
  { name = "cache", run = machine.cache },
  { name = "sandbox", run = machine.sandbox },
}

-- What a check is called whose own code failed; that is a defect of ours.
local function run_check(check, patient, say)
  local ok, findings = pcall(check.run, patient)
  if not ok then findings = { finding.failure_of(check.name, findings) } end
  for _, found in ipairs(findings) do say(found) end
end

--- Runs all checks.
---@param say fun(finding: anyreach.finding) gets each finding as soon as it is made
---@return integer exit code: 0, or that of the first failure
function doctor.run(say)
  local code = 0
  local function note(found)
    if found.status == "failure" and code == 0 then code = found.code or FAILED end
    say(found)
  end
  local patient = {} -- what checks leave for later ones
  for _, check in ipairs(CHECKS) do run_check(check, patient, note) end
  return code
end

return doctor
