-- The normal, beta and Student's t distribution: areas under them and their quantiles, to about twelve
-- digits. Pure functions; a probability outside 0..1 is misuse and raises.
--
-- Sources: G. Marsaglia, "Evaluating the Normal Distribution", Journal of Statistical Software 11 (2004);
-- NIST Digital Library of Mathematical Functions 7.9 (continued fraction of the tail), 8.17.22 (of the
-- incomplete beta function) and 5.11.1 (Stirling's series).

local distributions = {}

local SQRT_TWO_PI = math.sqrt(2 * math.pi)
local SERIES_MAX = 3 -- beyond it the tail comes from a continued fraction, which keeps its digits
local FRACTION_DEPTH = 100
local BETA_DEPTH = 500

-- Raises unless a probability lies strictly between 0 and 1.
local function check_probability(p)
  if type(p) ~= "number" or not (p > 0 and p < 1) then
    error(("expected a probability between 0 and 1, got %s"):format(tostring(p)), 3)
  end
end

-- Finds where an increasing function reaches a value, between two bounds, by halving.
local function invert(f, value, low, high)
  while high - low > 1e-14 * math.max(1, math.abs(low)) do
    local middle = low + (high - low) / 2
    if middle == low or middle == high then break end
    if f(middle) < value then low = middle else high = middle end
  end
  return low + (high - low) / 2
end

-- {====== normal ======

--- The density of the standard normal distribution.
---@param z number
---@return number
function distributions.normal_density(z)
  return math.exp(-z * z / 2) / SQRT_TWO_PI
end

-- The area beyond z > 0.
local function upper_tail(z)
  local fraction = z
  for depth = FRACTION_DEPTH, 1, -1 do fraction = z + depth / fraction end
  return distributions.normal_density(z) / fraction
end

-- The area between 0 and z, by Marsaglia's series.
local function central_area(z)
  local sum, term, k = z, z, 1
  repeat
    k = k + 2
    term = term * z * z / k
    sum = sum + term
  until math.abs(term) < 1e-17 * math.abs(sum) or term == 0
  return sum * distributions.normal_density(z)
end

--- The probability that a standard normal variable is at most z.
---@param z number
---@return number
function distributions.normal_cdf(z)
  if z > SERIES_MAX then return 1 - upper_tail(z) end
  if z < -SERIES_MAX then return upper_tail(-z) end
  return 0.5 + central_area(z)
end

--- The z that a standard normal variable is at most with probability p.
---@param p number between 0 and 1
---@return number
function distributions.normal_quantile(p)
  check_probability(p)
  if p > 0.5 then return -distributions.normal_quantile(1 - p) end
  return invert(distributions.normal_cdf, p, -39, 0)
end

-- }======

-- {====== beta and t ======

-- The logarithm of the gamma function for x > 0: Stirling's series, after x has been made large.
local function log_gamma(x)
  local shift = 0
  while x < 12 do
    shift = shift + math.log(x)
    x = x + 1
  end
  local y = 1 / (x * x)
  local series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x
  return (x - 0.5) * math.log(x) - x + 0.5 * math.log(2 * math.pi) + series - shift
end

-- The coefficient of a place in the continued fraction of the incomplete beta function.
local function beta_coefficient(place, x, a, b)
  local m = place // 2
  if place % 2 == 0 then return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) end
  return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
end

-- The area by the continued fraction, which converges fast where x is below the mean.
local function beta_area(x, a, b)
  local fraction = 1
  for place = BETA_DEPTH, 1, -1 do fraction = 1 + beta_coefficient(place, x, a, b) / fraction end
  local log_front = a * math.log(x) + b * math.log(1 - x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b)
  return math.exp(log_front) / (a * fraction)
end

--- The probability that a beta variable is at most x: the regularised incomplete beta function.
---@param x number from 0 to 1
---@param a number more than 0
---@param b number more than 0
---@return number
function distributions.beta_cdf(x, a, b)
  if not (a > 0 and b > 0) then error("expected two shapes of more than 0", 2) end
  if x <= 0 then return 0 end
  if x >= 1 then return 1 end
  if x > (a + 1) / (a + b + 2) then return 1 - beta_area(1 - x, b, a) end
  return beta_area(x, a, b)
end

--- The probability that Student's t is at most t.
---@param t number
---@param degrees number of freedom, more than 0
---@return number
function distributions.t_cdf(t, degrees)
  local beyond = distributions.beta_cdf(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
  return t > 0 and 1 - beyond or beyond
end

--- The t that Student's t is at most with probability p.
---@param p number between 0 and 1
---@param degrees number of freedom, more than 0
---@return number
function distributions.t_quantile(p, degrees)
  check_probability(p)
  if p > 0.5 then return -distributions.t_quantile(1 - p, degrees) end
  local low = -1
  while distributions.t_cdf(low, degrees) > p do low = low * 2 end
  return invert(function(t) return distributions.t_cdf(t, degrees) end, p, low, 0)
end

-- }======

return distributions
