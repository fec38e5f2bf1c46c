-- `anyreach sandbox` and --sandbox: what is announced, what is kept, and what a crash leaves.

local json = require "anyreach.json"
local process = require "helpers.process"

local function client(sandbox, options)
  options = options or {}
  options.base_url, options.token = sandbox.base_url, options.token or "ak_sandbox.admin"
  return anyreach.client(options)
end

describe("anyreach sandbox", function()
  it("announces itself for machines in the first line of stdout", function()
    local sandbox = process.sandbox()
    local description = sandbox.description
    expect.match(description.base_url, "^http://127%.0%.0%.1:%d+$")
    expect.truthy(#description.organizations >= 2)
    local tokens = {}
    for _, token in ipairs(description.tokens) do tokens[token.token] = token end
    for _, name in ipairs { "ak_sandbox.admin", "ak_sandbox.viewer", "ak_sandbox.second", "pat_sandbox" } do
      expect.truthy(json.is_array(tokens[name].scopes))
    end
    expect.equal(sandbox:stop(), 130)
    expect.equal(sandbox:output "err", "anyreach: interrupted\n")
  end)

  it("and for people without --json", function()
    local sandbox = process.start(process.anyreach "sandbox")
    expect.match(sandbox:first_line(), "http://127%.0%.0%.1:%d+")
    process.eventually("the whole text", function()
      return sandbox:output():find("export ANYREACH_BASE_URL=", 1, true)
    end)
    sandbox:stop()
  end)

  it("listens on the port that is named, or says that it cannot", function()
    local first = process.sandbox()
    local port = first.base_url:match("%d+$")
    local code, out, err = process.run(process.anyreach("sandbox", "--port", port))
    expect.equal({ code, out }, { 1, "" })
    expect.contains(err, port)
    first:stop()
    local second = process.sandbox("--port", port)
    expect.equal(second.base_url, first.base_url)
    second:stop()
  end)

  it("keeps its state in a file", function()
    local file = process.directory() .. "/state.db"
    local first = process.sandbox("--db", file)
    local id = client(first).agents.create({ name = "kept" }).id
    first:stop()
    local second = process.sandbox("--db", file)
    expect.equal(client(second).agents.get(id).name, "kept")
    second:stop()
    local code, out = process.run(process.anyreach("--sandbox=" .. file, "-e",
      "print(anyreach.client().agents.get(arg[1]).name)", id))
    expect.equal({ code, out }, { 0, "kept\n" })
  end)

  it("forgets everything without one", function()
    local sandbox = process.sandbox()
    client(sandbox).agents.create { name = "forgotten" }
    sandbox:stop()
    local other = process.sandbox()
    expect.equal(#client(other).agents.list(), 0)
    other:stop()
  end)

  it("says what is wrong with a file", function()
    local code, _, err = process.run(process.anyreach("sandbox", "--db", "/no/such/place/state.db"))
    expect.equal(code, 1)
    expect.contains(err, "/no/such/place/state.db")
    local path = process.directory() .. "/text.db"
    process.write(path, ("This is no database. "):rep(100))
    code, _, err = process.run(process.anyreach("--sandbox=" .. path, "-e", ""))
    expect.equal(code, 1)
    expect.contains(err, path)
  end)
end)

-- Kills the sandbox while agents are created in it; returns the ids whose creation was confirmed.
local function create_until_killed(sandbox)
  local confirmed = {}
  local api = client(sandbox)
  local tasks = {}
  for i = 1, 8 do
    tasks[i] = anyreach.spawn(function()
      while true do
        local agent = api.try.agents.create { name = ("agent " .. i):rep(100) }
        if not agent then return end
        confirmed[#confirmed + 1] = agent.id
        local version = api.try.agents.versions.create(agent.id, { config = {} })
        if version then api.try.agents.versions.publish(agent.id, version.version) end
      end
    end)
  end
  process.eventually("some agents", function() return #confirmed > 30 end)
  sandbox:signal "KILL"
  for _, task in ipairs(tasks) do task:wait() end
  expect.equal(sandbox:wait(), 137)
  return confirmed
end

describe("kill -9 in the middle of writes", function()
  it("loses nothing that was confirmed, and spoils nothing", function()
    local file = process.directory() .. "/state.db"
    local ids = {}
    for _ = 1, 3 do
      local sandbox = process.sandbox("--db", file)
      local confirmed = create_until_killed(sandbox)
      table.move(confirmed, 1, #confirmed, #ids + 1, ids)
    end
    local sandbox = process.sandbox("--db", file)
    local api = client(sandbox)
    anyreach.map(ids, function(id) return api.agents.get(id).id end)
    local listed, versions = 0, 0
    for agent in api.agents.each { limit = 50 } do
      listed = listed + 1
      for version in api.agents.versions.each(agent.id) do
        expect.equal(type(version.published), "boolean")
        versions = versions + 1
      end
    end
    expect.truthy(listed >= #ids)
    expect.truthy(listed <= #ids + 3 * 8)
    expect.truthy(versions <= listed)
    expect.equal(sandbox:stop(), 130)
  end)
end)

describe("a head that others understand differently", function()
  local sandbox <close> = process.sandbox()
  local address = sandbox.base_url:match("//(.*)")
  local port = address:match(":(%d+)$")

  -- Sends bytes as they are. Returns the first line of the answer, and all of it.
  local function send(bytes)
    local file = process.directory() .. "/bytes"
    process.write(file, bytes)
    local _, out = process.run(("curl -s --noproxy '*' --max-time 10 telnet://%s <%s"):format(address, file))
    return out:match("^[^\r\n]*"), out
  end

  local function request(lines, body)
    return table.concat(lines, "\r\n") .. "\r\nConnection: close\r\n\r\n" .. (body or "")
  end

  local TOKEN = "Authorization: Bearer ak_sandbox.admin"

  local HOST = "Host: " .. address
  local GET, POST = "GET /core/agents HTTP/1.1", "POST /core/agents HTTP/1.1"

  -- Newer versions of libmicrohttpd refuse some of these themselves, in HTML.
  local function expect_refused(part, lines, body)
    local status, answer = send(request(lines, body))
    expect.equal({ part, lines, status }, { part, lines, "HTTP/1.1 400 Bad Request" })
    if answer:find('{"detail"', 1, true) then expect.contains(answer, part) end
  end

  it("is refused", function()
    local cases = {
      { "Host: missing", { GET, TOKEN } },
      { "Host: missing", { "GET /core/agents HTTP/1.0", TOKEN } },
      { "Host: given more than once", { GET, HOST, HOST, TOKEN } },
      { "Host: given more than once", { GET, HOST, "HOST: x", TOKEN } },
      { "Host: expected", { GET, "Host: evil.example", TOKEN } },
      { "Host: expected", { GET, "Host: 127.0.0.1.evil.example:" .. port, TOKEN } },
      { "Host: expected", { GET, "Host: 127.0.0.1@evil.example", TOKEN } },
      { "Host: expected", { GET, "Host:", TOKEN } },
      { "Authorization: given more than once", { GET, HOST, TOKEN, TOKEN } },
      { "X-Api-Key: given more than once", { GET, HOST, "X-API-Key: a", "X-API-Key: b" } },
      { "Content-Length: given more", { POST, HOST, TOKEN, "Content-Length: 2", "Content-Length: 2" }, "{}" },
      { "Content-Length: given more", { POST, HOST, TOKEN, "Content-Length: 2", "content-length: 3" }, "{}" },
      { "Content-Length: given beside", { POST, HOST, TOKEN, "Content-Length: 2", "Transfer-Encoding: chunked" },
        "2\r\n{}\r\n0\r\n\r\n" },
      { "Transfer-Encoding", { "POST /core/agents HTTP/1.0", HOST, TOKEN, "Transfer-Encoding: chunked" },
        "2\r\n{}\r\n0\r\n\r\n" },
      { "method", { "G\xffT /core/agents HTTP/1.1", HOST, TOKEN } },
      { "method", { "G\1T /core/agents HTTP/1.1", HOST, TOKEN } },
      { "target", { "GET /core/agents ?x HTTP/1.1", HOST, TOKEN } },
      { "target", { "GET /core/\ragents HTTP/1.1", HOST, TOKEN } },
      { "name", { GET, HOST, TOKEN, "X : y" } },
      { "name", { GET, HOST, TOKEN, "X\xff: y" } },
      { "name", { GET, HOST, TOKEN, "no colon" } },
      { "control", { GET, HOST, TOKEN, "X: y\rContent-Length: 5" } },
      { "control", { GET, HOST, TOKEN, "X: \127" } },
    }
    for _, length in ipairs { "+2", "-2", "0x2", "2, 2", "2 2", "2a", "" } do
      cases[#cases + 1] = { "Content-Length", { POST, HOST, TOKEN, "Content-Length: " .. length }, "{}" }
    end
    for _, coding in ipairs { "gzip", "identity", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;q=1" } do
      cases[#cases + 1] = { "Transfer-Encoding", { POST, HOST, TOKEN, "Transfer-Encoding: " .. coding },
        "2\r\n{}\r\n0\r\n\r\n" }
    end
    for _, body in ipairs { "zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n",
      "0x2\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n", "\r\n{}\r\n0\r\n\r\n" } do
      cases[#cases + 1] = { "chunk", { POST, HOST, TOKEN, "Transfer-Encoding: chunked" }, body }
    end
    for _, case in ipairs(cases) do expect_refused(case[1], case[2], case[3]) end
  end)

  it("is not confused with one that all understand", function()
    expect.equal(send(request { "GET /_sandbox/requests HTTP/1.1", "Host: localhost:" .. port }), "HTTP/1.1 200 OK")
    expect.equal(send(request { GET, HOST, TOKEN }), "HTTP/1.1 200 OK")
    expect.equal(send(request { GET, "host:\t" .. address .. " ", TOKEN, "X: a\tb" }), "HTTP/1.1 200 OK")
    local function send_chunked(extension)
      return send(request({ POST, HOST, TOKEN, "Content-Type: application/json", "Transfer-Encoding: Chunked" },
        ('8%s\r\n{"name":\r\n6\r\n "ab"}\r\n0\r\nTrailer: z\r\n\r\n'):format(extension)))
    end
    expect.equal(send_chunked "", "HTTP/1.1 200 OK")
    -- libmicrohttpd 1.0 refuses the extensions of chunks where it is strict.
    expect.match(send_chunked ";x=y", "^HTTP/1.1 [24]00 ")
  end)

  it("hides no second request: what a refused one carries is not carried out", function()
    local inner = request({ POST, HOST, TOKEN, "Content-Type: application/json", "Content-Length: 19" },
      '{"name":"smuggled"}')
    for _, line in ipairs { "Transfer-Encoding: xchunked", "Content-Length: +0", "X : y", "Host: x" } do
      send((request({ POST, HOST, TOKEN, line }, inner):gsub("Connection: close\r\n", "")))
    end
    local code, out = process.run(("curl -s --noproxy '*' -H '%s' %s/core/agents?limit=50"):format(TOKEN,
      sandbox.base_url))
    expect.equal(code, 0)
    expect.falsy(out:find "smuggled")
  end)

  it("is not that of a client that waits to be told to go on with its body", function()
    local code, out, err = process.run(("curl -sv --noproxy '*' --max-time 50 --expect100-timeout 40 "
      .. "-H 'Expect: 100-continue' -H '%s' -H 'Content-Type: application/json' -d '{\"name\": \"x\"}' %s/core/agents")
      :format(TOKEN, sandbox.base_url))
    expect.equal(code, 0)
    expect.contains(err, "HTTP/1.1 100 Continue")
    expect.contains(out, '"name":"x"')
  end)
end)

describe("several programs at once", function()
  it("work against one sandbox, each in its organisation", function()
    local sandbox = process.sandbox()
    local code = process.run(("for i in 1 2 3 4; do env %s %s & done; wait"):format(sandbox.environment,
      process.anyreach("-e", "local api = anyreach.client() anyreach.map({1, 2, 3, 4, 5}, "
        .. "function() api.agents.create{name='x'} end)")))
    expect.equal(code, 0)
    expect.equal(#client(sandbox).agents.list { limit = 50 }, 20)
    expect.equal(#client(sandbox, { token = "ak_sandbox.second" }).agents.list(), 0)
    sandbox:stop()
  end)
end)

describe("faults", function()
  it("of a profile come without being asked for", function()
    local sandbox = process.sandbox("--faults", "503;retry-after=2;only=agents.create")
    local _, err = client(sandbox).try.agents.create { name = "x" }
    expect.equal({ err.status, err.retry_after }, { 503, 2 })
    expect.equal(#client(sandbox).agents.list(), 0)
    sandbox:stop()
  end)

  it("that are misspelt are refused", function()
    local code, _, err = process.run(process.anyreach("sandbox", "--faults", "latncy=3"))
    expect.truthy(code ~= 0)
    expect.contains(err, 'did you mean "latency"?')
  end)
end)
