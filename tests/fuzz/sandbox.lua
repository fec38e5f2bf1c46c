-- The sandbox: requests as text, one after the other, to a sandbox that begins anew with every input.
--
--   POST /core/agents?limit=1
--   x-sandbox-fault: 503
--
--   {"name": "the body"}
--   %%
--   GET /core/agents/$id
--
-- $id stands for the id that was answered last, $address for the last address of bytes. A request that
-- names no credential is the administrator's. A rule that raises anything but a refusal is a failure, and
-- so is an answer that could not be sent.

local json = require "anyreach.json"
local sandbox = require "anyreach.sandbox"

local MAX_REQUESTS = 16
local LONGEST_DELAY = 60

local box = sandbox.new { seed = "spec" }

-- Header lines up to the first empty one, as the server would hand them over.
local function read_headers(text)
  local headers = {}
  for line in text:gmatch("[^\n]+") do
    local name, value = line:match("^([^%s:]+):[ \t]*([^%c\127]*)$")
    if name then headers[name:lower()] = value end
  end
  headers.authorization = headers.authorization or "Bearer ak_sandbox.admin"
  if headers.authorization == "" then headers.authorization = nil end
  return headers
end

local function read_request(text)
  local head, body = text:match("^(.-)\n\n(.*)$")
  head = head or text
  local method, target, rest = head:match("^(%u+) (/[^%c%s\127]*)[^\n]*(.*)$")
  if not method then return nil end
  local headers = read_headers(rest)
  if body and not headers["content-type"] then headers["content-type"] = "application/json" end
  local path, query = target:match("^([^?]*)%??(.*)$")
  return { method = method, path = path, query = query, headers = headers, body = body or "" }
end

local function expect_headers(headers)
  for name, value in pairs(headers) do
    assert(type(name) == "string" and name:find("^[%w-]+$"), name)
    assert(type(value) == "string" and not value:find("[%c\127]"), "a header that would break its line: " .. name)
  end
end

local function expect_answer(answer, asked_for_fault)
  if answer.delay then assert(answer.delay >= 0 and answer.delay <= LONGEST_DELAY) end
  assert(answer.fault == nil or answer.fault == "drop" or answer.fault == "truncate")
  if answer.fault == "drop" then return end
  assert(math.type(answer.status) == "integer" and answer.status >= 200)
  assert(answer.status < (asked_for_fault and 600 or 500))
  assert(answer.body == nil or type(answer.body) == "string")
  expect_headers(answer.headers)
  if not asked_for_fault and answer.headers["Content-Type"] == "application/json" then json.decode(answer.body) end
end

local function note_answer(known, body)
  known.id = body:match('"id":"([^"\\]+)"') or known.id
  known.address = body:match('"http://[^"/]+(/_sandbox/[^"]+)"') or known.address
end

local function each_request(text)
  return (text .. "\n%%\n"):gmatch("(.-)\n%%%%\n")
end

return function(text)
  local known, count = { id = "none", address = "/none" }, 0
  box:handle("POST", "/_sandbox/reset", "", { authorization = "any" }, "")
  for part in each_request(text) do
    local request = read_request((part:gsub("%$(%l+)", known)))
    count = count + 1
    if not request or count > MAX_REQUESTS then return end
    local answer = box:handle(request.method, request.path, request.query, request.headers, request.body)
    expect_answer(answer, request.headers["x-sandbox-fault"] ~= nil)
    note_answer(known, answer.body or "")
  end
end
