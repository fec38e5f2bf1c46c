-- Operations that come while the program runs: what a document makes of the operation table, and what
-- hostile documents cannot make of it. The table is one for the process, so each test has paths of its own.

local document = require "anyreach.openapi.document"
local json = require "anyreach.json"
local live = require "anyreach.openapi.live_documents"
local openapi = require "anyreach.openapi.operations"
local operations = require "anyreach.operations"
local write = require "anyreach.openapi.write"

local function parse(text, service)
  return live.read(document.decode(text, "test"), "test", service)
end

-- Adds the operations of paths given as YAML in flow style; returns the refused ones.
local function define(paths)
  local reading = parse("openapi: 3.0.3\npaths: " .. paths)
  live.define(reading)
  return reading.refused
end

local function client()
  return anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_test" }
end

local function minimal(changes)
  local row = {
    name = "minimal", method = "GET", path = "/core/minimal", service = "core", operation_id = "minimal",
    summary = "Minimal.", answer_kind = "none", paging = "none", retry = "safe",
  }
  for key, value in pairs(changes) do row[key] = value end
  return row
end

describe("a new operation", function()
  it("is there for names, lookups, checks and every client at once", function()
    local api = client()
    expect.raises(function() return api.parrots end, "api has no 'parrots'")
    expect.equal(define [[{/core/parrots: {post: {summary: Buy., requestBody: {required: true, content: {
      application/json: {schema: {type: object, additionalProperties: false, required: [color], properties: {
      color: {type: string, enum: [green, red]}}}}}}}, get: {}}}]], {})
    expect.equal(operations.match("POST", "/core/parrots"), "parrots.create")
    expect.equal(operations.describe("parrots.create").summary, "Buy.")
    expect.equal(operations.check("parrots.create", "body", { color = "gren" })[1].path, "color")
    expect.equal(tostring(api.parrots.create), "api.parrots.create({…})")
    expect.raises(function() api.parrots.create { color = "gren" } end, 'did you mean "green"?')
    expect.raises(function() return api.parrots.creat end, "did you mean 'create'?")
  end)

  it("is sent once, unless its method says that it may be repeated", function()
    define "{/core/lorries: {get: {}, post: {}}, '/core/lorries/{id}': {parameters: [{name: id, in: path}], put: {}}}"
    expect.equal(operations.describe("lorries.create").retry, "never")
    expect.equal(operations.describe("lorries.list").retry, "safe")
    expect.equal(operations.describe("lorries.update").retry, "idempotent")
  end)

  it("whose name is taken stands behind its service's name", function()
    expect.equal(define [[{/campaign/agents: {get: {}},
      '/campaign/agents/{id}': {parameters: [{name: id, in: path}], get: {}}}]], {})
    expect.equal(operations.describe("campaign.agents.list").path, "/campaign/agents")
    expect.equal(operations.describe("agents.list").path, "/core/agents")
  end)

  it("never takes the place of what the client itself has, or of a namespace", function()
    expect.equal(define [[{/core/request: {get: {}}, /core/try: {get: {}}, /core/agents/each: {get: {}},
      /core/a1: {get: {x-lua-name: campaigns}}, /core/a2: {get: {x-lua-name: agents.list.all}},
      /core/a3: {get: {x-lua-name: sources.upload}}, /core/a4: {get: {x-lua-name: "no name"}}}]], {})
    for name, path in pairs {
      ["get_core_agents_each"] = "/core/agents/each", ["a4"] = "/core/a4",
      ["core.request"] = "/core/request", ["core.try"] = "/core/try", ["core.campaigns"] = "/core/a1",
      ["core.agents.list.all"] = "/core/a2", ["core.sources.upload"] = "/core/a3",
    } do
      expect.equal({ name, (operations.describe(name) or {}).path }, { name, path })
    end
  end)
end)

