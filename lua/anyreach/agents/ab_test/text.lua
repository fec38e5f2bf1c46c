-- Experiments in words: the plan, the steps, the figures and the verdict, as lines for a terminal. The page
-- (anyreach.ab_test.page) says the same, with the same words for numbers.

local text_width = require "anyreach.text_width"

local text = {}

-- {====== numbers ======

--- A rate in percent: "30.8 %".
---@param rate number
---@return string
function text.percent(rate)
  return ("%.1f %%"):format(rate * 100)
end

--- An interval of rates: "25.5 to 36.6 %".
---@param interval anyreach.interval
---@return string
function text.percent_range(interval)
  return ("%.1f to %.1f %%"):format(interval.low * 100, interval.high * 100)
end

--- A difference of rates: "+6.3 points".
---@param difference number
---@return string
function text.points(difference)
  return ("%+.1f points"):format(difference * 100)
end

--- An interval of differences, in points: "-2.1 to +14.7".
---@param interval {low: number, high: number}
---@return string
function text.points_range(interval)
  return ("%+.1f to %+.1f"):format(interval.low * 100, interval.high * 100)
end

--- An integer with its thousands apart: "12,345".
---@param value number
---@return string
function text.count(value)
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
function text.quantity(count, noun)
  return text.count(count) .. " " .. noun .. (count == 1 and "" or "s")
end

local function mean(interval, unit)
  return interval and ("%.1f%s"):format(interval.estimate, unit) or "-"
end

-- }======

