-- What the organisation has of a wanted agent now: the agent, the two versions that count, and the
-- numbers that it asks for. Only reads.

local errors = require "anyreach.errors"

local remote = {}

---@class anyreach.remote
---@field agent table|nil nil: there is none of that name
---@field published table|nil the newest published version, with its config
---@field draft table|nil the newest draft that is newer than `published`, with its config
---@field numbers table<string, table> the records of the wanted numbers

--- What an operation answered, if it is an object with that field; else raises an error.
---@generic T
---@param answer T
---@param field string
---@param operation string for the message
---@return T
function remote.require_field(answer, field, operation)
  if type(answer) == "table" and answer[field] ~= nil then return answer end
  errors.raise("answer", "%s: the answer holds no '%s'", operation, field)
end

-- The filter may match parts of names, so the names are compared here.
local function find_agent(api, name)
  local ids = {}
  for agent in api.agents.each { name = name } do
    remote.require_field(agent, "name", "agents.list")
    if agent.name == name then ids[#ids + 1] = remote.require_field(agent, "id", "agents.list").id end
  end
  if #ids > 1 then
    errors.raise("conflict", "%d agents have the name '%s': %s; rename or delete all but one", #ids, name,
      table.concat(ids, ", "))
  end
  return ids[1] and api.agents.get(ids[1])
end

local function is_newer(version, other)
  return not other or version.version > other.version
end

-- A list may leave out what is large.
local function with_config(api, agent_id, version)
  if not version or type(version.config) == "table" then return version end
  return api.agents.versions.get(agent_id, version.version)
end

local function find_versions(api, agent_id)
  local published, draft
  for version in api.agents.versions.each(agent_id) do
    remote.require_field(version, "version", "agents.versions.list")
    if version.published == true then
      if is_newer(version, published) then published = version end
    elseif is_newer(version, draft) then
      draft = version
    end
  end
  if draft and not is_newer(draft, published) then draft = nil end
  return with_config(api, agent_id, published), with_config(api, agent_id, draft)
end

local function get_number(api, number)
  local record, err = api.try.phone_numbers.get(number)
  if not errors.is_error(err) then return remote.require_field(record, "phone_number", "phone_numbers.get") end
  if err.kind ~= "not_found" then error(err, 0) end
  errors.raise("input", "phone number %s is none of the organisation's; 'anyreach call phone_numbers.list --each' "
    .. "shows those", number)
end

--- Reads all that matters for a wanted agent. Two agents of its name, or a number that the
--- organisation does not have, raise an error.
---@param api anyreach.client
---@param wanted anyreach.agent
---@return anyreach.remote
function remote.read(api, wanted)
  local state = { agent = find_agent(api, wanted.name), numbers = {} }
  for _, claim in ipairs(wanted.numbers) do
    state.numbers[claim.number] = state.numbers[claim.number] or get_number(api, claim.number)
  end
  if state.agent and wanted.config then
    state.published, state.draft = find_versions(api, state.agent.id)
  end
  return state
end

return remote
