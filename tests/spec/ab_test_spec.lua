-- The parts of an A/B test: experiment files, outcomes, the analysis of conversations, and the page.

local analysis = require "anyreach.agents.ab_test.analysis"
local conclude = require "anyreach.agents.ab_test.conclude"
local conversations = require "anyreach.agents.ab_test.conversations"
local experiment = require "anyreach.agents.ab_test.experiment"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local json = require "anyreach.json"
local markup = require "anyreach.agents.ab_test.page.markup"
local page = require "anyreach.agents.ab_test.page"
local plots = require "anyreach.agents.ab_test.page.plots"
local presentation = require "anyreach.agents.ab_test.presentation"
local process = require "helpers.process"
local sample_plan = require "anyreach.agents.ab_test.sample_plan"

local QUESTION = { alpha = 0.05, power = 0.8, lift = 0.1 }

local function near(actual, expected)
  if math.abs(actual - expected) > 1e-9 then error(("expected %.10g, got %.10g"):format(expected, actual), 2) end
end

-- {====== experiment files ======

local WHOLE = [[
agent: Scheduler
variants:
  - {name: old, phone_numbers: ["+15551234567"]}
  - {name: new, phone_numbers: ["+15551230002"], prompt: new.md}
outcome: {status: completed}
]]

-- Reads an experiment with this text, beside a prompt and a function.
local function read(source, name)
  local directory = process.directory()
  process.write(directory .. "/new.md", "New words.\n")
  process.write(directory .. "/outcome.lua", "return function(conversation) return conversation.duration > 9 end")
  local file = directory .. "/" .. (name or "trial.yaml")
  process.write(file, source)
  return experiment.read(file)
end

local function expect_wrong(source, ...)
  local err = expect.raises(function() read(source) end)
  expect.equal(err.kind, "input")
  for _, part in ipairs { ... } do expect.contains(tostring(err), part) end
end

-- WHOLE with other lines in the place of some.
local function with(pattern, replacement)
  local changed, count = WHOLE:gsub(pattern, (replacement:gsub("%%", "%%%%")))
  assert(count > 0)
  return changed
end

describe("an experiment file", function()
  it("is read with its defaults, prompts without the last line break", function()
    local found = read(WHOLE)
    expect.equal({ found.name, found.agent, found.direction, found.caller, found.match_numbers },
      { "trial", "Scheduler", "inbound", "user_id", true })
    expect.equal({ found.lift, found.alpha, found.power, found.success }, { 0.05, 0.05, 0.8, "status completed" })
    expect.equal(found.variants, { { name = "old", numbers = { "+15551234567" } },
      { name = "new", numbers = { "+15551230002" }, prompt = "New words." } })
  end)

  it("may be JSON, and name files after !file", function()
    local found = read([[{"agent": "x", "outcome": {"function": "outcome.lua"}, "variants": [
      {"name": "a", "phone_numbers": ["+15551230001"]}, {"name": "b", "phone_numbers": ["+15551230002"]}]}]], "a.json")
    expect.equal(found.outcome { status = "completed", duration = 10 }, true)
    expect.equal(read(with("prompt: new", "prompt: !file new")).variants[2].prompt, "New words.")
    expect.equal(read(with("{status: completed}", "!file outcome.lua")).success, "as outcome.lua says")
  end)

  it("has digests of what start does, and of what is asked", function()
    local first, again = read(WHOLE), read(WHOLE)
    expect.equal({ first.set_up, first.question }, { again.set_up, again.question })
    local other = read(with("outcome", "lift: 0.1\noutcome"))
    expect.equal(other.set_up, first.set_up)
    expect.truthy(other.question ~= first.question)
    other = read(with("prompt: new.md", "prompt: outcome.lua"))
    expect.equal(other.question, first.question)
    expect.truthy(other.set_up ~= first.set_up)
  end)

  local wrong = {
    { "a number twice", with("%+15551230002", "+15551234567"), ":4:33: variants[2].phone_numbers[1]: +15551234567 is "
      .. "already claimed at " },
    { "a number that is not quoted", with('%["%+15551230002"%]', "[15551230002]"),
      "expected a quoted E.164 number such as \"+15551234567\", got the number 15551230002" },
    { "a variant without numbers", with(', phone_numbers: %["%+15551230002"%]', ""),
      "variants[2].phone_numbers: expected a list of numbers of its own, got nothing" },
    { "an empty list of numbers", with('%["%+15551230002"%]', "[]"), "of its own, got an empty one" },
    { "two variants of one name", with("name: new", "name: old"), "variants[2].name: another variant has the name" },
    { "one variant alone", with("  %- {name: new[^\n]*\n", ""), ":2:1: variants: expected a list of at least two" },
    { "a prompt that is not there", with("new.md", "none.md"), "variants[2].prompt: ", "no such file" },
    { "an unknown direction", with("outcome", "direction: inwards\noutcome"),
      "direction: expected one of inbound, outbound, both, got the text \"inwards\"" },
    { "a status that a conversation passes", with("completed", "ringing"),
      "is not a status that a conversation ends with" },
    { "a status that is misspelt", with("completed", "complete"), "did you mean 'completed'?" },
    { "two kinds of outcomes", with("{status: completed}", "{status: completed, metadata: {a: 1}}"),
      "trial.yaml:5:1: outcome: expected exactly one of status, metadata and function" },
    { "no outcome", with("outcome[^\n]*", ""),
      "outcome: expected a mapping with one of status, metadata and function" },
    { "a share beyond 1", with("outcome", "lift: 5\noutcome"),
      "lift: expected a number between 0 and 1, got the number 5" },
    { "an unknown key", with("outcome", "aplha: 0.1\noutcome"), "unknown key 'aplha'; did you mean 'alpha'?" },
    { "a text", "x\n", "expected a mapping with the keys agent, variants and outcome, got the text \"x\"" },
  }
  for _, row in ipairs(wrong) do
    it("is refused with " .. row[1], function() expect_wrong(row[2], table.unpack(row, 3)) end)
  end

  it("is refused when it is no experiment file at all, or its function none", function()
    expect.raises(function() experiment.read("x.lua") end, "expected an experiment file that ends in .yaml")
    local source = with("{status: completed}", "!file new.md")
    expect.raises(function() read(source) end, "new.md:1: ")
  end)
end)

-- }======

