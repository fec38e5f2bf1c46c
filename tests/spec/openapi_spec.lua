local documented = require "helpers.documented"
local json = require "anyreach.json"
local openapi = require "anyreach.openapi.operations"
local operations = require "anyreach.operations"
local yaml = require "anyreach.yaml"

-- A document around paths (and components) given as YAML.
local function read(text)
  local document = yaml.decode(text)
  document.openapi = "3.0.3"
  return openapi.read(document, true)
end

-- The body schema of a document's only operation, its schema given as YAML in flow style.
local function body_schema(schema, components)
  local rows, refused = read(("paths: {/core/x: {post: {requestBody: {content: {application/json: "
    .. "{schema: %s}}}}}}\ncomponents: {schemas: %s}"):format(schema, components or "{}"))
  if refused[1] then error(refused[1].reason, 0) end
  return rows[1].body
end

local function by_name(rows)
  local map = {}
  for _, row in ipairs(rows) do map[row.name] = row end
  return map
end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then skip(path .. " is not here: run from the root of the source") end
  local text = file:read("a")
  file:close()
  return text
end

describe("the operation table", function()
  it("holds every documented method and path, and little else", function()
    local rows = {}
    for i, name in ipairs(operations.names()) do rows[i] = operations.describe(name) end
    expect.equal(documented.lines_of(rows), documented.all)
  end)

  it("marks what is inferred", function()
    for _, line in ipairs(documented.inferred) do
      local path, method = line:match("(%S+) (%S+)")
      expect.truthy(operations.describe((operations.match(method, path:gsub("{}", "x")))).unverified)
    end
  end)

  it("polls with an operation that takes the same path", function()
    for _, name in ipairs(operations.names()) do
      local row = operations.describe(name)
      local poll = row.wait and operations.describe(row.wait.poll)
      if row.wait then expect.equal(#poll.path_fields, #row.path_fields) end
      for i, field in ipairs(poll and poll.path_fields or {}) do
        expect.equal(field.name, row.path_fields[i].name)
      end
    end
  end)

  it("describes bodies that are lists, and files", function()
    local sources = operations.describe("sources.create").body
    expect.equal({ sources.types, sources.items.fields[1].name }, { { "array" }, "name" })
    local contacts = operations.describe("campaigns.contacts.upsert").body
    expect.equal(contacts.types, { "array", "object" })
    expect.equal({ contacts.fields[1].name, contacts.items.open }, { "contacts", true })
    expect.equal(operations.describe("datasets.sources.create").multipart, { "file" })
    expect.equal(operations.describe("sources.create").multipart, nil)
  end)
end)

describe("a document", function()
  it("must be an OpenAPI document of version 3 with paths", function()
    expect.raises(function() openapi.read("x") end, "must be an object")
    expect.raises(function() openapi.read { swagger = "2.0" } end, "expected an OpenAPI document of version 3")
    expect.raises(function() openapi.read { openapi = "3.1.0" } end, "has no paths")
  end)

  it("of our own gives what the operation table holds", function()
    local count = 0
    for _, service in ipairs { "admin", "campaign", "core", "knowledge-base", "workflow" } do
      local rows, refused = openapi.read(yaml.decode(read_file("src/openapi/" .. service .. ".yaml")))
      expect.equal(refused, {})
      count = count + #rows
      for _, row in ipairs(rows) do
        local held = operations.describe(row.name)
        expect.equal(row.service, service)
        for _, key in ipairs { "method", "path", "operation_id", "retry", "paging", "writes", "answer_kind",
          "success_status", "scopes", "summary", "source", "id_alias", "wait", "multipart", "public" } do
          expect.equal({ row.name, key, held[key] }, { row.name, key, row[key] })
        end
      end
    end
    expect.equal(count, #operations.names())
  end)

  it("is read although single operations are refused", function()
    local rows, refused = read [[
paths:
  /core/good: {get: {}}
  /core/../bad: {get: {}}
  /core/{a.json: {get: {}}
  core/relative: {get: {}}
  "/core/a b": {get: {}}
  /core//x: {get: {}}
  /core/{missing}: {get: {}}
  /core/{a}{b}: {get: {}}
  /core/retry: {get: {x-retry: sometimes}}
]]
    expect.equal(#rows, 1)
    expect.equal(rows[1].name, "good")
    local reasons = {}
    for _, refusal in ipairs(refused) do reasons[refusal.path] = refusal.reason end
    expect.contains(reasons["/core/../bad"], 'may not contain ".."')
    expect.contains(reasons["/core/{a.json"], "a brace that opens or closes nothing")
    expect.contains(reasons["core/relative"], "must start with /")
    expect.contains(reasons["/core/a b"], "no escape")
    expect.contains(reasons["/core//x"], "empty segments")
    expect.contains(reasons["/core/{missing}"], "{missing} is not described")
    expect.contains(reasons["/core/{a}{b}"], "two parameters with nothing between")
    expect.contains(reasons["/core/retry"], "x-retry: expected one of safe, idempotent, never, got sometimes")
  end)

  it("is refused by operation when names clash", function()
    local rows, refused = read "paths: {/core/a: {get: {x-lua-name: n}}, /core/b: {get: {x-lua-name: n}}}"
    expect.equal(#rows, 1)
    expect.contains(refused[1].reason, "the name n belongs to GET /core/a")
  end)

  it("may offer a form with files beside JSON", function()
    local rows = read [[
paths:
  /core/files:
    post:
      requestBody:
        content:
          application/json: {schema: {type: object}}
          multipart/form-data: {schema: {properties: {
            b: {type: string, format: binary}, a: {type: string, format: binary}, note: {type: string}}}}
  /core/notes:
    post:
      requestBody:
        content:
          application/json: {schema: {type: object}}
          multipart/form-data: {schema: {properties: {note: {type: string}}}}
]]
    local map = by_name(rows)
    expect.equal(map.files.multipart, { "a", "b" })
    expect.equal(map.files.body.types, { "object" })
    expect.equal(map.notes.multipart, nil)
  end)

  it("of malformed parts only refuses", function()
    for _, text in ipairs {
      "paths: {/core/a: {get: {parameters: [1]}}}", "paths: {/core/a: {get: {parameters: [{in: query}]}}}",
      "paths: {/core/a: {post: {requestBody: {content: {application/json: {schema: 1}}}}}}",
      "paths: {/core/a: {post: {requestBody: {$ref: 1}}}}", "paths: {/core/a: {get: {x-lua-name: a..b}}}",
      "paths: {/core/a: {get: {x-lua-name: 'x y'}}}", "paths: {/core/a: {get: {x-lua-name: x.end}}}",
      "paths: {/core/a: {get: {x-lua-name: 1.x}}}", "paths: {/core/a: {get: {x-lua-name: x.}}}",
    } do
      local rows, refused = read(text)
      expect.equal({ #rows, #refused }, { 0, 1 })
    end
    expect.equal({ read "paths: {/core/a: 1, /core/b: [], /core/c: {get: ~}}" }, { {}, {}, {} })
  end)
end)

describe("a name", function()
  it("is derived from path and method", function()
    local rows = read [[
paths:
  /campaign/campaigns: {get: {}, post: {}}
  /campaign/campaigns/{id}:
    parameters: &id [{name: id, in: path}]
    get: {}
    patch: {}
    delete: {}
  /campaign/campaigns/{id}/start: {parameters: *id, post: {}}
  /campaign/campaigns/{id}/stats: {parameters: *id, get: {}}
  /campaign/campaigns/{id}/contacts: {parameters: *id, get: {parameters: [{name: offset, in: query}]}}
  /campaign/concurrency-settings: {get: {}, put: {}}
  /campaign/timezones: {get: {}}
  /core/conversations/{id}/end: {parameters: *id, post: {}}
  /core/2fa: {post: {}}
]]
    local map = by_name(rows)
    for name, method in pairs {
      ["campaigns.list"] = "GET", ["campaigns.create"] = "POST", ["campaigns.get"] = "GET",
      ["campaigns.update"] = "PATCH", ["campaigns.delete"] = "DELETE", ["campaigns.start"] = "POST",
      ["campaigns.stats"] = "GET", ["campaigns.contacts.list"] = "GET",
      ["concurrency_settings.get"] = "GET", ["concurrency_settings.update"] = "PUT",
      timezones = "GET", ["conversations.end_"] = "POST", _2fa = "POST",
    } do
      expect.equal({ name, map[name] and map[name].method }, { name, method })
    end
    expect.equal(#rows, 13)
  end)
end)

describe("what extensions leave out", function()
  it("follows the method and the parameters", function()
    local rows = by_name((read [[
paths:
  /core/things:
    get:
      parameters: [{name: cursor, in: query}]
      responses: {"200": {content: {application/json: {schema: {type: array}}}}}
    post: {responses: {"201": {content: {text/plain: {}}}, "200": {}, "404": {}}}
  /core/things/{id}:
    parameters: [{name: id, in: path}]
    put: {}
    delete: {responses: {"204": {}}, security: []}
]]))
    local function facts(name)
      local row = rows[name]
      return { row.retry, row.writes, row.paging, row.answer_kind, row.success_status, row.public }
    end
    expect.equal(facts("things.list"), { "safe", false, "cursor", "json", 200, false })
    expect.equal(facts("things.create"), { "never", true, "none", "none", 200, false })
    expect.equal(facts("things.update"), { "idempotent", true, "none", "none", 200, false })
    expect.equal(facts("things.delete"), { "idempotent", true, "none", "none", 204, true })
    expect.equal(rows["things.list"].summary, "GET /core/things")
    expect.equal(rows["things.update"].path_fields[1].required, true)
  end)
end)

describe("a schema", function()
  it("knows types, nullable and both spellings of null", function()
    expect.equal(body_schema("{type: string, nullable: true}").types, { "string", "null" })
    expect.equal(body_schema("{type: [string, 'null']}").types, { "string", "null" })
    expect.equal(body_schema("{anyOf: [{type: integer}, {type: 'null'}]}").types, { "integer", "null" })
    expect.equal(#body_schema("{}").types, 7)
    expect.equal(body_schema("{properties: {}}").types, { "object" })
    expect.equal(body_schema("{enum: [a, b]}").choices, { "a", "b" })
    expect.raises(function() body_schema("{type: file}") end, 'unknown type "file"')
  end)

  it("keeps limits and defaults", function()
    local s = body_schema("{type: integer, minimum: 1, maximum: 100, default: 20}")
    expect.equal({ s.minimum, s.maximum, s.default_json }, { 1, 100, "20" })
    expect.equal(body_schema("{type: array, default: []}").default_json, "[]")
    expect.equal(body_schema("{type: string, minLength: 2}").min_length, 2)
  end)

  it("is open unless it says otherwise", function()
    expect.equal(body_schema("{type: object}").open, true)
    expect.equal(body_schema("{type: object, additionalProperties: false}").open, nil)
    expect.equal(body_schema("{type: object, additionalProperties: {type: string}}").open, true)
  end)

  it("lists required fields first", function()
    local names = {}
    for i, field in ipairs(body_schema("{required: [z], properties: {b: {}, z: {}, a: {}}}").fields) do
      names[i] = field.name
    end
    expect.equal(names, { "z", "a", "b" })
  end)

  it("reads oneOf of required names as a choice of fields", function()
    expect.equal(body_schema("{type: object, oneOf: [{required: [a]}, {required: [b]}]}").exactly_one_of,
      { "a", "b" })
    expect.equal(body_schema("{type: object, anyOf: [{required: [a]}, {required: [b]}]}").exactly_one_of, nil)
  end)

  it("joins alternatives without saying too much", function()
    local s = body_schema("{oneOf: [{type: integer, minimum: 1}, {type: string, enum: [latest]}]}")
    expect.equal({ s.types, s.minimum, s.choices }, { { "integer", "string" }, 1, { "latest" } })
    s = body_schema("{oneOf: [{type: string, enum: [a]}, {type: string, format: uuid}]}")
    expect.equal({ s.types, s.choices, s.format }, { { "string" } })
    s = body_schema("{anyOf: [{type: object, additionalProperties: false, properties: {a: {}}}, "
      .. "{type: object, additionalProperties: false, properties: {b: {}}}]}")
    expect.equal({ s.open, s.fields }, { true })
  end)

  it("merges allOf", function()
    local s = body_schema("{allOf: [{$ref: '#/components/schemas/A'}, {properties: {b: {type: string}, "
      .. "a: {type: integer, minimum: 3}}, required: [b]}]}",
      "{A: {type: object, additionalProperties: false, properties: {a: {type: number, minimum: 1}}}}")
    expect.equal(s.types, { "object" })
    expect.equal(s.open, nil)
    expect.equal({ s.fields[1].name, s.fields[1].required }, { "b", true })
    expect.equal({ s.fields[2].schema.types, s.fields[2].schema.minimum }, { { "integer" }, 3 })
  end)

  it("follows local references and refuses others", function()
    expect.equal(body_schema("{$ref: '#/components/schemas/a~1b'}", "{a/b: {type: string}}").types, { "string" })
    for ref, reason in pairs {
      ["other.yaml#/A"] = "leads out of the document", ["https://example.com/x"] = "leads out of the document",
      ["#/components/schemas/None"] = "leads nowhere",
    } do
      expect.raises(function() body_schema(("{$ref: '%s'}"):format(ref)) end, reason)
    end
  end)

  it("refuses to contain itself", function()
    expect.raises(function()
      body_schema("{$ref: '#/components/schemas/A'}", "{A: {properties: {a: {$ref: '#/components/schemas/A'}}}}")
    end, "the schema #/components/schemas/A contains itself")
    expect.raises(function()
      body_schema("{$ref: '#/components/schemas/A'}",
        "{A: {$ref: '#/components/schemas/B'}, B: {$ref: '#/components/schemas/A'}}")
    end, "contains itself")
  end)

  it("that is referred to many times is read once", function()
    local parts = { "S0: {type: string}" }
    for i = 1, 60 do
      parts[i + 1] = ("S%d: {properties: {a: {$ref: '#/components/schemas/S%d'}, "
        .. "b: {$ref: '#/components/schemas/S%d'}}}"):format(i, i - 1, i - 1)
    end
    local s = body_schema("{$ref: '#/components/schemas/S60'}", "{" .. table.concat(parts, ", ") .. "}")
    expect.truthy(s.fields[1].schema == s.fields[2].schema)
  end)
end)

describe("a query parameter", function()
  it("that is described by a content type travels as JSON text", function()
    local rows = read [[
paths:
  /core/a:
    get:
      parameters:
        - {name: m, in: query, required: true, description: " two\n words ", x-unverified: true,
           content: {application/json: {schema: {type: object}}}}
        - {name: h, in: header, schema: {type: string}}
]]
    local field = rows[1].parameters[1]
    expect.equal({ field.schema.json_text, field.schema.types, field.required, field.summary, field.unverified },
      { true, { "object" }, true, "two words", true })
    expect.equal({ #rows[1].parameters, rows[1].parameters[2].place }, { 2, "header" })
  end)

  it("of the operation wins over the path's", function()
    local rows = read [[
paths:
  /core/a:
    parameters: [{name: x, in: query, schema: {type: string}}, {name: y, in: query}]
    get: {parameters: [{name: x, in: query, schema: {type: integer}}]}
]]
    expect.equal(rows[1].parameters[1].schema.types, { "integer" })
    expect.equal(#rows[1].parameters, 2)
  end)
end)

describe("documents in JSON", function()
  it("are read alike", function()
    local rows = openapi.read(json.decode [[{"openapi":"3.1.0","paths":{"/core/a":{"get":{
      "parameters":[],"responses":{"200":{"content":{"application/json":{"schema":{}}}}}}}}}]])
    expect.equal({ rows[1].name, rows[1].answer_kind }, { "a", "json" })
  end)
end)
