-- Writes agent files, new ones or into those that a person wrote: comments, order and tags stay where the
-- content did. A text that a tag !file stands for is written to the file that the tag names.

local document = require "anyreach.agents.file.document"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local json_edit = require "anyreach.yaml.json_edit"
local problems_of = require "anyreach.agents.file.problems"
local references = require "anyreach.agents.references"
local tags = require "anyreach.agents.file.tags"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_value = require "anyreach.yaml.value"

-- {====== tags that stay ======

local keeps = {}

-- Texts that a !file is to hold from now on are added to `writes`.
keeps["!file"] = function(doc, tag, new, writes)
  if type(new) ~= "string" or type(tag.value) ~= "string" then return false end
  local path, text = tags.read_text(doc, tag)
  if text ~= new then writes[#writes + 1] = { path = path, text = new .. "\n" } end
  return true
end

-- A secret can only have come from here.
keeps["!env"] = function(_, tag, new)
  if type(new) == "userdata" and not json.is_number(new) and new ~= json.null then return true end
  local name = type(tag.value) == "table" and tag.value.name or tag.value
  return type(name) == "string" and os.getenv(name) == new
end

keeps["!ref"] = function(_, tag, new)
  return references.is_reference(new) and references.parse(tag.value) == new
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
    if keep and keep(doc, old, new, writes) then return old end
    return new
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
  problems_of.raise(problems, { path })
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

--- Writes a value to an agent file.
---@param path string with the extension of an agent file
---@param make fun(old: table|nil): table the value, made from what the file holds now, with tags
---@return boolean changed false: the files say so already
return function(path, make)
  if not document.extension(path) then
    errors.raise("usage", "%s: expected an agent file that ends in .yaml, .yml or .json", path)
  end
  local doc, text = read(path)
  local old = doc and yaml_value.kind(doc.value) == "map" and doc.value or nil
  local value, writes = make(old), {}
  if old then value = with_tags(doc, old, value, writes) end
  local is_json = document.extension(path) == "json"
  local new_text = is_json and json_edit.update(text, value) or yaml_edit.update(text, value, { name = path })
  local changed = write_text(path, new_text)
  for _, write in ipairs(writes) do changed = write_text(write.path, write.text) or changed end
  return changed
end
