-- The work of `make bench` as a script for anyreach. Usage: work.lua URL ITEMS CONCURRENCY CONFIG
-- Prints the seconds it took, the processor seconds, and the largest resident size so far in KB.

local host = require "anyreach.host" -- for its clock

local url, items, concurrency, config_file = table.unpack(arg)
local api = anyreach.client { base_url = url }
local config = anyreach.read_json(config_file)

local function work(index)
  local name = ("Agent %06d"):format(index)
  if #api.agents.list { name = name } > 0 then error("found " .. name) end
  local agent = api.agents.create { name = name, active = true }
  local version = api.agents.versions.create(agent.id, { config = config })
  api.agents.versions.publish(agent.id, version.version, {
    phone_numbers = { "+15551234567" },
    direction = "both",
  })
end

local function peak_kilobytes()
  local status = assert(io.open("/proc/self/status")):read("a")
  return status:match("VmHWM:%s*(%d+)")
end

-- 1, 2, …, items as a list that takes no memory: what is measured is the program's.
local indices = setmetatable({}, {
  __len = function() return math.tointeger(items) end,
  __index = function(_, index) return index end,
})

local wall, cpu = host.clock(), os.clock()
anyreach.map(indices, work, { concurrency = math.tointeger(concurrency) })
print(host.clock() - wall, os.clock() - cpu, peak_kilobytes())
