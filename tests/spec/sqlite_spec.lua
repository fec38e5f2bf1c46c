-- anyreach.sqlite: values, errors, and what a file survives.

local json = require "anyreach.json"
local sqlite = require "anyreach.sqlite"

local function temporary_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function remove_database(path)
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function with_table()
  local database = sqlite.open(":memory:")
  database:execute("CREATE TABLE t (a, b); CREATE INDEX i ON t (a)")
  return database
end

local function stored(value)
  local database <close> = with_table()
  database:run("INSERT INTO t VALUES (?, 1)", value)
  return database:query("SELECT a, typeof(a) AS type FROM t")[1]
end

describe("values", function()
  it("come back as they were", function()
    local values = { 0, -1, math.maxinteger, math.mininteger, 0.1, 1.0, 1e300, "", "text", "\u{20AC}", "a\0b" }
    for _, value in ipairs(values) do
      local row = stored(value)
      expect.equal(row.a, value)
      expect.equal(math.type(row.a), math.type(value))
    end
  end)

  it("nil and json.null are NULL, and NULL is absent from the row", function()
    local database <close> = with_table()
    database:run("INSERT INTO t VALUES (?, ?)", nil, json.null)
    expect.equal(database:query("SELECT a, b, a IS NULL AND b IS NULL AS empty FROM t"), json.array { { empty = 1 } })
  end)

  it("booleans are 1 and 0", function()
    expect.equal(stored(true), { a = 1, type = "integer" })
    expect.equal(stored(false), { a = 0, type = "integer" })
  end)

  it("other types are refused", function()
    expect.raises(function() stored({}) end, "string, number, boolean or nil expected, got table")
  end)
end)

