-- Where the rules keep documents: the interface by which they know a store, and the plainest store that has
-- it, in Lua tables. The sandbox's server keeps them in SQLite (sqlite_store.lua), with the same answers.
--
-- A document has an id that is unique in its collection, an organisation that alone can see it, perhaps a
-- parent (the agent of a version) and perhaps an alias that is unique under that parent (the number of a
-- version). What a store gives is the caller's own: changing it changes nothing until it is saved, and what was
-- stored comes back value by value. Bytes that are no document, such as those of a file, are kept apart.
--
-- Lists are in the order of created_at, newest first, then of the id, the highest first.

local json = require "anyreach.json"

---@class SandboxStore
---@field add fun(self, collection: string, id: string, document: table, keys: SandboxKeys) adds a document, which
---  must carry created_at; the id must be free in the collection, over all organisations
---@field save fun(self, collection: string, id: string, document: table) replaces the content of a stored document
---@field set_alias fun(self, collection: string, id: string, alias: string?) gives it another alias, or none
---@field remove fun(self, collection: string, organization: string, id: string) does nothing when it is not there
---@field get fun(self, collection: string, organization: string?, id: string): table? a document
---@field find fun(self, collection: string, organization: string, parent: string, alias: string): table? a document
---  by its alias; the parent is "" where there is none
---@field is_taken fun(self, collection: string, id: string): boolean true when any organisation has that id
---@field owner fun(self, collection: string, id: string): string? the organisation that has it, for those who have
---  no credential
---@field each fun(self, collection: string, organization: string, parent: string?, range: SandboxRange?):
---  (fun(): table?, string?) iterates over documents and their ids; without a parent over those that have none. The
---  loop's body may save and remove the document it is at, and add others
---@field each_with fun(self, collection: string, organization: string, field: string, value: string):
---  (fun(): table?, string?) the same, over all with this value in a field: one of those in `store.INDEXED`
---@field put_bytes fun(self, id: string, bytes: string) keeps bytes; they replace what was there
---@field get_bytes fun(self, id: string): string?
---@field remove_bytes fun(self, id: string)

---@class SandboxKeys
---@field organization string
---@field parent string?
---@field alias string?

---@class SandboxRange
---@field from string? only documents created then or later
---@field before string? only documents created earlier
---@field hints SandboxHints? a store may leave out documents that do not match them, and may give them nevertheless

---What the caller is going to hold each document against.
---@class SandboxHints
---@field holding table<string, string>? field -> a text that it contains, upper and lower case being the same
---@field having table<string, any>? field -> a value that it equals or, as JSON, contains

local store = {}

---Collection -> fields by whose values it is searched, those of each_with() among them.
store.INDEXED = {
  agents = { "metadata" },
  conversations = { "agent_id", "agent_version_id", "custom_metadata", "user_id", "web_widget_id" },
  phone_numbers = { "inbound_agent_version_id", "outbound_agent_version_id", "trunk_id" },
  web_widgets = { "agent_id" },
}

---Collection -> fields that are searched for a part of their text.
store.SEARCHED = {
  agents = { "name" },
  campaigns = { "name" },
  conversations = { "agent_number", "user_id" },
  phone_numbers = { "phone_number" },
  trunks = { "name" },
}

-- A row is never changed, only replaced: { id, organization, parent, alias, created_at, text }.
local TableStore = {}
TableStore.__index = TableStore

---An empty store in Lua tables. It has what the sandbox itself needs beside SandboxStore: transaction, created,
---clear, is_empty, close.
---@param sequence table? where the sandbox gets ids and times (sequence.lua)
---@return SandboxStore
function store.new(sequence)
  return setmetatable({ rows = {}, bytes = {}, created = {}, sequence = sequence }, TableStore)
end

