-- Bodies that are forms. In multipart/form-data a field that holds a file is given as the file's path, several files as
-- a list of paths, all others as text or JSON. In application/x-www-form-urlencoded lists are repeated; an object is
-- JSON, unless the document gives names to its parts (deepObject).

local content_types = require "anyreach.text.content_types"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local encode = require("anyreach.text.percent").encode

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

local function sorted_names(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- A form of fields, sorted by name.
---@param fields table<string, any>
---@param file_fields table<string, boolean> which of them are paths of files
---@return string body
---@return string content_type
function form.encode(fields, file_fields)
  local parts, lines = {}, {}
  for _, name in ipairs(sorted_names(fields)) do
    local value, is_file = fields[name], file_fields[name]
    local values = is_file and type(value) == "table" and value or { value }
    for _, each in ipairs(values) do parts[#parts + 1] = part(name, each, is_file) end
  end
  local boundary = new_boundary(parts)
  for i, text in ipairs(parts) do lines[i] = "--" .. boundary .. "\r\n" .. text .. "\r\n" end
  return table.concat(lines) .. "--" .. boundary .. "--\r\n", "multipart/form-data; boundary=" .. boundary
end

local function is_list(value)
  return json.is_array(value) or type(value) == "table" and value[1] ~= nil
end

local add_pair -- objects hold values

local function add_parts(pairs_list, name, value)
  if is_list(value) then
    for i, each in ipairs(value) do add_pair(pairs_list, ("%s[%d]"):format(name, i - 1), each, true) end
  else
    for _, key in ipairs(sorted_names(value)) do
      add_pair(pairs_list, ("%s[%s]"):format(name, key), value[key], true)
    end
  end
end

function add_pair(pairs_list, name, value, is_deep)
  if is_deep and type(value) == "table" then
    add_parts(pairs_list, name, value)
  elseif is_list(value) then
    for _, each in ipairs(value) do add_pair(pairs_list, name, each) end
  else
    pairs_list[#pairs_list + 1] = encode(name) .. "=" .. encode(text_of(name, value))
  end
end

--- A form of fields, sorted by name.
---@param fields table<string, any>
---@param deep_fields table<string, boolean> the parts of which have names such as price[currency], items[0][id]
---@return string body
---@return string content_type
function form.urlencode(fields, deep_fields)
  local pairs_list = {}
  for _, name in ipairs(sorted_names(fields)) do add_pair(pairs_list, name, fields[name], deep_fields[name]) end
  return table.concat(pairs_list, "&"), "application/x-www-form-urlencoded"
end

return form
