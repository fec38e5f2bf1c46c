-- Ctrl-C: it stops whatever a script is doing, at once and in good order, and a second one the program.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

-- Starts code that prints "ready", sends SIGINT, and returns what came of it.
local function interrupt(code, environment)
  local command = (environment or "") .. process.anyreach("-e",
    "local function ready() print 'ready' io.stdout:flush() end " .. code)
  local program = process.start(command)
  program:first_line()
  local start = process.now()
  program:signal "INT"
  local exit_code = program:wait()
  return exit_code, process.now() - start, program:output(), program:output "err"
end

local function is_stopped(code, environment)
  local exit_code, seconds, out, err = interrupt(code, environment)
  expect.equal(exit_code, 130)
  expect.truthy(seconds < 5)
  expect.equal(err, "anyreach: interrupted\n")
  return out
end

describe("SIGINT stops", function()
  it("a tight loop", function() is_stopped "ready() while true do end" end)

  it("a tight loop in a nested coroutine, under pcall", function()
    is_stopped [[
      local function spin()
        ready()
        while true do pcall(function() while true do end end) end
      end
      while true do
        pcall(coroutine.wrap(function() pcall(coroutine.wrap(spin)) end))
      end]]
  end)

  it("a loop that catches every error", function()
    is_stopped "ready() while true do pcall(error, 'x') xpcall(string.rep, print, -1) end"
  end)

  it("a sort comparator", function()
    is_stopped [[
      local values = {}
      for i = 1, 100 do values[i] = i end
      ready()
      table.sort(values, function(a, b) while true do end end)]]
  end)

  it("a sleep, in a task or where it cannot yield", function()
    is_stopped "ready() anyreach.sleep(1000)"
    is_stopped "ready() pcall(anyreach.sleep, 1000)"
    is_stopped "table.sort({1, 2}, function() ready() anyreach.sleep(1000) end)"
    is_stopped "coroutine.wrap(function() ready() anyreach.sleep(1000) end)()"
  end)

  it("many tasks", function()
    is_stopped [[
      for i = 1, 100 do anyreach.spawn(function() while true do anyreach.sleep(0.001) end end) end
      anyreach.sleep(0.05)
      ready()
      while true do anyreach.sleep(0) end]]
  end)

  it("a request under way, which is given up", function()
    local server <close> = wire.start()
    server:reply "stall"
    local environment = "ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=" .. server.base_url .. " "
    is_stopped("anyreach.spawn(function() anyreach.client().agents.list() end) anyreach.sleep(0.1) ready() "
      .. "anyreach.client().agents.list()", environment)
    process.eventually("the connections to close", function()
      return select(2, server:log():gsub("closed", "")) == select(2, server:log():gsub("opened", ""))
    end)
  end)

  it("a program with a sandbox inside", function()
    is_stopped("ready() local api = anyreach.client{base_url='http://127.0.0.1:1', token='ak_x'} "
      .. "while true do api.try.agents.list() end")
  end)
end)

describe("after SIGINT", function()
  it("pending values are closed", function()
    local out = is_stopped [[
      local _ <close> = setmetatable({}, { __close = function() print "closed" end })
      ready()
      anyreach.sleep(1000)]]
    expect.equal(out, "ready\nclosed\n")
  end)

  it("a second one kills, whatever the script does", function()
    local program = process.start(process.anyreach("-e", [[
      local _ <close> = setmetatable({}, { __close = function()
        print "closing" io.stdout:flush()
        while true do end
      end })
      print "ready" io.stdout:flush()
      anyreach.sleep(1000)]]))
    program:first_line()
    program:signal "INT"
    process.eventually("the end to begin", function() return program:output():find "closing" end)
    program:signal "INT"
    expect.equal(program:wait(), 130)
    expect.equal(program:output "err", "")
  end)
end)

describe("SIGTERM", function()
  it("stops a script in good order, too", function()
    local program = process.start(process.anyreach("-e", "print 'ready' io.stdout:flush() anyreach.sleep(1000)"))
    program:first_line()
    program:signal "TERM"
    expect.equal({ program:wait(), program:output "err" }, { 130, "anyreach: interrupted\n" })
  end)
end)

