-- The work of `make bench` as a script for anyreach. Usage: work.lua URL ITEMS CONCURRENCY CONFIG WARM
-- Does WARM items first. Prints the seconds that the others took, the processor seconds, the median and the 99th
-- percentile of a request's seconds, and the largest resident size so far in KB.

local host = require "anyreach.host" -- for its clock

local TIMES_MAX = 20000 -- of the latest requests

local url, items, concurrency, config_file, warm = table.unpack(arg)
local api = anyreach.client { base_url = url }
local config = anyreach.read_json(config_file)
local times, count = {}, 0

local function timed(call, ...)
  local start = host.clock()
  local answer = call(...)
  times[count % TIMES_MAX + 1] = host.clock() - start
  count = count + 1
  return answer
end

local function work(index)
  local name = ("Agent %06d"):format(index)
  if #timed(api.agents.list, { name = name }) > 0 then error("found " .. name) end
  local agent = timed(api.agents.create, { name = name, active = true })
  local version = timed(api.agents.versions.create, agent.id, { config = config })
  timed(api.agents.versions.publish, agent.id, version.version, {
    phone_numbers = { "+15551234567" },
    direction = "both",
  })
end

local function peak_kilobytes()
  local status = assert(io.open("/proc/self/status")):read("a")
  return status:match("VmHWM:%s*(%d+)")
end

-- 1, 2, …, n as a list that takes no memory: what is measured is the program's.
local function indices(n)
  return setmetatable({}, {
    __len = function() return n end,
    __index = function(_, index) return index end,
  })
end

local function run(n)
  times, count = {}, 0
  anyreach.map(indices(n), work, { concurrency = math.tointeger(concurrency) })
end

run(math.tointeger(warm))
local wall, cpu = host.clock(), os.clock()
run(math.tointeger(items))
wall, cpu = host.clock() - wall, os.clock() - cpu
table.sort(times)
print(wall, cpu, times[#times // 2 + 1], times[#times * 99 // 100 + 1], peak_kilobytes())
