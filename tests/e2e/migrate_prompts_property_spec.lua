-- Over random organisations and folders of prompts: the plan of `migrate-prompts` names everything that a run does. The
-- state after a run is the state before with what the events of --check say; the run tells the same; and a second run
-- writes nothing. A failure names the seed: PROMPTS_SEED=N runs that one alone.

local organizations = require "helpers.organizations"
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

local function migrate(words, ...)
  local all = { "migrate-prompts", "prompts" }
  table.move(words, 1, #words, #all + 1, all)
  for _, word in ipairs { ... } do all[#all + 1] = word end
  return box:events(table.unpack(all))
end

local function without_outcomes(events)
  local list = {}
  for _, event in ipairs(events) do
    if event.event == "agent" then
      list[#list + 1] = { event.name, event.files, event.changes, event.base_version or 0, event.kept, event.merged,
        event.overwritten, event.draft_used or 0, event.draft_left_alone or 0,
        event.error and event.error.message or 0 }
    elseif event.event == "slot" then
      list[#list + 1] = { event.phone_number, event.slot, event.from, event.to.agent }
    end
  end
  return list
end

local function check_round(made)
  local before = planned_state.read(box.first)
  write_prompts(made, before)
  local words = options(made)
  local plan, code, text = migrate(words, "--check")
  if not (code == 0 or code == 2 or code == 3 or code == 8 or code == 11) then error(text) end
  expect.equal(planned_state.differences(before, planned_state.read(box.first)), {})

  local expected = planned_state.after(before, plan)
  local done = migrate(words)
  expect.equal(without_outcomes(done), without_outcomes(plan))
  expect.equal(planned_state.differences(expected, planned_state.read(box.first)), {})

  box:writes()
  migrate(words)
  expect.equal(box:writes(), {})
end

describe("a plan of migrate-prompts", function()
  it("names everything that the run does, and the second run writes nothing", function()
    random_organization.each_seed("PROMPTS_SEED", SEEDS, function(made)
      box:reset()
      local numbers = random_organization.phone_numbers(box.first)
      for _ = 1, 3 do
        made:disturb(box.first, numbers)
        check_round(made)
      end
    end)
  end)
end)
