-- Over random organisations and folders of prompts: the plan of `migrate-prompts` names everything that a run does
-- (helpers/plan_property.lua). A failure names the seed: PROMPTS_SEED=N runs that one alone.

local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"

local SEEDS = 10
local LONG = random_organization.LONG
local PROMPTS = { LONG, LONG .. "Be brief.\n", LONG:gsub("kind", "patient"), LONG:gsub("\n", "\r\n"), "Be kind.\n" }

local box <close> = organizations.start()

local function add_prompt(made, file, name, field)
  local head = ("---\nagent: %s\nfield: %s\n---\n"):format(name, field)
  box:write("prompts/" .. file, head .. made:pick(PROMPTS))
end

-- Prompts for agents that have versions; the lock stays.
local function write_prompts(made, state)
  box:write("prompts/_notes.md", "Nothing.\n")
  assert(os.execute("rm -f " .. box.directory .. "/work/prompts/*.md"))
  for index, name in ipairs(random_organization.NAMES) do
    if state.agents[name] and next(state.agents[name].versions) then
      if made:chance(70) then add_prompt(made, index .. ".md", name, "instructions") end
      if made:chance(20) then add_prompt(made, index .. "-sms.md", name, "channel_overrides.sms.instructions") end
    end
  end
end

local function options(made)
  local list = {}
  if made:chance(60) then list[#list + 1] = "--publish" end
  if made:chance(50) then list[#list + 1] = made:pick { "--update-draft", "--leave-draft" } end
  if made:chance(40) then list[#list + 1] = made:pick { "--ours", "--theirs" } end
  if made:chance(80) then list[#list + 1] = "--force" end
  if made:chance(20) then list[#list + 1] = "--keep-line-ends" end
  return list
end

local function check_round(made)
  write_prompts(made, planned_state.read(box.first))
  plan_property.check(box, plan_property.words({ "migrate-prompts", "prompts" }, options(made)))
end

describe("a plan of migrate-prompts", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("PROMPTS_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, 3 do
        made:disturb(box.first, numbers)
        if made:chance(30) then box:leave_swap(numbers[1], numbers[2]) end
        check_round(made)
      end
    end)
  end)
end)
