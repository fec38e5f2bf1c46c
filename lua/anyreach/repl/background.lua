-- Tasks that entries have started with anyreach.spawn and that go on behind the prompt. One that fails while
-- nobody waits for it is told about.

local anyreach = require "anyreach"
local errors = require "anyreach.errors"
local host = require "anyreach.host"

local background = {}

local Background = {}
Background.__index = Background

local function is_cancellation(err)
  return errors.is_error(err) and err.kind == "cancelled"
end

--- Takes anyreach.spawn over.
---@param tell fun(err: any) is told of a task's error
function background.new(tell)
  local self = setmetatable({ tasks = {}, watchers = setmetatable({}, { __mode = "k" }) }, Background)
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
    self.tasks[#self.tasks + 1], self.watchers[task] = task, watcher
    return task
  end
  return self
end

--- The tasks that are alive, in the order in which they were started.
---@return table[]
function Background:alive()
  local alive = {}
  for _, task in ipairs(self.tasks) do
    local status = task:status()
    if status == "ready" or status == "waiting" or status == "running" then alive[#alive + 1] = task end
  end
  self.tasks = alive
  return table.move(alive, 1, #alive, 1, {})
end

--- Waits until they all have ended, those that they start meanwhile, too.
function Background:wait()
  repeat
    local alive = self:alive()
    for _, task in ipairs(alive) do self.watchers[task]:wait() end
  until #alive == 0
end

--- Ends them all.
function Background:cancel()
  for _, task in ipairs(self:alive()) do
    if task:status() ~= "running" then task:cancel() end
  end
end

return background
