-- Environment files: what differs between staging and production. They lie in `environments/`, beside the
-- agent files or one level above their directory, and hold
--
--   references: {KIND: {NAME: ID}}   ids of things that cannot be looked up, or are called otherwise there
--   defaults:   {…}                  what agent files do not say, for all agents
--   agents:     {NAME: {…}}          what is otherwise for one agent
--   allow_markers: [NAME]            markers that are meant where they stand in texts (file/markers.lua)
--
-- The merge rule: mappings are merged key by key, everything else is replaced as a whole. Defaults fill in
-- keys that the agent file lacks, or marks with !required; an agent's overlay replaces, and its nulls
-- remove keys.

local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local doubtful = require "anyreach.agents.file.doubtful"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local markers = require "anyreach.agents.file.markers"
local operations = require "anyreach.operations"
local reference = require "anyreach.yaml.reference"
local report = require "anyreach.report"
local tags = require "anyreach.agents.file.tags"
local yaml = require "anyreach.yaml"

local environment = {}

--- The option of recipes that chooses an environment.
---@type anyreach.option
environment.option = { name = "environment", value = "NAME|FILE",
  help = "the environment file, or none; default the profile's, or the one that is called like it" }

---@class anyreach.environment
---@field file string
---@field ids table<string, table<string, string>> kind -> name -> id
---@field allowed_markers table<string, true>
---@field warnings anyreach.problem[]
---@field private doc anyreach.document
local Environment = {}
Environment.__index = Environment

-- {====== merging ======

local function is_mapping(value)
  return type(value) == "table" and not json.is_array(value) and not yaml.is_tag(value) and not json.is_number(value)
end

local function is_open(value)
  return value == nil or type(value) == "table" and yaml.is_tag(value) == "!required"
end

-- Fills in what the document does not say.
local function fill(doc, container, other, defaults)
  for key, value in pairs(defaults) do
    if is_open(container[key]) then
      doc:take(container, key, other, defaults)
    elseif is_mapping(container[key]) and is_mapping(value) then
      fill(doc, container[key], other, value)
    end
  end
end

-- Replaces what the overlay says otherwise.
local function replace(doc, container, other, overlay)
  for key, value in pairs(overlay) do
    if value == json.null then
      container[key] = nil
    elseif is_mapping(value) then
      if not is_mapping(container[key]) then
        doc:take(container, key, other, overlay)
        for name in pairs(container[key]) do container[key][name] = nil end
      end
      replace(doc, container[key], other, value)
    else
      doc:take(container, key, other, overlay)
    end
  end
end

--- Merges the environment's values into an agent file, before its tags are resolved.
---@param doc anyreach.document its value is a mapping
function Environment:overlay(doc)
  local value = self.doc.value
  local overlay = type(doc.value.name) == "string" and value.agents and value.agents[doc.value.name]
  doc.environment = self.file
  doc.allowed_markers = markers.allowed(value)
  if value.defaults then fill(doc, doc.value, self.doc, value.defaults) end
  if overlay then replace(doc, doc.value, self.doc, overlay) end
end

--- Merges the environment's values into those of an agent that no file describes.
---@param name string of the agent
---@param values table with keys as in agent files; changed in place
---@param problems anyreach.problems to which problems are added
---@return anyreach.document given what the environment says of the agent, with its secrets
function Environment:apply(name, values, problems)
  local given, doc = document.of({}, self.file, problems), document.of(values, self.file, problems)
  local defaults, overlay = self:values_of(name)
  given.value = { defaults = {}, overlay = {} }
  for key, from in pairs { defaults = defaults, overlay = overlay } do
    for part in pairs(from) do given:take(given.value[key], part, self.doc, from) end
  end
  given.allowed_markers = self.allowed_markers
  tags.resolve(given)
  fill(doc, values, given, given.value.defaults)
  replace(doc, values, given, given.value.overlay)
  return given
end

--- What it says of an agent, as it is written, with tags.
---@param name string of an agent
---@return table|nil defaults
---@return table|nil overlay
function Environment:values_of(name)
  local value = self.doc.value
  return value.defaults, value.agents and value.agents[name]
end

-- }======

