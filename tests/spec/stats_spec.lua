-- anyreach.stats: figures against published ones, whose sources stand beside them, and the sequential test
-- by simulation with a fixed seed.

local stats = require "anyreach.stats"

-- Expects two numbers to agree to a number of decimals.
local function near(actual, expected, decimals)
  local distance = math.abs(actual - expected)
  if distance > 0.5 * 10.0 ^ -decimals then
    error(("expected %.10g, got %.10g"):format(expected, actual), 2)
  end
end

describe("distributions", function()
  it("give the areas of the normal distribution", function()
    -- Abramowitz and Stegun, Handbook of Mathematical Functions, table 26.1.
    near(stats.normal_cdf(0), 0.5, 15)
    near(stats.normal_cdf(1), 0.841344746068543, 15)
    near(stats.normal_cdf(1.96), 0.975002104851780, 15)
    near(stats.normal_cdf(-2.5), 0.006209665325776, 15)
    -- The tail, from Marsaglia (2004): Phi(-6) = 9.865876450376981e-10.
    near(stats.normal_cdf(-6) * 1e10, 9.865876450376981, 12)
  end)

  it("join the two ways to compute the normal distribution without a step", function()
    near(stats.normal_cdf(3 + 1e-9) - stats.normal_cdf(3 - 1e-9), 2e-9 * 0.00443184841, 15)
  end)

  it("give the quantiles of the normal distribution", function()
    -- Abramowitz and Stegun, table 26.5.
    near(stats.normal_quantile(0.975), 1.959963984540054, 12)
    near(stats.normal_quantile(0.80), 0.841621233572914, 12)
    near(stats.normal_quantile(0.001), -3.090232306167813, 12)
  end)

  it("give the quantiles of Student's t", function()
    -- Abramowitz and Stegun, table 26.10.
    near(stats.t_quantile(0.975, 1), 12.706, 3)
    near(stats.t_quantile(0.975, 10), 2.228, 3)
    near(stats.t_quantile(0.995, 30), 2.750, 3)
    near(stats.t_quantile(0.025, 60), -2.000, 3)
    near(stats.t_quantile(0.975, 1e6), 1.95997, 5)
  end)

  it("give the areas of the beta distribution", function()
    near(stats.beta_cdf(0.5, 2, 3), 11 / 16, 12) -- a polynomial: 6x^2 - 8x^3 + 3x^4
    near(stats.beta_cdf(0.3, 0.5, 0.5), 2 / math.pi * math.asin(math.sqrt(0.3)), 12) -- the arcsine law
    near(stats.beta_cdf(0.9, 20, 5), 0.91492511412133, 12) -- a binomial tail: P(Bin(24, 0.9) >= 20)
    expect.equal({ stats.beta_cdf(0, 2, 3), stats.beta_cdf(1, 2, 3) }, { 0, 1 })
  end)

  it("refuse what is no probability", function()
    expect.raises(function() stats.normal_quantile(1) end, "expected a probability between 0 and 1, got 1")
    expect.raises(function() stats.t_quantile(-0.5, 3) end, "expected a probability")
  end)
end)

