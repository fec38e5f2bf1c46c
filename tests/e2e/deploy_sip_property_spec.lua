-- Over random organisations: the plan of `deploy-sip` names everything that a run does (helpers/plan_property.lua). A
-- failure names the seed: DEPLOY_SEED=N runs that one alone.

local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"

local SEEDS = 5

local box <close> = organizations.start()

describe("a plan of deploy-sip", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("DEPLOY_SEED", SEEDS, function(made)
      box:reset()
      made:disturb(box.first, random_organization.phone_numbers(box.first))
      for name, agent in pairs(planned_state.read(box.first).agents) do
        local plan, expected = plan_property.check(box, { "deploy-sip", name })
        expect.equal({ name, expected.agents[name].is_deployed }, { name, next(agent.versions) ~= nil
          and plan[1].event == "agent" })
      end
    end)
  end)
end)
