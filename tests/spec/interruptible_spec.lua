-- host.run_interruptible: something is tried as a task of its own, and whatever becomes of it the rest goes on.

local host = require "anyreach.host"

-- Sends this program a signal, and goes on when it has come.
local function send(name)
  io.popen(("kill -%s $PPID"):format(name)):close()
end

describe("an attempt", function()
  it("gives the function's results", function()
    expect.equal({ host.run_interruptible(function(...) return ... end, 1, nil, 3) }, { true, 1, nil, 3 })
    expect.equal(select("#", host.run_interruptible(function() end)), 1)
  end)

  it("gives its error as it was raised", function()
    local problem = setmetatable({}, { __tostring = function() return "p" end })
    expect.equal({ host.run_interruptible(error, "words", 0) }, { false, "words" })
    expect.truthy(rawequal(select(2, host.run_interruptible(error, problem)), problem))
    expect.equal({ host.run_interruptible(error) }, { false, nil })
  end)

  it("takes a function and nothing else", function()
    expect.raises(function() host.run_interruptible() end, "function expected")
  end)

  it("may wait, while other tasks go on", function()
    local steps = {}
    local other = host.spawn(function()
      for i = 1, 3 do
        steps[#steps + 1] = i
        host.sleep(0.01)
      end
    end)
    expect.equal({ host.run_interruptible(function()
      other:wait()
      return "waited"
    end) }, { true, "waited" })
    expect.equal(steps, { 1, 2, 3 })
  end)

  it("leaves tasks alive that it has started", function()
    local _, task = host.run_interruptible(function()
      return host.spawn(function()
        host.sleep(0.02)
        return "later"
      end)
    end)
    expect.equal(task:status(), "ready")
    expect.equal(task:wait(), "later")
  end)

  it("that can never end is an error", function()
    local ok, err = host.run_interruptible(function() host.event():wait() end)
    expect.equal({ ok, err.kind }, { false, "deadlock" })
  end)

  it("may be made within another", function()
    local run = host.run_interruptible
    expect.equal({ run(run, run, error, "deep", 0) }, { true, true, false, "deep" })
  end)
end)

describe("Ctrl-C during an attempt", function()
  local function is_stopped(f)
    local closed = false
    local task = host.spawn(host.sleep, 0.05)
    local ok, tally = host.run_interruptible(function()
      local guard <close> = setmetatable({}, { __close = function() closed = true end }) -- luacheck: ignore 211
      send "INT"
      f()
    end)
    expect.equal({ ok, tally.applied, tally.open, tally.texts }, { nil, 0, 0, {} })
    expect.truthy(closed)
    task:wait()
    expect.equal(task:status(), "done")
  end

  it("stops a loop, also one that catches every error", function()
    is_stopped(function() while true do end end)
    is_stopped(function() while true do pcall(function() while true do end end) end end)
    is_stopped(coroutine.wrap(function() while true do pcall(error) end end))
    is_stopped(function() table.sort({ 1, 2 }, function() while true do end end) end)
  end)

  it("stops a wait", function()
    is_stopped(function() host.sleep(100) end)
    is_stopped(function() table.sort({ 1, 2 }, function() host.sleep(100) end) end)
    is_stopped(function() anyreach.map({ 1, 2, 3 }, function() host.sleep(100) end) end)
  end)

  it("can come again and again", function()
    for _ = 1, 20 do is_stopped(function() while true do end end) end
    local sum = 0
    for i = 1, 100000 do sum = sum + i end
    expect.equal(sum, 5000050000)
  end)
end)
