-- Misbehaviour of the sandbox on demand.

local json = require "anyreach.json"
local asking = require "helpers.sandbox"
local faults = require "anyreach.sandbox.faults"

local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused

describe("faults", function()
  local function with(fault) return { headers = { ["x-sandbox-fault"] = fault } } end
  local function create(box, fault) return ask(box, "POST", "/core/agents", { name = "x" }, with(fault)) end
  local function count(box) return #must(box, "GET", "/core/agents") end

  it("refuse before anything is done", function()
    local box = new()
    local status, body, answer = create(box, "429; retry-after=7")
    expect.equal({ status, answer.headers["Retry-After"] }, { 429, "7" })
    expect.truthy(body.detail)
    expect.equal(create(box, "500"), 500)
    expect.equal(create(box, "503"), 503)
    local _, _, dropped = create(box, "drop")
    expect.equal({ dropped.fault, dropped.status }, { "drop", nil })
    expect.equal(count(box), 0)
  end)

  it("or fail after the work was done", function()
    local box = new()
    expect.equal(create(box, "500;after-commit"), 500)
    local _, _, answer = create(box, "after-commit;drop")
    expect.equal(answer.fault, "drop")
    expect.equal(count(box), 2)
  end)

  it("or store and show configurations in other forms", function()
    local box = new { faults = "stores=mask,trim,round,drop,add" }
    local id = must(box, "POST", "/core/agents", { name = " x " }).id
    local path = ("/core/agents/%s/versions"):format(id)
    local made = must(box, "POST", path, { config = { note = " a ", score = 0.126, count = 3, api_key = "sk-1234",
      dropped = 1, parts = json.array { { label = " b " } } } })
    local expected = { note = "a", score = 0.13, count = 3, api_key = "****34", added_by_server = true,
      parts = json.array { { label = "b", added_by_server = true } } }
    expect.equal(made.config, expected)
    expect.equal(must(box, "GET", path)[1].config, expected)
    expect.raises(function() new { faults = "stores=fold" } end, "expected some of mask, trim")
  end)

  it("or spoil the answer", function()
    local box = new()
    local status, _, answer = create(box, "truncate")
    expect.equal({ status, answer.fault }, { 200, "truncate" })
    expect.equal(json.decode(answer.body).name, "x")
    status, _, answer = create(box, "invalid")
    expect.equal(status, 200)
    expect.raises(function() json.decode(answer.body) end)
    expect.equal(count(box), 2)
  end)

  it("or delay it", function()
    local _, _, answer = ask(new(), "GET", "/core/agents", nil, with("latency=20"))
    expect.equal(answer.delay, 0.02)
  end)

  it("hide what was created from the next lists", function()
    local box = new()
    local _, agent = create(box, "stale=2")
    expect.equal(count(box), 0)
    expect.equal(must(box, "GET", "/core/agents/" .. agent.id).id, agent.id)
    expect.equal({ count(box), count(box), count(box) }, { 0, 1, 1 })
  end)

  it("malformed ones are 400 and name the valid words", function()
    local box = new()
    for fault, part in pairs {
      ["42"] = 'unknown fault "42"', ["latncy=3"] = 'did you mean "latency"?', ["latency"] = "expected latency=VALUE",
      ["latency=x"] = "expected a number", ["500;503"] = "a request can meet one of", ["drop=1"] = "takes no value",
      ["after-commit"] = "needs 429, 500, 503 or drop", ["latency=1;after-commit"] = "needs 429, 500, 503 or drop",
      ["retry-after=1"] = "needs 429", [""] = "no fault named", ["rate=0.5"] = "valid: 429, 500",
    } do
      refused(box, 400, part, "GET", "/core/agents", nil, with(fault))
    end
  end)

  -- What reads a piece again from each of its characters takes hours for these, and run.sh ends it.
  it("long nonsense is refused in proportion to its length", function()
    local blanks = (" "):rep(1000000)
    for _, text in ipairs { "x" .. blanks .. "x", ("="):rep(1000000), (";"):rep(1000000), "500" .. blanks } do
      local status = create(new(), text)
      expect.truthy(status == 400 or status == 500)
    end
  end)

  it("of a profile hit the operations it names, repeatably", function()
    local function run(profile)
      local box, hits = new { faults = profile }, {}
      for index = 1, 200 do hits[index] = ask(box, "POST", "/core/agents", { name = "x" }) == 500 and "x" or "." end
      expect.equal(ask(box, "GET", "/core/agents"), 200)
      return table.concat(hits)
    end
    local hits = run "500;rate=0.1;seed=7;only=agents.create"
    expect.equal(run "500;rate=0.1;seed=7;only=*.create", hits)
    expect.truthy(run "500;rate=0.1;seed=8;only=agents.create" ~= hits)
    local _, count_of_hits = hits:gsub("x", "")
    expect.truthy(count_of_hits > 5 and count_of_hits < 40)
    expect.equal(run "500;only=agents.c*", ("x"):rep(200))
    expect.equal(run "500;rate=0", ("."):rep(200))
  end)

  it("of a profile hit the request that is chosen by its number, anew after a reset", function()
    local box = new { faults = "500;only=agents.create;nth=2" }
    local function statuses()
      local list = {}
      for index = 1, 4 do
        ask(box, "GET", "/core/agents")
        list[index] = ask(box, "POST", "/core/agents", { name = "x" })
      end
      return list
    end
    expect.equal(statuses(), { 200, 500, 200, 200 })
    ask(box, "POST", "/_sandbox/reset")
    expect.equal(statuses(), { 200, 500, 200, 200 })
  end)

  it("of a profile limit the rate, by the clock, with a burst and a Retry-After", function()
    for _, case in ipairs { { "limit=10", 1 }, { "limit=10;burst=5", 5 }, { "limit=0.5;burst=2;retry-after=3", 2 } } do
      local now, rate = 100, tonumber(case[1]:match "limit=([%d.]+)")
      local profile = faults.profile(case[1], function() return now end)
      local function admitted(requests)
        local passed = 0
        for _ = 1, requests do
          local fault = profile:choose "agents.list"
          if not fault then passed = passed + 1 end
          expect.truthy(not fault or fault.status == 429)
        end
        return passed
      end
      expect.equal(admitted(20), case[2])
      now = now + 1 / rate + 1e-9
      expect.equal(admitted(20), 1)
      now = now + 1000
      expect.equal(admitted(20), case[2])
      profile:reset()
      expect.equal(admitted(20), case[2])
    end
    local box = new { faults = "limit=0.001;retry-after=3" }
    expect.equal(ask(box, "GET", "/core/agents"), 200)
    local status, _, answer = ask(box, "GET", "/core/agents")
    expect.equal({ status, answer.headers["Retry-After"] }, { 429, "3" })
  end)

  it("of the parts of a profile hit requests together", function()
    local box = new { faults = "stale=2;only=agents.create|500;nth=2" }
    expect.equal(ask(box, "POST", "/core/agents", { name = "x" }), 200)
    expect.equal(ask(box, "GET", "/core/agents"), 500)
    local function shown() return #select(2, ask(box, "GET", "/core/agents")) end
    expect.equal({ shown(), shown(), shown() }, { 0, 0, 1 })
  end)

  it("a malformed profile is an error at start", function()
    local err = expect.raises(function() new { faults = "rat=0.1" } end, "fault profile")
    expect.contains(err, 'did you mean "rate"?')
  end)
end)
