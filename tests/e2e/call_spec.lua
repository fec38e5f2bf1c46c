-- anyreach call: every field of every operation reaches the wire, whatever options the program has of the same name.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local wire = require "helpers.wire"

local FORMATS = { ["date-time"] = "2026-01-31T09:00:00Z", email = "name@example.com", uri = "https://example.com/",
  uuid = "00000000-0000-4000-8000-000000000000", date = "2026-01-31" }

local value_of -- of a schema, of which objects hold more

local function object_of(schema)
  local object = {}
  for _, field in ipairs(schema.fields or {}) do
    local is_other = false
    for i, name in ipairs(schema.exactly_one_of or {}) do is_other = is_other or i > 1 and name == field.name end
    if field.required or not is_other then object[field.name] = value_of(field.schema, field.name) end
  end
  return object
end

function value_of(schema, name)
  local types = {}
  for _, word in ipairs(schema.types) do types[word] = true end
  if schema.choices then return schema.choices[#schema.choices] end
  if types.string then return FORMATS[schema.format] or "text of " .. name end
  if types.integer or types.number then return schema.minimum or 1 end
  if types.boolean then return true end
  if types.object then return object_of(schema) end
  return json.array { schema.items and value_of(schema.items, name) or "item" }
end

-- The words for a field, and what the server must get of it.
local function words_for(field)
  local value = value_of(field.schema, field.name)
  local text = type(value) == "table" and json.encode(value) or tostring(value)
  return { "--" .. field.name:gsub("_", "-"), text }, value
end

-- Fields of the body of which not more than one may be given, and files, are left to one of them.
local function body_fields(operation)
  local list, body = {}, operation.body
  for _, field in ipairs(body and body.fields or {}) do
    local is_left_out = false
    for i, name in ipairs(body.exactly_one_of or {}) do is_left_out = is_left_out or i > 1 and name == field.name end
    for _, name in ipairs(operation.multipart or {}) do is_left_out = is_left_out or name == field.name end
    if not is_left_out then list[#list + 1] = field end
  end
  return list
end

local function query_of(target)
  local query = {}
  for name, value in target:gmatch "[?&]([^=&]+)=([^&]*)" do
    query[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return query
end

describe("anyreach call", function()
  local server = wire.start()

  it("passes every field of every operation on", function()
    local fields_seen = 0
    for _, name in ipairs(operations.names()) do
      local operation = operations.describe(name)
      local words, query, body = { "call", name }, {}, {}
      for _, field in ipairs(operation.path_fields) do words[#words + 1] = tostring(value_of(field.schema, "id")) end
      for _, field in ipairs(operation.parameters) do
        local more
        more, query[field.name] = words_for(field)
        table.move(more, 1, 2, #words + 1, words)
      end
      for _, field in ipairs(body_fields(operation)) do
        local more
        more, body[field.name] = words_for(field)
        table.move(more, 1, 2, #words + 1, words)
      end
      local _, _, err = process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(server.base_url,
        process.anyreach(table.unpack(words))))
      local request = server:requests()[1]
      expect.equal({ name, request ~= nil or err }, { name, true })
      local target, sent = request:match "^%u+ (%S+).-\r\n\r\n(.*)$"
      local got = query_of(target)
      for field, value in pairs(query) do
        fields_seen = fields_seen + 1
        local text = type(value) == "table" and (json.is_array(value) and tostring(value[1]) or json.encode(value))
        expect.equal({ name, field, got[field] }, { name, field, text or tostring(value) })
      end
      if next(body) then
        fields_seen = fields_seen + #body_fields(operation)
        expect.equal({ name, json.decode(sent) }, { name, body })
      end
    end
    expect.truthy(fields_seen > 150)
  end)

  it("takes an option of the program before it, or behind the operation when that has no such field", function()
    local function run(...)
      return process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(server.base_url,
        process.anyreach(...)))
    end
    local code, out = run("--json", "call", "agents.get", "x")
    expect.equal({ code, json.decode(out).operation }, { 0, "agents.get" })
    expect.equal({ run("call", "agents.get", "x", "--json") }, { code, out, "" })
    expect.match(select(2, run("call", "--version")), "^anyreach ")
  end)

  it("makes a list of what is repeated, and only of that where a text will do", function()
    local function body_of(...)
      server:requests()
      local code, _, err = process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(server.base_url,
        process.anyreach("call", "campaign_configurations.create", "--name", "n", "--agent_id", "a", "--schedule", "{}",
          ...)))
      expect.equal({ code, err }, { 0, "" })
      return json.decode(server:requests()[1]:match "\r\n\r\n(.*)$").agent_version
    end
    expect.equal(body_of("--agent-version", "3"), 3)
    expect.equal(body_of("--agent-version", "x"), "x")
    expect.equal(body_of("--agent-version", "x", "--agent-version", "y"), { "x", "y" })
  end)

  local function with_document(paths, ...)
    local file = process.directory() .. "/live.json"
    process.write(file, json.encode { openapi = "3.0.3", paths = paths })
    server:requests()
    local code, _, err = process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(server.base_url,
      process.anyreach("--openapi", file, ...)))
    return code, err, server:requests()[1]
  end

  it("passes the fields of an operation that only a document describes", function()
    local parameters = json.array {}
    for i, name in ipairs { "json", "profile", "version", "timeout", "include" } do
      parameters[i] = { name = name, ["in"] = "query", schema = { type = "string" } }
    end
    local paths = { ["/core/things"] = { get = { parameters = parameters } } }
    local code, err, request = with_document(paths, "call", "things", "--json", "a", "--profile=b", "--version", "c",
      "--timeout", "d", "--include", "e")
    expect.equal({ code, err }, { 0, "" })
    expect.contains(request, "GET /core/things?json=a&profile=b&version=c&timeout=d&include=e ")
    code, err, request = with_document(paths, "call", "things", "--quiet")
    expect.equal({ code, request }, { 64 })
    expect.contains(err, "--quiet is no field of the operation; the program's option stands before 'call'")
  end)

  it("refuses what is both an option of the program and a field that a document has added to an operation of ours",
    function()
      local paths = { ["/core/agents"] = { get = { parameters = json.array {
        { name = "profile", ["in"] = "query", schema = { type = "string" } },
      } } } }
      local code, err, request = with_document(paths, "call", "agents.list", "--timeout", "5", "--profile", "b")
      expect.equal({ code, request }, { 64 })
      expect.contains(err, "profile")
    end)

  server:stop()
end)
