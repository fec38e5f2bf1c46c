-- Runs specs while the collector works without pause: what Lua holds only by luck is lost at once. Usage:
--
--   anyreach tests/helpers/stress_gc.lua incremental|generational SPEC...

package.path = "tests/?.lua;" .. package.path

local mode = table.remove(arg, 1)
if mode == "incremental" then
  collectgarbage("incremental", 100, 1000) -- a new cycle at the end of every cycle
else
  collectgarbage("generational", 1, 1) -- after one percent of growth
end

return dofile "tests/run.lua"