describe("a known operation", function()
  it("takes over parameters and body, and keeps what the document does not say", function()
    local before = operations.describe("trunks.update")
    local found = openapi.read(document.decode([[
openapi: 3.0.3
paths:
  /core/trunks/{id}:
    patch:
      x-lua-name: other.name
      parameters:
        - {name: id, in: path, schema: {type: string, format: uuid}}
        - {name: dry, in: query, schema: {type: boolean}}
      requestBody: {content: {application/json: {schema: {type: object, properties: {color: {type: string}}}}}}
      responses: {"200": {description: fine}}
]], "test"))
    found[1].method, found[1].path = before.method, before.path:gsub("{.-}", "{id}")
    local entry = document.rows(found)[1]
    local row = entry.row
    expect.equal({ row.name, row.path, row.path_fields[1].name },
      { before.name, before.path, before.path_fields[1].name })
    expect.equal(row.path_fields[1].schema.format, "uuid")
    expect.equal({ row.parameters[1].name, row.body.fields[1].name }, { "dry", "color" })
    for _, key in ipairs {
      "retry", "paging", "id_alias", "wait", "public", "scopes", "summary", "answer_kind", "writes",
    } do
      expect.equal({ key, row[key] }, { key, before[key] })
    end
    expect.equal(entry.known.name, before.name)
  end)

  it("follows what the document says explicitly, but not of repeating and paging", function()
    local found = openapi.read(document.decode([[
openapi: 3.0.3
paths: {/core/agents: {get: {security: [], x-retry: never, x-pagination: none, summary: "New\nwords."}}}
]], "test"))
    local row = document.rows(found)[1].row
    expect.equal({ row.public, row.retry, row.paging, row.summary }, { true, "safe", "cursor", "New words." })
  end)

  it("that was bound before goes on as it was", function()
    define "{/core/owls: {get: {}}}"
    local old = client().owls
    define "{/core/owls: {get: {parameters: [{name: wise, in: query, schema: {type: boolean}}]}}}"
    expect.equal(tostring(old), "api.owls()")
    expect.equal(tostring(client().owls), "api.owls({…})")
  end)
end)

describe("what has no form on the wire", function()
  it("is refused, not left out", function()
    define [[{/core/cranes: {get: {parameters: [
      {name: filter, in: query, schema: {type: object}}, {name: tags, in: query, schema: {type: array}},
      {name: any, in: query, schema: {}}]}}}]]
    local cranes = client().cranes
    for problem, fields in pairs {
      ["tags[2]: only texts, numbers and booleans can be sent here"] = { tags = { "a", { b = 1 } } },
      ["any[1]: only texts, numbers and booleans can be sent here"] = { any = { json.null } },
      ["any: null cannot be sent here; leave it out"] = { any = json.null },
      ["unknown field"] = { ["any\0more"] = 1 },
    } do
      expect.raises(function() cranes(fields) end, problem)
    end
    expect.equal(select(2, pcall(cranes, { tags = {}, any = "x", filter = {} })).kind, "network")
    expect.raises(function() client().agents.create { name = "x", ["active\0"] = true } end, "unknown field")
  end)
end)

