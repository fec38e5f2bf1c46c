-- Asking the sandbox's rules directly, without HTTP: what the sandbox specs share.
-- luacheck: read globals expect

local json = require "anyreach.json"
local sandbox = require "anyreach.sandbox"

local asking = {}

asking.FIRST = "0a000000-0000-4000-8000-000000000001" -- organisation
asking.SECOND = "0a000000-0000-4000-8000-000000000002"
asking.NUMBER = "+15551234567" -- of the first organisation
asking.NO_AGENT = "/core/agents/00000000-0000-4000-8000-000000000000"

-- A sandbox with repeatable ids and time.
function asking.new(options)
  options = options or {}
  return sandbox.new { seed = options.seed or "spec", file = options.file, faults = options.faults }
end

-- A sandbox over that store, which gets what every sandbox has at the start.
function asking.sandbox_over(store, options)
  return sandbox.new { store = store, faults = options and options.faults }
end

-- Sends a request as the administrator, or with the token and headers given. Returns the status, the
-- decoded body (its text where it is none) and the whole answer.
function asking.ask(box, method, target, body, options)
  options = options or {}
  local path, query = target:match("^([^?]*)%??(.*)$")
  local headers = { ["content-type"] = body ~= nil and "application/json" or nil }
  if options.token ~= false then headers.authorization = "Bearer " .. (options.token or "ak_sandbox.admin") end
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  local text = type(body) == "table" and json.encode(body) or body
  local answer = box:handle(method, path, query, headers, text or "")
  local is_json = answer.headers and answer.headers["Content-Type"] == "application/json"
  local ok, value = pcall(json.decode, is_json and answer.body or "")
  return answer.status, ok and value or answer.body, answer
end

-- The body of an answer that must have that status (200 unless given).
function asking.must(box, method, target, body, status)
  local got, value = asking.ask(box, method, target, body)
  if got ~= (status or 200) then error(("%s %s answered %s: %s"):format(method, target, got, json.encode(value)), 2) end
  return value
end

-- Expects a refusal with a part of its detail.
function asking.refused(box, status, part, method, target, body, options)
  local got, value = asking.ask(box, method, target, body, options)
  expect.equal(got, status)
  expect.contains(type(value) == "table" and value.detail, part)
end

function asking.new_agent(box, name)
  return asking.must(box, "POST", "/core/agents", { name = name or "Riverside Dental Scheduler" })
end

-- An agent with one draft; returns the agent's path and the path of its version.
function asking.with_draft(box, config)
  local agent = asking.new_agent(box)
  local path = "/core/agents/" .. agent.id
  asking.must(box, "POST", path .. "/versions", { config = config or { instructions = "Be kind." } })
  return path, path .. "/versions/1", agent
end

-- The same, published.
function asking.with_published(box)
  local path, version, agent = asking.with_draft(box)
  asking.must(box, "POST", version .. "/publish")
  return path, version, agent
end

-- The names of a list of agents, with commas between them.
function asking.names(list)
  local result = {}
  for index, agent in ipairs(list) do result[index] = agent.name end
  return table.concat(result, ",")
end

function asking.base64(text)
  local digits, out = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", {}
  for first, second, third in text:gmatch("(.)(.?)(.?)") do
    local a, b, c = first:byte(), second:byte() or 0, third:byte() or 0
    local group = a << 16 | b << 8 | c
    for place = 0, #second + #third + 1 do
      local digit = group >> (18 - 6 * place) & 63
      out[#out + 1] = digits:sub(digit + 1, digit + 1)
    end
    out[#out + 1] = ("="):rep(2 - #second - #third)
  end
  return table.concat(out)
end

function asking.encode_query(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return asking
