-- Tasks and waits: where a wait works, what a cancelled one gives up, and that the coroutine library is still the
-- one of Lua. many_tasks_spec.lua has map, all, race and timeout.

local host = require "anyreach.host"
local process = require "helpers.process"
local wire = require "helpers.wire"

local sandbox = process.sandbox "--faults=latency=20"
local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }

-- A call that waits. The sandbox has no agents.
local function count() return #(api.agents.list()) end

local function closing(f)
  return setmetatable({}, { __close = f })
end

describe("a task", function()
  it("takes arguments and gives all its results, to everybody who waits", function()
    local task = anyreach.spawn(function(...) return select("#", ...), nil, ... end, 1, nil)
    local first, second = table.pack(task:wait()), table.pack(task:wait())
    expect.equal(first, { n = 4, 2, nil, 1, nil })
    expect.equal(second, first)
    expect.equal(task:status(), "done")
  end)

  it("does not run before somebody waits", function()
    local ran = false
    local task = anyreach.spawn(function() ran = true end)
    expect.falsy(ran)
    task:wait()
    expect.truthy(ran)
  end)

  it("raises its error, as the value it is, in whoever waits", function()
    local value = {}
    local task = anyreach.spawn(error, value)
    local ok, err = pcall(task.wait, task)
    expect.falsy(ok)
    expect.truthy(rawequal(err, value))
    expect.equal(task:status(), "failed")
  end)

  it("cannot wait for itself", function()
    local task
    task = anyreach.spawn(function() task:wait() end)
    expect.raises(function() task:wait() end, "cannot wait for itself")
  end)

  it("can be waited for with a limit, and goes on after it", function()
    local task = anyreach.spawn(function() anyreach.sleep(0.05) return "late" end)
    local err = expect.raises(function() task:wait(0.01) end, "0.01 seconds")
    expect.equal(err.kind, "timeout")
    expect.equal(task:wait(), "late")
  end)

  it("ends at its scope's end when it is a to-be-closed variable", function()
    local closed
    do
      local _ <close> = anyreach.spawn(function()
        local _ <close> = closing(function() closed = true end)
        anyreach.sleep(100)
      end)
      anyreach.sleep(0)
    end
    expect.truthy(closed)
  end)

  it("can be one of a hundred thousand, and no more", function()
    local code, _, err = process.run(process.anyreach("-e", "while true do anyreach.spawn(anyreach.sleep, 1000) end"))
    expect.equal(code, 1)
    expect.contains(err, "100000 tasks are alive already, no more can be spawned; anyreach.map goes through any number")
  end)

  it("is cheap: ten thousand at once", function()
    local tasks, ended = {}, 0
    for i = 1, 10000 do
      tasks[i] = anyreach.spawn(function() anyreach.sleep(0.01) ended = ended + 1 end)
    end
    for _, task in ipairs(tasks) do task:wait() end
    expect.equal(ended, 10000)
  end)
end)

