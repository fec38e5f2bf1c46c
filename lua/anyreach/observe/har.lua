-- --har FILE: all requests as an HTTP Archive 1.2, which browsers' developer tools read. Every attempt is
-- an entry. An answer that was handed to the script piece by piece has no text here.

local host = require "anyreach.host"
local json = require "anyreach.json"
local disk = require "anyreach.disk"
local redaction = require "anyreach.text.redaction"

local har = {}

local function milliseconds(seconds)
  return math.max(0, math.floor(seconds * 1e6 + 0.5) / 1e3)
end

local function timestamp(seconds)
  local whole = math.floor(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(math.floor((seconds - whole) * 1000))
end

local function header_list(headers)
  local list = json.array {}
  for i, header in ipairs(headers) do
    list[i] = { name = redaction.text(header.name), value = redaction.header(header) }
  end
  return list
end

local function decode_query(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The parameters of an address that is fit to be shown.
local function query_list(url)
  local list = json.array {}
  for part in (url:match "%?(.*)$" or ""):gmatch "[^&]+" do
    local name, value = part:match "^([^=]*)=?(.*)$"
    name, value = decode_query(name), decode_query(value)
    if utf8.len(name) and utf8.len(value) then
      list[#list + 1] = { name = redaction.text(name), value = redaction.text(value) }
    end
  end
  return list
end

-- Sets in `fields` the text of a body, or says why there is none.
local function set_text(fields, body, note)
  local text = not note.presigned and redaction.body(body, fields.mimeType)
  if text then
    fields.text = text
  elseif body ~= "" then
    fields.comment = "not shown"
  end
  return fields
end

local function version(status_line)
  return status_line:match "^(HTTP/[%d.]+)" or "HTTP/1.1"
end

local function request(note)
  local sent, url = note.request, redaction.url(note.url, note.presigned)
  local content_type = redaction.find_header(sent.headers, "content-type")
  return {
    method = note.method,
    url = url,
    httpVersion = version(note.response.status_line),
    cookies = json.array {},
    headers = header_list(sent.headers),
    queryString = query_list(url),
    postData = sent.body ~= "" and set_text({ mimeType = content_type or "" , text = "" }, sent.body, note) or nil,
    headersSize = sent.headers_length,
    bodySize = sent.length,
  }
end

-- A request without an answer has the status 0, as browsers write it.
local function response(note)
  local got = note.response
  local location = redaction.find_header(got.headers, "location")
  local content_type = redaction.find_header(got.headers, "content-type") or ""
  return {
    status = note.status or 0,
    statusText = redaction.printable(got.status_line:match "^%S+ %d+ (.*)$" or ""),
    httpVersion = version(got.status_line),
    cookies = json.array {},
    headers = header_list(got.headers),
    content = set_text({ mimeType = content_type, size = #got.body }, got.body, note),
    redirectURL = location and redaction.url(location, true) or "",
    headersSize = got.headers_length > 0 and got.headers_length or -1,
    bodySize = got.headers_length > 0 and math.max(0, note.bytes_in - got.headers_length) or -1,
    _error = note.failure and redaction.text(note.failure .. ": " .. note.message) or nil,
  }
end

-- Steps that did not happen, because the connection was open already, are -1. libcurl does not tell sending
-- from waiting.
local function timings(note)
  local function step(from, to) return to > from and milliseconds(to - from) or -1 end
  local is_new = note.connections > 0
  local answered = note.first_byte > 0
  local wait = answered and note.first_byte - note.ready or note.elapsed - note.ready
  return {
    blocked = -1,
    dns = is_new and step(0, note.resolved) or -1,
    connect = is_new and step(note.resolved, math.max(note.connected, note.secured)) or -1,
    ssl = is_new and step(note.connected, note.secured) or -1,
    send = 0,
    wait = milliseconds(wait),
    receive = answered and milliseconds(note.elapsed - note.first_byte) or 0,
  }
end

--- One attempt as an entry of an archive.
---@param note anyreach.observing.note
---@return table
function har.entry(note)
  return {
    startedDateTime = timestamp(note.started),
    time = milliseconds(note.elapsed),
    request = request(note),
    response = response(note),
    cache = {},
    timings = timings(note),
    _attempt = note.attempt,
  }
end

--- Makes the consumer that writes the file at the end, whole or not at all.
---@param path string
---@return anyreach.observing.consumer
function har.new(path)
  local entries = {}
  return {
    wants_contents = true,
    take = function(note)
      if not note.is_abandoned then entries[#entries + 1] = json.encode(har.entry(note)) end
    end,
    finish = function()
      local creator = json.encode { name = "anyreach-lua", version = host.version }
      local text = ('{"log":{"version":"1.2","creator":%s,"entries":[\n%s\n]}}\n'):format(creator,
        table.concat(entries, ",\n"))
      local ok, message = disk.write(path, text, { private = true })
      return not ok and "--har: " .. message or nil
    end,
  }
end

return har
