-- What the conversations of an experiment show: a rate with its interval for each variant, and for each variant against
-- the first one a confidence sequence over the days. Pure; the result depends on the data alone, not on how often
-- somebody has looked.
--
-- The conversations of one caller are one cluster. Where the caller is unknown, each conversation counts as a caller of
-- its own. With several variants, each comparison gets its share of alpha (Bonferroni).

local sample_size = require "anyreach.stats.sample_size"
local stats = require "anyreach.stats"

local analysis = {}

-- With fewer callers of a variant the normal approximation of the sequence cannot be trusted.
analysis.FIRST_LOOK = 20

---@class anyreach.ab_variant
---@field name string
---@field conversations integer that count
---@field callers integer
---@field successes integer
---@field under_way integer conversations that have not ended
---@field not_counted integer conversations that have ended, and do not count
---@field unknown_callers integer
---@field rate anyreach.interval|nil nil without conversations
---@field design_effect number|nil
---@field duration anyreach.interval|nil seconds
---@field turns anyreach.interval|nil

---@class anyreach.ab_day
---@field date string
---@field counts table<string, integer> conversations so far, by variant
---@field looks table<string, anyreach.interval> of the comparisons, by variant

---@class anyreach.ab_comparison
---@field name string
---@field against string
---@field alpha number
---@field difference anyreach.interval|nil as of today; nil with too few callers
---@field low number|nil what all looks have in common
---@field high number|nil
---@field verdict "higher"|"lower"|"undecided"|"moved"
---@field decided string|nil the day on which the verdict was reached

---@class anyreach.ab_result
---@field variants anyreach.ab_variant[]
---@field comparisons anyreach.ab_comparison[]
---@field days anyreach.ab_day[]
---@field verdict "won"|"lost"|"undecided"
---@field winner string|nil the variant that has won; the first one when all others have lost
---@field planned number|nil conversations of each variant with which `lift` is found

