-- anyreach doctor: what it finds, with real servers that are well or ill, and how the program ends.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local home = process.directory()
local server <close> = wire.start()

local function date(seconds_ahead)
  return os.date("!Date: %a, %d %b %Y %H:%M:%S GMT", os.time() + seconds_ahead)
end

-- Runs the doctor; returns the exit code, findings by name, and all that was printed.
local function examine(environment, ...)
  local code, out, err = process.run(("env HOME=%s %s %s"):format(home, environment,
    process.anyreach("doctor", "--json", ...)))
  local findings, count = {}, 0
  for line in out:gmatch("[^\n]+") do
    local event = json.decode(line)
    expect.equal(event.version, 1)
    if event.event == "check" then findings[event.name] = event end
    count = count + 1
  end
  expect.truthy(count >= 4)
  expect.falsy((out .. err):find("canary", 1, true))
  return code, findings, out .. err
end

local function expect_finding(finding, status, part)
  expect.equal(finding.status, status)
  expect.contains(finding.text, part)
end

local function at(base_url, token)
  return ("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=%s"):format(base_url, token or "ak_test.canary")
end

describe("the doctor finds", function()
  it("everything well in the sandbox, for people and for machines", function()
    local code, out, err = process.run(("HOME=%s "):format(home) .. process.anyreach("--sandbox", "doctor"))
    expect.equal({ code, err }, { 0, "" })
    for line in out:gmatch("[^\n]+") do expect.match(line, "^ok  ") end
    expect.match(out, "\nok       credential  an organisation's key %(ak_…%) from the sandbox, organisation %S+ "
      .. "%(Sandbox One%), %d+ scopes\n")
    expect.match(out, "\nok       sandbox     started and answered in %d+ ms\n$")
    local json_code, findings = examine("", "--sandbox")
    expect.equal(json_code, 0)
    expect.truthy(#findings.credential.scopes > 20)
    expect.truthy(math.abs(findings.clock.seconds_ahead) <= 1)
    expect.match(findings.program.libraries.libcurl, "^%d+%.%d+")
    expect.match(findings.program.libraries.SQLite, "^3%.")
  end)

  it("a machine without network and credential: says what is missing, and that the sandbox works", function()
    local code, findings = examine "ANYREACH_BASE_URL=http://127.0.0.1:1"
    expect.equal(code, 10)
    expect_finding(findings.network, "failure", "network: ")
    expect.contains(findings.network.advice, "--base-url")
    expect_finding(findings.credential, "warning", "none: only the sandbox can be used")
    expect.contains(findings.credential.advice, "set ANYREACH_TOKEN")
    expect.equal(findings.sandbox.status, "ok")
    expect.equal(findings.clock, nil)
  end)

  it("a name that cannot be resolved", function()
    local code, findings = examine "ANYREACH_BASE_URL=https://nowhere.invalid"
    expect.equal(code, 10)
    expect_finding(findings.network, "failure", "nowhere.invalid")
  end)

  it("a clock that is wrong: of no matter, a warning, or a failure", function()
    for ahead, expected in pairs {
      [0] = { 0, "ok", "agrees" },
      [-30] = { 0, "ok", "ahead of the server's" },
      [600] = { 0, "warning", "9 min behind the server's" },
      [-4000] = { 9, "failure", "66 min ahead of the server's" },
      [86400 * 30] = { 9, "failure", "h behind the server's" },
    } do
      server:answer { body = "[]", headers = { date(ahead) } }
      local code, findings = examine(at(server.base_url))
      expect.equal(code, expected[1])
      if expected[3]:find "^9 min" then expected[3] = " min behind" end
      expect_finding(findings.clock, expected[2], expected[3])
      expect.equal(findings.clock.advice ~= nil, expected[2] ~= "ok")
    end
  end)

  it("a server that does not tell its time, or tells nonsense", function()
    for _, headers in ipairs { {}, { "Date: yesterday" }, { "Date: Xxx, 00 Foo 2026 99:99:99 GMT" } } do
      server:answer { body = "[]", headers = headers }
      local _, findings = examine(at(server.base_url))
      expect_finding(findings.clock, "warning", "not compared")
    end
  end)

  it("a credential that is refused, with the server's own words", function()
    local parts = { [401] = "401 the credential ak_test.… was refused: gone", [403] = "403 not permitted: gone" }
    for status, part in pairs(parts) do
      server:answer { status = status, body = '{"detail":"gone"}', headers = { date(0) } }
      local code, findings = examine(at(server.base_url))
      expect.equal(code, 4)
      expect_finding(findings.network, "ok", "answered " .. status)
      expect_finding(findings.credential, "failure", part)
      expect.truthy(findings.credential.advice)
    end
  end)

  it("a credential that is incomplete, or looks like none", function()
    server:answer { body = "[]", headers = { date(0) } }
    local code, findings = examine(at(server.base_url, "pat_canary"))
    expect.equal(code, 4)
    expect_finding(findings.credential, "failure", "needs an organisation")
    local plain_code, plain = examine(at(server.base_url, "canary"))
    expect.equal(plain_code, 0)
    expect_finding(plain.credential, "warning", "begins neither with ak_ nor with pat_")
  end)

  it("a server in trouble, and one that answers otherwise than the API", function()
    server:answer { status = 503, body = "{}", headers = { date(0) } }
    local code, findings = examine(at(server.base_url))
    expect.equal(code, 0)
    expect_finding(findings.network, "warning", "answered 503")
    expect_finding(findings.credential, "warning", "not checked: 503 service unavailable")
    server:answer { body = '{"scopes":{}}', headers = { date(0) } }
    local _, odd = examine(at(server.base_url))
    expect_finding(odd.credential, "warning", "no list of scopes came")
    server:reply "close"
    local cut_code, cut = examine(at(server.base_url))
    expect.equal(cut_code, 10)
    expect.equal(cut.network.status, "failure")
    server:answer { body = "{}" }
  end)

  it("which address and organisation it is, without sending the credential first", function()
    server:requests()
    server:answer { body = '["agents:read"]', headers = { date(0) } }
    local _, findings = examine(at(server.base_url) .. " ANYREACH_ORG_ID=org-1", "--verbose")
    expect_finding(findings.address, "ok", server.base_url)
    expect_finding(findings.credential, "ok", "from ANYREACH_TOKEN, organisation org-1, 1 scope: agents:read")
    local requests = server:requests()
    expect.equal(#requests, 2)
    expect.match(requests[1], "^GET / ")
    expect.falsy(requests[1]:find("Authorization", 1, true))
    expect.match(requests[2], "^GET /admin/members/me/scopes ")
  end)
end)

describe("of TLS the doctor finds", function()
  local directory = process.directory()
  assert(process.run(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s/cert.pem"):format(directory, directory)) == 0)
  local tls_server = process.start(("openssl s_server -www -accept 127.0.0.1:0 -key %s/key.pem -cert %s/cert.pem")
    :format(directory, directory))
  local port = process.eventually("the TLS server", function()
    return tls_server:output():match("ACCEPT 127%.0%.0%.1:(%d+)")
  end)
  local base = "ANYREACH_BASE_URL=https://localhost:" .. port

  it("a certificate of somebody unknown, and what may be behind it", function()
    local code, findings = examine(base)
    expect.equal(code, 10)
    expect_finding(findings.network, "failure", "tls: ")
    expect.contains(findings.network.advice, "--ca-file")
    expect.equal(findings.tls, nil)
  end)

  it("protocol and expiry of a good one", function()
    local _, findings = examine(base, "--ca-file", directory .. "/cert.pem")
    expect.match(findings.tls.text, "^TLSv1%.[23], the certificate is valid for %d days, until %d%d%d%d%-%d%d%-%d%d$")
    expect.equal(findings.tls.status, "warning")
    expect.equal(findings.tls.protocol:sub(1, 5), "TLSv1")
    expect.match(findings.tls.certificate_ends, "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$")
  end)

  tls_server:stop "TERM"
end)

describe("of the config file and its profiles the doctor finds", function()
  local path = home .. "/.config/anyreach/config.yaml"
  assert(os.execute("mkdir -p " .. home .. "/.config/anyreach"))

  local function write(text, mode)
    process.write(path, text)
    assert(os.execute(("chmod %s %s"):format(mode or "600", path)))
  end

  it("what is there, and whose credential counts", function()
    server:answer { body = "[]", headers = { date(0) } }
    write(("default: one\nprofiles:\n  one: {base_url: '%s', token: ak_canary, protected: true}\n  two: {}\n"):format(
      server.base_url))
    local code, findings = examine ""
    expect.equal(code, 0)
    expect_finding(findings.config, "ok", "mode 0600, profiles one, two; the default is 'one'")
    expect_finding(findings.address, "ok", server.base_url .. ", profile 'one'")
    expect_finding(findings.credential, "ok", "from profile 'one' (config file), read-only, 0 scopes")
    local _, two = examine("ANYREACH_BASE_URL=" .. server.base_url, "--profile=two", "--base-url", server.base_url)
    expect.contains(two.credential.advice, "give the profile 'two' a token")
  end)

  it("a file that is wrong or open to others, and still checks what it can", function()
    write("profiles: {one: {token: ak_canary}}", "644")
    local code, findings = examine(at(server.base_url))
    expect.equal(code, 4)
    expect_finding(findings.config, "failure", "other users can read it")
    expect_finding(findings.credential, "ok", "from ANYREACH_TOKEN")
    write("profiles: [")
    local wrong_code, wrong = examine ""
    expect.equal(wrong_code, 3)
    expect.equal({ wrong.config.status, wrong.sandbox.status }, { "failure", "ok" })
    expect.equal(wrong.address, nil) -- it would fail for the reason that is told already
  end)

  it("a profile that is not there, and a command that fails", function()
    write(("profiles: {one: {base_url: '%s', token_command: [sh, -c, 'echo ak_canary; exit 1']}}"):format(
      server.base_url))
    local code, findings = examine("", "--profile=onr")
    expect.equal(code, 3)
    expect_finding(findings.address, "failure", "did you mean 'one'?")
    expect.equal(findings.sandbox.status, "ok")
    local command_code, command = examine("", "--profile=one")
    expect.equal(command_code, 4)
    expect_finding(command.credential, "failure", "token_command failed with exit code 1")
    os.remove(path)
  end)
end)

describe("of proxies the doctor finds", function()
  local API = "ANYREACH_BASE_URL=https://api.nowhere.invalid "

  it("which one is taken, without its password", function()
    local _, findings = examine(API .. "https_proxy=http://me:canary@127.0.0.1:1 NO_PROXY=elsewhere.invalid")
    expect.equal(findings.proxy.text, "https_proxy=http://127.0.0.1:1")
    expect.equal(findings.network.status, "failure")
    local _, all = examine(API .. "ALL_PROXY=127.0.0.1:1")
    expect.equal(all.proxy.text, "ALL_PROXY=127.0.0.1:1")
  end)

  it("which one does not count, and why", function()
    local _, exempt = examine(API .. "https_proxy=http://127.0.0.1:1 no_proxy=localhost,.nowhere.invalid")
    expect.contains(exempt.proxy.text, "but no_proxy names api.nowhere.invalid")
    local _, plain = examine(API .. "http_proxy=http://127.0.0.1:1")
    expect.equal(plain.proxy.text, "none: http_proxy does not count for https")
    local _, here = examine(at(server.base_url) .. " https_proxy=http://127.0.0.1:1")
    expect.contains(here.proxy.text, "on this machine")
  end)
end)

describe("the doctor's words", function()
  it("are in colours when asked for, and few with --quiet", function()
    local command = ("HOME=%s ANYREACH_BASE_URL=http://127.0.0.1:1 "):format(home)
    local _, out = process.run(command .. process.anyreach("--color=always", "doctor"))
    expect.contains(out, "\27[31mfailure\27[0m  network ")
    expect.contains(out, "\27[32mok     \27[0m  sandbox ")
    local _, quiet = process.run(command .. process.anyreach("--quiet", "doctor"))
    expect.falsy(quiet:find("\nok", 1, true))
    expect.match(quiet, "^failure")
  end)

  it("are refused for wrong usage", function()
    expect.equal((process.run(process.anyreach("doctor", "now"))), 64)
  end)
end)
