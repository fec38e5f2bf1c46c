-- The way to the server as the environment of a user has it: proxies, certificate authorities, .netrc; and
-- answers that mean harm by their size or their slowness.

local process = require "helpers.process"
local wire = require "helpers.wire"

local HIDDEN = "ak_7f3a.hush"
local NAME = "api.nowhere.invalid"
local LIST = "anyreach.client().agents.list()"

-- Runs code; `settings` are those of the environment. Proxies of the machine do not count.
local function run(settings, code, ...)
  local clean = "env -u HTTPS_PROXY -u https_proxy -u ALL_PROXY -u all_proxy -u NO_PROXY -u no_proxy ANYREACH_TOKEN="
  return process.run(clean .. HIDDEN .. " " .. settings .. " " .. process.anyreach("--retries=0", ...) .. " -e "
    .. process.quote(code))
end

local function proxy_settings(name, proxy, base_url)
  return ("%s=http://user:hush@%s ANYREACH_BASE_URL=%s"):format(name, proxy, base_url)
end

describe("a proxy", function()
  local proxy <close> = wire.start()
  local address = proxy.base_url:match("//(.*)")

  it("of the environment is asked for a tunnel, and told nothing else", function()
    proxy:reply("close", "HTTP/1.1 200 Go\r\n\r\n")
    for _, name in ipairs { "HTTPS_PROXY", "https_proxy", "ALL_PROXY" } do
      local code, _, err = run(proxy_settings(name, address, "https://" .. NAME), LIST)
      expect.equal(code, 10)
      local requests = proxy:requests()
      expect.equal({ name, #requests }, { name, 1 })
      expect.match(requests[1], "^CONNECT api%.nowhere%.invalid:443 HTTP/1%.1\r\n")
      expect.falsy((requests[1] .. err):find("hush", 1, true))
    end
  end)

  it("that refuses is told from a server that does, without its password", function()
    for _, status in ipairs { 403, 407, 502 } do
      proxy:answer { status = status, body = "no" }
      local code, _, err = run(proxy_settings("HTTPS_PROXY", address, "https://" .. NAME), LIST, "--trace=full")
      expect.equal(code, 10)
      expect.contains(err, "the proxy refused the connection; look at HTTPS_PROXY and NO_PROXY")
      expect.falsy(err:find("hush", 1, true) or err:find("dXNlcjpodXNo", 1, true), err)
    end
    proxy:requests()
  end)

  it("whose name is unknown is told from such a server", function()
    local code, _, err = run(proxy_settings("HTTPS_PROXY", "proxy.invalid:3128", "https://" .. NAME), LIST)
    expect.equal(code, 10)
    expect.contains(err, "the proxy's name is unknown; look at HTTPS_PROXY and NO_PROXY")
  end)

  it("where nothing answers is told from such a server", function()
    local silent = "the proxy's address; look at HTTPS_PROXY and NO_PROXY (Failed to connect to "
    local code, _, err = run(proxy_settings("HTTPS_PROXY", "127.0.0.1:1", "https://" .. NAME), LIST)
    expect.equal(code, 10)
    expect.contains(err, "nothing answers at " .. silent)
    for _, host in ipairs { "127.0.0.1", "LOCALHOST", "[::1]" } do
      _, _, err = run("ANYREACH_BASE_URL=http://" .. host .. ":1", LIST)
      expect.contains(err, "nothing answers at this address (Failed to connect to ")
    end
  end)

  it("is not asked for hosts that NO_PROXY names, nor for this machine", function()
    for _, list in ipairs { NAME, ".invalid", "*", "other, " .. NAME } do
      local code, _, err = run(proxy_settings("HTTPS_PROXY", address, "https://" .. NAME) .. " NO_PROXY="
        .. process.quote(list), LIST)
      expect.equal(code, 10)
      expect.contains(err, "the server's name is unknown")
    end
    local server <close> = wire.start()
    server:answer { body = "[]" }
    expect.equal((run(proxy_settings("ALL_PROXY", address, server.base_url), LIST)), 0)
    expect.equal({ #server:requests(), #proxy:requests() }, { 1, 0 })
  end)
end)

describe("--ca-file", function()
  it("makes its authorities trusted, and a file that is none is an error", function()
    local directory = process.directory()
    expect.equal((process.run(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
      .. "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s/cert.pem"):format(directory, directory))), 0)
    local server = process.start(("openssl s_server -www -accept 127.0.0.1:0 -key %s/key.pem -cert %s/cert.pem")
      :format(directory, directory))
    local port = process.eventually("the TLS server", function()
      return server:output():match("ACCEPT 127%.0%.0%.1:(%d+)")
    end)
    local settings = "ANYREACH_BASE_URL=https://localhost:" .. port
    local ask = "print((anyreach.client().request { path = '/' }))"
    local untrusted, _, words = run(settings, ask)
    local trusted, out = run(settings, ask, "--ca-file=" .. directory .. "/cert.pem")
    local missing, _, reason = run(settings, ask, "--ca-file=/nowhere.pem")
    server:stop "TERM"
    expect.equal({ untrusted, trusted, missing }, { 10, 0, 10 })
    expect.contains(words, "--ca-file FILE trusts it")
    expect.contains(out, "HTML")
    expect.contains(reason, "the file of certificate authorities cannot be used")
  end)
end)

describe(".netrc", function()
  it("is ignored, by calls and by uploads", function()
    local home = process.directory()
    process.write(home .. "/.netrc", "machine 127.0.0.1 login netrc password netrc\ndefault login x password netrc\n")
    local server <close> = wire.start()
    local source = '[{"id":"1","presigned_url":"%s/bucket"}]'
    server:answer { body = source:format(server.base_url) }
    server:answer({ status = 404, body = "{}" }, 1)
    run(("HOME=%s NETRC=%s/.netrc ANYREACH_ORG_ID=org-1 ANYREACH_BASE_URL=%s"):format(home, home, server.base_url),
      "anyreach.client().try.sources.upload '/etc/hostname'")
    local _, create, upload = table.unpack(server:requests())
    expect.contains(create, "Authorization: Bearer " .. HIDDEN .. "\r\n")
    expect.match(upload, "^PUT /bucket ")
    expect.falsy(upload:lower():find("authorization", 1, true))
  end)
end)

-- {====== what a server may do to us ======

local REPORT = [[
  local api = anyreach.client().try
  local _, err = %s
  local kilobytes = io.open("/proc/self/status"):read("a"):match("VmHWM:%%s+(%%d+)")
  print(err and err.kind, err and err.message, kilobytes)]]

local function packed(command)
  return process.read((function()
    local file = process.directory() .. "/packed"
    assert(process.run(command .. " >" .. file) == 0)
    return file
  end)())
end

local MEMORY_MAX_KB = 64 * 1024 * 5 // 2 + 64 * 1024 -- the largest answer, while its buffer grows, and the program

-- JSON, and text that is handed over in pieces.
local CALLS = {
  'api.request { path = "/x" }',
  'api.agents.versions.compare("x", { from_version = 1, to_version = 2 }, function() end)',
}

local function expect_refused(body, encoding, words)
  local server <close> = wire.start()
  server:answer { body = body, headers = { "Content-Encoding: " .. encoding } }
  for _, call in ipairs(CALLS) do
    local code, out = run("ANYREACH_BASE_URL=" .. server.base_url, REPORT:format(call))
    local kind, message, kilobytes = out:match("^(%S+)\t(.*)\t(%d+)\n$")
    expect.equal({ encoding, call, code, kind }, { encoding, call, 0, "answer" })
    expect.contains(message, words)
    if not os.getenv "ASAN_OPTIONS" then expect.truthy(tonumber(kilobytes) < MEMORY_MAX_KB, kilobytes) end
  end
end

describe("an answer that is packed", function()
  it("and grows beyond the largest answer is refused, with little memory", function()
    expect_refused(packed "head -c 300000000 /dev/zero | gzip -9", "gzip", "larger than")
  end)

  it("many times over is refused", function()
    expect_refused(packed "head -c 300000000 /dev/zero | gzip -9 | gzip -9", "gzip, gzip", "larger than")
    expect_refused(packed "echo '{}' | gzip", ("gzip, "):rep(40) .. "gzip", "")
  end)

  it("and broken is refused", function()
    expect_refused(packed "seq 1000 | gzip | { head -c 200; head -c 300 /dev/zero; }", "gzip", "")
    expect_refused("no gzip at all", "gzip", "")
    expect_refused("{}", "br", "")
  end)
end)

describe("a server that is too slow", function()
  local server <close> = wire.start()

  local function reason(options, base_url)
    options.base_url, options.token, options.retries = base_url or server.base_url, "ak_x", 0
    local _, err = anyreach.client(options).try.agents.create { name = "x" }
    return { err.kind, err.may_have_been_sent }, err.message
  end

  it("to answer as a whole, however often it sends a byte, runs into the time for a request", function()
    server:answer { body = '"' .. ("x"):rep(3000) .. '"', manner = "trickle" }
    local facts, message = reason { timeout = 0.5 }
    expect.equal(facts, { "timeout", true })
    expect.contains(message, "no whole answer within the time for a request; --timeout SECONDS sets it")
  end)

  it("to begin with TLS runs into the time for connecting", function()
    local facts, message = reason({ connect_timeout = 0.3 }, server.base_url:gsub("http:", "https:"))
    expect.equal(facts, { "timeout", false })
    expect.contains(message, "no TLS within the time for connecting")
  end)
end)

describe("a page that names the next one by an address", function()
  it("sends the credential to no other place", function()
    local elsewhere <close> = wire.start()
    local server <close> = wire.start()
    local address = elsewhere.base_url .. "/core/agents?cursor=2"
    server:answer {
      body = ('{"items":[{"id":"1"}],"next":"%s","links":{"next":"%s"},"next_cursor":"%s"}'):format(address, address,
        address),
      headers = { ("Link: <%s>; rel=\"next\""):format(address) },
    }
    local api, count = anyreach.client { base_url = server.base_url, token = "ak_x" }, 0
    for _ in api.agents.each() do
      count = count + 1
      if count == 1 then server:answer { body = '{"items":[]}' } end
    end
    expect.equal(elsewhere:log(), "")
    expect.equal({ count, server:count() }, { 1, 2 })
  end)
end)

-- }======
