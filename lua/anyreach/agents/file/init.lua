-- Agent files: the wanted state of agents, one a file, in YAML or JSON (scripts/README.md describes
-- them). Everything that is wrong with any of the files is reported at once, with file, line and
-- column, before anything is made of them.

local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local doubtful = require "anyreach.agents.file.doubtful"
local fields = require "anyreach.agents.file.fields"
local missing_path = require("anyreach.text.messages").missing_path
local reach = require "anyreach.agents.file.reach"
local report = require "anyreach.report"
local tags = require "anyreach.agents.file.tags"
local yaml = require "anyreach.yaml"

local agent_file = {}

local add_problem = document.add_problem

-- {====== finding files ======

local function add_directory(list, problems, path)
  local names, message = directory.names(path)
  if not names then return add_problem(problems, "", "%s", message) end
  table.sort(names)
  local prefix, found = path:gsub("/+$", "") .. "/", false
  for _, name in ipairs(names) do
    if document.extension(name) and not name:find("^[._]") then
      list[#list + 1] = prefix .. name
      found = true
    end
  end
  if not found then add_problem(problems, path, "no agent file (.yaml, .yml or .json) is in this directory") end
end

local function add_path(list, problems, path)
  local kind, message = directory.kind(path)
  if not kind then return add_problem(problems, "", "%s", missing_path(path, message)) end
  if kind == "directory" then return add_directory(list, problems, path) end
  if not document.extension(path) then
    return add_problem(problems, path, "expected an agent file that ends in .yaml, .yml or .json, or a directory")
  end
  list[#list + 1] = path
end

-- The files that the paths stand for, each once.
local function find_files(paths, problems)
  local list, seen, unique = {}, {}, {}
  for _, path in ipairs(paths) do add_path(list, problems, path) end
  for _, file in ipairs(list) do
    if not seen[file] then unique[#unique + 1] = file end
    seen[file] = true
  end
  return unique
end

-- }======

local function read_agent(file, problems, options)
  local environment = options.environment
  local doc = document.read(file, problems)
  if not doc then return nil end
  if yaml.is_tag(doc.value) or document.describe(doc.value) ~= "a mapping" then
    add_problem(problems, file, "expected a mapping with the key 'name', got %s", document.describe(doc.value))
    return nil
  end
  doubtful.check(doc, "phone_numbers")
  local described = doc.value.name
  if environment then environment:overlay(doc) end
  tags.resolve(doc)
  local agent = fields.read(doc, options.schema)
  agent.environment, agent.ids = environment and environment.file, environment and environment.ids
  return agent, described
end

---@class anyreach.agent_file_options
---@field environment? anyreach.environment whose values are merged into the agents
---@field schema? table the JSON Schema of configurations, for the keys that it names
---@field strict? boolean warnings are problems

--- Reads agent files as far as they can be read, and gathers what is wrong with them.
---@param paths string[] files, and directories that stand for the files in them
---@param options? anyreach.agent_file_options
---@return anyreach.agent[] in the order of the paths, files of a directory sorted by name
---@return anyreach.problems problems
---@return string[] files
function agent_file.collect(paths, options)
  options = options or {}
  local environment = options.environment
  local problems, agents, names = {}, {}, {}
  local list = find_files(paths, problems)
  for _, file in ipairs(list) do
    local agent, name = read_agent(file, problems, options)
    agents[#agents + 1] = agent
    if name then names[name] = true end
  end
  if environment then environment:check_names(names, list, problems) end
  for _, warning in ipairs(environment and environment.warnings or {}) do
    document.add_warning(problems, warning.path, "%s", warning.message)
  end
  fields.check_names(agents, problems)
  fields.check_numbers(agents, problems)
  return agents, problems, list
end

--- Reads agent files. Anything wrong with them raises one error of kind "input" that lists all of it.
---@param paths string[] as for collect
---@param options? anyreach.agent_file_options
---@return anyreach.agent[]
---@return anyreach.problem[] warnings
function agent_file.read(paths, options)
  local agents, problems, list = agent_file.collect(paths, options)
  local warnings = problems.warnings or {}
  if options and options.strict then table.move(warnings, 1, #warnings, #problems + 1, problems) end
  document.raise_problems(problems, list)
  document.sort_problems(warnings, list)
  return agents, warnings
end

--- The option of recipes by which warnings become errors.
---@type anyreach.option
agent_file.strict_option = { name = "strict", help = "warnings about the files are errors" }

--- Reads agent files for a recipe with this option and reach.option, and prints the warnings.
---@param paths string[] as for collect
---@param given table the recipe's options
---@param options? anyreach.agent_file_options
---@return anyreach.agent[]
function agent_file.load(paths, given, options)
  options = options or {}
  options.strict = given.strict
  reach.allow(given.allow_read)
  local agents, warnings = agent_file.read(paths, options)
  for _, warning in ipairs(warnings) do report.warn("%s: %s", warning.path, warning.message) end
  return agents
end

return agent_file
