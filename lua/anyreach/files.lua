-- Reading and writing files, and the environment, for scripts: errors name the file.

local directory = require "anyreach.directory"
local disk = require "anyreach.disk"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local missing_path = require("anyreach.text.messages").missing_path
local secret = require "anyreach.secret"

local files = {}

local MAX_BYTES = 64 * 1024 * 1024

-- Pipes and devices are refused before they are opened: reading them may wait for ever, or change something.
local function check_kind(path)
  local kind, what = directory.kind(path)
  if not kind then errors.raise("input", "%s", missing_path(path, what)) end
  if kind ~= "file" then errors.raise("input", "%s: expected a file, this is %s", path, what) end
end

--- The bytes of a file. Pipes and devices are no files.
---@param path string
---@return string
function files.read_file(path)
  check_kind(path)
  local file, message = io.open(path, "rb")
  if not file then errors.raise("input", "%s", missing_path(path, message)) end
  local text, read_error = file:read(MAX_BYTES + 1)
  file:close()
  if not text and read_error then errors.raise("input", "%s: %s", path, read_error) end
  text = text or ""
  if #text > MAX_BYTES then errors.raise("input", "%s: larger than %d MiB", path, MAX_BYTES >> 20) end
  return text
end

--- A text as all systems write it: without a byte order mark, and with "\n" at the end of each line.
---@param text string
---@return string
function files.normalize_text(text)
  return (text:gsub("^\u{FEFF}", ""):gsub("\r\n?", "\n"))
end

--- The value of a JSON file.
---@param path string
---@param options? {invalid_bytes?: "keep"} as for json.decode
---@return any
function files.read_json(path, options)
  local text = files.read_file(path)
  local ok, value = pcall(json.decode, text, options)
  if not ok then errors.raise("input", "%s: %s", path, value) end
  return value
end

--- The value of a YAML text, as yaml.decode gives it. A mistake raises an error of kind "input" that says where it is,
--- what was meant, and shows the line.
---@param text string
---@param options {name: string, plain?: boolean} as for yaml.decode
---@return any value
---@return table positions
---@return table|nil plain
function files.decode_yaml(text, options)
  local yaml = require "anyreach.yaml"
  local ok, value, positions, plain = pcall(yaml.decode, text, options)
  if ok then return value, positions, plain end
  local mistake = require("anyreach.text.yaml_mistakes").explain(text, options.name, value)
  local place = mistake.line and ("%s:%d:%d"):format(options.name, mistake.line, mistake.column) or ""
  error(errors.make { kind = "input", problems = {
    { path = place, message = mistake.message, excerpt = mistake.excerpt },
  } }, 0)
end

--- The value of a YAML file, and the places of its keys: positions[table][key] = {line=, column=}.
---@param path string
---@return any value
---@return table positions
function files.read_yaml(path)
  local value, positions = files.decode_yaml(files.read_file(path), { name = path })
  return value, positions
end

--- Replaces a file whole, or makes it: a crash or a full disk leaves the old content or the new one. The file
--- keeps its mode and owner; of a link, what it leads to is replaced. What is not a regular file, such as
--- /dev/null, is written as it is; a pipe that nobody reads is an error. A failure raises an error of kind "input".
---@param path string
---@param text string
function files.write_file(path, text)
  local write = directory.kind(path) == "other" and disk.write_through or disk.write
  local ok, problem = write(path, text)
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
