-- Recordings: requests and their answers as files, written by --record and read by --replay. A directory
-- holds one readable JSON file an exchange, numbered in the order they ended, without secrets:
--   0001-POST-core-agents.json
--   {"request": {method, path, query, body}, "response": {status, headers, body|text}}
-- Bytes of an answer that are not valid UTF-8 are in its file as they came, which is the only way in which a file
-- may not be JSON.
-- or, where no answer came, "failure": {kind, message} in place of the response.
-- A request is matched by method, path, query and body, whatever the order of keys. Secrets in it are
-- hidden before it is compared, as they were when it was recorded.

local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local directory = require "anyreach.directory"
local files = require "anyreach.files"
local json = require "anyreach.json"
local missing_path = require("anyreach.text.messages").missing_path
local operations = require "anyreach.operations"
local redaction = require "anyreach.text.redaction"

local recording = {}

local EXTENSION = ".json"

--- A part of a query without its encoding.
---@param text string
---@return string
function recording.decode_part(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The parameters of a query by name: a list where one is repeated.
local function query_table(query)
  local fields = {}
  for part in query:gmatch "[^&]+" do
    local name, value = part:match "^([^=]*)=?(.*)$"
    name, value = recording.decode_part(name), recording.decode_part(value)
    local before = fields[name]
    if json.is_array(before) then
      before[#before + 1] = value
    else
      fields[name] = before and json.array { before, value } or value
    end
  end
  return next(fields) and fields or nil
end

--- A body without secrets, or nil when there is none, or nothing that can be shown.
---@param body string|nil
---@param content_type? string
---@param depth? integer levels that it stands in another document; without it, JSON keeps its spaces
---@return string|nil
---@return boolean is_json
function recording.body_text(body, content_type, depth)
  if not body or body == "" then return nil, false end
  local text = redaction.json(body, content_type, depth and 2, depth)
  if text then return text, true end
  return redaction.body(body, content_type), false
end

--- The same as a value: decoded when it is JSON, else its text.
---@param body string|nil
---@param content_type? string
---@return any
function recording.body(body, content_type)
  local text, is_json = recording.body_text(body, content_type)
  if is_json then return json.decode(text, { invalid_bytes = "keep" }) end
  return text
end

--- What a request is matched by.
---@param method string
---@param url string as it was sent
---@param body string|nil
---@param options {presigned?: boolean, content_type?: string} of a presigned address the query says nothing
---@return table {method, path, query?, body?}
function recording.request(method, url, body, options)
  local shown = redaction.url(url, options.presigned)
  local path, query = shown:match "^%a+://[^/?]*([^?]*)%??(.*)$"
  return {
    method = method,
    path = path == "" and "/" or path,
    query = not options.presigned and query_table(query) or nil,
    body = recording.body(body, options.content_type),
  }
end

--- The name of the file of an exchange.
---@param number integer
---@param request table
---@return string
function recording.file_name(number, request)
  local words = request.path:gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""):sub(1, 80)
  return ("%04d-%s-%s%s"):format(number, request.method, words, EXTENSION)
end

local function is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

local function is_request(request)
  return is_object(request) and type(request.method) == "string" and type(request.path) == "string"
    and (request.query == nil or is_object(request.query))
end

local function are_headers(headers)
  for _, value in pairs(is_object(headers) and headers or { headers }) do
    if type(value) ~= "string" then return false end
  end
  return headers == nil or is_object(headers)
end

local function is_response(response)
  return is_object(response) and math.type(response.status) == "integer" and response.status >= 100
    and response.status <= 999 and are_headers(response.headers)
    and (response.text == nil or type(response.text) == "string")
end

local function is_failure(failure)
  return is_object(failure) and type(failure.kind) == "string" and type(failure.message) == "string"
end

local function check_exchange(path, exchange)
  if is_object(exchange) and is_request(exchange.request)
    and (is_response(exchange.response) or exchange.response == nil and is_failure(exchange.failure)) then
    return
  end
  errors.raise("input", "%s: expected a recorded exchange: 'request' with method and path, and 'response' with status, "
    .. "or 'failure' with kind and message", path)
end

-- Ten thousand come after 9999, however the names are written.
local function is_before(a, b)
  local one, other = tonumber(a:match("^%d+")), tonumber(b:match("^%d+"))
  if one and other and one ~= other then return one < other end
  return a < b
end

--- The exchanges in a directory, in their order, each with its `file`.
---@param path string
---@return table[]
function recording.read(path)
  local names, message = directory.names(path)
  if not names then errors.raise("input", "%s", missing_path(path, message)) end
  table.sort(names, is_before)
  local exchanges = {}
  for _, name in ipairs(names) do
    if name:find "^%d+%-.*%.json$" then
      local exchange = files.read_json(path .. "/" .. name, { invalid_bytes = "keep" })
      check_exchange(path .. "/" .. name, exchange)
      exchange.file = name
      exchanges[#exchanges + 1] = exchange
    end
  end
  if #exchanges == 0 then
    errors.raise("input", "%s: nothing is recorded here; 'anyreach --record %s …' does", path, path)
  end
  return exchanges
end

-- {====== matching ======

local function differences(wanted, recorded)
  return diff.paths(diff.compare({ query = wanted.query or {}, body = wanted.body },
    { query = recorded.query or {}, body = recorded.body }, { exact = true }))
end

--- True when a recorded request is the one that is looked for.
---@param wanted table
---@param recorded table
---@return boolean
function recording.matches(wanted, recorded)
  return wanted.method == recorded.method and wanted.path == recorded.path and #differences(wanted, recorded) == 0
end

local function same_address(wanted, exchanges)
  local best, fewest
  for _, exchange in ipairs(exchanges) do
    local recorded = exchange.request
    if recorded.method == wanted.method and recorded.path == wanted.path then
      local paths = differences(wanted, recorded)
      if not fewest or #paths < #fewest then best, fewest = exchange, paths end
    end
  end
  return best, fewest
end

local PATHS_SHOWN = 4

--- A text that is the same for requests of the same method, path and query.
---@param request table
---@return string
function recording.address(request)
  local query = json.encode(request.query or {}, { invalid_bytes = "keep" })
  return ("%s %s %s"):format(request.method, request.path, query)
end

--- What of the recorded is nearest to a request, in words.
---@param wanted table
---@param exchanges table[]
---@return string
function recording.nearest(wanted, exchanges)
  local best, paths = same_address(wanted, exchanges)
  if best then
    local shown = table.concat(paths, ", ", 1, math.min(#paths, PATHS_SHOWN))
    if #paths > PATHS_SHOWN then shown = ("%s and %d more"):format(shown, #paths - PATHS_SHOWN) end
    return ("the nearest is %s, which differs in %s"):format(best.file, shown)
  end
  local addresses, by_address = {}, {}
  for _, exchange in ipairs(exchanges) do
    local address = exchange.request.method .. " " .. exchange.request.path
    if not by_address[address] then addresses[#addresses + 1] = address end
    by_address[address] = by_address[address] or exchange
  end
  local near = operations.nearest(wanted.method .. " " .. wanted.path, addresses)
  if near then return ("the nearest is %s: %s"):format(by_address[near].file, near) end
  return ("recorded are, among others, %s"):format(addresses[1])
end

-- }======

return recording
