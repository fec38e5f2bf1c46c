-- What a call makes of its arguments and of what the server answers: results, the response table, and
-- errors.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local function client(server, options)
  options = options or {}
  options.base_url, options.token = server.base_url, options.token or "ak_key.canary"
  return anyreach.client(options)
end

-- The error that a call of agents.get meets when the server answers so.
local function failure(server, answer, options)
  server:answer(answer)
  local result, err = client(server, options).try.agents.get("x")
  expect.equal(result, nil)
  expect.truthy(anyreach.is_error(err))
  return err
end

describe("misuse", function()
  local server <close> = wire.start()
  local api = client(server)

  it("is reported all at once, by path, with the nearest name", function()
    local err = expect.raises(function() api.agents.create { nmae = "x", active = "yes" } end, "3 problems")
    expect.equal(err.kind, "usage")
    expect.equal(err.operation, "agents.create")
    expect.contains(tostring(err), 'nmae: unknown field; did you mean "name"?')
    expect.contains(tostring(err), "name: required but missing")
    expect.contains(tostring(err), "active: ")
    expect.match(err.where, "call_spec.lua:%d+$")
  end)

  it("names nested fields and elements by their path", function()
    expect.raises(function() api.agents.versions.publish("a", 1, { phone_numbers = { "+1", 2 } }) end,
      "phone_numbers[2]")
    expect.raises(function() api.agents.versions.publish("a", 1, { direction = "sideways" }) end, "direction")
    expect.raises(function() api.agents.versions.create("a", {}) end, "base_version")
    expect.raises(function() api.agents.versions.create("a", { config = {}, base_version = 1 }) end, "base_version")
  end)

  it("covers the arguments themselves", function()
    expect.raises(function() api.agents.get("a", {}, 3) end, "unexpected")
    expect.raises(function() api.agents.create "x" end, "expected a table")
    expect.raises(function() api.agents.get("a", { limit = 1 }) end, "limit")
    expect.raises(function() api.agents.versions.get("a", true) end, "version")
    expect.raises(function() api.agents.versions.get("a", 1.5) end, "version")
    expect.raises(function() api.agents:list() end, "'.', not ':'")
    expect.raises(function() api.agents.list { limit = 0 } end, "limit")
  end)

  it("raises in the try form too", function()
    expect.raises(function() api.try.agents.create {} end, "name: required")
  end)

  it("covers values that are no JSON", function()
    local config = {}
    config.self = config
    expect.raises(function() api.agents.versions.create("a", { config = config }) end, "config")
    expect.raises(function() api.agents.versions.create("a", { config = { x = 0 / 0 } }) end, "config.x")
    expect.raises(function() api.agents.versions.create("a", { config = { x = "\xff" } }) end, "config.x")
    expect.raises(function() api.agents.versions.create("a", { config = { f = print } }) end, "config.f")
  end)

  it("names an operation that is not there, and the nearest", function()
    expect.raises(function() return api.agnets end, "did you mean 'agents'?")
    expect.raises(function() return api.agents.versions.pubish end, "did you mean 'publish'?")
    expect.raises(function() return api.agents.lisst end, "did you mean 'list'?")
  end)

  it("sends nothing", function()
    expect.equal(server:log(), "")
  end)
end)

