-- The exact bytes that go over the wire: one expectation an operation, and what no value, header or
-- server can make of a request.

local operations = require "anyreach.operations"
local wire = require "helpers.wire"

local TOKEN = "ak_wire.token"
local ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"

local function client(server, options)
  options = options or {}
  options.base_url = options.base_url or server.base_url
  options.token = options.token or TOKEN
  return anyreach.client(options)
end

-- The bytes of a request.
local function bytes(line, body, accept)
  local lines = {
    line .. " HTTP/1.1",
    "Host: 127.0.0.1:PORT",
    "User-Agent: anyreach-lua/" .. anyreach.version,
    "Accept-Encoding: gzip",
    "Authorization: Bearer " .. TOKEN,
  }
  lines[#lines + 1] = "Accept: " .. (accept or "application/json")
  if body then lines[#lines + 1] = "Content-Type: application/json" end
  if body or line:find("^POST") then lines[#lines + 1] = "Content-Length: " .. #(body or "") end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

-- name -> calls, and the bytes of each.
local expectations = {
  ["agents.list"] = {
    { function(api) api.agents.list() end, bytes "GET /core/agents" },
    {
      function(api)
        api.agents.list {
          limit = 3, name = "Riverside & Söhne", active = true, is_demo = false, cursor = "a+b/c==",
          metadata = { team = "front desk", tier = 1 }, created_after = "2025-01-01T00:00:00Z",
        }
      end,
      bytes("GET /core/agents?name=Riverside%20%26%20S%C3%B6hne&active=true&is_demo=false"
        .. "&metadata=%7B%22team%22%3A%22front%20desk%22%2C%22tier%22%3A1%7D"
        .. "&created_after=2025-01-01T00%3A00%3A00Z&limit=3&cursor=a%2Bb%2Fc%3D%3D"),
    },
  },
  ["agents.create"] = {
    {
      function(api)
        api.agents.create {
          name = "Riverside Dental Scheduler", description = "Books appointments.", active = true, metadata = {},
        }
      end,
      bytes("POST /core/agents", '{"active":true,"description":"Books appointments.","metadata":{},'
        .. '"name":"Riverside Dental Scheduler"}'),
    },
  },
  ["agents.get"] = {
    { function(api) api.agents.get(ID) end, bytes("GET /core/agents/" .. ID) },
  },
  ["agents.update"] = {
    {
      function(api) api.agents.update(ID, { description = anyreach.null, active = false }) end,
      bytes("PUT /core/agents/" .. ID, '{"active":false,"description":null}'),
    },
  },
  ["agents.delete"] = {
    { function(api) api.agents.delete(ID) end, bytes("DELETE /core/agents/" .. ID) },
  },
  ["agents.config_schema"] = {
    { function(api) api.agents.config_schema() end, bytes "GET /core/agent-config-schema" },
  },
  ["agents.deploy_as_sip"] = {
    { function(api) api.agents.deploy_as_sip(ID) end, bytes("POST /core/agents/" .. ID .. "/deploy-as-sip") },
  },
  ["agents.versions.list"] = {
    {
      function(api) api.agents.versions.list(ID, { published = true, version = 2 }) end,
      bytes("GET /core/agents/" .. ID .. "/versions?version=2&published=true"),
    },
  },
  ["agents.versions.create"] = {
    {
      function(api)
        api.agents.versions.create(ID, {
          config = { tools = anyreach.array {}, voice = { speed = 1.0 }, seed = 9007199254740993, note = "é\0" },
        })
      end,
      bytes("POST /core/agents/" .. ID .. "/versions",
        '{"config":{"note":"é\\u0000","seed":9007199254740993,"tools":[],"voice":{"speed":1.0}}}'),
    },
    {
      function(api) api.agents.versions.create(ID, { base_version = 3 }) end,
      bytes("POST /core/agents/" .. ID .. "/versions", '{"base_version":3}'),
    },
  },
  ["agents.versions.get"] = {
    { function(api) api.agents.versions.get(ID, 2) end, bytes("GET /core/agents/" .. ID .. "/versions/2") },
    { function(api) api.agents.versions.get(ID, "latest") end, bytes("GET /core/agents/" .. ID .. "/versions/latest") },
    { function(api) api.agents.versions.get(ID, 2.0) end, bytes("GET /core/agents/" .. ID .. "/versions/2") },
  },
  ["agents.versions.update"] = {
    {
      function(api) api.agents.versions.update(ID, 2, { config = { llm = { temperature = 0.1 } } }) end,
      bytes("PUT /core/agents/" .. ID .. "/versions/2", '{"config":{"llm":{"temperature":0.1}}}'),
    },
  },
  ["agents.versions.compare"] = {
    {
      function(api) api.agents.versions.compare(ID, { from_version = 1, to_version = 2 }) end,
      bytes("POST /core/agents/" .. ID .. "/versions/compare", '{"from_version":1,"to_version":2}',
        "text/plain"),
    },
  },
  ["agents.versions.generate_instructions"] = {
    {
      function(api) api.agents.versions.generate_instructions(ID, 2) end,
      bytes("POST /core/agents/" .. ID .. "/versions/2/generate-instructions"),
    },
  },
  ["agents.versions.publish"] = {
    {
      function(api) api.agents.versions.publish(ID, 2) end,
      bytes("POST /core/agents/" .. ID .. "/versions/2/publish"),
    },
    {
      function(api)
        api.agents.versions.publish(ID, 2, {
          phone_numbers = { "+15551234567" }, unassign_phone_numbers = {}, direction = "both",
        })
      end,
      bytes("POST /core/agents/" .. ID .. "/versions/2/publish",
        '{"direction":"both","phone_numbers":["+15551234567"],"unassign_phone_numbers":[]}'),
    },
  },
  ["phone_numbers.list"] = {
    {
      function(api) api.phone_numbers.list { phone_number = "+1555", trunk_id = "t/1" } end,
      bytes "GET /core/phone-numbers?phone_number=%2B1555&trunk_id=t%2F1",
    },
  },
  ["phone_numbers.create"] = {
    {
      function(api) api.phone_numbers.create { phone_number = "+15550001111", trunk_id = "t1" } end,
      bytes("POST /core/phone-numbers", '{"phone_number":"+15550001111","trunk_id":"t1"}'),
    },
  },
  ["phone_numbers.get"] = {
    { function(api) api.phone_numbers.get("+15551234567") end, bytes "GET /core/phone-numbers/%2B15551234567" },
  },
  ["phone_numbers.update"] = {
    {
      function(api) api.phone_numbers.update("+15551234567", { outbound_shareable = true }) end,
      bytes("PATCH /core/phone-numbers/%2B15551234567", '{"outbound_shareable":true}'),
    },
  },
}

describe("the request of", function()
  local server <close> = wire.start()
  local api = client(server)
  for _, name in ipairs(operations.names()) do
    it(name, function()
      local cases = expectations[name] or error("no wire expectation for " .. name)
      for _, case in ipairs(cases) do
        case[1](api)
        expect.equal(server:requests(), { case[2] })
      end
    end)
  end

  it("no operation that does not exist", function()
    for name in pairs(expectations) do expect.truthy(operations.describe(name)) end
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
    expect.raises(function() client(server, { headers = { ["X-Evil: 1\r\nX"] = "1" } }) end, "no header name")
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

  it("a POST without a body takes a fresh connection and is sent once", function()
    local server <close> = wire.start()
    local api = dies_on_second(server)
    local _, err = api.try.agents.deploy_as_sip(ID)
    expect.equal(err.kind, "network")
    expect.equal(err.may_have_been_sent, true)
    expect.contains(server:log(), "connection 2 request 2")
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

describe("connections", function()
  it("are reused by calls one after the other", function()
    local server <close> = wire.start()
    local api = client(server)
    for i = 1, 5 do api.agents.create { name = tostring(i) } end
    expect.equal(select(2, server:log():gsub("opened", "")), 1)
  end)

  it("that the server closes after an answer are replaced without a word", function()
    local server <close> = wire.start()
    server:answer { body = "{}", headers = { "Connection: close" }, manner = "close" }
    local api = client(server)
    for i = 1, 3 do api.agents.create { name = tostring(i) } end
    expect.equal(server:count(), 3)
  end)
end)
