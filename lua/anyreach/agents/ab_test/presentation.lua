-- Experiments as people and programs read them: the plan, the figures and the verdict as lines for a terminal, and as
-- events for --json. The page (page/init.lua) uses the same words.

local diff_text = require "anyreach.text.diff_text"
local events = require "anyreach.agents.provision.events"
local json = require "anyreach.json"
local report = require "anyreach.report"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slot_report = require "anyreach.agents.numbers.slot_report"
local text_width = require "anyreach.text_width"

local presentation = {}

-- {====== numbers ======

--- A rate in percent: "30.8 %".
---@param rate number
---@return string
function presentation.percent(rate)
  return ("%.1f %%"):format(rate * 100)
end

--- An interval of rates: "25.5 to 36.6 %".
---@param interval anyreach.interval
---@return string
function presentation.percent_range(interval)
  return ("%.1f to %.1f %%"):format(interval.low * 100, interval.high * 100)
end

--- A difference of rates: "+6.3 points".
---@param difference number
---@return string
function presentation.points(difference)
  return ("%+.1f points"):format(difference * 100)
end

--- An interval of differences, in points: "-2.1 to +14.7".
---@param interval {low: number, high: number}
---@return string
function presentation.points_range(interval)
  return ("%+.1f to %+.1f"):format(interval.low * 100, interval.high * 100)
end

--- An integer with commas between thousands: "12,345".
---@param value number
---@return string
function presentation.count(value)
  local digits = ("%d"):format(math.floor(value))
  repeat
    local changed
    digits, changed = digits:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until changed == 0
  return digits
end

--- "1 day", "12 days".
---@param count number
---@param noun string
---@return string
function presentation.quantity(count, noun)
  return presentation.count(count) .. " " .. noun .. (count == 1 and "" or "s")
end

local function mean(interval, unit)
  return interval and ("%.1f%s"):format(interval.estimate, unit) or "-"
end

-- }======

-- {====== tables ======

local function pad(value, width, is_right)
  local space = (" "):rep(width - text_width.of(value))
  return is_right and space .. value or value .. space
end

-- Rows of cells; columns in `right` are aligned to the right.
local function table_lines(rows, right)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for column, cell in ipairs(row) do widths[column] = math.max(widths[column] or 0, text_width.of(cell)) end
  end
  for index, row in ipairs(rows) do
    local cells = {}
    for column, cell in ipairs(row) do cells[column] = pad(cell, widths[column], right[column]) end
    lines[index] = table.concat(cells, "  "):match("^.*%S") or ""
  end
  return lines
end

-- }======