-- {====== changing and undoing ======

-- Puts a value (nil: none) under a key, and notes how to undo it within a transaction.
local function put(self, table, key, value)
  local earlier, undo = table[key], self.undo
  if undo then undo[#undo + 1] = function() table[key] = earlier end end
  table[key] = value
end

---Runs the action; what it did is undone when it raises. `created` then lists what it added. The action may yield.
---@param action fun(): any
---@return boolean ok
---@return any result of the action, or what it raised
function TableStore:transaction(action)
  self.created, self.undo = {}, {}
  local ok, result = pcall(action)
  local undo = self.undo
  self.undo = nil
  if not ok then
    self.created = {}
    for index = #undo, 1, -1 do undo[index]() end
  end
  return ok, result
end

function TableStore:clear()
  put(self, self, "rows", {})
  put(self, self, "bytes", {})
  if self.sequence then self.sequence:continue_after(0) end
end

function TableStore:is_empty()
  for _, rows in pairs(self.rows) do
    if next(rows) then return false end
  end
  return true
end

function TableStore.close() end

-- }======

-- {====== one document ======

local function rows_of(self, collection)
  if not self.rows[collection] then put(self, self.rows, collection, {}) end
  return self.rows[collection]
end

-- The row with one field changed.
local function replace(self, collection, id, field, value)
  local rows = rows_of(self, collection)
  local row = assert(rows[id], "change of a document that is not stored")
  local copy = {}
  for name, member in pairs(row) do copy[name] = member end
  copy[field] = value
  put(self, rows, id, copy)
end

local function decode(row)
  return row and json.decode(row.text)
end

local function find_row(self, collection, organization, parent, alias)
  for _, row in pairs(rows_of(self, collection)) do
    if row.alias == alias and row.parent == parent and row.organization == organization then return row end
  end
end

local function refuse_second_alias(self, collection, id, keys)
  local other = keys.alias and find_row(self, collection, keys.organization, keys.parent or "", keys.alias)
  assert(not other or other.id == id, "a second document with the same alias")
end

function TableStore:add(collection, id, document, keys)
  local rows = rows_of(self, collection)
  assert(not rows[id], "a second document with the same id")
  refuse_second_alias(self, collection, id, keys)
  put(self, rows, id, {
    id = id,
    organization = keys.organization,
    parent = keys.parent or "",
    alias = keys.alias,
    created_at = document.created_at,
    text = json.encode(document),
  })
  self.created[#self.created + 1] = { collection = collection, id = id }
end

function TableStore:save(collection, id, document)
  replace(self, collection, id, "text", json.encode(document))
end

function TableStore:set_alias(collection, id, alias)
  local row = rows_of(self, collection)[id]
  refuse_second_alias(self, collection, id, { organization = row.organization, parent = row.parent, alias = alias })
  replace(self, collection, id, "alias", alias)
end

local function own_row(self, collection, organization, id)
  local row = rows_of(self, collection)[id]
  return row and row.organization == organization and row or nil
end

function TableStore:remove(collection, organization, id)
  if own_row(self, collection, organization, id) then put(self, rows_of(self, collection), id, nil) end
end

function TableStore:get(collection, organization, id)
  return decode(own_row(self, collection, organization, id))
end

function TableStore:find(collection, organization, parent, alias)
  return decode(find_row(self, collection, organization, parent, alias))
end

function TableStore:is_taken(collection, id)
  return rows_of(self, collection)[id] ~= nil
end

function TableStore:owner(collection, id)
  local row = rows_of(self, collection)[id]
  return row and row.organization
end

function TableStore:put_bytes(id, bytes)
  put(self, self.bytes, id, bytes)
end

function TableStore:get_bytes(id)
  return self.bytes[id]
end

function TableStore:remove_bytes(id)
  put(self, self.bytes, id, nil)
end

-- }======

-- {====== many documents ======

local function is_newer(first, second)
  if first.created_at ~= second.created_at then return first.created_at > second.created_at end
  return first.id > second.id
end

-- Iterates over the rows that match now, as they are when their turn comes.
local function iterate(self, collection, matches)
  local found, index = {}, 0
  for _, row in pairs(rows_of(self, collection)) do
    if matches(row) then found[#found + 1] = row end
  end
  table.sort(found, is_newer)
  return function()
    while true do
      index = index + 1
      if not found[index] then return nil end
      local row = rows_of(self, collection)[found[index].id]
      if row then return decode(row), row.id end
    end
  end
end

function TableStore:each(collection, organization, parent, range)
  range, parent = range or {}, parent or ""
  return iterate(self, collection, function(row)
    return row.organization == organization and row.parent == parent
      and (not range.from or row.created_at >= range.from) and (not range.before or row.created_at < range.before)
  end)
end

function TableStore:each_with(collection, organization, field, value)
  return iterate(self, collection, function(row)
    return row.organization == organization and decode(row)[field] == value
  end)
end

-- }======

return store
