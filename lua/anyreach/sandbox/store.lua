-- The store under the rules: JSON documents in collections, in one SQLite table. The rules know
-- nothing of SQL, and whatever offers these methods can stand in for it.
--
-- A document has an id that is unique in its collection, an organisation that alone can see it,
-- perhaps a parent (the agent of a version) and perhaps an alias that is unique under that parent
-- (the number of a version). Documents are kept as JSON text, so that what was stored comes back
-- value by value. Bytes that are no document, such as those of a file, stand in a table of their own.
--
-- Every request runs in one transaction, which is committed before the request is answered.

local json = require "anyreach.json"
local sqlite = require "anyreach.sqlite"
local Sequence = require "anyreach.sandbox.sequence"

local Store = {}
Store.__index = Store

local FORMAT = 2 -- of the file, kept as its user_version
local BATCH = 50 -- rows that each() reads at a time
local LATEST = "~" -- after every time stamp

-- Collection -> fields by which each_with() finds its documents.
local INDEXED = {
  conversations = { "agent_id" },
  phone_numbers = { "inbound_agent_version_id", "outbound_agent_version_id" },
  web_widgets = { "agent_id" },
}

local SCHEMA = [[
CREATE TABLE documents (
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  organization TEXT NOT NULL,
  parent TEXT NOT NULL,
  alias TEXT,
  created_at TEXT NOT NULL,
  document TEXT NOT NULL,
  UNIQUE (collection, id)
);
CREATE UNIQUE INDEX documents_by_alias ON documents (collection, organization, parent, alias);
CREATE UNIQUE INDEX documents_by_age ON documents (collection, organization, parent, created_at);
CREATE TABLE bytes (
  id TEXT PRIMARY KEY,
  bytes BLOB NOT NULL
);
CREATE TABLE clock (last INTEGER NOT NULL);
INSERT INTO clock VALUES (0);
]]

local function refuse_foreign_file(database, path)
  local tables = database:query("SELECT name FROM sqlite_master")
  if #tables == 0 then return end
  database:close()
  error(("sandbox: %s belongs to another program; expected a new file or one that the sandbox made"):format(path), 0)
end

-- An index on what the documents say. It is no part of the format: a file without it gets it here.
local function create_index(database, collection, field)
  database:execute(([[CREATE INDEX IF NOT EXISTS %s_by_%s
ON documents (organization, json_extract(document, '$.%s'), created_at) WHERE collection = '%s']]):format(
    collection, field, field, collection))
end

local function create_indexes(database)
  for collection, fields in pairs(INDEXED) do
    for _, field in ipairs(fields) do create_index(database, collection, field) end
  end
end

-- Creates the tables in a new file. Writing at once also takes the lock of an exclusive database,
-- so that a file in use is noticed at start.
local function prepare(database, path)
  local format = database:query("PRAGMA user_version")[1].user_version
  if format == 0 then
    refuse_foreign_file(database, path)
    database:execute("BEGIN IMMEDIATE;" .. SCHEMA .. ("PRAGMA user_version = %d; COMMIT"):format(FORMAT))
    return
  end
  if format ~= FORMAT then
    database:close()
    error(("sandbox: %s has format %d; this program knows format %d"):format(path, format, FORMAT), 0)
  end
  database:execute("BEGIN IMMEDIATE; UPDATE clock SET last = last; COMMIT")
end

local function open_database(path)
  local ok, database = pcall(sqlite.open, path, { exclusive = true, busy_timeout = 200 })
  if ok then
    local prepared, problem = pcall(prepare, database, path)
    if prepared then return database end
    database:close()
    database = problem
  end
  local message = tostring(database)
  if message:find("database is locked", 1, true) then
    error(("sandbox: %s is in use by another process"):format(path), 0)
  elseif message:find("^sandbox: ") then
    error(message, 0)
  end
  error(("sandbox: cannot use %s: %s"):format(path, message), 0)
end

---@param path string? a file, created when missing; nil keeps everything in memory
---@param seed string? makes ids and time stamps repeatable
---@return table store
function Store.open(path, seed)
  local database = open_database(path or ":memory:")
  create_indexes(database)
  local store = setmetatable({ database = database, sequence = Sequence.new(database, seed), created = {} }, Store)
  store.sequence:continue_after(database:query("SELECT last FROM clock")[1].last)
  return store
end

---True when it holds nothing yet.
function Store:is_empty()
  return #self.database:query("SELECT 1 FROM documents LIMIT 1") == 0
end

function Store:close()
  self.database:close()
end

-- The clock is kept with the documents: after a restart it goes on where it stood.
local function commit(store)
  store.database:run("UPDATE clock SET last = ?1 WHERE last < ?1", store.sequence.last)
  store.database:run("COMMIT")
end

---Runs the action; what it did is kept, durably, when it returns, and undone when it raises.
---`created` then lists what it added.
---@param action fun(): any
---@return boolean ok
---@return any result of the action, or what it raised
function Store:transaction(action)
  self.created = {}
  self.database:run("BEGIN IMMEDIATE")
  local ok, result = pcall(function()
    local value = action()
    commit(self)
    return value
  end)
  if not ok then
    self.created = {}
    pcall(self.database.run, self.database, "ROLLBACK") -- SQLite itself may have undone it already
  end
  return ok, result