describe("an answer", function()
  local server <close> = wire.start()
  local api = client(server)

  it("comes with its response", function()
    server:answer {
      status = 201, body = '{"id":"x"}', headers = { "X-Request-Id: r-1", "X-Two: a", "x-two: b" },
    }
    local agent, response = api.agents.get "x"
    expect.equal(agent, { id = "x" })
    expect.equal(response.status, 201)
    expect.equal(response.request_id, "r-1")
    expect.equal(response.headers["x-two"], "a, b")
    expect.equal(response.headers["content-type"], "application/json")
    expect.equal(response.attempts, 1)
    expect.truthy(response.elapsed > 0)
  end)

  it("of an agent answers to id and agent_id alike, and is written back as it came", function()
    for _, body in ipairs { '{"agent_id":"x","name":"n"}', '{"id":"x","name":"n"}' } do
      server:answer { body = body }
      local agent = api.agents.get "x"
      expect.equal(agent.id, "x")
      expect.equal(agent.agent_id, "x")
      expect.match(tostring(agent), "^table: ")
      expect.equal(json.encode(agent), body)
      server:answer { body = "[" .. body .. "]" }
      expect.equal(api.agents.list()[1].agent_id, "x")
      server:answer { body = '{"data":[' .. body .. "]}" }
      expect.equal(api.agents.list().data[1].id, "x")
    end
  end)

  it("keeps its kinds and digits", function()
    local text = '{"a":[],"big":123456789012345678901234567890,"e":"é\\u0000","f":1.0,"n":null,"o":{},"t":0.1}'
    server:answer { body = text }
    expect.equal(json.encode((api.agents.get "x")), text)
  end)

  it("without a body is nil where none is documented", function()
    server:reply("send", "HTTP/1.1 204 No Content\r\n\r\n")
    local result, response = api.agents.delete "x"
    expect.equal(result, nil)
    expect.equal(response.status, 204)
    server:reply("send", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    expect.equal(api.request { path = "/core/agents/x" }, nil)
    local value, err = api.try.agents.delete "x"
    expect.equal(value, nil)
    expect.equal(err.status, 200)
  end)

  it("of compare is text as it came, in pieces too", function()
    server:reply("send", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "6\r\nThe gr\r\n7\r\neeting.\r\n0\r\n\r\n")
    expect.equal(api.agents.versions.compare("x", { from_version = 1, to_version = 2 }), "The greeting.")
    server:answer { body = "{}", type = "text/plain" }
    expect.equal(api.agents.versions.compare("x", {}), "{}")
  end)

  it("that trickles in byte by byte is whole", function()
    server:answer { body = '{"name":"slow"}', manner = "trickle" }
    expect.equal(api.agents.get("x").name, "slow")
  end)

  it("of a raw request is JSON, or text when it says so", function()
    server:answer { body = "[1]" }
    expect.equal(api.request { path = "/x" }, json.array { 1 })
    server:answer { body = "hello", type = "text/plain" }
    expect.equal(api.request { path = "/x" }, "hello")
  end)

  it("after 100 Continue has the headers of the final one alone", function()
    server:reply("send", "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    local _, response = api.agents.get "x"
    expect.equal(response.headers["x-early"], nil)
  end)
end)

describe("a bad answer", function()
  local server <close> = wire.start()

  it("that is not JSON says so and shows its start", function()
    local err = failure(server, { body = "<html>\noops", type = "text/html" })
    expect.equal(err.kind, "answer")
    expect.equal(err.status, 200)
    expect.contains(err.message, "it starts with: <html>")
  end)

  it("is refused when it is incomplete JSON, has something after it, or bytes outside of strings", function()
    for _, body in ipairs { "{\xff}", '{"a":', "{} {}", "NaN", "\0" } do
      expect.equal(failure(server, { body = body }).kind, "answer")
    end
  end)

  it("that is cut off is a network error", function()
    server:reply("close", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    local _, err = client(server).try.agents.get "x"
    expect.equal(err.kind, "network")
  end)

  it("that breaks off within its head is an error, and none of a request that was not carried out", function()
    for _, head in ipairs { "200 OK\r\nContent-Ty", "200 OK\r\n", "204 No Content\r\nX-A: b\r\n" } do
      server:reply("close", "HTTP/1.1 " .. head)
      local _, err = client(server).try.agents.get "x"
      expect.equal({ err.kind, err.may_have_been_sent }, { "answer", false })
      local _, lost = client(server).try.agents.create { name = "x" }
      expect.equal({ lost.kind, lost.may_have_been_sent }, { "answer", true })
    end
    server:requests()
  end)

  it("without a body is an error where one is documented", function()
    for _, status in ipairs { 200, 201, 204, 205 } do
      local err = failure(server, { status = status, body = "" })
      expect.equal({ err.kind, err.status }, { "answer", status })
      expect.contains(err.message, "the answer is empty; expected JSON")
      local _, lost = client(server).try.agents.create { name = "x" }
      expect.equal({ lost.kind, lost.may_have_been_sent }, { "answer", true })
      expect.equal(client(server).agents.delete "x", nil)
    end
    server:requests()
  end)

  it("in an encoding that was not asked for is an error", function()
    for _, encoding in ipairs { "zstd", "br", "deflate" } do
      server:answer { body = "{}", headers = { "Content-Encoding: " .. encoding } }
      local _, err = client(server).try.agents.get "x"
      expect.equal(err.kind, "answer")
    end
    server:requests()
  end)

  it("that is no HTTP is an error", function()
    server:reply("close", "SSH-2.0-OpenSSH_9.2\r\n")
    local _, err = client(server).try.agents.get "x"
    expect.truthy(err.kind == "answer" or err.kind == "network")
  end)

  it("with headers without end is refused", function()
    local lines = {}
    for i = 1, 5000 do lines[i] = ("X-%d: %s\r\n"):format(i, ("y"):rep(90)) end
    server:reply("close", "HTTP/1.1 200 OK\r\n" .. table.concat(lines) .. "Content-Length: 2\r\n\r\n{}")
    local _, err = client(server).try.agents.get "x"
    expect.truthy(err.kind == "answer" or err.kind == "network")
  end)

  it("leaves a write in doubt, and says so", function()
    server:answer { body = "oops" }
    local _, err = client(server).try.agents.create { name = "x" }
    expect.equal(err.kind, "answer")
    expect.equal(err.may_have_been_sent, true)
  end)
end)

describe("no answer", function()
  local server <close> = wire.start()

  it("in time is an error of kind timeout", function()
    server:reply "stall"
    local _, err = client(server, { timeout = 0.2 }).try.agents.create { name = "x" }
    expect.equal(err.kind, "timeout")
    expect.equal(err.may_have_been_sent, true)
  end)

  it("because it stalled is told before its time is over", function()
    server:reply "stall"
    local _, err = client(server, { timeout = 60, stall_timeout = 1 }).try.agents.create { name = "x" }
    expect.equal({ err.kind, err.may_have_been_sent }, { "timeout", true })
    expect.contains(err.message, "the answer stalled")
  end)

  it("because the connection was reset or closed is a network error", function()
    for _, manner in ipairs { "reset", "die" } do
      server:reply(manner)
      local _, err = client(server).try.agents.create { name = "x" }
      expect.equal(err.kind, "network")
      expect.equal(err.may_have_been_sent, true)
    end
  end)

  it("because nobody listens: surely nothing was sent", function()
    local gone <close> = wire.start()
    gone:stop()
    local _, err = client(gone).try.agents.create { name = "x" }
    expect.equal(err.kind, "network")
    expect.equal(err.may_have_been_sent, false)
    expect.contains(tostring(err), "POST " .. gone.base_url .. "/core/agents")
  end)
end)

describe("an error status", function()
  local server <close> = wire.start()

  it("has a kind of its own", function()
    local kinds = {
      [400] = "bad_request", [401] = "unauthorized", [403] = "forbidden", [404] = "not_found", [409] = "conflict",
      [418] = "http", [422] = "validation", [429] = "rate_limited", [500] = "server", [503] = "server",
      [304] = "redirect",
    }
    for status, kind in pairs(kinds) do
      local err = failure(server, { status = status, body = status ~= 304 and "{}" or nil })
      expect.equal(err.kind, kind)
      expect.equal(err.status, status)
      expect.equal(err.operation, "agents.get")
    end
  end)

  it("shows the detail whatever JSON it is", function()
    local texts = {
      ['{"detail":"No such agent."}'] = "404 not found: No such agent.",
      ['{"detail":[{"loc":["body","name"],"msg":"no"},{"msg":"late"}]}'] = "404 not found: body.name: no; late",
      ['{"detail":{"code":7}}'] = '404 not found: {"code":7}',
      ['{"detail":["a","b"]}'] = "404 not found: a; b",
      ['{"detail":null}'] = "404 not found",
      ['{"message":"m"}'] = "404 not found: m",
      ['{"error":"e"}'] = "404 not found: e",
      ["gone\nfor good"] = "404 not found: gone for good",
      [""] = "404 not found",
    }
    for body, text in pairs(texts) do
      local err = failure(server, { status = 404, body = body })
      expect.contains(tostring(err), "agents.get: " .. text .. " (GET ")
      expect.equal(select(2, tostring(err):gsub("\n", "")), 0)
    end
    expect.equal(failure(server, { status = 404, body = '{"detail":{"code":7}}' }).detail, { code = 7 })
  end)

  it("names the request, and the scopes that would do", function()
    local err = failure(server, { status = 403, body = "{}", headers = { "X-Request-Id: r-9" } })
    expect.equal(err.request_id, "r-9")
    expect.contains(tostring(err), "request r-9")
    expect.contains(tostring(err), "agents:read")
  end)

  it("tells how long to wait, as far as that can be understood", function()
    local function retry_after(value)
      return failure(server, { status = 429, body = "{}", headers = { "Retry-After: " .. value } }).retry_after
    end
    expect.equal(retry_after "7", 7)
    expect.equal(retry_after "0.5", 0.5)
    expect.equal(retry_after "Wed, 21 Oct 2015 07:28:00 GMT", 0)
    expect.equal(retry_after "99999999", 3600)
    expect.equal(retry_after "soon", nil)
    expect.equal(retry_after "-5", nil)
    local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 100)
    local seconds = retry_after(date)
    expect.truthy(seconds > 90 and seconds <= 100)
  end)

  it("commands no terminal, whatever the server says", function()
    local codes = "\27[2J\xC2\x9B31m\xE2\x80\xAE\127"
    local answers = {
      { status = 400, body = '{"detail":"' .. codes:gsub("%c", "\\u001b") .. '"}' },
      { status = 400, body = "x" .. codes },
      { status = 404, body = "{}", headers = { "X-Request-Id: " .. codes } },
      { status = 200, body = "<" .. codes },
    }
    for _, answer in ipairs(answers) do
      local text = tostring(failure(server, answer))
      expect.falsy(text:find("[%c\127]") or text:find("\xC2\x9B", 1, true) or text:find("\xE2\x80\xAE", 1, true))
    end
  end)

  it("of the server's own leaves a write in doubt, a refusal does not", function()
    for status, doubt in pairs { [500] = true, [503] = true, [422] = false, [409] = false } do
      server:answer { status = status, body = "{}" }
      local _, err = client(server).try.agents.create { name = "x" }
      expect.equal(err.may_have_been_sent, doubt)
    end
  end)

  it("is raised, with the place in the script, unless tried", function()
    server:answer { status = 404, body = "{}" }
    local err = expect.raises(function() client(server).agents.get "x" end, "404 not found")
    expect.match(err.where, "call_spec.lua:%d+$")
  end)

  it("never shows the credential", function()
    local err = failure(server, { status = 401, body = '{"detail":"no"}' })
    for _, value in pairs(err) do expect.equal(tostring(value):find("canary", 1, true), nil) end
    expect.equal(tostring(err):find("canary", 1, true), nil)
  end)
end)

describe("a refusal tells the credential", function()
  local server <close> = wire.start()

  local function refused(token, answer, operation)
    server:answer(answer)
    local api = anyreach.client { base_url = server.base_url, token = token, organization = "o-1" }
    return select(2, (operation or api.try.agents.list)())
  end

  it("by its public part or its kind, and nothing more", function()
    local names = { ["ak_9f8e.hush"] = "ak_9f8e.…", ["ak_hush"] = "ak_…", pat_hush = "pat_…", hush = "nil" }
    for token, name in pairs(names) do
      local err = refused(token, { status = 401, body = '{"detail":"no"}' })
      expect.equal(tostring(err.credential), name)
      expect.falsy(tostring(err):find("hush", 1, true))
    end
    expect.contains(refused("ak_9f8e.hush", { status = 401, body = '{"detail":"no"}' }).message,
      "401 the credential ak_9f8e.… was refused: no")
  end)

  it("with the scopes that it has, for which it asks once", function()
    server:answer { status = 403, body = '{"detail":"Missing scope."}' }
    local api = anyreach.client { base_url = server.base_url, token = "ak_1.hush" }
    local before = server:count()
    server:answer({ body = '["campaigns:read"]' }, before + 2)
    for _ = 1, 3 do
      local _, err = api.try.agents.create { name = "x" }
      expect.equal(err.own_scopes, { "campaigns:read" })
      expect.contains(err.message, "403 not permitted: Missing scope: it takes one of the scopes agents:manage; "
        .. "the credential ak_1.… has campaigns:read")
    end
    expect.equal(server:count() - before, 4)
  end)

  it("without its scopes when they cannot be had", function()
    for _, body in ipairs { '{"detail":"no"}', "[1]", "<html>" } do
      local _, err = nil, refused("ak_1.hush", { status = 403, body = body })
      expect.equal(err.own_scopes, nil)
      expect.equal(err.kind, "forbidden")
    end
  end)
end)

describe("a certificate", function()
  local directory = process.directory()
  local made = process.run(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s/cert.pem"):format(directory, directory))
  local server = process.start(("openssl s_server -www -accept 127.0.0.1:0 -key %s/key.pem -cert %s/cert.pem")
    :format(directory, directory))
  local port = process.eventually("the TLS server", function()
    return server:output():match("ACCEPT 127%.0%.0%.1:(%d+)")
  end)

  local function ask(host, ca_file)
    local api = anyreach.client { base_url = ("https://%s:%s"):format(host, port), token = "ak_x", ca_file = ca_file }
    return api.try.request { path = "/" }
  end

  it("of somebody unknown is refused", function()
    expect.equal(made, 0)
    local _, err = ask("localhost")
    expect.equal(err.kind, "tls")
    expect.contains(err.message, "certificate is of an authority that is unknown here; --ca-file FILE trusts it (SSL ")
  end)

  it("from an authority that was named is accepted", function()
    expect.match(ask("localhost", directory .. "/cert.pem"), "HTML")
  end)

  it("for another host is refused", function()
    local _, err = ask("127.0.0.1", directory .. "/cert.pem")
    expect.equal(err.kind, "tls")
    expect.contains(err.message, "the server's certificate is for another host (SSL: ")
  end)

  -- `openssl ca` alone sets both times in every version.
  local AUTHORITY = [[cd %s && openssl req -new -key key.pem -subj /CN=dated -out request.pem && : >index &&
    printf '[ca]\ndefault_ca = own\n[own]\ndatabase = index\nrand_serial = yes\nnew_certs_dir = .\n' >ca.conf &&
    printf 'default_md = sha256\npolicy = any\nx509_extensions = host\n[any]\ncommonName = supplied\n' >>ca.conf &&
    printf '[host]\nsubjectAltName = DNS:localhost\n' >>ca.conf &&
    openssl ca -batch -config ca.conf -cert cert.pem -keyfile key.pem -in request.pem -notext -out dated.pem \
      -startdate %s -enddate %s]]

  -- What is said of a certificate that is valid between two times.
  local function refusal(from, to)
    local status, _, output = process.run(AUTHORITY:format(directory, from, to))
    if status ~= 0 then error(output) end
    local dated <close> = process.start(("openssl s_server -www -accept 127.0.0.1:0 -key %s/key.pem -cert %s/dated.pem")
      :format(directory, directory))
    local its_port = process.eventually("the TLS server", function()
      return dated:output():match("ACCEPT 127%.0%.0%.1:(%d+)")
    end)
    local api = anyreach.client { base_url = "https://localhost:" .. its_port, token = "ak_x",
      ca_file = directory .. "/cert.pem" }
    local _, err = api.try.request { path = "/" }
    dated:signal "TERM"
    expect.equal(err.kind, "tls")
    return err.message
  end

  it("that has expired is refused", function()
    expect.contains(refusal("20200101000000Z", "20200102000000Z"),
      "the server's certificate has expired; is the clock of this machine right? (SSL ")
  end)

  it("that is not valid yet is refused", function()
    expect.contains(refusal("20900101000000Z", "20900102000000Z"),
      "the server's certificate is not valid yet; is the clock of this machine right? (SSL ")
  end)

  it("does not help with a server that speaks HTTP/2 alone, which is said", function()
    local command = "openssl s_server -www -alpn h2 -accept 127.0.0.1:0 -key %s/key.pem -cert %s/cert.pem"
    local modern <close> = process.start(command:format(directory, directory))
    local its_port = process.eventually("the TLS server", function()
      return modern:output():match("ACCEPT 127%.0%.0%.1:(%d+)")
    end)
    local api = anyreach.client { base_url = "https://localhost:" .. its_port, token = "ak_x", retries = 0,
      ca_file = directory .. "/cert.pem" }
    local _, err = api.try.agents.create { name = "x" }
    modern:signal "TERM"
    expect.equal({ err.kind, err.may_have_been_sent }, { "tls", false })
    expect.contains(err.message, "the server does not speak HTTP/1.1, ")
  end)

  server:stop "TERM"
end)
