-- How the built-in sandbox's answers slow down as it grows. Run it with --sandbox. Usage: growth.lua AGENTS
-- Prints three processor times in seconds, of client and sandbox together, the median of several calls: to find
-- an agent by its name, to find one by its metadata, and to read one by its id.

local CALLS = 60

local api = anyreach.client()
local count = math.tointeger(arg[1])
local ids = {}

anyreach.map(setmetatable({}, {
  __len = function() return count end,
  __index = function(_, index) return index end,
}), function(index)
  ids[index] = api.agents.create { name = ("Agent %06d"):format(index), metadata = { key = "k" .. index } }.id
end)

local function median(call)
  local times = {}
  for i = 1, CALLS do
    local index = i * 7919 % count + 1
    local start = os.clock()
    call(index)
    times[i] = os.clock() - start
  end
  table.sort(times)
  return times[CALLS // 2]
end

print(
  median(function(index) assert(#api.agents.list { name = ("Agent %06d"):format(index) } == 1) end),
  median(function(index) assert(#api.agents.list { metadata = { key = "k" .. index } } == 1) end),
  median(function(index) assert(api.agents.get(ids[index])) end))
