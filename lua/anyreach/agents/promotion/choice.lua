-- Which agents are promoted, and which version of each: those that are named, or all that have a published
-- one. Only reads.

local agent_lookup = require "anyreach.agents.lookup"
local tasks = require "anyreach.client.tasks"

local choice = {}

---@class anyreach.promotion_choice
---@field agent table of the source
---@field version table the version to promote, with its configuration
---@field version_ids table<string, true> of all versions of the agent

local function ids_of(versions)
  local ids = {}
  for _, version in ipairs(versions) do
    if version.id then ids[version.id] = true end
  end
  return ids
end

local function choose(api, agent, number)
  local versions = agent_lookup.versions(api, agent.id)
  local version = number and agent_lookup.numbered(versions, number) or not number and agent_lookup.published(versions)
  if not version then
    return nil, number and ("there is no version %d"):format(number) or "no version is published"
  elseif version.published ~= true then
    return nil, ("version %d is a draft; only published versions are promoted, for they do not change"):format(number)
  end
  return { agent = agent, version = agent_lookup.with_config(api, agent.id, version), version_ids = ids_of(versions) }
end

--- The agents that words name, "NAME" or "NAME@VERSION".
---@param api anyreach.client of the source
---@param words string[]
---@param problems {path: string, message: string}[] to which problems are added
---@return anyreach.promotion_choice[] in the order of the words
function choice.named(api, words, problems)
  local chosen, seen = {}, {}
  for _, word in ipairs(words) do
    local name, number = agent_lookup.split(word)
    local agent = agent_lookup.find(api, name)
    local one, problem = choose(api, agent, number)
    if one and seen[agent.id] then one, problem = nil, "the agent is named twice" end
    seen[agent.id] = true
    if not one then problems[#problems + 1] = { path = agent.name, message = problem } end
    chosen[#chosen + 1] = one
  end
  return chosen
end

--- All agents with a published version.
---@param api anyreach.client of the source
---@return anyreach.promotion_choice[] sorted by name
---@return string[] left_out names of agents without one
function choice.all(api)
  local agents, chosen, left_out = agent_lookup.all(api), {}, {}
  table.sort(agents, function(a, b) return a.name < b.name end)
  local found = tasks.map(agents, function(agent) return choose(api, agent) or false end)
  for index, one in ipairs(found) do
    if one then chosen[#chosen + 1] = one else left_out[#left_out + 1] = agents[index].name end
  end
  return chosen, left_out
end

return choice
