-- Versions of an agent: numbered from 1, drafts until published, unchangeable afterwards.
-- A version is stored in two documents: "versions" with all that is small (parent: the agent, alias:
-- the number), and "configs" with its configuration and the inputs of the instruction builder, so
-- that reading an agent does not read every prompt it ever had.

local json = require "anyreach.json"
local compare = require "anyreach.sandbox.compare"
local config_schema = require "anyreach.sandbox.config_schema"
local generation = require "anyreach.sandbox.generation"
local listing = require "anyreach.sandbox.listing"
local refusal = require "anyreach.sandbox.refusal"

local versions = {}

-- {====== what other families ask ======

---The versions of an agent without their configuration, newest first.
---@return table[] a JSON array
function versions.summaries(request, agent_id)
  local list = json.array {}
  for version in request.store:each("versions", request.organization, agent_id) do
    list[#list + 1] = {
      id = version.id,
      version = version.version,
      published = version.published,
      published_at = version.published_at,
      created_at = version.created_at,
      updated_at = version.updated_at,
    }
  end
  return list
end

---@param list table[] versions or their summaries
---@return table<string, boolean> set of ids
function versions.ids(list)
  local ids = {}
  for _, version in ipairs(list) do ids[version.id] = true end
  return ids
end

---@return boolean
function versions.has_published(request, agent_id)
  for version in request.store:each("versions", request.organization, agent_id) do
    if version.published then return true end
  end
  return false
end

---Removes the versions of an agent that is about to go.
function versions.remove_all(request, agent_id)
  for _, id in request.store:each("versions", request.organization, agent_id) do
    request.store:remove("configs", request.organization, id)
    request.store:remove("versions", request.organization, id)
  end
end

-- }======

-- {====== reading and writing one ======

local function require_agent(request)
  local id = request.path.agent_id
  if not request.store:get("agents", request.organization, id) then
    refusal.raise(404, "Agent %s not found.", id)
  end
  return id
end

-- Numbers in bodies may be any JSON number; one that is no version's is simply not found.
local function find(request, agent_id, number)
  local alias = tostring(math.tointeger(number) or number)
  local version = request.store:find("versions", request.organization, agent_id, alias)
  if not version then refusal.raise(404, "Agent %s has no version %s.", agent_id, alias) end
  return version
end

local function newest(request, agent_id)
  return (request.store:each("versions", request.organization, agent_id)())
end

---The version that the path names by number; answers 404 when the agent or the version is not there.
---@return table version without its configuration
function versions.require(request)
  local agent_id, text = require_agent(request), request.path.version
  local number = text:find("^%d+$") and math.tointeger(tonumber(text))
  if not number then refusal.raise(422, "version: expected a number, got %q", text) end
  return find(request, agent_id, number)
end

local function contents(request, version)
  return request.store:get("configs", request.organization, version.id)
end

-- The version as the API shows it: with its configuration, without our own bookkeeping.
local function present(request, version)
  local content = contents(request, version)
  version.config = content.config
  version.instruction_builder_inputs = content.instruction_builder_inputs
  version.instruction_generation = generation.present(version.instruction_generation)
  return version
end

local function create(request, agent_id, content, base_version)
  local store, now = request.store, request.store:now()
  local last = newest(request, agent_id)
  local version = {
    id = store:new_id(),
    agent_id = agent_id,
    version = last and last.version + 1 or 1,
    base_version = base_version or json.null,
    published = false,
    published_at = json.null,
    instruction_generation = json.null,
    created_at = now,
    updated_at = now,
  }
  local organization = request.organization
  store:add("versions", version.id, version,
    { organization = organization, parent = agent_id, alias = tostring(version.version) })
  content.created_at = now
  store:add("configs", version.id, content, { organization = organization })
  return version
end

local function new_content(config)
  return { config = config, instruction_builder_inputs = json.null }
end

-- A draft of this content; the inputs of the instruction builder are copied with the configuration
-- (our choice).
local function copy(request, agent_id, base)
  return create(request, agent_id, contents(request, base), base.version)
end

local function save(request, version)
  version.updated_at = request.store:now()
  request.store:save("versions", version.id, version)
end

---Marks a version as published; one that is already stays as it is. Answers 409 while its
---instructions are being generated (our choice).
function versions.publish(request, version)
  if generation.is_running(version.instruction_generation) then
    refusal.raise(409, "Version %d is generating instructions; publish it when that is done.", version.version)
  end
  if version.published then return end
  version.published = true
  version.published_at = request.store:now()
  save(request, version)
end

local function refuse_published(version, action)
  if version.published then
    refusal.raise(400, "Version %d is published and cannot %s; create a new draft instead.", version.version, action)
  end
end

-- Counts one look at a version whose instructions are being generated; with the last one they are
-- written.
local function advance_generation(request, version)
  local state = version.instruction_generation
  if not generation.is_running(state) then return end
  if generation.advance(state) then
    local content = contents(request, version)
    content.config.instructions = generation.write(content.instruction_builder_inputs)
    request.store:save("configs", version.id, content)
    state.completed_at = request.store:now()
  end
  save(request, version)
end

-- The newest version if it is a draft, else a new draft copied from it, or an empty one for a stub
-- agent. That `latest` makes sure of a draft is documented; what is copied is our choice.
local function latest_draft(request, agent_id)
  local version = newest(request, agent_id)
  if not version then return create(request, agent_id, new_content({})) end
  return version.published and copy(request, agent_id, version) or version
end

-- }======

