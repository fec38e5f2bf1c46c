-- What is said of operations: help with examples that could be sent, and what has changed in one.

local update = require "anyreach.openapi.update"
local examples = require "anyreach.openapi.examples"
local json = require "anyreach.json"
local openapi = require "anyreach.openapi.operations"
local operation_help = require "anyreach.openapi.help"
local operations = require "anyreach.operations"
local yaml = require "anyreach.yaml"

describe("the help of an operation", function()
  it("holds signature, fields, scopes, source and both examples", function()
    local text = operation_help.text(operations.describe("agents.versions.publish"))
    for _, part in ipairs {
      "api.agents.versions.publish(agent_id, version, { … })",
      "POST /core/agents/{agent_id}/versions/{version}/publish",
      "inbound|outbound|both (default \"inbound\")", "Scopes (one is enough): agents:manage", "Source: /",
      'api.agents.versions.publish("AGENT_ID", "latest"', "curl -X POST 'https://api.anyreach.ai/core/agents/AGENT_ID/",
      "Bearer $ANYREACH_TOKEN",
    } do
      expect.contains(text, part)
    end
  end)

  it("is there for every operation, and its Lua example can be read", function()
    for _, name in ipairs(operations.names()) do
      local operation = operations.describe(name)
      expect.contains(operation_help.text(operation), operation.summary:match("^%S+"))
      expect.truthy(load(examples.lua(operation)))
      expect.contains(examples.curl(operation), "https://api.anyreach.ai/" .. operation.service)
    end
  end)

  it("shows no credential where none is taken", function()
    expect.falsy(examples.curl(operations.describe("public.web_widgets.get")):find("Bearer", 1, true))
  end)
end)

describe("the example of an operation", function()
  it("passes the check that every call passes", function()
    for _, name in ipairs(operations.names()) do
      local operation = operations.describe(name)
      local body = examples.curl(operation):match("%-d '(.*)'$")
      local value = body and json.decode((body:gsub("'\\''", "'"))) or nil
      expect.equal({ name, operations.check(name, "body", value) }, { name })
    end
  end)
end)

describe("the comparison of two rows", function()
  -- The lines from one operation to another, both as OpenAPI in YAML.
  local function changes(old, new)
    local function row(text)
      return openapi.read(yaml.decode("openapi: 3.0.3\npaths: {/s/a: {post: " .. text .. "}}"))[1]
    end
    return update.compare(row(old), row(new))
  end

  local function body(schema)
    return ("{requestBody: {content: {application/json: {schema: %s}}}}"):format(schema)
  end

  it("finds nothing in equal ones, whatever their words", function()
    expect.equal(changes("{summary: one}", "{summary: two, description: more}"), {})
  end)

  it("names parameters that came, went or changed", function()
    expect.equal(changes(
      "{parameters: [{name: a, in: query}, {name: b, in: query, schema: {type: string}}, {name: c, in: query}]}",
      "{parameters: [{name: b, in: query, schema: {type: integer, minimum: 1}}, {name: c, in: query, required: true},"
        .. " {name: d, in: query, required: true}, {name: e, in: query}]}"),
      { "query.a: gone", "query.b: type now integer, was string", "query.b: minimum now 1, was none",
        "query.c: now required", "query.d: new, required", "query.e: new" })
  end)

  it("goes into bodies and answers", function()
    expect.equal(changes(
      body "{properties: {a: {properties: {b: {enum: [x, y]}}}, l: {type: array, items: {type: string}}}}",
      body "{properties: {a: {properties: {b: {enum: [x]}}}, l: {type: array, items: {type: number}}}}"),
      { "body.a.b: now one of x, was x|y", "body.l[]: type now number, was string" })
    expect.equal(changes("{}", body "{type: object}"), { "body: new" })
    expect.equal(changes(body "{type: object}", body "{type: object, additionalProperties: false}"),
      { "body: no longer takes further fields" })
    expect.equal(changes("{}", "{security: [], responses: {'200': {content: {text/plain: {schema: {type: string}}}}}}"),
      { "answer: now text, was none", "answer: new", "credential: no longer needed" })
  end)
end)
