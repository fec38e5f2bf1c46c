-- The state of an experiment, a JSON file beside the experiment file: NAME.state.json. It is written before each
-- request that changes something, so that an interrupted run can be completed or taken back. It belongs in the
-- repository: it names the versions that the results are about.

local account = require "anyreach.account.identity"
local agent_lookup = require "anyreach.agents.lookup"
local canonical = require "anyreach.text.canonical"
local checked = require "anyreach.agents.checked"
local creation = require "anyreach.agents.creation"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local state_file = require "anyreach.agents.state_file"

local experiment_state = {}

local FORMAT = 1
local SUFFIX = ".state.json"
local PHASES = { starting = true, running = true, concluding = true, concluded = true }

---@class anyreach.variant_state
---@field name string
---@field phone_numbers string[]
---@field version integer|nil nil: not known to be created
---@field version_id string|nil
---@field is_being_created boolean|nil its creation was about to be sent, and may have succeeded

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
---@field ended anyreach.previous_slot[]|nil what `conclude` has given to slots
---@field set_up string digest of what `start` does
---@field question string digest of outcome, lift, alpha and the like
---@field decision {action: "publish"|"restore", winner: string|nil, verdict: string}|nil

--- Where the state of an experiment file is.
---@param file string
---@return string
function experiment_state.path(file)
  return (file:gsub("%.%w+$", "")) .. SUFFIX
end

local function is_whole(value)
  if type(value) ~= "table" or value.format ~= FORMAT or not PHASES[value.phase] then return false end
  local has_lists = json.is_array(value.variants) and json.is_array(value.previous)
  return has_lists and type(value.agent) == "table" and type(value.base) == "table" and type(value.account) == "string"
    and type(value.started_at) == "string"
end

local function read_path(path)
  return state_file.read(path, is_whole, ("the state of an experiment, of format %d"):format(FORMAT))
end

--- Reads the state of an experiment file; nil when it was never started. A state that cannot be read is an error of
--- kind "input".
---@param file string of the experiment
---@return anyreach.ab_state|nil
function experiment_state.read(file)
  return read_path(experiment_state.path(file))
end

--- Writes the state of an experiment file.
---@param file string of the experiment
---@param value anyreach.ab_state
function experiment_state.write(file, value)
  value.format = FORMAT
  files.write_json(experiment_state.path(file), value)
end

--- The other experiments beside a file that are under way.
---@param file string of the experiment
---@return {path: string, state: anyreach.ab_state}[]
function experiment_state.others_under_way(file)
  local folder = file:match "^(.*/)" or "./"
  local own, list = experiment_state.path(file):match "([^/]+)$", {}
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

--- Raises an error of kind "conflict" when a state belongs to another organisation than the client. One that names the
--- organisation by a credential, as it was done before, gets the organisation's key.
---@param api anyreach.client
---@param state anyreach.ab_state
function experiment_state.check_account(api, state)
  local here = account.learn(api)
  local is_own = account.names_credential(here, state.account)
  if is_own == false or not here.organization then is_own = agent_lookup.by_known_id(api, state.agent.id) ~= nil end
  if is_own then state.account = here.key end
  if here.key == state.account then return end
  errors.raise("conflict", "the experiment '%s' was started in %s, and this is %s; choose the other with --profile "
    .. "or its credential", state.experiment, state.account, here.key)
end

-- {====== creating versions ======

-- Creating has no key by which the server could recognise a repetition, and an interrupted run may have created a
-- version without learning of it. So what is about to be created is noted first, and looked for when the note is
-- still there.

---@class anyreach.wanted_version
---@field agent_id string
---@field base integer the version that the new one starts from
---@field prompt string|nil instructions of its own; nil: it is a copy
---@field newest integer the newest version before
---@field taken table<integer, boolean> versions that were created for something else

-- What the version is to have.
local function wanted_content(api, wanted)
  local base = agent_lookup.version(api, wanted.agent_id, wanted.base)
  if wanted.prompt then base.config.instructions = wanted.prompt end
  return { config = base.config, inputs = base.instruction_builder_inputs }
end

local function create(api, wanted, config)
  local body = wanted.prompt and { config = config } or { base_version = wanted.base }
  local newest = wanted.newest
  for number in pairs(wanted.taken) do newest = math.max(newest, number) end
  local version = creation.version(api, wanted.agent_id, body, { newest = newest, config = config })
  checked.version_id(version)
  return version
end

--- The version that an interrupted run has created, or nil: the oldest draft with the same configuration that is
--- newer than all earlier versions.
---@param api anyreach.client
---@param wanted anyreach.wanted_version
---@return table|nil
function experiment_state.find_version(api, wanted)
  local digest, found = canonical.digest(wanted_content(api, wanted).config), nil
  for _, version in ipairs(agent_lookup.versions(api, wanted.agent_id)) do
    if version.version > wanted.newest and version.published ~= true and not wanted.taken[version.version] then
      local whole = agent_lookup.with_config(api, wanted.agent_id, version)
      if canonical.digest(whole.config) == digest then found = version end
    end
  end
  return found
end

--- Creates a version, or finds the one that an interrupted run has created. The state is saved before and after.
---@param api anyreach.client
---@param wanted anyreach.wanted_version
---@param noted table part of the state; gets `version` and `version_id`, and until then `is_being_created`
---@param save fun() writes the state
---@return table version
function experiment_state.create_version(api, wanted, noted, save)
  local version = noted.is_being_created and experiment_state.find_version(api, wanted)
  noted.is_being_created = true
  save()
  local content = wanted_content(api, wanted)
  version = version or create(api, wanted, content.config)
  creation.keep_inputs(api, wanted.agent_id, version.version, content.inputs)
  noted.version, noted.version_id, noted.is_being_created = version.version, version.id, nil
  save()
  return version
end

-- }======

return experiment_state
