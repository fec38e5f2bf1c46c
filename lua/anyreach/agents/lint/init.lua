-- Checks of agent files: mistakes in the files themselves, configurations against the schema, and what a schema
-- cannot express. Errors are certain; warnings deserve a look. For the recipe `validate`.

local agent_file = require "anyreach.agents.file"
local history = require "anyreach.agents.lint.history"
local prompt_checks = require "anyreach.agents.lint.prompt_checks"
local schema = require "anyreach.schema"
local switches = require "anyreach.agents.lint.switches"
local values = require "anyreach.schema.values"

local lint = {}

---@class anyreach.finding
---@field severity "error"|"warning"
---@field check string "file", "schema", "format", "doubtful", "unknown-variable", "unclosed-variable",
--- "unknown-tool", "unmentioned-tool" or "prompt-size"
---@field place string "file:line:column", or less when that is not known
---@field file string|nil
---@field agent string|nil name
---@field path string|nil in the file, such as "config.tools[1].name"
---@field message string
---@field excerpt string|nil lines of the file, where they show what is meant
---@field keyword string|nil of the schema
---@field schema_path string|nil

---@class anyreach.lint_options
---@field environment? anyreach.environment whose values are merged into the agents
---@field schema? table of configurations
---@field off? string[] checks whose warnings are not wanted; errors stay, and files may name more
---@field formats? boolean a value that does not fit a `format` of the schema is an error, not a warning
---@field variables? string[] names that are declared for all prompts
---@field since? string git revision that prompts are compared with

-- {====== single agents ======

local function is_written_by_platform(agent, problem)
  return agent.generate and problem.path == "config.instructions" and problem.keyword == "required"
end

-- A mistake that was found in the file already is not reported twice.
local function is_reported(problem, reported)
  for _, message in ipairs(reported[problem.place] or {}) do
    if message:sub(1, #problem.path + 2) == problem.path .. ": " then return true end
  end
  return false
end

local function check_schema(agent, context, add)
  if not context.validator then return end
  local problems = context.validator:validate(agent.config, { document = agent.document, path = "config" })
  for _, problem in ipairs(problems) do
    if not is_written_by_platform(agent, problem) and not is_reported(problem, context.reported) then
      local is_format = problem.keyword == "format"
      add {
        severity = is_format and not context.formats and "warning" or "error",
        check = is_format and "format" or "schema", place = problem.place, path = problem.path,
        message = problem.message,
        keyword = problem.keyword, schema_path = problem.schema_path,
      }
    end
  end
end

local function check_agent(agent, context, findings)
  local function add(finding)
    finding.file, finding.agent = agent.file, type(agent.name) == "string" and agent.name or nil
    findings[#findings + 1] = finding
  end
  local function warn(check, where, message)
    add { severity = "warning", check = check, place = agent.document:place(where.container, where.key),
      path = where.path, message = message }
  end
  check_schema(agent, context, add)
  local known = prompt_checks.declared_variables(agent.config, context.variables)
  prompt_checks.variables(agent.config, known, warn)
  if not agent.generate then prompt_checks.tools(agent.config, known, warn) end
  history.check(agent, context.past, warn)
end

-- }======

-- In a faulty file it may be anything.
local function has_config(agent)
  return agent.config ~= nil and values.kind(agent.config) == "object"
end

-- A problem of a file as a finding.
local function file_finding(problem, severity, check)
  return {
    severity = severity, check = check, place = problem.path, message = problem.message,
    excerpt = problem.excerpt,
    file = problem.path:match("^(.-):%d+:%d+$") or problem.path ~= "" and problem.path or nil,
  }
end

-- A key that looks mistyped is no news where the schema refuses it. Also returns how many others are switched off.
local function wanted(findings, is_off)
  local refused, kept, switched_off = {}, {}, 0
  for _, finding in ipairs(findings) do
    if finding.check == "schema" then refused[finding.place] = true end
  end
  for _, finding in ipairs(findings) do
    local is_known = finding.check == "doubtful" and refused[finding.place]
    if not is_known and is_off(finding) then
      switched_off = switched_off + 1
    elseif not is_known then
      kept[#kept + 1] = finding
    end
  end
  return kept, switched_off
end

-- By file in the order of reading, then by line, then by column.
local function sort(findings, files)
  local order, keys = {}, {}
  for index, file in ipairs(files) do order[file] = index end
  for index, finding in ipairs(findings) do
    local line, column = finding.place:match(":(%d+):(%d+)$")
    keys[finding] = { order[finding.file] or 0, tonumber(line) or 0, tonumber(column) or 0, index }
  end
  table.sort(findings, function(a, b)
    for part = 1, 4 do
      if keys[a][part] ~= keys[b][part] then return keys[a][part] < keys[b][part] end
    end
    return false
  end)
end

--- Checks agent files. A schema that cannot be used, and a check that is switched off and unknown, raise an error
--- of kind "input".
---@param paths string[] files and directories
---@param options? anyreach.lint_options
---@return anyreach.finding[] in the order of the files
---@return {agents: integer, files: integer, switched_off: integer, skipped: table[], warnings: string[]} facts
function lint.run(paths, options)
  options = options or {}
  local validator = options.schema and schema.compile(options.schema, { skip_patterns = true, formats = true })
  local context = { validator = validator, formats = options.formats, reported = {},
    variables = options.variables or {},
    past = history.at(options.since or history.DEFAULT) }
  local agents, problems, files = agent_file.collect(paths, { environment = options.environment,
    schema = type(options.schema) == "table" and options.schema or nil })
  local findings = {}
  for index, problem in ipairs(problems) do
    findings[index] = file_finding(problem, "error", "file")
    context.reported[problem.path] = context.reported[problem.path] or {}
    table.insert(context.reported[problem.path], problem.message)
  end
  for _, warning in ipairs(problems.warnings or {}) do
    findings[#findings + 1] = file_finding(warning, "warning", "doubtful")
  end
  for _, agent in ipairs(agents) do
    if has_config(agent) then check_agent(agent, context, findings) end
  end
  local kept, switched_off = wanted(findings, switches.read(files, options.off))
  sort(kept, files)
  return kept, { agents = #agents, files = #files, switched_off = switched_off,
    skipped = validator and validator.skipped or {}, warnings = validator and validator.warnings or {} }
end

--- How many findings there are of each severity.
---@param findings anyreach.finding[]
---@return {error: integer, warning: integer}
function lint.count(findings)
  local counts = { error = 0, warning = 0 }
  for _, finding in ipairs(findings) do counts[finding.severity] = counts[finding.severity] + 1 end
  return counts
end

return lint
