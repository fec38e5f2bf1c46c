-- The names that operations of other documents were given, so that a name belongs to a method and path for good,
-- whatever else is read later and in which order. They are kept beside the documents, one file for each place of
-- live_documents.directory():
--
--   names.json   {"GET /core/webhooks/{}": "webhooks.get", …}
--
-- Nothing is ever taken out of it: what is gone today may come back, and its name is not free for another.

local disk = require "anyreach.disk"
local document = require "anyreach.openapi.document"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local directory = require "anyreach.directory"

local given_names = {}

local LOCK_SECONDS = 10

local function path_in(place)
  return place .. "/names.json"
end

--- The names that were given so far. A file that is no object of texts is an error: a new one would give names anew.
---@param place string
---@return anyreach.openapi.given
function given_names.load(place)
  local path, given = path_in(place), {}
  if not directory.kind(path) then return given end
  local ok, value = pcall(json.decode, files.read_file(path))
  for key, name in pairs(ok and type(value) == "table" and value or { false }) do
    if type(key) ~= "string" or type(name) ~= "string" then
      errors.raise("input", "%s: expected an object of names; 'anyreach api update' writes it anew when it is deleted, "
        .. "and may name operations otherwise", path)
    end
    given[key] = name
  end
  return given
end

--- Adds the names of what was read. Returns whether one is new.
---@param given anyreach.openapi.given
---@param merged anyreach.openapi.merged[]
---@return boolean
function given_names.add(given, merged)
  local is_changed = false
  for _, entry in ipairs(merged) do
    local key = document.key(entry.row.method, entry.row.path)
    local is_ours = entry.known and not entry.known.foreign
    if not is_ours and not given[key] then
      given[key], is_changed = entry.row.name, true
    end
  end
  return is_changed
end

--- Keeps the names of what was read. Another process may do so at the same time: what it gave stays.
---@param place string
---@param merged anyreach.openapi.merged[]
function given_names.keep(place, merged)
  local lock <close> = disk.lock(place .. "/names.lock", LOCK_SECONDS) -- luacheck: ignore 211
  local given = given_names.load(place)
  if not given_names.add(given, merged) then return end
  local ok, message = disk.write(path_in(place), json.encode(given, { indent = 2 }) .. "\n", { private = true })
  if not ok then errors.raise("input", "%s", message) end
end

return given_names
