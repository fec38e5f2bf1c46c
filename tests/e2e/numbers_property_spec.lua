-- Over random organisations: what `numbers --check` says of slots is what the command does to them, and nothing else
-- changes. A second run writes nothing; a second swap swaps back. A failure names the seed: NUMBERS_SEED=N runs that
-- one alone.

local organizations = require "helpers.organizations"
local plan_property = require "helpers.plan_property"
local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"

local SEEDS, COMMANDS = 8, 6

local box <close> = organizations.start()

local commands = {}

function commands.assign(made, state, numbers)
  local holders = { "Nobody" }
  for name, agent in pairs(state.agents) do
    holders[#holders + 1] = name
    for number in pairs(agent.versions) do holders[#holders + 1] = ("%s@%d"):format(name, number) end
  end
  table.sort(holders)
  return { "assign", made:pick(numbers), made:pick(holders) }
end

function commands.clear(made, _, numbers)
  return { "clear", made:pick(numbers) }
end

function commands.move(made, _, numbers)
  return { "move", made:pick(numbers), made:pick(numbers) }
end

function commands.swap(made, _, numbers)
  return { "swap", made:pick(numbers), made:pick(numbers) }
end

local function random_command(made, state, numbers)
  local words = commands[made:pick { "assign", "assign", "clear", "move", "swap" }](made, state, numbers)
  if made:chance(80) then
    words[#words + 1] = "--direction=" .. made:pick { "inbound", "outbound", "both" }
  end
  return words
end

-- A second swap swaps back; every other command then writes nothing.
local function check_command(words, is_left)
  local all = table.move(words, 1, #words, 2, { "numbers" })
  local is_swap = words[1] == "swap"
  local _, _, before = plan_property.check(box, all, { again = not is_swap and all })
  if not is_swap or is_left then return end
  box:events(table.unpack(all))
  expect.equal(planned_state.differences(before, planned_state.read(box.first)), {})
end

describe("what numbers plans", function()
  it("is all that it does, and the second run writes nothing, or swaps back", function()
    plan_property.each_seed("NUMBERS_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, COMMANDS do
        local is_left = made:chance(25)
        if is_left then box:leave_swap(numbers[1], numbers[2]) end
        made:disturb(box.first, numbers)
        local words = random_command(made, planned_state.read(box.first), numbers)
        local ok, err = xpcall(check_command, debug.traceback, words, is_left)
        if not ok then error(("%s: %s"):format(table.concat(words, " "), err), 0) end
      end
    end)
  end)
end)
