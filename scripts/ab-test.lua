-- ab-test: compares variants of a prompt on the callers of chosen numbers (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local conclude = require "anyreach.agents.ab_test.conclude"
local diff_text = require "anyreach.text.diff_text"
local errors = require "anyreach.errors"
local experiment = require "anyreach.agents.ab_test.experiment"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local host = require "anyreach.host"
local page = require "anyreach.agents.ab_test.page"
local presentation = require "anyreach.agents.ab_test.presentation"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local sample_plan = require "anyreach.agents.ab_test.sample_plan"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local start = require "anyreach.agents.ab_test.start"
local status = require "anyreach.agents.ab_test.status"

local spec = {
  usage = "anyreach run ab-test plan|start|status|conclude [EXPERIMENT.yaml] [options]",
  summary = "Compares variants of a prompt on the callers of chosen numbers, and publishes the best.",
  options = {
    { name = "success-rate", value = "RATE", type = "number", help = "plan: current share of successes, such as 0.3" },
    { name = "lift", value = "LIFT", type = "number", help = "plan: smallest difference that matters; default 0.05" },
    { name = "alpha", value = "ALPHA", type = "number", help = "plan: probability of a false verdict; default 0.05" },
    { name = "power", value = "POWER", type = "number", help = "plan: probability of finding the lift; default 0.8" },
    { name = "variants", value = "N", type = "integer", help = "plan: number of variants; default 2" },
    { name = "agent", value = "AGENT", help = "plan: count the conversations of this agent" },
    { name = "phone-number", value = "NUMBER", many = true, help = "plan: count those over these numbers" },
    { name = "html", value = "FILE", help = "status: also write a page with plots" },
    { name = "exit-code", help = "status: exit with the verdict: won (0), lost (9) or undecided (2)" },
    { name = "winner", value = "VARIANT", help = "conclude: publish this variant, whatever the verdict" },
    { name = "restore", help = "conclude: give the numbers back, whatever the verdict" },
    { name = "take-numbers", help = "start: take phone numbers also from other agents" },
    { name = "check", help = "start, conclude: only show what would be done; exit code 2 if anything would be" },
    { name = "most", value = "N", type = "integer", help = "read at most so many conversations; default 200000" },
  },
  writes = { "agents.versions.create", "agents.versions.update", "agents.versions.publish" },
  operands = {
    name = "a command, and for all but plan an experiment file",
    min = 1,
    max = 2,
    commands = {
      { name = "plan", help = "how many conversations and days it takes to find a lift" },
      { name = "start", help = "create and publish a version for each variant" },
      { name = "status", help = "show conversations, rates and the verdict" },
      { name = "conclude", help = "publish the winner, or restore what was before" },
    },
  },
  notes = [[
plan      says how many conversations it takes to find a lift, and how many days at the traffic of the
          last 14 days: over the experiment's numbers, or those of --agent or --phone-number.
start     creates a version for each variant from the agent's current one, and publishes it on the variant's
          numbers. A number that another agent holds is taken with --take-numbers, or if you say yes at a
          terminal. EXPERIMENT.state.json notes what the numbers held before. Starting again completes an
          interrupted start.
status    shows conversations, rates and a verdict that is valid however often you look.
conclude  publishes the winner everywhere, or restores what was before if all variants have lost.
          Undecided, it changes nothing, unless --winner or --restore decides.

Only start and conclude can write.

Examples:
  anyreach run ab-test plan --success-rate 0.3 --lift 0.05 --agent "Riverside Dental Scheduler"
  anyreach run ab-test start --check experiments/greeting.yaml
  anyreach run ab-test status experiments/greeting.yaml --html greeting.html
  anyreach run ab-test conclude experiments/greeting.yaml]],
  exit_codes = {
    [0] = "done; conclude and status --exit-code: a variant has won",
    [2] = "something would be done (--check); conclude and status --exit-code: undecided",
    [3] = "a file is wrong, or no such agent, number or variant",
    [8] = "some requests succeeded and one failed; the error lists them",
    [9] = "a check failed: all variants have lost (conclude, status --exit-code), or --replay has no such request",
    [11] = "the experiment is in another phase, another agent holds a number, another experiment or change is in the "
      .. "way, or another run is writing",
  },
}

local function print_lines(lines)
  for _, line in ipairs(lines) do report.line("%s", line) end
end

local EXIT_CODES = { won = 0, lost = 9, undecided = 2 }

-- The values of a run whose exit code is the verdict.
local function by_verdict(verdict, summary)
  return EXIT_CODES[verdict], summary, verdict == "lost" and "all variants have lost" or nil
end

-- {====== plan ======

local function check_share(name, value)
  if value > 0 and value < 1 then return value end
  arguments.fail(spec, "--%s: expected a number between 0 and 1, got %g", name, value)
end

local function check_lift(value)
  if value ~= 0 and value > -1 and value < 1 then return value end
  arguments.fail(spec, "--lift: expected a number between -1 and 1 other than 0, got %g", value)
end

local function number_sources(name, numbers)
  local sources = {}
  for index, number in ipairs(numbers) do
    sources[index] = { variant = name, filter = { agent_number = number }, numbers = { [number] = true } }
  end
  return sources
end

-- The traffic over the numbers of each variant.
local function experiment_traffic(api, found, most)
  local sources, names = {}, {}
  for index, variant in ipairs(found.variants) do
    names[index] = variant.name
    table.move(number_sources(variant.name, variant.numbers), 1, #variant.numbers, #sources + 1, sources)
  end
  return sample_plan.count(api, sources, { names = names, outcome = found.outcome, caller = found.caller, most = most })
end

-- The traffic of an agent or of numbers, which the variants are to share.
local function shared_traffic(api, given, variants)
  if not (given.agent or given.phone_number) then return nil end
  local agent = given.agent and agent_lookup.find(api, given.agent)
  local sources = { { variant = "all", filter = {} } }
  if given.phone_number then sources = number_sources("all", given.phone_number) end
  for _, source in ipairs(sources) do source.filter.agent_id = agent and agent.id end
  local found = sample_plan.count(api, sources, { names = { "all" }, caller = "user_id", most = given.most })
  found.slowest = found.slowest / variants
  return found
end

local function rate_of(given, traffic)
  if given.success_rate then return check_share("success-rate", given.success_rate) end
  local rate = traffic and traffic.rate
  if rate and rate.estimate > 0 then return rate.estimate end
  arguments.fail(spec, "plan: expected --success-rate; the last %d days have no successes to count it from",
    sample_plan.TRAFFIC_DAYS)
end

local commands = {}

function commands.plan(api, given, found)
  local variants = given.variants or found and #found.variants or 2
  if variants < 2 or variants > 100 then arguments.fail(spec, "--variants: expected 2 to 100, got %d", variants) end
  if not found and not given.success_rate then
    arguments.fail(spec, "plan: expected --success-rate, or an experiment file (--rate is requests a second)")
  end
  local lift = check_lift(given.lift or found and found.lift or 0.05)
  local traffic = found and experiment_traffic(api, found, given.most) or shared_traffic(api, given, variants)
  local made = sample_plan.make({
    rate = rate_of(given, traffic),
    lift = lift,
    alpha = check_share("alpha", given.alpha or found and found.alpha or 0.05),
    power = check_share("power", given.power or found and found.power or 0.8),
    variants = variants,
  }, traffic)
  if report.is_json() then presentation.plan_event(made) else print_lines(presentation.plan(made)) end
  return 0, { command = "plan" }
end

-- }======

-- {====== start ======

local function show_step(state, step, outcome)
  if report.is_json() then return presentation.step_event(state, step, outcome) end
  report.line("%-8s  %s", outcome == "done" and "done" or "to do", step.text)
  report.lines(diff_text.lines(step.differences or {}, { color = color.enabled("stdout") }))
end

-- Somebody at a terminal is asked; without one nothing is taken.
local function ask_for_numbers(question)
  return recipe.confirm(question) == true
end

function commands.start(api, given, found)
  local may_take = given.take_numbers or not given.check and ask_for_numbers or nil
  local state, steps = start.plan(api, found, may_take)
  if given.check then
    for _, step in ipairs(steps) do show_step(state, step, "planned") end
    return 2, { command = "start", steps = #steps }
  end
  start.run(api, found, state, steps, function(step) show_step(state, step, "done") end)
  local path = experiment_state.path(found.file)
  if report.is_json() then presentation.experiment_event(state, path) end
  report.line("The experiment runs. Keep %s: it names the versions, and what to restore.", path)
  return 0, { command = "start", steps = #steps }
end

-- }======

-- {====== status ======

function commands.status(api, given, found)
  local view = status.read(api, found, { most = given.most })
  if given.html then page.write(given.html, view) end
  if report.is_json() then presentation.status_events(view) else print_lines(presentation.status(view)) end
  local summary = { command = "status", verdict = view.result.verdict }
  if given.exit_code then return by_verdict(view.result.verdict, summary) end
  return 0, summary
end

-- }======

-- {====== conclude ======

-- The decision that the user gives, or nil.
local function given_decision(given, state)
  if given.winner and given.restore then arguments.fail(spec, "conclude: expected --winner or --restore, not both") end
  if given.restore then return { action = "restore" } end
  if not given.winner then return nil end
  conclude.variant(state, given.winner)
  return { action = "publish", winner = given.winner }
end

local function describe(decision)
  if decision.action == "restore" then return "restoring what was before" end
  return ("publishing '%s'"):format(decision.winner)
end

-- The decision that was made before, which cannot be changed any more.
local function earlier_decision(state, wanted)
  local earlier = state.decision
  if wanted and (wanted.action ~= earlier.action or wanted.winner ~= earlier.winner) then
    errors.raise("conflict", "experiment '%s' %s concluded by %s", state.experiment,
      state.phase == "concluded" and "was" or "is being", describe(earlier))
  end
  return earlier
end

local function decision_of_verdict(result)
  if result.verdict == "won" then return { action = "publish", winner = result.winner } end
  if result.verdict == "lost" then return { action = "restore" } end
end

local function show_ending(state, decision, ending, is_check)
  if report.is_json() then
    return presentation.conclusion_event(state, decision, ending, is_check and "planned" or "done")
  end
  local word = is_check and "to do" or "done"
  if ending.creates then
    report.line("%-8s  create a version like that of '%s', version %d", word, decision.winner, ending.winner.version)
  end
  for _, step in ipairs(conclude.steps(ending)) do report.line("%-8s  %s", word, slot_changes.describe(step)) end
  for _, slot in ipairs(ending.left_alone) do
    report.line("left      %s, which somebody else has changed since", slot)
  end
end

local function carry_out(api, given, found, state, decision)
  local ending = conclude.plan(api, state, decision)
  local summary = { command = "conclude", verdict = decision.verdict }
  if given.check then
    show_ending(state, decision, ending, true)
    return (ending.creates or #ending.changes > 0) and 2 or 0, summary
  end
  conclude.run(api, found.file, state, decision, ending)
  show_ending(state, decision, ending, false)
  report.line("Concluded by %s.", describe(decision))
  return by_verdict(decision.verdict, summary)
end

local function nothing_to_do(given, state, decision)
  local ending = { changes = {}, left_alone = {} }
  if report.is_json() then presentation.conclusion_event(state, decision, ending, "unchanged") end
  report.line("Experiment '%s' was concluded at %s: nothing to do.", state.experiment, state.concluded_at)
  local summary = { command = "conclude", verdict = decision.verdict }
  if given.check then return 0, summary end
  return by_verdict(decision.verdict, summary)
end

function commands.conclude(api, given, found)
  local state = status.require_state(api, found)
  local wanted = given_decision(given, state)
  if state.decision then
    local decision = earlier_decision(state, wanted)
    if state.phase == "concluding" then return carry_out(api, given, found, state, decision) end
    return nothing_to_do(given, state, decision)
  end
  local view = status.read(api, found, { most = given.most })
  if report.is_json() then presentation.verdict_event(view) else print_lines(presentation.status(view)) end
  local decision = wanted or decision_of_verdict(view.result)
  if not decision then
    report.line("Nothing was changed; --winner or --restore ends the experiment anyway.")
    return by_verdict("undecided", { command = "conclude", verdict = "undecided" })
  end
  decision.verdict = view.result.verdict
  return carry_out(api, given, found, state, decision)
end

-- }======

-- Command -> the options it takes, what it may write, and whether its file is optional.
local rules = {
  plan = {
    options = { "success_rate", "lift", "alpha", "power", "variants", "agent", "phone_number", "most" },
    writes = {},
    needs_no_file = true,
  },
  start = { options = { "check", "take_numbers", "wait" }, writes = spec.writes },
  status = { options = { "html", "exit_code", "most" }, writes = {} },
  conclude = { options = { "winner", "restore", "check", "most", "wait" }, writes = spec.writes },
}

local function check_options(given, rule)
  local known = {}
  for _, name in ipairs(rule.options) do known[name] = true end
  for name in pairs(given) do
    if type(name) == "string" and not known[name] then
      arguments.fail(spec, "'%s' takes no --%s", given[1], (name:gsub("_", "-")))
    end
  end
end

local function main(given)
  local rule = rules[arguments.command(spec, given[1])]
  check_options(given, rule)
  if not given[2] and not rule.needs_no_file then arguments.fail(spec, "%s: expected an experiment file", given[1]) end
  host.restrict_writes(given.check and {} or rule.writes)
  local found = given[2] and experiment.read(given[2])
  local api = anyreach.client()
  if found or given.agent then recipe.connect(api, { writes = #rule.writes > 0 }) end
  return commands[given[1]](api, given, found)
end

return recipe.run(spec, main, ...)
