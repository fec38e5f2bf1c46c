-- Over two random organisations: the plan of `promote` names everything that a run does. The target after a run is the
-- target before with what the events of --check say; the source stays as it is; the run tells the same; and a second
-- run writes nothing. A failure names the seed: PROMOTE_SEED=N runs that one alone.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local planned_state = require "helpers.planned_state"
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

local function promote(words, ...)
  local all = { "promote", "--from=staging", "--to=production", "--all", "--to-environment=target.json" }
  table.move(words, 1, #words, #all + 1, all)
  for _, word in ipairs { ... } do all[#all + 1] = word end
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
      list[#list + 1] = { event.name, steps, event.kept, event.conflicts, event.draft_used or 0,
        event.draft_left_alone or 0, event.error and event.error.message or 0 }
    end
  end
  return list
end

-- The run shows agents that are in conflict first.
local function by_name(list)
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

-- Numbers that two agents of the source claim, by different directions, may meet in the target: then nothing is done.
local function is_refused(events)
  return #events == 1 and events[1].event == "error"
end

local function check_round(made)
  local words = options(made)
  local source, before = planned_state.read(box.first), planned_state.read(box.second)
  local plan, code, text = promote(words, "--check")
  if not (code == 0 or code == 2 or code == 8 or code == 11 or is_refused(plan)) then error(text) end
  expect.equal(planned_state.differences(before, planned_state.read(box.second)), {})

  local expected = planned_state.after(before, plan)
  local done = promote(words)
  expect.equal(by_name(without_outcomes(done)), by_name(without_outcomes(plan)))
  expect.equal(planned_state.differences(expected, planned_state.read(box.second)), {})
  expect.equal(planned_state.differences(source, planned_state.read(box.first)), {})

  box:writes()
  promote(words)
  expect.equal(box:writes(), {})
end

describe("a plan of promote", function()
  it("names everything that the run does, and the second run writes nothing", function()
    random_organization.each_seed("PROMOTE_SEED", SEEDS, function(made)
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