describe("an outcome", function()
  it("is a status, among all that have ended or among some", function()
    local judge = conversations.outcome { status = { "completed", "transferred" } }
    expect.equal({ judge { status = "transferred" }, judge { status = "failed" } }, { true, false })
    judge = conversations.outcome { status = { "completed" }, among = { "completed", "failed" } }
    expect.equal(judge { status = "unanswered" }, nil)
    expect.equal(judge { status = "failed" }, false)
  end)

  it("is a set of metadata, which are told from metadata that cannot be seen", function()
    local judge = conversations.outcome { metadata = { booked = true, by = { name = "x" } } }
    local function of(metadata) return judge { id = "c1", status = "completed", custom_metadata = metadata } end
    expect.equal({ of { booked = true, by = { name = "x" }, more = 1 }, of { booked = true }, of(json.null) },
      { true, false, false })
    local err = expect.raises(function() of(nil) end, "conversation c1 shows no custom_metadata")
    expect.equal(err.kind, "forbidden")
  end)

  it("is a function, which must say true, false or nil", function()
    local file = process.directory() .. "/outcome.lua"
    process.write(file, "return function(conversation) return conversation.answer end")
    local judge = conversations.outcome { file = file }
    expect.equal(judge { status = "completed", answer = true }, true)
    expect.equal(judge { status = "completed" }, nil)
    expect.raises(function() judge { status = "completed", id = "c1", answer = "yes" } end,
      "expected true, false or nil for conversation c1, got a string")
    process.write(file, "return 1")
    expect.raises(function() conversations.outcome { file = file } end,
      "expected it to return a function of a conversation")
  end)
end)