-- {====== gathering ======

local function by_date(observations)
  local dates, by = {}, {}
  for _, observation in ipairs(observations) do
    local list = by[observation.date]
    if not list then
      list = {}
      by[observation.date] = list
      dates[#dates + 1] = observation.date
    end
    list[#list + 1] = observation
  end
  table.sort(dates)
  return dates, by
end

local function new_sums(names)
  local sums = { outcomes = stats.clusters(), durations = stats.clusters(), turns = stats.clusters(), variants = {} }
  for index, name in ipairs(names) do
    local variant = { name = name, conversations = 0, callers = 0, successes = 0, under_way = 0, not_counted = 0,
      unknown_callers = 0 }
    sums.variants[index], sums.variants[name] = variant, variant
  end
  return sums
end

local function add(sums, observation)
  local variant = sums.variants[observation.variant]
  if not observation.is_over then
    variant.under_way = variant.under_way + 1
  elseif observation.success == nil then
    variant.not_counted = variant.not_counted + 1
  else
    local caller = observation.caller
    if caller == nil then
      variant.unknown_callers, caller = variant.unknown_callers + 1, observation
    end
    variant.conversations = variant.conversations + 1
    variant.successes = variant.successes + (observation.success and 1 or 0)
    sums.outcomes:add(variant.name, caller, observation.success and 1 or 0)
    if observation.duration then sums.durations:add(variant.name, caller, observation.duration) end
    if observation.turns then sums.turns:add(variant.name, caller, observation.turns) end
  end
end

-- }======

-- {====== variants ======

local function mean_interval(clusters, name)
  local mean = clusters:mean(name)
  if not mean or mean.clusters < 2 then return nil end
  return stats.mean_interval(mean.mean, mean.variance, mean.clusters - 1)
end

-- Wilson's interval for as many independent conversations as the clustered ones are worth.
local function rate_interval(sums, variant)
  if variant.conversations == 0 then return nil end
  local effect = sums.outcomes:design_effect(variant.name)
  return stats.wilson(variant.successes / effect, variant.conversations / effect), effect
end

local function finish_variant(sums, variant)
  local mean = sums.outcomes:mean(variant.name)
  variant.callers = mean and mean.clusters or 0
  variant.rate, variant.design_effect = rate_interval(sums, variant)
  variant.duration = mean_interval(sums.durations, variant.name)
  variant.turns = mean_interval(sums.turns, variant.name)
end

-- }======

-- {====== comparisons ======

-- The sequence is narrowest at an information that depends on the smallest lift that matters alone.
local function new_comparisons(names, options)
  local comparisons = {}
  local alpha = options.alpha / (#names - 1)
  local plan = stats.sequential_plan(alpha, options.power, sample_size.DEFAULT_LOOKS)
  local information = (plan.drift / options.lift) ^ 2
  for index = 2, #names do
    comparisons[index - 1] = {
      name = names[index],
      against = names[1],
      alpha = alpha,
      verdict = "undecided",
      sequence = stats.confidence_sequence { alpha = alpha, information = information },
    }
  end
  return comparisons
end

local function has_callers(sums, name)
  local mean = sums.outcomes:mean(name)
  return mean ~= nil and mean.clusters >= analysis.FIRST_LOOK
end

-- One look at the end of a day.
local function look(sums, comparison, date)
  if not (has_callers(sums, comparison.name) and has_callers(sums, comparison.against)) then return nil end
  local found = sums.outcomes:rate_difference(comparison.against, comparison.name)
  local interval = comparison.sequence:look(found.estimate, found.variance)
  interval.low, interval.high = math.max(interval.low, -1), math.min(interval.high, 1)
  local verdict = comparison.sequence:verdict()
  if verdict ~= comparison.verdict then comparison.verdict, comparison.decided = verdict, date end
  comparison.difference = interval
  comparison.low, comparison.high = math.max(comparison.sequence.low, -1), math.min(comparison.sequence.high, 1)
  return interval
end

local function end_day(sums, comparisons, date)
  local day = { date = date, counts = {}, looks = {} }
  for _, variant in ipairs(sums.variants) do day.counts[variant.name] = variant.conversations end
  for _, comparison in ipairs(comparisons) do day.looks[comparison.name] = look(sums, comparison, date) end
  return day
end

-- }======

-- {====== the verdict ======

-- Won: a variant is better than the first one, and of several the one with the highest rate. Lost: all are worse.
local function judge(result, by_name)
  local lost = 0
  for _, comparison in ipairs(result.comparisons) do
    if comparison.verdict == "higher" then
      local rate = by_name[comparison.name].rate.estimate
      if not result.winner or rate > by_name[result.winner].rate.estimate then result.winner = comparison.name end
    elseif comparison.verdict == "lower" then
      lost = lost + 1
    end
  end
  if result.winner then return "won" end
  if lost < #result.comparisons then return "undecided" end
  result.winner = result.variants[1].name
  return "lost"
end

-- Conversations of each variant with which the smallest lift that matters is found, at the current rate and with as
-- many repeated callers as now.
local function planned(result, options)
  local first = result.variants[1]
  local rate = first.rate and first.rate.estimate
  if not rate or rate <= 0 or rate + options.lift >= 1 then return nil end
  local size = stats.sequential_sample_size {
    rate = rate, lift = options.lift, alpha = options.alpha / #result.comparisons, power = options.power,
  }
  return math.ceil(size.most * first.design_effect)
end

-- }======

--- Analyses the observations of an experiment.
---@param names string[] of the variants, the first being what the others are compared with
---@param observations anyreach.observation[]
---@param options {alpha: number, power: number, lift: number}
---@return anyreach.ab_result
function analysis.run(names, observations, options)
  local sums, comparisons = new_sums(names), new_comparisons(names, options)
  local result = { variants = table.move(sums.variants, 1, #names, 1, {}), comparisons = comparisons, days = {} }
  local dates, by = by_date(observations)
  for index, date in ipairs(dates) do
    for _, observation in ipairs(by[date]) do add(sums, observation) end
    result.days[index] = end_day(sums, comparisons, date)
  end
  for _, variant in ipairs(result.variants) do finish_variant(sums, variant) end
  for _, comparison in ipairs(comparisons) do comparison.sequence = nil end
  result.verdict = judge(result, sums.variants)
  result.planned = planned(result, options)
  return result
end

return analysis
