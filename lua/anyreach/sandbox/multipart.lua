-- Reading of multipart/form-data (RFC 7578), strictly: what a client must not send is refused, never
-- guessed at. Pure functions.

local multipart = {}

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

---Whether a body of this content type is a form.
---@param content_type string?
---@return boolean
function multipart.is_form(content_type)
  return content_type ~= nil and content_type:lower():find("^multipart/form%-data") ~= nil
end

---@param content_type string value of the header
---@param text string the body
---@return table<string, SandboxFormPart>? parts by name; nil when the body is no form
---@return string? problem
function multipart.parse(content_type, text)
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

return multipart