describe("intervals of one look", function()
  -- Newcombe, Statistics in Medicine 17 (1998), page 861, table I: method 3.
  local rates = {
    { 81, 263, 0.2553, 0.3662 }, { 15, 148, 0.0624, 0.1605 }, { 0, 20, 0, 0.1611 }, { 1, 29, 0.0061, 0.1718 },
  }
  for _, row in ipairs(rates) do
    it(("of the rate %d of %d are Wilson's"):format(row[1], row[2]), function()
      local interval = stats.wilson(row[1], row[2])
      near(interval.estimate, row[1] / row[2], 12)
      near(interval.low, row[3], 4)
      near(interval.high, row[4], 4)
    end)
  end

  -- Newcombe, Statistics in Medicine 17 (1998), page 881, table II: method 10.
  local differences = {
    { 56, 70, 48, 80, 0.0524, 0.3339 }, { 9, 10, 3, 10, 0.1705, 0.8090 }, { 6, 7, 2, 7, 0.0582, 0.8062 },
    { 5, 56, 0, 29, -0.0381, 0.1926 }, { 0, 10, 0, 20, -0.1611, 0.2775 }, { 0, 10, 0, 10, -0.2775, 0.2775 },
    { 10, 10, 0, 20, 0.6791, 1 }, { 10, 10, 0, 10, 0.6075, 1 },
  }
  for _, row in ipairs(differences) do
    it(("of the difference %d/%d - %d/%d are Newcombe's"):format(table.unpack(row, 1, 4)), function()
      local interval = stats.newcombe({ successes = row[3], total = row[4] }, { successes = row[1], total = row[2] })
      near(interval.low, row[5], 4)
      near(interval.high, row[6], 4)
    end)
  end

  it("of a mean are Student's", function()
    -- Student, Biometrika 6 (1908): the additional hours of sleep by drug 2 over drug 1, mean 1.58, standard
    -- deviation 1.230 of 10; R's help of t.test gives the interval 0.7001 to 2.4599.
    local interval = stats.mean_interval(1.58, 1.229995 ^ 2 / 10, 9)
    near(interval.low, 0.7001, 4)
    near(interval.high, 2.4599, 4)
  end)

  it("refuse counts that cannot be", function()
    expect.raises(function() stats.wilson(3, 2) end, "expected a number of successes from 0 to a total")
    expect.raises(function() stats.wilson(0, 0) end, "got 0 of 0")
  end)
end)

describe("sample sizes", function()
  it("of one look are those of R's power.prop.test", function()
    -- The examples of its help page: power 0.9 with n = 76.7, and n = 50 with power 0.740.
    near(stats.sample_size { rate = 0.5, lift = 0.25, power = 0.9 }, 76.7, 1)
    near(stats.sample_size { rate = 0.5, lift = 0.25, power = 0.740 }, 50, 0)
  end)

  it("are the same for a loss as for a gain", function()
    near(stats.sample_size { rate = 0.35, lift = -0.05 }, stats.sample_size { rate = 0.3, lift = 0.05 }, 9)
  end)

  it("of daily looks are larger at most, and little larger on average", function()
    local once = stats.sample_size { rate = 0.3, lift = 0.05 }
    local daily = stats.sequential_sample_size { rate = 0.3, lift = 0.05 }
    expect.truthy(daily.most > 1.5 * once and daily.most < 2 * once)
    expect.truthy(daily.average > once and daily.average < 1.25 * once)
  end)

  it("refuse a lift of nothing and rates beyond 1", function()
    expect.raises(function() stats.sample_size { rate = 0.3, lift = 0 } end, "expected a lift other than 0")
    expect.raises(function() stats.sample_size { rate = 0.9, lift = 0.2 } end, "from 0 to 1; got 0.9 and 1.1")
  end)
end)

-- The variance of a difference the slow way: over all clusters of both groups, with what each contributes.
local function slow_variance(observations)
  local groups, clusters = {}, {}
  for _, row in ipairs(observations) do
    local group = groups[row[1]] or { count = 0, sum = 0, clusters = {} }
    groups[row[1]] = group
    group.count, group.sum = group.count + 1, group.sum + row[3]
    group.clusters[row[2]] = true
  end
  for _, group in pairs(groups) do
    group.size = 0
    for _ in pairs(group.clusters) do group.size = group.size + 1 end
  end
  for _, row in ipairs(observations) do
    local group = groups[row[1]]
    local cluster = clusters[row[2]] or { a = 0, b = 0 }
    clusters[row[2]] = cluster
    cluster[row[1]] = cluster[row[1]] + (row[3] - group.sum / group.count) / group.count
  end
  local of_a, of_b, both = 0, 0, 0
  for _, cluster in pairs(clusters) do
    of_a, of_b, both = of_a + cluster.a ^ 2, of_b + cluster.b ^ 2, both + cluster.a * cluster.b
  end
  local a, b = groups.a.size, groups.b.size
  return of_a * a / (a - 1) + of_b * b / (b - 1) - 2 * both
