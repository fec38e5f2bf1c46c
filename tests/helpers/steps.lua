-- Counts the steps that Lua's machine takes: effort that is the same on every machine, however busy, so that a
-- test may compare it. What functions in C do is not counted.

local steps = {}

local GRAIN = 1000 -- steps between two looks

--- How many steps a function takes, in thousands; it must not wait.
---@param f fun()
---@return integer
function steps.of(f)
  local count = 0
  debug.sethook(function() count = count + 1 end, "", GRAIN)
  local ok, err = pcall(f)
  debug.sethook()
  if not ok then error(err, 0) end
  return count
end

return steps
