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

-- {====== rows for the operation table ======

-- What the client itself has.
local RESERVED = { request = true, try = true }

local function without_names(path)
  return (path:gsub("{[^/]*}", "{}"))
end

--- The operation of the table with that method and path, whatever its parameters are called, or nil.
---@param row table
---@return table|nil
function document.known(row)
  local name = operations.match(row.method, row.path)
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
local RETRY_BY_METHOD = { GET = "safe", PUT = "idempotent", DELETE = "idempotent" }
local STRICTNESS = { safe = 1, idempotent = 2, never = 3 }

-- Whether the document itself says something of it.
local function states(found, key)
  if found.stated[key] == nil then return found[key] ~= nil end
  return found.stated[key]
end

local function improve(known, found)
  local row = {}
  for key, value in pairs(found) do row[key] = value end
  row.name, row.path, row.service = known.name, known.path, known.service
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
  local least = RETRY_BY_METHOD[found.method] or "never"
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

---@class anyreach.openapi.taken
---@field names table<string, string> name -> whose it is
---@field namespaces table<string, boolean>

local function take(taken, name, owner)
  taken.names[name] = owner
  for dot in name:gmatch("()%.") do taken.namespaces[name:sub(1, dot - 1)] = true end
end

local function taken_names()
  local taken = { names = {}, namespaces = {} }
  for _, name in ipairs(operations.names()) do take(taken, name, "a known operation") end
  for name in pairs(composites) do take(taken, name, "a function of ours") end
  return taken
end

-- Why the name cannot be had, or nil.
local function obstacle(taken, name)
  if RESERVED[name:match("^[^.]+")] or name:match("[^.]+$") == "each" then return "the client itself" end
  if taken.names[name] then return taken.names[name] end
  if taken.namespaces[name] then return "a namespace" end
  for dot in name:gmatch("()%.") do
    local above = name:sub(1, dot - 1)
    if taken.names[above] then return ("%s, %s"):format(above, taken.names[above]) end
  end
end

-- Gives the row a name of its own. Returns the reason when there is none.
local function introduce(taken, row)
  local reason = obstacle(taken, row.name)
  if not reason then return end
  local name = naming.behind_service(row.service, row.name)
  if obstacle(taken, name) then
    return ("its name %s belongs to %s; api.request reaches it"):format(row.name, reason)
  end
  row.name = name
end

---@class anyreach.openapi.merged
---@field row table ready for operations.define
---@field known table|nil what the table says of it now
---@field overruled string[] what the document says of writing, repeating, paging and waiting, and is not believed

--- Goes with every operation of a document to the table. Changes nothing.
---@param found table[] from openapi.read
---@return anyreach.openapi.merged[]
---@return anyreach.openapi.refusal[]
function document.rows(found)
  local taken, merged, refused = taken_names(), {}, {}
  for _, row in ipairs(found) do
    local known = document.known(row)
    local result, overruled = believe(known, row)
    local reason = not known and introduce(taken, result)
    if reason then
      refused[#refused + 1] = { method = row.method, path = row.path, reason = reason }
    else
      merged[#merged + 1] = { row = result, known = known, overruled = overruled }
      if not known then take(taken, result.name, result.method .. " " .. result.path) end
    end
  end
  return merged, refused
end

-- }======

return document