local rules = {}

rules["agents.versions.list"] = function(request)
  local query, agent_id = request.query, require_agent(request)
  local page = listing.page(request, "versions", agent_id, function(version)
    return (query.version == nil or version.version == query.version)
      and (query.published == nil or version.published == query.published)
  end)
  for _, version in ipairs(page) do present(request, version) end
  return page
end

rules["agents.versions.create"] = function(request)
  local agent_id, body = require_agent(request), request.body
  if body.base_version == nil then
    config_schema.check(body.config)
    return present(request, create(request, agent_id, new_content(body.config)))
  end
  return present(request, copy(request, agent_id, find(request, agent_id, body.base_version)))
end

rules["agents.versions.get"] = function(request)
  local version
  if request.path.version == "latest" then
    version = latest_draft(request, require_agent(request))
  else
    version = versions.require(request)
  end
  advance_generation(request, version)
  return present(request, version)
end

-- An update without any field is refused: our choice.
rules["agents.versions.update"] = function(request)
  local version, body = versions.require(request), request.body
  refuse_published(version, "be changed")
  if next(body) == nil then refusal.raise(422, "body: expected config or instruction_builder_inputs") end
  if body.config ~= nil then config_schema.check(body.config) end
  local content = contents(request, version)
  for field, value in pairs(body) do content[field] = value end
  request.store:save("configs", version.id, content)
  save(request, version)
  return present(request, version)
end

-- The status of a refusal is our choice. Starting what is running already changes nothing.
rules["agents.versions.generate_instructions"] = function(request)
  local version = versions.require(request)
  refuse_published(version, "generate instructions")
  if contents(request, version).instruction_builder_inputs == json.null then
    refusal.raise(400, "Version %d has no instruction_builder_inputs; set them before generating instructions.",
      version.version)
  end
  if not generation.is_running(version.instruction_generation) then
    version.instruction_generation = generation.start(request.store:now())
    save(request, version)
  end
  return present(request, version)
end

-- The real service lets a language model describe the difference; here it is listed.
rules["agents.versions.compare"] = function(request)
  local agent_id, body, sides = require_agent(request), request.body, {}
  for _, field in ipairs { "from_version", "to_version" } do
    local number = math.tointeger(tonumber(body[field]))
    if not number then refusal.raise(422, "%s: expected the number of a version", field) end
    sides[#sides + 1] = contents(request, find(request, agent_id, number))
  end
  return compare.describe(sides[1], sides[2]), { stream = true }
end

versions.rules = rules

return versions
