-- Agents as one organisation has them: with ids in the places of references. Everything that cannot be
-- resolved is told at once, by file, line and column, before anything is written. A reference to an agent
-- that the same run creates stays one until that agent is there.

local claims = require "anyreach.agents.file.claims"
local problems = require "anyreach.agents.file.problems"
local references = require "anyreach.agents.references"

local resolution = {}

-- What the environments of the agents say of ids; all agents of a run share one, as a rule.
local function ids_of(agents)
  local ids = {}
  for _, agent in ipairs(agents) do
    for kind, names in pairs(agent.ids or {}) do
      ids[kind] = ids[kind] or {}
      for name, id in pairs(names) do ids[kind][name] = id end
    end
  end
  return ids
end

-- All references of an agent with their places; those that a script has put in stand where the name does.
local function references_of(agent)
  local places, list = {}, {}
  for _, found in ipairs(agent.references) do places[found.path] = found.place end
  for path, value in pairs { [""] = agent.own, config = agent.config, instruction_builder_inputs = agent.inputs } do
    for _, found in ipairs(references.list(value, path)) do
      list[#list + 1] = { reference = found.reference, path = found.path, place = places[found.path] or agent.place }
    end
  end
  for index, claim in ipairs(agent.numbers) do
    if references.is_reference(claim.number) then
      list[#list + 1] = { reference = claim.number, path = ("phone_numbers[%d]"):format(index), place = claim.place }
    end
  end
  return list
end

-- Tells the resolver which agents there will be.
local function expect_agents(agents, found, resolver)
  local described = {}
  for _, agent in ipairs(agents) do described[agent.name] = true end
  for _, entry in ipairs(found) do
    local kind, name = entry.reference.kind, entry.reference.name
    if kind == "agent" and described[name] and resolver:lacks(kind, name) then resolver:expect(kind, name) end
  end
end

local function check_references(found, resolver, list)
  for _, entry in ipairs(found) do
    if not resolver:is_expected(entry.reference) then
      local id, problem = resolver:id(entry.reference.kind, entry.reference.name)
      if not id then problems.add(list, entry.place, "%s: %s", entry.path, problem) end
    end
  end
end

local function resolve_agent(agent, resolver)
  local copy = { is_resolved = true }
  for key, value in pairs(agent) do copy[key] = value end
  for _, key in ipairs { "own", "config", "inputs", "numbers" } do
    copy[key] = references.substitute(agent[key], resolver)
  end
  return copy
end

--- Resolves the references of agents. Problems raise one error of kind "input".
---@param api anyreach.client
---@param agents anyreach.agent[]
---@return anyreach.agent[] copies, in the same order
---@return anyreach.resolver resolver which expects the agents that are to be created
function resolution.resolve(api, agents)
  local resolver = references.resolver(api, ids_of(agents))
  local list, files, copies, found = {}, {}, {}, {}
  for index, agent in ipairs(agents) do
    files[index] = agent.file
    local own = references_of(agent)
    table.move(own, 1, #own, #found + 1, found)
  end
  expect_agents(agents, found, resolver)
  check_references(found, resolver, list)
  problems.raise(list, files)
  for index, agent in ipairs(agents) do copies[index] = resolve_agent(agent, resolver) end
  claims.check_numbers(copies, list)
  problems.raise(list, files)
  return copies, resolver
end

return resolution