describe("A run that is stopped", function()
  -- Three writes are answered at once, and two not before the test is over.
  local WRITES = [[
    local api, quick = anyreach.client(), anyreach.client { headers = { ["X-Sandbox-Fault"] = "latency=0" } }
    for i = 1, 3 do quick.agents.create{ name = "a" .. i } end
    anyreach.map({ 1, 2 }, function(i) api.agents.create{ name = "x" .. i } end)]]

  local function stop(signal, ...)
    local sandbox <close> = process.sandbox("--faults", "latency=60000;only=agents.create")
    local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }
    local program <close> = process.start(sandbox.environment .. process.anyreach(..., "-e", WRITES))
    process.eventually("five writes", function() return #api.request { path = "/_sandbox/requests" } == 5 end)
    program:signal(signal)
    return program:wait(), program:output(), program:output "err"
  end

  it("says how much was written, and what may have been, whatever stopped it", function()
    for _, signal in ipairs { "INT", "TERM" } do
      local code, _, err = stop(signal, "--quiet")
      expect.equal(code, 130)
      expect.equal(err, "anyreach: interrupted; 3 writes were applied; 2 may have been: "
        .. "POST /core/agents, POST /core/agents\n")
    end
  end)

  it("counts writes alone, and of those what was not refused", function()
    local program = process.start(process.anyreach("--sandbox", "--sandbox-faults", "latency=200", "--quiet", "-e", [[
      local api = anyreach.client()
      api.agents.create{ name = "a" }
      api.agents.list()
      api.request{ method = "GET", path = "/core/agents" }
      pcall(api.agents.delete, "nobody")
      print "ready" io.stdout:flush()
      while true do api.agents.list() end]]))
    program:first_line()
    program:signal "INT"
    expect.equal({ program:wait(), program:output "err" }, { 130, "anyreach: interrupted; 1 write was applied\n" })
  end)

  it("says so in its last event with --json", function()
    local code, out = stop("INT", "--json")
    local event = json.decode(out:match "[^\n]*\n$")
    expect.equal({ code, event.event, event.exit_code }, { 130, "error", 130 })
    expect.equal({ event.error.kind, event.writes_applied, #event.writes_open }, { "interrupted", 3, 2 })
  end)

  it("at its deadline ends like a time-out, whatever it is doing", function()
    for _, code in ipairs {
      "anyreach.sleep(1000)",
      "while true do pcall(function() while true do end end) end",
      "while true do pcall(anyreach.sleep, 1000) end",
    } do
      local status, out, err = process.run(process.anyreach("--deadline", "0.2", "-e", code))
      expect.equal({ status, out, err }, { 10, "", "anyreach: stopped: the run took longer than --deadline 0.2\n" })
    end
    expect.equal({ process.run(process.anyreach("--deadline", "60", "-e", "print 'done'")) }, { 0, "done\n", "" })
  end)
end)

-- The point of interruption is generated: each write of a run over three agents, one at a time, before and after the
-- sandbox carries it out. What the report says of an agent is compared with what the organisation has.
describe("A recipe that is stopped", function()
  local NAMES = { "Ada", "Bert", "Cleo" }
  local STEPS = { "agents.create", "agents.versions.create", "agents.versions.publish" }

  -- What is said of the agent whose step is held, by the step: the agent itself comes first.
  local NOTES = { "may have been created", "created, not complete", "created, not complete" }

  local function write_files()
    local directory = process.directory()
    for _, name in ipairs(NAMES) do
      process.write(directory .. "/" .. name:lower() .. ".yaml",
        ("name: %s\nconfig:\n  instructions: Answer calls.\n"):format(name))
    end
    return directory
  end

  local function cases()
    local requests = {}
    for number = 1, #NAMES do
      for _, operation in ipairs(STEPS) do requests[#requests + 1] = operation .. " " .. number end
    end
    return held_request.cases(requests)
  end

  local function step_of(case)
    for index, operation in ipairs(STEPS) do
      if operation == case.operation then return index end
    end
  end

  local function client(sandbox)
    return anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin", headers = held_request.headers }
  end

  local function stop_provision(sandbox, case, files, ...)
    local command = process.anyreach(...) .. " --concurrency=1 run provision " .. files
    return held_request.stop(client(sandbox), case, function()
      return process.start(sandbox.environment .. command)
    end, "INT")
  end

  -- The report when the step of the agent with this number is held; the agents before it are done.
  local function expected_report(case)
    local counts, done = {}, {}
    for index = 1, case.number - 1 do done[index] = "'" .. NAMES[index] .. "'" end
    if #done > 0 then counts[1] = #done .. " done" end
    counts[#counts + 1] = "1 in progress"
    if case.number < #NAMES then counts[#counts + 1] = #NAMES - case.number .. " not begun" end
    return ("anyreach: interrupted; of 3 agents: %s; run the same command again to complete it\n%s"
      .. "  in progress: '%s' (%s)\n"):format(table.concat(counts, ", "),
      #done > 0 and "  done: " .. table.concat(done, ", ") .. "\n" or "", NAMES[case.number], NOTES[step_of(case)])
  end

  it("says of each agent how far it is, and is completed by the same command", function()
    for _, case in ipairs(cases()) do
      local sandbox <close> = process.sandbox("--faults", case.faults)
      local files = write_files()
      local program, code = stop_provision(sandbox, case, files)
      expect.equal({ case.name, code, select(2, process.headline(program:output "err")) },
        { case.name, 130, expected_report(case) })
      expect.equal({ case.name, (process.run(sandbox.environment .. process.anyreach("run", "provision", files))) },
        { case.name, 0 })
      local names = {}
      for agent in client(sandbox).agents.each() do names[#names + 1] = agent.name end
      table.sort(names)
      expect.equal({ case.name, names }, { case.name, NAMES })
    end
  end)

  it("tells the same in its last event with --json, beside the requests", function()
    local case = held_request.cases { "agents.versions.create 2" }[2]
    local sandbox <close> = process.sandbox("--faults", case.faults)
    local program, code = stop_provision(sandbox, case, write_files(), "--json")
    local event = json.decode(program:output():match "[^\n]*\n$")
    expect.equal({ code, event.event, #event.writes_open }, { 130, "error", 1 })
    expect.equal(event.agents, json.array {
      { name = "Ada", state = "done" },
      { name = "Bert", state = "in_progress", note = "created, not complete" },
      { name = "Cleo", state = "not_begun" },
    })
  end)

  it("before it has written anything says so", function()
    local case = held_request.cases { "agents.list 1" }[2]
    local sandbox <close> = process.sandbox("--faults", case.faults)
    local program, code = stop_provision(sandbox, case, write_files())
    expect.equal(code, 130)
    expect.contains(program:output "err", "anyreach: interrupted; nothing was written; run the same command again\n")
  end)
end)
