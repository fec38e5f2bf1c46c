-- Operations of live documents whose bodies and answers are not JSON, and paths that are not plain: what goes over
-- the wire, and what a call returns.

local document = require "anyreach.openapi.document"
local json = require "anyreach.json"
local live = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local wire = require "helpers.wire"

local server = wire.start()
local api = anyreach.client { base_url = server.base_url, token = "ak_test", retries = 0 }

local function define(paths, components)
  local text = ("openapi: 3.1.0\npaths: %s\ncomponents: {schemas: %s}"):format(paths, components or "{}")
  local reading = live.read(document.decode(text, "test"), "test")
  live.define(reading)
  expect.equal(reading.refused, {})
  return reading
end

-- The request that a call makes: target, content type, body.
local function request_of(call, ...)
  server:requests()
  call(...)
  local text = server:requests()[1]
  local head, body = text:match "^(.-\r\n)\r\n(.*)$"
  return head:match "^%u+ (%S+)", head:match "\r\nContent%-Type: (.-)\r\n", body, head
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

describe("a body", function()
  it("that is a form goes encoded, lists repeated, parts of objects named where the document says so", function()
    define [[{/v1/charges: {post: {requestBody: {required: true, content: {application/x-www-form-urlencoded: {
      schema: {type: object, required: [amount], properties: {amount: {type: integer}, note: {type: string},
        tags: {type: array, items: {type: string}}, meta: {type: object}, plain: {type: object}, on: {type: boolean}}},
      encoding: {meta: {style: deepObject, explode: true}}}}}}}}]]
    local _, kind, body = request_of(api.charges, { amount = 5, note = "a&b=c +é", tags = { "x", "y z" }, on = false,
      meta = { a = "1", b = { { c = 2 }, "d" } }, plain = { k = "v" } })
    expect.equal(kind, "application/x-www-form-urlencoded")
    local pairs_list = {}
    for name, value in body:gmatch "([^&=]+)=([^&]*)" do
      pairs_list[#pairs_list + 1] = { decode(name), decode(value) }
    end
    expect.equal(pairs_list, { { "amount", "5" }, { "meta[a]", "1" }, { "meta[b][0][c]", "2" }, { "meta[b][1]", "d" },
      { "note", "a&b=c +é" }, { "on", "false" }, { "plain", '{"k":"v"}' }, { "tags", "x" }, { "tags", "y z" } })
    expect.raises(function() api.charges { note = "x" } end, "amount: required")
  end)

  it("that is a form with files takes their paths, also several for one field", function()
    local directory = process.directory()
    process.write(directory .. "/a.txt", "first")
    process.write(directory .. "/b.bin", "\0second\xFF")
    define [[{/v1/uploads: {post: {requestBody: {content: {multipart/form-data: {schema: {type: object, properties: {
      files: {type: array, items: {type: string, format: binary}}, one: {type: string, format: binary},
      note: {type: string}}}}}}}}}]]
    local _, kind, body = request_of(api.uploads, { note = "n", one = directory .. "/a.txt",
      files = { directory .. "/a.txt", directory .. "/b.bin" } })
    expect.match(kind, "^multipart/form%-data; boundary=")
    local parts = {}
    for name, rest in body:gmatch 'name="([^"]*)"(.-)\r\n%-%-anyreach' do
      parts[#parts + 1] = { name, rest:match 'filename="([^"]*)"', rest:match "\r\n\r\n(.*)$" }
    end
    expect.equal(parts, { { "files", "a.txt", "first" }, { "files", "b.bin", "\0second\xFF" },
      { "note", nil, "n" }, { "one", "a.txt", "first" } })
  end)

  it("of bytes or text is what was given, by itself or beside parameters", function()
    define [[{/v1/audio: {put: {parameters: [{name: rate, in: query}], requestBody: {required: true,
      content: {application/octet-stream: {schema: {type: string, format: binary}}}}}},
      /v1/notes: {post: {requestBody: {content: {text/markdown: {}}}}}}]]
    local bytes = "\0\1\xFF{]"
    local target, kind, body = request_of(api.audio, bytes)
    expect.equal({ target, kind, body }, { "/v1/audio", "application/octet-stream", bytes })
    target, kind, body = request_of(api.audio, { body = bytes, rate = 8000 })
    expect.equal({ target, kind, body }, { "/v1/audio?rate=8000", "application/octet-stream", bytes })
    expect.equal({ select(2, request_of(api.notes, "# Ä")) }, { "text/markdown", "# Ä",
      select(4, request_of(api.notes, "# Ä")) })
    expect.raises(function() api.audio { rate = 1 } end, "body: required")
    expect.raises(function() api.audio { body = "x", rte = 1 } end, 'rte: unknown field; did you mean "rate"?')
  end)

  it("of JSON may be a scalar, and have a content type of its own", function()
    define [[{/v1/level: {put: {requestBody: {required: true, content: {application/json: {schema: {type: integer}}}}}},
      /v1/patch: {patch: {requestBody: {content: {application/merge-patch+json: {schema: {type: object}}}}}}}]]
    expect.equal({ select(2, request_of(api.level, 7)) }, { "application/json", "7",
      select(4, request_of(api.level, 7)) })
    expect.raises(function() api.level "x" end, "expected an integer")
    local _, kind, body = request_of(api.patch, { a = json.null })
    expect.equal({ kind, body }, { "application/merge-patch+json", '{"a":null}' })
  end)

  it("does not have what only an answer has", function()
    define([[{/v1/orders: {post: {
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}},
      responses: {"200": {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}}}}]],
      [[{Order: {type: object, required: [id, name], additionalProperties: false, properties: {
        id: {type: string, readOnly: true}, name: {type: string}}}}]])
    expect.equal(select(3, request_of(api.orders, { name = "x" })), '{"name":"x"}')
    expect.raises(function() api.orders { name = "x", id = "1" } end, "id: unknown field")
    local row = operations.describe "orders"
    expect.equal({ #row.body.fields, #row.answer.fields }, { 1, 2 })
  end)
end)

describe("an answer", function()
  it("that is not JSON is returned as bytes, or handed over in pieces, and asked for by its type", function()
    define [[{/v1/speech: {post: {responses: {"200": {content: {audio/mpeg: {}, audio/wav: {}}}}}},
      /v1/events: {get: {responses: {"200": {content: {text/event-stream: {}}}}}},
      /v1/rows: {get: {responses: {"200": {content: {application/x-ndjson: {}}}}}}}]]
    local bytes = "\xFF\xF3\0\1"
    server:answer { type = "audio/mpeg", body = bytes }
    server:requests()
    expect.equal(api.speech(), bytes)
    expect.contains(server:requests()[1], "Accept: audio/mpeg, audio/wav\r\n")
    server:answer { type = "text/event-stream", body = "data: 1\n\ndata: 2\n\n" }
    local pieces = {}
    api.events(function(piece) pieces[#pieces + 1] = piece end)
    expect.equal(table.concat(pieces), "data: 1\n\ndata: 2\n\n")
    server:answer { type = "application/x-ndjson", body = '{"a":1}\n{"a":2}\n' }
    expect.equal(api.rows(), '{"a":1}\n{"a":2}\n')
    server:answer { body = "{}" }
  end)
end)

describe("a path", function()
  it("may hold literals beside parameters, several of them, and a slash at its end", function()
    define [[{"/v1/reports/{id}.json": {get: {x-lua-name: reports.json}},
      "/v1/jobs/{id}:cancel": {post: {x-lua-name: jobs.cancel}}, "/v1/jobs/{id}": {get: {x-lua-name: jobs.get}},
      "/v1/compare/{base}...{head}": {get: {x-lua-name: compare}}, "/v1/shelves/": {get: {x-lua-name: shelves}},
      "/v1/items/{item-id}": {get: {x-lua-name: items.get}}, /: {get: {x-lua-name: root}}}]]
    expect.equal(request_of(api.reports.json, "a/b"), "/v1/reports/a%2Fb.json")
    expect.equal(request_of(api.jobs.cancel, 7), "/v1/jobs/7:cancel")
    expect.equal(request_of(api.compare, "main", "v1.2"), "/v1/compare/main...v1.2")
    expect.equal(request_of(api.shelves), "/v1/shelves/")
    expect.equal(request_of(api.items.get, 3), "/v1/items/3")
    expect.equal(request_of(api.root), "/")
    for path, name in pairs {
      ["/v1/reports/x.json"] = "reports.json", ["/v1/jobs/7:cancel"] = false, ["/v1/jobs/7"] = "jobs.get",
      ["/v1/compare/a...b"] = "compare", ["/v1/compare/...b"] = false, ["/v1/reports/.json"] = false,
      ["/v1/shelves/"] = "shelves",
    } do
      local matched = operations.match("GET", path)
      if name then expect.equal({ path, matched }, { path, name }) end
      if not name then expect.truthy(matched == nil or matched == "jobs.get") end
    end
    expect.equal(operations.match("POST", "/v1/jobs/7:cancel"), "jobs.cancel")
  end)

  it("with a slash at its end is that of the operation of ours without it, sent as the document has it", function()
    local before = operations.describe "trunks.list"
    define "{/core/trunks/: {get: {}}}"
    expect.equal(operations.describe("trunks.list").path, "/core/trunks/")
    expect.equal(request_of(api.trunks.list), "/core/trunks/")
    define "{/core/trunks: {get: {}}}"
    expect.equal(operations.describe("trunks.list").path, before.path)
  end)

  it("may be described by a reference, and leave its parameters undescribed", function()
    local value = document.decode([[
openapi: 3.1.0
servers: [{url: //api.example.com/v2}]
paths:
  /zoo/{id}: {$ref: '#/components/pathItems/zoo'}
  /aviary/{id}: {get: {parameters: [{$ref: '#/paths/~1pond/get/parameters/0'}],
    servers: [{url: 'https://api.example.com/v2'}]}}
  /pond: {get: {parameters: [{name: deep, in: query}]}}
components: {pathItems: {zoo: {get: {operationId: zooGet}}}}
]], "test")
    local reading = live.read(value, "test")
    live.define(reading)
    expect.equal(reading.refused, {})
    expect.equal(request_of(api.zoo.get, "x"), "/v2/zoo/x")
    expect.equal(request_of(api.aviary.get, "x", { deep = true }), "/v2/aviary/x?deep=true")
  end)
end)

describe("a schema that contains itself", function()
  it("is described as far as that goes", function()
    define([[{/v1/trees: {post: {
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Node'}}}}}}}]],
      [[{Node: {type: object, required: [name], additionalProperties: false, properties: {name: {type: string},
        children: {type: array, items: {$ref: '#/components/schemas/Node'}}, never: false}}}]])
    local tree = { name = "a", children = { { name = "b", children = { { anything = 1 } } } } }
    expect.equal(json.decode((select(3, request_of(api.trees, tree)))), tree)
    expect.raises(function() api.trees { nme = "a" } end, "name: required")
    expect.raises(function() api.trees { name = "a", children = 5 } end, "children: expected an array")
    expect.raises(function() api.trees { name = "a", never = 1 } end, "never: expected")
  end)
end)

server:stop()
