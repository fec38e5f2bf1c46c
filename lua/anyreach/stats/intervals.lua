-- Confidence intervals that hold for one look at finished data: Wilson's for a rate, Newcombe's for the
-- difference of two rates, Student's for a mean. Pure functions. For data that you look at repeatedly use
-- stats/sequential.lua.
--
-- Sources: E. B. Wilson, JASA 22 (1927); R. G. Newcombe, Statistics in Medicine 17 (1998), pages 857-872
-- (rates, method 3) and 873-890 (differences, method 10).

local distributions = require "anyreach.stats.distributions"

local intervals = {}

local DEFAULT_CONFIDENCE = 0.95

---@class anyreach.interval
---@field estimate number
---@field low number
---@field high number

local function check_counts(successes, total)
  if not (total > 0 and successes >= 0 and successes <= total) then
    error(("expected a number of successes from 0 to a total of more than 0, got %s of %s"):format(successes, total), 3)
  end
end

-- How many standard deviations wide an interval of a confidence is, to either side.
local function width(confidence)
  return distributions.normal_quantile((1 + (confidence or DEFAULT_CONFIDENCE)) / 2)
end

--- Wilson's interval of a rate. Counts need not be whole: where observations depend on each other, they
--- are effective ones.
---@param successes number
---@param total number
---@param confidence? number default 0.95
---@return anyreach.interval
function intervals.wilson(successes, total, confidence)
  check_counts(successes, total)
  local z, rate = width(confidence), successes / total
  local centre = (successes + z * z / 2) / (total + z * z)
  local half = z * math.sqrt(total * rate * (1 - rate) + z * z / 4) / (total + z * z)
  return { estimate = rate, low = math.max(0, centre - half), high = math.min(1, centre + half) }
end

--- Newcombe's interval of the difference of two independent rates, second minus first.
---@param first {successes: number, total: number}
---@param second {successes: number, total: number}
---@param confidence? number default 0.95
---@return anyreach.interval
function intervals.newcombe(first, second, confidence)
  local a = intervals.wilson(first.successes, first.total, confidence)
  local b = intervals.wilson(second.successes, second.total, confidence)
  local difference = b.estimate - a.estimate
  return {
    estimate = difference,
    low = difference - math.sqrt((b.estimate - b.low) ^ 2 + (a.high - a.estimate) ^ 2),
    high = difference + math.sqrt((b.high - b.estimate) ^ 2 + (a.estimate - a.low) ^ 2),
  }
end

--- Student's interval of a mean.
---@param mean number
---@param variance number of the mean, not of the observations
---@param degrees number of freedom; at least 1
---@param confidence? number default 0.95
---@return anyreach.interval
function intervals.mean(mean, variance, degrees, confidence)
  local half = distributions.t_quantile((1 + (confidence or DEFAULT_CONFIDENCE)) / 2, degrees) * math.sqrt(variance)
  return { estimate = mean, low = mean - half, high = mean + half }
end

return intervals
