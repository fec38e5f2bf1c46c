-- Reading and writing files, and the environment, for scripts: errors name the file.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local missing_path = require "anyreach.text.missing_path"
local secret = require "anyreach.secret"

local files = {}

local MAX_BYTES = 64 * 1024 * 1024

--- The bytes of a file.
---@param path string
---@return string
function files.read_file(path)
  local file, message = io.open(path, "rb")
  if not file then errors.raise("input", "%s", missing_path(path, message)) end
  local text, read_error = file:read(MAX_BYTES + 1)
  file:close()
  if not text and read_error then errors.raise("input", "%s: %s", path, read_error) end
  text = text or ""
  if #text > MAX_BYTES then errors.raise("input", "%s: larger than %d MiB", path, MAX_BYTES >> 20) end
  return text
end

--- The value of a JSON file.
---@param path string
---@return any
function files.read_json(path)
  local text = files.read_file(path)
  local ok, value = pcall(json.decode, text)
  if not ok then errors.raise("input", "%s: %s", path, value) end
  return value
end

--- The value of a YAML file, and the places of its keys: positions[table][key] = {line=, column=}.
---@param path string
---@return any value
---@return table positions
function files.read_yaml(path)
  local yaml = require "anyreach.yaml"
  local text = files.read_file(path)
  local ok, value, positions = pcall(yaml.decode, text, { name = path })
  if not ok then errors.raise("input", "%s", value) end
  return value, positions
end

-- Writes a file that may be there, and may be half written when this fails.
local function write_in_place(path, text)
  local file, message = io.open(path, "wb")
  if not file then return nil, message end
  local ok, problem = file:write(text)
  local closed, problem_of_closing = file:close()
  if not ok or not closed then return nil, ("%s: %s"):format(path, problem or problem_of_closing) end
  return true
end

-- The new file has a name of its own, for two runs may write the same file at once.
local function replace(path, text)
  local temporary = ("%s.%08x.new"):format(path, math.random(0, 0xFFFFFFFF))
  local ok, problem = write_in_place(temporary, text)
  if ok then ok, problem = os.rename(temporary, path) end
  if not ok then os.remove(temporary) end
  return ok, problem
end

--- Writes a file by way of a new one, so that a crash leaves the old one or the new. A link stays one: what it
--- leads to is replaced. What is no regular file, such as /dev/null, is written as it is.
---@param path string
---@param text string
function files.write_file(path, text)
  local ok, problem
  if directory.kind(path) == "other" then
    ok, problem = write_in_place(path, text)
  else
    ok, problem = replace(directory.resolved(path) or path, text)
  end
  if not ok then errors.raise("input", "%s", problem) end
end

--- Writes a value as indented JSON, as write_file does.
---@param path string
---@param value any
function files.write_json(path, value)
  files.write_file(path, json.encode(value, { indent = 2 }) .. "\n")
end

--- An environment variable; unset or empty is an error.
---@param name string
---@param options? {secret?: boolean, default?: string}
---@return string|anyreach.secret
function files.env(name, options)
  local value = os.getenv(name)
  if value == "" then value = nil end
  value = value or options and options.default
  if not value then errors.raise("input", "the environment variable %s is not set", name) end
  return options and options.secret and secret(value) or value
end

return files
