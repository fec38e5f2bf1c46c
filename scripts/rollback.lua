-- rollback: takes an agent back to an earlier version (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local diff_text = require "anyreach.text.diff_text"
local host = require "anyreach.host"
local interrupted = require "anyreach.agents.numbers.interrupted"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local rollback = require "anyreach.agents.rollback"
local slot_report = require "anyreach.agents.numbers.slot_report"
local steps = require "anyreach.agents.steps"

local spec = {
  usage = "anyreach run rollback AGENT --to VERSION|TIME [--all-slots] [--check]",
  summary = "Takes an agent back to an earlier version, on the numbers that the current one holds.",
  options = {
    { name = "to", value = "VERSION|TIME", help = "the number of a version, or when it was in use (ISO 8601, UTC "
      .. "without an offset)" },
    { name = "all-slots", help = "also the phone numbers that hold other versions of the agent" },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.versions.create", "agents.versions.update", "agents.versions.publish" },
  operands = { name = "the name or id of an agent", min = 1, max = 1 },
  notes = [[
Shows what changes, copies the earlier version to a new one, and publishes the copy to the phone numbers
that the current version holds, in both directions. The current version is the newest published one.
Numbers that hold other versions of the agent are listed and, without --all-slots, left alone. Drafts stay
as they are. If the current version already equals the earlier one, nothing is written.

Examples:
  anyreach run rollback "Riverside Dental Scheduler" --to 3 --check
  anyreach run rollback "Riverside Dental Scheduler" --to 2026-03-01T09:00:00Z]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something would be done (--check)",
    [3] = "no such agent or version, or none was in use at that time",
    [8] = "some requests succeeded and one failed; the error lists them",
    [11] = "two agents have the name, a slot does not hold what was written, or another run is at work",
  },
}

local function show_differences(plan)
  report.line("%s: version %d (current) back to version %d", plan.agent.name, plan.current.version, plan.target.version)
  report.lines(diff_text.lines(plan.differences, { color = color.enabled("stdout") }))
end

local function name_left_alone(plan)
  if plan.draft then
    report.note("draft %d, which equals version %d, is used", plan.draft.version, plan.target.version)
  end
  if plan.draft_left_alone then report.note("draft %d is left alone", plan.draft_left_alone) end
  for _, slot in ipairs(plan.left_alone) do
    report.note("%s %s holds version %d and is left alone; --all-slots moves it", slot.number, slot.slot,
      slot.from.version)
  end
end

local function print_event(plan, action)
  report.event("agent", {
    name = plan.agent.name, agent_id = plan.agent.id, action = action, from_version = plan.current.version,
    to_version = plan.target.version, agent_version = plan.holder.version,
    changes = diff_text.events(plan.differences), draft_used = plan.draft and plan.draft.version,
    draft_left_alone = plan.draft_left_alone,
  })
end

local function show_end(plan, action)
  if report.is_json() then print_event(plan, action) end
  if action == "rolled_back" then
    report.line("version %d is published and equals version %d", plan.holder.version, plan.target.version)
  elseif action == "unchanged" then
    report.line("nothing to do: version %d, the current one, equals version %d", plan.current.version,
      plan.target.version)
  end
end

local function carry_out(api, plan, what)
  local creates = not plan.holder.version
  rollback.create_version(api, plan)
  local ok, err = pcall(interrupted.run, api, what, rollback.steps(plan))
  if not ok then
    if creates then err = steps.failure_after(("version %d created, a draft"):format(plan.holder.version), err) end
    error(err, 0)
  end
end

local function main(given)
  if not given.to then arguments.fail(spec, "expected --to VERSION or --to TIME") end
  if not rollback.is_target(given.to) then
    arguments.fail(spec, "--to: expected the number of a version, or a time such as 2026-03-01T09:00:00Z, got '%s'",
      given.to)
  end
  if given.check then host.restrict_writes {} end
  local api = anyreach.client()
  recipe.connect(api)
  local left = interrupted.complete(api, given.check)
  local plan = rollback.plan(api, agent_lookup.find(api, given[1]), given.to, { all_slots = given.all_slots })
  local due = rollback.steps(plan)
  if #plan.differences > 0 then show_differences(plan) end
  name_left_alone(plan)
  if #due == 0 then
    show_end(plan, "unchanged")
    return given.check and left and #left.steps > 0 and 2 or 0, { agents = 1, unchanged = 1 }
  elseif given.check then
    slot_report.steps(due)
    show_end(plan, "roll_back")
    return 2, { agents = 1, roll_back = 1 }
  end
  carry_out(api, plan, ("rollback %s --to %s"):format(plan.agent.name, given.to))
  show_end(plan, "rolled_back")
  return 0, { agents = 1, rolled_back = 1 }
end

return recipe.run(spec, main, ...)
