-- A sandbox that holds one request, chosen by operation and number, so that a test can kill a program at exactly
-- that request: before the sandbox carries it out, or when it is carried out and not yet answered.
--
--   for _, case in ipairs(held_request.cases { "agents.versions.create 1", "agents.versions.publish 2" }) do
--     local sandbox <close> = process.sandbox("--faults", case.faults)

local process = require "helpers.process"

local held_request = {}

local HOLD_MS = 60000 -- the longest that the sandbox knows; the program is dead long before

-- The sandbox delays answers: one that is refused is not carried out either.
local MOMENTS = { before = ";503", after = "" }

--- What a client of the test itself sends, so that its requests are neither held nor counted.
held_request.headers = { ["X-Sandbox-Fault"] = "latency=0" }

---@class held_request.case
---@field name string for messages
---@field operation string
---@field number integer
---@field faults string for `anyreach sandbox --faults`

--- Each of the requests, held before and after it is carried out.
---@param requests string[] "OPERATION N"
---@return held_request.case[]
function held_request.cases(requests)
  local cases = {}
  for _, request in ipairs(requests) do
    local operation, number = request:match "^(%S+) (%d+)$"
    for _, moment in ipairs { "before", "after" } do
      cases[#cases + 1] = {
        name = moment .. " " .. request, operation = operation, number = tonumber(number),
        faults = ("latency=%d;only=%s;nth=%s%s"):format(HOLD_MS, operation, number, MOMENTS[moment]),
      }
    end
  end
  return cases
end

-- How many requests of an operation have arrived at a sandbox.
local function arrived(api, operation)
  local count = 0
  for _, request in ipairs(api.request { path = "/_sandbox/requests" }) do
    if request.operation == operation then count = count + 1 end
  end
  return count
end

--- Starts a program, and stops it when the sandbox holds its request.
---@param api anyreach.client with held_request.headers
---@param case held_request.case
---@param start fun(): table the program, as process.start returns it
---@param signal? string default "KILL"
---@return table the program
---@return integer its exit code
function held_request.stop(api, case, start, signal)
  local before = arrived(api, case.operation)
  local program <close> = start()
  process.eventually(case.name, function()
    if program:has_ended() then error(("%s: the program ended: %s"):format(case.name, program:output "err"), 0) end
    return arrived(api, case.operation) >= before + case.number
  end)
  return program, program:stop(signal or "KILL")
end

return held_request
