-- --record DIRECTORY: every request with its last answer as a file (anyreach.observe.recording), written as
-- soon as it is over, so that a run that breaks off leaves what it did.

local recording = require "anyreach.observe.recording"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local disk = require "anyreach.disk"
local redaction = require "anyreach.text.redaction"

local record = {}

-- What differs from run to run and says nothing.
local passing_headers = {
  connection = true, ["content-length"] = true, date = true, ["keep-alive"] = true, server = true,
  ["transfer-encoding"] = true, ["content-encoding"] = true,
}

local function headers_of(headers)
  local shown = {}
  for _, header in ipairs(headers) do
    local name = header.name:lower()
    if not passing_headers[name] then shown[name] = redaction.header(header) end
  end
  return shown
end

local function response_of(noted)
  local response = { status = noted.status, headers = headers_of(noted.response.headers) }
  local body = recording.body(noted.response.body, redaction.find_header(noted.response.headers, "content-type"))
  if type(body) == "string" then
    response.text = body
  else
    response.body = body
  end
  return response
end

--- An attempt that was the last of its request as a recorded exchange.
---@param noted anyreach.observing.note
---@return table
function record.exchange(noted)
  local exchange = {
    request = recording.request(noted.method, noted.url, noted.request.body, {
      presigned = noted.presigned,
      content_type = redaction.find_header(noted.request.headers, "content-type"),
    }),
  }
  if noted.failure then
    exchange.failure = { kind = noted.failure, message = redaction.text(noted.message) }
  else
    exchange.response = response_of(noted)
  end
  return exchange
end

local function refuse_used(path)
  for _, name in ipairs(directory.names(path) or {}) do
    if name:find "^%d+%-.*%.json$" then
      errors.raise("input", "--record: %s holds a recording already; name another directory, or remove it", path)
    end
  end
end

--- Makes the consumer that writes the files.
---@param path string a directory, made when it is missing
---@return anyreach.observing.consumer
function record.new(path)
  refuse_used(path)
  local count, problem = 0, nil
  return {
    wants_contents = true,
    take = function(noted)
      if noted.is_repeated or noted.is_abandoned or noted.failure == "cancelled" then return end
      local exchange = record.exchange(noted)
      count = count + 1
      local file = path .. "/" .. recording.file_name(count, exchange.request)
      local ok, message = disk.write(file, json.encode(exchange, { indent = 2, invalid_bytes = "keep" }) .. "\n",
        { private = true, sync = false })
      if not ok then problem = problem or message end
    end,
    finish = function() return problem and "--record: " .. problem or nil end,
  }
end

return record
