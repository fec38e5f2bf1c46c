-- validate: checks agent files against the schema of configurations, and for what a schema cannot say
-- (scripts/README.md). Changes nothing.

local config_schema = require "anyreach.agents.lint.config_schema"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local lint = require "anyreach.agents.lint"
local printable = require("anyreach.text.terminal_text").printable
local reach = require "anyreach.agents.file.reach"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"

local EXIT_INVALID = errors.exit_codes.input
local EXIT_CHECK_FAILED = 9

local spec = {
  usage = "anyreach run validate FILE|DIRECTORY... [--environment NAME|FILE] [--schema FILE] [--formats] [--offline] "
    .. "[--strict]",
  summary = "Checks agent files before they are provisioned; changes nothing.",
  options = {
    environment.option,
    reach.option,
    { name = "schema", value = "FILE", help = "a JSON Schema of `config`, instead of the one that the API serves" },
    { name = "formats", help = "what does not fit a `format` of the schema, such as uuid, is an error, not a warning" },
    { name = "off", value = "CHECK,...", many = true, help = "no warnings of these checks (unknown-tool, ...)" },
    { name = "offline", help = "use the schema that was last fetched; send nothing" },
    { name = "variables", value = "NAME,...", many = true, help = "variables that calls provide to prompts" },
    { name = "since", value = "REVISION", help = "of git; tells of prompts whose size changed a lot (HEAD)" },
    { name = "strict", help = "warnings fail, too: exit code 9" },
  },
  writes = {},
  operands = { name = "agent files (.yaml, .yml, .json), or directories of them", min = 1 },
  notes = [[
Errors: what is wrong in the files, what the schema does not allow, an agent described twice, a number
claimed twice. Warnings: a value that does not fit its format in the schema (uri, date-time), keys that
look mistyped, values that YAML reads as something else than is meant, variables that nobody declares,
tools that a prompt names and that are not attached, tools that no prompt mentions, a prompt that shrank
to less than half or grew to more than double.

With a credential the schema is fetched and kept; without one, or with --offline, the one that was kept
is used. When there is none, only the checks that need no schema are made, and the summary says so.

Warnings of a check can be switched off: for a run with --off; for one agent file with a comment at the
beginning of a line, '# anyreach-lint: off CHECK, ...'; for a directory with a file .anyreach-lint, one
check a line. The summary counts them.

Prints one line a finding: FILE:LINE:COLUMN: error|warning: PATH: MESSAGE. With --quiet only errors, with
--json one event a finding.

Examples:
  anyreach run validate agents/
  anyreach run validate agents/ --offline --strict
  anyreach run validate agents/ --schema agent-config.json --variables first_name,clinic_name
  anyreach run validate agents/ --since origin/main --json
  anyreach --sandbox run validate scripts/examples/clinic/agents]],
  exit_codes = {
    [0] = "no errors",
    [3] = "errors, the schema cannot be used, or a file switches off a check that does not exist",
    [5] = false,
    [9] = "a check failed: there are warnings (--strict), or a request is not recorded (--replay)",
    [10] = "it took longer than --deadline",
  },
}

-- "--variables a,b --variables c" -> { "a", "b", "c" }
local function names_of(lists)
  local names = {}
  for _, list in ipairs(lists or {}) do
    for name in list:gmatch("[^,%s]+") do names[#names + 1] = name end
  end
  return names
end

local function print_finding(finding)
  if report.is_json() then return report.event("finding", finding) end
  if host.options.quiet and finding.severity ~= "error" then return end
  local place = finding.place ~= "" and finding.place .. ": " or ""
  local path = finding.path and finding.path .. ": " or ""
  print(printable(("%s%s: %s%s"):format(place, finding.severity, path, finding.message)))
  if finding.excerpt then print(printable(finding.excerpt)) end
end

local function counted(count, noun)
  return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

local function print_counts(counts, facts, found)
  report.line("%s: %s, %s%s", counted(facts.agents, "agent"), counted(counts.error, "error"),
    counted(counts.warning, "warning"),
    facts.switched_off > 0 and "; " .. counted(facts.switched_off, "finding") .. " switched off" or "")
  report.line("schema: %s", found and found.source
    or "none, so only the checks that need none were made; set ANYREACH_TOKEN, or give --schema FILE")
end

local function exit_code(counts, is_strict)
  if counts.error > 0 then return EXIT_INVALID, counted(counts.error, "error") end
  if is_strict and counts.warning > 0 then return EXIT_CHECK_FAILED, counted(counts.warning, "warning") end
  return 0
end

local function warn_of_schema(facts)
  for _, message in ipairs(facts.warnings) do report.warn("schema: %s", message) end
  for _, pattern in ipairs(facts.skipped) do
    report.warn("schema: %s: the pattern is not checked: %s", pattern.location, pattern.message)
  end
end

local function main(given)
  reach.allow(given.allow_read)
  local whose = recipe.work_offline()
  local found = config_schema.find { file = given.schema, offline = given.offline }
  local findings, facts = lint.run(given, {
    schema = found and found.schema,
    environment = environment.choose(given.environment, given, whose),
    variables = names_of(given.variables),
    since = given.since,
    formats = given.formats,
    off = names_of(given.off),
  })
  for _, finding in ipairs(findings) do print_finding(finding) end
  warn_of_schema(facts)
  local counts = lint.count(findings)
  print_counts(counts, facts, found)
  local code, failure = exit_code(counts, given.strict)
  return code, {
    agents = facts.agents, files = facts.files, errors = counts.error, warnings = counts.warning,
    switched_off = facts.switched_off, schema = found and found.source,
  }, failure
end

return recipe.run(spec, main, ...)
