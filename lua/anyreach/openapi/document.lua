-- An OpenAPI document, from its text to rows for the operation table; openapi/operations.lua says what it means.
-- Of an operation that we know the document says better what goes over the wire; our name, what we know of writing,
-- repeating, paging and waiting, and whatever the document does not state, stay. One that is new gets the name that
-- the document or the naming rule gives it or, when that is taken, the same behind its service's name:
-- campaign.agents.list. So a name never depends on what else was read.

local composites = require "anyreach.client.uploads"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local naming = require "anyreach.openapi.name"
local openapi = require "anyreach.openapi.operations"
local operations = require "anyreach.operations"

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
    if not ok then errors.raise("input", "%s: %s", name, value) end
  else
    value = files.decode_yaml(text, { name = name })
  end
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
  local path = (url:match "^%a[%w+.-]*:(//.*)$" or url):gsub("^//[^/?#]*", ""):match "^/[^?#]*" or ""
  path = path:gsub("/+$", "")
  return path == "" and service and "/" .. service or path
end

--- Writes the paths from the host's root: behind the path of the document's server or, where that has
--- none and the document is a service's own, behind the service's name. (Our choice: not documented.)
---@param value table
---@param service? string
---@return table copy of the document; `origin` is the document, in which its references lead somewhere
function document.place(value, service)
  local prefix, paths, copy = prefix_of(value, service), {}, {}
  for key, member in pairs(value) do copy[key] = member end
  for path, node in pairs(value.paths) do
    local is_placed = type(path) ~= "string" or prefix == "" or path:sub(1, #prefix + 1) == prefix .. "/"
    paths[is_placed and path or prefix .. path] = node
  end
  copy.paths, copy.origin = paths, value
  return copy
end

-- {====== rows for the operation table ======

-- What the client itself has.
local RESERVED = { request = true, try = true }

local function without_names(path)
  return (path:gsub("{[^{}]*}", "{}"):gsub("(.)/$", "%1"))
end

--- The operation of the table with that method and path, whatever its parameters are called, or nil.
---@param row table
---@return table|nil
function document.known(row)
  local name = operations.match(row.method, (row.path:gsub("(.)/$", "%1")))
    or operations.match(row.method, row.path:gsub("/*$", "/"))
  local known = name and operations.describe(name)
  return known and without_names(known.path) == without_names(row.path) and known or nil
end

-- Path parameters keep the names we know; they are given by position.
local function path_fields(known, found)
  local fields = {}
  for i, field in ipairs(known.path_fields) do
    local other = found.path_fields[i]
    fields[i] = { name = field.name, required = true, schema = other.schema, summary = other.summary or field.summary }
  end
  return fields
end

-- What is not stated in the document.
local DEFAULTS = { "public", "summary", "success_status" }
-- What a document may leave out.
local OPTIONAL = { "description", "source", "scopes", "id_alias" }
-- What a document does not change in an operation of ours. The table itself (src/api/operation.c) sees to writing and
-- repeating, so that they hold for rows from elsewhere, too.
local OURS = { "writes", "writes_when", "retry", "paging", "wait" }
local EXTENSIONS = { writes = "x-writes", writes_when = "x-writes-when", retry = "x-retry", paging = "x-pagination",
  wait = "x-wait" }
local STRICTNESS = { safe = 1, idempotent = 2, never = 3 }

-- Whether the document itself says something of it.
local function states(found, key)
  if found.stated[key] == nil then return found[key] ~= nil end
  return found.stated[key]
end

local function improve(known, found)
  local row = {}
  for key, value in pairs(found) do row[key] = value end
  local slash = found.path:sub(-1) == "/" and "/" or ""
  row.name, row.path, row.service = known.name, known.path:gsub("/*$", slash), known.service
  row.path_fields = path_fields(known, found)
  for _, key in ipairs(DEFAULTS) do
    if not found.stated[key] then row[key] = known[key] end
  end
  for _, key in ipairs(OPTIONAL) do
    if row[key] == nil then row[key] = known[key] end
  end
  for _, key in ipairs(OURS) do
    if not known.foreign or not states(found, key) then row[key] = known[key] end
  end
  if not found.stated.answer then row.answer, row.answer_kind = known.answer, known.answer_kind end
  return row
end

-- {====== what a document says and is not believed ======

-- The fact as text, for comparing and for people.
local function fact_text(value)
  return type(value) == "table" and json.encode(value) or tostring(value)
end

local function overruled_of_ours(known, found)
  local list = {}
  for _, key in ipairs(OURS) do
    if states(found, key) and fact_text(found[key]) ~= fact_text(known[key]) then
      list[#list + 1] = key == "wait" and "x-wait is not the one known here"
        or ("%s is %s there, %s here"):format(EXTENSIONS[key], fact_text(found[key]), fact_text(known[key] or "none"))
    end
  end
  return list
end

-- A row that nothing of ours describes, as strict as its method at least, and what of it was not believed.
local function stricter(found)
  local row, list = {}, {}
  for key, value in pairs(found) do row[key] = value end
  local least = openapi.retry_of_method(found.method)
  if least ~= "safe" and not found.writes then
    row.writes = true
    list[#list + 1] = ("x-writes is false there; a %s counts as a write"):format(found.method)
  end
  if STRICTNESS[found.retry] < STRICTNESS[least] then
    row.retry = least
    list[#list + 1] = ("x-retry is %s there; a %s counts as %s"):format(found.retry, found.method, least)
  end
  if row.writes and row.paging ~= "none" then
    row.paging = "none"
    list[#list + 1] = ("x-pagination is %s there; a write is not repeated for pages"):format(found.paging)
  end
  return row, list
end

-- The row that counts, and what of the document is not believed.
local function believe(known, found)
  if not known then return stricter(found) end
  if known.foreign then return stricter(improve(known, found)) end
  return improve(known, found), overruled_of_ours(known, found)
end

-- }======

-- {====== names ======

-- A name belongs to a method and path for good. Ours come before all; then those that were given before, which the
-- caller keeps (`given`); a new one avoids both, whether or not the operation that has it is there today.

---@alias anyreach.openapi.given table<string, string> document.key() -> name

---@class anyreach.openapi.taken
---@field names table<string, string> name -> whose it is
---@field keys table<string, string> name -> document.key() that it was given to
---@field namespaces table<string, "ours"|"foreign">

-- What an operation has besides the names below it.
local MEMBERS = { "curl", "name", "wait" }

--- What a name belongs to: the method, and the path whatever its parameters are called.
---@param method string
---@param path string
---@return string
function document.key(method, path)
  return method .. " " .. without_names(path)
end

local function take(taken, name, owner, kind)
  taken.names[name] = owner
  for dot in name:gmatch("()%.") do
    local namespace = name:sub(1, dot - 1)
    taken.namespaces[namespace] = taken.namespaces[namespace] == "ours" and "ours" or kind
  end
end

local function taken_names(given)
  local taken = { names = {}, namespaces = {}, keys = {} }
  for _, name in ipairs(operations.names()) do
    local row = operations.describe(name)
    take(taken, name, row.foreign and row.method .. " " .. row.path or "a known operation",
      row.foreign and "foreign" or "ours")
  end
  for name in pairs(composites) do take(taken, name, "a function of ours", "ours") end
  for key, name in pairs(given) do taken.keys[name] = key end
  return taken
end

local function is_member(word)
  for _, member in ipairs(MEMBERS) do
    if word == member then return true end
  end
  return false
end

-- Whether an operation of that name would hide names below it.
local function hides_names(taken, name)
  for _, member in ipairs(MEMBERS) do
    local below = name .. "." .. member
    if taken.names[below] or taken.namespaces[below] then return true end
  end
  return false
end

-- Whether the name can be had for the key.
local function is_free(taken, name, key)
  local last = name:match "[^.]+$"
  if not naming.is_spelled(name) or RESERVED[name:match "^[^.]+"] or last == "each" then return false end
  if taken.names[name] or taken.namespaces[name] == "ours" or hides_names(taken, name) then return false end
  if taken.keys[name] and taken.keys[name] ~= key then return false end
  for dot in name:gmatch("()%.") do
    local above = name:sub(1, dot - 1)
    if taken.names[above] and (taken.namespaces[above] == "ours" or not taken.names[above]:find " /"
      or is_member(name:sub(dot + 1):match "^[^.]+")) then
      return false
    end
  end
  return true
end

-- Gives the row a name of its own. There is always one.
local function introduce(taken, given, row)
  local key, candidates = document.key(row.method, row.path), { given[document.key(row.method, row.path)] }
  table.move(row.names, 1, #row.names, #candidates + 1, candidates)
  local i = 1
  while not is_free(taken, candidates[i], key) do
    i = i + 1
    candidates[i] = candidates[i] or candidates[#row.names] .. "_" .. i
  end
  row.name = candidates[i]
end

-- }======

---@class anyreach.openapi.merged
---@field row table ready for operations.define
---@field known table|nil what the table says of it now
---@field overruled string[] what the document says of writing, repeating, paging and waiting, and is not believed

--- Goes with every operation of a document to the table. Changes nothing.
---@param found table[] from openapi.read
---@param given? anyreach.openapi.given
---@return anyreach.openapi.merged[]
function document.rows(found, given)
  local taken, merged = taken_names(given or {}), {}
  for _, row in ipairs(found) do
    local known = document.known(row)
    local result, overruled = believe(known, row)
    if not known then
      introduce(taken, given or {}, result)
      take(taken, result.name, result.method .. " " .. result.path, "foreign")
    end
    merged[#merged + 1] = { row = result, known = known, overruled = overruled }
  end
  return merged
end

-- }======

return document
