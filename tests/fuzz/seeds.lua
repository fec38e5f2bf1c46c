-- Writes inputs for the sandbox's fuzzer: what the sandbox specs ask, one file a sandbox. So every rule
-- that has a test is where the fuzzer begins. Usage: anyreach tests/fuzz/seeds.lua DIRECTORY SPEC...

package.path = "tests/?.lua;" .. package.path

local sandbox = require "anyreach.sandbox"

local MAX_BYTES, MAX_REQUESTS = 4096, 16
local ADMINISTRATOR = "Bearer ak_sandbox.admin"

local directory = table.remove(arg, 1)
local recordings, seen, written = {}, {}, 0

-- As sandbox.lua beside this file reads it.
local function request_text(method, path, query, headers, body)
  local lines = {}
  for name, value in pairs(headers) do
    if value ~= ADMINISTRATOR and value ~= "application/json" then lines[#lines + 1] = name .. ": " .. value end
  end
  if not headers.authorization then lines[#lines + 1] = "authorization:" end
  table.sort(lines)
  table.insert(lines, 1, method .. " " .. path .. (query ~= "" and "?" .. query or ""))
  if body and body ~= "" then lines[#lines + 1] = "\n" .. body end
  return table.concat(lines, "\n")
end

local function record(recording, ...)
  if #recording < MAX_REQUESTS then recording[#recording + 1] = request_text(...) end
end

local new = sandbox.new
function sandbox.new(options) -- luacheck: ignore 122
  local box, recording = new(options), {}
  recordings[#recordings + 1] = recording
  local handle = box.handle
  function box:handle(...)
    record(recording, ...)
    return handle(self, ...)
  end
  return box
end

local function write(text)
  if text == "" or #text > MAX_BYTES or seen[text] then return end
  seen[text], written = true, written + 1
  local file <close> = assert(io.open(("%s/spec-%03d"):format(directory, written), "wb"))
  file:write(text)
end

local code = dofile "tests/run.lua"
for _, recording in ipairs(recordings) do write(table.concat(recording, "\n%%\n")) end
return code