-- {====== tables ======

local function pad(value, width, to_right)
  local space = (" "):rep(width - text_width.of(value))
  return to_right and space .. value or value .. space
end

-- Rows of cells; columns in `right` stand to the right.
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
  local lines = { ("In the last 14 days: %s of %s."):format(text.quantity(traffic.conversations, "conversation"),
    text.quantity(traffic.callers, "caller")) }
  if traffic.rate then
    lines[#lines + 1] = ("Their rate: %s (%s)."):format(text.percent(traffic.rate.estimate),
      text.percent_range(traffic.rate))
    if traffic.design_effect > 1.05 then
      lines[#lines + 1] = ("Repeated callers make %.1f times as many conversations necessary."):format(
        traffic.design_effect)
    end
  end
  if not plan.days_most then
    lines[#lines + 1] = "At this traffic the experiment would never end."
    return lines
  end
  lines[#lines + 1] = ("At %.1f conversations a day and variant that is %s at most, and about %s if the lift is there.")
    :format(traffic.slowest, text.quantity(plan.days_most, "day"), text.quantity(plan.days_average, "day"))
  return lines
end

--- A plan.
---@param plan anyreach.ab_plan
---@return string[] lines
function text.plan(plan)
  local lines = {
    ("To tell %s from %s, with %d variants, alpha %g and power %g:"):format(text.percent(plan.rate),
      text.percent(plan.rate + plan.lift), plan.variants, plan.alpha, plan.power),
    ("  %s conversations a variant at most, looked at every day; about %s if the lift is there"):format(
      text.count(plan.most), text.count(plan.average)),
    ("  %s a variant, looked at once, at the end"):format(text.count(plan.once)),
  }
  for _, line in ipairs(plan.traffic and traffic_lines(plan) or {}) do lines[#lines + 1] = line end
  return lines
end

-- }======

-- {====== status ======

local HEADINGS = { "variant", "conversations", "callers", "rate", "95 % interval", "duration", "turns" }
local TO_THE_RIGHT = { [2] = true, [3] = true, [4] = true, [6] = true, [7] = true }

local function variant_row(variant)
  return {
    variant.name, text.count(variant.conversations), text.count(variant.callers),
    variant.rate and text.percent(variant.rate.estimate) or "-",
    variant.rate and text.percent_range(variant.rate) or "-",
    mean(variant.duration, " s"), mean(variant.turns, ""),
  }
end

local verdicts = {
  higher = "'%s' is better than '%s', as was clear on %s",
  lower = "'%s' is worse than '%s', as was clear on %s",
  moved = "'%s' against '%s' is undecided: the difference has changed by more than chance explains, as was clear on %s",
}

--- A comparison in a sentence, without its figures.
---@param comparison anyreach.ab_comparison
---@return string
function text.comparison(comparison)
  local saying = verdicts[comparison.verdict]
  if saying then return saying:format(comparison.name, comparison.against, comparison.decided) end
  return ("'%s' against '%s' is undecided"):format(comparison.name, comparison.against)
end

--- The figures of a comparison.
---@param comparison anyreach.ab_comparison
---@return string
function text.difference(comparison)
  local difference = comparison.difference
  if not difference then return "too few callers to say" end
  return ("%s (%s)"):format(text.points(difference.estimate), text.points_range(difference))
end

--- What the experiment has come to, in a sentence.
---@param result anyreach.ab_result
---@return string
function text.verdict(result)
  if result.verdict == "won" then return ("Won: '%s' is the best."):format(result.winner) end
  if result.verdict == "lost" then return ("Lost: '%s' stays the best."):format(result.winner) end
  return "Undecided."
end

-- How many days more the planned number takes, at the traffic so far of the variant that gets the least.
local function remaining(result)
  local least = math.huge
  for _, variant in ipairs(result.variants) do least = math.min(least, variant.conversations) end
  if not result.planned or #result.days == 0 or least == 0 or least >= result.planned then return "" end
  local days = math.ceil((result.planned - least) / (least / #result.days))
  return ("; about %s more at this traffic"):format(text.quantity(days, "day"))
end

--- How far the experiment is from its plan, or nil when that cannot be told yet.
---@param view anyreach.ab_view
---@return string|nil
function text.outlook(view)
  local result = view.result
  if not result.planned then return nil end
  local goes_on = view.state.phase == "running" and result.verdict == "undecided"
  return ("A lift of %.1f points takes %s conversations a variant at most%s."):format(view.lift * 100,
    text.count(result.planned), goes_on and remaining(result) or "")
end

--- What the figures leave out, and what is not known of them.
---@param view anyreach.ab_view
---@return string[]
function text.left_out(view)
  local result, elsewhere = view.result, view.elsewhere
  local parts, under_way, not_counted, unknown = {}, 0, 0, 0
  for _, variant in ipairs(result.variants) do
    under_way, not_counted = under_way + variant.under_way, not_counted + variant.not_counted
    unknown = unknown + variant.unknown_callers
  end
  if under_way > 0 then parts[#parts + 1] = text.count(under_way) .. " have not ended" end
  if not_counted > 0 then parts[#parts + 1] = text.count(not_counted) .. " do not count by the outcome" end
  if elsewhere > 0 then parts[#parts + 1] = text.count(elsewhere) .. " came over other numbers" end
  local lines = {}
  if #parts > 0 then lines[1] = "Left out: " .. table.concat(parts, ", ") .. "." end
  if unknown > 0 then lines[#lines + 1] = ("Of %s the caller is unknown; each counts as a caller of its own.")
    :format(text.quantity(unknown, "conversation")) end
  return lines
end

--- How far the experiment is, with its dates.
---@param state anyreach.ab_state
---@return string
function text.phase(state)
  local started, concluded = state.started_at:sub(1, 10), (state.concluded_at or ""):sub(1, 10)
  if state.phase == "running" then return "running since " .. started end
  if state.phase == "starting" then return "begun on " .. started .. ", and its start was cut off" end
  if state.phase == "concluding" then return "started on " .. started .. ", and being concluded" end
  return ("ran from %s to %s"):format(started, concluded)
end

local function heading(state)
  return ("%s: %s, on the agent %s (%s)"):format(state.experiment, text.phase(state), state.agent.name, state.direction)
end

--- The status.
---@param view anyreach.ab_view
---@return string[] lines
function text.status(view)
  local rows, lines = { HEADINGS }, { heading(view.state), "" }
  for _, variant in ipairs(view.result.variants) do rows[#rows + 1] = variant_row(variant) end
  for _, line in ipairs(table_lines(rows, TO_THE_RIGHT)) do lines[#lines + 1] = line end
  lines[#lines + 1] = ""
  for _, comparison in ipairs(view.result.comparisons) do
    lines[#lines + 1] = ("%s: %s"):format(text.comparison(comparison), text.difference(comparison))
  end
  lines[#lines + 1] = text.verdict(view.result)
  lines[#lines + 1] = text.outlook(view)
  for _, line in ipairs(text.left_out(view)) do lines[#lines + 1] = line end
  return lines
end

-- }======

return text
