-- Finding an agent and its versions, as people name them: by name or id, "NAME@VERSION", the version in
-- use, the draft after it. Only reads.

local answers = require "anyreach.answers"
local errors = require "anyreach.errors"
local operations = require "anyreach.operations"

local agent_lookup = {}

-- {====== agents ======

-- The filter may match parts of names, so the names are compared here.
local function ids_of_name(api, name)
  local ids = {}
  for agent in api.agents.each { name = name } do
    answers.require_field(agent, "name", "agents.list")
    if agent.name == name then ids[#ids + 1] = answers.require_field(agent, "id", "agents.list").id end
  end
  return ids
end

local function by_id(api, id)
  local agent, err = api.try.agents.get(id)
  if not errors.is_error(err) then return agent end
  -- What an id looks like is not documented; a text that is none may be refused in several ways.
  if err.kind == "not_found" or err.kind == "validation" or err.kind == "bad_request" then return nil end
  error(err, 0)
end

local function fail_unknown(api, text)
  local names = {}
  for agent in api.agents.each() do names[#names + 1] = agent.name end
  local near = operations.nearest(text, names)
  errors.raise("input", "no agent has the name or id '%s'; %s", text,
    near and ("did you mean '%s'?"):format(near) or "'anyreach call agents.list --each' shows those there are")
end

--- The agent of exactly that name, or nil. Two of them are an error of kind "conflict".
---@param api anyreach.client
---@param name string
---@return table|nil agent as a single read gives it
function agent_lookup.by_name(api, name)
  local ids = ids_of_name(api, name)
  if #ids > 1 then
    errors.raise("conflict", "%d agents have the name '%s': %s; rename or delete all but one", #ids, name,
      table.concat(ids, ", "))
  end
  return ids[1] and api.agents.get(ids[1])
end

--- The agent that is meant by a name or an id; the name is tried first. None is an error of kind "input".
---@param api anyreach.client
---@param text string
---@return table agent
function agent_lookup.find(api, text)
  return agent_lookup.by_name(api, text) or by_id(api, text) or fail_unknown(api, text)
end

--- The parts of "NAME@VERSION"; the text as a whole without a version.
---@param text string
---@return string name
---@return integer|nil version
function agent_lookup.split(text)
  local name, version = text:match("^(.+)@(%d+)$")
  return name or text, version and math.tointeger(tonumber(version))
end

-- }======

-- {====== versions ======

--- All versions of an agent, newest first.
---@param api anyreach.client
---@param agent_id string
---@return table[]
function agent_lookup.versions(api, agent_id)
  local list = {}
  for version in api.agents.versions.each(agent_id) do
    list[#list + 1] = answers.require_field(version, "version", "agents.versions.list")
  end
  table.sort(list, function(a, b) return a.version > b.version end)
  return list
end

--- The newest published version: the one that is in use.
---@param versions table[] newest first
---@return table|nil
function agent_lookup.published(versions)
  for _, version in ipairs(versions) do
    if version.published == true then return version end
  end
end

--- The newest draft, if it is newer than all that is published.
---@param versions table[] newest first
---@return table|nil
function agent_lookup.draft(versions)
  local first = versions[1]
  return first and first.published ~= true and first or nil
end

--- The version of a number, or nil.
---@param versions table[]
---@param number integer
---@return table|nil
function agent_lookup.numbered(versions, number)
  for _, version in ipairs(versions) do
    if version.version == number then return version end
  end
end

--- The version with its configuration, which a list may leave out.
---@param api anyreach.client
---@param agent_id string
---@param version table|nil
---@return table|nil
function agent_lookup.with_config(api, agent_id, version)
  if not version or type(version.config) == "table" then return version end
  return api.agents.versions.get(agent_id, version.version)
end

--- The versions of an agent that count, with their configurations.
---@param api anyreach.client
---@param agent_id string
---@return table|nil published the newest published one
---@return table|nil draft the newest draft, if it is newer
function agent_lookup.in_use(api, agent_id)
  local versions = agent_lookup.versions(api, agent_id)
  return agent_lookup.with_config(api, agent_id, agent_lookup.published(versions)),
    agent_lookup.with_config(api, agent_id, agent_lookup.draft(versions))
end

-- }======

return agent_lookup
