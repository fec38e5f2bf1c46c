-- Runs specs while the collector works without pause: what Lua holds only by luck is lost at once. Usage:
--
--   anyreach tests/helpers/stress_gc.lua incremental|generational SPEC...

package.path = "tests/?.lua;" .. package.path

local mode = table.remove(arg, 1)
if mode == "incremental" then
  collectgarbage("incremental", 1, 1000) -- a new cycle at once, ten times as fast as memory is asked for
else
  collectgarbage("generational", 1, 1) -- after one percent of growth
end

return dofile "tests/run.lua"
