-- The state of an experiment, a JSON file beside the experiment file: NAME.state.json. It is written before
-- each request that changes something, so that a run that was cut off can be completed or taken back, and
-- is worth keeping in the repository: it names the versions that the results are of.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"

local state = {}

local FORMAT = 1
local SUFFIX = ".state.json"
local PHASES = { starting = true, running = true, concluding = true, concluded = true }

---@class anyreach.variant_state
---@field name string
---@field phone_numbers string[]
---@field version integer|nil nil: not created yet, as far as is known
---@field version_id string|nil
---@field is_being_created boolean|nil it was about to be; whether it was is to be seen

---@class anyreach.previous_slot what a slot of the experiment held before it
---@field number string
---@field slot "inbound"|"outbound"
---@field holder anyreach.holder|nil

---@class anyreach.ab_state
---@field phase "starting"|"running"|"concluding"|"concluded"
---@field experiment string
---@field account string
---@field agent {id: string, name: string}
---@field direction string
---@field base {version: integer, version_id: string} the version that was current
---@field newest integer the newest version there was
---@field started_at string
---@field concluded_at string|nil
---@field variants anyreach.variant_state[]
---@field previous anyreach.previous_slot[]
---@field set_up string digest of the experiment
---@field question string digest of what is asked of it
---@field decision {action: "publish"|"restore", winner: string|nil, verdict: string}|nil

--- Where the state of an experiment file is.
---@param file string
---@return string
function state.path(file)
  return (file:gsub("%.%w+$", "")) .. SUFFIX
end

local function is_whole(value)
  if type(value) ~= "table" or value.format ~= FORMAT or not PHASES[value.phase] then return false end
  local has_lists = json.is_array(value.variants) and json.is_array(value.previous)
  return has_lists and type(value.agent) == "table" and type(value.base) == "table" and type(value.account) == "string"
    and type(value.started_at) == "string"
end

local function read_path(path)
  local value = files.read_json(path)
  if is_whole(value) then return value end
  errors.raise("input", "%s: expected the state of an experiment, of format %d", path, FORMAT)
end

--- Reads the state of an experiment file; nil when it was never started. One that cannot be read is an
--- error of kind "input", and never taken for none.
---@param file string of the experiment
---@return anyreach.ab_state|nil
function state.read(file)
  local path = state.path(file)
  if not directory.kind(path) then return nil end
  return read_path(path)
end

--- Writes the state of an experiment file.
---@param file string of the experiment
---@param value anyreach.ab_state
function state.write(file, value)
  value.format = FORMAT
  files.write_json(state.path(file), value)
end

--- The other experiments beside a file that are under way.
---@param file string of the experiment
---@return {path: string, state: anyreach.ab_state}[]
function state.others_under_way(file)
  local folder = file:match "^(.*/)" or "./"
  local own, list = state.path(file):match "([^/]+)$", {}
  local names = directory.names(folder) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    if name:sub(-#SUFFIX) == SUFFIX and name ~= own then
      local value = read_path(folder .. name)
      if value.phase ~= "concluded" then list[#list + 1] = { path = folder .. name, state = value } end
    end
  end
  return list
end

return state
