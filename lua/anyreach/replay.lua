-- --replay DIRECTORY: answers come from cassettes (anyreach.cassette), and nothing is sent. Each recorded
-- exchange is given once, equal ones in their order; a read that is asked for more often than it was
-- recorded gets the last answer again, a write does not.

local cassette = require "anyreach.cassette"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"

local replay = {}

local exchanges -- of the directory, once it was read

local function header_lines(response)
  local lines = { ("HTTP/1.1 %d "):format(response.status) }
  for name, value in pairs(response.headers or {}) do lines[#lines + 1] = ("%s: %s"):format(name, value) end
  return table.concat(lines, "\r\n") .. "\r\n"
end

local function body_text(response)
  if response.text ~= nil then return response.text end
  return response.body ~= nil and json.encode(response.body) or ""
end

local function find(wanted)
  local used
  for _, exchange in ipairs(exchanges) do
    if cassette.matches(wanted, exchange.request) then
      if not exchange.is_used then return exchange end
      used = exchange
    end
  end
  if used and (wanted.method == "GET" or wanted.method == "HEAD") then return used end
  local address = wanted.method .. " " .. wanted.path
  if used then
    errors.raise("replay", "%s: %s was recorded, but not so often; %s was given already", host.options.replay, address,
      used.file)
  end
  errors.raise("replay", "%s: %s is not recorded like this; %s", host.options.replay, address,
    cassette.nearest(wanted, exchanges))
end

--- The recorded answer to a request; raises an error of kind "replay" when there is none.
---@param method string
---@param url string
---@param body string|nil
---@param content_type string|nil
---@param presigned boolean
---@return integer|string answer the status, or of a failure its kind
---@return string text header lines, or of a failure its message
---@return string|nil body
function replay.answer(method, url, body, content_type, presigned)
  exchanges = exchanges or cassette.read(host.options.replay)
  local wanted = cassette.request(method, url, body, { presigned = presigned, content_type = content_type })
  local exchange = find(wanted)
  exchange.is_used = true
  if exchange.failure then return exchange.failure.kind, exchange.failure.message end
  return exchange.response.status, header_lines(exchange.response), body_text(exchange.response)
end

return replay