-- {====== plan ======

local function traffic_lines(plan)
  local traffic = plan.traffic
  local conversations = presentation.quantity(traffic.conversations, "conversation")
  local lines = { ("In the last 14 days: %s of %s."):format(conversations,
    presentation.quantity(traffic.callers, "caller")) }
  if traffic.rate then
    lines[#lines + 1] = ("Their rate: %s (%s)."):format(presentation.percent(traffic.rate.estimate),
      presentation.percent_range(traffic.rate))
    if traffic.design_effect > 1.05 then
      lines[#lines + 1] = ("Repeated callers make %.1f times as many conversations necessary."):format(
        traffic.design_effect)
    end
  end
  if not plan.days_most then
    lines[#lines + 1] = "At this traffic the experiment would never end."
    return lines
  end
  lines[#lines + 1] = ("At %.1f conversations a day and variant that is %s at most, and about %s if the lift exists.")
    :format(traffic.slowest, presentation.quantity(plan.days_most, "day"),
      presentation.quantity(plan.days_average, "day"))
  return lines
end

--- A plan.
---@param plan anyreach.ab_plan
---@return string[] lines
function presentation.plan(plan)
  local lines = {
    ("To tell %s from %s, with %d variants, alpha %g and power %g:"):format(presentation.percent(plan.rate),
      presentation.percent(plan.rate + plan.lift), plan.variants, plan.alpha, plan.power),
    ("  %s conversations a variant at most, looked at every day; about %s if the lift exists"):format(
      presentation.count(plan.most), presentation.count(plan.average)),
    ("  %s a variant, looked at once, at the end"):format(presentation.count(plan.once)),
  }
  for _, line in ipairs(plan.traffic and traffic_lines(plan) or {}) do lines[#lines + 1] = line end
  return lines
end

-- }======

-- {====== status ======

local HEADINGS = { "variant", "conversations", "callers", "rate", "95 % interval", "duration", "turns" }
local RIGHT_ALIGNED = { [2] = true, [3] = true, [4] = true, [6] = true, [7] = true }

local function variant_row(variant)
  return {
    variant.name, presentation.count(variant.conversations), presentation.count(variant.callers),
    variant.rate and presentation.percent(variant.rate.estimate) or "-",
    variant.rate and presentation.percent_range(variant.rate) or "-",
    mean(variant.duration, " s"), mean(variant.turns, ""),
  }
end

local VERDICTS = {
  higher = "'%s' is better than '%s', as was clear on %s",
  lower = "'%s' is worse than '%s', as was clear on %s",
  moved = "'%s' against '%s' is undecided: the difference has changed by more than chance explains, as was clear on %s",
}

--- A comparison in a sentence, without its figures.
---@param comparison anyreach.ab_comparison
---@return string
function presentation.comparison(comparison)
  local sentence = VERDICTS[comparison.verdict]
  if sentence then return sentence:format(comparison.name, comparison.against, comparison.decided) end
  return ("'%s' against '%s' is undecided"):format(comparison.name, comparison.against)
end

--- The figures of a comparison.
---@param comparison anyreach.ab_comparison
---@return string
function presentation.difference(comparison)
  local difference = comparison.difference
  if not difference then return "too few callers to say" end
  return ("%s (%s)"):format(presentation.points(difference.estimate), presentation.points_range(difference))
end

--- The verdict in a sentence.
---@param result anyreach.ab_result
---@return string
function presentation.verdict(result)
  if result.verdict == "won" then return ("Won: '%s' is the best."):format(result.winner) end
  if result.verdict == "lost" then return ("Lost: '%s' remains the best."):format(result.winner) end
  return "Undecided."
end

-- How many more days the planned number takes, at the traffic so far of the variant that gets the least.
local function remaining(result)
  local least = math.huge
  for _, variant in ipairs(result.variants) do least = math.min(least, variant.conversations) end
  if not result.planned or #result.days == 0 or least == 0 or least >= result.planned then return "" end
  local days = math.ceil((result.planned - least) / (least / #result.days))
  return ("; about %s more at this traffic"):format(presentation.quantity(days, "day"))
end

--- How far the experiment is from its plan, or nil when that is not known yet.
---@param view anyreach.ab_view
---@return string|nil
function presentation.outlook(view)
  local result = view.result
  if not result.planned then return nil end
  local goes_on = view.state.phase == "running" and result.verdict == "undecided"
  return ("A lift of %.1f points takes %s conversations a variant at most%s."):format(view.lift * 100,
    presentation.count(result.planned), goes_on and remaining(result) or "")
end

--- What the figures leave out, and what is not known about them.
---@param view anyreach.ab_view
---@return string[]
function presentation.left_out(view)
  local result, elsewhere = view.result, view.elsewhere
  local parts, under_way, not_counted, unknown = {}, 0, 0, 0
  for _, variant in ipairs(result.variants) do
    under_way, not_counted = under_way + variant.under_way, not_counted + variant.not_counted
    unknown = unknown + variant.unknown_callers
  end
  if under_way > 0 then parts[#parts + 1] = presentation.count(under_way) .. " have not ended" end
  if not_counted > 0 then parts[#parts + 1] = presentation.count(not_counted) .. " do not count by the outcome" end
  if elsewhere > 0 then parts[#parts + 1] = presentation.count(elsewhere) .. " came over other numbers" end
  local lines = {}
  if #parts > 0 then lines[1] = "Left out: " .. table.concat(parts, ", ") .. "." end
  if unknown > 0 then lines[#lines + 1] = ("The caller is unknown for %s; each counts as a caller of its own.")
    :format(presentation.quantity(unknown, "conversation")) end
  return lines
end

--- The phase of the experiment, with its dates.
---@param state anyreach.ab_state
---@return string
function presentation.phase(state)
  local started, concluded = state.started_at:sub(1, 10), (state.concluded_at or ""):sub(1, 10)
  if state.phase == "running" then return "running since " .. started end
  if state.phase == "starting" then return "begun on " .. started .. ", and its start was interrupted" end
  if state.phase == "concluding" then return "started on " .. started .. ", and being concluded" end
  return ("ran from %s to %s"):format(started, concluded)
end

local function heading(state)
  return ("%s: %s, on the agent %s (%s)"):format(state.experiment, presentation.phase(state), state.agent.name,
    state.direction)
end

--- The status.
---@param view anyreach.ab_view
---@return string[] lines
function presentation.status(view)
  local rows, lines = { HEADINGS }, { heading(view.state), "" }
  for _, variant in ipairs(view.result.variants) do rows[#rows + 1] = variant_row(variant) end
  for _, line in ipairs(table_lines(rows, RIGHT_ALIGNED)) do lines[#lines + 1] = line end
  lines[#lines + 1] = ""
  for _, comparison in ipairs(view.result.comparisons) do
    lines[#lines + 1] = ("%s: %s"):format(presentation.comparison(comparison), presentation.difference(comparison))
  end
  lines[#lines + 1] = presentation.verdict(view.result)
  lines[#lines + 1] = presentation.outlook(view)
  for _, line in ipairs(presentation.left_out(view)) do lines[#lines + 1] = line end
  return lines
end

-- }======

-- {====== events ======

--- Prints a plan as an event.
---@param plan anyreach.ab_plan
function presentation.plan_event(plan)
  local traffic = plan.traffic
  report.event("plan", {
    rate = plan.rate, lift = plan.lift, alpha = plan.alpha, power = plan.power, variants = plan.variants,
    conversations_once = plan.once, conversations_most = plan.most, conversations_average = plan.average,
    days_most = plan.days_most, days_average = plan.days_average,
    traffic = traffic and {
      conversations = traffic.conversations, callers = traffic.callers, rate = traffic.rate,
      design_effect = traffic.design_effect, slowest_per_day = traffic.slowest,
    },
  })
end

--- Prints a step of `start` as an event.
---@param state anyreach.ab_state
---@param step anyreach.ab_step
---@param outcome "planned"|"done"
function presentation.step_event(state, step, outcome)
  report.event("step", { action = step.action, variant = step.variant.name, outcome = outcome,
    agent = state.agent.name, agent_id = state.agent.id, agent_version = step.variant.version,
    base_version = step.base_version, differences = step.differences and diff_text.events(step.differences),
    slots = step.slots and events.slots(step.slots) })
end

--- Prints an experiment that runs as an event.
---@param state anyreach.ab_state
---@param path string of its state file
function presentation.experiment_event(state, path)
  report.event("experiment", {
    name = state.experiment, phase = state.phase, state_file = path,
    agent_id = state.agent.id, agent = state.agent.name,
    started_at = state.started_at, variants = state.variants,
  })
end

local function day_event(day)
  report.event("day", { date = day.date, conversations = day.counts, differences = day.looks })
end

--- Prints the status as events.
---@param view anyreach.ab_view
function presentation.status_events(view)
  for _, variant in ipairs(view.result.variants) do report.event("variant", variant) end
  for _, day in ipairs(view.result.days) do day_event(day) end
  for _, comparison in ipairs(view.result.comparisons) do report.event("comparison", comparison) end
  presentation.verdict_event(view)
end

--- Prints the verdict as an event.
---@param view anyreach.ab_view
function presentation.verdict_event(view)
  report.event("verdict", {
    experiment = view.state.experiment, verdict = view.result.verdict, winner = view.result.winner,
    conversations_planned = view.result.planned, conversations_elsewhere = view.elsewhere,
  })
end

local function variant_at(state, number)
  for _, variant in ipairs(state.variants) do
    for _, own in ipairs(variant.phone_numbers) do
      if own == number then return variant end
    end
  end
end

--- The slots of an experiment, with the names of what they held before it, hold for it, and were given at its end.
---@param state anyreach.ab_state
---@return {number: string, slot: string, before: string, variant: string, after: string|nil}[]
function presentation.slots(state)
  local given, list = {}, {}
  for _, slot in ipairs(state.ended or {}) do
    given[slot.number .. " " .. slot.slot] = slot_changes.name(slot.holder)
  end
  for index, slot in ipairs(state.previous) do
    local variant = variant_at(state, slot.number)
    local version = variant and variant.version and (", version %d"):format(variant.version) or ""
    list[index] = { number = slot.number, slot = slot.slot, before = slot_changes.name(slot.holder),
      variant = variant and variant.name .. version or "–",
      after = state.ended and (given[slot.number .. " " .. slot.slot] or "left alone") or nil }
  end
  return list
end

-- A slot with what it holds before and after; a version that is yet to be created has neither number nor id.
local function ended_slot(change)
  local id = json.null
  if change.to then id = change.to.version_id end
  return { phone_number = change.number, slot = change.slot, before = slot_report.holder_event(change.from),
    after = slot_report.holder_event(change.to), agent_version_id = id }
end

--- Prints how an experiment was concluded, or would be, as an event.
---@param state anyreach.ab_state
---@param decision {action: string, winner: string|nil, verdict: string}
---@param ending anyreach.ab_ending|{changes: anyreach.slot_change[], left_alone: string[]}
---@param outcome "planned"|"done"|"unchanged"
function presentation.conclusion_event(state, decision, ending, outcome)
  local slots, target = json.array {}, ending.target or {}
  for index, change in ipairs(ending.changes) do slots[index] = ended_slot(change) end
  report.event("conclusion", {
    experiment = state.experiment, action = decision.action, winner = decision.winner, verdict = decision.verdict,
    agent = state.agent.name, agent_id = state.agent.id, agent_version = target.version,
    base_version = ending.is_copy and ending.winner.version or nil,
    outcome = outcome, slots = slots, left_alone = json.array(ending.left_alone),
  })
end

-- }======

return presentation
