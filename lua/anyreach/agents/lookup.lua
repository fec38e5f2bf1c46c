-- Finds an agent and its versions as people name them: by name or id, "NAME@VERSION", the version in use, the draft
-- after it. Only reads.

local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
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

--- The agents of exactly that name, as the list gives them. The filter may match parts of names, so the names are
--- compared here.
---@param api anyreach.client
---@param name string
---@return table[]
function agent_lookup.named(api, name)
  local list = {}
  for _, agent in ipairs(agent_lookup.all(api, { name = name })) do
    if agent.name == name then list[#list + 1] = agent end
  end
  return list
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

local ROWS_AN_AGENT = 50 -- of the list of all agents that are read for each one that is wanted

---@class anyreach.agent_directory
---@field private ids table<string, string[]>|nil name -> ids; nil: there are too many agents to list them

--- Reads the names of all agents at once, when many are wanted. An organisation with very many more is not listed to
--- the end; then each name is asked for.
---@param api anyreach.client
---@param wanted integer how many
---@return anyreach.agent_directory
function agent_lookup.directory(api, wanted)
  local ids, count, next_row, limit = {}, 0, api.agents.each(), wanted * ROWS_AN_AGENT
  local rows = checked.list("agent", function()
    count = count + 1
    if count <= limit then return next_row() end
  end, "agents.list")
  if count > limit then return {} end
  for _, row in ipairs(rows) do
    ids[row.name] = ids[row.name] or {}
    table.insert(ids[row.name], row.id)
  end
  return { ids = ids }
end

local function fail_ambiguous(rows, name)
  local ids = {}
  for index, row in ipairs(rows) do ids[index] = row.id end
  errors.raise("conflict", "%d agents have the name '%s': %s; rename or delete all but one", #ids, name,
    table.concat(ids, ", "))
end

-- The agent that a directory has under a name, or that is known by its id and which the directory does not have. Nil
-- when it has several, or when that is no longer so.
local function by_directory(api, name, known_id, directory)
  if not directory or not directory.ids then return nil end
  local ids = directory.ids[name] or { known_id }
  local agent = #ids == 1 and by_possible_id(api, ids[1])
  return agent and agent.name == name and agent or nil
end

--- The agent of exactly that name, or nil. Two of them are an error of kind "conflict".
---@param api anyreach.client
---@param name string
---@param known_id? string of the agent that had the name before: a list may lag behind writes
---@param directory? anyreach.agent_directory which saves asking for the name; what it does not have is asked for
---@return table|nil agent as a single read gives it
function agent_lookup.by_name(api, name, known_id, directory)
  local found = by_directory(api, name, known_id, directory)
  if found then return found end
  local rows = agent_lookup.named(api, name)
  if #rows > 1 then fail_ambiguous(rows, name) end
  if rows[1] then return agent_lookup.by_id(api, rows[1].id) end
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

local function newest_first(list)
  table.sort(list, function(a, b) return a.version > b.version end)
  return list
end

--- All versions of an agent, newest first.
---@param api anyreach.client
---@param agent_id string
---@return table[]
function agent_lookup.versions(api, agent_id)
  return newest_first(checked.list("version", api.agents.versions.each(agent_id), "agents.versions.list"))
end

-- The versions that a single read of an agent embeds, newest first. The documentation does not tell their keys, nor
-- whether they are all: nil unless they have numbers and say whether they are published.
local function embedded_versions(agent)
  if not json.is_array(agent.versions) or #agent.versions == 0 then return nil end
  local list, seen = {}, {}
  for index, version in ipairs(agent.versions) do
    local is_usable = type(version) == "table" and math.type(version.version) == "integer"
      and type(version.published) == "boolean" and not seen[version.version]
    if not is_usable then return nil end
    list[index], seen[version.version] = version, true
  end
  return newest_first(list)
end

--- The versions of an agent, newest first: those that its single read embeds if they are enough, else the list.
---@param api anyreach.client
---@param agent table as a single read gives it
---@param all? boolean also those older than the newest published one matter
---@return table[]
function agent_lookup.versions_of(api, agent, all)
  local list = embedded_versions(agent)
  if list and (list[#list].version == 1 or not all and agent_lookup.published(list)) then return list end
  return agent_lookup.versions(api, agent.id)
end

--- The newest published version: the one that is in use.
---@param versions table[] newest first
---@return table|nil
function agent_lookup.published(versions)
  for _, version in ipairs(versions) do
    if version.published == true then return version end
  end
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

--- The newest draft, if it is newer than every published version.
---@param versions table[] newest first
---@param number? integer of a draft that counts before newer ones
---@return table|nil
function agent_lookup.draft(versions, number)
  local chosen, published = number and agent_lookup.numbered(versions, number), agent_lookup.published(versions)
  local counts = chosen and chosen.published ~= true and (not published or number > published.version)
  if counts then return chosen end
  local first = versions[1]
  return first and first.published ~= true and first or nil
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

--- The two versions of an agent that matter, with their configurations.
---@param api anyreach.client
---@param agent table as a single read or a list gives it
---@param number? integer of a draft that counts before newer ones
---@return table|nil published the newest published one
---@return table|nil draft the newest draft, if it is newer
---@return table|nil other_draft the newest draft, if another one counts; it may lack its configuration
---@return table[] versions that were read, newest first; those older than the published one may be missing
function agent_lookup.in_use(api, agent, number)
  local versions = agent_lookup.versions_of(api, agent)
  local published, newest = agent_lookup.published(versions), agent_lookup.draft(versions)
  local draft = agent_lookup.draft(versions, number)
  return agent_lookup.with_config(api, agent.id, published), agent_lookup.with_config(api, agent.id, draft),
    draft ~= newest and newest or nil, versions
end

-- }======

return agent_lookup
