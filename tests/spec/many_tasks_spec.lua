-- Many tasks at once: anyreach.map, all, race and timeout, and the places of their tasks.

local host = require "anyreach.host"
local process = require "helpers.process"

local sandbox = process.sandbox "--faults=latency=20"
local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }

local function closing(f)
  return setmetatable({}, { __close = f })
end

describe("map", function()
  it("keeps the order and the bound", function()
    local running, most = 0, 0
    local results = anyreach.map({ 5, 1, 4, 2, 3, 0 }, function(value, index)
      running = running + 1
      most = math.max(most, running)
      anyreach.sleep(value / 1000)
      running = running - 1
      return value * 10 + index
    end, { concurrency = 3 })
    expect.equal(results, { 51, 12, 43, 24, 35, 6 })
    expect.equal(most, 3)
  end)

  it("raises the first error, and starts no more", function()
    local started = 0
    local err = expect.raises(function()
      anyreach.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(value)
        started = started + 1
        anyreach.sleep(0.001 * value)
        if value == 2 then error("bad 2", 0) end
        if value > 2 then anyreach.sleep(100) end
      end, { concurrency = 3 })
    end)
    expect.equal(err, "bad 2")
    expect.equal(started, 4)
  end)

  it("raises, of several errors at once, the earliest in time", function()
    local start = anyreach.spawn(anyreach.sleep, 0.01)
    local failed = {}
    local err = expect.raises(function()
      anyreach.map({ "a", "b", "c" }, function(value)
        start:wait()
        failed[#failed + 1] = value
        error(value, 0)
      end)
    end)
    expect.equal(#failed, 3)
    expect.equal(err, failed[1])
  end)

  it("raises nil, too, when that is the error", function()
    expect.equal({ pcall(anyreach.map, { 1 }, function() error(nil, 0) end) }, { false, nil })
  end)

  it("of nothing is nothing; a bad bound is misuse", function()
    expect.equal(#anyreach.map({}, error), 0)
    for _, bound in ipairs { 0, -1, 1.5 } do
      expect.raises(function() anyreach.map({ 1 }, print, { concurrency = bound }) end, "concurrency")
    end
  end)

  it("over two hundred calls has as many on the way as it may", function()
    local agent = api.agents.create { name = "mapped" }
    local indices, running, most = {}, 0, 0
    for i = 1, 200 do indices[i] = i end
    local agents = anyreach.map(indices, function()
      running = running + 1
      most = math.max(most, running)
      local result = api.agents.get(agent.id)
      running = running - 1
      return result.id
    end, { concurrency = 32 })
    expect.equal(#agents, 200)
    expect.equal(most, 32)
    api.agents.delete(agent.id)
  end)
end)

describe("the place of a task", function()
  -- Runs f as a task of its own and returns what it does, with the task's place as ".".
  local function relative(f)
    return anyreach.spawn(function()
      local base = host.place()
      local function place()
        local text = host.place()
        expect.equal(text:sub(1, #base), base)
        return "." .. text:sub(#base + 2)
      end
      return f(place)
    end):wait()
  end

  it("is its index among its parent's children, below the parent's", function()
    local code, out = process.run(process.anyreach("-e", [[
      local host = require "anyreach.host"
      print(host.place())
      for _ = 1, 2 do
        anyreach.spawn(function()
          print(host.place(), anyreach.spawn(host.place):wait(), anyreach.spawn(host.place):wait())
        end):wait()
      end
      print(coroutine.wrap(function() return host.place(), anyreach.spawn(host.place):wait() end)())
      table.sort({ 1, 2 }, function() print(anyreach.spawn(host.place):wait(), host.place()) return false end)]]))
    expect.equal(code, 0)
    expect.equal(out, "main\nmain.1\tmain.1.1\tmain.1.2\nmain.2\tmain.2.1\tmain.2.2\nmain\tmain.3\nmain.4\tmain\n")
  end)

  it("stays the same while the task waits and others run", function()
    local function waiting() anyreach.sleep(0.001) return host.place() end
    expect.equal(relative(function(place)
      local a, b = anyreach.spawn(waiting), anyreach.spawn(waiting)
      a:wait() b:wait()
      return place()
    end), ".")
  end)

  it("is, in a map, the item's, whichever worker takes it", function()
    local function places(delays, concurrency)
      return relative(function(place)
        local first = anyreach.map(delays, function(delay)
          local before = place()
          anyreach.sleep(delay)
          return { before, place(), anyreach.spawn(place):wait(), anyreach.timeout(1, place) }
        end, { concurrency = concurrency })
        return { first, anyreach.map({ 0 }, place), place() }
      end)
    end
    local function at(index)
      local text = ".1." .. index
      return { text, text, text .. ".1", text .. ".2" }
    end
    local expected = { { at(1), at(2), at(3), at(4) }, { ".2.1" }, "." }
    expect.equal(places({ 0, 0, 0, 0 }, 1), expected)
    expect.equal(places({ 0.02, 0.001, 0.001, 0.001 }, 2), expected)
    expect.equal(places({ 0.004, 0.003, 0.002, 0.001 }, 4), expected)
  end)

  it("is, in all and race, the function's index", function()
    expect.equal(relative(function(place)
      local function late() anyreach.sleep(1) end
      return { anyreach.all { place, place }, anyreach.race { late, place }, place() }
    end), { { ".1.1", ".1.2" }, ".2.2", "." })
  end)

  it("is new in each session's entry, and in a nested map that of both items", function()
    expect.equal(relative(function(place)
      local _, first = host.run_interruptible(place)
      local _, second = host.run_interruptible(place)
      return { first, second, anyreach.map({ 1, 2 }, function() return anyreach.map({ 1, 2 }, place) end) }
    end), { ".1", ".2", { { ".3.1.1.1", ".3.1.1.2" }, { ".3.2.1.1", ".3.2.1.2" } } })
  end)

  it("is read at any depth, and outlives its parents", function()
    local depth = 3000
    local function descend(n)
      if n == 0 then return host.place() end
      local task = anyreach.spawn(descend, n - 1)
      return function() return task:wait() end
    end
    local result = descend(depth)
    while type(result) == "function" do result = result() end
    collectgarbage()
    expect.equal(select(2, result:gsub("%.", "")), depth + select(2, host.place():gsub("%.", "")))
  end)

  it("of a branch is entered by an index from 1", function()
    local branch = host.branch()
    expect.raises(function() branch:enter(0) end, "an index from 1")
    expect.raises(function() branch:spawn() end, "function expected")
    expect.raises(function() branch.enter(host.event(), 1) end, "anyreach.branch expected")
  end)
end)

describe("all, race and timeout", function()
  it("all gives every first result, in order", function()
    local results = anyreach.all {
      function() anyreach.sleep(0.01) return 1, "more" end,
      function() return 2 end,
    }
    expect.equal(results, { 1, 2 })
    expect.raises(function() anyreach.all { error, function() anyreach.sleep(100) end } end)
  end)

  it("race gives the first to end, and cancels the others", function()
    local cancelled
    local a, b = anyreach.race {
      function()
        local _ <close> = closing(function() cancelled = true end)
        anyreach.sleep(100)
      end,
      function() anyreach.sleep(0.01) return "fast", "er" end,
    }
    expect.equal({ a, b }, { "fast", "er" })
    expect.truthy(cancelled)
    local function lose() error "lost" end
    expect.raises(function() anyreach.race { lose, function() anyreach.sleep(100) end } end, "lost")
    expect.raises(function() anyreach.race {} end, "at least one")
  end)

  it("timeout gives the results, or ends what takes too long", function()
    expect.equal({ anyreach.timeout(10, function(...) return ... end, 1, 2) }, { 1, 2 })
    local cancelled
    local err = expect.raises(function()
      anyreach.timeout(0.01, function()
        local _ <close> = closing(function() cancelled = true end)
        anyreach.sleep(100)
      end)
    end)
    expect.equal(err.kind, "timeout")
    expect.truthy(cancelled)
  end)
end)

it("the sandbox ends in good order", function() expect.equal(sandbox:stop(), 130) end)
