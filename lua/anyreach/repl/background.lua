-- Tasks that entries have started with anyreach.spawn and that go on behind the prompt. One that fails while
-- nobody waits for it is told about.

local anyreach = require "anyreach"
local errors = require "anyreach.errors"
local host = require "anyreach.host"

local background = {}

local Background = {}
Background.__index = Background

local LEAST_REMEMBERED = 100 -- tasks, of a list that is worth going through

local function is_cancellation(err)
  return errors.is_error(err) and err.kind == "cancelled"
end

local function is_alive(task)
  local status = task:status()
  return status == "ready" or status == "waiting" or status == "running"
end

--- Takes anyreach.spawn over.
---@param tell fun(err: any) is told of a task's error
function background.new(tell)
  local self = setmetatable({ watched = {}, most = LEAST_REMEMBERED }, Background)
  local spawn = anyreach.spawn
  function anyreach.spawn(...)
    local task
    -- Made before the task, so that it runs before it and notices whatever becomes of it.
    local watcher = host.background(function()
      if not task then return end
      local ok, err = pcall(task.wait, task)
      if not ok and not is_cancellation(err) then tell(err) end
    end)
    task = spawn(...)
    if #self.watched >= self.most then self:forget_ended() end
    self.watched[#self.watched + 1] = { task = task, watcher = watcher }
    return task
  end
  return self
end

-- The results of tasks that have ended would stay for the whole session. The list is gone through again when it
-- has doubled, so that each task costs the same.
function Background:forget_ended()
  local watched = {}
  for _, pair in ipairs(self.watched) do
    if is_alive(pair.watcher) then watched[#watched + 1] = pair end
  end
  self.watched, self.most = watched, math.max(2 * #watched, LEAST_REMEMBERED)
end

--- The tasks that are alive, in the order in which they were started.
---@return table[]
function Background:alive()
  local alive = {}
  for _, pair in ipairs(self.watched) do
    if is_alive(pair.task) then alive[#alive + 1] = pair.task end
  end
  return alive
end

--- Waits until they all have ended, those that they start meanwhile, too, and all failures have been told.
function Background:wait()
  repeat
    for _, pair in ipairs(self.watched) do pair.watcher:wait() end
    self:forget_ended()
  until not self.watched[1]
end

--- Ends them all.
function Background:cancel()
  for _, task in ipairs(self:alive()) do
    if task:status() ~= "running" then task:cancel() end
  end
end

return background
