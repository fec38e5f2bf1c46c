-- What the sandbox was asked, for tests and for people: the last requests, oldest first.

local json = require "anyreach.json"

local RequestLog = {}
RequestLog.__index = RequestLog

local KEPT = 10000

function RequestLog.new()
  return setmetatable({ entries = {}, total = 0 }, RequestLog)
end

---@param entry { method: string, path: string, query: string, status: any, operation: any }
function RequestLog:add(entry)
  self.entries[self.total % KEPT + 1] = entry
  self.total = self.total + 1
end

---@return table[] a JSON array
function RequestLog:list()
  local list = json.array {}
  for position = math.max(0, self.total - KEPT), self.total - 1 do
    list[#list + 1] = self.entries[position % KEPT + 1]
  end
  return list
end

return RequestLog
