-- OpenAPI documents as text: decoding, and where their operations lie. Knows nothing of what they mean.

local errors = require "anyreach.errors"
local json = require "anyreach.json"

local document = {}

local MAX_BYTES = 16 * 1024 * 1024

--- Decodes a document in JSON or YAML.
---@param text string
---@param name string what it is called in messages
---@return table
function document.decode(text, name)
  if #text > MAX_BYTES then
    errors.raise("input", "%s: an OpenAPI document may have %d MiB, this has more", name, MAX_BYTES >> 20)
  end
  local ok, value
  if text:find("^%s*{") then
    ok, value = pcall(json.decode, text)
    if not ok then value = name .. ": " .. value end
  else
    ok, value = pcall(require("anyreach.yaml").decode, text, { name = name })
  end
  if not ok then errors.raise("input", "%s", value) end
  if type(value) ~= "table" or type(value.paths) ~= "table" or type(value.openapi) ~= "string" then
    errors.raise("input", "%s: expected an OpenAPI document: an object with 'openapi' and 'paths'", name)
  end
  return value
end

local function server_url(value)
  local servers = type(value.servers) == "table" and value.servers or {}
  local url = type(servers[1]) == "table" and servers[1].url
  return type(url) == "string" and not url:find("{", 1, true) and url or ""
end

--- The host that the document says it is served from, or nil when it names none.
---@param value table
---@return string|nil
function document.host(value)
  local host = server_url(value):match("^%a[%w+.-]*://([^/?#]+)")
  return host and host:lower()
end

local function prefix_of(value, service)
  local url = server_url(value)
  local path = url:match("^%a[%w+.-]*://[^/?#]*(/[^?#]*)") or url:match("^(/[^?#]*)") or ""
  path = path:gsub("/+$", "")
  return path == "" and service and "/" .. service or path
end

--- Writes the paths from the host's root: behind the path of the document's server or, where that has
--- none and the document is a service's own, behind the service's name. (Our choice: not documented.)
---@param value table
---@param service? string
---@return table copy of the document
function document.place(value, service)
  local prefix, paths, copy = prefix_of(value, service), {}, {}
  for key, member in pairs(value) do copy[key] = member end
  for path, node in pairs(value.paths) do
    local is_placed = type(path) ~= "string" or prefix == "" or path:sub(1, #prefix + 1) == prefix .. "/"
    paths[is_placed and path or prefix .. path] = node
  end
  copy.paths = paths
  return copy
end

return document
