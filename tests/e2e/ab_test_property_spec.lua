-- Over random organisations: the plans of `ab-test start` and `ab-test conclude` name everything that a run does
-- (helpers/plan_property.lua), and in text each slot that is taken from another agent; without --take-numbers none is.
-- A failure names the seed: AB_TEST_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local process = require "helpers.process"
local random_organization = require "helpers.random_organization"
local slots = require "anyreach.agents.numbers.slots"

local SEEDS, AGENT = 8, "Desk"
local STATE = "trial.state.json"

local box <close> = organizations.start()

-- An experiment of AGENT. Returns the slots that it takes, as a set.
local function write_experiment(made, numbers)
  local first = made.random(1, #numbers - 1)
  local direction, chosen = made:pick { "inbound", "outbound", "both" }, { numbers[first], numbers[#numbers] }
  box:write("new.md", "New words.\n")
  box:write("trial.json", json.encode {
    agent = AGENT, direction = direction, outcome = { metadata = { booked = true } }, lift = 0.1,
    variants = { { name = "old", phone_numbers = { chosen[1] } },
      { name = "new", phone_numbers = { chosen[2] }, prompt = "new.md" } },
  })
  local taken = {}
  for _, number in ipairs(chosen) do
    for _, slot in ipairs(slots.of(direction)) do taken[number .. " " .. slot] = true end
  end
  return taken
end

-- What the text of a plan says of slots that are taken from others: slot -> "NAME@VERSION".
local function told_by_text(text)
  local told = {}
  for slot, name, version in text:gmatch "; (%+%d+ %a+) taken from '(.-)' version (%d+)" do
    told[slot] = name .. "@" .. version
  end
  return told
end

local function held_by_others(state, taken)
  local held = {}
  for key in pairs(taken) do
    local holder = state.slots[key]
    if holder and not holder:find("^" .. AGENT .. "@") then held[key] = holder end
  end
  return held
end

local function check_start(taken)
  local held = held_by_others(planned_state.read(box.first), taken)
  if next(held) then
    box:writes()
    local code, _, err = box:run("ab-test", "start", "trial.json")
    expect.equal({ code, box:writes() }, { 11, {} })
    for key, holder in pairs(held) do
      expect.contains(err, ("%s is held by '%s' version %s"):format(key, holder:match "^(.*)@(%d+)$"))
    end
  end
  local words = { "ab-test", "start", "trial.json", "--take-numbers" }
  local code, text = box:run("ab-test", "start", "trial.json", "--take-numbers", "--check")
  expect.equal({ code, told_by_text(text) }, { 2, held })
  local _, _, before = plan_property.check(box, words, { again = false })
  return before
end

-- A start that was cut off before its end: what others have done to its slots meanwhile is seen.
local function check_interrupted_start(made, numbers, taken)
  local state = json.decode(process.read(box:path(STATE)))
  state.phase = "starting"
  box:write(STATE, json.encode(state))
  made:disturb(box.first, numbers)
  check_start(taken)
end

local ENTITIES = { ["&lt;"] = "<", ["&gt;"] = ">", ["&quot;"] = '"', ["&#39;"] = "'", ["&amp;"] = "&" }

-- The page of the status names each slot with what it held before.
local function check_page(before, taken)
  local code, _, err = box:run("ab-test", "status", "trial.json", "--html", "trial.html")
  expect.equal({ code, err }, { 0, "" })
  local told, count = {}, 0
  local page = process.read(box:path "trial.html"):match '<table class="slots">(.-)</table>'
  for number, slot, holder in page:gmatch '<th scope="row">(%+%d+)</th><td>(%a+)</td><td>(.-)</td>' do
    told[number .. " " .. slot] = holder:gsub("&#?%w+;", ENTITIES)
    count = count + 1
  end
  for key in pairs(taken) do
    expect.equal({ key, told[key] }, { key, before.slots[key] or "nobody" })
    count = count - 1
  end
  expect.equal(count, 0)
end

local function random_end(made)
  if made:chance(40) then return "--restore" end
  return "--winner=" .. made:pick { "old", "new" }
end

-- Slots get back what they held, unless somebody has changed them, or they hold what has won.
local function check_restored(before, after, taken)
  for key, holder in pairs(after.slots) do
    if taken[key] then expect.equal({ key, holder }, { key, before.slots[key] }) end
  end
end

local function check_round(made)
  box:reset()
  local numbers = random_organization.phone_numbers(box.first)
  organizations.agent(box.first, AGENT, { instructions = "Be kind." },
    made:chance(50) and { phone_numbers = { made:pick(numbers) }, direction = "both" } or nil)
  organizations.agent(box.first, "Other", { instructions = "Be brief." },
    { phone_numbers = { numbers[#numbers] }, direction = "both" })
  made:disturb(box.first, numbers)
  local taken = write_experiment(made, numbers)
  local before = check_start(taken)
  check_page(before, taken)
  if made:chance(30) then return check_interrupted_start(made, numbers, taken) end
  local is_quiet = made:chance(50)
  if not is_quiet then made:disturb(box.first, numbers) end
  local words = { "ab-test", "conclude", "trial.json", random_end(made) }
  local _, after = plan_property.check(box, words)
  if is_quiet and words[4] == "--restore" then check_restored(before, after, taken) end
end

describe("a plan of ab-test", function()
  it("names everything that start and conclude do, and takes numbers of others only when allowed", function()
    plan_property.each_seed("AB_TEST_SEED", SEEDS, check_round)
  end)
end)
