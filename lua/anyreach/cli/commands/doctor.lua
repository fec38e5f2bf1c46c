-- anyreach doctor: looks at everything that a call needs, and says what is wrong and what to do.

local color = require "anyreach.text.color"
local doctor = require "anyreach.cli.doctor"
local host = require "anyreach.host"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach doctor [--json] [--verbose]",
  summary = "Checks credential, network, certificate, clock, files and sandbox.",
  notes = [[
Each line is ok, a warning or a failure, with advice. It works without a network and without a credential;
with --profile NAME it checks that profile. --verbose lists the credential's scopes, --quiet leaves out what
is fine. Nothing is written except to a sandbox of its own.

The exit code is 0, also with warnings, or that of the first failure: 3 for a config file with mistakes, 4
for a credential that is incomplete or refused, 10 if the API cannot be reached, 9 for all others.]],
}

local STYLES = { ok = "green", warning = "yellow", failure = "red" }
local STATUS_WIDTH, NAME_WIDTH = #"warning", #"credential"

local function print_finding(finding)
  if host.options.quiet and finding.status == "ok" then return end
  local status = ("%-" .. STATUS_WIDTH .. "s"):format(finding.status)
  if color.enabled "stdout" then status = color.paint(status, STYLES[finding.status]) end
  local indent = (" "):rep(STATUS_WIDTH + NAME_WIDTH + 4)
  print(("%s  %-" .. NAME_WIDTH .. "s  %s"):format(status, finding.name, (finding.text:gsub("\n", "\n" .. indent))))
  if finding.advice then print(indent .. finding.advice) end
end

local function print_event(finding)
  local event = { name = finding.name, status = finding.status, text = finding.text, advice = finding.advice }
  for key, value in pairs(finding.facts or {}) do event[key] = event[key] or value end
  report.event("check", event)
end

local function run()
  local counts = { ok = 0, warning = 0, failure = 0 }
  local code = doctor.run(function(finding)
    counts[finding.status] = counts[finding.status] + 1
    if report.is_json() then return print_event(finding) end
    print_finding(finding)
    io.stdout:flush()
  end)
  if report.is_json() then
    report.event("summary", { ok = counts.ok, warnings = counts.warning, failures = counts.failure, exit_code = code })
  end
  return code
end

return { spec = spec, run = run }
