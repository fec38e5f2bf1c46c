-- The recipe `ab-test` as a user runs it, from the plan to the conclusion: cut off at every write, and hindered.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local past = require "helpers.past_conversations"
local process = require "helpers.process"

local MAIN, SECOND, BORROWED = "+15551234567", "+15551230002", "+15551230003"

local EXPERIMENT = ([[
agent: Scheduler
variants:
  - {name: old, phone_numbers: ["%s"]}
  - {name: new, phone_numbers: ["%s"], prompt: new.md}
outcome: {metadata: {booked: true}}
lift: 0.1
]]):format(MAIN, SECOND)

-- An organisation with an agent on MAIN, both ways, and another one on BORROWED.
local SET_UP = ([[
  local function add(name, number, direction)
    local agent = api.agents.create { name = name }
    api.agents.versions.create(agent.id, { config = { instructions = "Old words of " .. name, max_tool_steps = 3 } })
    api.agents.versions.publish(agent.id, 1, { phone_numbers = { number }, direction = direction })
  end
  add("Scheduler", "%s", "both")
  add("Other", "%s", "inbound")]]):format(MAIN, BORROWED)

-- What answers where, and the agent's versions with their prompts.
local LOOK = [[
  local names = {}
  for agent in api.agents.each() do
    for version in api.agents.versions.each(agent.id) do
      names[version.id] = agent.name .. "@" .. version.version
      if agent.name == "Scheduler" then
        local config = api.agents.versions.get(agent.id, version.version).config
        print(version.version, version.published, config.instructions)
      end
    end
  end
  local lines = {}
  for number in api.phone_numbers.each() do
    for _, slot in ipairs { "inbound", "outbound" } do
      local held = number[slot .. "_agent_version_id"]
      if held ~= anyreach.null then lines[#lines + 1] = number.phone_number .. " " .. slot .. " " .. names[held] end
    end
  end
  table.sort(lines)
  print(table.concat(lines, "\n"))]]

-- {====== a world in a directory ======

local World = {}
World.__index = World

local function new_world(experiment)
  local self = setmetatable({ directory = process.directory() }, World)
  self.db, self.file = self.directory .. "/sandbox.db", self.directory .. "/trial.yaml"
  self.state_file = self.directory .. "/trial.state.json"
  process.write(self.file, experiment or EXPERIMENT)
  process.write(self.directory .. "/new.md", "New words.\n")
  self:evaluate(SET_UP)
  return self
end

-- What Lua code prints that is run against the sandbox.
function World:evaluate(code)
  local status, out, err = process.run(process.anyreach("--sandbox=" .. self.db, "-e",
    "local api = anyreach.client() " .. code))
  expect.equal({ status, err }, { 0, "" })
  return out
end

function World:run(...)
  return process.run(process.anyreach("--retries=0", "--sandbox=" .. self.db, "run", "ab-test", ...))
end

function World:state() return json.decode(process.read(self.state_file)) end

-- Gives each variant conversations of the last days; `rates` are the shares of those that book.
function World:call(rates, days, calls_a_day)
  local state, rows, today = self:state(), {}, os.time()
  for day = days, 1, -1 do
    for index, variant in ipairs(state.variants) do
      for call = 1, calls_a_day do
        rows[#rows + 1] = {
          date = os.date("!%Y-%m-%d", today - day * 86400),
          agent_id = state.agent.id,
          agent_version_id = variant.version_id,
          agent_number = variant.phone_numbers[1],
          user_id = ("+1555%d%03d%03d"):format(index, day, call),
          custom_metadata = { booked = call <= rates[index] * calls_a_day },
        }
      end
    end
  end
  past.add(self.db, rows)
  state.started_at = os.date("!%Y-%m-%dT00:00:00Z", today - days * 86400)
  process.write(self.state_file, json.encode(state))
end

local function events(text)
  local by_name = {}
  for line in text:gmatch "[^\n]+" do
    local event = json.decode(line)
    expect.equal(event.version, 1)
    by_name[event.event] = by_name[event.event] or {}
    table.insert(by_name[event.event], event)
  end
  return by_name
end

-- The lines of LOOK in the order of the numbers.
local function look(versions, ...)
  local lines = { ... }
  table.sort(lines)
  return versions .. table.concat(lines, "\n") .. "\n"
end

local BEFORE = look("1\ttrue\tOld words of Scheduler\n", MAIN .. " inbound Scheduler@1",
  MAIN .. " outbound Scheduler@1", BORROWED .. " inbound Other@1")

-- }======

describe("ab-test plan", function()
  it("tells the sample size without a request", function()
    local code, out, err = process.run(process.anyreach("run", "ab-test", "plan", "--success-rate", "0.5", "--lift",
      "0.25", "--power", "0.9"))
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "To tell 50.0 % from 75.0 %, with 2 variants, alpha 0.05 and power 0.9:\n")
    expect.contains(out, "77 a variant, looked at once, at the end\n")
  end)

  it("counts the traffic of an agent, of numbers, or of an experiment with its outcome", function()
    local world = new_world()
    expect.equal((world:run("start", world.file)), 0)
    world:call({ 0.3, 0.3 }, 10, 28)
    local function plan(...) return events(select(2, world:run("plan", "--json", ...))).plan[1] end
    local agent = plan("--success-rate", "0.3", "--agent", "Scheduler")
    expect.equal({ agent.traffic.conversations, agent.traffic.callers, agent.traffic.slowest_per_day },
      { 560, 560, 20.0 })
    local number = plan("--success-rate", "0.3", "--phone-number", MAIN)
    expect.equal({ number.traffic.conversations, number.traffic.slowest_per_day }, { 280, 10.0 })
    local whole = plan(world.file)
    expect.equal({ whole.traffic.conversations, whole.lift, whole.traffic.slowest_per_day }, { 560, 0.1, 20.0 })
    expect.truthy(math.abs(whole.rate - 8 / 28) < 1e-9) -- nobody books a third of a call
    expect.equal(whole.days_most, math.ceil(whole.conversations_most / 20))
  end)

  it("says what it lacks", function()
    local code, _, err = process.run(process.anyreach("run", "ab-test", "plan", "--rate", "0.3"))
    expect.equal(code, 64)
    expect.contains(err, "expected --success-rate, or an experiment file (--rate is requests a second)")
    code, _, err = process.run(process.anyreach("run", "ab-test", "plan", "--success-rate", "30"))
    expect.equal(code, 64)
    expect.contains(err, "--success-rate: expected a number between 0 and 1, got 30")
    code, _, err = process.run(process.anyreach("run", "ab-test", "plan", "--success-rate", "0.9", "--lift", "0.2"))
    expect.equal(code, 3)
    expect.contains(err, "a rate of 0.9 with a lift of 0.2 is not a rate")
    code, _, err = process.run(process.anyreach("run", "ab-test", "paln"))
    expect.equal(code, 64)
    expect.contains(err, "unknown command 'paln'; did you mean 'plan'?")
    code, _, err = process.run(process.anyreach("run", "ab-test", "status", "x.yaml", "--restore"))
    expect.equal(code, 64)
    expect.contains(err, "'status' takes no --restore")
  end)
end)

