-- What several agent files must not both say: an agent's name, and a direction of a phone number.

local problems = require "anyreach.agents.file.problems"
local slots = require "anyreach.agents.numbers.slots"

local claims = {}

--- Notes names that are given twice.
---@param agents anyreach.agent[]
---@param list table[] to which problems are added
function claims.check_names(agents, list)
  local places = {}
  for _, agent in ipairs(agents) do
    local name = agent.name
    if type(name) == "string" then
      if places[name] then
        problems.add(list, agent.place, "name: the agent '%s' is already described at %s", name, places[name])
      end
      places[name] = places[name] or agent.place
    end
  end
end

local function check_claim(claim, claimed, list)
  for _, slot in ipairs(slots.of(claim.direction)) do
    local key = tostring(claim.number) .. " " .. slot
    if claimed[key] then
      problems.add(list, claim.place, "phone_numbers: %s is already claimed at %s", key, claimed[key])
    end
    claimed[key] = claimed[key] or claim.place
  end
end

--- Notes directions of numbers that are claimed twice.
---@param agents anyreach.agent[]
---@param list table[] to which problems are added
function claims.check_numbers(agents, list)
  local claimed = {}
  for _, agent in ipairs(agents) do
    for _, claim in ipairs(agent.numbers) do check_claim(claim, claimed, list) end
  end
end

return claims
