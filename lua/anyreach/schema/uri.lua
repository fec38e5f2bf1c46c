-- URIs of schemas: references resolved against a base (RFC 3986, section 5.2), and JSON Pointers in
-- fragments (RFC 6901, section 6). Pure.

local uri = {}

-- The parts of a URI reference; those that are missing are nil, the path is at least "".
local function split(text)
  local parts = {}
  local rest, fragment = text:match("^([^#]*)#(.*)$")
  parts.fragment, rest = fragment, rest or text
  local before, query = rest:match("^([^?]*)%?(.*)$")
  parts.query, rest = query, before or rest
  local scheme, after = rest:match("^(%a[%w+.-]*):(.*)$")
  parts.scheme, rest = scheme, after or rest
  local authority, path = rest:match("^//([^/]*)(.*)$")
  parts.authority, parts.path = authority, path or rest
  return parts
end

local function join(parts)
  return (parts.scheme and parts.scheme .. ":" or "") .. (parts.authority and "//" .. parts.authority or "")
    .. parts.path .. (parts.query and "?" .. parts.query or "")
end

-- A path without its segments "." and "..".
local function without_dots(path)
  local segments = {}
  for segment in (path .. "/"):gmatch("([^/]*)/") do
    if segment == ".." then
      if #segments > 1 then table.remove(segments) end
    elseif segment ~= "." then
      segments[#segments + 1] = segment
    end
  end
  if path:find("/%.%.?$") then segments[#segments + 1] = "" end
  return table.concat(segments, "/")
end

local function merge_paths(base, path)
  if base.authority and base.path == "" then return "/" .. path end
  return base.path:match("^(.*/)") and base.path:match("^(.*/)") .. path or path
end

-- What a reference without a scheme takes over from the base.
local function complete(parts, base)
  parts.scheme = base.scheme
  if parts.authority then return end
  parts.authority = base.authority
  if parts.path == "" then
    parts.path, parts.query = base.path, parts.query or base.query
  elseif parts.path:sub(1, 1) ~= "/" then
    parts.path = merge_paths(base, parts.path)
  end
end

--- Resolves a reference.
---@param base string an absolute URI, or "" when there is none
---@param reference string
---@return string uri without the fragment
---@return string|nil fragment as it is written
function uri.resolve(base, reference)
  local parts = split(reference)
  if not parts.scheme then complete(parts, split(base)) end
  if parts.path:find("/", 1, true) then parts.path = without_dots(parts.path) end
  return join(parts), parts.fragment
end

--- A fragment in clear.
---@param fragment string
---@return string
function uri.decode(fragment)
  return (fragment:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The keys of a JSON Pointer such as "/$defs/Tool".
---@param pointer string "" or beginning with "/"
---@return string[]
function uri.pointer_keys(pointer)
  local keys = {}
  for token in pointer:gmatch("/([^/]*)") do
    keys[#keys + 1] = token:gsub("~1", "/"):gsub("~0", "~")
  end
  return keys
end

--- A JSON Pointer one key longer.
---@param pointer string
---@param key string|integer integers count from 0, as JSON Pointers do
---@return string
function uri.pointer(pointer, key)
  return pointer .. "/" .. (tostring(key):gsub("~", "~0"):gsub("/", "~1"))
end

return uri
