-- The exact bytes that go over the wire: one expectation an operation, and what no value, header or
-- server can make of a request.

local expectations = require "helpers.wire_expectations"
local operations = require "anyreach.operations"
local wire = require "helpers.wire"
local wire_request = require "helpers.wire_request"

local bytes, TOKEN, ID = wire_request.bytes, wire_request.TOKEN, wire_request.ID

local TOGETHER = 24 -- requests for which tests/helpers/wire_server.c waits in that manner

local function client(server, options)
  options = options or {}
  options.base_url = options.base_url or server.base_url
  options.token = options.token or TOKEN
  return anyreach.client(options)
end

local function expectations_for(name)
  return expectations[name] or error("no wire expectation for " .. name)
end

describe("the request of", function()
  local server <close> = wire.start()
  local api = client(server)
  for _, name in ipairs(operations.names()) do
    it(name, function()
      for _, case in ipairs(expectations_for(name)) do
        server:answer(case.answer or { body = "{}" })
        local result, response = case[1](api)
        local requests = server:requests()
        expect.equal({ name, #requests }, { name, 1 })
        expect.equal(wire_request.normalized(requests[1]), case[2])
        expect.equal(response.status, case.answer and case.answer.status or 200)
        if case.result then expect.equal(result, case.result) end
      end
    end)
  end

  it("no operation that does not exist", function()
    for name in pairs(expectations) do expect.truthy(operations.describe(name)) end
  end)
end)

describe("every operation", function()
  local server <close> = wire.start()

  it("names the organisation for a personal access token, unless it is public", function()
    local api = client(server, { token = "pat_1", organization = "org-1" })
    for _, name in ipairs(operations.names()) do
      local case = expectations_for(name)[1]
      server:answer(case.answer or { body = "{}" })
      case[1](api)
      local request = wire_request.normalized(server:requests()[1])
      expect.equal(request, wire_request.as_person(case[2], "pat_1", "org-1"))
      expect.equal(request:find("pat_1", 1, true) == nil, operations.describe(name).public)
      expect.equal(request:find("org-1", 1, true) == nil, operations.describe(name).public)
    end
  end)

  local ANY_TYPES = 7

  it("takes an answer without content for what it is: an error, where the documentation names its content", function()
    server:answer { status = 204, headers = { "Connection: keep-alive" } }
    for _, name in ipairs(operations.names()) do
      local described = operations.describe(name)
      local names_content = described.answer_kind == "json" and described.answer and #described.answer.types < ANY_TYPES
      local ok, result, response = pcall(expectations_for(name)[1][1], client(server))
      expect.equal({ name, ok }, { name, not names_content })
      if names_content then
        expect.equal({ result.kind, result.status, result.may_have_been_sent }, { "answer", 204, described.writes })
      else
        expect.equal({ result, response.status }, { described.answer_kind == "text" and "" or nil, 204 })
      end
    end
  end)
end)

describe("a path value", function()
  local server <close> = wire.start()
  local api = client(server)

  it("stays one segment whatever it holds", function()
    api.agents.get("a/b c?d#e%2e&;=ü\0")
    expect.equal(server:requests(), { bytes "GET /core/agents/a%2Fb%20c%3Fd%23e%252e%26%3B%3D%C3%BC%00" })
    api.agents.get("...")
    expect.equal(server:requests(), { bytes "GET /core/agents/..." })
    api.agents.get("../../admin")
    expect.equal(server:requests(), { bytes "GET /core/agents/..%2F..%2Fadmin" })
    api.agents.get("x\r\nX-Evil: 1")
    expect.equal(server:requests(), { bytes "GET /core/agents/x%0D%0AX-Evil%3A%201" })
  end)

  it("that would change the path is refused before anything is sent", function()
    for _, id in ipairs { "", ".", ".." } do
      expect.raises(function() api.agents.delete(id) end, "agent_id: cannot be part of a path")
    end
    expect.raises(function() api.agents.get() end, "agent_id: required but missing")
    expect.raises(function() api.agents.get {} end, "agent_id")
    expect.equal(server:count(), 4)
  end)
end)

describe("headers", function()
  local server <close> = wire.start()

  it("name the organisation, and what the client adds", function()
    client(server, { organization = "org-1", headers = { ["X-Trace"] = "t 1" } }).agents.get(ID)
    local request = server:requests()[1]
    expect.contains(request, "\r\nX-Anyreach-Org: org-1\r\n")
    expect.contains(request, "\r\nX-Trace: t 1\r\n")
  end)

  it("take no line breaks from any setting", function()
    local settings = {
      { token = "ak_x\r\nX-Evil: 1" },
      { token = "ak_x\nX-Evil: 1" },
      { organization = "org\r\nX-Evil: 1" },
      { headers = { ["X-Trace"] = "1\r\nX-Evil: 1" } },
      { headers = { ["X-Trace"] = "1\0 2" } },
    }
    for _, options in ipairs(settings) do
      expect.raises(function() client(server, options).agents.get(ID) end, "control character")
    end
    expect.raises(function() client(server, { headers = { ["X-Evil: 1\r\nX"] = "1" } }) end, "is not a header name")
    expect.equal(#server:requests(), 0)
  end)

  it("let a secret pass to the wire, and only there", function()
    local api = client(server, { token = anyreach.secret "ak_canary", headers = { ["X-Key"] = anyreach.secret "k" } })
    api.agents.create { name = "x", description = anyreach.secret "hidden" }
    local request = server:requests()[1]
    expect.contains(request, "Authorization: Bearer ak_canary\r\n")
    expect.contains(request, "X-Key: k\r\n")
    expect.contains(request, '"description":"hidden"')
    expect.equal(tostring(api):find("canary", 1, true), nil)
  end)
end)

describe("api.request", function()
  local server <close> = wire.start()
  local api = client(server)

  it("sends method, path, query and body as they are given", function()
    api.request { path = "/core/anything" }
    api.request { path = "/core/x%20y", query = { b = "1 2", a = anyreach.array { 1, 2.0, true }, c = { k = 1 } } }
    api.request { method = "POST", path = "/core/x", body = { n = anyreach.array {} } }
    api.request { method = "POST", path = "/core/x" }
    api.request { method = "DELETE", path = "/core/x" }
    api.request { method = "PATCH", path = "/core/x", body = anyreach.array { 1 } }
    expect.equal(server:requests(), {
      bytes "GET /core/anything",
      bytes "GET /core/x%20y?a=1&a=2&a=true&b=1%202&c=%7B%22k%22%3A1%7D",
      bytes("POST /core/x", '{"n":[]}'),
      bytes "POST /core/x",
      bytes "DELETE /core/x",
      bytes("PATCH /core/x", "[1]"),
    })
  end)

  it("refuses a path that is not one, or leads elsewhere", function()
    local paths = { "core", "https://evil.example/x", "/a b", "/a\r\nX: 1", "/a/../b", "/%2e%2E/b", "/a?b=1", "/a#b" }
    for _, path in ipairs(paths) do
      expect.raises(function() api.request { path = path } end, "path")
    end
    expect.raises(function() api.request { method = "TRACE", path = "/x" } end, "method")
    expect.raises(function() api.request { path = "/x", boby = {} } end, "unknown field 'boby'")
    expect.equal(#server:requests(), 0)
  end)

  it("keeps the host even when the path looks like one", function()
    api.request { path = "//evil.example/x" }
    expect.equal(server:requests(), { bytes "GET //evil.example/x" })
  end)
end)

describe("a redirect", function()
  it("is an error and takes the credential nowhere", function()
    local server <close> = wire.start()
    local other <close> = wire.start()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      server:answer { status = status, headers = { "Location: " .. other.base_url .. "/x" }, body = "" }
      local _, err = client(server).try.agents.get(ID)
      expect.equal(err.kind, "redirect")
      expect.equal(err.status, status)
    end
    expect.equal(other:log(), "")
  end)
end)

-- The server reads the request and closes a connection that has served one before.
local function dies_on_second(server)
  server:reply("die", "", 2)
  local api = client(server)
  api.agents.list()
  return api
end

describe("when a reused connection dies under a request", function()
  it("a POST with a body has reached the server once, and the error says so", function()
    local server <close> = wire.start()
    local api = dies_on_second(server)
    local _, err = api.try.agents.create { name = "x" }
    expect.equal(err.kind, "network")
    expect.equal(err.may_have_been_sent, true)
    expect.contains(tostring(err), "it may have been carried out")
    expect.equal(server:count(), 2)
  end)

  it("a POST without a body is sent once, too", function()
    local server <close> = wire.start()
    local api = dies_on_second(server)
    local _, err = api.try.agents.deploy_as_sip(ID)
    expect.equal(err.kind, "network")
    expect.equal(err.may_have_been_sent, true)
    expect.equal(server:count(), 2)
  end)

  it("a read is sent again", function()
    local server <close> = wire.start()
    local api = dies_on_second(server)
    api.agents.get(ID)
    expect.equal(server:count(), 3)
  end)

  it("a raw POST is not sent again either", function()
    local server <close> = wire.start()
    local api = dies_on_second(server)
    local _, err = api.try.request { method = "POST", path = "/core/x", body = { a = 1 } }
    expect.equal(err.may_have_been_sent, true)
    expect.equal(server:count(), 2)
  end)
end)

describe("an answer whose head is too long", function()
  local server <close> = wire.start()

  -- {lines in the head, bytes of each}: a line that libcurl does not take, many long ones, and many.
  for _, shape in ipairs { { 1, 110000 }, { 1, 300000 }, { 4, 80000 }, { 400, 1000 }, { 30000, 3 } } do
    it(("with %d lines of %d bytes, is refused"):format(shape[1], shape[2]), function()
      local lines = {}
      for i = 1, shape[1] do lines[i] = ("X-%d: %s"):format(i, ("a"):rep(shape[2])) end
      server:answer { headers = lines, body = "{}" }
      for _, method in ipairs { "get", "create" } do
        local _, err = client(server, { retries = 0 }).try.agents[method](method == "get" and ID or { name = "x" })
        expect.equal({ err.kind, err.message, err.may_have_been_sent },
          { "answer", "the answer's head is longer than this program accepts", method == "create" })
      end
    end)
  end
end)

describe("connections", function()
  it("are reused by calls one after the other", function()
    local server <close> = wire.start()
    local api = client(server)
    for i = 1, 5 do api.agents.create { name = tostring(i) } end
    expect.equal(select(2, server:log():gsub("opened", "")), 1)
  end)

  -- libcurl by itself closes idle ones as a burst ends, and opens more than are due.
  it("are as many as there are requests at once, and stay for the next burst", function()
    local server <close> = wire.start()
    local api = client(server)
    local names = {}
    for i = 1, TOGETHER do names[i] = tostring(i) end
    for burst = 1, 4 do
      server:answer { body = "{}", manner = "together" }
      anyreach.map(names, function(name) api.agents.create { name = name } end, { concurrency = TOGETHER })
      server:answer { body = "{}" }
      api.agents.get(ID)
      local _, opened = server:log():gsub("opened", "")
      expect.equal({ burst, opened, server:count() }, { burst, TOGETHER, burst * (TOGETHER + 1) })
    end
  end)

  it("that the server closes after an answer are replaced without a word", function()
    local server <close> = wire.start()
    server:answer { body = "{}", headers = { "Connection: close" }, manner = "close" }
    local api = client(server)
    for i = 1, 3 do api.agents.create { name = tostring(i) } end
    expect.equal(server:count(), 3)
  end)
end)
