-- Agent files: the wanted state of agents, one a file, in YAML or JSON (scripts/README.md describes
-- them). Everything that is wrong with any of the files is reported at once, with file, line and
-- column, before anything is made of them.

local directory = require "anyreach.directory"
local document = require "anyreach.agent_file.document"
local errors = require "anyreach.errors"
local fields = require "anyreach.agent_file.fields"
local tags = require "anyreach.agent_file.tags"
local yaml = require "anyreach.yaml"

local agent_file = {}

local function add_problem(problems, place, format, ...)
  problems[#problems + 1] = { path = place, message = format:format(...) }
end

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
  if not kind then return add_problem(problems, "", "%s", message) end
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

local function read_agent(file, problems)
  local doc = document.read(file, problems)
  if not doc then return nil end
  if yaml.is_tag(doc.value) or document.describe(doc.value) ~= "a mapping" then
    add_problem(problems, file, "expected a mapping with the key 'name', got %s", document.describe(doc.value))
    return nil
  end
  tags.resolve(doc)
  return fields.read(doc)
end

-- {====== what several files must not both say ======

local function check_names(agents, problems)
  local places = {}
  for _, agent in ipairs(agents) do
    local name = agent.name
    if type(name) == "string" then
      if places[name] then
        add_problem(problems, agent.place, "name: the agent '%s' is already described at %s", name, places[name])
      end
      places[name] = places[name] or agent.place
    end
  end
end

local SLOTS = { inbound = { "inbound" }, outbound = { "outbound" }, both = { "inbound", "outbound" } }

local function check_claim(claim, claimed, problems)
  for _, slot in ipairs(SLOTS[claim.direction]) do
    local key = claim.number .. " " .. slot
    if claimed[key] then
      add_problem(problems, claim.place, "phone_numbers: %s is already claimed at %s", key, claimed[key])
    end
    claimed[key] = claimed[key] or claim.place
  end
end

local function check_claims(agents, problems)
  local claimed = {}
  for _, agent in ipairs(agents) do
    for _, claim in ipairs(agent.numbers) do check_claim(claim, claimed, problems) end
  end
end

-- }======

-- Places of one file in the order of its lines, files in the order they were read.
local function sort_problems(problems, files)
  local order = {}
  for index, file in ipairs(files) do order[file] = index end
  for _, problem in ipairs(problems) do
    local file, line = problem.path:match("^(.-):(%d+):%d+$")
    problem.order = { order[file or problem.path] or 0, tonumber(line) or 0, problem.message }
  end
  table.sort(problems, function(a, b)
    for part = 1, 3 do
      if a.order[part] ~= b.order[part] then return a.order[part] < b.order[part] end
    end
    return false
  end)
  for _, problem in ipairs(problems) do problem.order = nil end
end

--- Reads agent files. Anything wrong with them raises one error of kind "input" that lists all of it.
---@param paths string[] files, and directories that stand for the files in them
---@return anyreach.agent[] in the order of the paths, files of a directory sorted by name
function agent_file.read(paths)
  local problems, agents = {}, {}
  local list = find_files(paths, problems)
  for _, file in ipairs(list) do agents[#agents + 1] = read_agent(file, problems) end
  check_names(agents, problems)
  check_claims(agents, problems)
  if #problems > 0 then
    sort_problems(problems, list)
    error(errors.make { kind = "input", problems = problems }, 0)
  end
  return agents
end

return agent_file
