-- Through a real proxy (tinyproxy) to a real TLS server (nginx) before the sandbox: whatever is sent must arrive
-- once, and what was not sent must not be said to have been.

local front = require "helpers.front"
local process = require "helpers.process"

local CREATE = [[
  local api = anyreach.client()
  local agent, err = api.try.agents.create { name = "Through" }
  if anyreach.is_error(err) then
    print(err.kind, err.may_have_been_sent, err.message)
  else
    api.agents.update(agent.id, { name = "Through again" })
    print "created"
  end]]

describe("through a proxy", function()
  local sandbox <close> = process.sandbox()
  local proxy <close> = front.tinyproxy()

  -- Runs the program over the proxy. Returns exit code, output and errors.
  local function run(server, words, way)
    return process.run(("env -u NO_PROXY -u no_proxy HTTPS_PROXY=%s ANYREACH_BASE_URL=%s "
      .. "ANYREACH_TOKEN=ak_sandbox.admin %s %s"):format(way or proxy.base_url, server.base_url,
      process.anyreach("--retries=0", "--ca-file=" .. server.ca_file), words))
  end

  local function agents()
    local _, out = process.run(sandbox.environment .. process.anyreach() .. " call agents.list --each")
    local count = 0
    for _ in out:gmatch("[^\n]+") do count = count + 1 end
    return count
  end

  for _, protocol in ipairs { "HTTP/1.1", "HTTP/2" } do
    it("every method arrives, on new connections, over " .. protocol, function()
      local server <close> = front.nginx(sandbox.base_url, { http2 = protocol == "HTTP/2" })
      local before = agents()
      local code, out, err = run(server, "-e " .. process.quote(CREATE))
      expect.equal({ code, out, err }, { 0, "created\n", "" })
      expect.equal(agents(), before + 1)
    end)

    it("a whole recipe works, and its second run writes nothing, over " .. protocol, function()
      local server <close> = front.nginx(sandbox.base_url, { http2 = protocol == "HTTP/2" })
      local recipe = "run provision --no-lock scripts/examples/clinic/agents"
      local before = agents()
      local code, _, err = run(server, recipe)
      expect.equal({ code, code == 0 or err }, { 0, true })
      local second, out = run(server, recipe)
      expect.equal(second, 0)
      expect.contains(out, "0 created, 0 updated")
      expect.truthy(agents() >= before)
    end)
  end

  it("a refusal of the proxy is no open question", function()
    local server <close> = front.nginx(sandbox.base_url)
    local strict <close> = front.tinyproxy("BasicAuth some body")
    local closed <close> = front.tinyproxy("ConnectPort 1")
    local before = agents()
    for _, way in ipairs { strict.base_url, closed.base_url, strict.base_url:gsub("//", "//user:hush@") } do
      local code, out = run(server, "-e " .. process.quote(CREATE), way)
      expect.equal(code, 0)
      local kind, is_open, message = out:match("^(%S+)\t(%S+)\t([^\n]*)")
      expect.equal({ kind, is_open }, { "network", "false" })
      expect.contains(message, "the proxy refused the connection; look at HTTPS_PROXY and NO_PROXY")
      expect.falsy(message:find("hush", 1, true))
    end
    expect.equal(agents(), before)
  end)
end)
