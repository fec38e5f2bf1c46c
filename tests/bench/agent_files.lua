-- Many varied agents as agent files, for `make bench`. Run it with --sandbox.
-- Usage: agent_files.lua COUNT DIRECTORY

local count, directory = table.unpack(arg)
package.path = arg[0]:match("^(.*)/bench/") .. "/?.lua;" .. package.path

local export = require "anyreach.agents.export"
local varied_agents = require "helpers.varied_agents"

local ids = {}
for index = 1, 3 do ids[index] = ("00000000-0000-4000-8000-%012d"):format(index) end
local api = anyreach.client()
varied_agents.make(api, math.tointeger(count), { ids = ids, numbers = {} })
export.run(api, directory)
