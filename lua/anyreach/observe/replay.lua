-- --replay DIRECTORY: the answerer (src/lua/answerer.h) that takes answers from recordings, so that nothing is
-- sent. Each recorded exchange is given once, equal ones in their order; a read that is asked for more often
-- than it was recorded gets the last answer again, a write does not.

local recording = require "anyreach.observe.recording"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"

local replay = {}

---@class anyreach.answerer.request see src/lua/answerer.h
---@field method string
---@field url string without the query when it is presigned
---@field path string
---@field query? string
---@field operation string
---@field writes boolean
---@field body? string
---@field content_type? string
---@field organization? string
---@field place string of the task, "main.2.1"
---@field is_raw boolean
---@field is_presigned boolean
---@field is_internal boolean
---@field is_streamed boolean

---@class anyreach.answerer.answer either status, headers and body, or failure and message
---@field status? integer
---@field headers? string lines, as on the wire
---@field body? string
---@field failure? string kind of error: "network", "timeout", "tls", "answer" or "memory"
---@field message? string
---@field may_have_been_sent? boolean default: true for a failure
---@field attempts? integer default 1
---@field elapsed? number seconds, default 0

local exchanges -- of the directory, once it was read
local waiting, given = {}, {} -- lists of them by recording.address: those to come, and those that have been used

local function list_at(lists, address)
  lists[address] = lists[address] or {}
  return lists[address]
end

local function read()
  exchanges = recording.read(host.options.replay)
  for _, exchange in ipairs(exchanges) do
    table.insert(list_at(waiting, recording.address(exchange.request)), exchange)
  end
end

local function header_lines(response)
  local lines = { ("HTTP/1.1 %d "):format(response.status) }
  for name, value in pairs(response.headers or {}) do lines[#lines + 1] = ("%s: %s"):format(name, value) end
  return table.concat(lines, "\r\n") .. "\r\n"
end

local function body_text(response)
  if response.text ~= nil then return response.text end
  return response.body ~= nil and json.encode(response.body, { invalid_bytes = "keep" }) or ""
end

-- The first of a list that was recorded for such a request, and its place.
local function first_match(list, wanted)
  for place, exchange in ipairs(list) do
    if recording.matches(wanted, exchange.request) then return exchange, place end
  end
end

-- The last of a list.
local function last_match(list, wanted)
  for place = #list, 1, -1 do
    if recording.matches(wanted, list[place].request) then return list[place] end
  end
end

local function find(wanted)
  local address = recording.address(wanted)
  local coming, used = list_at(waiting, address), list_at(given, address)
  local exchange, place = first_match(coming, wanted)
  if exchange then
    used[#used + 1] = table.remove(coming, place)
    return exchange
  end
  exchange = last_match(used, wanted)
  if exchange and (wanted.method == "GET" or wanted.method == "HEAD") then return exchange end
  local name = wanted.method .. " " .. wanted.path
  if exchange then
    errors.raise("replay", "%s: %s was recorded, but not so often; %s was given already", host.options.replay, name,
      exchange.file)
  end
  errors.raise("replay", "%s: %s is not recorded like this; %s", host.options.replay, name,
    recording.nearest(wanted, exchanges))
end

--- The answerer that gives the recorded answers; raises an error of kind "replay" when there is none.
---@param request anyreach.answerer.request
---@return anyreach.answerer.answer
function replay.answer(request)
  if not exchanges then read() end
  local exchange = find(recording.request(request.method, request.url, request.body,
    { presigned = request.is_presigned, content_type = request.content_type }))
  if exchange.failure then return { failure = exchange.failure.kind, message = exchange.failure.message } end
  local response = exchange.response
  return { status = response.status, headers = header_lines(response), body = body_text(response) }
end

return replay
