-- Over two random organisations: the plan of `promote` names everything that a run does, and the source stays as it is
-- (helpers/plan_property.lua). A failure names the seed: PROMOTE_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local random_organization = require "helpers.random_organization"

local SEEDS = 8

local box <close> = organizations.start()

-- Maps the numbers of the source to those of the target.
local function write_environment(numbers)
  local map = {}
  for index, number in ipairs(numbers.first) do map[number] = numbers.second[index] or numbers.second[1] end
  box:write("target.json", json.encode { references = { number = map } })
end

local function options(made)
  local list = { made:pick { "--ours", "--theirs", "--skip" } }
  if made:chance(20) then list[1] = nil end
  if made:chance(20) then
    list[#list + 1] = "--no-publish"
  elseif made:chance(60) then
    list[#list + 1] = "--numbers"
    if made:chance(70) then list[#list + 1] = "--take-numbers" end
  end
  return list
end

-- Numbers that two agents of the source claim, by different directions, may meet in the target: then nothing is done.
local function check_round(made)
  local words = { "promote", "--from=staging", "--to=production", "--all", "--to-environment=target.json" }
  plan_property.check(box, plan_property.words(words, options(made)), { api = box.second, source = box.first })
end

describe("a plan of promote", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("PROMOTE_SEED", SEEDS, function(made)
      box:reset()
      local numbers = { first = random_organization.phone_numbers(box.first),
        second = random_organization.phone_numbers(box.second) }
      write_environment(numbers)
      for _ = 1, 3 do
        made:disturb(box.first, numbers.first)
        made:disturb(box.second, numbers.second)
        check_round(made)
      end
    end)
  end)
end)
