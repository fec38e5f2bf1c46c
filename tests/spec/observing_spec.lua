-- What is shown of requests: what is hidden in it, how it is summed up, and the curl commands.

local curl = require "anyreach.text.curl"
local errors = require "anyreach.errors"
local har = require "anyreach.observe.har"
local process = require "helpers.process"
local redact = require("anyreach.redact").known
local redaction = require "anyreach.text.redaction"
local stats = require "anyreach.observe.stats"
local trace = require "anyreach.observe.trace"
local wire = require "helpers.wire"

local api = anyreach.client { base_url = "http://127.0.0.1:1/", token = "ak_observing", retries = 0 }

local function record(fields)
  local all = {
    method = "GET", url = "https://api.invalid/core/agents?name=x", attempt = 1, status = 200, started = 1.5,
    elapsed = 0.25, total = 0.5, bytes_out = 10, bytes_in = 20, connections = 1, resolved = 0.01, connected = 0.02,
    secured = 0, ready = 0.03, first_byte = 0.2,
    request = { headers = {}, headers_length = 10, length = 0, body = "" },
    response = { headers = {}, headers_length = 20, status_line = "HTTP/1.1 200 OK", body = "" },
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

-- What a POSIX shell makes of a command: its words, one a line, without the first.
local function shell_words(command)
  local _, out = process.run("ANYREACH_TOKEN=filled; curl() { printf '%s\\n' \"$@\"; }; " .. command)
  return out
end

describe("redact", function()
  it("finds secrets as they are, percent-encoded, and in JSON strings", function()
    local kept = anyreach.secret 'se"cret/of the\nspec'
    expect.equal(redact 'a se"cret/of the\nspec b', "a [secret] b")
    expect.equal(redact "se%22cret%2Fof%20the%0Aspec", "[secret]")
    expect.equal(redact [["se\"cret/of the\nspec"]], '"[secret]"')
    expect.truthy(kept:equals 'se"cret/of the\nspec')
  end)

  it("leaves nothing of a secret that begins with another one", function()
    local short = anyreach.secret "prefix-of-a-secret"
    local long = short .. "-and-its-rest"
    expect.equal(redact "prefix-of-a-secret-and-its-rest, prefix-of-a-secret", "[secret], [secret]")
    expect.equal(tostring(long), "[secret]")
  end)

  it("leaves alone the words that a secret of less than four bytes stands in", function()
    local short = anyreach.secret "ox"
    expect.equal(redact "sandbox (Sandbox One)>", "sandbox (Sandbox One)>")
    expect.equal(tostring(short), "[secret]")
  end)

  it("hides a short secret where it is all of a header or of a field", function()
    local kept = anyreach.secret "ox"
    expect.equal(redaction.header { name = "X-Key", value = "ox" }, "[secret]")
    expect.equal(anyreach.json.decode(redaction.body '{"a":"ox","b":"box"}'), { a = "[secret]", b = "box" })
    local sent = { method = "GET", url = "https://x.invalid/box", headers = { { name = "X-Key", value = "ox" } } }
    expect.equal(curl.command(sent), "curl https://x.invalid/box -H 'X-Key: [secret]'")
    expect.equal(tostring(kept), "[secret]")
  end)
end)

describe("redaction", function()
  it("hides JSON fields by their names, also below and in lists", function()
    local body = [[{"pat_key":"p","max_tokens":5,"accessToken":1,"a":[{"auth_password":"x"}],"credentials":{"u":"v"}}]]
    expect.equal(anyreach.json.decode(redaction.body(body, "application/json")), {
      pat_key = "[secret]", max_tokens = 5, accessToken = "[secret]",
      a = anyreach.array { { auth_password = "[secret]" } }, credentials = { u = "[secret]" },
    })
  end)

  it("keeps JSON as it is otherwise", function()
    local body = '{"a":[],"b":{},"c":null,"d":123456789012345678901234567890,"e":1.0}'
    expect.equal(redaction.body(body):gsub("%s", ""), (body:gsub("%s", "")))
  end)

  it("cuts the query of addresses that are credentials", function()
    expect.equal(redaction.url "https://x.invalid/a?X-Amz-Signature=1&b=2", "https://x.invalid/a?[secret]")
    expect.equal(redaction.url("https://x.invalid/a?b=2", true), "https://x.invalid/a?[secret]")
    expect.equal(redaction.url "https://x.invalid/a?b=2", "https://x.invalid/a?b=2")
    expect.contains(redaction.body '{"presigned_url":"https://x.invalid/a?b=2"}', "a?[secret]")
  end)

  it("shows no forms and no bytes that are not text, and no control characters", function()
    expect.equal(redaction.body("--x", "multipart/form-data; boundary=x"), nil)
    expect.equal(redaction.body("\255\254", "application/octet-stream"), nil)
    expect.equal(redaction.body("<Error/>", "application/xml"), "<Error/>")
    expect.equal(redaction.printable "a\27[31mb\n", "a\\x1B[31mb\n")
  end)
end)

describe("a line of the trace", function()
  it("has method, path, status or failure, time, and attempts when there were several", function()
    expect.equal(trace.line(record()), "GET /core/agents?name=x 200 500.0 ms")
    expect.equal(trace.line(record { attempt = 3, failure = "timeout", message = "too slow" }),
      "GET /core/agents?name=x timeout: too slow 500.0 ms, 3 attempts")
    expect.equal(trace.line(record { is_repeated = true, status = 503 }),
      "GET /core/agents?name=x 503 250.0 ms, attempt 1, to be sent again")
  end)

  it("has no query of a presigned address", function()
    expect.equal(trace.line(record { presigned = true }), "GET https://api.invalid/core/agents?[secret] 200 500.0 ms")
  end)
end)

describe("statistics", function()
  it("take percentiles by the nearest rank", function()
    local values = {}
    for i = 1, 100 do values[i] = i end
    expect.equal({ stats.percentile(values, 0.5), stats.percentile(values, 0.95), stats.percentile(values, 0.99) },
      { 50, 95, 99 })
    expect.equal(stats.percentile({ 7 }, 0.5), 7)
  end)
end)

describe("an entry of an archive", function()
  it("has the times of each step", function()
    local entry = har.entry(record())
    expect.equal(entry.startedDateTime, "1970-01-01T00:00:01.500Z")
    expect.equal(entry.time, 250.0)
    expect.equal(entry.timings,
      { blocked = -1, dns = 10.0, connect = 10.0, ssl = -1, send = 0, wait = 170.0, receive = 50.0 })
    expect.equal(entry.request.queryString, anyreach.array { { name = "name", value = "x" } })
  end)
end)

describe("an archive", function()
  it("takes no memory for its entries", function()
    local path = process.directory() .. "/x.har"
    local archive = har.new(path)
    local function grown_by(count)
      for _ = 1, count do
        local body = { headers = {}, headers_length = 0, length = 0, status_line = "", body = ("x"):rep(10000) }
        archive.take(record { response = body })
      end
      collectgarbage()
      return collectgarbage "count"
    end
    local before = grown_by(10)
    expect.truthy(grown_by(300) - before < 100)
    expect.equal(archive.finish(), nil)
    expect.equal(#anyreach.json.decode(process.read(path)).log.entries, 310)
  end)
end)

describe("a curl command", function()
  it("of an operation checks the arguments as the call does, and sends nothing", function()
    expect.equal(api.agents.get:curl "a b", "curl http://127.0.0.1:1/core/agents/a%20b "
      .. [[-H "Authorization: Bearer $ANYREACH_TOKEN" -H 'Accept: application/json']])
    expect.equal(api.agents.get.curl "a b", api.agents.get:curl "a b")
    expect.raises(function() api.agents.get:curl() end, "agent_id: required but missing")
    expect.raises(function() api.agents.create:curl { nmae = "x" } end, 'did you mean "name"?')
  end)

  it("survives the shell, whatever the values hold", function()
    local name = "O'Neil $HOME `id` \"x\" \\ !\n; rm -rf /"
    local words = shell_words(api.agents.create:curl { name = name })
    expect.contains(words, "Authorization: Bearer filled\n")
    local body = words:match "%-%-data%-raw\n(.*)\n$"
    expect.equal(anyreach.json.decode(body), { name = name })
  end)

  it("needs no credential, and shows no secret", function()
    local command = anyreach.client { base_url = "http://127.0.0.1:1" }.agents.create:curl {
      name = anyreach.secret "hidden-name",
    }
    expect.contains(command, [[--data-raw '{"name":"[secret]"}']])
  end)

  it("of a form names its files", function()
    local body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x y.csv\"\r\nContent-Type: text/csv"
      .. "\r\n\r\n1,2\r\n--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\na\r\n--b--\r\n"
    local headers = { { name = "Content-Type", value = "multipart/form-data; boundary=b" } }
    expect.equal(curl.command { method = "POST", url = "https://x.invalid/a", headers = headers, body = body },
      "curl https://x.invalid/a -F 'file=@x y.csv;type=text/csv' --form-string kind=a")
  end)

  it("of an error repeats the request that failed", function()
    local server <close> = wire.start()
    server:answer { status = 409, body = "{}" }
    local client = anyreach.client { base_url = server.base_url, token = "ak_observing" }
    local _, err = client.try.agents.create { name = "x" }
    local command = err:curl()
    expect.contains(command, [[-H "Authorization: Bearer $ANYREACH_TOKEN" -H 'Accept: application/json']])
    expect.contains(command, [[-H 'Content-Type: application/json' --data-raw '{"name":"x"}']])
    local first = server:requests()[1]
    process.run("ANYREACH_TOKEN=ak_observing; " .. command:gsub("^curl", "curl -s"))
    local second = server:requests()[1]
    local credential = "Authorization: Bearer ak_observing"
    for _, line in ipairs { "POST /core/agents HTTP/1.1", credential, '\r\n\r\n{"name":"x"}' } do
      expect.contains(first, line)
      expect.contains(second, line)
    end
  end)

  it("of an error without a request is nil", function()
    local _, err = pcall(errors.raise, "input", "x")
    expect.equal(err:curl(), nil)
  end)
end)
