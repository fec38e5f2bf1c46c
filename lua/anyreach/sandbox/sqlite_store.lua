-- The store of the sandbox's server: a SandboxStore (store.lua) in one SQLite table, in memory or in a file.
-- Documents are kept as JSON text; lookups.lua finds them by what they say.
--
-- Every request runs in one transaction, which is committed before the request is answered. The clock is kept
-- with the documents.

local json = require "anyreach.json"
local sqlite = require "anyreach.sqlite"
local checks = require "anyreach.sandbox.checks"
local Sequence = require "anyreach.sandbox.sequence"
local lookups = require "anyreach.sandbox.lookups"

local Store = {}
Store.__index = Store

local FORMAT = 2 -- of the file, kept as its user_version
local BATCH = 50 -- rows that each() reads at a time
local ENOENT = 2
local LATEST = "~" -- after every time stamp

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

-- Indexes are no part of the format: a file without them gets them here. Earlier programs made one that refused two
-- documents of the same time, and others on what the documents say.
local function create_indexes(database)
  database:execute [[
DROP INDEX IF EXISTS documents_by_age;
DROP INDEX IF EXISTS conversations_by_agent_id;
DROP INDEX IF EXISTS phone_numbers_by_inbound_agent_version_id;
DROP INDEX IF EXISTS phone_numbers_by_outbound_agent_version_id;
DROP INDEX IF EXISTS web_widgets_by_agent_id;
CREATE INDEX IF NOT EXISTS documents_by_time ON documents (collection, organization, parent, created_at, id)]]
  lookups.prepare(database)
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

-- Why a file cannot be used: what the system says, where SQLite is vague.
local function reason(path, message)
  message = message:gsub("^sqlite: ", ""):gsub(" %(in: .*", "")
  if message:find("^expected a file") then return message end
  local file, problem, code = io.open(path, "r+b")
  if file then file:close() end
  if file or code == ENOENT then return message end
  return (problem:gsub("^.*: ", ""))
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
  error(("sandbox: cannot use %s: %s"):format(path, reason(path, message)), 0)
end

---@param path string? a file, created when missing; nil keeps everything in memory
---@param seed string? makes ids and time stamps repeatable
---@return table store
function Store.open(path, seed)
  local database = open_database(path or ":memory:")
  create_indexes(database)
  local store = setmetatable({
    database = database, path = path or "memory", sequence = Sequence.new(database, seed), created = {},
  }, Store)
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

-- What SQLite says when it cannot write.
local UNWRITABLE = {
  ["database or disk is full"] = "the disk is full",
  ["disk I/O error"] = "disk I/O error",
  ["attempt to write a readonly database"] = "the file may only be read",
}

-- A refusal when that is why the transaction failed, or what it raised.
local function explain(store, problem)
  local said = type(problem) == "string" and UNWRITABLE[problem:match("sqlite: (.-) %(in: ")]
  if not said then return problem end
  return select(2, pcall(checks.refuse, 507, "sandbox: cannot write to %s: %s", store.path, said))
end

-- The clock is kept with the documents: after a restart it goes on where it stood.
local function commit(store)
  store.database:run("UPDATE clock SET last = ?1 WHERE last < ?1", store.sequence.last)
  store.database:run("COMMIT")
end

-- Keeps what was done. A read is answered even when that cannot be: then what was played for it did not happen.
local function finish(store, result, is_read)
  local ok, problem = pcall(commit, store)
  if ok then return true, result end
  pcall(store.database.run, store.database, "ROLLBACK") -- SQLite itself may have undone it already
  return is_read, is_read and result or problem
end

---Runs the action; what it did is kept, durably, when it returns, and undone when it raises.
---`created` then lists what it added.
---@param action fun(): any
---@param is_read boolean? its result matters, whether what it did is kept or not
---@return boolean ok
---@return any result of the action, or what it raised; a SandboxRefusal when the file cannot be written
function Store:transaction(action, is_read)
  self.created = {}
  self.database:run("BEGIN IMMEDIATE")
  local ok, result = pcall(action)
  if ok then
    ok, result = finish(self, result, is_read)
  else
    pcall(self.database.run, self.database, "ROLLBACK")
  end
  if ok then return true, result end
  self.created = {}
  return false, explain(self, result)
end

---Forgets every document, and with a seed starts the sequence anew. Call it within a transaction.
function Store:clear()
  self.database:run("DELETE FROM documents")
  self.database:run("DELETE FROM bytes")
  self.database:run("UPDATE clock SET last = 0")
  self.sequence:continue_after(0)
end

