-- promote: agents from one profile's organisation to another's (scripts/README.md).

local account = require "anyreach.account.identity"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local diff_text = require "anyreach.text.diff_text"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local events = require "anyreach.agents.provision.events"
local host = require "anyreach.host"
local intents = require "anyreach.agents.intents"
local json = require "anyreach.json"
local lines = require "anyreach.agents.provision.lines"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local profiles = require "anyreach.account.profiles"
local progress = require "anyreach.progress"
local promotion = require "anyreach.agents.promotion"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local takeovers = require "anyreach.agents.provision.takeovers"

local spec = {
  usage = "anyreach run promote --from PROFILE --to PROFILE [AGENT[@VERSION]...|--all] [options]",
  summary = "Promotes agents from one organisation to another; merges what both have changed.",
  options = {
    { name = "from", value = "PROFILE", help = "the source; nothing is written there" },
    { name = "to", value = "PROFILE", help = "the target" },
    { name = "all", help = "all agents with a published version" },
    { name = "numbers", help = "also give the agents their phone numbers, as the target's environment file maps them" },
    { name = "take-numbers", help = "take phone numbers also from agents that are not promoted" },
    { name = "ours", help = "where both have changed a field: take the source's value" },
    { name = "theirs", help = "where both have changed a field: keep the target's value" },
    { name = "skip", help = "leave agents alone in which both have changed a field" },
    { name = "no-publish", help = "write drafts only" },
    { name = "from-environment", value = "NAME|FILE", help = "the source's environment file; default the profile's" },
    { name = "to-environment", value = "NAME|FILE", help = "the target's environment file; default the profile's" },
    { name = "lock", value = "FILE", help = "where promotions are noted; default " .. lock.NAME },
    lock_accounts.option,
    { name = "yes", help = "write to a protected profile without asking" },
    { name = "check", help = "only show what would be done; exit code 2 when there is something" },
  },
  writes = {
    "agents.create", "agents.delete", "agents.versions.create", "agents.versions.update", "agents.versions.publish",
  },
  operands = { name = "names or ids of agents of the source" },
  notes = [[
Takes the newest published version of each agent, or the one that is named. Ids in it (datasets, workflows,
agents, numbers, trunks) are replaced by those of the things with the same names in the target, or by those
that its environment file gives. When one cannot be, all such are listed and nothing is written.

The target's environment file counts as it does for provision: its `defaults` fill in what the source does not
say, and `agents: NAME` replaces what it says. A secret is never copied, by its name or by its form: the field
keeps what the target has, or the environment file gives it; otherwise nothing is written.

What was promoted is noted in the lock, a file to be committed. The next time a field that only the source
has changed since is taken, one that only the target has changed is kept, and one that both have changed is
a conflict: it is shown, and the agent is left as it is without --ours, --theirs or --skip. Without a note
every field that differs is a conflict.

A second run writes nothing. A run that was cut off is completed by the next one.

Examples:
  anyreach run promote --from staging --to production "Riverside Dental Scheduler" --check
  anyreach run promote --from staging --to production --all --ours --yes
  anyreach --sandbox=/tmp/sandbox.db run promote --from sandbox-one --to sandbox-two --all]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something is to be done (--check)",
    [3] = "no such agent, version or profile, or a reference leads nowhere; nothing was written",
    [6] = "refused: --read-only, the target is protected and there is no --yes, or the lock or a profile knows other "
      .. "organisations",
    [8] = "some agents were promoted, and others failed or are in conflict",
    [11] = "both sides have changed a field, two agents have the name, an agent that is not promoted holds a number, "
      .. "or another run is writing",
  },
}

