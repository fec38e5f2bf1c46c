-- --har FILE: all requests as an HTTP Archive 1.2, which browsers' developer tools read. Every attempt is
-- an entry. An answer that was handed to the script piece by piece has no text here.
--
-- The file is written in place, an entry at a time: the entry and the end of the archive, over the end that was
-- there, in one call to the system. So the archive is whole and can be read at every moment, also while the program
-- runs and after it was killed, and nothing is kept in memory.

local errors = require "anyreach.errors"
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

local END = "\n]}}\n"

local Archive = {}
Archive.__index = Archive

-- Where the disk is full, the piece of the entry that was written becomes spaces.
function Archive:take_back()
  local size = self.file:seek("end")
  self.file:seek("set", self.position)
  self.file:write(END, (" "):rep(size - self.position - #END))
end

function Archive:append(entry)
  local text = self.separator .. entry
  self.file:seek("set", self.position)
  local ok, message = self.file:write(text .. END)
  if ok then
    self.position, self.separator = self.position + #text, ",\n"
  else
    self.problem = self.problem or message
    self:take_back()
  end
end

-- An archive without entries, in place of what the path has.
local function open(path)
  local creator = json.encode { name = "anyreach-lua", version = host.version }
  local start = ('{"log":{"version":"1.2","creator":%s,"entries":[\n'):format(creator)
  local ok, message = disk.write(path, start .. END, { private = true, sync = false })
  if not ok then errors.raise("input", "--har: %s", message) end
  local file = assert(io.open(path, "r+b"))
  file:setvbuf("no")
  return setmetatable({ file = file, position = #start, separator = "" }, Archive)
end

--- Makes the consumer that writes the file.
---@param path string
---@return anyreach.observing.consumer
function har.new(path)
  local archive = open(path)
  return {
    wants_contents = true,
    take = function(note)
      if note.is_abandoned then return end
      archive:append(json.encode(har.entry(note), { invalid_bytes = "replace" }))
    end,
    finish = function()
      archive.file:close()
      return archive.problem and ("--har: %s: %s"):format(path, archive.problem) or nil
    end,
  }
end

return har
