-- From the text of a request to what its operation declares: the query as typed values, and the body as a
-- decoded value or the parts of a form. What does not fit is refused with 422. The server's layer calls it
-- before the rule.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local checks = require "anyreach.sandbox.checks"

local reader = {}

-- {====== queries ======

local function decode_percent(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- One decoded name or value; what is not UTF-8 cannot mean anything in an API that speaks JSON.
local function decode(text)
  local decoded = decode_percent(text)
  if not utf8.len(decoded) then checks.refuse(422, "query: expected UTF-8") end
  return decoded
end

-- Names and texts as they came: a string, or an array of strings for a name that came repeatedly.
local function parse_query(text)
  local values = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=(.*)$")
    name, value = decode(name or pair), decode(value or "")
    local earlier = values[name]
    if earlier == nil then
      values[name] = value
    elseif type(earlier) == "table" then
      earlier[#earlier + 1] = value
    else
      values[name] = json.array { earlier, value }
    end
  end
  return values
end

local CONVERSIONS = {
  integer = function(text) return math.tointeger(tonumber(text)) end,
  number = tonumber,
  boolean = function(text)
    if text == "true" then return true end
    if text == "false" then return false end
  end,
}

local function is_list(field)
  return (field.schema.types or {})[1] == "array"
end

local function convert(field, text)
  if field.schema.json_text then
    local ok, value = pcall(json.decode, text)
    if not ok then checks.refuse(422, "%s: %s", field.name, value) end
    return value
  end
  for _, type_name in ipairs(field.schema.types or { "string" }) do
    local conversion = CONVERSIONS[type_name]
    local value = conversion and conversion(text)
    if value ~= nil then return value end
    if type_name == "string" then return text end
  end
  checks.refuse(422, "%s: %q is out of range", field.name, text)
end

-- Values of the declared types, of texts that operations.check has passed.
local function convert_query(texts, fields)
  local values = {}
  for _, field in ipairs(fields or {}) do
    local text = texts[field.name]
    if type(text) ~= "string" then
      values[field.name] = text
    else
      values[field.name] = is_list(field) and json.array { text } or convert(field, text)
    end
  end
  return values
end

---The query as values of the types that the operation declares; answers 422 for what does not fit.
---@param operation table from operations.describe
---@param text string without the question mark
---@return table<string, any>
function reader.query(operation, text)
  local texts = parse_query(text)
  local problems = operations.check(operation.name, "query", texts)
  if problems then checks.refuse_problems(problems) end
  return convert_query(texts, operation.parameters)
end

-- }======

-- {====== forms ======

local PARTS_MAXIMUM = 100

---@class SandboxFormPart
---@field bytes string
---@field filename string? present for a file
---@field content_type string?

local function read_boundary(content_type)
  local parameters = content_type:match("^[Mm]ultipart/[Ff]orm%-[Dd]ata%s*;(.*)$")
  if not parameters then return nil end
  local boundary = parameters:match('%f[%w]boundary="([^"]+)"') or parameters:match("%f[%w]boundary=([^%s;]+)")
  return boundary and #boundary <= 70 and boundary or nil
end

-- Names and values of a part's header, up to the empty line; nil when there is none.
local function read_header(text, position)
  local header = {}
  while true do
    local line, after = text:match("^([^\r\n]*)\r\n()", position)
    if not line then return nil end
    if line == "" then return header, after end
    local name, value = line:match("^([%w-]+):%s*(.*)$")
    if not name then return nil end
    header[name:lower()] = value:match("^.*%S") or ""
    position = after
  end
end

local function read_parameter(disposition, name)
  return disposition:match(';%s*' .. name .. '="([^"]*)"')
end

-- The part whose header starts at `position`, and where the text behind it starts.
local function read_part(text, position, delimiter)
  local header, start = read_header(text, position)
  if not header then return nil, "a part's header is malformed" end
  local disposition = header["content-disposition"] or ""
  local name = disposition:find("^form%-data%s*;") and read_parameter(disposition, "name")
  if not name then return nil, "a part has no Content-Disposition: form-data with a name" end
  local last, next_position = text:find("\r\n" .. delimiter, start - 2, true)
  if not last then return nil, ("the part %q has no end"):format(name) end
  local part = { filename = read_parameter(disposition, "filename"), content_type = header["content-type"] }
  part.bytes = text:sub(start, last - 1)
  return name, part, next_position + 1
end

local function is_form(content_type)
  return content_type ~= nil and content_type:lower():find("^multipart/form%-data") ~= nil
end

---The parts of a multipart/form-data body (RFC 7578). What a client must not send is refused, never guessed at.
---@param content_type string value of the header
---@param text string the body
---@return table<string, SandboxFormPart>? parts by name; nil when the body is no form
---@return string? problem
function reader.parse_form(content_type, text)
  local boundary = read_boundary(content_type)
  if not boundary then return nil, "the Content-Type names no boundary" end
  local delimiter = "--" .. boundary
  if text:sub(1, #delimiter) ~= delimiter then return nil, "the form does not start with its boundary" end

  local parts, count, position = {}, 0, #delimiter + 1
  while text:find("^\r\n", position) do
    local name, part, after = read_part(text, position + 2, delimiter)
    if not name then return nil, part end
    count = count + 1
    if parts[name] or count > PARTS_MAXIMUM then return nil, ("the part %q is one too many"):format(name) end
    parts[name], position = part, after
  end
  if not text:find("^%-%-", position) then return nil, "the form has no end" end
  return parts
end

-- }======

-- {====== bodies ======

-- The status of malformed JSON and of a foreign content type is our choice.
local function decode_json(headers, text)
  local content_type = headers["content-type"]
  if content_type and not content_type:lower():find("^%s*application/json%s*;?") then
    checks.refuse(422, "body: expected Content-Type application/json, got %s", content_type)
  end
  local ok, value = pcall(json.decode, text)
  if not ok then checks.refuse(422, "body: %s", tostring(value)) end
  return value
end

local function decode_form(headers, text)
  local form, problem = reader.parse_form(headers["content-type"], text)
  if not form then checks.refuse(422, "body: %s", problem) end
  return form
end

---The decoded body, or else the parts of a form; answers 422 for what does not fit. A body sent to an operation
---that takes none is ignored.
---@param operation table from operations.describe
---@param headers table<string, string> names in lower case
---@param text string?
---@return any body
---@return table<string, SandboxFormPart>? form
function reader.body(operation, headers, text)
  if not operation.body then return nil end
  if text == nil or text == "" then
    if operation.body_required then checks.refuse(422, "body: required but missing") end
    return nil
  end
  if operation.multipart and is_form(headers["content-type"]) then return nil, decode_form(headers, text) end
  local value = decode_json(headers, text)
  local problems = operations.check(operation.name, "body", value)
  if problems then checks.refuse_problems(problems) end
  return value
end

-- }======

return reader
