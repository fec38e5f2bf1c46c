-- Finds the agents whose versions slots of phone numbers hold. A slot names a version by its id alone, and no operation
-- finds a version by its id; so the versions of one agent after another are read until every version that is looked
-- for has been found. What was read before for another purpose is noted, and not read again. Only reads.

local agent_lookup = require "anyreach.agents.lookup"
local tasks = require "anyreach.client.tasks"

local holder_search = {}

---@class anyreach.holder what a slot holds
---@field version_id string
---@field agent_id string|nil nil: no agent of the organisation has this version
---@field agent string|nil its name
---@field version integer|nil
---@field newest integer|nil number of the agent's newest published version

---@class anyreach.holder_search
---@field private api anyreach.client
---@field private known table<string, anyreach.holder> by version id
---@field private read table<string, true> ids of the agents whose versions are known
local Search = {}
Search.__index = Search

--- A search in an organisation.
---@param api anyreach.client
---@return anyreach.holder_search
function holder_search.new(api)
  return setmetatable({ api = api, known = {}, read = {} }, Search)
end

--- Notes versions of an agent. Without the first one they may not be all.
---@param agent table
---@param versions table[] newest first
function Search:note(agent, versions)
  local published = agent_lookup.published(versions)
  self.read[agent.id] = #versions == 0 or versions[#versions].version == 1
  for _, version in ipairs(versions) do
    if version.id then
      self.known[version.id] = {
        version_id = version.id, agent_id = agent.id, agent = agent.name, version = version.version,
        newest = published and published.version,
      }
    end
  end
end

local function knows_all(self, ids)
  for id in pairs(ids) do
    if not self.known[id] then return false end
  end
  return true
end

--- Finds the holders of versions, several agents at a time.
---@param ids table<string, any> set of version ids
---@return table<string, anyreach.holder> by version id; one that no agent has is without an agent
function Search:find(ids)
  if not knows_all(self, ids) then
    tasks.map(agent_lookup.all(self.api), function(agent)
      if self.read[agent.id] or knows_all(self, ids) then return end
      self:note(agent, agent_lookup.versions(self.api, agent.id))
    end)
  end
  local found = {}
  for id in pairs(ids) do found[id] = self.known[id] or { version_id = id } end
  return found
end

return holder_search
