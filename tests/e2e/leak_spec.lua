-- Many requests in one process, with the sandbox in it: neither memory nor descriptors grow. 20,000 requests,
-- or as many as LEAK_REQUESTS says:
--
--   LEAK_REQUESTS=100000 build/anyreach tests/run.lua tests/e2e/leak_spec.lua

local json = require "anyreach.json"
local process = require "helpers.process"

local REQUESTS = tonumber(os.getenv "LEAK_REQUESTS") or 20000
local WARM_UP = 12000 -- requests; the sandbox remembers the last 10,000
local GROWTH_MAX_KB = 1024

-- $1: requests to warm up with; $2: requests to be watched. Prints what the process holds before and after
-- those, as JSON.
local SCRIPT = [==[
local directory, json = require "anyreach.directory", require "anyreach.json"
local warm_up, watched = tonumber((...)), tonumber((select(2, ...)))
local api = anyreach.client()
local sent = 0

local function count(...)
  sent = sent + 1
  return ...
end

-- Ten requests that leave the sandbox as it was: what goes well, what is refused, what breaks off.
local function round(id)
  local agent = count(api.agents.create { name = "Besök " .. id, metadata = { list = { 1, 2.5, "x" } } })
  count(api.agents.update(agent.id, { description = ("text "):rep(100) }))
  count(api.agents.versions.create(agent.id, { config = { instructions = ("word "):rep(200) } }))
  count(api.agents.versions.list(agent.id))
  assert(count(api.agents.get(agent.id)).name == agent.name)
  assert(not count(api.try.agents.get "nobody"))
  assert(not count(api.try.agents.versions.publish(agent.id, 99)))
  assert(not count(api.try.agents.deploy_as_sip(agent.id))) -- dropped by the fault
  local given_up <close> = anyreach.spawn(api.agents.list)
  count(api.agents.list { limit = 2 })
  count(api.agents.delete(agent.id))
end

local function send(requests)
  local goal = sent + requests
  while sent < goal do anyreach.map({ 1, 2, 3, 4 }, round) end
end

local function held()
  for _ = 1, 3 do collectgarbage() end
  local status = io.open("/proc/self/status"):read("a")
  return {
    memory = tonumber(status:match("VmRSS:%s+(%d+)")),
    descriptors = #assert(directory.names "/proc/self/fd"),
  }
end

send(warm_up)
local before = held()
send(watched)
print(json.encode { before = before, after = held(), sent = sent })
]==]

describe("a long run", function()
  it("holds no more at its end than after its beginning", function()
    local script = process.directory() .. "/run.lua"
    process.write(script, SCRIPT)
    local warm_up = math.min(WARM_UP, REQUESTS // 2)
    -- What AddressSanitizer keeps of freed memory would count as growth.
    local command = "ASAN_OPTIONS=${ASAN_OPTIONS}:quarantine_size_mb=1 "
      .. process.anyreach("--sandbox", "--sandbox-faults=drop;only=agents.deploy_as_sip", script,
        tostring(warm_up), tostring(REQUESTS - warm_up))
    local code, out, err = process.run(command)
    expect.equal({ code, err }, { 0, "" })
    local held = json.decode(out)
    expect.truthy(held.sent >= REQUESTS)
    expect.equal(held.after.descriptors, held.before.descriptors)
    local growth = held.after.memory - held.before.memory
    if growth > GROWTH_MAX_KB then error(("memory has grown by %d KB: %s"):format(growth, out), 0) end
  end)
end)