end

---Forgets every document, and with a seed starts the sequence anew. Call it within a transaction.
function Store:clear()
  self.database:run("DELETE FROM documents")
  self.database:run("DELETE FROM bytes")
  self.database:run("UPDATE clock SET last = 0")
  self.sequence:continue_after(0)
end

---A time stamp later than every earlier one.
function Store:now()
  return self.sequence:now()
end

---A new UUID.
function Store:new_id()
  return self.sequence:id()
end

---Adds a document, which must carry created_at.
---@param collection string
---@param id string unique in the collection, over all organisations
---@param document table
---@param keys { organization: string, parent: string?, alias: string? }
function Store:add(collection, id, document, keys)
  self.database:run("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", collection, id, keys.organization,
    keys.parent or "", keys.alias, document.created_at, json.encode(document))
  self.created[#self.created + 1] = { collection = collection, id = id }
end

---Replaces the content of a document.
function Store:save(collection, id, document)
  local changed = self.database:run("UPDATE documents SET document = ? WHERE collection = ? AND id = ?",
    json.encode(document), collection, id)
  assert(changed == 1, "save of a document that is not stored")
end

---Gives a document another alias, or none.
---@param alias string?
function Store:set_alias(collection, id, alias)
  self.database:run("UPDATE documents SET alias = ? WHERE collection = ? AND id = ?", alias, collection, id)
end

local function first(rows)
  return rows[1] and json.decode(rows[1].document)
end

---@return table? document
function Store:get(collection, organization, id)
  return first(self.database:query(
    "SELECT document FROM documents WHERE collection = ? AND id = ? AND organization = ?",
    collection, id, organization))
end

---True when any organisation holds that id.
function Store:is_taken(collection, id)
  return #self.database:query("SELECT 1 FROM documents WHERE collection = ? AND id = ?", collection, id) > 0
end

---The organisation that holds that id, for those who have no credential to tell it.
---@return string? organization
function Store:owner(collection, id)
  local row = self.database:query("SELECT organization FROM documents WHERE collection = ? AND id = ?",
    collection, id)[1]
  return row and row.organization
end

---@return table? document
function Store:find(collection, organization, parent, alias)
  return first(self.database:query(
    "SELECT document FROM documents WHERE collection = ? AND organization = ? AND parent = ? AND alias = ?",
    collection, organization, parent, alias))
end

function Store:remove(collection, organization, id)
  self.database:run("DELETE FROM documents WHERE collection = ? AND organization = ? AND id = ?",
    collection, organization, id)
end

---Keeps bytes under an id; they replace what was there.
---@param id string
---@param bytes string
function Store:put_bytes(id, bytes)
  self.database:run("INSERT OR REPLACE INTO bytes VALUES (?, ?)", id, bytes)
end

---@return string? bytes
function Store:get_bytes(id)
  local row = self.database:query("SELECT bytes FROM bytes WHERE id = ?", id)[1]
  return row and row.bytes
end

function Store:remove_bytes(id)
  self.database:run("DELETE FROM bytes WHERE id = ?", id)
end

-- {====== many documents ======

-- Iterates over documents, newest first, of what read(before) gives: a batch of rows older than that.
local function iterate(read, before)
  local rows, index = nil, 0
  return function()
    index = index + 1
    if not rows or (index > #rows and #rows == BATCH) then rows, index = read(before), 1 end
    local row = rows[index]
    if not row then return nil end
    before = row.created_at
    return json.decode(row.document), row.id
  end
end

-- Each word adds a condition, and takes a parameter.
local function select_range(words)
  return [[
SELECT id, created_at, document FROM documents
WHERE collection = ? AND organization = ? AND parent = ? AND created_at < ? AND created_at >= ?]]
    .. (" AND instr(lower(document), lower(?)) > 0"):rep(#words) .. " ORDER BY created_at DESC LIMIT " .. BATCH
end

---@class SandboxRange
---@field from string? only documents created then or later
---@field before string? only documents created earlier
---@field words string[]? only documents whose JSON holds these texts, upper and lower case being the same

---Iterates over the documents of a collection, newest first. The loop's body may save and remove
---the document it is at.
---@param collection string
---@param organization string
---@param parent string? nil: those without a parent
---@param range SandboxRange?
---@return fun(): table?, string? next document and id
function Store:each(collection, organization, parent, range)
  range = range or {}
  local words = range.words or {}
  local sql = select_range(words)
  return iterate(function(before)
    return self.database:query(sql, collection, organization, parent or "", before, range.from or "",
      table.unpack(words))
  end, range.before or LATEST)
end

---Iterates over the documents of a collection with this value in a field, newest first.
---@param collection string
---@param organization string
---@param field string one of those that INDEXED names
---@param value string
---@return fun(): table?, string? next document and id
function Store:each_with(collection, organization, field, value)
  local sql = ([[
SELECT id, created_at, document FROM documents
WHERE collection = '%s' AND organization = ? AND json_extract(document, '$.%s') = ? AND created_at < ?
ORDER BY created_at DESC LIMIT %d]]):format(collection, field, BATCH)
  return iterate(function(before) return self.database:query(sql, organization, value, before) end, LATEST)
end

-- }======

return Store