local RUNNING = look("3\ttrue\tOld words of Scheduler\n2\ttrue\tNew words.\n1\ttrue\tOld words of Scheduler\n",
  MAIN .. " inbound Scheduler@3", MAIN .. " outbound Scheduler@1", SECOND .. " inbound Scheduler@2",
  BORROWED .. " inbound Other@1")

describe("ab-test start", function()
  it("shows with --check what it would do, and does nothing", function()
    local world = new_world()
    local code, out, err = world:run("start", "--check", world.file)
    expect.equal({ code, err }, { 2, "" })
    expect.contains(out, "to do     create a version for 'new', with its own prompt, on top of version 1\n")
    expect.contains(out, "to do     publish 'old' on +15551234567, inbound\n")
    expect.equal(world:evaluate(LOOK), BEFORE)
    expect.equal(process.read(world.state_file), nil)
  end)

  it("gives each variant a version, the first one's being the newest, and notes what was before", function()
    local world = new_world()
    local code, out, err = world:run("start", world.file, "--json")
    expect.equal({ code, err }, { 0, "" })
    local seen = events(out)
    expect.equal({ #seen.step, seen.step[4].outcome, seen.experiment[1].phase }, { 4, "done", "running" })
    expect.equal(world:evaluate(LOOK), RUNNING)
    local state = world:state()
    expect.equal({ state.phase, state.base.version, state.previous[1].holder.version, state.previous[2].holder },
      { "running", 1, 1 })
  end)

  it("refuses to start what is running", function()
    local world = new_world()
    world:run("start", world.file)
    local code, _, err = world:run("start", world.file)
    expect.equal(code, 11)
    expect.match(err, "experiment 'trial' has been running since %d+%-.-; see it with 'ab%-test status'")
    expect.equal(world:evaluate(LOOK), RUNNING)
  end)

  it("refuses a number of another experiment, and an agent under trial", function()
    local world = new_world()
    world:run("start", world.file)
    local other = world.directory .. "/other.yaml"
    process.write(other, (EXPERIMENT:gsub("agent: Scheduler", "agent: Other")))
    local code, _, err = world:run("start", other)
    expect.equal(code, 11)
    expect.contains(err, MAIN .. " is already claimed by the experiment of " .. world.state_file)
    process.write(other, (EXPERIMENT:gsub("%+15551234567", "+15551230001"):gsub("%+15551230002", "+15551230003")))
    code, _, err = world:run("start", other)
    expect.equal(code, 11)
    expect.contains(err, "another experiment is running on the agent 'Scheduler': " .. world.state_file)
  end)

  it("tells everything that is wrong with the file before the first request", function()
    local wrong = EXPERIMENT:gsub("%+15551230002", MAIN):gsub("booked: true", ""):gsub("lift: 0.1", "lfit: 3")
    local world = new_world(wrong)
    local code, _, err = world:run("start", world.file)
    expect.equal(code, 3)
    expect.contains(err, "3 problems")
    expect.contains(err, "trial.yaml:4:33: variants[2].phone_numbers[1]: +15551234567 is already claimed at ")
    expect.contains(err, "trial.yaml:5:11: outcome.metadata: expected fields of custom_metadata and their values")
    expect.contains(err, "trial.yaml:6:1: unknown key 'lfit'; did you mean 'lift'?")
  end)

  it("refuses an agent and a number that are not there", function()
    local world = new_world((EXPERIMENT:gsub("agent: Scheduler", "agent: Schedule")))
    local code, _, err = world:run("start", world.file)
    expect.equal(code, 3)
    expect.contains(err, "no agent has the name or id 'Schedule'; did you mean 'Scheduler'?")
    process.write(world.file, (EXPERIMENT:gsub("%+15551230002", "+15559999999")))
    code, _, err = world:run("start", world.file)
    expect.equal(code, 3)
    expect.contains(err, "the organisation has no phone number +15559999999")
    expect.equal(process.read(world.state_file), nil)
  end)
end)

-- {====== kill -9 ======

local function look_at(api)
  local lines = {}
  local function print_line(...)
    local words = table.pack(...)
    for index = 1, words.n do words[index] = tostring(words[index]) end
    lines[#lines + 1] = table.concat(words, "\t") .. "\n"
  end
  local environment = setmetatable({ api = api, print = print_line }, { __index = _ENV })
  assert(load(LOOK, "look", "t", environment))()
  return table.concat(lines)
end

-- Prepares a sandbox that holds a request; returns how it runs and kills, and what it holds then.
local function hold(case)
  local self = { sandbox = process.sandbox("--faults", case.faults), directory = process.directory(), case = case }
  self.api = anyreach.client { base_url = self.sandbox.base_url, token = "ak_sandbox.admin",
    headers = held_request.headers }
  self.file = self.directory .. "/trial.yaml"
  process.write(self.file, EXPERIMENT)
  process.write(self.directory .. "/new.md", "New words.\n")
  assert(load("local api = ... " .. SET_UP))(self.api)
  function self.command(...) return self.sandbox.environment .. process.anyreach("run", "ab-test", ...) end
  function self.kill(...)
    local command = self.command(...)
    held_request.stop(self.api, case, function() return process.start(command) end)
  end
  return setmetatable(self, { __close = function() self.sandbox:stop() end })
end

local START = { "agents.versions.create 1", "agents.versions.create 2", "agents.versions.publish 1",
  "agents.versions.publish 2" }

describe("a run that is killed", function()
  for _, case in ipairs(held_request.cases(START)) do
    it(("%s of the start is completed by the next one, with nothing done twice"):format(case.name), function()
      local held <close> = hold(case)
      held.kill("start", held.file)
      local code, _, err = process.run(held.command("start", held.file))
      expect.equal({ code, err }, { 0, "" })
      expect.equal(look_at(held.api), RUNNING)
    end)
  end

  -- The start, which is not held, creates and publishes two versions.
  for _, case in ipairs(held_request.cases { "agents.versions.create 3", "agents.versions.publish 3" }) do
    it(("%s, in the conclusion, too"):format(case.name), function()
      local held <close> = hold(case)
      expect.equal((process.run(held.command("start", held.file))), 0)
      case.number = 1
      held.kill("conclude", "--winner", "new", held.file)
      local code, _, err = process.run(held.command("conclude", "--winner", "new", held.file))
      expect.equal({ code, err }, { 2, "" })
      expect.equal(look_at(held.api), look("4\ttrue\tNew words.\n3\ttrue\tOld words of Scheduler\n"
        .. "2\ttrue\tNew words.\n1\ttrue\tOld words of Scheduler\n", MAIN .. " inbound Scheduler@4",
        MAIN .. " outbound Scheduler@4", SECOND .. " inbound Scheduler@4", BORROWED .. " inbound Other@1"))
    end)
  end

  for _, case in ipairs(held_request.cases(START)) do
    it(("%s can be taken back instead of completed"):format(case.name), function()
      local held <close> = hold(case)
      local function slots()
        local list = {}
        for slot in look_at(held.api):gmatch("%+[^@]*@%d") do list[#list + 1] = slot end
        return table.concat(list, "\n")
      end
      local before = slots()
      held.kill("start", held.file)
      expect.equal((process.run(held.command("conclude", "--restore", held.file))), 2)
      expect.equal(slots(), before)
    end)
  end
end)

-- }======

describe("ab-test status", function()
  it("shows conversations that the sandbox had, of the variants' versions over their numbers alone", function()
    local world = new_world()
    world:run("start", world.file)
    local state = world:state()
    world:evaluate(([[
      local function talk(version, number, is_over, booked)
        local body = { channel = "text", user_id = "guest_" .. number, agent_version_id = version,
          agent_number = number, custom_metadata = { booked = booked } }
        local conversation = api.conversations.create(body).conversation
        if is_over then api.conversations.end_(conversation.id) end
      end
      local old, new = "%s", "%s"
      talk(old, "%s", true, true) talk(old, "%s", true, false) talk(new, "%s", true, true)
      talk(new, "%s", false, true) talk(new, "+15550009999", true, true)]]):format(state.variants[1].version_id,
      state.variants[2].version_id, MAIN, MAIN, SECOND, SECOND))
    local code, out, err = world:run("status", world.file, "--json", "--exit-code")
    expect.equal({ code, err }, { 2, "" })
    local seen = events(out)
    local old, new = seen.variant[1], seen.variant[2]
    expect.equal({ old.name, old.conversations, old.successes, old.callers }, { "old", 2, 1, 1 })
    expect.equal({ new.name, new.conversations, new.successes, new.under_way }, { "new", 1, 1, 1 })
    expect.equal({ seen.verdict[1].verdict, seen.verdict[1].conversations_elsewhere }, { "undecided", 1 })
    code, out, err = world:run("status", world.file)
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "'new' against 'old' is undecided: too few callers to say\nUndecided.\n")
    expect.contains(out, "Left out: 1 have not ended, 1 came over other numbers.\n")
  end)

  it("writes a page that is well-formed, escapes everything and needs nothing else", function()
    local name = [[<b>"new"</b> & 'co']]
    local world = new_world((EXPERIMENT:gsub("name: new", [[name: "<b>\"new\"</b> & 'co'"]])))
    world:run("start", world.file)
    world:call({ 0.2, 0.5 }, 12, 30)
    local html = world.directory .. "/trial.html"
    local code, out, err = world:run("status", world.file, "--html", html, "--exit-code")
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "Won: '" .. name .. "' is the best.\n")
    local page = process.read(html)
    expect.contains(page, "Won: &#39;&lt;b&gt;&quot;new&quot;&lt;/b&gt; &amp; &#39;co&#39;&#39; is the best.")
    expect.contains(page, "prefers-color-scheme: dark")
    for _, forbidden in ipairs { "<b>", "<script", "<link", "src=", "url(", "@import", 'href="' } do
      expect.falsy(page:find(forbidden, 1, true))
    end
    expect.equal(select(2, page:gsub("<title", "")), 4) -- of the page, and of three plots
    if process.run "command -v xmllint" ~= 0 then skip "xmllint is not installed" end
    expect.equal(table.pack(process.run("xmllint --noout " .. process.quote(html))), { 0, "", "", n = 3 })
  end)

  it("is possible with a credential that only reads, if the outcome is a status", function()
    local world = new_world((EXPERIMENT:gsub("outcome: .-\n", "outcome: {status: completed}\n")))
    world:run("start", world.file)
    world:call({ 0.5, 0.5 }, 3, 4)
    local viewer = "ANYREACH_TOKEN=ak_sandbox.viewer "
    local function status()
      return process.run(viewer .. process.anyreach("--sandbox=" .. world.db, "run", "ab-test", "status", world.file))
    end
    local code, _, err = status()
    expect.equal({ code, err }, { 0, "" })
    process.write(world.file, EXPERIMENT)
    code, _, err = status()
    expect.equal(code, 4)
    expect.contains(err, "shows no custom_metadata; that takes a credential with the scope "
      .. "conversations:read_sensitive")
  end)

  it("judges by a function in a file, and warns when the question was changed", function()
    local world = new_world()
    world:run("start", world.file)
    world:call({ 0.5, 0.5 }, 3, 4)
    process.write(world.directory .. "/outcome.lua",
      "return function(conversation) return conversation.duration >= 60 end")
    process.write(world.file, (EXPERIMENT:gsub("outcome: .-\n", "outcome: !file outcome.lua\n")))
    local code, out, err = world:run("status", world.file, "--json")
    expect.equal(code, 0)
    expect.contains(err, "asks a different question than when the experiment began")
    expect.equal(events(out).variant[1].successes, 12)
  end)

  it("stops at a bound rather than read without end", function()
    local world = new_world()
    world:run("start", world.file)
    world:call({ 0.5, 0.5 }, 3, 4)
    local code, _, err = world:run("status", world.file, "--most", "5")
    expect.equal(code, 3)
    expect.contains(err, "there are more than 5 conversations; read more with --most")
  end)

  it("refuses what was not started, a damaged state, and the state of another organisation", function()
    local world = new_world()
    local code, _, err = world:run("status", world.file)
    expect.equal(code, 3)
    expect.contains(err, "the experiment 'trial' was not started: no " .. world.state_file)
    world:run("start", world.file)
    code, _, err = process.run("ANYREACH_TOKEN=ak_sandbox.second "
      .. process.anyreach("--sandbox=" .. world.db, "run", "ab-test", "status", world.file))
    expect.equal(code, 11)
    expect.contains(err, "the experiment 'trial' was started in sandbox/0a000000-0000-4000-8000-000000000001")
    local state = world:state()
    state.account = "sandbox/credential-0123456789ab" -- as noted before organisations were asked, by another key
    process.write(world.state_file, json.encode(state))
    expect.equal((world:run("status", world.file)), 0)
    expect.equal((process.run("ANYREACH_TOKEN=ak_sandbox.second "
      .. process.anyreach("--sandbox=" .. world.db, "run", "ab-test", "status", world.file))), 11)
    process.write(world.state_file, "{}")
    code, _, err = world:run("conclude", world.file)
    expect.equal(code, 3)
    expect.contains(err, world.state_file .. ": expected the state of an experiment")
  end)
end)

describe("ab-test conclude", function()
  it("publishes the winner everywhere, once, and exits with 0", function()
    local world = new_world()
    world:run("start", world.file)
    world:call({ 0.2, 0.5 }, 12, 30)
    expect.equal((world:run("conclude", world.file, "--check")), 2)
    expect.equal(world:evaluate(LOOK), RUNNING)
    local code, out, err = world:run("conclude", world.file)
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "Won: 'new' is the best.\n")
    expect.contains(out, "Concluded by publishing 'new'.\n")
    local after = world:evaluate(LOOK)
    expect.equal(after, look("4\ttrue\tNew words.\n3\ttrue\tOld words of Scheduler\n2\ttrue\tNew words.\n"
      .. "1\ttrue\tOld words of Scheduler\n", MAIN .. " inbound Scheduler@4", MAIN .. " outbound Scheduler@4",
      SECOND .. " inbound Scheduler@4", BORROWED .. " inbound Other@1"))
    code, out = world:run("conclude", world.file, "--json")
    expect.equal({ code, events(out).conclusion[1].outcome }, { 0, "unchanged" })
    expect.equal(world:evaluate(LOOK), after)
    code, out, err = world:run("conclude", world.file, "--restore")
    expect.equal({ code, out }, { 11, "" })
    expect.contains(err, "was concluded by publishing 'new'")
    code, out, err = world:run("start", world.file)
    expect.equal({ code, out }, { 11, "" })
    expect.contains(err, "to run it again, move " .. world.state_file .. " away")
    expect.equal((world:run("status", world.file, "--exit-code")), 0)
  end)

  it("restores what was before when the variant has lost, and exits with 9", function()
    local world = new_world((EXPERIMENT:gsub("%+15551230002", BORROWED)))
    local before = world:evaluate(LOOK):gsub("^.-\n", "")
    world:run("start", world.file, "--take-numbers")
    world:call({ 0.5, 0.2 }, 12, 30)
    local code, out, err = world:run("conclude", world.file)
    expect.equal({ code, err }, { 9, "anyreach: all variants have lost\n" })
    expect.contains(out, "Lost: 'old' remains the best.\n")
    expect.equal(world:evaluate(LOOK):gsub("^.-\n.-\n.-\n", ""), before)
    expect.equal((world:run("conclude", world.file)), 9)
  end)

  it("gives a borrowed number back also when its variant has won", function()
    local world = new_world((EXPERIMENT:gsub("%+15551230002", BORROWED)))
    world:run("start", world.file, "--take-numbers")
    world:call({ 0.2, 0.5 }, 12, 30)
    expect.equal((world:run("conclude", world.file)), 0)
    expect.equal(world:evaluate(LOOK):gsub("^.-\n.-\n.-\n.-\n", ""),
      look("", BORROWED .. " inbound Other@1", MAIN .. " inbound Scheduler@4", MAIN .. " outbound Scheduler@4"))
  end)

  it("changes nothing while it is undecided, and exits with 2", function()
    local world = new_world()
    world:run("start", world.file)
    world:call({ 0.3, 0.3 }, 5, 20)
    local code, out = world:run("conclude", world.file)
    expect.equal(code, 2)
    expect.contains(out, "Nothing was changed; --winner or --restore ends the experiment anyway.\n")
    expect.equal(world:evaluate(LOOK), RUNNING)
    expect.equal(world:state().phase, "running")
  end)

  it("publishes the first variant without a version more", function()
    local world = new_world()
    world:run("start", world.file)
    expect.equal((world:run("conclude", world.file, "--winner", "old")), 2)
    expect.equal(world:evaluate(LOOK), look(RUNNING:match "^.-\n.-\n.-\n", MAIN .. " inbound Scheduler@3",
      MAIN .. " outbound Scheduler@3", SECOND .. " inbound Scheduler@3", BORROWED .. " inbound Other@1"))
  end)

  it("leaves alone what somebody else has changed since", function()
    local world = new_world()
    world:run("start", world.file)
    world:evaluate(([[for agent in api.agents.each { name = "Other" } do
      api.agents.versions.publish(agent.id, 1, { phone_numbers = { "%s" } }) end]]):format(SECOND))
    local code, out = world:run("conclude", world.file, "--restore")
    expect.equal(code, 2)
    expect.contains(out, "left      " .. SECOND .. " inbound, which somebody else has changed since\n")
    expect.contains(world:evaluate(LOOK), SECOND .. " inbound Other@1\n")
  end)

  it("does not undo what somebody has published since", function()
    local world = new_world()
    world:run("start", world.file)
    world:evaluate [[for agent in api.agents.each { name = "Scheduler" } do
      api.agents.versions.create(agent.id, { base_version = 1 })
      api.agents.versions.publish(agent.id, 4) end]]
    local code, _, err = world:run("conclude", world.file, "--winner", "new")
    expect.equal(code, 11)
    expect.contains(err, "version 4 of agent 'Scheduler' was published since the experiment began")
    expect.equal((world:run("conclude", world.file, "--restore")), 2)
  end)

  it("publishes no winner of an experiment whose start was interrupted", function()
    local world = new_world()
    process.run(process.anyreach("--retries=0", "--sandbox=" .. world.db,
      "--sandbox-faults=503;only=agents.versions.publish", "run", "ab-test", "start", world.file))
    local code, _, err = world:run("conclude", world.file, "--winner", "new")
    expect.equal(code, 11)
    expect.contains(err, "the start of the experiment 'trial' was interrupted; complete it with 'ab-test start'")
    expect.equal((world:run("conclude", world.file, "--restore")), 2)
  end)

  it("refuses a variant that there is none of", function()
    local world = new_world()
    world:run("start", world.file)
    local code, _, err = world:run("conclude", world.file, "--winner", "nwe")
    expect.equal(code, 3)
    expect.contains(err, "no variant is called 'nwe'; did you mean 'new'?")
  end)

  it("ends with the code of a credential that may not write, and changes nothing", function()
    local world = new_world()
    world:run("start", world.file)
    local code = process.run("ANYREACH_TOKEN=ak_sandbox.viewer " .. process.anyreach("--sandbox=" .. world.db, "run",
      "ab-test", "conclude", "--restore", world.file))
    expect.equal(code, 4)
    expect.equal(world:evaluate(LOOK), RUNNING)
    expect.equal((world:run("conclude", "--restore", world.file, "--read-only")), 6)
    expect.equal(world:evaluate(LOOK), RUNNING)
  end)
end)

-- A fault of the sandbox, the command that meets it, and the exit code.
local FAULTS = {
  { "429;only=agents.list", "start", 5 },
  { "drop;only=agents.list", "start", 10 },
  { "503;only=agents.versions.create", "start", 1 },
  { "503;only=agents.versions.publish", "start", 8 },
  { "drop;only=agents.versions.create", "start", 10 },
  { "after-commit;drop;only=agents.versions.publish", "start", 8 },
  { "429;only=conversations.list", "status", 5 },
  { "invalid;only=conversations.list", "conclude", 1 },
}

describe("a fault", function()
  for _, row in ipairs(FAULTS) do
    local fault, command, expected = table.unpack(row)
    local name = ("%s ends %s with %d and one event that says so, and the next run completes it"):format(fault, command,
      expected)
    it(name, function()
      local world = new_world()
      if command ~= "start" then world:run("start", world.file) end
      local code, out = process.run(process.anyreach("--retries=0", "--sandbox=" .. world.db,
        "--sandbox-faults=" .. fault, "run", "ab-test", command, world.file, "--json"))
      expect.equal(code, expected)
      local seen = events(out)
      expect.equal({ #seen.error, seen.error[1].exit_code }, { 1, expected })
      world:run("start", world.file)
      expect.equal(world:evaluate(LOOK), RUNNING)
    end)
  end
end)

describe("the example experiment", function()
  it("is started and taken back", function()
    local directory = process.directory()
    local db = "--sandbox=" .. directory .. "/sandbox.db"
    process.run(("cp -r scripts/examples/experiments %s/"):format(directory))
    local file = directory .. "/experiments/times-first.yaml"
    process.run(process.anyreach(db, "run", "provision", "--no-lock", "scripts/examples/clinic/agents"))
    expect.equal((process.run(process.anyreach(db, "run", "ab-test", "start", file))), 0)
    expect.equal((process.run(process.anyreach(db, "run", "ab-test", "status", file))), 0)
    local _, before = process.run(process.anyreach(db, "run", "numbers"))
    expect.contains(before, "+15551230002  Riverside Dental Scheduler@2")
    expect.equal((process.run(process.anyreach(db, "run", "ab-test", "conclude", "--restore", file))), 2)
    local _, after = process.run(process.anyreach(db, "run", "numbers"))
    expect.match(after, "%+15551230002  %-")
    expect.contains(after, "+15551234567  Riverside Dental Scheduler@1")
  end)
end)
