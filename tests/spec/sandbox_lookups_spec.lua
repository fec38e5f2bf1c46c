-- The sandbox's lists with filters: they give what a plain look at every document gives, from indexes that cost about
-- the same however many documents there are.

local asking = require "helpers.sandbox"
local json = require "anyreach.json"
local sqlite = require "anyreach.sqlite"

local ask, must = asking.ask, asking.must

-- The next of a repeatable sequence of numbers from 1 to n.
local function new_draw(seed)
  local state = seed
  return function(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n + 1
  end
end

-- {====== random texts ======

local CHARACTERS = {
  "a", "A", "b", "B", "k", "K", "\u{212A}", "s", "\u{17F}", "%", "_", "'", '"', "\\", "*", "?", "[", "]", "-", "/",
  " ", "\0", "\1", "\n", "\t", "é", "É", "e\u{301}", "ß", "ẞ", "İ", "ı", "i", "I", "日", "本", "😀", "\u{FFFD}", "0",
  "1", "u",
}

local function random_text(draw, longest)
  local parts = {}
  for index = 1, draw(longest + 1) - 1 do parts[index] = CHARACTERS[draw(#CHARACTERS)] end
  return table.concat(parts)
end

-- A part of a text, from one character to another; now and then in another case.
local function random_part(draw, text)
  local length = utf8.len(text)
  if length == 0 then return "" end
  local first = draw(length)
  local last = math.min(length, first + draw(40) - 1)
  local part = text:sub(utf8.offset(text, first), utf8.offset(text, last + 1) - 1)
  return draw(3) == 1 and part:upper() or draw(3) == 1 and part:lower() or part
end

local VALUES = { "x", "X", "", "1", 1, 1.0, 1.5, -0.0, 0, 1 << 53, 1 << 62, true, false, "true", json.null, "é\0z",
  "a\0", ("long "):rep(60), ("long "):rep(61), ("é"):rep(200), ("é"):rep(201) }
local KEYS = { "team", "ref", "Team", "a.b", 'q"q', "$", "", "é", "x\0y" }

local function random_value(draw, depth)
  local kind = draw(8)
  if depth == 0 or kind <= 5 then return VALUES[draw(#VALUES)] end
  if kind == 6 then
    local list = json.array {}
    for index = 1, draw(4) - 1 do list[index] = random_value(draw, depth - 1) end
    return list
  end
  local object = {}
  for _ = 1, draw(4) - 1 do object[KEYS[draw(#KEYS)]] = random_value(draw, depth - 1) end
  return object
end

local function random_object(draw)
  local object = {}
  for _ = 1, draw(4) do object[KEYS[draw(#KEYS)]] = random_value(draw, 3) end
  return object
end

-- Some of what a value holds, of what is in objects.
local function some_of(draw, value)
  if type(value) ~= "table" or json.is_array(value) or json.is_number(value) then return value end
  local part, keys = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    if draw(2) == 1 then part[key] = some_of(draw, value[key]) end
  end
  return part
end

-- }======

-- {====== a plain look at every document ======

local function contains(value, wanted)
  local are_tables = type(value) == "table" and type(wanted) == "table"
  if not are_tables or json.is_array(value) ~= json.is_array(wanted) then return json.equal(value, wanted) end
  for key, part in pairs(wanted) do
    local found = not json.is_array(wanted) and value[key] ~= nil and contains(value[key], part)
    for _, element in ipairs(json.is_array(wanted) and value or {}) do found = found or contains(element, part) end
    if not found then return false end
  end
  return true
end

local function matches(agent, query)
  return (not query.name or agent.name:lower():find(query.name:lower(), 1, true) ~= nil)
    and (query.metadata == nil or contains(agent.metadata, query.metadata))
end

local function target(query, cursor)
  local parts = { "limit=" .. (query.limit or 7) }
  if query.name then parts[#parts + 1] = "name=" .. asking.encode_query(query.name) end
  if query.metadata then parts[#parts + 1] = "metadata=" .. asking.encode_query(json.encode(query.metadata)) end
  if cursor then parts[#parts + 1] = "cursor=" .. asking.encode_query(asking.base64(cursor)) end
  return "/core/agents?" .. table.concat(parts, "&")
end

-- All pages.
local function listed(box, query)
  local names, cursor = {}, nil
  repeat
    local page = must(box, "GET", target(query, cursor))
    for _, agent in ipairs(page) do names[#names + 1] = agent.id end
    cursor = page[1] and page[#page].created_at
  until not cursor
  return names
end

local function expected(agents, query)
  local ids = {}
  for index = #agents, 1, -1 do
    if matches(agents[index], query) then ids[#ids + 1] = agents[index].id end
  end
  return ids
end

local function random_query(draw, agents)
  local agent = agents[draw(#agents)]
  local query = {}
  if draw(3) > 1 then query.name = draw(5) == 1 and random_text(draw, 5) or random_part(draw, agent.name) end
  if draw(2) == 1 then
    query.metadata = draw(4) == 1 and random_object(draw) or some_of(draw, agent.metadata)
  end
  return query
end

local function check_queries(box, agents, draw, count)
  local found = 0
  for _ = 1, count do
    local query = random_query(draw, agents)
    local got = listed(box, query)
    if #got ~= #expected(agents, query) then error(("%d agents for %s"):format(#got, json.encode(query))) end
    expect.equal(got, expected(agents, query))
    found = found + (#got < #agents and #got or 0)
  end
  expect.truthy(found > count) -- the queries do find something
end

-- }======

local function add_agents(box, draw, count)
  local agents = {}
  for index = 1, count do
    local body = { name = random_text(draw, draw(20) == 1 and 1500 or 40), metadata = random_object(draw) }
    if #body.name == 0 then body.name = "x" end
    agents[index] = must(box, "POST", "/core/agents", body)
  end
  return agents
end

-- Renames some, gives others other metadata, removes others.
local function change_agents(box, agents, draw)
  for index = #agents, 1, -1 do
    local path, kind = "/core/agents/" .. agents[index].id, draw(6)
    if kind == 1 then
      must(box, "DELETE", path, nil, 204)
      table.remove(agents, index)
    elseif kind <= 3 then
      local body = kind == 2 and { name = random_text(draw, 40) .. "y" } or { metadata = random_object(draw) }
      agents[index] = must(box, "PUT", path, body)
    end
  end
end

describe("a list with filters gives what a plain look at every agent gives", function()
  for seed = 1, 4 do
    it(("for random names and metadata (seed %d)"):format(seed), function()
      local draw, box = new_draw(seed), asking.new()
      local agents = add_agents(box, draw, 150)
      check_queries(box, agents, draw, 150)
      change_agents(box, agents, draw)
      check_queries(box, agents, draw, 150)
      box:close()
    end)
  end

  it("of one organisation alone", function()
    local box = asking.new()
    must(box, "POST", "/core/agents", { name = "Riverside Dental", metadata = { team = "x" } })
    for _, query in ipairs { "name=side%20Dent", "metadata=%7B%22team%22%3A%22x%22%7D" } do
      local _, own = ask(box, "GET", "/core/agents?" .. query)
      local _, other = ask(box, "GET", "/core/agents?" .. query, nil, { token = "ak_sandbox.second" })
      expect.equal({ #own, #other }, { 1, 0 })
    end
    box:close()
  end)

  it("however many have the text, and wherever the one stands that differs", function()
    local box, agents = asking.new(), {}
    for index = 1, 1200 do
      local name = ("The clinic that cares for all of the people of the river %04d and of the hills"):format(index)
      agents[index] = must(box, "POST", "/core/agents", { name = name, metadata = { team = "x", ref = index } })
    end
    for _, query in ipairs {
      { name = agents[77].name }, { name = "RIVER 0077" }, { name = "river 007" }, { name = "the", limit = 100 },
      { name = "clinic that cares for all of the people", limit = 100 }, { metadata = { ref = 77 } },
      { metadata = { team = "x" }, limit = 100 }, { metadata = { team = "x", ref = 77 } },
    } do
      expect.equal(listed(box, query), expected(agents, query))
    end
    box:close()
  end)
end)

-- {====== files ======

local function temporary()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function remove(path)
  for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
end

-- Makes the file what an earlier program left: it has none of the tables, or has them of other fields.
local OLDER = {
  ["that knew no lookups"] = [[
DROP TRIGGER lookups_insert; DROP TRIGGER lookups_update; DROP TRIGGER lookups_delete;
DROP TABLE parts; DROP TABLE leaves; DROP TABLE fields; DROP TABLE lookups;
CREATE INDEX web_widgets_by_agent_id
ON documents (organization, json_extract(document, '$.agent_id'), created_at) WHERE collection = 'web_widgets';]],
  ["that looked other fields up"] = "UPDATE lookups SET definition = 'x'; DELETE FROM parts; DELETE FROM leaves",
}

describe("a state file", function()
  for name, sql in pairs(OLDER) do
    it("of a program " .. name .. " is searched as one of this program", function()
      local path, draw = temporary(), new_draw(7)
      local box = asking.new { file = path }
      local agents = add_agents(box, draw, 60)
      box:close()
      local database = sqlite.open(path)
      database:execute(sql)
      database:close()
      box = asking.new { file = path }
      check_queries(box, agents, draw, 60)
      change_agents(box, agents, draw)
      check_queries(box, agents, draw, 60)
      box:close()
      remove(path)
    end)
  end

  it("keeps its lookups, and does not make them anew", function()
    local path = temporary()
    local box = asking.new { file = path }
    must(box, "POST", "/core/agents", { name = "Riverside Dental" })
    box:close()
    local database = sqlite.open(path)
    database:execute "DELETE FROM parts"
    database:close()
    box = asking.new { file = path }
    expect.equal(#must(box, "GET", "/core/agents?name=Riverside%20Dental"), 0)
    box:close()
    remove(path)
  end)
end)

-- }======

-- {====== growth ======

-- Steps of SQLite's machine for one request.
local function steps_of(box, path)
  local database = box.store.database
  local before = database:steps()
  must(box, "GET", path)
  return database:steps() - before
end

-- Adds documents as the rules would.
local function fill(box, count)
  local store = box.store
  local function add(collection, id, document, parent)
    document.id, document.created_at = id, store.sequence:now()
    document.updated_at = document.created_at
    store:add(collection, id, document, { organization = asking.FIRST, parent = parent })
  end
  assert(store:transaction(function()
    for index = 1, count do
      local id = ("agent-%06d"):format(index)
      add("agents", id, { name = ("Agent %06d of the clinic"):format(index), active = true, is_demo = false,
        metadata = { team = index < 40 and "first" or "t" .. index % 7, ref = "r" .. index } })
      add("conversations", "conversation" .. index, { agent_id = id, status = "completed", channel = "text",
        direction = "inbound", user_id = ("user%06d@example.com"):format(index), custom_metadata = { order = index },
        agent_number = json.null, duration = 3, user_turn_count = 2, agent_version_id = "v" .. index,
        web_widget_id = json.null })
      add("phone_numbers", ("+1%010d"):format(index), { phone_number = ("+1%010d"):format(index),
        trunk_id = "trunk" .. index // 10, inbound_agent_version_id = "v" .. index,
        outbound_agent_version_id = json.null })
    end
  end))
end

local REQUESTS = {
  "/core/agents?name=Agent%20000123%20of%20the%20clinic", "/core/agents?name=Agent%20000123",
  "/core/agents?name=of%20the",
  "/core/agents?name=No%20such%20agent%20here", '/core/agents?metadata={"ref":"r123"}',
  '/core/agents?metadata={"team":"first"}', '/core/agents?metadata={"team":"t3","ref":"r123"}',
  "/core/agents?limit=100", "/core/agents/agent-000123", "/core/agents/agent-000123/versions",
  "/core/conversations?agent_id=agent-000123", "/core/conversations?user_id=USER000123@EX",
  '/core/conversations?custom_metadata={"order":123}', "/core/conversations?agent_version_id=v123",
  "/core/phone-numbers?phone_number=%2B10000000123", "/core/phone-numbers?trunk_id=trunk12",
}

describe("with ten times the agents, conversations and numbers", function()
  local few, many = asking.new(), asking.new()
  fill(few, 400)
  fill(many, 4000)
  for _, path in ipairs(REQUESTS) do
    it("a request takes about as many steps: " .. path, function()
      local encoded = path:gsub('[{}"]', function(c) return ("%%%02X"):format(c:byte()) end)
      local before, after = steps_of(few, encoded), steps_of(many, encoded)
      if after > before * 1.5 + 50 then error(("%d steps instead of %d"):format(after, before)) end
    end)
  end
end)

-- }======
