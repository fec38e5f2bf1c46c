-- Bodies of the kind multipart/form-data, for operations that take a file: a field that holds a file is
-- given as the file's path, all others as text or JSON.

local content_types = require "anyreach.text.content_types"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"

local form = {}

--- The content type that a file's name suggests.
---@param path string
---@return string
function form.content_type(path)
  local extension = path:match("%.([^./]+)$")
  return extension and content_types[extension:lower()] or "application/octet-stream"
end

--- The last part of a path.
---@param path string
---@return string
function form.base_name(path)
  return path:match("([^/]+)/*$") or path
end

local function quote(name)
  return (name:gsub('[%c"]', function(c) return ("%%%02X"):format(c:byte()) end))
end

local function text_of(name, value)
  if type(value) == "string" then return value end
  local ok, text = pcall(json.encode, value)
  if not ok then errors.raise("usage", "%s: %s", name, text) end
  return text
end

local function part(name, value, is_file)
  local head = ('Content-Disposition: form-data; name="%s"'):format(quote(name))
  if not is_file then return head .. "\r\n\r\n" .. text_of(name, value) end
  if type(value) ~= "string" then
    errors.raise("usage", "%s: expected the path of a file, got a %s", name, type(value))
  end
  local file_name = quote(form.base_name(value))
  return ('%s; filename="%s"\r\nContent-Type: %s\r\n\r\n%s'):format(head, file_name,
    form.content_type(value), files.read_file(value))
end

-- A line that none of the parts holds.
local function new_boundary(parts)
  while true do
    local boundary = ("anyreach-%016x%016x"):format(math.random(0), math.random(0))
    local taken = false
    for _, text in ipairs(parts) do taken = taken or text:find(boundary, 1, true) ~= nil end
    if not taken then return boundary end
  end
end

--- A form of fields, sorted by name.
---@param fields table<string, any>
---@param file_fields table<string, boolean> which of them are paths of files
---@return string body
---@return string content_type
function form.encode(fields, file_fields)
  local names, parts, lines = {}, {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = part(name, fields[name], file_fields[name]) end
  local boundary = new_boundary(parts)
  for i, text in ipairs(parts) do lines[i] = "--" .. boundary .. "\r\n" .. text .. "\r\n" end
  return table.concat(lines) .. "--" .. boundary .. "--\r\n", "multipart/form-data; boundary=" .. boundary
end

return form
