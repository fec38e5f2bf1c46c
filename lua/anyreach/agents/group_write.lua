-- One write of a file for many tasks: each waits until what it has noted is on disk, and those that come while one is
-- awaited share it. Writing takes at most a fifth of the time, however many tasks there are and however large the file
-- is.

local host = require "anyreach.host"

local group_write = {}

local REST = 4 -- times as long as the last write took, before the next

---@class anyreach.group_write
---@field private write fun()
---@field private next table|nil task that is going to write
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
  self.next = nil
  local began = host.clock()
  self.write()
  local ended = host.clock()
  self.rested_at = ended + REST * (ended - began)
end

--- Waits until what was noted before is written.
function Group:wait()
  self.next = self.next or host.spawn(write_soon, self)
  self.next:wait()
end

return group_write
