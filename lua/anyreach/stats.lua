-- Statistics for scripts that compare variants: distributions, intervals, sample sizes, clustered data, and a test that
-- you may look at every day. Everything is plain Lua and pure; the parts name the sources of their formulas.
--
--   local stats = require "anyreach.stats"
--   local rate = stats.wilson(81, 263)              -- { estimate = 0.308, low = 0.255, high = 0.366 }
--   stats.sample_size { rate = 0.30, lift = 0.05 }  -- 1376.3 in each group, for one look

local clusters = require "anyreach.stats.clusters"
local distributions = require "anyreach.stats.distributions"
local intervals = require "anyreach.stats.intervals"
local sample_size = require "anyreach.stats.sample_size"
local sequential = require "anyreach.stats.sequential"

return {
  normal_cdf = distributions.normal_cdf,
  normal_quantile = distributions.normal_quantile,
  beta_cdf = distributions.beta_cdf,
  t_cdf = distributions.t_cdf,
  t_quantile = distributions.t_quantile,
  wilson = intervals.wilson,
  newcombe = intervals.newcombe,
  mean_interval = intervals.mean,
  sample_size = sample_size.once,
  sequential_sample_size = sample_size.sequential,
  confidence_sequence = sequential.new,
  sequential_plan = sequential.plan,
  clusters = clusters.new,
}
