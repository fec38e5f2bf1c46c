-- Which agent speaks in a new conversation: found from the one reference that the body gives, an agent
-- with or without a version, a version, a configuration for this conversation alone, or for a call the
-- number it is placed from.
-- That a version must be published is documented; the statuses of the refusals, except the 422 for more
-- than one reference, are our choice.

local json = require "anyreach.json"
local config_schema = require "anyreach.sandbox.config_schema"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local refusal = require "anyreach.sandbox.refusal"

local agent_reference = {}

local REFERENCES = { "agent_id", "agent_version_id", "agent_config" }

---@class AgentReference
---@field agent { id: string, name: string }|userdata null with a configuration alone
---@field agent_version_id string|userdata null with a configuration alone
---@field config table

local function get(request, collection, id, what)
  local document = request.store:get(collection, request.organization, id)
  if not document then refusal.raise(404, "%s %s not found.", what, id) end
  return document
end

local function latest_published(request, agent)
  for version in request.store:each("versions", request.organization, agent.id) do
    if version.published then return version end
  end
  refusal.raise(400, "Agent %s has no published version.", agent.id)
end

local function numbered(request, agent, number)
  local alias = tostring(math.tointeger(number) or number)
  local version = request.store:find("versions", request.organization, agent.id, alias)
  if not version then refusal.raise(404, "Agent %s has no version %s.", agent.id, alias) end
  return version
end

-- The reference to a version that has been found.
local function to_version(request, agent, version)
  if not version.published then
    refusal.raise(400, "Version %d of agent %s is not published.", version.version, agent.id)
  end
  return {
    agent = { id = agent.id, name = agent.name },
    agent_version_id = version.id,
    config = get(request, "configs", version.id, "Configuration").config,
  }
end

local function by_version_id(request, id)
  local version = get(request, "versions", id, "Agent version")
  return to_version(request, get(request, "agents", version.agent_id, "Agent"), version)
end

local READERS = {
  agent_id = function(request, id, body)
    local agent = get(request, "agents", id, "Agent")
    local number = body.version or "latest"
    local version = number == "latest" and latest_published(request, agent) or numbered(request, agent, number)
    return to_version(request, agent, version)
  end,
  agent_version_id = by_version_id,
  agent_config = function(_, config)
    config_schema.check(config)
    return { agent = json.null, agent_version_id = json.null, config = config }
  end,
}

-- The version that calls from this number: documented is that the number may stand for an agent; that
-- it is the one in the slot for outbound calls is our choice.
local function by_number(request, number)
  local slot = phone_numbers.require(request, number).outbound_agent_version_id
  if slot == json.null then refusal.raise(400, "Phone number %s has no agent for outbound calls.", number) end
  return by_version_id(request, slot)
end

local function given_references(body)
  local given = {}
  for _, name in ipairs(REFERENCES) do
    if body[name] ~= nil then given[#given + 1] = name end
  end
  return given
end

---Finds the agent of a new conversation.
---@param request table
---@param body table of conversations.create
---@return AgentReference
function agent_reference.resolve(request, body)
  local given = given_references(body)
  if #given > 1 then refusal.raise(422, "body: expected just one of %s", table.concat(given, ", ")) end
  if body.version ~= nil and given[1] ~= "agent_id" then refusal.raise(422, "version: goes with agent_id alone") end
  if given[1] then return READERS[given[1]](request, body[given[1]], body) end
  if body.agent_number and body.channel == "telephone" then return by_number(request, body.agent_number) end
  refusal.raise(422, "body: expected one of %s", table.concat(REFERENCES, ", "))
end

return agent_reference