-- {====== names of agents ======

-- Adds the names in the other agent files of a directory, for a run over some of its files.
local function add_names_beside(names, file)
  local folder = file:match("^(.*)/") or "."
  for _, name in ipairs(directory.names(folder) or {}) do
    if document.extension(name) and not name:find("^[._]") then
      local doc = document.read(folder .. "/" .. name, {})
      local described = doc and is_mapping(doc.value) and doc.value.name
      if type(described) == "string" then names[described] = true end
    end
  end
end

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--- Notes agents that the environment speaks of and no agent file describes.
---@param names table<string, true> of the agents that were read
---@param files string[] that were read; other agent files beside them count as well
---@param problems table[] to which problems are added
function Environment:check_names(names, files, problems)
  local missing = {}
  for name in pairs(self.doc.value.agents or {}) do
    if not names[name] then missing[#missing + 1] = name end
  end
  if #missing == 0 then return end
  local known, seen = {}, {}
  for name in pairs(names) do known[name] = true end
  for _, file in ipairs(files) do
    local folder = file:match("^(.*)/") or "."
    if not seen[folder] then add_names_beside(known, file) end
    seen[folder] = true
  end
  for _, name in ipairs(missing) do
    if not known[name] then
      local near = operations.nearest(name, sorted_keys(known))
      document.add_problem(problems, self.doc:place(self.doc.value.agents, name),
        "agents: no agent file describes '%s'%s", name, near and ("; did you mean '%s'?"):format(near) or "")
    end
  end
end

-- }======

-- {====== reading ======

local KEYS = { "agents", "allow_markers", "defaults", "references" }

local function check_mapping(doc, container, key, path)
  if container[key] == nil or is_mapping(container[key]) then return end
  doc:problem(container, key, "%s: expected a mapping, got %s", path, document.describe(container[key]))
  container[key] = nil
end

local function check_keys(doc, value, known, path)
  for key in pairs(value) do
    local near, is_known = operations.nearest(key, known), false
    for _, name in ipairs(known) do is_known = is_known or name == key end
    if not is_known then
      doc:problem(value, key, "%sunknown key '%s'; %s", path, key, near and ("did you mean '%s'?"):format(near)
        or "expected one of " .. table.concat(known, ", "))
    end
  end
end

local function check_ids(doc, ids, kind)
  for name, id in pairs(ids) do
    if type(id) ~= "string" or id == "" then
      doc:problem(ids, name, "references.%s.%s: expected the text of an id, got %s", kind, name, document.describe(id))
    end
  end
end

local function check_references(doc)
  local given = doc.value.references
  if not given then return end
  tags.resolve(doc, given, "references")
  check_keys(doc, given, reference.kinds, "references: ")
  for _, kind in ipairs(reference.kinds) do
    check_mapping(doc, given, kind, "references." .. kind)
    if given[kind] then check_ids(doc, given[kind], kind) end
  end
end

local function check_parts(doc)
  local value = doc.value
  check_keys(doc, value, KEYS, "")
  markers.check(doc)
  for _, key in ipairs(KEYS) do
    if key ~= "allow_markers" then check_mapping(doc, value, key, key) end
  end
  for name in pairs(value.agents or {}) do check_mapping(doc, value.agents, name, "agents." .. name) end
  if value.defaults and value.defaults.name ~= nil then
    doc:problem(value.defaults, "name", "defaults.name: agents have names of their own")
  end
end

--- Reads an environment file. Anything wrong with it raises one error of kind "input".
---@param file string
---@return anyreach.environment
function environment.read(file)
  local problems = {}
  if not document.extension(file) then
    errors.raise("input", "%s: expected an environment file that ends in .yaml, .yml or .json", file)
  end
  local doc = document.read(file, problems)
  if doc and doc.value == json.null then doc.value = {} end
  if doc and is_mapping(doc.value) then
    doubtful.check(doc)
    check_parts(doc)
    check_references(doc)
  elseif doc then
    document.add_problem(problems, file, "expected a mapping with %s, got %s", "agents, defaults, references",
      document.describe(doc.value))
  end
  document.raise_problems(problems, { file })
  return setmetatable({ file = file, ids = doc.value.references or {}, doc = doc,
    allowed_markers = markers.allowed(doc.value),
    warnings = problems.warnings or {} }, Environment)
end

-- }======

-- {====== finding ======

local FOLDER = "environments"

local function parent_of(folder)
  if folder == "." or folder:find("%.%.$") then return folder .. "/.." end
  return folder:match("^(.+)/[^/]*$") or folder:match("^/") or "."
end

-- "." is left out in front of a path.
local function below(folder, name)
  return folder == "." and name or folder:gsub("/$", "") .. "/" .. name
end

-- The directories in which environment files of some agent files may lie, the nearest first.
local function folders_of(path)
  local folder = directory.kind(path) == "directory" and path:gsub("(.)/+$", "%1") or path:match("^(.*)/") or "."
  return { below(folder, FOLDER), below(parent_of(folder), FOLDER) }
end

local function find_in(folder, name)
  for _, extension in ipairs { "yaml", "yml", "json" } do
    local file = ("%s/%s.%s"):format(folder, name, extension)
    if directory.kind(file) == "file" then return file end
  end
end

-- The file of that name, or nil and the directories that were looked through.
local function find(name, paths)
  local folders, seen = {}, {}
  for _, path in ipairs(#paths > 0 and paths or { "." }) do
    for _, folder in ipairs(folders_of(path)) do
      if not seen[folder] then folders[#folders + 1] = folder end
      seen[folder] = true
    end
  end
  for _, folder in ipairs(folders) do
    local file = find_in(folder, name)
    if file then return file end
  end
  return nil, folders
end

-- The names of the environment files in some directories, sorted.
local function names_in(folders)
  local names, seen = {}, {}
  for _, folder in ipairs(folders) do
    for _, file in ipairs(directory.names(folder) or {}) do
      local name = document.extension(file) and not file:find("^[._]") and file:match("^(.*)%.")
      if name and not seen[name] then names[#names + 1] = name end
      if name then seen[name] = true end
    end
  end
  table.sort(names)
  return names
end

local function refuse_unknown(name, folders)
  local near = operations.nearest(name, names_in(folders))
  errors.raise("input", "no environment '%s': there is no %s.yaml in %s%s", name, name, table.concat(folders, " or "),
    near and ("; did you mean '%s'?"):format(near) or "")
end

--- The environment file that is meant by a name, looked for beside the agent files and one level above their
--- directory, or by a path. One that is not there raises an error of kind "input".
---@param name string
---@param paths? string[] agent files and directories of them; default the current directory
---@return string file
function environment.find(name, paths)
  if name:find("/", 1, true) or document.extension(name) then return name end
  local file, folders = find(name, paths or {})
  return file or refuse_unknown(name, folders)
end

local NONE = "none"

-- There are environment files, and no word about them: that is said, and no reason to write to a protected profile.
local function check_forgotten(folders, account, writes)
  local names = names_in(folders or {})
  if not account or #names == 0 then return end
  local words = ("no environment is chosen; there %s for %s: --environment NAME chooses one, --environment %s says "
    .. "that none is meant"):format(#names == 1 and "is a file" or "are files", table.concat(names, ", "), NONE)
  if writes and account.protected then
    errors.raise("guard", "the profile '%s' is protected, and %s", account.profile, words)
  end
  report.note("%s", words)
end

--- The environment of a run: the one that was asked for, else the profile's, else the one that is called like
--- the profile, if there is such a file; else none. "none" asks for none.
---@param given string|nil NAME or FILE
---@param paths? string[] as for find
---@param account? anyreach.account
---@param writes? boolean the run writes to the organisation: on a protected profile, none must be asked for
---@return anyreach.environment|nil
function environment.choose(given, paths, account, writes)
  local name = given or account and account.environment
  if name and (name ~= NONE or find(NONE, paths or {})) then
    return environment.read(environment.find(name, paths))
  elseif name then
    return nil
  end
  local file, folders = find(account and account.profile or "", paths or {})
  if file then return environment.read(file) end
  check_forgotten(paths and folders, account, writes)
end

-- }======

return environment
