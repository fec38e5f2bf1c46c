-- The agent files that a directory holds already, as they are written: with their tags, so that an export can change
-- them in place. Finds the file of an agent by the agent's name, whatever the file's name is; chooses names for new
-- files; and finds the files of agents that are gone, with the prompts that nothing else names.

local digest = require "anyreach.digest"
local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local files = require "anyreach.files"
local markers = require "anyreach.agents.file.markers"
local text_files = require "anyreach.agents.file.text_files"
local yaml = require "anyreach.yaml"

local folder = {}

---@class anyreach.folder
---@field path string
---@field by_name table<string, anyreach.folder_entry>
---@field stems table<string, string|boolean> name of a file without extension, in lower case -> its agent's name
---@field uses table<string, integer> path of a text file -> how many places of agent files name it

---@class anyreach.folder_entry
---@field file string
---@field is_json boolean
---@field text string
---@field value table with tags, and texts without the escapes of markers
---@field allowed table<string, true> names of markers that need no escape in the file
---@field effective table the same with what the environment says

--- The full form of a path that a file of a directory names.
---@param path string of the directory
---@param relative string
---@return string
function folder.resolve(path, relative)
  if relative:sub(1, 1) == "/" then return relative end
  return path .. "/" .. relative
end

local function count_uses(self, value)
  if type(value) ~= "table" then return end
  if yaml.is_tag(value) then
    local relative = value.tag == "!file" and text_files.path(value)
    if relative then
      local path = folder.resolve(self.path, relative)
      self.uses[path] = (self.uses[path] or 0) + 1
    end
    return
  end
  for _, part in pairs(value) do count_uses(self, part) end
end

local function with_environment(file, environment)
  local doc = document.read(file, {})
  environment:overlay(doc)
  return markers.read_all(doc.value)
end

local function allowed_markers(value, environment)
  local names = markers.allowed(value)
  for name in pairs(environment and environment.allowed_markers or {}) do names[name] = true end
  return names
end

local function add_file(self, name, environment, problems)
  local file = self.path .. "/" .. name
  local stem = name:gsub("%.%w+$", ""):lower()
  self.stems[stem] = self.stems[stem] or true
  local doc = document.read(file, problems)
  if not doc then return end
  if type(doc.value) ~= "table" or yaml.is_tag(doc.value) or type(doc.value.name) ~= "string" then
    return document.add_problem(problems, file, "expected a mapping with the name of an agent under 'name'")
  end
  local agent_name = markers.read(doc.value.name)
  local other = self.by_name[agent_name]
  if other then
    return document.add_problem(problems, doc:place(doc.value, "name"), "the agent '%s' is already described in %s",
      agent_name, other.file)
  end
  local value = markers.read_all(doc.value)
  self.by_name[agent_name] = {
    file = file, is_json = name:find("%.json$") ~= nil, text = files.read_file(file), value = value,
    effective = environment and with_environment(file, environment) or value,
    allowed = allowed_markers(value, environment),
  }
  self.stems[stem] = agent_name
  count_uses(self, doc.value)
end

local function agent_file_names(path)
  local found, names = {}, directory.names(path) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    if document.extension(name) and not name:find("^[._]") then found[#found + 1] = name end
  end
  return found
end

--- Reads the agent files in a directory, which need not exist. Problems with them raise one error of kind "input".
---@param path string
---@param environment? anyreach.environment
---@return anyreach.folder
function folder.read(path, environment)
  path = path:gsub("(.)/+$", "%1")
  local self, problems, order = { path = path, by_name = {}, stems = {}, uses = {} }, {}, {}
  local kind = directory.kind(path)
  if kind and kind ~= "directory" then document.add_problem(problems, path, "expected a directory, this is none") end
  for _, name in ipairs(kind == "directory" and agent_file_names(path) or {}) do
    order[#order + 1] = path .. "/" .. name
    add_file(self, name, environment, problems)
  end
  document.raise_problems(problems, order)
  return self
end

-- {====== names of files ======

local LENGTH_MAX = 60
local HASH_LENGTH = 8 -- hex digits

-- "environments" is a directory beside agent files; Windows reserves the others.
local reserved = { con = true, prn = true, aux = true, nul = true, environments = true }
for index = 0, 9 do
  reserved["com" .. index], reserved["lpt" .. index] = true, true
end

--- A name for the file of an agent, without extension. It consists of lower-case letters, digits and
--- hyphens, so that no name that a server sends becomes a path, and it is valid on every file system. The same agents
--- get the same names wherever they are exported: a piece of a digest keeps names apart that differ in other
--- characters.
---@param text string the agent's name
---@param is_taken fun(stem: string): boolean? by another agent
---@return string
function folder.stem(text, is_taken)
  local plain = text:lower():gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")
  local stem = plain:sub(1, LENGTH_MAX):gsub("%-+$", "")
  local is_lossy = stem ~= plain or stem == "" or reserved[stem] or text:find("[\x80-\xFF]") ~= nil
  if stem == "" then stem = "agent" end
  if is_lossy or is_taken(stem) then stem = stem .. "-" .. digest.sha256(text):sub(1, HASH_LENGTH) end
  return stem
end

-- }======

-- {====== agents that are gone ======

-- The text files that a value names, inside the directory; others are not ours to remove.
local function named_files(value, where, found)
  if type(value) ~= "table" then return found end
  if yaml.is_tag(value) then
    local relative = value.tag == "!file" and text_files.path(value)
    if relative and not relative:find("^/") and not relative:find("..", 1, true) then
      found[#found + 1] = folder.resolve(where.path, relative)
    end
    return found
  end
  for _, part in pairs(value) do named_files(part, where, found) end
  return found
end

-- The agent file, and the texts that it alone names, once.
local function files_of(entry, where)
  local list, counts = { entry.file }, {}
  for _, path in ipairs(named_files(entry.value, where, {})) do
    counts[path] = (counts[path] or 0) + 1
    if counts[path] == where.uses[path] and directory.kind(path) == "file" then list[#list + 1] = path end
  end
  return list
end

--- Adds the agents that have a file and that the organisation no longer has.
---@param results anyreach.export_result[] of all agents of the organisation
---@param where anyreach.folder
---@param removes boolean? their files are to be removed, with the prompts that nothing else names
function folder.add_gone(results, where, removes)
  local present, gone = {}, {}
  for _, result in ipairs(results) do
    present[result.name] = true
    if result.entry then present[result.entry] = true end
  end
  for name, entry in pairs(where.by_name) do
    local is_there = present[entry] or present[name]
    if not is_there then gone[#gone + 1] = name end
  end
  table.sort(gone)
  for _, name in ipairs(gone) do
    local entry = where.by_name[name]
    results[#results + 1] = {
      name = name, file = entry.file, action = removes and "removed" or "gone", writes = {}, notes = {},
      removes = removes and files_of(entry, where) or {},
    }
  end
end

-- }======

return folder
