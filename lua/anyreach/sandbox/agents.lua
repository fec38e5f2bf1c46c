-- Agents: the record itself, without any configuration; that belongs to its versions.
-- Stored in the collection "agents". The record carries its id under `id` and `agent_id`: the
-- documentation uses the second name for the answer of a creation and the first one elsewhere.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local conversations = require "anyreach.sandbox.conversations"
local listing = require "anyreach.sandbox.listing"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local versions = require "anyreach.sandbox.versions"
local web_widgets = require "anyreach.sandbox.web_widgets"

local agents = {}

-- Documented fields of a creation and an update, with their defaults (those of description and
-- metadata are our choice).
local DEFAULTS = {
  description = json.null,
  active = true,
  is_demo = false,
  metadata = {},
}

---The agent that the path names; answers 404 when the organisation has none of that id.
---@param request table
---@return table
function agents.require(request)
  local id = request.path.agent_id
  local agent = request.store:get("agents", request.organization, id)
  if not agent then checks.refuse(404, "Agent %s not found.", id) end
  return agent
end

-- What the list filters ask for. That `name` matches a part of the name, in upper or lower case, is
-- our choice, because neither is documented: a client must not take it for an exact match.
local function filter(query)
  return function(agent)
    return (query.name == nil or listing.contains_text(agent.name, query.name))
      and (query.active == nil or agent.active == query.active)
      and (query.is_demo == nil or agent.is_demo == query.is_demo)
      and (query.metadata == nil or listing.contains_value(agent.metadata, query.metadata))
  end
end

-- The agent with all that the single read embeds; the keys beside `sip_endpoint` are our choice.
local function with_related(request, agent)
  agent.versions = versions.summaries(request, agent.id)
  agent.phone_numbers = phone_numbers.held_by(request, versions.ids(agent.versions))
  agent.web_widgets = web_widgets.of_agent(request, agent.id)
  agent.sip_endpoint = agent.sip_endpoint or json.null
  agent.conversation_statistics = conversations.statistics(request, agent.id)
  return agent
end

local rules = {}

rules["agents.list"] = function(request)
  local query = request.query
  return listing.page(request, "agents", nil, filter(query),
    { holding = { name = query.name }, having = { metadata = query.metadata } })
end

rules["agents.create"] = function(request)
  local store, body, now = request.store, request.body, request.now()
  local id = request.new_id()
  local agent = {
    id = id,
    agent_id = id,
    organization_id = request.organization,
    name = body.name,
    created_at = now,
    updated_at = now,
  }
  for field, default in pairs(DEFAULTS) do
    if body[field] == nil then agent[field] = default else agent[field] = body[field] end
  end
  store:add("agents", id, agent, { organization = request.organization })
  return agent
end

rules["agents.get"] = function(request)
  return with_related(request, agents.require(request))
end

-- Fields that are not sent keep their value: our choice, partial or full is not documented.
rules["agents.update"] = function(request)
  local agent = agents.require(request)
  for field, value in pairs(request.body) do agent[field] = value end
  agent.updated_at = request.now()
  request.store:save("agents", agent.id, agent)
  return agent
end

-- The slots of its numbers become empty, its widgets go with it, its conversations stay: our choice,
-- not documented.
rules["agents.delete"] = function(request)
  local agent = agents.require(request)
  phone_numbers.release(request, versions.ids(versions.summaries(request, agent.id)))
  web_widgets.remove_all(request, agent.id)
  versions.remove_all(request, agent.id)
  request.store:remove("agents", request.organization, agent.id)
end

-- The URI's form is documented; the host, the other keys and the answer itself are our choice.
-- Deploying again changes nothing.
rules["agents.deploy_as_sip"] = function(request)
  local agent = agents.require(request)
  if not versions.newest_published(request, agent.id) then
    checks.refuse(400, "Agent %s has no published version; publish one before deploying it as SIP.", agent.id)
  end
  if not agent.sip_endpoint then
    agent.updated_at = request.now()
    agent.sip_endpoint = {
      uri = ("sip:%s@sip.sandbox.invalid"):format(agent.id),
      created_at = agent.updated_at,
    }
    request.store:save("agents", agent.id, agent)
  end
  return with_related(request, agent)
end

agents.rules = rules

return agents
