-- One write of a file for many notes: a task waits until what it has noted is on disk, or has it written soon, and
-- those that come while a write is awaited share it. Writing takes at most a fifth of the time, however many notes
-- there are and however large the file is.

local host = require "anyreach.host"

local group_write = {}

local REST = 4 -- times as long as the last write took, before the next

---@class anyreach.group_write
---@field private write fun()
---@field private next table|nil task that is going to write
---@field private is_due boolean|nil something was noted that is not written
---@field private rested_at number by host.clock()
local Group = {}
Group.__index = Group

---@param write fun() writes all that was noted; it does not yield
---@return anyreach.group_write
function group_write.new(write)
  return setmetatable({ write = write, rested_at = -math.huge }, Group)
end

local function write_soon(self)
  host.sleep(math.max(0, self.rested_at - host.clock()))
  self.next, self.is_due = nil, nil
  local began = host.clock()
  self.write()
  local ended = host.clock()
  self.rested_at = ended + REST * (ended - began)
end

--- Has what was noted before written soon.
function Group:soon()
  self.is_due = true
  self.next = self.next or host.spawn(write_soon, self)
end

--- Waits until what was noted before is written.
function Group:wait()
  self:soon()
  self.next:wait()
end

--- Writes at once what is left; so does closing.
function Group:finish()
  local task, is_due = self.next, self.is_due
  self.next, self.is_due = nil, nil
  if task then task:cancel() end
  if is_due then self.write() end
end

Group.__close = Group.finish

return group_write
