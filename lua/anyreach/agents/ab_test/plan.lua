-- Planning an experiment: how many conversations it takes, and how many days at the present traffic.

local analysis = require "anyreach.agents.ab_test.analysis"
local errors = require "anyreach.errors"
local stats = require "anyreach.stats"
local timestamp = require "anyreach.text.timestamp"
local traffic = require "anyreach.agents.ab_test.traffic"

local plan = {}

--- Days of the past that the traffic is counted in.
plan.TRAFFIC_DAYS = 14

local DAY_SECONDS = 86400

---@class anyreach.ab_traffic
---@field conversations integer in the days counted, that ended and count
---@field callers integer
---@field rate anyreach.interval|nil share of successes, where the outcome is known
---@field design_effect number how many times more conversations repeated callers make necessary
---@field slowest number conversations a day of the variant that gets the fewest

---@class anyreach.ab_plan
---@field rate number
---@field lift number
---@field alpha number of all comparisons together
---@field power number
---@field variants integer
---@field once integer conversations of each variant, looked at once, at the end
---@field most integer conversations of each variant, looked at every day: with them the lift is found
---@field average integer that are needed on average, when the lift is there
---@field traffic anyreach.ab_traffic|nil
---@field days_most number|nil
---@field days_average number|nil

-- {====== traffic ======

-- The outcome where none is asked for: every conversation that has ended counts.
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
  for _, name in ipairs(names) do slowest = math.min(slowest, counts[name] / plan.TRAFFIC_DAYS) end
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
function plan.count(api, sources, options)
  local now = os.time()
  local from = timestamp.format((now - plan.TRAFFIC_DAYS * DAY_SECONDS) * 1000000)
  local read = traffic.read(api, sources, {
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

local function days(conversations, traffic_now)
  if not traffic_now or traffic_now.slowest <= 0 then return nil end
  return math.ceil(conversations / traffic_now.slowest)
end

--- Makes the plan.
---@param options {rate: number, lift: number, alpha: number, power: number, variants: integer}
---@param traffic_now? anyreach.ab_traffic
---@return anyreach.ab_plan
function plan.make(options, traffic_now)
  if options.rate + options.lift > 1 or options.rate + options.lift < 0 then
    errors.raise("input", "a rate of %g with a lift of %g is no rate any more; expected both together from 0 to 1",
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

return plan
