-- Planning the sample of an experiment: how many conversations it takes, and how many days at the current traffic.

local analysis = require "anyreach.agents.ab_test.analysis"
local conversations = require "anyreach.agents.ab_test.conversations"
local errors = require "anyreach.errors"
local stats = require "anyreach.stats"
local timestamp = require "anyreach.text.timestamp"

local sample_plan = {}

--- The traffic is counted over so many days.
sample_plan.TRAFFIC_DAYS = 14

local DAY_SECONDS = 86400

---@class anyreach.ab_traffic
---@field conversations integer that ended in these days and count
---@field callers integer
---@field rate anyreach.interval|nil share of successes, if the outcome is known
---@field design_effect number how many times as many conversations repeated callers make necessary
---@field slowest number conversations a day of the variant that gets the fewest

---@class anyreach.ab_plan
---@field rate number
---@field lift number
---@field alpha number for all comparisons together
---@field power number
---@field variants integer
---@field once integer conversations of each variant, looked at once, at the end
---@field most integer conversations of each variant, looked at every day, with which the lift is found
---@field average integer needed on average if the lift exists
---@field traffic anyreach.ab_traffic|nil
---@field days_most number|nil
---@field days_average number|nil

-- {====== traffic ======

-- Without an outcome every conversation that has ended counts.
local function any_outcome()
  return true
end

local function summarize(observations, names, has_outcome)
  local merged, counts = {}, {}
  for _, name in ipairs(names) do counts[name] = 0 end
  local outcomes = stats.clusters()
  for _, observation in ipairs(observations) do
    if observation.success ~= nil then
      counts[observation.variant] = counts[observation.variant] + 1
      outcomes:add("all", observation.caller or observation, observation.success and 1 or 0)
      merged[#merged + 1] = observation
    end
  end
  local mean, slowest = outcomes:mean "all", math.huge
  for _, name in ipairs(names) do slowest = math.min(slowest, counts[name] / sample_plan.TRAFFIC_DAYS) end
  local effect = has_outcome and outcomes:design_effect "all" or 1
  return {
    conversations = #merged,
    callers = mean and mean.clusters or 0,
    rate = has_outcome and mean and stats.wilson(mean.sum / effect, mean.observations / effect) or nil,
    design_effect = effect,
    slowest = slowest,
  }
end

--- Counts the conversations of the last days.
---@param api anyreach.client
---@param sources anyreach.traffic_source[] one for each variant and number, or one for all of it
---@param options {names: string[], outcome: anyreach.outcome|nil, caller: string, most: integer|nil}
---@return anyreach.ab_traffic
function sample_plan.count(api, sources, options)
  local now = os.time()
  local from = timestamp.format((now - sample_plan.TRAFFIC_DAYS * DAY_SECONDS) * 1000000)
  local read = conversations.read(api, sources, {
    from = from,
    to = timestamp.format(now * 1000000),
    caller = options.caller,
    outcome = options.outcome or any_outcome,
    most = options.most,
  })
  local recent = {}
  for _, observation in ipairs(read.observations) do
    if observation.date >= from:sub(1, 10) then recent[#recent + 1] = observation end
  end
  return summarize(recent, options.names, options.outcome ~= nil)
end

-- }======

local function days(count, traffic_now)
  if not traffic_now or traffic_now.slowest <= 0 then return nil end
  return math.ceil(count / traffic_now.slowest)
end

--- Makes the plan.
---@param options {rate: number, lift: number, alpha: number, power: number, variants: integer}
---@param traffic_now? anyreach.ab_traffic
---@return anyreach.ab_plan
function sample_plan.make(options, traffic_now)
  if options.rate + options.lift > 1 or options.rate + options.lift < 0 then
    errors.raise("input", "a rate of %g with a lift of %g is not a rate; expected a sum from 0 to 1",
      options.rate, options.lift)
  end
  local question = { rate = options.rate, lift = options.lift, power = options.power,
    alpha = options.alpha / (options.variants - 1) }
  local daily, effect = stats.sequential_sample_size(question), traffic_now and traffic_now.design_effect or 1
  local result = {
    rate = options.rate, lift = options.lift, alpha = options.alpha, power = options.power,
    variants = options.variants,
    once = math.ceil(stats.sample_size(question) * effect),
    most = math.ceil(daily.most * effect),
    average = math.ceil(daily.average * effect),
    least_callers = analysis.FIRST_LOOK,
    traffic = traffic_now,
  }
  result.days_most, result.days_average = days(result.most, traffic_now), days(result.average, traffic_now)
  return result
end

return sample_plan