-- {====== one document ======

function Store:add(collection, id, document, keys)
  self.database:run("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", collection, id, keys.organization,
    keys.parent or "", keys.alias, document.created_at, json.encode(document))
  self.created[#self.created + 1] = { collection = collection, id = id }
end

function Store:save(collection, id, document)
  local changed = self.database:run("UPDATE documents SET document = ? WHERE collection = ? AND id = ?",
    json.encode(document), collection, id)
  assert(changed > 0, "save of a document that is not stored")
end

function Store:set_alias(collection, id, alias)
  self.database:run("UPDATE documents SET alias = ? WHERE collection = ? AND id = ?", alias, collection, id)
end

local function first(rows)
  return rows[1] and json.decode(rows[1].document)
end

function Store:get(collection, organization, id)
  return first(self.database:query(
    "SELECT document FROM documents WHERE collection = ? AND id = ? AND organization = ?",
    collection, id, organization))
end

function Store:is_taken(collection, id)
  return #self.database:query("SELECT 1 FROM documents WHERE collection = ? AND id = ?", collection, id) > 0
end

function Store:owner(collection, id)
  local row = self.database:query("SELECT organization FROM documents WHERE collection = ? AND id = ?",
    collection, id)[1]
  return row and row.organization
end

function Store:find(collection, organization, parent, alias)
  return first(self.database:query(
    "SELECT document FROM documents WHERE collection = ? AND organization = ? AND parent = ? AND alias = ?",
    collection, organization, parent, alias))
end

function Store:remove(collection, organization, id)
  self.database:run("DELETE FROM documents WHERE collection = ? AND organization = ? AND id = ?",
    collection, organization, id)
end

function Store:put_bytes(id, bytes)
  self.database:run("INSERT OR REPLACE INTO bytes VALUES (?, ?)", id, bytes)
end

function Store:get_bytes(id)
  local row = self.database:query("SELECT bytes FROM bytes WHERE id = ?", id)[1]
  return row and row.bytes
end

function Store:remove_bytes(id)
  self.database:run("DELETE FROM bytes WHERE id = ?", id)
end

-- }======

-- {====== many documents ======

-- Iterates over documents, newest first, of what read(time, id) gives: a batch of rows behind that place.
local function iterate(read, time)
  local rows, index, id = nil, 0, ""
  return function()
    index = index + 1
    if not rows or (index > #rows and #rows == BATCH) then rows, index = read(time, id), 1 end
    local row = rows[index]
    if not row then return nil end
    time, id = row.created_at, row.id
    return json.decode(row.document), id
  end
end

local ALL = { from = "documents d", of_from = {}, where = "", of_where = {}, place = "d" } -- a plan

-- Texts that a document holds which matches the hints; they spare reading the others.
local function words_of(hints)
  local words = {}
  for _, field in pairs(hints.holding or {}) do words[#words + 1] = lookups.word(field) end
  for _, value in pairs(hints.having or {}) do
    if type(value) == "string" then words[#words + 1] = lookups.word(value) end
  end
  return words
end

-- Each word adds a condition, and takes a parameter.
local function select_range(plan, condition, words)
  local sql = [[
SELECT d.id, d.created_at, d.document FROM {from}
WHERE d.collection = ? AND d.organization = ?{condition}{where}
AND ({place}.created_at, {place}.id) < (?, ?) AND {place}.created_at >= ?]]
    .. (" AND instr(lower(d.document), lower(?)) > 0"):rep(#words)
    .. " ORDER BY {place}.created_at DESC, {place}.id DESC LIMIT " .. BATCH
  return (sql:gsub("{(%w+)}", { from = plan.from, where = plan.where, place = plan.place, condition = condition }))
end

local function append(list, values)
  return table.move(values, 1, #values, #list + 1, list)
end

function Store:each(collection, organization, parent, range)
  range = range or {}
  local hints = range.hints or {}
  local plan = lookups.plan(self.database, collection, organization, hints) or ALL
  local words, fixed = words_of(hints), append({}, plan.of_from)
  local sql = select_range(plan, " AND d.parent = ?", words)
  append(append(fixed, { collection, organization, parent or "" }), plan.of_where)
  return iterate(function(time, id)
    local parameters = append(append(append({}, fixed), { time, id, range.from or "" }), words)
    return self.database:query(sql, table.unpack(parameters))
  end, range.before or LATEST)
end

function Store:each_with(collection, organization, field, value)
  local plan = lookups.plan(self.database, collection, organization, { having = { [field] = value } }) or ALL
  local sql = select_range(plan, (" AND json_extract(d.document, '$.%s') = ?"):format(field), {})
  local fixed = append({ collection, organization, value }, plan.of_where)
  return iterate(function(time, id)
    return self.database:query(sql, table.unpack(append(append({}, fixed), { time, id, "" })))
  end, LATEST)
end

-- }======

return Store
