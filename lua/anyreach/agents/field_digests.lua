-- Field digests: what the lock remembers of each value that a file owns, without the value. A leaf is a value with a
-- path of its own; its entry in the lock's row is
--
--   "W"     digest of what was written, as the file has it with ids in place of references
--   "W/R"   and of what the organisation had then, when that was another: it masks, trims or rounds
--   "…!"    the organisation did not take what was written
--   "…@N"   the value is older than the row: it was last the same on both sides in version N
--
-- A value that the organisation added by itself, right after something was written, counts as written as null.
--
-- Digests have 12 hexadecimal digits. Those of secrets have 4, salted with agent and path: enough to see that a
-- secret has changed, too few to try passwords against. Pure; any recipe may call it.

local canonical = require "anyreach.text.canonical"
local diff = require "anyreach.text.diff"
local digest = require "anyreach.digest"
local json = require "anyreach.json"
local merge = require "anyreach.agents.merge"
local reference = require "anyreach.yaml.reference"

local field_digests = {}

local LENGTH, SECRET_LENGTH = 12, 4

---@class anyreach.field_entry of one leaf
---@field written string digest
---@field there string digest of what came back
---@field refused boolean the organisation did not take it
---@field version integer|nil the version in which both were last the same, if older than the row's

---@class anyreach.leaf
---@field path string as in differences; with "[]" at its end: how many elements a list has, and their names
---@field value any
---@field is_secret boolean

-- {====== leaves ======

--- True for a secret.
---@param value any
---@return boolean
function field_digests.is_secret(value)
  return getmetatable(value) == "secret"
end

--- "mapping" and "list" have parts, all else is "leaf".
---@param value any
---@return "mapping"|"list"|"leaf"
function field_digests.kind(value)
  if type(value) ~= "table" or json.is_number(value) or reference.is_reference(value) then return "leaf" end
  return (json.is_array(value) or value[1] ~= nil) and "list" or "mapping"
end

local kind = field_digests.kind

--- True for a list whose elements are compared one by one. A list of plain values is one leaf.
---@param value any
---@return boolean
function field_digests.has_elements(value)
  if kind(value) ~= "list" then return false end
  for index = 1, #value do
    if kind(value[index]) ~= "leaf" or field_digests.is_secret(value[index]) then return true end
  end
  return false
end

--- What stands for a list as such: by which names its elements go.
---@param list any
---@return any
function field_digests.shape(list)
  if kind(list) ~= "list" then return list end
  local names = json.array {}
  for index = 1, #list do names[index] = merge.name_of(list[index]) or "" end
  return names
end

local function add_leaves(found, path, value)
  if kind(value) == "mapping" and next(value) ~= nil then
    for key, part in pairs(value) do add_leaves(found, diff.path(path, key), part) end
  elseif field_digests.has_elements(value) then
    found[#found + 1] = { path = path .. "[]", value = field_digests.shape(value), is_secret = false }
    for index = 1, #value do add_leaves(found, diff.path(path, index), value[index]) end
  else
    found[#found + 1] = { path = path, value = value, is_secret = field_digests.is_secret(value) }
  end
end

--- The leaves of a value, sorted by path.
---@param value any such as anyreach.contents
---@param path? string of the value; default none
---@return anyreach.leaf[]
function field_digests.leaves(value, path)
  local found = {}
  add_leaves(found, path or "", value)
  table.sort(found, function(a, b) return a.path < b.path end)
  return found
end

--- The value at a path of a leaf; nil when there is none.
---@param content any
---@param path string
---@return any
function field_digests.at(content, path)
  local list = path:match("^(.*)%[%]$")
  for _, key in ipairs(diff.keys(list or path)) do
    if kind(content) == "leaf" then return nil end
    content = content[key]
  end
  if list then return field_digests.shape(content) end
  return content
end

-- }======

-- {====== digests ======

-- An empty mapping owns nothing below it, whatever is there.
local function plain(value)
  if kind(value) == "mapping" then return "{}" end
  local copy = canonical.copy(value)
  return json.encode(copy == nil and json.null or copy)
end

local function salted(value, path, agent_id)
  local text = (type(value) == "string" or field_digests.is_secret(value)) and value or plain(value)
  return digest.sha256(agent_id .. "\0" .. path .. "\0" .. text):sub(1, SECRET_LENGTH)
end

local function digest_of(value, path, is_secret, agent_id)
  if is_secret then return salted(value, path, agent_id) end
  return digest.sha256(plain(value)):sub(1, LENGTH)
end

--- The digest of a leaf.
---@param leaf anyreach.leaf
---@param agent_id string
---@return string
function field_digests.of_leaf(leaf, agent_id)
  return digest_of(leaf.value, leaf.path, leaf.is_secret, agent_id)
end

--- The digest of what is at a path, to be compared with that of a leaf.
---@param content any
---@param path string
---@param is_secret boolean of the leaf
---@param agent_id string
---@return string
function field_digests.of_place(content, path, is_secret, agent_id)
  return digest_of(field_digests.at(content, path), path, is_secret, agent_id)
end

-- }======

-- {====== entries ======

--- The entry of a leaf, from its text.
---@param text string
---@return anyreach.field_entry|nil nil when it is malformed
function field_digests.parse(text)
  local written, rest = text:match("^(%x+)(.*)$")
  local there, mark, version = (rest or ""):match("^(/?%x*)(!?)(@?%d*)$")
  if not written or not there or (there ~= "" and not there:find("^/%x")) or version == "@" then return nil end
  if version ~= "" and not version:find("^@") then return nil end
  return {
    written = written, there = there ~= "" and there:sub(2) or written, refused = mark == "!",
    version = math.tointeger(tonumber(version:sub(2))),
  }
end

--- The text of an entry.
---@param entry anyreach.field_entry
---@return string
function field_digests.format(entry)
  return entry.written .. (entry.there ~= entry.written and "/" .. entry.there or "") .. (entry.refused and "!" or "")
    .. (entry.version and "@" .. entry.version or "")
end

--- True when the digest of an entry is that of a secret.
---@param entry anyreach.field_entry
---@return boolean
function field_digests.is_of_secret(entry)
  return #entry.written == SECRET_LENGTH
end

local NOTHING = digest_of(json.null, "", false, "")

--- The entry of a value that the organisation added.
---@param there string digest
---@return anyreach.field_entry
function field_digests.addition(there)
  return { written = NOTHING, there = there, refused = false }
end

--- True for a value that the organisation has though nothing, or null, was written there.
---@param entry anyreach.field_entry
---@return boolean
function field_digests.is_addition(entry)
  return entry.written == NOTHING and entry.there ~= NOTHING and not entry.refused
end

--- The entries of a row of the lock, by path; those that are malformed are left out.
---@param fields table<string, string>|nil
---@return table<string, anyreach.field_entry>
function field_digests.entries(fields)
  local found = {}
  for path, text in pairs(fields or {}) do found[path] = field_digests.parse(text) end
  return found
end

--- What the lock notes of values that are settled: what the file says, and what the organisation has.
---@param wanted table as the file has it, with ids in place of references
---@param there table
---@param agent_id string
---@return table<string, string> fields
function field_digests.note(wanted, there, agent_id)
  local fields = {}
  for _, leaf in ipairs(field_digests.leaves(wanted)) do
    fields[leaf.path] = field_digests.format {
      written = field_digests.of_leaf(leaf, agent_id),
      there = field_digests.of_place(there, leaf.path, leaf.is_secret, agent_id),
    }
  end
  return fields
end

-- }======

return field_digests
