-- The server of tests/helpers/wire_server.c, for specs: what was asked, byte by byte, and what is
-- answered.

local process = require "helpers.process"

local wire = {}

local Server = {}
Server.__index = Server
Server.__close = function(self) self:stop() end

--- Starts a server that answers every request with an empty JSON object until told otherwise.
---@return table server with base_url
function wire.start()
  local self = setmetatable({ directory = process.directory(), seen = 0 }, Server)
  self:answer { body = "{}" }
  self.input = assert(io.popen(("%s %s >%s/port"):format(
    process.quote(process.build .. "/tests/wire_server"), self.directory, self.directory), "w"))
  local port = process.eventually("the wire server", function()
    return (process.read(self.directory .. "/port") or ""):match("^(%d+)\n")
  end)
  self.base_url = "http://127.0.0.1:" .. port
  return self
end

function Server:stop()
  if self.input then self.input:close() end
  self.input = nil
end

--- Says how requests are answered from now on: with these bytes, in a manner of wire_server.c.
---@param manner string
---@param bytes? string
---@param number? integer only the request of this number
function Server:reply(manner, bytes, number)
  local name = number and number .. ".reply" or "default.reply"
  process.write(self.directory .. "/reply.new", manner .. "\n" .. (bytes or ""))
  assert(os.rename(self.directory .. "/reply.new", self.directory .. "/" .. name))
end

--- A whole answer: status (200), headers (lines, with Content-Type application/json), body.
---@param answer {status?: integer, headers?: string[], type?: string, body?: string, manner?: string}
---@param number? integer
function Server:answer(answer, number)
  local lines = { ("HTTP/1.1 %d Whatever"):format(answer.status or 200) }
  for _, line in ipairs(answer.headers or {}) do lines[#lines + 1] = line end
  if answer.body then
    lines[#lines + 1] = "Content-Type: " .. (answer.type or "application/json")
    lines[#lines + 1] = "Content-Length: " .. #answer.body
  end
  local bytes = table.concat(lines, "\r\n") .. "\r\n\r\n" .. (answer.body or "")
  self:reply(answer.manner or "send", bytes, number)
end

--- The log: one line an event.
---@return string
function Server:log()
  return process.read(self.directory .. "/log") or ""
end

--- How many requests have come.
---@return integer
function Server:count()
  local _, count = self:log():gsub(" request ", "")
  return count
end

--- The requests that have come since this was last asked, with the port replaced by PORT.
---@return string[]
function Server:requests()
  local requests = {}
  for number = self.seen + 1, self:count() do
    local text = process.read(("%s/%d.request"):format(self.directory, number))
    requests[#requests + 1] = text:gsub("127%.0%.0%.1:%d+", "127.0.0.1:PORT")
  end
  self.seen = self.seen + #requests
  return requests
end

return wire