-- {====== analysis ======

-- Observations of a variant on a day: `count` callers, of whom the first `successes` succeed.
local function add(list, variant, day, count, successes, fields)
  for index = 1, count do
    local observation = { variant = variant, date = ("2026-11-%02d"):format(day), is_over = true,
      success = index <= successes, duration = 60, turns = index % 3,
      caller = ("%s-%d-%d"):format(variant, day, index) }
    for name, value in pairs(fields or {}) do observation[name] = value end
    list[#list + 1] = observation
  end
  return list
end

describe("the analysis", function()
  it("counts what has ended and counts, and keeps the rest apart", function()
    local list = add({}, "a", 1, 10, 4)
    add(list, "a", 1, 3, 0, { is_over = false })
    table.insert(list, { variant = "a", date = "2026-11-01", is_over = true })
    local variant = analysis.run({ "a", "b" }, list, QUESTION).variants[1]
    expect.equal({ variant.conversations, variant.successes, variant.callers }, { 10, 4, 10 })
    expect.equal({ variant.under_way, variant.not_counted }, { 3, 1 })
    near(variant.rate.estimate, 0.4)
    near(variant.duration.estimate, 60)
    near(variant.duration.high, 60)
  end)

  it("counts conversations of one caller as one cluster, and of unknown callers each as its own", function()
    local list = {}
    for _ = 1, 4 do add(list, "a", 1, 10, 4) end
    local known = analysis.run({ "a", "b" }, list, QUESTION).variants[1]
    expect.equal({ known.conversations, known.callers, known.unknown_callers }, { 40, 10, 0 })
    near(known.design_effect, 4 * 10 / 9)
    for _, observation in ipairs(list) do observation.caller = nil end
    local unknown = analysis.run({ "a", "b" }, list, QUESTION).variants[1]
    expect.equal({ unknown.callers, unknown.unknown_callers }, { 40, 40 })
    expect.truthy(known.rate.high - known.rate.low > 1.8 * (unknown.rate.high - unknown.rate.low))
  end)

  it("looks from the day on which each variant has enough callers", function()
    local list = {}
    for day = 1, 4 do
      add(list, "a", day, 10, 3)
      add(list, "b", day, day == 4 and 15 or 5, 2)
    end
    local result = analysis.run({ "a", "b" }, list, QUESTION)
    local looked = {}
    for index, day in ipairs(result.days) do looked[index] = day.looks.b ~= nil end
    expect.equal(looked, { false, false, false, true })
    expect.equal(result.days[4].counts, { a = 40, b = 30 })
  end)

  it("finds a winner, the best of several, on the day it is clear", function()
    local list = {}
    for day = 1, 9 do
      add(list, "a", day, 60, 12)
      add(list, "b", day, 60, 30)
      add(list, "c", day, 60, 36)
    end
    local result = analysis.run({ "a", "b", "c" }, list, QUESTION)
    expect.equal({ result.verdict, result.winner }, { "won", "c" })
    expect.equal({ result.comparisons[1].verdict, result.comparisons[1].alpha }, { "higher", 0.025 })
    expect.truthy(result.comparisons[2].decided <= result.comparisons[1].decided)
    expect.truthy(result.comparisons[1].decided < "2026-11-09")
  end)

  it("knows a loss, of all variants and of some", function()
    local list = {}
    for day = 1, 9 do
      add(list, "a", day, 60, 36)
      add(list, "b", day, 60, 12)
      add(list, "c", day, 60, 35)
    end
    local result = analysis.run({ "a", "b", "c" }, list, QUESTION)
    expect.equal({ result.verdict, result.winner, result.comparisons[1].verdict }, { "undecided", nil, "lower" })
    for _, observation in ipairs(list) do if observation.variant == "c" then observation.variant = "b" end end
    result = analysis.run({ "b", "a" }, list, QUESTION)
    expect.equal({ result.verdict, result.winner }, { "won", "a" })
    result = analysis.run({ "a", "b" }, list, QUESTION)
    expect.equal({ result.verdict, result.winner }, { "lost", "a" })
  end)

  it("stays undecided when the difference has turned round", function()
    local list = {}
    for day = 1, 4 do
      add(list, "a", day, 60, 12)
      add(list, "b", day, 60, 36)
    end
    for day = 5, 29 do
      add(list, "a", day, 60, 36)
      add(list, "b", day, 60, 6)
    end
    local result = analysis.run({ "a", "b" }, list, QUESTION)
    expect.equal({ result.verdict, result.comparisons[1].verdict }, { "undecided", "moved" })
    expect.contains(presentation.comparison(result.comparisons[1]),
      "the difference has changed by more than chance explains")
  end)

  it("does not depend on the order in which conversations are read", function()
    local list = {}
    for day = 1, 9 do
      add(list, "a", day, 30, 9)
      add(list, "b", day, 30, 14)
    end
    local first = analysis.run({ "a", "b" }, list, QUESTION)
    math.randomseed(3)
    for index = #list, 2, -1 do
      local other = math.random(index)
      list[index], list[other] = list[other], list[index]
    end
    local second = analysis.run({ "a", "b" }, list, QUESTION)
    near(second.comparisons[1].low, first.comparisons[1].low)
    near(second.variants[1].rate.high, first.variants[1].rate.high)
  end)

  it("has nothing to say without conversations", function()
    local result = analysis.run({ "a", "b" }, {}, QUESTION)
    expect.equal({ result.verdict, #result.days, result.variants[1].rate, result.planned }, { "undecided", 0 })
  end)
end)

-- }======

describe("the plan", function()
  it("takes its share of alpha for each comparison, and the repeated callers into account", function()
    local options = { rate = 0.3, lift = 0.1, alpha = 0.05, power = 0.8, variants = 2 }
    local two = sample_plan.make(options)
    options.variants = 3
    expect.truthy(sample_plan.make(options).once > two.once)
    options.variants = 2
    local busy = sample_plan.make(options, { design_effect = 2, slowest = 10, conversations = 1, callers = 1 })
    expect.truthy(math.abs(busy.most - 2 * two.most) <= 1)
    expect.equal(busy.days_most, math.ceil(busy.most / 10))
    expect.equal(sample_plan.make(options, { design_effect = 1, slowest = 0 }).days_most, nil)
  end)
end)

describe("the state file", function()
  it("stands beside the experiment, and names others that are under way", function()
    local directory = process.directory()
    local function write(name, phase)
      experiment_state.write(directory .. "/" .. name, { phase = phase, account = "x",
        started_at = "2026-11-01T00:00:00Z",
        variants = json.array {}, previous = json.array {}, agent = { id = "a" }, base = { version = 1 } })
    end
    write("one.yaml", "running")
    write("two.yaml", "concluded")
    write("three.json", "starting")
    expect.equal(experiment_state.read(directory .. "/one.yaml").phase, "running")
    expect.equal(experiment_state.read(directory .. "/none.yaml"), nil)
    local others = experiment_state.others_under_way(directory .. "/one.yaml")
    expect.equal({ #others, others[1].path }, { 1, directory .. "/three.state.json" })
  end)
end)

-- {====== the page ======

local function view_of(names, list)
  return {
    state = { experiment = "trial", phase = "running", started_at = "2026-11-01T00:00:00Z", direction = "inbound",
      agent = { name = "Scheduler" }, variants = json.array {}, previous = json.array {} },
    result = analysis.run(names, list, QUESTION), elsewhere = 0, lift = 0.1, alpha = 0.05, success = "status completed",
  }
end

describe("concluding", function()
  it("is refused for an agent whose versions are gone", function()
    local api = { agents = { versions = { each = function() return function() end end } } }
    local path = process.directory() .. "/test.yaml"
    local err = expect.raises(function()
      conclude.run(api, path, { agent = { id = "a", name = "Desk" } }, {}, { creates = true, winner = { version = 1 } })
    end, "agent 'Desk' no longer has any versions")
    expect.equal(err.kind, "conflict")
  end)
end)

describe("the page", function()
  it("escapes text and attributes, and replaces what XML cannot hold", function()
    expect.equal(tostring(markup.element("a", { title = [[<&>"']], "<b>&\0\27\u{e9}" })),
      "<a title=\"&lt;&amp;&gt;&quot;&#39;\">&lt;b&gt;&amp;\u{fffd}\u{fffd}\u{e9}</a>")
    expect.equal(tostring(markup.element("p", { "\xff" })), "<p>\u{ff}</p>")
    expect.equal(tostring(markup.element("p", { markup.element("br") })), "<p><br/></p>")
  end)

  it("can be made of nothing, of one day and of many variants", function()
    for _, list in ipairs { {}, add({}, "a", 1, 1, 1), add(add({}, "a", 1, 30, 0), "b", 1, 30, 30) } do
      local html = page.make(view_of({ "a", "b", "c", "d", "e", "f", "g" }, list))
      expect.match(html, "^<!DOCTYPE html>\n<html.*</html>\n$")
      expect.falsy(html:find("nan", 1, true) or html:find("inf\"", 1, true) or html:find("inf ", 1, true))
    end
  end)

  it("holds every figure of its plots in tables", function()
    local list = {}
    for day = 1, 3 do
      add(list, "a", day, 1000, 300)
      add(list, "b", day, 1000, 400)
    end
    local html = page.make(view_of({ "a", "b" }, list))
    for _, part in ipairs { ">3,000<", ">30.0 %<", ">40.0 %<", "2026-11-02", "+10.0 points" } do
      expect.contains(html, part)
    end
  end)

  it("has round ticks within their bounds", function()
    expect.equal(plots.ticks(0, 1050, 6, 1), { 0.0, 200.0, 400.0, 600.0, 800.0, 1000.0 })
    expect.equal(plots.ticks(0, 2.1, 6, 1), { 0.0, 1.0, 2.0 })
    expect.equal(#plots.ticks(-0.13, 0.39, 8), 5)
  end)

  it("counts days across months and leap days", function()
    expect.equal(plots.days_between("2028-02-28", "2028-03-01"), 2)
    expect.equal(plots.days_between("2026-12-31", "2027-01-01"), 1)
  end)

  it("tells series apart by more than colour", function()
    expect.truthy(plots.dashes(1) ~= plots.dashes(2) and plots.class(1) ~= plots.class(2))
  end)
end)

-- }======

describe("figures in words", function()
  it("have their thousands apart, and their signs", function()
    local count = presentation.count
    expect.equal({ count(0), count(999), count(1000), count(1234567) }, { "0", "999", "1,000", "1,234,567" })
    expect.equal({ presentation.percent(0.3081), presentation.points(-0.021) }, { "30.8 %", "-2.1 points" })
    expect.equal(presentation.points_range { low = -0.021, high = 0.147 }, "-2.1 to +14.7")
    expect.equal({ presentation.quantity(1, "day"), presentation.quantity(12, "day") }, { "1 day", "12 days" })
  end)
end)
