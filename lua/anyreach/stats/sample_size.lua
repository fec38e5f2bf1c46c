-- How many observations it takes to distinguish two rates: with one look at the end, and with the confidence sequence
-- of stats/sequential.lua. Pure functions.
--
-- Source of the former: J. L. Fleiss, Statistical Methods for Rates and Proportions, 2nd edition 1981,
-- section 3.2, without continuity correction; R's power.prop.test computes the same.

local distributions = require "anyreach.stats.distributions"
local sequential = require "anyreach.stats.sequential"

local sample_size = {}

--- A look a day for four weeks; the result hardly depends on it.
sample_size.DEFAULT_LOOKS = 28

---@class anyreach.sample_size_options
---@field rate number the present rate
---@field lift number the difference to find: the other rate minus this one; it may be negative
---@field alpha? number default 0.05, two-sided
---@field power? number default 0.8
---@field looks? integer of the sequence; default 28

-- The two rates, and the other values with their defaults.
local function read(options)
  local first, second = options.rate, options.rate + options.lift
  if not (first >= 0 and first <= 1 and second >= 0 and second <= 1) then
    error(("expected a rate, and a rate with its lift, from 0 to 1; got %g and %g"):format(first, second), 3)
  end
  if options.lift == 0 then error("expected a lift other than 0", 3) end
  return first, second, options.alpha or 0.05, options.power or 0.8
end

local function spread_of(rate)
  return rate * (1 - rate)
end

--- Observations in each of two groups, for one look at the end.
---@param options anyreach.sample_size_options
---@return number not rounded
function sample_size.once(options)
  local first, second, alpha, power = read(options)
  local pooled = spread_of((first + second) / 2)
  local by_alpha = distributions.normal_quantile(1 - alpha / 2) * math.sqrt(2 * pooled)
  local by_power = distributions.normal_quantile(power) * math.sqrt(spread_of(first) + spread_of(second))
  return ((by_alpha + by_power) / (second - first)) ^ 2
end

---@class anyreach.sequential_size
---@field most number of observations in each group: with them the lift is found with the planned power
---@field average number needed if the lift exists, because the test then ends early
---@field information number for sequential.new

--- Observations in each of two groups, with a look every day.
---@param options anyreach.sample_size_options
---@return anyreach.sequential_size
function sample_size.sequential(options)
  local first, second, alpha, power = read(options)
  local plan = sequential.plan(alpha, power, options.looks or sample_size.DEFAULT_LOOKS)
  local information = (plan.drift / (second - first)) ^ 2
  local most = information * (spread_of(first) + spread_of(second))
  return { most = most, average = most * plan.mean_share, information = information }
end

return sample_size
