-- Updates against a server that allows 10 requests a second. Usage: update.lua URL ITEMS
-- Prints the seconds it took and how many updates failed.

local host = require "anyreach.host" -- for its clock

local url, items = table.unpack(arg)
local api = anyreach.client { base_url = url }

local ids = {}
for i = 1, math.tointeger(items) do ids[i] = ("00000000-0000-4000-8000-%012d"):format(i) end

local failures = 0
local start = host.clock()
anyreach.map(ids, function(id)
  local agent = api.try.agents.update(id, { active = true })
  if not agent then failures = failures + 1 end
end)
print(host.clock() - start, failures)
