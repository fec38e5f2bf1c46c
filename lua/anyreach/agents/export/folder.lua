-- The agent files that a directory holds already, as they are written: with their tags, so that an export
-- can change them in place. Finds the file of an agent by the agent's name, whatever the file's name is.

local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local files = require "anyreach.files"
local problems_of = require "anyreach.agents.file.problems"
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
---@field value table with tags
---@field effective table the same with what the environment says

--- Where a path that is written in a file of a directory leads.
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
    if value.tag == "!file" and type(value.value) == "string" then
      local path = folder.resolve(self.path, value.value)
      self.uses[path] = (self.uses[path] or 0) + 1
    end
    return
  end
  for _, part in pairs(value) do count_uses(self, part) end
end

local function with_environment(file, environment)
  local doc = document.read(file, {})
  environment:overlay(doc)
  return doc.value
end

local function add_file(self, name, environment, problems)
  local file = self.path .. "/" .. name
  local stem = name:gsub("%.%w+$", ""):lower()
  self.stems[stem] = self.stems[stem] or true
  local doc = document.read(file, problems)
  if not doc then return end
  if type(doc.value) ~= "table" or yaml.is_tag(doc.value) or type(doc.value.name) ~= "string" then
    return problems_of.add(problems, file, "expected a mapping with the name of an agent under 'name'")
  end
  local agent_name, other = doc.value.name, self.by_name[doc.value.name]
  if other then
    return problems_of.add(problems, doc:place(doc.value, "name"), "the agent '%s' is already described in %s",
      agent_name, other.file)
  end
  self.by_name[agent_name] = {
    file = file, is_json = name:find("%.json$") ~= nil, text = files.read_file(file), value = doc.value,
    effective = environment and with_environment(file, environment) or doc.value,
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

--- Reads the agent files in a directory, which need not be there. What is wrong with any of them is raised
--- as one error of kind "input".
---@param path string
---@param environment? anyreach.environment
---@return anyreach.folder
function folder.read(path, environment)
  path = path:gsub("(.)/+$", "%1")
  local self, problems, order = { path = path, by_name = {}, stems = {}, uses = {} }, {}, {}
  local kind = directory.kind(path)
  if kind and kind ~= "directory" then problems_of.add(problems, path, "expected a directory, this is none") end
  for _, name in ipairs(kind == "directory" and agent_file_names(path) or {}) do
    order[#order + 1] = path .. "/" .. name
    add_file(self, name, environment, problems)
  end
  problems_of.raise(problems, order)
  return self
end

return folder
