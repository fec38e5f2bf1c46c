-- Our JSON codec beside lua-cjson, in one process. Usage: json.lua FILE
-- Prints four processor times in microseconds, the median of several rounds that take turns: our
-- decode, lua-cjson's, our encode, lua-cjson's.

local cjson = require "cjson"
local json = anyreach.json

local text = anyreach.read_file(arg[1])
local ours, theirs = json.decode(text), cjson.decode(text)
local ROUNDS, CALLS = 21, 40

local contenders = {
  function() json.decode(text) end,
  function() cjson.decode(text) end,
  function() json.encode(ours) end,
  function() cjson.encode(theirs) end,
}

-- Garbage of one contender is not to be collected on another's time.
local function measure(call)
  collectgarbage()
  local start = os.clock()
  for _ = 1, CALLS do call() end
  return (os.clock() - start) / CALLS * 1e6
end

local times = { {}, {}, {}, {} }
for round = 1, ROUNDS do
  for i, call in ipairs(contenders) do times[i][round] = measure(call) end
end
for i in ipairs(contenders) do
  table.sort(times[i])
  io.write(("%.3f "):format(times[i][ROUNDS // 2 + 1]))
end
print()