describe("operations.define", function()
  it("gives back what it was given", function()
    local rows = {}
    for i, name in ipairs(operations.names()) do rows[i] = operations.describe(name) end
    expect.equal(operations.define(rows), {})
    for i, name in ipairs(operations.names()) do expect.equal(operations.describe(name), rows[i]) end
  end)

  it("refuses a row that is wrong, and takes the others", function()
    local deep, endless = { types = { "array" } }, { types = { "array" } }
    local schema = deep
    for _ = 1, 100 do
      schema.items = { types = { "array" } }
      schema = schema.items
    end
    endless.items = endless
    local wide, leaf = { types = { "object" }, fields = {} }, { types = { "string" } }
    for _ = 1, 16 do
      wide = { types = { "object" }, fields = { { name = "a", schema = wide }, { name = "b", schema = wide } } }
    end
    local refused = operations.define {
      minimal { name = "fine.one", path = "/core/fine-one" },
      minimal { path = "/core/../admin" },
      minimal { path = "/core/{id}" },
      minimal { method = "TRACE" },
      minimal { name = "no name" },
      minimal { retry = "often" },
      minimal { summary = 5 },
      minimal { summary = "a\0b" },
      minimal { body = { types = { "file" } } },
      minimal { body = deep },
      minimal { body = endless },
      minimal { body = wide },
      minimal { body = { types = { "object" }, fields = { { schema = leaf } } } },
      minimal { scopes = "all" },
      minimal { wait = { poll = print } },
      setmetatable({}, { __index = error }),
      "row",
    }
    expect.equal(#refused, 16)
    expect.equal(refused[1], { name = "minimal", reason = "the path cannot be used, or its parameters do not fit it" })
    expect.contains(refused[9].reason, "less nesting")
    expect.contains(refused[10].reason, "less nesting")
    expect.contains(refused[11].reason, "fewer fields")
    expect.truthy(operations.describe("fine.one"))
    expect.equal(operations.describe("minimal"), nil)
  end)

  it("takes none when the names do not go together", function()
    expect.raises(function()
      operations.define { minimal { name = "twin" }, minimal { name = "twin", path = "/core/other" } }
    end, "two operations have the name 'twin'")
    expect.equal(operations.describe("twin"), nil)
  end)
end)

describe("a document", function()
  it("lies behind its server's path, or else behind its service's name", function()
    local function first(servers, path, service)
      local text = ("openapi: 3.0.3\nservers: %s\npaths: {%s: {get: {}}}"):format(servers, path)
      local value = document.decode(text, "test")
      return (next(document.place(value, service).paths))
    end
    expect.equal(first("[]", "/a", "core"), "/core/a")
    expect.equal(first("[]", "/core/a", "core"), "/core/a")
    expect.equal(first("[]", "/a"), "/a")
    expect.equal(first("[{url: 'https://example.com/v1/'}]", "/a", "core"), "/v1/a")
    expect.equal(first("[{url: /core}]", "/core/a"), "/core/a")
    expect.equal(first("[{url: 'https://{region}.example.com/v1'}]", "/a"), "/a")
  end)

  it("is what the sandbox makes of the table, and reads as the same table", function()
    local rows = {}
    for i, name in ipairs(operations.names()) do rows[i] = operations.describe(name) end
    local found, refused = openapi.read(json.decode(json.encode(write.document("test", rows))))
    expect.equal(refused, {})
    local merged = document.rows(found)
    expect.equal(#merged, #rows)
    for _, entry in ipairs(merged) do
      expect.equal({ entry.row.name, require("anyreach.openapi.update").compare(entry.known, entry.row) },
        { entry.row.name, {} })
    end
  end)

  it("that is none is refused with the reason", function()
    for text, reason in pairs {
      [""] = "expected an OpenAPI document", ["{}"] = "expected an OpenAPI document", ["[1]"] = "expected an OpenAPI",
      ["{\"a\":"] = "test: line 1", ["a: [b"] = "test:1:4: the [ is not closed",
      ["openapi: 2.0.0\npaths: {}"] = "version 3",
      ["openapi: 3.0.0\npaths: []"] = false, ["<html>"] = "expected an OpenAPI document",
    } do
      if reason then expect.raises(function() parse(text) end, reason) else parse(text) end
    end
    expect.raises(function() document.decode((" "):rep(16 * 1024 * 1024 + 1), "test") end, "16 MiB")
  end)

  it("of too many operations is refused", function()
    local paths = {}
    for i = 1, 5001 do paths["/core/p" .. i] = { get = {} } end
    expect.raises(function() openapi.read { openapi = "3.0.3", paths = paths } end, "more than 5000 operations")
    paths["/core/p1"] = nil
    local reading = live.read({ openapi = "3.0.3", paths = paths }, "test")
    expect.equal(#reading.merged, 5000)
  end)
end)

describe("a hostile operation", function()
  local function reason(paths, components)
    local reading = parse(("openapi: 3.0.3\npaths: %s\ncomponents: {schemas: %s}"):format(paths, components or "{}"))
    return reading.refused[1] and reading.refused[1].reason or "taken"
  end

  it("is refused for its path or its server", function()
    expect.contains(reason "{/core/../admin: {get: {}}}", '".."')
    expect.contains(reason "{'//evil.example/x': {get: {}}}", "empty segments")
    expect.contains(reason "{'https://evil.example/x': {get: {}}}", "must start with /")
    expect.contains(reason "{'/core/a?b': {get: {}}}", "no part of a path")
    expect.contains(reason '{"/core/a\\nb": {get: {}}}', "need no escape")
    expect.contains(reason "{/core/a: {get: {servers: [{url: 'https://evil.example'}]}}}", "served elsewhere")
    expect.contains(reason "{/core/a: {servers: [{url: 'ftp://evil.example'}], get: {}}}", "served elsewhere")
  end)

  it("is refused for control characters in names, and loses them in its texts", function()
    expect.contains(reason '{/core/a: {get: {parameters: [{name: "a\\e[31m", in: query}]}}}', "control character")
    expect.contains(reason '{/core/a: {get: {parameters: [{name: "", in: query}]}}}', "has no name")
    local reading = parse("openapi: 3.0.3\n"
      .. [[paths: {/core/a: {get: {summary: "a\e]0;x\ab\Nc", description: "\x7f"}}}]])
    expect.equal(reading.merged[1].row.summary, "a ]0;x b c")
    expect.equal(reading.merged[1].row.description, nil)
  end)

  it("is refused for schemas that multiply, and described less where they contain themselves", function()
    local body = "{/core/a: {post: {requestBody: {content: {application/json: {schema: "
      .. "{$ref: '#/components/schemas/A'}}}}}}}"
    expect.equal(reason(body, "{A: {properties: {a: {$ref: '#/components/schemas/A'}}}}"), "taken")
    expect.equal(reason(body, "{A: {$ref: 'https://evil.example/x'}}"), "taken")
    local parts = { "S0: {type: string}" }
    for i = 1, 60 do
      local ref = ("{$ref: '#/components/schemas/S%d'}"):format(i - 1)
      parts[i + 1] = ("S%d: {properties: {a: %s, b: %s}}"):format(i, ref, ref)
    end
    local shared = table.concat(parts, ", ")
    local last = "{$ref: '#/components/schemas/S60'}"
    expect.contains(reason(body, ("{%s, A: {allOf: [%s, %s]}}"):format(shared, last, last)), "too large")
    local reading = parse(("openapi: 3.0.3\npaths: %s\ncomponents: {schemas: {%s, A: %s}}")
      :format(body, shared, last))
    live.define(reading)
    expect.equal(reading.refused, {}) -- its schema is left out
  end)

  it("is refused for values of the wrong kind", function()
    for _, node in ipairs {
      "{parameters: [5]}", "{parameters: [null]}", "{parameters: [{name: 5, in: query}]}", "{requestBody: 5}",
      "{requestBody: {content: {application/json: {schema: 5}}}}", "{x-scopes: all}", "{x-wait: soon}",
      "{x-wait: {poll: x, running: soon}}", "{x-retry: sometimes}",
      "{parameters: [{name: a, in: query, schema: {required: [.nan], properties: {}}}]}",
    } do
      expect.falsy(reason(("{/core/a: {get: %s}}"):format(node)) == "taken")
    end
    expect.equal(reason "{/core/a: 5, 7: {get: 5}, /core/b: {get: {responses: 5, parameters: 5, security: 5}}}",
      "taken")
  end)
end)
