-- Over random organisations: the plan of `rollback` names everything that a run does (helpers/plan_property.lua). A
-- failure names the seed: ROLLBACK_SEED=N runs that one alone.

local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"

local SEEDS, COMMANDS = 8, 4

local box <close> = organizations.start()

local function published_of(agent)
  local list = {}
  for number, version in pairs(agent.versions) do
    if version.published then list[#list + 1] = number end
  end
  table.sort(list)
  return list
end

-- The agents that have so many published versions, by name.
local function names_of(state, least)
  local names = {}
  for name, agent in pairs(state.agents) do
    if #published_of(agent) >= least then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- What an interrupted run leaves: a draft that is a copy of an earlier version, with its inputs or still without.
local function leave_copy(made, agent, version)
  local versions = box.first.agents.versions
  local draft = versions.create(agent.id, { config = version.config })
  local inputs = version.instruction_builder_inputs
  if inputs and made:chance(50) then
    versions.update(agent.id, draft.version, { instruction_builder_inputs = inputs })
  end
end

-- An earlier version, or when it was published; sometimes one that is no target.
local function random_target(made, agent, state)
  local published = published_of(state)
  local number = published[made.random(1, math.max(1, #published - 1))]
  if made:chance(20) then leave_copy(made, agent, state.versions[number]) end
  if made:chance(20) then return box.first.agents.versions.get(agent.id, number).published_at end
  return tostring(made:chance(90) and number or made.random(1, #state.versions + 1))
end

-- Versions of the agent get numbers, the current one more often.
local function give_numbers(made, agent, state, numbers)
  local published = published_of(state)
  for _ = 1, 2 do
    local number = made:chance(60) and published[#published] or made:pick(published)
    box.first.agents.versions.publish(agent.id, number,
      { phone_numbers = { made:pick(numbers) }, direction = made:pick { "inbound", "outbound", "both" } })
  end
end

local function check_command(made, numbers)
  local state = planned_state.read(box.first)
  local names = names_of(state, 2)
  if #names == 0 then names = names_of(state, 1) end
  if #names == 0 then return end
  local name = made:pick(names)
  local agent, own = random_organization.find(box.first, name), state.agents[name]
  if made:chance(70) then give_numbers(made, agent, own, numbers) end
  if made:chance(30) then box:leave_swap(numbers[1], numbers[2]) end
  local words = { "rollback", name, "--to", random_target(made, agent, own) }
  if made:chance(40) then words[#words + 1] = "--all-slots" end
  plan_property.check(box, words)
end

describe("a plan of rollback", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("ROLLBACK_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, COMMANDS do
        made:disturb(box.first, numbers)
        check_command(made, numbers)
      end
    end)
  end)
end)
