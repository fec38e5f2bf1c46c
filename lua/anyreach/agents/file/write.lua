-- Writes agent files: new ones, or into those that a person wrote. Comments, order and tags stay where the content
-- did; a text that a tag !file names is written to that file.

local directory = require "anyreach.directory"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local json_edit = require "anyreach.yaml.json_edit"
local markers = require "anyreach.agents.file.markers"
local reach = require "anyreach.agents.file.reach"
local reference = require "anyreach.yaml.reference"
local text_files = require "anyreach.agents.file.text_files"
local variables = require "anyreach.agents.file.variables"
local yaml = require "anyreach.yaml"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_value = require "anyreach.yaml.value"

local write = {}

-- {====== an agent as the mapping of its file ======

local function entry_of(claim)
  if claim.direction == "inbound" then return claim.number end
  return { number = claim.number, direction = claim.direction }
end

-- True when an entry of a file says what a claim says.
local function says(entry, claim)
  local number, direction = entry, "inbound"
  if type(entry) == "table" and not yaml.is_tag(entry) then
    number, direction = entry.number, entry.direction or "inbound"
  end
  if type(number) == "table" then number = number.value end
  return direction == claim.direction and (number == claim.number or number == tostring(claim.number))
end

local function phone_numbers(agent, old)
  local list = json.array {}
  for index, claim in ipairs(agent.numbers) do
    list[index] = entry_of(claim)
    for _, entry in ipairs(old or {}) do
      if says(entry, claim) then list[index] = entry end
    end
  end
  return list
end

--- What an agent file is to hold for an agent.
---@param agent anyreach.agent
---@param old? table what the file holds now, with tags
---@return table
function write.value(agent, old)
  old = old or {}
  local made = { name = agent.name }
  for key, own in pairs(agent.own) do made[key] = own end
  local is_empty = agent.config == nil or agent.generate and next(agent.config) == nil
  if not is_empty or old.config ~= nil then made.config = agent.config end
  made.instruction_builder_inputs = agent.inputs
  local function set(key, given, default)
    if given ~= default or old[key] ~= nil then made[key] = given end
  end
  set("generate", agent.generate, false)
  set("publish", agent.publish, true)
  set("deploy_as_sip", agent.deploy_as_sip, false)
  local has_numbers = #agent.numbers > 0 or old.phone_numbers ~= nil
  made.phone_numbers = has_numbers and phone_numbers(agent, old.phone_numbers) or nil
  made.allow_markers = old.allow_markers
  return made
end

-- }======

-- {====== tags that stay ======

-- Each returns the tag that stands for the new value, or nothing.
local keeps = {}

-- Texts that a !file is to hold from now on are added to `writes`.
keeps["!file"] = function(doc, tag, new, writes)
  if type(new) ~= "string" or text_files.problem(tag) then return nil end
  local file = doc:file_of(tag)
  local text = text_files.read(file, tag)
  if text == new then return tag end
  local path = text_files.full_path(file, text_files.path(tag))
  local problem = reach.problem(file, path)
  if problem then errors.raise("input", "%s", problem) end
  local kept = text_files.tag(text_files.path(tag), new, tag)
  writes[#writes + 1] = { path = path, text = text_files.content(path, new, kept) }
  return kept
end

-- A secret can only have come from here.
keeps["!env"] = function(_, tag, new)
  if type(new) == "userdata" and not json.is_number(new) and new ~= json.null then return tag end
  local value = variables.value(tag)
  return value ~= nil and json.equal(value, new) and tag
end

keeps["!ref"] = function(_, tag, new)
  return reference.is_reference(new) and reference.parse(tag.value) == new and tag
end

local function name_of(element)
  return yaml_value.kind(element) == "map" and type(element.name) == "string" and element.name or nil
end

-- Which element of a list was there before: the one of the same name; without a name the one at its place,
-- when none has come or gone.
local function earlier(old, new, index)
  local name = name_of(new[index])
  if not name then return #old == #new and not name_of(old[index]) and old[index] or nil end
  for _, element in ipairs(old) do
    if name_of(element) == name then return element end
  end
end

-- The new value with the old one's tags, where these stand for the same.
local function with_tags(doc, old, new, writes)
  if yaml_value.kind(old) == "tag" then
    local keep = keeps[yaml_value.tag(old)]
    return keep and keep(doc, old, new, writes) or new
  end
  local kind = yaml_value.kind(new)
  if kind ~= yaml_value.kind(old) or kind == "scalar" or kind == "tag" then return new end
  local copy = kind == "list" and json.array {} or {}
  for key, part in pairs(new) do
    local before = old[key]
    if kind == "list" then before = earlier(old, new, key) end
    if before ~= nil then part = with_tags(doc, before, part, writes) end
    copy[key] = part
  end
  return copy
end

-- }======

local function read(path)
  if not directory.kind(path) then return nil, "" end
  local problems = {}
  local doc = document.read(path, problems)
  document.raise_problems(problems, { path })
  return doc, files.read_file(path)
end

-- A file that says the same is not touched.
local function write_text(path, text)
  if directory.kind(path) and files.read_file(path) == text then return false end
  local parent = path:match("^(.*)/[^/]*$")
  if parent and parent ~= "" then
    local ok, message = directory.make(parent)
    if not ok then errors.raise("input", "%s", message) end
  end
  files.write_file(path, text)
  return true
end

--- Writes an agent file.
---@param path string with the extension of an agent file
---@param make fun(old: table|nil): table the new value, made from what the file holds now, with tags
---@return boolean changed false: the files hold that already
function write.file(path, make)
  if not document.extension(path) then
    errors.raise("usage", "%s: expected an agent file that ends in .yaml, .yml or .json", path)
  end
  local doc, text = read(path)
  local old = doc and yaml_value.kind(doc.value) == "map" and doc.value or nil
  local value, writes = make(old), {}
  if old then value = with_tags(doc, old, value, writes) end
  value = markers.escape_all(value, markers.allowed(old))
  local is_json = document.extension(path) == "json"
  local new_text = is_json and json_edit.update(text, value) or yaml_edit.update(text, value, { name = path })
  local changed = write_text(path, new_text)
  for _, item in ipairs(writes) do changed = write_text(item.path, item.text) or changed end
  return changed
end

return write