-- {====== what is printed ======

-- The line of provisioning, and where the version comes from.
local function line_of(item, result)
  return ("%s (from version %d)"):format(lines.line(result), item.choice.version.version)
end

local function difference(path, before, after)
  local change = before == nil and "added" or after == nil and "removed" or "changed"
  return { path = path, change = change, before = before, after = after }
end

-- What one side has done to the fields since the base; or where there is none, what it would do to the target.
local function side_differences(item, side)
  local list = {}
  for index, conflict in ipairs(item.conflicts) do
    local before = conflict.target
    if item.base then before = conflict.base end
    list[index] = difference(conflict.path, before, conflict[side])
  end
  return list
end

local function side_lines(item, side, heading)
  report.line("  %s", heading)
  local options = { indent = 4, color = color.enabled("stdout") }
  report.lines(diff_text.lines(side_differences(item, side), options))
end

local function conflict_lines(item, options)
  if not item.base then return side_lines(item, "source", ("from %s to %s:"):format(options.to, options.from)) end
  side_lines(item, "source", options.from .. ":")
  side_lines(item, "target", options.to .. ":")
end

local function conflict_events(item)
  local list = json.array {}
  for index, conflict in ipairs(item.conflicts) do
    local path, event = conflict.path, { path = conflict.path }
    for _, side in ipairs { "base", "source", "target" } do event[side] = diff_text.value(path, conflict[side]) end
    list[index] = event
  end
  return list
end

local function kept_lines(item, options)
  for _, path in ipairs(item.kept) do
    report.line("  kept: %s, changed in %s", path, options.to)
  end
end

local function difference_lines(item)
  report.lines(diff_text.lines(item.differences, { color = color.enabled("stdout") }))
end

local function print_event(item, action, result)
  local change = result or item.change or {}
  report.event("agent", {
    name = item.name, from_agent_id = item.choice.agent.id, from_version = item.choice.version.version,
    action = action, agent_id = change.agent_id or item.state.agent and item.state.agent.id,
    agent_version = change.version, changes = diff_text.events(item.differences),
    conflicts = conflict_events(item), kept = json.array(table.move(item.kept, 1, #item.kept, 1, {})),
    steps = events.steps(change.steps or {}), draft_used = change.draft_used,
    draft_left_alone = change.draft_left_alone, error = report.error_event(change.error),
  })
end

local sentences = {
  conflict = "both have changed %s; decide with --ours, --theirs or --skip",
  skipped = "both have changed %s",
}

local function count_fields(item)
  return #item.conflicts == 1 and "a field" or #item.conflicts .. " fields"
end

local function show_plan(item, options)
  if report.is_json() then return print_event(item, item.action) end
  local sentence = sentences[item.action]
  if sentence then
    report.line("%-9s  %s  " .. sentence, item.action, item.name, count_fields(item))
    return conflict_lines(item, options)
  end
  report.line("%s", line_of(item, item.change))
  kept_lines(item, options)
  difference_lines(item)
end

local function show_result(item, result, options)
  if report.is_json() then return print_event(item, result.action, result) end
  if result.not_tried then return end
  report.line("%s", line_of(item, result))
  kept_lines(item, options)
  if result.action == "updated" then difference_lines(item) end
end

local order = { "created", "updated", "create", "update", "unchanged", "conflict", "skipped", "failed",
  "not_tried" }

local words = { create = "to create", update = "to update", conflict = "in conflict", not_tried = "not tried" }

-- Publishing alone moves no number: what calls reach is still the version before.
local function note_numbers(items, options)
  if options.numbers or options.publish == false then return end
  for _, item in ipairs(items) do
    if item.action == "update" then
      return report.note("phone numbers stay with the versions that they have; 'anyreach run numbers' shows and moves "
        .. "them")
    end
  end
end

-- Prints how many agents there are of each action, and returns that as fields of the summary.
local function summarize(items, results, options)
  local counts, parts = {}, {}
  for _, item in ipairs(items) do
    local action = results[item] and results[item].action or item.action
    counts[action] = (counts[action] or 0) + 1
  end
  for _, action in ipairs(order) do
    if counts[action] then parts[#parts + 1] = ("%d %s"):format(counts[action], words[action] or action) end
  end
  report.line("%d %s: %s", #items, #items == 1 and "agent" or "agents", table.concat(parts, ", "))
  note_numbers(items, options)
  counts.agents = #items
  return counts
end

-- }======

local function decision(given)
  local chosen
  for _, name in ipairs { "ours", "theirs", "skip" } do
    if given[name] and chosen then arguments.fail(spec, "--%s and --%s: expected one of them", chosen, name) end
    if given[name] then chosen = name end
  end
  return chosen
end

local function check_arguments(given)
  if not given.from or not given.to then arguments.fail(spec, "expected --from PROFILE and --to PROFILE") end
  if given.all and #given > 0 then arguments.fail(spec, "--all and names of agents: expected one of them") end
  if not given.all and #given == 0 then arguments.fail(spec, "expected names of agents, or --all") end
  if given.numbers and given.no_publish then
    arguments.fail(spec, "--numbers and --no-publish: a draft cannot have numbers")
  end
end

local function read_name(name)
  io.stderr:write(("the profile '%s' is protected; type its name to write to it: "):format(name))
  return (io.read("l") or ""):match("^%s*(.-)%s*$")
end

-- A protected profile is written to only when somebody says so: with --yes or --write, or by typing its name on a
-- terminal. Without consent an error of kind "guard"; clients that are made afterwards may write.
local function confirm(name, is_agreed)
  local is_open = not profiles.get(name).protected or host.sandbox_url() or host.protection_is_lifted()
  if is_open then return end
  if not is_agreed then
    if not recipe.can_ask() then
      errors.raise("guard", "the profile '%s' is protected; --yes lets this run write to it", name)
    elseif read_name(name) ~= name then
      errors.raise("guard", "that is not '%s'; nothing was written", name)
    end
  end
  host.lift_protection(true)
end

-- A side's environment file; the files lie below the current directory or beside it.
local function environment_of(api, given)
  return environment.choose(given, {}, account.of(api))
end

-- The lock, which knows at least one of the two organisations, if it knows any.
local function open_lock(source, target, given)
  local opened = lock.read(given.lock or lock.NAME)
  lock_accounts.begin(opened, { target, source }, given, recipe.confirm)
  return opened
end

local function open_sides(given)
  local source = anyreach.client { profile = given.from }
  if not given.check then confirm(given.to, given.yes) end
  local target = anyreach.client { profile = given.to }
  if recipe.connect(target, { source = source }).key == account.learn(source).key then
    arguments.fail(spec, "--from %s and --to %s are the same organisation", given.from, given.to)
  end
  local of_source = environment_of(source, given.from_environment)
  local of_target = environment_of(target, given.to_environment)
  return {
    source = source, target = target, lock = open_lock(source, target, given),
    intents = intents.open(account.learn(target)),
    source_ids = of_source and of_source.ids, target_ids = of_target and of_target.ids, environment = of_target,
  }
end

local function choose(sides, given)
  local problems = {}
  if not given.all then
    local chosen = promotion.named(sides.source, given, problems)
    if #problems > 0 then error(errors.make { kind = "input", problems = problems }, 0) end
    return chosen
  end
  local chosen, left_out = promotion.all(sides.source)
  for _, name in ipairs(left_out) do report.note("'%s' has no published version and is left out", name) end
  return chosen
end

-- The code of an agent that was not promoted.
local function code_of(item, result)
  if item.action == "conflict" then return errors.exit_codes.conflict end
  local err = result and (result.error or result.not_tried) or item.change and item.change.error
  return err and errors.exit_code(err) or nil
end

-- When something was promoted beside what was not, that is a partial failure.
local function exit_code(items, results, is_check)
  local first, due, kept = nil, 0, 0
  for _, item in ipairs(items) do
    local code = code_of(item, results[item])
    first, kept = first or code, kept + #item.kept
    if not code and (item.action == "create" or item.action == "update") then due = due + 1 end
  end
  if first then return due > 0 and errors.exit_codes.partial or first end
  return is_check and due + kept > 0 and 2 or 0
end

-- What was not promoted, in a sentence.
local function failure(items, results)
  local list = {}
  for index, item in ipairs(items) do
    local result = results[item]
    local is_conflict = item.action == "conflict"
    list[index] = {
      name = item.name, error = is_conflict and "both sides have changed it" or result and result.error
        or item.change and item.change.error,
      not_tried = result and result.not_tried,
    }
  end
  return report.agents_failed(list)
end

-- Somebody at a terminal is asked; without one nothing is taken.
local function ask_for_numbers(change, taken)
  return recipe.confirm(takeovers.question(change.name, taken, promotion.OTHERS)) == true
end

local function plan(sides, chosen, options)
  local shown <close> = progress.start { label = "comparing", total = #chosen }
  return promotion.plan(sides, chosen, {
    decide = options.decide, numbers = options.numbers, publish = options.publish,
    take_numbers = options.take_numbers, check = options.check,
    on_step = function() shown:step() end,
  })
end

local function apply(sides, items, options)
  local results = {}
  local shown <close> = progress.start { label = "promoting", total = #items }
  local _, problem = promotion.apply(sides, items, {
    publish = options.publish,
    on_step = function() shown:step() end,
    on_created = function(_, agent) recipe.note(sides.target, agent) end,
    on_result = function(result, item)
      results[item] = result
      show_result(item, result, options)
    end,
  })
  if problem then
    report.warn("the lock %s was not written: %s; without it the next run takes what differs for a conflict",
      sides.lock.path, tostring(problem))
  end
  return results
end

local function main(given)
  check_arguments(given)
  local options = { decide = decision(given), numbers = given.numbers, publish = not given.no_publish,
    take_numbers = given.take_numbers or not given.check and ask_for_numbers or nil,
    from = given.from, to = given.to, check = given.check }
  if given.check then host.restrict_writes {} end
  report.follow {}
  local sides = open_sides(given)
  local items = plan(sides, choose(sides, given), options)
  for _, item in ipairs(items) do
    if given.check or not item.change then show_plan(item, options) end
  end
  local results = given.check and {} or apply(sides, items, options)
  local summary = summarize(items, results, options)
  return exit_code(items, results, given.check), summary, failure(items, results)
end

return recipe.run(spec, main, ...)
