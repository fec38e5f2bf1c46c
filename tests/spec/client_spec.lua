-- anyreach.client: where to, as whom, for which organisation, and what is refused before anything is
-- sent.

local process = require "helpers.process"
local wire = require "helpers.wire"

-- Runs code in a program of its own, which alone can have another environment.
local function evaluate(environment, code, ...)
  return process.run("env " .. environment .. " " .. process.anyreach(...) .. " -e " .. process.quote(code))
end

local GET = "anyreach.client().agents.get('x')"

describe("options", function()
  it("that are unknown or of the wrong type are refused, all at once", function()
    local err = expect.raises(function() anyreach.client { tokn = "x", timeout = "1" } end, "2 problems")
    expect.contains(tostring(err), 'tokn: unknown option; did you mean "token"?')
    expect.contains(tostring(err), "timeout: expected a number, got a string")
    expect.raises(function() anyreach.client "ak_x" end, "expected a table")
    expect.raises(function() anyreach.client { timeout = 0 } end, "more than 0")
  end)

  it("take https anywhere and http only to this machine", function()
    local fine = {
      "https://api.anyreach.ai", "https://api.anyreach.ai/", "https://example.com/prefix", "http://localhost:80",
      "http://127.0.0.1", "http://[::1]:8080", "HTTPS://api.anyreach.ai",
    }
    for _, url in ipairs(fine) do anyreach.client { base_url = url, token = "ak_x" } end
    local wrong = {
      ["http://api.anyreach.ai"] = "http is only for this machine",
      ["http://127.0.0.1.evil.example"] = "http is only for this machine",
      ["http://localhost.evil.example"] = "http is only for this machine",
      ["ftp://api.anyreach.ai"] = "https://",
      ["file:///etc/passwd"] = "",
      ["api.anyreach.ai"] = "not a URL",
      [""] = "not a URL",
      ["https://user:password@api.anyreach.ai"] = "user name or password",
      ["https://api.anyreach.ai?x=1"] = "query or fragment",
      ["https://api.anyreach.ai#x"] = "query or fragment",
      ["https://api.anyreach.ai/\r\nX: 1"] = "control character",
    }
    for url, problem in pairs(wrong) do
      expect.raises(function() anyreach.client { base_url = url, token = "ak_x" } end, problem)
    end
  end)

  it("keep a prefix of the base URL, without a second slash", function()
    local server <close> = wire.start()
    anyreach.client { base_url = server.base_url .. "/v9//", token = "ak_x" }.agents.get "a"
    expect.contains(server:requests()[1], "GET /v9/core/agents/a HTTP/1.1")
  end)
end)

describe("the environment", function()
  local server <close> = wire.start()
  local base = "ANYREACH_BASE_URL=" .. server.base_url

  it("gives token, organisation and base URL", function()
    expect.equal(evaluate(base .. " ANYREACH_TOKEN=pat_env ANYREACH_ORG_ID=org-env", GET), 0)
    local request = server:requests()[1]
    expect.contains(request, "Authorization: Bearer pat_env\r\n")
    expect.contains(request, "X-Anyreach-Org: org-env\r\n")
  end)

  it("gives way to the command line, and that to the script", function()
    evaluate("ANYREACH_BASE_URL=https://unused.invalid ANYREACH_TOKEN=ak_env ANYREACH_ORG_ID=org-env", GET,
      "--base-url", server.base_url, "--org", "org-line")
    expect.contains(server:requests()[1], "X-Anyreach-Org: org-line\r\n")
    evaluate(base .. " ANYREACH_TOKEN=ak_env",
      "anyreach.client{organization='org-script', token='ak_script'}.agents.get('x')", "--org", "org-line")
    local request = server:requests()[1]
    expect.contains(request, "X-Anyreach-Org: org-script\r\n")
    expect.contains(request, "Bearer ak_script\r\n")
  end)

  it("that is empty counts as unset", function()
    local code, _, err = evaluate(base .. " ANYREACH_TOKEN=", GET)
    expect.equal(code, 4)
    expect.contains(err, "ANYREACH_TOKEN")
    expect.equal(evaluate(base .. " ANYREACH_TOKEN=ak_x ANYREACH_ORG_ID=", GET), 0)
    expect.equal(#server:requests(), 1)
  end)

  it("cannot slip in a proxy for this machine", function()
    expect.equal(evaluate(base .. " ANYREACH_TOKEN=ak_x http_proxy=http://127.0.0.1:1", GET), 0)
    expect.equal(#server:requests(), 1)
  end)
end)

describe("a credential", function()
  local server <close> = wire.start()

  it("that is missing is an error of the call; making the client is none", function()
    local code, _, err = evaluate("ANYREACH_BASE_URL=" .. server.base_url, "anyreach.client() print 'made' " .. GET)
    expect.equal(code, 4)
    expect.contains(err, "agents.get needs a credential: set ANYREACH_TOKEN")
  end)

  it("of a person needs an organisation", function()
    local err = expect.raises(function() anyreach.client { base_url = server.base_url, token = "pat_x" } end)
    expect.equal(err.kind, "credential")
    expect.contains(tostring(err), "ANYREACH_ORG_ID")
    anyreach.client { base_url = server.base_url, token = "pat_x", organization = "o" }
  end)

  it("is nowhere to be read", function()
    local api = anyreach.client { base_url = server.base_url, token = "ak_canary", organization = "org-1" }
    expect.equal(tostring(api), "anyreach.client: " .. server.base_url .. " organization org-1")
    expect.falsy(pcall(function() return api.token end))
    expect.equal(tostring(anyreach.secret "canary"), "[secret]")
  end)

  it("nothing was sent in all this", function() expect.equal(server:log(), "") end)
end)

describe("with --sandbox", function()
  it("every client goes to the sandbox, and a real credential stays here", function()
    local code, out = evaluate("ANYREACH_TOKEN=ak_real.canary ANYREACH_BASE_URL=https://unused.invalid",
      "local api = anyreach.client() api.agents.create{name='x'} print(#api.agents.list()) "
      .. "print(#anyreach.client{token='ak_sandbox.second', base_url='https://unused.invalid'}.agents.list())",
      "--sandbox")
    expect.equal({ code, out }, { 0, "1\n0\n" })
  end)
end)

describe("a client", function()
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_x" }

  it("finds each function once and keeps it", function()
    expect.truthy(rawequal(api.agents, api.agents))
    expect.truthy(rawequal(api.agents.versions.publish, api.agents.versions.publish))
    expect.truthy(rawequal(api.try, api.try))
  end)

  it("outlives its own variable while a function of it is alive", function()
    local get
    do get = anyreach.client({ base_url = server.base_url, token = "ak_" .. "kept" }).agents.get end
    collectgarbage()
    collectgarbage()
    get "x"
    local requests = server:requests()
    expect.contains(requests[#requests], "Bearer ak_kept")
  end)

  it("returns nil and the error in the try form, at every depth", function()
    server:answer { status = 404, body = '{"detail":"gone"}' }
    for _, call in ipairs {
      function() return api.try.agents.get "x" end,
      function() return api.try.agents.versions.get("x", 1) end,
      function() return api.try.request { path = "/x" } end,
    } do
      local value, err = call()
      expect.equal(value, nil)
      expect.equal(err.detail, "gone")
    end
  end)

  it("survives collection in the middle of everything", function()
    server:answer { body = "{}" }
    local pause = collectgarbage("setpause", 1)
    for i = 1, 50 do
      anyreach.client({ base_url = server.base_url, token = "ak_" .. i }).agents.create { name = ("n"):rep(i) }
    end
    collectgarbage("setpause", pause)
  end)
end)
