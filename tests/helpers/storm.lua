-- The hostile client of tests/helpers/storm_client.c, for specs. It holds what it has opened until it is closed.

local process = require "helpers.process"

local storm = {}

local Storm = {}
Storm.__index = Storm

--- Its seeds: requests that the sandbox understands, made of the corpus of its fuzzer and of the life of an agent.
---@return string[] paths
function storm.seeds()
  local corpus = {}
  for _, name in ipairs { "agent", "form" } do
    corpus[#corpus + 1] = process.read(process.root .. "/tests/fuzz/corpus/sandbox/" .. name)
  end
  local directory, paths = process.directory(), {}
  for text in (table.concat(corpus, "\n%%\n") .. "\n%%\n"):gmatch("(.-)\n%%%%\n") do
    local line, rest = text:match("^(%u+ %S+)\n?(.*)$")
    local headers, body = ("\n" .. rest):match("^(.-)\n\n(.*)$")
    headers, body = headers or "\n" .. rest, body or ""
    paths[#paths + 1] = directory .. "/" .. #paths
    process.write(paths[#paths], table.concat({
      line:gsub("%$address", "/_sandbox/uploads/x") .. " HTTP/1.1",
      "Host: 127.0.0.1",
      "Authorization: Bearer ak_sandbox.admin" .. headers:gsub("\n", "\r\n"),
      "Content-Length: " .. #body,
      "",
      body,
    }, "\r\n"))
  end
  return paths
end

--- Does what storm_client.c describes, with a server on 127.0.0.1.
---@param base_url string
---@param what "hold"|"half-close"|"abort"|"mutate"
---@param ... integer|string
---@return table storm that holds its connections until close(), with `answered`: status -> how often
function storm.over(base_url, what, ...)
  local self = setmetatable({ answered = {} }, Storm)
  local words = { process.quote(process.build .. "/tests/storm_client"), base_url:match("%d+$"), what, ... }
  local output = process.directory() .. "/out"
  self.input = assert(io.popen(("%s >%s"):format(table.concat(words, " "), output), "w"))
  process.eventually("the storm to be over", function()
    return (process.read(output) or ""):match("^done\n")
  end)
  for status, count in process.read(output):gmatch("(%d+) (%d+)\n") do
    self.answered[tonumber(status)] = tonumber(count)
  end
  return self
end

--- Closes what it holds.
function Storm:close()
  if self.input then self.input:close() end
  self.input = nil
end

Storm.__close = Storm.close

return storm