describe("statements", function()
  it("run answers the number of changed rows", function()
    local database <close> = with_table()
    for i = 1, 3 do expect.equal(database:run("INSERT INTO t VALUES (?, ?)", i, "x"), 1) end
    expect.equal(database:run("UPDATE t SET b = ? WHERE a > ?", "y", 1), 2)
    expect.equal(database:run("DELETE FROM t WHERE a = 9"), 0)
  end)

  it("query answers rows in order, and none as an empty table", function()
    local database <close> = with_table()
    for i = 1, 3 do database:run("INSERT INTO t VALUES (?, ?)", i, i * i) end
    local rows = database:query("SELECT a, b FROM t ORDER BY a DESC")
    expect.equal(#rows, 3)
    expect.equal(rows[1], { a = 3, b = 9 })
    expect.equal(#database:query("SELECT a FROM t WHERE a > 3"), 0)
  end)

  it("a cached statement forgets the values of its last call", function()
    local database <close> = with_table()
    local sql = "SELECT ? AS value"
    expect.equal(database:query(sql, "first")[1].value, "first")
    expect.equal(database:query(sql, nil)[1].value, nil)
    expect.equal(database:query(sql, 2)[1].value, 2)
  end)

  it("more texts than the cache holds still work", function()
    local database <close> = with_table()
    for round = 1, 2 do
      for i = 1, 600 do expect.equal(database:query(("SELECT %d + ? AS sum"):format(i), round)[1].sum, i + round) end
    end
  end)

  it("a cached statement follows a changed schema", function()
    local database <close> = with_table()
    database:run("INSERT INTO t VALUES (1, 2)")
    expect.equal(database:query("SELECT * FROM t")[1], { a = 1, b = 2 })
    database:execute("ALTER TABLE t ADD COLUMN c DEFAULT 3")
    expect.equal(database:query("SELECT * FROM t")[1], { a = 1, b = 2, c = 3 })
  end)
end)

describe("errors", function()
  it("name the message and the SQL", function()
    local database <close> = with_table()
    local err = expect.raises(function() database:query("SELEC 1") end)
    expect.equal(err, 'sqlite: near "SELEC": syntax error (in: SELEC 1)')
    expect.raises(function() database:execute("SELECT nothing") end, "(in: SELECT nothing)")
  end)

  it("a long SQL text is cut between characters", function()
    local database <close> = with_table()
    local err = expect.raises(function() database:query("SELECT '" .. ("\u{20AC}"):rep(100) .. "' AND") end)
    expect.truthy(utf8.len(err))
    expect.contains(err, "…)")
  end)

  it("a wrong number of parameters is named", function()
    local database <close> = with_table()
    expect.raises(function() database:query("SELECT ?, ?", 1) end, "expected 2 parameters, got 1")
    expect.raises(function() database:query("SELECT 1", 1) end, "expected 0 parameters, got 1")
  end)

  it("two statements in one query are refused, none as well", function()
    local database <close> = with_table()
    expect.raises(function() database:run("DELETE FROM t; DELETE FROM t") end, "expected one statement")
    expect.raises(function() database:run(" -- nothing") end, "expected a statement")
    expect.equal(#database:query("SELECT 1 ; \n"), 1)
  end)

  it("leave the database usable, and a failed write undone", function()
    local database <close> = with_table()
    database:execute("CREATE UNIQUE INDEX u ON t (a)")
    database:run("INSERT INTO t VALUES (1, 1)")
    expect.raises(function() database:run("INSERT INTO t VALUES (1, 2)") end, "UNIQUE constraint failed")
    expect.equal(database:query("SELECT count(*) AS n FROM t")[1].n, 1)
  end)

  it("a closed database is named; closing twice is allowed", function()
    local database = with_table()
    database:close()
    database:close()
    expect.raises(function() database:query("SELECT 1") end, "attempt to use a closed database")
    expect.equal(tostring(database), "database (closed)")
  end)
end)

describe("files", function()
  it("keep what was committed when the process dies", function()
    local path, copy = temporary_path(), temporary_path()
    local database <close> = sqlite.open(path)
    database:execute("CREATE TABLE t (a)")
    database:run("INSERT INTO t VALUES (42)")
    database:execute("BEGIN; INSERT INTO t VALUES (43)")
    for _, suffix in ipairs { "", "-wal" } do write_file(copy .. suffix, read_file(path .. suffix)) end
    local survivor <close> = sqlite.open(copy)
    expect.equal(survivor:query("SELECT a FROM t"), json.array { { a = 42 } })
    survivor:close()
    database:close()
    remove_database(path)
    remove_database(copy)
  end)

  it("foreign keys are on, the log is written ahead", function()
    local path = temporary_path()
    local database <close> = sqlite.open(path)
    expect.equal(database:query("PRAGMA foreign_keys")[1].foreign_keys, 1)
    expect.equal(database:query("PRAGMA journal_mode")[1].journal_mode, "wal")
    database:close()
    remove_database(path)
  end)

  it("a file that is no database is refused and left as it was", function()
    for _, text in ipairs { "short", ("This is a letter.\n"):rep(1000) } do
      local path = temporary_path()
      write_file(path, text)
      local err = expect.raises(function() sqlite.open(path) end, "file is not a database")
      expect.contains(err, "(in: open " .. path)
      expect.equal(read_file(path), text)
      expect.equal(read_file(path .. "-wal"), nil)
      remove_database(path)
    end
  end)

  it("a directory that is not there is named", function()
    local err = expect.raises(function() sqlite.open("/nonexistent/x.db") end)
    expect.equal(err, "sqlite: unable to open database file (in: open /nonexistent/x.db)")
  end)

  it("a locked file is waited for, then named", function()
    local path = temporary_path()
    local first <close> = sqlite.open(path)
    first:execute("CREATE TABLE t (a); BEGIN IMMEDIATE")
    local second <close> = sqlite.open(path, { busy_timeout = 20 })
    expect.raises(function() second:run("INSERT INTO t VALUES (1)") end, "database is locked")
    first:execute("COMMIT")
    expect.equal(second:run("INSERT INTO t VALUES (1)"), 1)
    second:close()
    first:close()
    remove_database(path)
  end)

  it("an exclusive file admits nobody else after its first write", function()
    local path = temporary_path()
    local first <close> = sqlite.open(path, { exclusive = true })
    first:execute("CREATE TABLE t (a)")
    expect.raises(function() sqlite.open(path, { busy_timeout = 20 }) end, "database is locked")
    first:close()
    remove_database(path)
  end)

  it("a path with a NUL byte and a wrong option are refused", function()
    expect.raises(function() sqlite.open("a\0b") end, "NUL")
    expect.raises(function() sqlite.open(":memory:", { busy_timeout = -1 }) end, "out of range")
    expect.raises(function() sqlite.open(":memory:", 5) end, "table expected")
  end)
end)
