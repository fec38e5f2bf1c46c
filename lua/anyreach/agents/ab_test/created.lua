-- Creating a version without creating it twice: a run that was cut off may have created one without
-- learning of it, and creating has no key by which the server could tell. So what is about to be created is
-- noted first, and looked for when the note is still there.

local agent_lookup = require "anyreach.agents.lookup"
local canonical = require "anyreach.text.canonical"
local checked = require "anyreach.agents.checked"

local created = {}

---@class anyreach.creation
---@field agent_id string
---@field base integer the version that the new one starts from
---@field prompt string|nil instructions of its own; nil: it is a copy
---@field newest integer the newest version there was before
---@field taken table<integer, boolean> versions that were created for something else

local function wanted_config(api, creation)
  local config = agent_lookup.version(api, creation.agent_id, creation.base).config
  if creation.prompt then config.instructions = creation.prompt end
  return config
end

-- The oldest draft that is newer than all there were, with the same configuration.
local function find(api, creation, config)
  local wanted, found = canonical.digest(config), nil
  for _, version in ipairs(agent_lookup.versions(api, creation.agent_id)) do
    if version.version > creation.newest and version.published ~= true and not creation.taken[version.version] then
      local whole = agent_lookup.with_config(api, creation.agent_id, version)
      if canonical.digest(whole.config) == wanted then found = version end
    end
  end
  return found
end

--- Finds the version that an earlier run has created, or nil.
---@param api anyreach.client
---@param creation anyreach.creation
---@return table|nil
function created.find(api, creation)
  return find(api, creation, wanted_config(api, creation))
end

--- Creates the version.
---@param api anyreach.client
---@param creation anyreach.creation
---@return table
function created.make(api, creation)
  local body = { base_version = creation.base }
  if creation.prompt then body = { config = wanted_config(api, creation) } end
  local version = api.agents.versions.create(creation.agent_id, body)
  checked.version_id(checked.object("version", version, "agents.versions.create"))
  return version
end

return created