end

describe("clustered observations", function()
  it("have the textbook's variance when each is a cluster of its own", function()
    local groups = stats.clusters()
    for index = 1, 100 do groups:add("a", index, index <= 30 and 1 or 0) end
    local mean = groups:mean("a")
    near(mean.mean, 0.3, 12)
    near(mean.variance, 0.3 * 0.7 / 99, 12)
    near(groups:design_effect("a"), 100 / 99, 12)
  end)

  it("count as one when those of a cluster are all alike", function()
    local groups, single = stats.clusters(), stats.clusters()
    for index = 1, 50 do
      local outcome = index % 3 == 0 and 1 or 0
      single:add("a", index, outcome)
      for _ = 1, 4 do groups:add("a", index, outcome) end
    end
    near(groups:mean("a").variance, single:mean("a").variance, 12)
    near(groups:design_effect("a"), 4 * 50 / 49, 9)
  end)

  it("take callers of both groups into account", function()
    math.randomseed(7)
    local groups, rows = stats.clusters(), {}
    for _ = 1, 400 do
      local row = { math.random() < 0.5 and "a" or "b", math.random(60), math.random(0, 1) }
      rows[#rows + 1] = row
      groups:add(table.unpack(row))
    end
    near(groups:difference("a", "b").variance, slow_variance(rows), 12)
    near(groups:difference("b", "a").estimate, -groups:difference("a", "b").estimate, 12)
  end)

  it("make no certainty of a few outcomes that are all alike", function()
    local groups = stats.clusters()
    for index = 1, 20 do
      groups:add("a", "a" .. index, 0)
      groups:add("b", "b" .. index, 0)
    end
    expect.equal(groups:difference("a", "b").variance, 0.0)
    near(groups:rate_difference("a", "b").variance, 2 * (1 / 22) * (21 / 22) / 22, 12)
  end)

  it("have no figures before there are any", function()
    local groups = stats.clusters()
    expect.equal({ groups:mean("a"), groups:difference("a", "b"), groups:design_effect("a") }, {})
    groups:add("a", 1, 1)
    expect.equal(groups:mean("a").variance, math.huge)
    expect.equal(groups:difference("a", "b"), nil)
  end)
end)

describe("a confidence sequence", function()
  it("is as wide as the boundary of Robbins says", function()
    -- With eta = 1 and the variance 1/I: sqrt((I + 1) (log(I + 1) + 2 log(1/alpha))) / I, Robbins (1970), (20).
    local sequence = stats.confidence_sequence { alpha = 0.05, information = 100 }
    sequence.eta = 1
    local interval = sequence:look(0, 1 / 25)
    near(interval.high, math.sqrt(26 * (math.log(26) + 2 * math.log(20))) / 25, 12)
    near(interval.low, -interval.high, 12)
  end)

  it("is narrowest for its size at the planned information", function()
    local function relative_width(information, planned)
      local sequence = stats.confidence_sequence { alpha = 0.05, information = planned }
      return sequence:look(0, 1 / information).high * math.sqrt(information)
    end
    local best = relative_width(100, 100)
    near(best, 3.04, 2)
    for _, planned in ipairs { 50, 80, 125, 200 } do expect.truthy(relative_width(100, planned) > best) end
  end)

  it("keeps what all looks have in common, and notices when that is nothing", function()
    local sequence = stats.confidence_sequence { alpha = 0.05, information = 1000 }
    sequence:look(0, 1 / 10)
    expect.equal(sequence:verdict(), "undecided")
    sequence:look(0.3, 1 / 1000)
    expect.equal(sequence:verdict(), "higher")
    sequence:look(0.15, 1 / 1100)
    expect.equal(sequence:verdict(), "higher")
    sequence:look(-0.3, 1 / 1200)
    expect.equal(sequence:verdict(), "moved")
  end)

  it("refuses an alpha that is none", function()
    expect.raises(function() stats.confidence_sequence { alpha = 5, information = 1 } end,
      "alpha: expected a number between 0 and 1, got 5")
  end)
end)

-- {====== simulation ======

local DAYS, CALLS_A_DAY, FIRST_LOOK = 28, 40, 20

-- A caller of a mean rate, who is either easily convinced or hardly: 0.2 more or less than the mean.
local function new_caller(number, rates, spread)
  local shift = math.random() < 0.5 and spread or -spread
  return { number = number, a = rates.a + shift, b = rates.b + shift }
end

-- The caller of the next call to a group: with a probability one of those that have called it before, and
-- with another one that has called the other group.
local function next_caller(world, group)
  local chance = math.random()
  local from = chance < world.returning and world[group] or chance < world.returning + world.crossing and world.all
  if from and #from > 0 then return from[math.random(#from)] end
  world.count = world.count + 1
  local caller = new_caller(world.count, world.rates, world.spread)
  world.all[#world.all + 1] = caller
  return caller
end

-- One experiment, looked at every day. Returns the verdict of the sequence, and whether a test that is meant
-- for one look would have called it significant on one of the days.
local function experiment(options, information)
  local world = { a = {}, b = {}, all = {}, count = 0, rates = options.rates, spread = options.spread or 0,
    returning = options.returning or 0, crossing = options.crossing or 0 }
  local groups = stats.clusters()
  local sequence, is_significant_once = stats.confidence_sequence { alpha = 0.05, information = information }, false
  for _ = 1, DAYS do
    for call = 1, 2 * (options.calls or CALLS_A_DAY) do
      local group = call % 2 == 0 and "a" or "b"
      local caller = next_caller(world, group)
      table.insert(world[group], caller)
      groups:add(group, caller.number, math.random() < caller[group] and 1 or 0)
    end
    local found = groups:rate_difference("a", "b")
    if groups:mean("a").clusters >= FIRST_LOOK then sequence:look(found.estimate, found.variance) end
    is_significant_once = is_significant_once or math.abs(found.estimate) > 1.96 * math.sqrt(found.variance)
    if sequence:verdict() ~= "undecided" then break end
  end
  return sequence:verdict(), is_significant_once
end

-- The shares of experiments with each outcome.
local function simulate(count, options)
  math.randomseed(20261123)
  local size = stats.sequential_sample_size { rate = 0.3, lift = options.lift or 0.08 }
  local shares = { higher = 0, lower = 0, undecided = 0, moved = 0, once = 0 }
  for _ = 1, count do
    local verdict, is_significant_once = experiment(options, size.information)
    shares[verdict] = shares[verdict] + 1 / count
    if is_significant_once then shares.once = shares.once + 1 / count end
  end
  return shares
end

-- The largest share of `count` that a probability makes credible: three standard deviations above it.
local function tolerance(probability, count)
  return probability + 3 * math.sqrt(probability * (1 - probability) / count)
end

describe("daily looks at a simulated experiment", function()
  local COUNT = 400
  local same = { a = 0.3, b = 0.3 }

  it("find a difference that is not there at most as often as alpha says", function()
    local shares = simulate(COUNT, { rates = same })
    expect.truthy(1 - shares.undecided <= tolerance(0.05, COUNT))
    expect.truthy(shares.once > 0.15) -- which a test meant for one look does not achieve
  end)

  it("do so also when callers come back, and call both variants", function()
    local shares = simulate(COUNT, { rates = same, spread = 0.2, returning = 0.5, crossing = 0.2 })
    expect.truthy(1 - shares.undecided <= tolerance(0.05, COUNT))
  end)

  it("find the planned lift about as often as planned", function()
    local size = stats.sequential_sample_size { rate = 0.3, lift = 0.08 }
    local shares = simulate(COUNT, { rates = { a = 0.3, b = 0.38 }, calls = math.ceil(size.most / DAYS) })
    expect.truthy(shares.higher > 0.8 - 3 * math.sqrt(0.8 * 0.2 / COUNT))
    expect.truthy(shares.higher < tolerance(0.8, COUNT))
    expect.truthy(shares.lower + shares.moved <= tolerance(0.025, COUNT))
  end)
end)

-- }======
