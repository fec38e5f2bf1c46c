-- Finds an agent and its versions as people name them: by name or id, "NAME@VERSION", the version in use, the draft
-- after it. Only reads.

local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local operations = require "anyreach.operations"

local agent_lookup = {}

-- {====== agents ======

--- All agents, as the list gives them.
---@param api anyreach.client
---@param query? table
---@return table[]
function agent_lookup.all(api, query)
  return checked.list("agent", api.agents.each(query), "agents.list")
end

--- An agent as a single read gives it.
---@param api anyreach.client
---@param id string
---@return table
function agent_lookup.by_id(api, id)
  return checked.object("agent", api.agents.get(id), "agents.get")
end

--- The agent of an id that it is known to have, or nil when it is gone.
---@param api anyreach.client
---@param id string
---@return table|nil
function agent_lookup.by_known_id(api, id)
  local agent, err = api.try.agents.get(id)
  if not errors.is_error(err) then return checked.object("agent", agent, "agents.get") end
  if err.kind ~= "not_found" then error(err, 0) end
end

-- The filter may match parts of names, so the names are compared here.
local function ids_of_name(api, name)
  local ids = {}
  for _, agent in ipairs(agent_lookup.all(api, { name = name })) do
    if agent.name == name then ids[#ids + 1] = agent.id end
  end
  return ids
end

local function by_possible_id(api, id)
  local agent, err = api.try.agents.get(id)
  if not errors.is_error(err) then return checked.object("agent", agent, "agents.get") end
  -- The form of an id is not documented; a text that is not one may be refused in several ways.
  if err.kind == "not_found" or err.kind == "validation" or err.kind == "bad_request" then return nil end
  error(err, 0)
end

local function fail_unknown(api, text)
  local names = {}
  for index, agent in ipairs(agent_lookup.all(api)) do names[index] = agent.name end
  local near = operations.nearest(text, names)
  errors.raise("input", "no agent has the name or id '%s'; %s", text,
    near and ("did you mean '%s'?"):format(near) or "'anyreach call agents.list --each' lists them")
end

--- The agent of exactly that name, or nil. Two of them are an error of kind "conflict".
---@param api anyreach.client
---@param name string
---@param known_id? string of the agent that had the name before: a list may lag behind writes
---@return table|nil agent as a single read gives it
function agent_lookup.by_name(api, name, known_id)
  local ids = ids_of_name(api, name)
  if #ids > 1 then
    errors.raise("conflict", "%d agents have the name '%s': %s; rename or delete all but one", #ids, name,
      table.concat(ids, ", "))
  end
  if ids[1] then return agent_lookup.by_id(api, ids[1]) end
  local known = known_id and by_possible_id(api, known_id)
  return known and known.name == name and known or nil
end

--- The agent of a name or an id; the name is tried first. No such agent is an error of kind "input".
---@param api anyreach.client
---@param text string
---@return table agent
function agent_lookup.find(api, text)
  return agent_lookup.by_name(api, text) or by_possible_id(api, text) or fail_unknown(api, text)
end

--- The parts of "NAME@VERSION"; without a version the whole text is the name.
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
  local list = checked.list("version", api.agents.versions.each(agent_id), "agents.versions.list")
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

--- The newest draft, if it is newer than every published version.
---@param versions table[] newest first
---@return table|nil
function agent_lookup.draft(versions)
  local first = versions[1]
  return first and first.published ~= true and first or nil
end

--- The version with a number, or nil.
---@param versions table[]
---@param number integer
---@return table|nil
function agent_lookup.numbered(versions, number)
  for _, version in ipairs(versions) do
    if version.version == number then return version end
  end
end

--- A version with its configuration.
---@param api anyreach.client
---@param agent_id string
---@param number integer
---@return table
function agent_lookup.version(api, agent_id, number)
  return checked.object("whole_version", api.agents.versions.get(agent_id, number), "agents.versions.get")
end

--- A version with its configuration, which a list may leave out.
---@param api anyreach.client
---@param agent_id string
---@param version table|nil
---@return table|nil
function agent_lookup.with_config(api, agent_id, version)
  if not version or type(version.config) == "table" then return version end
  return agent_lookup.version(api, agent_id, version.version)
end

-- The draft with a number, if it is newer than a published version.
local function draft_numbered(versions, number, published)
  local version = number and agent_lookup.numbered(versions, number)
  local is_draft = version and version.published ~= true and (not published or number > published.version)
  return is_draft and version or nil
end

--- The two versions of an agent that matter, with their configurations.
---@param api anyreach.client
---@param agent_id string
---@param number? integer of a draft that counts before newer ones
---@return table|nil published the newest published one
---@return table|nil draft the newest draft, if it is newer
---@return table|nil other_draft the newest draft, if another one counts; it may lack its configuration
---@return table[] versions all of them, newest first
function agent_lookup.in_use(api, agent_id, number)
  local versions = agent_lookup.versions(api, agent_id)
  local published, newest = agent_lookup.published(versions), agent_lookup.draft(versions)
  local draft = draft_numbered(versions, number, published) or newest
  return agent_lookup.with_config(api, agent_id, published), agent_lookup.with_config(api, agent_id, draft),
    draft ~= newest and newest or nil, versions
end

-- }======

return agent_lookup
