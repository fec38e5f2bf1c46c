-- Over random organisations and agent files: a plan names everything that a run does. The state after a run is the
-- state before with what the events of --check say, and nothing else; the run tells the same; and a second run writes
-- nothing. A failure names the seed: PROVISION_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local planned_state = require "helpers.planned_state"
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

-- {====== runs ======

local function provision(words, ...)
  local all = table.move(words, 1, #words, 2, { "provision" })
  for _, word in ipairs { "agents", "--concurrency=2", ... } do all[#all + 1] = word end
  return box:events(table.unpack(all))
end

local function without_outcomes(events)
  local list = {}
  for _, event in ipairs(events) do
    if event.event == "agent" then
      local steps = {}
      for index, step in ipairs(event.steps) do
        steps[index] = { step.action, step.differences or 0, step.slots or 0, step.base_version or 0 }
      end
      list[#list + 1] = { event.name, steps, event.draft_used or 0, event.draft_left_alone or 0 }
    end
  end
  return list
end

-- A run fails only for what its plan said.
local function failures(events)
  local list = {}
  for _, event in ipairs(events) do
    if event.event == "agent" and event.action == "failed" then list[#list + 1] = event.error.message end
  end
  return list
end

local function check_round(numbers)
  write_files(numbers)
  local words = options()
  if made:chance(10) then words[#words + 1] = "--always-publish" end
  local before = planned_state.read(box.first)
  local plan, code, text = provision(words, "--check")
  box:writes()
  if code ~= 0 and code ~= 2 and #failures(plan) == 0 then error(text) end
  expect.equal(planned_state.differences(before, planned_state.read(box.first)), {})

  local expected = planned_state.after(before, plan)
  local done = provision(words)
  expect.equal(failures(done), failures(plan))
  expect.equal(without_outcomes(done), without_outcomes(plan))
  expect.equal(planned_state.differences(expected, planned_state.read(box.first)), {})

  if words[#words] == "--always-publish" then words[#words] = nil end
  box:writes()
  provision(words)
  expect.equal(box:writes(), {})
end

-- }======

describe("a plan", function()
  it("names everything that the run does, and the second run writes nothing", function()
    random_organization.each_seed("PROVISION_SEED", SEEDS, function(random)
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