describe("cancelling", function()
  it("closes what is pending, innermost first, and nothing goes on", function()
    local order, went_on = {}, false
    local task = anyreach.spawn(function()
      local _ <close> = closing(function() order[#order + 1] = "outer" end)
      pcall(coroutine.wrap(function()
        local _ <close> = closing(function() order[#order + 1] = "inner" end)
        anyreach.sleep(100)
        went_on = true
      end))
      went_on = true
    end)
    anyreach.sleep(0)
    expect.equal(task:cancel(), true)
    expect.equal(task:cancel(), false)
    expect.equal(order, { "inner", "outer" })
    expect.equal(task:status(), "cancelled")
    expect.falsy(went_on)
    expect.equal(expect.raises(function() task:wait() end, "cancelled").kind, "cancelled")
  end)

  it("lets a __close wait", function()
    local finished
    local task = anyreach.spawn(function()
      local _ <close> = closing(function() finished = count() end)
      anyreach.sleep(100)
    end)
    anyreach.sleep(0)
    task:cancel()
    expect.equal(finished, 0)
  end)

  it("a task that waits for a request closes its connection", function()
    local server <close> = wire.start()
    server:reply "stall"
    local stalled = anyreach.client { base_url = server.base_url, token = "ak_x", timeout = 3600 }
    local task = anyreach.spawn(function() stalled.agents.create { name = "x" } end)
    process.eventually("the request", function() return server:count() == 1 end)
    task:cancel()
    process.eventually("the end of the connection", function()
      return server:log():find "connection 1 closed"
    end, 10)
  end)

  it("a task that somebody waits for ends his wait", function()
    local task = anyreach.spawn(anyreach.sleep, 100)
    local waiter = anyreach.spawn(function() return pcall(task.wait, task) end)
    anyreach.sleep(0)
    task:cancel()
    local ok, err = waiter:wait()
    expect.falsy(ok)
    expect.equal(err.kind, "cancelled")
  end)

  it("is refused to the task itself", function()
    local task
    task = anyreach.spawn(function() task:cancel() end)
    expect.raises(function() task:wait() end, "running task cannot be cancelled")
  end)
end)

describe("a call works", function()
  it("in a sort comparator", function()
    local values = { 3, 1, 2 }
    table.sort(values, function(a, b) return count() == 0 and a < b end)
    expect.equal(values, { 1, 2, 3 })
  end)

  it("in a gsub callback", function()
    expect.equal((("a-a"):gsub("a", function() return tostring(count()) end)), "0-0")
  end)

  it("in metamethods called by C", function()
    local value = setmetatable({}, { __tostring = function() return "n" .. count() end })
    expect.equal(tostring(value), "n0")
    expect.equal(("%s"):format(value), "n0")
    local list = setmetatable({}, {
      __index = function(_, i) return i <= 2 and count() + i or nil end,
      __len = function() return count() + 2 end,
    })
    expect.equal(table.concat(list, ","), "1,2")
  end)

  it("in metamethods called by Lua", function()
    local value = setmetatable({}, { __index = count, __add = count, __eq = function() return count() == 0 end })
    expect.equal(value.x, 0)
    expect.equal(value + 1, 0)
    expect.truthy(value == setmetatable({}, getmetatable(value)))
  end)

  it("in pcall and xpcall, errors and all", function()
    expect.equal({ pcall(count) }, { true, 0 })
    expect.equal({ xpcall(count, error) }, { true, 0 })
    local ok, err = pcall(api.agents.get, "none")
    expect.equal({ ok, err.status }, { false, 404 })
    expect.equal({ xpcall(api.agents.get, function(e) return e.status + count() end, "none") }, { false, 404 })
  end)

  it("in a __close, also while an error passes", function()
    local counted
    pcall(function()
      local _ <close> = closing(function() counted = count() end)
      error "x"
    end)
    expect.equal(counted, 0)
  end)

  it("in iterators and loaded chunks", function()
    local seen = {}
    for value in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i + count()) end end) do
      seen[#seen + 1] = value
    end
    expect.equal(seen, { 1, 2, 3 })
    expect.equal(load("return #(...).agents.list()")(api), 0)
  end)

  it("in a module that is being required", function()
    package.preload["task_spec.counting"] = function() return { count = count() } end
    expect.equal(require("task_spec.counting").count, 0)
  end)

  it("in a finalizer", function()
    local counted
    setmetatable({}, { __gc = function() counted = count() end })
    collectgarbage()
    expect.equal(counted, 0)
  end)

  it("in nested coroutines, resumed and wrapped, where the task may not yield either", function()
    local function nested()
      return coroutine.wrap(function()
        local ok, n = coroutine.resume(coroutine.create(function() return count() end))
        coroutine.yield(ok)
        return n + count()
      end)
    end
    local f = nested()
    expect.equal({ f(), f() }, { true, 0 })
    local results = {}
    table.sort({ 1, 2 }, function()
      local g = nested()
      results = { g(), g() }
      return false
    end)
    expect.equal(results, { true, 0 })
  end)

  it("in two tasks that both wait where they cannot yield", function()
    local function sorted()
      local values = { 3, 1, 2 }
      table.sort(values, function(a, b) anyreach.sleep(0.001) return a < b end)
      return values
    end
    expect.equal(anyreach.all { sorted, sorted, sorted }, { { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 3 } })
  end)
end)

describe("waiting for a task where nothing can yield", function()
  it("lets the tasks run", function()
    local task = anyreach.spawn(function() anyreach.sleep(0.01) return "done" end)
    local result
    table.sort({ 1, 2 }, function() result = task:wait() return false end)
    expect.equal(result, "done")
  end)

  it("works for map, too", function()
    local results
    table.sort({ 1, 2 }, function()
      results = anyreach.map({ 1, 2, 3 }, function(i) anyreach.sleep(0.001) return i end)
      return false
    end)
    expect.equal(results, { 1, 2, 3 })
  end)

  -- Calls that cannot yield, with a wait in what they call.
  local CALLS = {
    ["table.sort"] = function(wait) table.sort({ 1, 2 }, function() wait() return false end) end,
    ["string.gsub"] = function(wait) return (string.gsub("x", "x", function() wait() end)) end,
    ["__tostring"] = function(wait)
      return tostring(setmetatable({}, { __tostring = function() wait() return "x" end }))
    end,
    ["a metamethod"] = function(wait)
      local words = { __len = function() return 1 end, __index = function() wait() return "x" end }
      return table.concat(setmetatable({}, words))
    end,
    ["layers of pcall"] = function(wait)
      pcall(pcall, pcall, table.sort, { 1, 2 }, function() wait() return false end)
    end,
  }

  for name, call in pairs(CALLS) do
    it("is refused to the one too many, by a sentence, in " .. name, function()
      local gate = host.event()
      local opener = anyreach.spawn(function() gate:wait() end)
      local waits = {}
      for i = 1, 200 do
        waits[i] = anyreach.spawn(function()
          local ok, problem
          call(function() ok, problem = pcall(opener.wait, opener) end)
          return ok, problem
        end)
      end
      anyreach.spawn(function() gate:set() end)
      local done = 0
      for _, wait in ipairs(waits) do
        local ok, problem = wait:wait()
        if not ok then expect.contains(tostring(problem), "wait before such a call, or let fewer tasks run at once") end
        done = done + (ok and 1 or 0)
      end
      expect.truthy(done >= 20 and done < 200)
    end)
  end
end)

describe("the coroutine library is Lua's:", function()
  it("values in and out, and the end", function()
    local thread = coroutine.create(function(...)
      local got = table.pack(coroutine.yield(...))
      return got.n, got[1]
    end)
    expect.equal(table.pack(coroutine.resume(thread, 1, nil)), { n = 3, true, 1, nil })
    expect.equal(coroutine.status(thread), "suspended")
    expect.equal({ coroutine.resume(thread, "x", nil, nil) }, { true, 3, "x" })
    expect.equal(coroutine.status(thread), "dead")
    expect.equal({ coroutine.resume(thread) }, { false, "cannot resume dead coroutine" })
  end)

  it("errors come as values; wrap adds the place to a string", function()
    local value = {}
    local _, err = coroutine.resume(coroutine.create(error), value)
    expect.truthy(rawequal(err, value))
    local wrapped = coroutine.wrap(function() error("x", 0) end)
    expect.raises(function() wrapped() end, "task_spec.lua:")
    expect.raises(function() wrapped() end, "cannot resume dead coroutine")
  end)

  it("running, status and isyieldable", function()
    local main, is_main = coroutine.running()
    expect.equal({ type(main), is_main }, { "thread", true })
    expect.falsy(coroutine.isyieldable())
    expect.equal({ coroutine.resume(main) }, { false, "cannot resume non-suspended coroutine" })
    local outer
    outer = coroutine.create(function()
      expect.truthy(coroutine.isyieldable())
      expect.equal(select(2, coroutine.running()), false)
      expect.equal(coroutine.status(outer), "running")
      coroutine.wrap(function()
        expect.equal(coroutine.status(outer), "normal")
        expect.equal({ coroutine.resume(outer) }, { false, "cannot resume non-suspended coroutine" })
      end)()
    end)
    expect.equal({ coroutine.resume(outer) }, { true })
  end)

  it("yield outside a coroutine is an error", function()
    expect.equal({ pcall(coroutine.yield, 1) }, { false, "attempt to yield from outside a coroutine" })
    local task = anyreach.spawn(coroutine.yield)
    expect.raises(function() task:wait() end, "attempt to yield from outside a coroutine")
    expect.equal({ coroutine.resume(coroutine.create(function() table.sort({ 1, 2 }, coroutine.yield) end)) },
      { false, "attempt to yield across a C-call boundary" })
  end)

  it("close closes pending values and gives their error", function()
    local closed
    local thread = coroutine.create(function()
      local _ <close> = closing(function() closed = count() end)
      local _ <close> = closing(function() error("in close", 0) end)
      coroutine.yield()
    end)
    coroutine.resume(thread)
    expect.equal({ coroutine.close(thread) }, { false, "in close" })
    expect.equal(closed, 0)
    expect.equal(coroutine.status(thread), "dead")
    expect.raises(function() coroutine.close(coroutine.running()) end, "cannot close a running coroutine")
  end)

  it("a coroutine that waits is busy to everybody else", function()
    local thread = coroutine.create(function() anyreach.sleep(0.02) return "slept" end)
    local task = anyreach.spawn(function() return coroutine.resume(thread) end)
    anyreach.sleep(0)
    expect.equal(coroutine.status(thread), "normal")
    expect.equal({ coroutine.resume(thread) }, { false, "cannot resume non-suspended coroutine" })
    expect.raises(function() coroutine.close(thread) end, "cannot close a normal coroutine")
    expect.equal({ task:wait() }, { true, "slept" })
  end)

  it("so is a task's own thread", function()
    local thread
    local task = anyreach.spawn(function()
      thread = coroutine.running()
      anyreach.sleep(0.02)
      return "slept"
    end)
    anyreach.sleep(0)
    expect.equal({ coroutine.resume(thread) }, { false, "cannot resume non-suspended coroutine" })
    expect.equal(task:wait(), "slept")
  end)
end)

describe("a wait that nobody is left to end", function()
  -- The library's own resume, which does not pass a wait outward.
  local function swallow(f)
    local _, resume = debug.getupvalue(coroutine.resume, 1)
    resume(coroutine.create(f))
  end

  it("is collected together with its event", function()
    for _ = 1, 100 do
      local event = host.event()
      swallow(function() event:wait() end)
    end
    collectgarbage()
    collectgarbage()
  end)

  it("is collected before its event, which can be waited for again", function()
    local event = host.event()
    swallow(function() event:wait() end)
    collectgarbage()
    anyreach.spawn(event.set, event)
    event:wait()
  end)

  it("is collected before the task it waits for", function()
    local task = anyreach.spawn(anyreach.sleep, 0.02)
    for _ = 1, 3 do swallow(function() task:wait(100) end) end
    collectgarbage()
    task:wait()
  end)
end)

describe("a wait that can never end", function()
  it("is an error instead of silence", function()
    local script = [[
      local a, b
      a = anyreach.spawn(function() b:wait() end)
      b = anyreach.spawn(function() a:wait() end)
      a:wait()]]
    local code, _, err = process.run(process.anyreach("-e", script))
    expect.equal(code, 1)
    expect.contains(err, "this wait can never end")
  end)
end)

describe("an error of a task that nobody waits for", function()
  it("ends the program with exit code 1, after the script", function()
    local code, out, err = process.run(process.anyreach("-e",
      "anyreach.spawn(error, 'forgotten') anyreach.sleep(0.01) print 'script done'"))
    expect.equal({ code, out }, { 1, "script done\n" })
    expect.contains(err, "forgotten")
  end)

  it("does not when somebody has asked for it", function()
    local code = process.run(process.anyreach("-e", "local t = anyreach.spawn(error, 'x') pcall(t.wait, t)"))
    expect.equal(code, 0)
  end)
end)

it("the sandbox ends in good order", function() expect.equal(sandbox:stop(), 130) end)
