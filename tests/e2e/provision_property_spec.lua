-- Over random organisations and agent files: a plan names everything that a run does (helpers/plan_property.lua). A
-- failure names the seed: PROVISION_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local random_organization = require "helpers.random_organization"

local SEEDS = 12

local box <close> = organizations.start()

local made -- of the seed

-- {====== files ======

local function claims(numbers, taken)
  local list = json.array {}
  for _ = 1, made.random(0, 2) do
    local number, direction = made:pick(numbers), made:pick { "inbound", "outbound", "both" }
    local slots = direction == "both" and { "inbound", "outbound" } or { direction }
    local is_free = true
    for _, slot in ipairs(slots) do is_free = is_free and not taken[number .. slot] end
    if is_free then
      for _, slot in ipairs(slots) do taken[number .. slot] = true end
      list[#list + 1] = { number = number, direction = direction }
    end
  end
  return list
end

local function write_files(numbers)
  local taken = {}
  assert(os.execute("rm -f " .. box.directory .. "/work/agents/*.json"))
  for index, name in ipairs(random_organization.NAMES) do
    if index == 1 or made:chance(60) then
      local file = made:own()
      file.name, file.config = name, made:chance(90) and made:config(true) or nil
      if file.config and made:chance(30) then file.instruction_builder_inputs = made:mapping(1) end
      local publishes = file.config and made:chance(75)
      if file.config and not publishes then file.publish = false end
      if publishes then file.phone_numbers = claims(numbers, taken) end
      if publishes and made:chance(20) then file.deploy_as_sip = true end
      if made:chance(10) then file.description = json.null end
      box:write(("agents/%d.json"):format(index), json.encode(file))
    end
  end
end

local function options()
  local list = {}
  if made:chance(30) then list[#list + 1] = "--exact" end
  if made:chance(80) then list[#list + 1] = "--take-numbers" end
  if made:chance(25) then list[#list + 1] = "--update-draft" end
  if made:chance(80) then list[#list + 1] = "--allow-empty-instructions" end
  return list
end

-- }======

local function check_round(numbers)
  write_files(numbers)
  local again = plan_property.words({ "provision", "agents", "--concurrency=2" }, options())
  local words = made:chance(10) and plan_property.words(again, { "--always-publish" }) or again
  plan_property.check(box, words, { again = again })
end

describe("a plan", function()
  it("names everything that the run does, and the second run writes nothing", function()
    plan_property.each_seed("PROVISION_SEED", SEEDS, function(random)
      made = random
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, 3 do
        made:disturb(box.first, numbers)
        check_round(numbers)
      end
    end)
  end)
end)
