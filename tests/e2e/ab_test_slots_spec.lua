-- Over random organisations: `ab-test start` names the holder of each slot that it takes, in events, and in text where
-- it is another agent; it takes no other slot; and its versions hold what the one in use holds, prompts aside. A
-- failure names the seed: AB_TEST_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"
local slots = require "anyreach.agents.numbers.slots"

local SEEDS = 6

local box <close> = organizations.start()

-- An experiment of "Desk", which has a published version, on two numbers. Returns the slots that it takes.
local function write_experiment(made, numbers)
  local first = made.random(1, #numbers - 1)
  local direction, chosen = made:pick { "inbound", "outbound", "both" }, { numbers[first], numbers[#numbers] }
  box:write("new.md", "New words.\n")
  box:write("trial.json", json.encode {
    agent = "Desk", direction = direction, outcome = { metadata = { booked = true } }, lift = 0.1,
    variants = { { name = "old", phone_numbers = { chosen[1] } },
      { name = "new", phone_numbers = { chosen[2] }, prompt = "new.md" } },
  })
  local taken = {}
  for _, number in ipairs(chosen) do
    for _, slot in ipairs(slots.of(direction)) do taken[number .. " " .. slot] = true end
  end
  return taken
end

-- What the holders of slots are, as events say it: slot -> "NAME@VERSION", or "nobody".
local function told_by_events(events)
  local told = {}
  for _, event in ipairs(events) do
    for _, slot in ipairs(event.event == "step" and event.slots or {}) do
      local key, before = slot.phone_number .. " " .. slot.slot, slot.before
      expect.equal({ key, event.action, told[key] }, { key, "publish" })
      told[key] = before == json.null and "nobody" or ("%s@%d"):format(before.agent, before.agent_version)
    end
  end
  return told
end

local function told_by_text(text)
  local told = {}
  for slot, name, version in text:gmatch "; (%+%d+ %a+) taken from '(.-)' version (%d+)" do
    told[slot] = name .. "@" .. version
  end
  return told
end

local function held(state, taken)
  local all, of_others = {}, {}
  for key in pairs(taken) do
    all[key] = state.slots[key] or "nobody"
    if all[key] ~= "nobody" and not all[key]:find "^Desk@" then of_others[key] = all[key] end
  end
  return all, of_others
end

-- The versions of the experiment are the newest published one with other instructions.
local function check_versions(before, after)
  local base, old = nil, before.agents.Desk.versions
  for number, version in pairs(old) do
    if version.published and number > (base or 0) then base = number end
  end
  local prompts = {}
  for number, version in pairs(after.agents.Desk.versions) do
    if not old[number] then
      prompts[#prompts + 1] = version.config.instructions or "none"
      version.config.instructions = old[base].config.instructions
      expect.equal({ version.config, version.instruction_builder_inputs or 0 },
        { old[base].config, old[base].instruction_builder_inputs or 0 })
    end
  end
  expect.equal(#prompts, 2)
end

local function check_start(made, numbers)
  local before, taken = planned_state.read(box.first), write_experiment(made, numbers)
  local all, of_others = held(before, taken)
  local plan, plan_code = box:events("ab-test", "start", "trial.json", "--check")
  local text_code, text = box:run("ab-test", "start", "trial.json", "--check")
  expect.equal({ plan_code, told_by_events(plan), text_code, told_by_text(text) }, { 2, all, 2, of_others })

  local is_text = made:chance(50)
  if is_text then
    local code, out = box:run("ab-test", "start", "trial.json")
    expect.equal({ code, told_by_text(out) }, { 0, of_others })
  else
    local done, code = box:events("ab-test", "start", "trial.json")
    expect.equal({ code, told_by_events(done) }, { 0, all })
  end
  local after = planned_state.read(box.first)
  check_versions(before, after)
  for _, number in ipairs(numbers) do
    for _, slot in ipairs(slots.names) do
      local key = number .. " " .. slot
      expect.equal({ key, after.slots[key] ~= before.slots[key] }, { key, taken[key] == true })
    end
  end
end

describe("ab-test start", function()
  it("names who holds each slot that it takes, and takes no other", function()
    plan_property.each_seed("AB_TEST_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      organizations.agent(box.first, "Desk", { instructions = "Be kind." },
        made:chance(50) and { phone_numbers = { made:pick(numbers) }, direction = "both" } or nil)
      organizations.agent(box.first, "Other", { instructions = "Be brief." },
        { phone_numbers = { numbers[#numbers] }, direction = "both" })
      made:disturb(box.first, numbers)
      check_start(made, numbers)
    end)
  end)
end)
