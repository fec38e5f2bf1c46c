-- How the store in SQLite finds documents by what they say, without reading all of them: two tables that triggers
-- keep in step with the documents.
--
--   parts    pieces of the texts that lists search for a part of: each fourth position of the text in lower case, and
--            what stands there. A text that holds another one has a piece there that begins as the other one does from
--            one of its first four characters on.
--   leaves   fields that lists hold against a value, and all strings and numbers inside those that they search for
--            contents of; in the order of time.
--
-- Both only narrow down: what they give may still not match, what they do not give does not. They are no part of the
-- file's format: a file that lacks them, or has them of other fields, gets them when it is opened.

local json = require "anyreach.json"
local interface = require "anyreach.sandbox.store"

local lookups = {}

local STEP = 4 -- positions between two pieces of a text
local PIECE = 16 -- bytes of one
local LONGEST_TEXT = 2000 -- bytes that are taken to pieces; a longer text has one piece, a byte 0, which always counts
local LONGEST_VALUE = 200 -- characters that are kept of a string
local FEW = 50 -- documents that are worth no further thought
local MANY = 1000 -- documents from which on it is better to go through the list

-- {====== keeping them ======

-- The pieces of all texts that a SELECT gives as (name, id, text).
local function pieces_of(texts)
  return ([[
SELECT name, piece, id FROM (
  WITH RECURSIVE texts(name, id, text) AS (%s), walk(name, id, text, at) AS (
    SELECT name, id, CASE WHEN length(text) > %d THEN x'00' ELSE text END, 1 FROM texts WHERE text IS NOT NULL
    UNION ALL SELECT name, id, text, at + %d FROM walk WHERE at + %d <= length(text)
  ) SELECT name, id, substr(text, at, %d) AS piece FROM walk)]]):format(texts, LONGEST_TEXT, STEP, STEP, PIECE)
end

-- Of a row of `documents` and one of `fields`.
local TEXT_OF = "CAST(lower(%s.document -> f.path) AS BLOB)"
local VALUE_OF = ("CASE t.type WHEN 'text' THEN substr(t.atom, 1, %d) ELSE t.atom END"):format(LONGEST_VALUE)
local KEY_OF = "CASE WHEN t.parent IS NULL THEN '' ELSE t.key END" -- "" of the field itself
local LEAF_OF = "f.kind = 'leaves' AND t.type IN ('text', 'integer', 'real', 'true', 'false')"

-- Fields of the row `new` or `old` of a trigger; `condition` leaves some out.
local function texts_of_row(row, condition)
  return ("SELECT f.name, %s.id, %s FROM fields f WHERE f.kind = 'parts' AND f.collection = %s.collection%s"):format(
    row, TEXT_OF:format(row), row, condition)
end

local function leaves_of_row(row, condition)
  return ([[
SELECT f.name, %s.organization, %s, %s, %s.created_at, %s.id FROM fields f, json_tree(%s.document, f.path) t
WHERE %s AND f.collection = %s.collection%s]]):format(row, KEY_OF, VALUE_OF, row, row, row, LEAF_OF, row, condition)
end

local function insertion(condition)
  return ("INSERT OR IGNORE INTO parts %s; INSERT OR IGNORE INTO leaves %s;"):format(
    pieces_of(texts_of_row("new", condition)), leaves_of_row("new", condition))
end

local function deletion(condition)
  return ([[
DELETE FROM parts WHERE (name, part, id) IN (%s);
DELETE FROM leaves WHERE (name, organization, key, value, created_at, id) IN (%s);]]):format(
    pieces_of(texts_of_row("old", condition)), leaves_of_row("old", condition))
end

local CHANGED = " AND (old.document -> f.path) IS NOT (new.document -> f.path)"

-- All of a file that has documents already.
local FILL = ([[
INSERT OR IGNORE INTO parts %s;
INSERT OR IGNORE INTO leaves
SELECT f.name, d.organization, %s, %s, d.created_at, d.id
FROM documents d JOIN fields f ON f.collection = d.collection, json_tree(d.document, f.path) t WHERE %s;]]):format(
  pieces_of("SELECT f.name, d.id, " .. TEXT_OF:format("d")
    .. " FROM documents d JOIN fields f ON f.collection = d.collection WHERE f.kind = 'parts'"),
  KEY_OF, VALUE_OF, LEAF_OF)

local TABLES = [[
DROP TABLE IF EXISTS fields;
DROP TABLE IF EXISTS parts;
DROP TABLE IF EXISTS leaves;
DROP TRIGGER IF EXISTS lookups_insert;
DROP TRIGGER IF EXISTS lookups_update;
DROP TRIGGER IF EXISTS lookups_delete;
CREATE TABLE fields (collection TEXT, kind TEXT, name TEXT, path TEXT, PRIMARY KEY (collection, name)) WITHOUT ROWID;
CREATE TABLE parts (name TEXT, part BLOB, id TEXT, PRIMARY KEY (name, part, id)) WITHOUT ROWID;
CREATE TABLE leaves (name TEXT, organization TEXT, key, value, created_at TEXT, id TEXT,
  PRIMARY KEY (name, organization, key, value, created_at, id)) WITHOUT ROWID;
]]

-- The rows of `fields`: { collection, kind, field }, in a fixed order.
local function wanted_fields()
  local list = {}
  for kind, collections in pairs { parts = interface.SEARCHED, leaves = interface.INDEXED } do
    for collection, fields in pairs(collections) do
      for _, field in ipairs(fields) do list[#list + 1] = { collection, kind, field } end
    end
  end
  table.sort(list, function(a, b) return table.concat(a, ".") < table.concat(b, ".") end)
  return list
end

local function name_of(collection, kind, field)
  return ("%s.%s.%s"):format(collection, kind, field)
end

-- SQL that makes all anew; it is the same whenever the fields are, and so tells whether a file has it.
local function definition(fields)
  local rows, collections, seen = {}, {}, {}
  for index, row in ipairs(fields) do
    local collection, kind, field = table.unpack(row)
    rows[index] = ("('%s', '%s', '%s', '$.%s')"):format(collection, kind, name_of(collection, kind, field), field)
    if not seen[collection] then collections[#collections + 1] = ("'%s'"):format(collection) end
    seen[collection] = true
  end
  local among = table.concat(collections, ", ")
  return table.concat {
    TABLES,
    "INSERT INTO fields VALUES ", table.concat(rows, ", "), ";",
    "CREATE TRIGGER lookups_insert AFTER INSERT ON documents WHEN new.collection IN (", among, ") BEGIN ",
    insertion "", " END;",
    "CREATE TRIGGER lookups_update AFTER UPDATE OF document ON documents WHEN new.collection IN (", among, ") BEGIN ",
    deletion(CHANGED), insertion(CHANGED), " END;",
    "CREATE TRIGGER lookups_delete AFTER DELETE ON documents WHEN old.collection IN (", among, ") BEGIN ",
    deletion "", " END;",
    FILL,
  }
end

-- What the file has been given.
local function noted(database)
  local has = #database:query("SELECT 1 FROM sqlite_master WHERE name = 'lookups'") > 0
  return has and database:query("SELECT definition FROM lookups")[1].definition
end

---Makes the tables, unless the file has them as they are to be.
---@param database table
function lookups.prepare(database)
  local sql = definition(wanted_fields())
  if noted(database) == sql then return end
  database:execute("BEGIN IMMEDIATE; DROP TABLE IF EXISTS lookups; CREATE TABLE lookups (definition TEXT);" .. sql)
  database:run("INSERT INTO lookups VALUES (?)", sql)
  database:execute "COMMIT"
end

-- }======

-- {====== using them ======

---@class SandboxPlan
---@field from string what documents, `d`, are taken from
---@field of_from any[] its parameters
---@field where string conditions that begin with AND, or ""
---@field of_where any[] their parameters
---@field place string the table whose created_at and id give the order

local ONE_RANGE = "SELECT id FROM parts WHERE name = ? AND part >= CAST(? AS BLOB) AND part <= CAST(? AS BLOB)"
local RANGES = ONE_RANGE .. (" UNION " .. ONE_RANGE):rep(STEP) -- the last one for texts that are too long
local COUNT = ("SELECT count(*) AS count FROM (%s LIMIT ?)"):format(RANGES:gsub("UNION", "UNION ALL"))
local END = ("\xFF"):rep(PIECE) -- after every piece that begins with what stands before it

local function append(list, values)
  return table.move(values, 1, #values, #list + 1, list)
end

-- The ranges of pieces of which a text has one that holds what stands in `part` from a place on.
local function ranges_at(name, part, place)
  local parameters = {}
  for offset = 0, STEP - 1 do
    local first = part:sub(place + offset, place + offset + PIECE - 1)
    append(parameters, { name, first, first .. END })
  end
  return append(parameters, { name, "\0", "\0" })
end

-- The ranges for several places that together show all of a text, its end first: names often differ there. None when
-- it is too short.
local function choices_of(name, part)
  local width, list = PIECE + STEP - 1, {}
  if #part < STEP then return list end
  for place = #part - width + 1, 2, 1 - PIECE do list[#list + 1] = ranges_at(name, part, place) end
  list[#list + 1] = ranges_at(name, part, 1)
  return list
end

-- The one of several choices that gives the fewest documents, and how many, up to MANY. One that gives few will do, and
-- counting to a few is cheap. `count` counts those of a choice up to a limit.
local function fewest(choices, count)
  for _, choice in ipairs(choices) do
    local found = count(choice, FEW + 1)
    if found <= FEW then return choice, found end
  end
  local best, least
  for _, choice in ipairs(choices) do
    local found = count(choice, MANY)
    if not least or found < least then best, least = choice, found end
  end
  return best, least
end

local function plan_by_part(database, collection, texts)
  for _, field in ipairs(interface.SEARCHED[collection] or {}) do
    local part = texts and texts[field] and lookups.word(texts[field]):lower() or ""
    local choices = choices_of(name_of(collection, "parts", field), part)
    local ranges, count = fewest(choices, function(ranges, limit)
      return database:query(COUNT, table.unpack(append(append({}, ranges), { limit })))[1].count
    end)
    if ranges and count < MANY then
      return { from = ("(%s) p CROSS JOIN documents d ON d.id = p.id"):format(RANGES), of_from = ranges,
        where = "", of_where = {}, place = "d" }
    end
  end
end

-- How a value stands in `leaves`; nil for one that is looked for in another way.
local function leaf_value(value)
  if type(value) == "boolean" then return value and 1 or 0 end
  if type(value) == "string" then
    local length = utf8.len(value)
    if not length or value:find("\0", 1, true) then return nil end
    return length > LONGEST_VALUE and value:sub(1, utf8.offset(value, LONGEST_VALUE + 1) - 1) or value
  end
  local number = math.type(value) and math.tointeger(value)
  return number and math.abs(number) < 1 << 53 and number or nil
end

-- Adds the leaves that a value has which contains another one. The elements of lists are left out: each may stand
-- anywhere.
local function add_leaves(found, name, key, wanted)
  if type(wanted) == "table" and not json.is_array(wanted) and not json.is_number(wanted) then
    for member, value in pairs(wanted) do
      if not member:find("\0", 1, true) then add_leaves(found, name, member, value) end
    end
    return
  end
  local value = leaf_value(wanted)
  if value ~= nil then found[#found + 1] = { name, key, value } end
end

local LEAF = " AND %s.name = ? AND %s.organization = ? AND %s.key = ? AND %s.value = ?"
local COUNT_LEAVES = ("SELECT count(*) AS count FROM (SELECT 1 FROM leaves l WHERE 1%s LIMIT ?)"):format(
  LEAF:gsub("%%s", "l"))
local MOST_LEAVES = 4 -- that are looked up

-- Puts the rarest first.
local function put_first(leaves, rarest)
  for index, leaf in ipairs(leaves) do
    if leaf == rarest then leaves[1], leaves[index] = leaf, leaves[1] end
  end
end

local function plan_by_leaves(database, collection, organization, values)
  local leaves = {}
  for _, field in ipairs(interface.INDEXED[collection] or {}) do
    local wanted = values and values[field]
    if wanted ~= nil then add_leaves(leaves, name_of(collection, "leaves", field), "", wanted) end
  end
  if #leaves == 0 then return nil end
  put_first(leaves, #leaves > 1 and fewest(leaves, function(leaf, limit)
    return database:query(COUNT_LEAVES, leaf[1], organization, leaf[2], leaf[3], limit)[1].count
  end))
  local conditions, parameters = {}, {}
  for index = 1, math.min(#leaves, MOST_LEAVES) do
    local condition = LEAF:gsub("%%s", index == 1 and "l" or "o")
    conditions[index] = index == 1 and condition or (" AND EXISTS (SELECT 1 FROM leaves o WHERE o.created_at = "
      .. "l.created_at AND o.id = l.id%s)"):format(condition)
    local name, key, value = table.unpack(leaves[index])
    append(parameters, { name, organization, key, value })
  end
  return { from = "leaves l CROSS JOIN documents d ON d.id = l.id", of_from = {},
    where = table.concat(conditions), of_where = parameters, place = "l" }
end

---A text as it stands within a JSON string.
---@param text string
---@return string
function lookups.word(text)
  return json.encode(text):sub(2, -2)
end

---How to find the documents that the hints tell; nil when it is best to go through all of them.
---@param database table
---@param collection string
---@param organization string
---@param hints SandboxHints
---@return SandboxPlan?
function lookups.plan(database, collection, organization, hints)
  return plan_by_part(database, collection, hints.holding)
    or plan_by_leaves(database, collection, organization, hints.having)
end

-- }======

return lookups
