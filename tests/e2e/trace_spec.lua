-- Looking inside, as a user does it: --trace, --stats and --har, after good ends and bad ones.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local directory = process.directory()

local function run(...)
  return process.run(process.anyreach(...))
end

-- Runs code against a wire server.
local function run_against(server, ...)
  return process.run(("ANYREACH_TOKEN=ak_trace ANYREACH_BASE_URL=%s %s"):format(server.base_url, process.anyreach(...)))
end

local function read_archive(path)
  return json.decode(process.read(path)).log
end

-- Where the npm package har-validator can be found: in $HAR_VALIDATOR (a node_modules directory), or
-- wherever node looks.
local function expect_valid(path)
  local code, _, err = process.run(([[NODE_PATH="$HAR_VALIDATOR" node -e '
    let validator;
    try { validator = require("har-validator"); } catch (e) { process.exit(9); }
    const text = require("fs").readFileSync(process.argv[1], "utf8");
    validator.har(JSON.parse(text)).then(() => 0, (e) => { console.error(e.errors || e); process.exit(1); });
  ' %s]]):format(process.quote(path)))
  if code == 9 or code == 127 then skip "the npm package har-validator is not installed (HAR_VALIDATOR=DIRECTORY)" end
  expect.equal({ code, err }, { 0, "" })
end

describe("--trace", function()
  it("shows one line a request on stderr, and leaves stdout alone", function()
    local code, out, err = run("--sandbox", "--trace", "-e",
      "local api = anyreach.client() api.agents.create{ name = 'x' } print(#api.agents.list())")
    expect.equal({ code, out }, { 0, "1\n" })
    expect.match(err, "^POST /core/agents 200 [%d.]+ ms\nGET /core/agents 200 [%d.]+ ms\n$")
  end)

  it("counts the attempts of a request, and shows each with --trace=full", function()
    local server <close> = wire.start()
    server:answer({ status = 503, body = "{}" }, 1)
    local _, _, err = run_against(server, "--trace", "-e", "anyreach.client().agents.get 'x'")
    expect.match(err, "^GET /core/agents/x 200 [%d.]+ ms, 2 attempts\n$")
    server:answer({ status = 503, body = "{}" }, 3)
    _, _, err = run_against(server, "--trace=full", "-e", "anyreach.client().agents.get 'x'")
    expect.match(err, "\nGET /core/agents/x 503 [%d.]+ ms, attempt 1, to be sent again\n")
    expect.match(err, "\nGET /core/agents/x 200 [%d.]+ ms, 2 attempts\n$")
  end)

  it("says why there was no answer", function()
    local _, _, err = run("--trace", "--retries=0", "--base-url=http://127.0.0.1:1", "-e",
      "anyreach.client{ token = 'ak_trace' }.agents.get 'x'")
    expect.match(err, "^GET /core/agents/x network: [^\n]+ [%d.]+ ms\n")
  end)

  it("=full shows headers and bodies, JSON indented, and not the credential", function()
    local _, _, err = run("--sandbox", "--trace=full", "-e", "anyreach.client().agents.create{ name = 'x' }")
    expect.contains(err, "> POST /core/agents\n")
    expect.contains(err, "\n> Authorization: Bearer $ANYREACH_TOKEN\n")
    expect.contains(err, '\n>\n> {\n>   "name": "x"\n> }\n< HTTP/1.1 200 OK\n')
    expect.contains(err, '\n<   "name": "x",\n')
    expect.falsy(err:find("ak_sandbox", 1, true))
  end)

  it("shows no query of a presigned address", function()
    local server <close> = wire.start()
    process.write(directory .. "/upload.md", "Text of the file.")
    server:answer({ status = 404, body = "{}" }, 1)
    server:answer({ body = json.encode { id = "s", presigned_url = server.base_url .. "/up?ticket=hush" } }, 2)
    server:answer({ status = 403, body = "<Code>Denied</Code>hush", type = "application/xml" }, 3)
    local code, _, err = run_against(server, "--trace=full", "--org=org-1", "-e",
      ("local _, err = pcall(anyreach.client().sources.upload, %q) print(err) io.stderr:write(err:curl())")
        :format(directory .. "/upload.md"))
    expect.equal(code, 0)
    expect.contains(err, ("\nPUT %s/up?[secret] 403 "):format(server.base_url))
    expect.contains(err, "curl -X PUT '" .. server.base_url .. "/up?[secret]' -H 'Content-Type: text/markdown'")
    expect.falsy(err:find("hush", 1, true))
  end)

  it("shows a request that was given up", function()
    local server <close> = wire.start()
    server:reply "stall"
    local _, _, err = run_against(server, "--trace", "-e",
      "pcall(anyreach.timeout, 0.1, function() anyreach.client().agents.get 'x' end)")
    expect.match(err, "^GET /core/agents/x cancelled: given up [%d.]+ ms\n$")
  end)

  it("takes full or nothing", function()
    local code, _, err = run("--trace=some", "-e", "")
    expect.equal(code, 64)
    expect.contains(err, "--trace: expected full, or no value, got 'some'")
  end)
end)

describe("--stats", function()
  it("sums up requests, retries, bytes, connections, latency and failures", function()
    local server <close> = wire.start()
    server:answer({ status = 503, body = "{}" }, 1)
    server:answer({ status = 404, body = "{}" }, 3)
    local _, out, err = run_against(server, "--stats", "-e",
      "local api = anyreach.client() api.agents.get 'x' api.try.agents.get 'y' api.agents.get 'z'")
    expect.equal(out, "")
    expect.match(err, "^requests     3\nfailures     1 not_found\nretries      1\nconnections  %d\n"
      .. "bytes        %d+ out, %d+ in\nlatency      p50 [%d.]+ ms, p95 [%d.]+ ms, p99 [%d.]+ ms\n$")
    local bytes = 0
    for _, request in ipairs(server:requests()) do bytes = bytes + #request end
    local port = #server.base_url:match ":(%d+)$"
    expect.contains(err, ("bytes        %d out"):format(bytes + 4 * (port - #"PORT")))
  end)

  it("is there when nothing was asked, and after os.exit", function()
    local code, _, err = run("--stats", "-e", "os.exit(3)")
    expect.equal(code, 3)
    expect.contains(err, "requests     0\nfailures     none\n")
  end)
end)

describe("--har", function()
  it("writes an archive", function()
    local path = directory .. "/good.har"
    local code = run("--sandbox", "--har", path, "-e", [[
      local api = anyreach.client()
      local agent = api.agents.create{ name = "x" }
      api.try.agents.get "nowhere"
      for _ in api.agents.each{ name = "a b" } do end
      api.agents.delete(agent.id)]])
    expect.equal(code, 0)
    local log = read_archive(path)
    expect.equal({ log.version, log.creator.name, log.entries[1].request.method, log.entries[2].response.status },
      { "1.2", "anyreach-lua", "POST", 404 })
    expect.equal(log.entries[3].request.queryString, json.array { { name = "name", value = "a b" } })
    expect.equal(json.decode(log.entries[1].request.postData.text), { name = "x" })
  end)

  it("writes it after an error, one entry an attempt", function()
    local path = directory .. "/error.har"
    local server <close> = wire.start()
    server:reply("die", "", 1)
    server:answer({ status = 500, body = "not JSON", type = "text/plain" }, 2)
    server:answer({ status = 400, body = "{}" }, 3)
    expect.equal((run_against(server, "--har", path, "-e", "anyreach.client().agents.get 'x' ")), 1)
    local log, statuses = read_archive(path), {}
    for i, entry in ipairs(log.entries) do statuses[i] = entry.response.status end
    expect.equal(statuses, { 0, 500, 400 })
    expect.match(log.entries[1].response._error, "^network: ")
    expect.equal(log.entries[2].response.content.text, "not JSON")
  end)

  it("writes it after Ctrl-C", function()
    local path = directory .. "/interrupted.har"
    local server <close> = wire.start()
    server:reply "stall"
    local program = process.start(("ANYREACH_TOKEN=ak_trace ANYREACH_BASE_URL=%s %s"):format(server.base_url,
      process.anyreach("--har", path, "-e", "anyreach.client().agents.list()")))
    process.eventually("the request", function() return server:count() == 1 end)
    expect.equal(program:stop "INT", 130)
    expect.equal(program:output "err", "anyreach: interrupted\n")
    expect.match(read_archive(path).entries[1].response._error, "^cancelled: ")
  end)

  it("is whole while the program runs, and after it was killed", function()
    local path = directory .. "/killed.har"
    local server <close> = wire.start()
    server:reply("stall", "", 3)
    local program = process.start(("ANYREACH_TOKEN=ak_trace ANYREACH_BASE_URL=%s %s"):format(server.base_url,
      process.anyreach("--har", path, "-e", "local api = anyreach.client() for i = 1, 3 do api.agents.get 'x' end")))
    process.eventually("the third request", function() return server:count() == 3 end)
    expect.equal(#read_archive(path).entries, 2)
    program:stop "KILL"
    expect.equal(#read_archive(path).entries, 2)
  end)

  it("is whole where the disk has no room for an entry, and says so", function()
    local path = directory .. "/full.har"
    local code, _, err = process.run("trap '' XFSZ; ulimit -f 8; " .. process.anyreach("--sandbox", "--har", path, "-e",
      "local api = anyreach.client() for i = 1, 9 do api.agents.create { name = ('x'):rep(100) } end"))
    expect.equal({ code, err }, { 1, ("anyreach: --har: %s: File too large\n"):format(path) })
    local entries = read_archive(path).entries
    expect.truthy(#entries > 0 and #entries < 9)
  end)

  it("replaces an earlier archive, and is for its owner alone", function()
    local path = directory .. "/again.har"
    process.write(path, ("x"):rep(10000))
    expect.equal((run("--har", path, "-e", "")), 0)
    expect.equal(#read_archive(path).entries, 0)
    local _, mode = process.run("stat -c %a " .. process.quote(path))
    expect.equal(mode, "600\n")
  end)

  it("is valid for the npm package har-validator", function()
    for _, name in ipairs { "good", "error", "interrupted", "killed", "full", "again" } do
      expect_valid(directory .. "/" .. name .. ".har")
    end
  end)

  it("says at once when it cannot be written", function()
    local code, out, err = run("--har", "/proc/nowhere/x.har", "-e", "print 'sent'")
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "anyreach: --har: /proc/nowhere/x.har: ")
  end)
end)
