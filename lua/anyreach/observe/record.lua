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

-- A value at the place of a member two levels deep.
local function encode(value)
  return (json.encode(value, { indent = 2, invalid_bytes = "keep" }):gsub("\n", "\n    "))
end

local function add(members, name, text)
  members[#members + 1] = text and ('    "%s": %s'):format(name, text)
end

local function add_body(members, body, content_type, name)
  local text, is_json = recording.body_text(body, content_type, 2)
  if text then add(members, is_json and "body" or name, is_json and text or encode(text)) end
end

local function request_text(noted)
  local request = recording.request(noted.method, noted.url, nil, noted)
  local members = {}
  add_body(members, noted.request.body, redaction.find_header(noted.request.headers, "content-type"), "body")
  add(members, "method", encode(request.method))
  add(members, "path", encode(request.path))
  add(members, "query", request.query and encode(request.query))
  return table.concat(members, ",\n"), request
end

local function response_text(noted)
  local members, headers = {}, noted.response.headers
  add_body(members, noted.response.body, redaction.find_header(headers, "content-type"), "text")
  add(members, "headers", encode(headers_of(headers)))
  add(members, "status", encode(noted.status))
  return table.concat(members, ",\n")
end

local function failure_text(noted)
  return ('    "kind": %s,\n    "message": %s'):format(encode(noted.failure), encode(redaction.text(noted.message)))
end

--- The file of an attempt that was the last of its request. Its bodies are JSON already: to decode them would cost
--- more than all the rest.
---@param noted anyreach.observing.note
---@return string text
---@return table request what it is matched by, without its body
function record.exchange(noted)
  local sent, request = request_text(noted)
  local name = noted.failure and "failure" or "response"
  local got = noted.failure and failure_text(noted) or response_text(noted)
  return ('{\n  "request": {\n%s\n  },\n  "%s": {\n%s\n  }\n}\n'):format(sent, name, got), request
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
      local text, request = record.exchange(noted)
      count = count + 1
      local file = path .. "/" .. recording.file_name(count, request)
      local ok, message = disk.write(file, text, { private = true, sync = false })
      if not ok then problem = problem or message end
    end,
    finish = function() return problem and "--record: " .. problem or nil end,
  }
end

return record
