-- Changes the config file: adds a profile, or makes one the default. What a person wrote there, comments
-- included, stays as it is. The new file is for the user alone and takes the old one's place at once.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local disk = require "anyreach.disk"
local profile_file = require "anyreach.account.profile_file"
local yaml = require "anyreach.yaml"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_text = require "anyreach.yaml.writer"

local profile_edit = {}

local function path_or_fail()
  return profile_file.path()
    or errors.raise("input", "there is no place for a config file: set HOME or XDG_CONFIG_HOME")
end

-- Lets `change` alter what the file says, and writes that. A wrong or open file is refused before.
local function update(change)
  local path = path_or_fail()
  local is_there = profile_file.read().mode ~= nil
  local text = is_there and files.read_file(path) or ""
  local value = yaml.decode(text, { name = path })
  if value == nil or value == json.null then value, is_there = {}, false end
  change(value)
  local new_text = is_there and yaml_edit.update(text, value) or text .. yaml_text.encode(value)
  local ok, message = disk.write(path, new_text, { private = true })
  if not ok then errors.raise("input", "%s", message) end
  profile_file.forget()
  return path
end

--- Adds a profile.
---@param name string
---@param fields table<string, any> its keys
---@param is_default? boolean it becomes the default
---@return string path of the file
function profile_edit.add(name, fields, is_default)
  return update(function(value)
    value.profiles = value.profiles or {}
    value.profiles[name] = fields
    if is_default then value.default = name end
  end)
end

--- Makes a profile the default.
---@param name string of one that is there
---@return string path of the file
function profile_edit.use(name)
  return update(function(value) value.default = name end)
end

return profile_edit
