-- Experiments as events, for --json.

local json = require "anyreach.json"
local report = require "anyreach.report"

local events = {}

--- A plan.
---@param plan anyreach.ab_plan
function events.plan(plan)
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

--- A step of starting, or one that it would take.
---@param step anyreach.ab_step
---@param outcome "planned"|"done"
function events.step(step, outcome)
  report.event("step", { action = step.action, variant = step.variant.name, outcome = outcome,
    agent_version = step.variant.version })
end

--- The experiment, once it runs.
---@param state anyreach.ab_state
---@param path string of its state file
function events.experiment(state, path)
  report.event("experiment", {
    name = state.experiment, phase = state.phase, state_file = path,
    agent_id = state.agent.id, agent = state.agent.name,
    started_at = state.started_at, variants = state.variants,
  })
end

local function day_event(day)
  report.event("day", { date = day.date, conversations = day.counts, differences = day.looks })
end

--- The status.
---@param view anyreach.ab_view
function events.status(view)
  for _, variant in ipairs(view.result.variants) do report.event("variant", variant) end
  for _, day in ipairs(view.result.days) do day_event(day) end
  for _, comparison in ipairs(view.result.comparisons) do report.event("comparison", comparison) end
  events.verdict(view)
end

--- What the experiment has come to.
---@param view anyreach.ab_view
function events.verdict(view)
  report.event("verdict", {
    experiment = view.state.experiment, verdict = view.result.verdict, winner = view.result.winner,
    conversations_planned = view.result.planned, conversations_elsewhere = view.elsewhere,
  })
end

--- How the experiment was ended, or would be.
---@param state anyreach.ab_state
---@param decision {action: string, winner: string|nil, verdict: string}
---@param ending {changes: anyreach.slot_change[], left_alone: string[]}
---@param outcome "planned"|"done"|"unchanged"
function events.conclusion(state, decision, ending, outcome)
  local slots = json.array {}
  for index, change in ipairs(ending.changes) do
    slots[index] = { phone_number = change.number, slot = change.slot,
      agent_version_id = change.to and change.to.version_id or json.null }
  end
  report.event("conclusion", {
    experiment = state.experiment, action = decision.action, winner = decision.winner, verdict = decision.verdict,
    outcome = outcome, slots = slots, left_alone = json.array(ending.left_alone),
  })
end

return events
