-- Parameters of live documents: how values are written in paths, queries, headers and cookies, by OpenAPI's styles
-- (https://spec.openapis.org/oas/v3.1.0#style-examples; keys of objects come sorted), and the headers of a call. The
-- curl command of a call shows its request without sending it.

local document = require "anyreach.openapi.document"
local json = require "anyreach.json"
local live = require "anyreach.openapi.live_documents"

local api = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_test", retries = 0,
  headers = { ["X-Client"] = "client" } }

local count = 0

-- The operation of a document with these parameters, and for its path what follows "/core/pN".
local function operation(parameters, path)
  count = count + 1
  local value = { openapi = "3.1.0", paths = { [("/core/p%d%s"):format(count, path or "")] = { get = {
    ["x-lua-name"] = "p" .. count, parameters = json.array(parameters), responses = {} } } } }
  local reading = live.read(document.decode(json.encode(value), "test"), "test")
  live.define(reading)
  expect.equal(reading.refused, {})
  return api["p" .. count]
end

-- What curl would be given: the target behind "/core/pN", and the header lines.
local function shown(call, ...)
  local command = call.curl(...)
  local headers = {}
  for line in command:gmatch "%-H '([^']*)'" do headers[#headers + 1] = line end
  return command:match "/core/p%d+([^' ]*)", headers, command
end

local SCALAR, ARRAY, OBJECT = "blue", { "blue", "black", "brown" }, { R = 100, G = 200, B = 150 }

local EXAMPLES = {
  path = {
    { nil, nil, "/blue", "/blue,black,brown", "/B,150,G,200,R,100" },
    { "simple", true, "/blue", "/blue,black,brown", "/B=150,G=200,R=100" },
    { "label", false, "/.blue", "/.blue,black,brown", "/.B,150,G,200,R,100" },
    { "label", true, "/.blue", "/.blue.black.brown", "/.B=150.G=200.R=100" },
    { "matrix", false, "/;color=blue", "/;color=blue,black,brown", "/;color=B,150,G,200,R,100" },
    { "matrix", true, "/;color=blue", "/;color=blue;color=black;color=brown", "/;B=150;G=200;R=100" },
  },
  query = {
    { nil, nil, "?color=blue", "?color=blue&color=black&color=brown", "?B=150&G=200&R=100" },
    { "form", false, "?color=blue", "?color=blue,black,brown", "?color=B,150,G,200,R,100" },
    { "spaceDelimited", false, "?color=blue", "?color=blue%20black%20brown", "?color=B%20150%20G%20200%20R%20100" },
    { "pipeDelimited", false, "?color=blue", "?color=blue%7Cblack%7Cbrown", "?color=B%7C150%7CG%7C200%7CR%7C100" },
    { "spaceDelimited", true, "?color=blue", "?color=blue&color=black&color=brown", "?B=150&G=200&R=100" },
    { "deepObject", true, "?color=blue", false, "?color%5BB%5D=150&color%5BG%5D=200&color%5BR%5D=100" },
  },
  header = {
    { nil, nil, "color: blue", "color: blue,black,brown", "color: B,150,G,200,R,100" },
    { "simple", true, "color: blue", "color: blue,black,brown", "color: B=150,G=200,R=100" },
  },
  cookie = {
    { nil, nil, "Cookie: color=blue", false, false },
    { "form", false, "Cookie: color=blue", "Cookie: color=blue,black,brown", "Cookie: color=B,150,G,200,R,100" },
  },
}

describe("a parameter of a style", function()
  for place, examples in pairs(EXAMPLES) do
    it("is written as the specification shows it: " .. place, function()
      for _, example in ipairs(examples) do
        local style, explode = example[1], example[2]
        local parameter = { name = "color", ["in"] = place, style = style, explode = explode }
        parameter.required = place == "path"
        local call = operation({ parameter }, place == "path" and "/{color}" or nil)
        for i, value in ipairs { SCALAR, ARRAY, OBJECT } do
          local expected = example[i + 2]
          local arguments = place == "path" and { value } or { { color = value } }
          if expected then
            local target, headers = shown(call, table.unpack(arguments))
            local is_header = place == "header" or place == "cookie"
            expect.equal({ style, explode, is_header and headers[#headers] or target }, { style, explode, expected })
          else
            expect.raises(function() call(table.unpack(arguments)) end, "color: ")
          end
        end
      end
    end)
  end

  it("does not let a value be taken for a delimiter", function()
    local odd = "a,b.c;d=e&f g|h/i%25?"
    local encoded = "a%2Cb.c%3Bd%3De%26f%20g%7Ch%2Fi%2525%3F"
    for _, style in ipairs { "simple", "label", "matrix" } do
      local call = operation({ { name = "v", ["in"] = "path", required = true, style = style } }, "/{v}")
      local target = shown(call, { odd, odd })
      expect.equal(target:sub(-2 * #encoded - 1), encoded .. "," .. encoded)
    end
    for _, style in ipairs { "form", "spaceDelimited", "pipeDelimited" } do
      local call = operation { { name = "v", ["in"] = "query", style = style, explode = false } }
      local target = shown(call, { v = { odd, odd } })
      expect.equal(select(2, target:gsub(encoded:gsub("%%", "%%%%"), "")), 2)
    end
    local deep = operation { { name = "v", ["in"] = "query", style = "deepObject" } }
    expect.equal(shown(deep, { v = { ["a]=b&c"] = odd } }), "?v%5Ba%5D%3Db%26c%5D=" .. encoded)
    local header = operation { { name = "X-V", ["in"] = "header" } }
    expect.raises(function() header { ["X-V"] = "a\r\nAuthorization: b" } end, "control character")
  end)

  it("cannot make a path another one", function()
    local label = operation({ { name = "v", ["in"] = "path", required = true, style = "label" } }, "/{v}")
    local simple = operation({ { name = "v", ["in"] = "path", required = true } }, "/{v}")
    for _, value in ipairs { ".", "", { "." }, { "" } } do
      if not (type(value) == "table" and value[1] == ".") then
        expect.raises(function() label(value) end, "cannot be part of a path")
      end
      expect.raises(function() simple(value) end, "cannot be part of a path")
    end
    expect.raises(function() simple {} end, "must not be empty")
  end)

  it("whose value has parts of its own is refused, and so is null", function()
    for _, place in ipairs { "query", "header" } do
      local call = operation { { name = "v", ["in"] = place } }
      expect.raises(function() call { v = { { a = 1 } } } end, "v[1]: only texts, numbers and booleans")
      expect.raises(function() call { v = { a = { 1 } } } end, "v.a: only texts, numbers and booleans")
      expect.raises(function() call { v = { json.null } } end, "v[1]: only texts, numbers and booleans")
      expect.raises(function() call { v = json.null } end, "v: null cannot be sent here; leave it out")
    end
  end)

  it("is JSON text where the document says so, in every place", function()
    local content = { ["application/json"] = { schema = {} } }
    local parameters = {}
    for i, place in ipairs { "path", "query", "header" } do
      parameters[i] = { name = place:sub(1, 1), ["in"] = place, required = place == "path", content = content }
    end
    local call = operation(parameters, "/{p}")
    local target, headers = shown(call, { a = { 1 } }, { q = { b = json.null }, h = { 1, { c = "d" } } })
    expect.equal({ target, headers[#headers] },
      { "/%7B%22a%22%3A%5B1%5D%7D?q=%7B%22b%22%3Anull%7D", 'h: [1,{"c":"d"}]' })
  end)
end)

describe("parameters of one name", function()
  it("are called by their places from the second on, and sent under their own", function()
    local call = operation { { name = "id", ["in"] = "query" }, { name = "id", ["in"] = "header" },
      { name = "id", ["in"] = "cookie" } }
    local target, headers = shown(call, { id = 1, header_id = 2, cookie_id = 3 })
    expect.equal({ target, headers[#headers - 1], headers[#headers] }, { "?id=1", "id: 2", "Cookie: id=3" })
  end)

  it("give way to a field of the body", function()
    live.define(live.read(document.decode([[
openapi: 3.0.3
paths:
  /core/both/{id}:
    post:
      parameters: [{name: id, in: path, required: true}, {name: note, in: query}]
      requestBody: {content: {application/json: {schema: {type: object, properties: {note: {type: string}}}}}}
]], "test"), "test"))
    local command = api.both.create.curl("x", { note = "body", query_note = "query" })
    expect.contains(command, "/core/both/x?note=query")
    expect.contains(command, '{"note":"body"}')
  end)

  it("are left out where the header is the program's own", function()
    local names = { "Authorization", "accept", "Content-Type", "X-Anyreach-Org", "Host" }
    local parameters = {}
    for i, name in ipairs(names) do parameters[i] = { name = name, ["in"] = "header", required = true } end
    local _, headers = shown(operation(parameters), nil)
    expect.equal(headers, { "Accept: application/json", "X-Client: client" })
    expect.raises(function() operation { { name = "q", ["in"] = "query", required = true } } () end, "q: required")
  end)
end)

describe("headers of a call", function()
  it("go with any operation and with api.request, before the client's own", function()
    local options = { headers = { ["If-Match"] = '"3"', ["x-client"] = "call" } }
    local _, headers = shown(operation { { name = "q", ["in"] = "query" } }, { q = 1 }, options)
    table.sort(headers)
    expect.equal(headers, { "Accept: application/json", 'If-Match: "3"', "x-client: call" })
    expect.contains(api.agents.get.curl("x", nil, options), 'If-Match: "3"')
    local _, err = pcall(api.agents.get, "x", nil, options)
    expect.equal(err.kind, "network")
  end)

  it("are refused where they are the program's own, or no headers", function()
    for problem, headers in pairs {
      ["headers.authorization: this header is set by the program"] = { authorization = "Bearer x" },
      ["headers.X-Anyreach-Org: this header is set by the program"] = { ["X-Anyreach-Org"] = "x" },
      ["headers.Content-Length: this header is set by the program"] = { ["Content-Length"] = "0" },
      ["'a b' is not a header name"] = { ["a b"] = "x" },
      ["'1' is not a header name"] = { "x" },
      ["headers.A: expected a string, got a table"] = { A = {} },
      ["headers: expected a table, got a string"] = "x",
    } do
      expect.raises(function() api.agents.get("x", nil, { headers = headers }) end, problem)
      expect.raises(function() api.request { path = "/core/agents", headers = headers } end, problem)
    end
    expect.raises(function() api.agents.get("x", nil, { header = {} }) end, "unknown option 'header'")
    expect.raises(function() api.agents.get("x", nil, { headers = { A = "b\nc" } }) end, "control character")
    expect.raises(function() api.agents.get("x", nil, "y") end, "at most 2 are taken")
  end)
end)
