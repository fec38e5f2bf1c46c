-- A test of a difference that stays valid however often you look at it, and whenever you stop: a confidence sequence.
-- With probability 1 - alpha the true difference is inside all intervals ever computed, so a false "it differs" has a
-- probability of at most alpha over the whole experiment.
--
-- Method: the two-sided normal mixture boundary. The estimate with variance V is taken for a Brownian
-- motion at the time I = 1/V (its information); mixing the likelihood ratios over a normal prior of the
-- effect with the variance 1/eta gives a martingale, and Ville's inequality bounds it for all times:
--   |estimate| >= sqrt((I + eta) * (log((I + eta) / eta) + 2 log(1 / alpha))) / I   at most with probability alpha.
-- It holds asymptotically: for means of many independent clusters, by the strong approximation of their
-- sums; hence the minimum of callers in agents/ab_test/analysis.lua. Under "no effect" it is the mixture SPRT.
--
-- Why this, and not alpha spending: it needs no list of the looks and no maximum sample, and gives an interval that can
-- be shown every day; it stays valid when data arrives late or the experiment runs longer. Its price is a larger sample
-- than a single look needs.
--
-- Parameter: eta, chosen so that the boundary is lowest at the information that the plan foresees.
--
-- Sources: H. Robbins, Annals of Mathematical Statistics 41 (1970); S. R. Howard et al., "Time-uniform,
-- nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), section 3.5; R. Johari
-- et al., "Always valid inference", Operations Research 70 (2022); I. Waudby-Smith et al., "Time-uniform
-- central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024).

local distributions = require "anyreach.stats.distributions"

local sequential = {}

local GRID_STEP = 0.25 -- of the standard deviation between two looks
local KERNEL_WIDTH = 6 -- standard deviations
local LARGEST_DRIFT = 12

local function check(name, value, low, high)
  if type(value) ~= "number" or not (value > low and value < high) then
    error(("%s: expected a number between %g and %g, got %s"):format(name, low, high, tostring(value)), 3)
  end
end

-- {====== the boundary ======

-- The planned information over eta that makes the boundary lowest there: the root of r = log(1 + r) + 2 log(1/alpha).
local function best_ratio(alpha)
  local ratio = 8
  for _ = 1, 100 do ratio = math.log(1 + ratio) - 2 * math.log(alpha) end
  return ratio
end

-- The half width of the interval at an information, for an eta.
local function half_width(information, eta, alpha)
  local sum = information + eta
  return math.sqrt(sum * (math.log(sum / eta) - 2 * math.log(alpha))) / information
end

-- }======

-- {====== power ======

-- Looks are taken at the times 1/looks, 2/looks, …, 1 of a Brownian motion with a drift. Its density where
-- it has not yet crossed lies on a grid, is spread by a normal step and cut at the boundary, look by look.
local function step_weights(drift, looks)
  local deviation = math.sqrt(1 / looks)
  local h = GRID_STEP * deviation
  local reach, weights = math.ceil(KERNEL_WIDTH / GRID_STEP), {}
  local shift = drift / looks
  for offset = -reach, reach do
    weights[offset] = distributions.normal_density((offset * h - shift) / deviation) / deviation * h
  end
  return weights, reach, h
end

-- The density after one more step, for the places -edge..edge of the grid.
local function spread(density, old_edge, edge, weights, reach)
  local result = {}
  for place = -edge, edge do
    local sum = 0
    for from = math.max(-old_edge, place - reach), math.min(old_edge, place + reach) do
      sum = sum + density[from] * weights[place - from]
    end
    result[place] = sum
  end
  return result
end

local function mass(density, edge)
  local sum = 0
  for place = -edge, edge do sum = sum + density[place] end
  return sum
end

-- The probability of having crossed after all looks, and the mean time of crossing or of the last look.
local function crossing(drift, looks, alpha)
  local eta = 1 / best_ratio(alpha)
  local weights, reach, h = step_weights(drift, looks)
  local density, edge, alive, mean = { [0] = 1 }, 0, 1, 0
  for look = 1, looks do
    mean = mean + alive / looks
    local time = look / looks
    local next_edge = math.floor(time * half_width(time, eta, alpha) / h)
    density, edge = spread(density, edge, next_edge, weights, reach), next_edge
    alive = mass(density, edge)
  end
  return 1 - alive, mean
end

---@class anyreach.sequential_plan
---@field drift number what the last look expects, in standard deviations
---@field mean_share number of the information that is used on average if the effect exists

--- The effect that the sequence finds with a given power, with so many equally spaced looks up to the planned
--- information.
---@param alpha number
---@param power number
---@param looks integer
---@return anyreach.sequential_plan
function sequential.plan(alpha, power, looks)
  check("alpha", alpha, 0, 1)
  check("power", power, 0, 1)
  local low, high = 0, LARGEST_DRIFT
  for _ = 1, 20 do
    local middle = (low + high) / 2
    if crossing(middle, looks, alpha) < power then low = middle else high = middle end
  end
  local _, mean_share = crossing(high, looks, alpha)
  return { drift = high, mean_share = mean_share }
end

-- }======

-- {====== the sequence ======

local Sequence = {}
Sequence.__index = Sequence

---@class anyreach.sequence_options
---@field alpha number probability of a false difference
---@field information number at which the interval is narrowest: 1 / variance of the planned estimate

--- A new confidence sequence.
---@param options anyreach.sequence_options
function sequential.new(options)
  check("alpha", options.alpha, 0, 1)
  check("information", options.information, 0, math.huge)
  return setmetatable({
    alpha = options.alpha,
    eta = options.information / best_ratio(options.alpha),
    low = -math.huge,
    high = math.huge,
  }, Sequence)
end

--- The interval of one look. All intervals hold together, so what several of them have in common holds
--- too: `low` and `high` of the sequence are that. Where it is empty, the difference has moved by more than
--- chance explains.
---@param estimate number
---@param variance number of the estimate, more than 0
---@return anyreach.interval
function Sequence:look(estimate, variance)
  local half = half_width(1 / variance, self.eta, self.alpha)
  self.low, self.high = math.max(self.low, estimate - half), math.min(self.high, estimate + half)
  return { estimate = estimate, low = estimate - half, high = estimate + half }
end

--- What the looks have shown so far.
---@return "higher"|"lower"|"undecided"|"moved"
function Sequence:verdict()
  if self.low > self.high then return "moved" end
  if self.low > 0 then return "higher" end
  if self.high < 0 then return "lower" end
  return "undecided"
end

-- }======

return sequential
