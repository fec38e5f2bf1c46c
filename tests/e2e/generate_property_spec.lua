-- Over random organisations: the plan of `generate-instructions` names everything that a run does
-- (helpers/plan_property.lua), and which draft it uses or leaves alone. A failure names the seed: GENERATE_SEED=N runs
-- that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"

local SEEDS, COMMANDS = 6, 3

local box <close> = organizations.start()

local function random_words(made, state)
  local names = {}
  for name in pairs(state.agents) do names[#names + 1] = name end
  table.sort(names)
  local words = { "generate-instructions", made:pick(names) }
  if made:chance(60) then
    local inputs = made:mapping(1)
    inputs.purpose = made:pick { "Book.", "Sell." }
    box:write("inputs.json", json.encode(inputs))
    words[#words + 1] = "--inputs=inputs.json"
  end
  if made:chance(30) then words[#words + 1] = "--again" end
  if made:chance(30) then words[#words + 1] = "--update-draft" end
  return words
end

-- The second run writes nothing, unless it is to generate again.
local function check_command(made)
  local state = planned_state.read(box.first)
  if not next(state.agents) then return end
  local words = random_words(made, state)
  local again = {}
  for _, word in ipairs(words) do
    if word ~= "--again" then again[#again + 1] = word end
  end
  for _, event in ipairs((plan_property.check(box, words, { again = again }))) do
    if event.action == "generate" then expect.equal({ event.draft_used }, { event.agent_version }) end
  end
end

describe("a plan of generate-instructions", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("GENERATE_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, COMMANDS do
        made:disturb(box.first, numbers)
        check_command(made)
      end
    end)
  end)
end)
