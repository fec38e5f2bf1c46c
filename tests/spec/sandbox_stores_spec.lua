-- The sandbox's rules over other stores than SQLite, and without the server around them: each answer is the same,
-- whichever store has the documents, and whether it waits.

local asking = require "helpers.sandbox"
local cycles = require "helpers.life_cycles"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local checks = require "anyreach.sandbox.checks"
local rules = require "anyreach.sandbox.rules"
local Sequence = require "anyreach.sandbox.sequence"
local SqliteStore = require "anyreach.sandbox.sqlite_store"
local store = require "anyreach.sandbox.store"
local twins = require "helpers.sandbox_twins"
local walk = require "helpers.walk"

local FAMILIES = {
  "admin", "agents", "campaigns", "conversations", "email_domains", "faults", "knowledge_base", "telephony", "trunks",
  "web_widgets", "workflow",
}

describe("over tables, and over tables that wait, every answer is that of SQLite in", function()
  local new = asking.new
  asking.new = twins.new
  for _, family in ipairs(FAMILIES) do
    describe(family, assert(loadfile(("tests/spec/sandbox_%s_spec.lua"):format(family))))
  end
  asking.new = new
end)

-- {====== anything ======

-- Operation -> bodies and queries that the life cycles send.
local samples = {}
for _, cycle in ipairs(cycles) do
  for _, step in ipairs(cycle) do
    if step[1] then
      samples[step[1]] = samples[step[1]] or {}
      table.insert(samples[step[1]], step)
    end
  end
end

-- The next of a repeatable sequence of numbers from 1 to n.
local function new_draw(seed)
  local state = seed
  return function(n)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % n + 1
  end
end

-- In an order that is the same in each process.
local function keys_of(value)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The value with ids from the pool in the place of what the walk would have kept, now and then without a field.
local function vary(draw, pool, value)
  if type(value) == "string" then
    return value:find("^{.*}$") and pool[draw(#pool)] or value
  elseif type(value) ~= "table" then
    return value
  end
  local copy = json.is_array(value) and json.array {} or {}
  for _, key in ipairs(keys_of(value)) do
    if type(key) == "number" or draw(12) > 1 then copy[key] = vary(draw, pool, value[key]) end
  end
  return copy
end

local function path_of(draw, pool, row)
  return (row.path:gsub("{([^}]*)}", function(name)
    if name == "version" then return tostring(draw(4)) end
    if name == "phone_number" and draw(2) == 1 then return "%2B15551234567" end
    local own = pool[row.name:match("^[^.]*")] or {}
    return asking.encode_query(#own > 0 and draw(5) > 1 and own[draw(#own)] or pool[draw(#pool)])
  end))
end

local function query_of(draw, pool, row, sample)
  local parts = {}
  local query = vary(draw, pool, sample.query or {})
  for _, field in ipairs(row.parameters) do
    local value = query[field.name]
    if field.name == "limit" and draw(2) == 1 then value = draw(5) end
    if value ~= nil then
      local text = type(value) == "table" and json.encode(value) or tostring(value)
      parts[#parts + 1] = field.name .. "=" .. asking.encode_query(text)
    end
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

-- Adds the ids in an answer, to all and to those of the operation's family.
local function collect(pool, family, value)
  if type(value) ~= "table" then return end
  pool[family] = pool[family] or {}
  for _, key in ipairs(keys_of(value)) do
    local member = value[key]
    if (key == "id" or key == "external_id") and type(member) == "string" and #pool[family] < 40 then
      table.insert(pool, member)
      table.insert(pool[family], member)
    end
    collect(pool, family, member)
  end
end

describe("whatever is asked", function()
  it("every operation answers the same over every store", function()
    local box, draw, pool, names = twins.new(), new_draw(20261129), { "x", "default", "crm/7" }, operations.names()
    local statuses, answered = {}, {}
    table.sort(names)
    for _ = 1, 2500 do
      local row = operations.describe(names[draw(#names)])
      local of_row = samples[row.name]
      local sample = of_row[draw(#of_row)]
      local body = row.body and vary(draw, pool, sample.body or {}) or nil
      local target = path_of(draw, pool, row) .. query_of(draw, pool, row, sample)
      local status, value = asking.ask(box, row.method, target, body)
      statuses[status] = (statuses[status] or 0) + 1
      if status < 300 then answered[row.name] = true end
      collect(pool, row.name:match("^[^.]*"), value)
    end
    expect.equal(box.asked, 2500)
    expect.truthy(box.waits > 3000)
    expect.truthy(statuses[200] > 500 and statuses[404] > 100 and statuses[422] > 50)
    expect.truthy(#keys_of(answered) > #names / 2)
  end)
end)

-- }======

-- {====== the rules alone ======

-- A seeded store with what the rules learn beside it.
local function world_over(own_store)
  asking.sandbox_over(own_store)
  local sequence = own_store.sequence
  return own_store, {
    now = function() return sequence:now() end,
    new_id = function() return sequence:id() end,
    base_url = "http://127.0.0.1",
    caller = {
      organization = asking.FIRST,
      holds = function() return true end,
      scopes = function() return json.array { "agents:read" } end,
    },
  }
end

local function copy(value)
  return value ~= nil and json.decode(json.encode(value)) or nil
end

-- A call of the walk, answered by the rules alone.
local function answer(request, own_store, context)
  local row, path = request.operation, {}
  for index, field in ipairs(row.path_fields) do path[field.name] = tostring(request.path[index]) end
  local call = { path = path, query = copy(request.query), body = copy(request.body) }
  local answered = rules.answer(row, call, own_store, context)
  local value = answered.value
  if row.answer_kind == "none" then value = nil end
  return { status = answered.status, value = copy(value) }
end

describe("the rules alone", function()
  local plain, plain_context = world_over(store.new(Sequence.new(nil, "spec")))
  local sqlite, sqlite_context = world_over(SqliteStore.open(nil, "spec"))
  local waiting, waiting_context
  twins.run(function() waiting, waiting_context = world_over(twins.yielding_store("spec")) end)
  local waits = 0

  local function send(request)
    local expected = answer(request, plain, plain_context)
    expect.equal(answer(request, sqlite, sqlite_context), expected)
    local got, count = twins.run(answer, request, waiting, waiting_context)
    expect.equal(got, expected)
    waits = waits + count
    return expected.status, expected.value
  end

  local function upload(url, bytes)
    local transfer = plain:get("transfers", asking.FIRST, url:match("([^/]+)$"))
    for _, own_store in ipairs { plain, sqlite, waiting } do
      twins.run(function()
        local source = own_store:get("sources", asking.FIRST, transfer.source_id)
        source.file_size = #bytes
        own_store:put_bytes(source.id, bytes)
        own_store:save("sources", source.id, source)
      end)
    end
  end

  local walker = walk.new(send, upload)
  for _, name in ipairs(walk.names()) do
    it("walk " .. name, function() walker.cycle(name) end)
  end

  it("wait with the store", function() expect.truthy(waits > 300) end)

  it("refuse by an error object", function()
    local row = operations.describe "agents.get"
    local _, refusal = pcall(rules.answer, row, { path = { agent_id = "none" } }, plain, plain_context)
    expect.truthy(checks.is_refusal(refusal))
    expect.equal({ refusal.status, refusal.detail }, { 404, "Agent none not found." })
  end)

  it("know which operations they have", function()
    expect.truthy(rules.has "agents.get")
    expect.falsy(rules.has "agents.fly")
    local row = { name = "agents.fly" }
    expect.raises(function() rules.answer(row, { path = {} }, plain, plain_context) end, "agents.fly")
  end)
end)

-- }======

-- {====== stores ======

local NEW_STORES = {
  SQLite = function() return SqliteStore.open(nil, "spec") end,
  tables = function() return store.new(Sequence.new(nil, "spec")) end,
}

for name, new_store in pairs(NEW_STORES) do
  describe("a store in " .. name, function()
    local TIME = "2026-01-01T00:00:00.000000Z"

    local function fill(own_store, count)
      for index = 1, count do
        own_store:add("agents", ("%03d"):format(index), { n = index, created_at = TIME }, { organization = "o" })
      end
    end

    it("keeps documents of the same time, the highest id first, across its batches", function()
      local own_store, seen = new_store(), {}
      fill(own_store, 120)
      own_store:add("agents", "older", { n = 0, created_at = "2025" }, { organization = "o" })
      for document, id in own_store:each("agents", "o") do seen[#seen + 1] = id == "older" and 0 or document.n end
      expect.equal({ #seen, seen[1], seen[2], seen[120], seen[121] }, { 121, 120, 119, 1, 0 })
    end)

    it("finds documents of the same time by a field", function()
      local own_store, count = new_store(), 0
      for index = 1, 60 do
        local widget = { agent_id = "a" .. index % 2, created_at = TIME }
        own_store:add("web_widgets", "w" .. index, widget, { organization = "o" })
      end
      for document in own_store:each_with("web_widgets", "o", "agent_id", "a1") do
        count = count + 1
        expect.equal(document.agent_id, "a1")
      end
      expect.equal(count, 30)
    end)

    it("iterates while its documents are removed", function()
      local own_store, count = new_store(), 0
      fill(own_store, 120)
      for _, id in own_store:each("agents", "o") do
        own_store:remove("agents", "o", id)
        count = count + 1
      end
      expect.equal(count, 120)
      expect.truthy(own_store:is_empty())
    end)

    it("gives copies", function()
      local own_store = new_store()
      local document = { tags = json.array { "a" }, created_at = TIME }
      own_store:add("agents", "a", document, { organization = "o" })
      document.tags[1] = "b"
      own_store:get("agents", "o", "a").tags[1] = "c"
      expect.equal(own_store:get("agents", "o", "a").tags, json.array { "a" })
    end)

    it("refuses a second id and a second alias", function()
      local own_store = new_store()
      own_store:add("agents", "a", { created_at = TIME }, { organization = "o", parent = "p", alias = "1" })
      own_store:add("agents", "b", { created_at = TIME }, { organization = "o", parent = "q", alias = "1" })
      expect.raises(function() own_store:add("agents", "a", { created_at = TIME }, { organization = "o" }) end)
      expect.raises(function()
        own_store:add("agents", "c", { created_at = TIME }, { organization = "o", parent = "p", alias = "1" })
      end)
      own_store:set_alias("agents", "a", nil)
      expect.equal(own_store:find("agents", "o", "p", "1"), nil)
      expect.raises(function() own_store:save("agents", "none", {}) end)
    end)

    it("undoes what a transaction did that fails", function()
      local own_store = new_store()
      fill(own_store, 2)
      own_store:put_bytes("b", "before")
      local ok, message = own_store:transaction(function()
        own_store:remove("agents", "o", "001")
        own_store:save("agents", "002", { n = "changed" })
        own_store:add("trunks", "t", { created_at = TIME }, { organization = "o" })
        own_store:put_bytes("b", "after")
        error("stop", 0)
      end)
      expect.equal({ ok, message }, { false, "stop" })
      expect.equal(own_store:get("agents", "o", "001").n, 1)
      expect.equal(own_store:get("agents", "o", "002").n, 2)
      expect.falsy(own_store:is_taken("trunks", "t"))
      expect.equal(own_store:get_bytes "b", "before")
      expect.equal(own_store.created, {})
    end)
  end)
end

describe("the newest version", function()
  it("is the one with the highest number among those of the same time", function()
    local own_store, context = world_over(store.new(Sequence.new(nil, "spec")))
    local TIME = "2027-01-01T00:00:00.000000Z"
    own_store:add("agents", "a", { id = "a", name = "A", created_at = TIME }, { organization = asking.FIRST })
    for number, id in ipairs { "z", "y", "x" } do
      own_store:add("versions", id, { id = id, agent_id = "a", version = number, created_at = TIME },
        { organization = asking.FIRST, parent = "a", alias = tostring(number) })
    end
    local row = operations.describe "agents.versions.create"
    local made = rules.answer(row, { path = { agent_id = "a" }, body = { config = {} } }, own_store, context).value
    expect.equal(made.version, 4)
  end)
end)

-- }======
