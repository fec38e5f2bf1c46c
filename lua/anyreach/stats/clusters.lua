-- Means of groups whose observations come in clusters, such as several calls by one caller: what a caller does depends
-- on what the same caller did before, so callers are independent, and calls are not. Observations are added one at a
-- time, and the figures are available after each.
--
-- The mean of a group is the ratio of two sums over clusters, and its variance the linearised one of a
-- ratio (W. G. Cochran, Sampling Techniques, 3rd edition 1977, section 6.3; the "sandwich" of generalized
-- estimating equations with independence as working correlation). A cluster may be in several groups;
-- their covariance then enters into the variance of a difference.

local Clusters = {}
Clusters.__index = Clusters

---@class anyreach.mean
---@field mean number
---@field variance number of the mean; infinite with fewer than two clusters
---@field observations integer
---@field clusters integer
---@field sum number

-- Sums over the clusters of a group: of values, of numbers of observations, and of their products.
local function new_group()
  return { cells = {}, observations = 0, sum = 0, clusters = 0, sum_squares = 0, products = 0, count_squares = 0 }
end

--- An empty collection.
---@return anyreach.clusters
function Clusters.new()
  return setmetatable({ groups = {}, shared = {} }, Clusters)
end

-- The sums over the clusters that two groups share. The names are of the first group, then the second.
local function shared_sums(self, first, second)
  local of_first = self.shared[first] or {}
  self.shared[first] = of_first
  of_first[second] = of_first[second] or { sum_sum = 0, sum_count = 0, count_sum = 0, count_count = 0 }
  return of_first[second]
end

-- Notes an observation for the covariance with the other groups that its cluster is in.
local function add_shared(self, name, cluster, value)
  for other_name, other in pairs(self.groups) do
    local cell = other_name ~= name and other.cells[cluster]
    if cell then
      local ours, theirs = shared_sums(self, name, other_name), shared_sums(self, other_name, name)
      ours.sum_sum, theirs.sum_sum = ours.sum_sum + value * cell.sum, theirs.sum_sum + value * cell.sum
      ours.sum_count, theirs.count_sum = ours.sum_count + value * cell.count, theirs.count_sum + value * cell.count
      ours.count_sum, theirs.sum_count = ours.count_sum + cell.sum, theirs.sum_count + cell.sum
      ours.count_count, theirs.count_count = ours.count_count + cell.count, theirs.count_count + cell.count
    end
  end
end

--- Adds an observation.
---@param name string the group
---@param cluster any what the observation shares with others of its kind
---@param value number 0 or 1 where the mean is a rate
function Clusters:add(name, cluster, value)
  local group = self.groups[name] or new_group()
  self.groups[name] = group
  local cell = group.cells[cluster]
  if not cell then
    cell = { sum = 0, count = 0 }
    group.cells[cluster] = cell
    group.clusters = group.clusters + 1
  end
  add_shared(self, name, cluster, value)
  group.sum_squares = group.sum_squares + value * (2 * cell.sum + value)
  group.products = group.products + value * (cell.count + 1) + cell.sum
  group.count_squares = group.count_squares + 2 * cell.count + 1
  group.observations, group.sum = group.observations + 1, group.sum + value
  cell.count, cell.sum = cell.count + 1, cell.sum + value
end

-- The sum of squares of each cluster's deviation from the mean, over the square of the number of observations.
local function robust_variance(group, mean)
  if group.clusters < 2 then return math.huge end
  local squares = group.sum_squares - 2 * mean * group.products + mean * mean * group.count_squares
  return math.max(0, squares) * group.clusters / (group.clusters - 1) / group.observations ^ 2
end

--- The mean of a group, or nil when nothing was added to it.
---@param name string
---@return anyreach.mean|nil
function Clusters:mean(name)
  local group = self.groups[name]
  if not group then return nil end
  local mean = group.sum / group.observations
  return {
    mean = mean,
    variance = robust_variance(group, mean),
    observations = group.observations,
    clusters = group.clusters,
    sum = group.sum,
  }
end

-- The covariance of two means, from the clusters that they share.
local function covariance(self, first, second)
  local sums = self.shared[first.name] and self.shared[first.name][second.name]
  if not sums then return 0 end
  local products = sums.sum_sum - second.mean * sums.sum_count - first.mean * sums.count_sum
    + first.mean * second.mean * sums.count_count
  return products / (first.observations * second.observations)
end

--- The difference of two means, second minus first, and its variance; nil when one of them is missing.
---@param first string
---@param second string
---@return {estimate: number, variance: number}|nil
function Clusters:difference(first, second)
  local a, b = self:mean(first), self:mean(second)
  if not (a and b) then return nil end
  a.name, b.name = first, second
  return { estimate = b.mean - a.mean, variance = math.max(0, a.variance + b.variance - 2 * covariance(self, a, b)) }
end

-- The variance of a rate of independent observations, one success and one failure being added (A. Agresti
-- and B. Caffo, The American Statistician 54 (2000)): while all outcomes are the same, the observed variance is zero,
-- and would turn a few calls into certainty.
local function least_variance(mean)
  local rate = (mean.sum + 1) / (mean.observations + 2)
  return rate * (1 - rate) / (mean.observations + 2)
end

--- The same as `difference` for rates, with a variance that is never smaller than that of independent
--- observations.
---@param first string
---@param second string
---@return {estimate: number, variance: number}|nil
function Clusters:rate_difference(first, second)
  local found = self:difference(first, second)
  if not found then return nil end
  local least = least_variance(self:mean(first)) + least_variance(self:mean(second))
  return { estimate = found.estimate, variance = math.max(found.variance, least) }
end

--- The design effect: how many times larger the variance of a rate is than it would be if all observations were
--- independent. At least 1.
---@param name string
---@return number|nil
function Clusters:design_effect(name)
  local mean = self:mean(name)
  if not mean then return nil end
  local independent = mean.mean * (1 - mean.mean) / mean.observations
  if independent <= 0 or mean.variance == math.huge then return mean.observations / mean.clusters end
  return math.max(1, mean.variance / independent)
end

return Clusters
