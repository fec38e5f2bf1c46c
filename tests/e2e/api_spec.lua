-- Keeping current, as a user does it: anyreach api, --openapi, and completion in real shells.

local documented = require "helpers.documented"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local services = require "helpers.services"
local wire = require "helpers.wire"
local write = require "anyreach.openapi.write"

local SERVICES = services.names

local function run(...)
  return process.run(process.anyreach(...))
end

-- Runs with a cache of its own and a server in the API's place.
local function run_at(server, cache, ...)
  return process.run(("XDG_CACHE_HOME=%s ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(
    cache, server.base_url, process.anyreach(...)))
end

-- The core service as it may be tomorrow: voices are new, agents are listed by a color, and trunks
-- cannot be created any more.
local function core_of_tomorrow()
  local value = write.document("core", services.rows("core"))
  value.paths["/core/voices"] = { post = {
    summary = "Make a voice.",
    requestBody = { required = true, content = { ["application/json"] = { schema = {
      type = "object", required = json.array { "name" }, additionalProperties = false,
      properties = { name = { type = "string" }, tone = { type = "string", enum = json.array { "warm", "cold" } } },
    } } } },
    responses = { ["200"] = { description = "The voice." } },
  } }
  table.insert(value.paths["/core/agents"].get.parameters,
    { name = "color", ["in"] = "query", schema = { type = "string" } })
  value.paths["/core/trunks"].post = nil
  return value
end

-- Lets the server answer the services' documents in the order in which they are fetched, from now on;
-- for core this document, or this answer.
local function serve(server, core)
  local first = server:count()
  for i, service in ipairs(SERVICES) do
    local value = service == "core" and core or write.document(service, services.rows(service))
    server:answer(value.openapi and { body = json.encode(value) } or value, first + i)
  end
end

describe("anyreach api list", function()
  it("shows every operation, or those that hold a text", function()
    local code, out = run("api", "list")
    expect.equal({ code, select(2, out:gsub("\n", "")) }, { 0, #operations.names() })
    code, out = run("api", "list", "web_widgets.au")
    expect.equal({ code, (out:gsub(" +", " ")) },
      { 0, "web_widgets.auto_brand POST /core/web-widgets/{widget_id}/auto-brand\n" })
  end)

  it("with --json is one object", function()
    local code, out = run("api", "list", "--json")
    local list = json.decode(out).operations
    expect.equal({ code, #list }, { 0, #operations.names() })
    for _, entry in ipairs(list) do
      local row = operations.describe(entry.name)
      expect.equal(entry, { name = row.name, method = row.method, path = row.path, service = row.service,
        scopes = row.scopes or json.null, unverified = row.unverified })
    end
    expect.equal(documented.lines_of(list), documented.all)
  end)
end)

describe("anyreach api", function()
  it("shows an operation as help does", function()
    local code, out = run("api", "show", "agents.get")
    expect.equal(code, 0)
    expect.equal(out, select(2, run("help", "agents.get")))
    expect.contains(out, "curl 'https://api.anyreach.ai/core/agents/AGENT_ID'")
  end)

  it("refuses what it does not know, with a suggestion", function()
    for words, part in pairs {
      [{ "api" }] = "expected list, show or update", [{ "api", "lsit" }] = "did you mean 'list'?",
      [{ "api", "show" }] = "which operation?", [{ "api", "show", "agents.gett" }] = "did you mean 'agents.get'?",
      [{ "api", "list", "--dry-run" }] = "--dry-run is for",
      [{ "api", "update", "core" }] = "unexpected argument 'core'",
    } do
      local code, _, err = run(table.unpack(words))
      expect.equal(code, 64)
      expect.contains(err, part)
    end
  end)
end)

describe("anyreach api update", function()
  it("shows what is new, changed and gone, and with --dry-run keeps nothing", function()
    local server <close> = wire.start()
    local cache = process.directory()
    serve(server, core_of_tomorrow())
    local code, out, err = run_at(server, cache, "api", "update", "--dry-run")
    expect.equal({ code, err }, { 0, "" })
    expect.equal(out, [[
admin: as known
campaign: as known
core: 1 new, 1 changed, 1 gone
  new      voices (POST /core/voices)
  changed  agents.list (GET /core/agents)
             query.color: new
  gone     trunks.create (POST /core/trunks)
knowledge-base: as known
workflow: as known
]])
    expect.equal(select(2, process.run("ls " .. cache)), "")
    for _, request in ipairs(server:requests()) do expect.contains(request, "Authorization: Bearer ak_test\r\n") end
  end)

  it("makes what is new callable, checked, completed and documented in later runs", function()
    local server <close> = wire.start()
    local cache = process.directory()
    serve(server, core_of_tomorrow())
    expect.equal((run_at(server, cache, "api", "update")), 0)
    local host = server.base_url:match("//(.*)")
    local _, modes = process.run(("cd %s && stat -c '%%a %%n' anyreach anyreach/openapi/%s anyreach/openapi/%s/*")
      :format(cache, host, host))
    for line in modes:gmatch("[^\n]+") do
      local is_file = line:find "json$" or line:find "lock$"
      expect.match(line, is_file and "^600 " or "^700 ")
    end
    expect.equal(select(2, modes:gsub("%.json\n", "")), #SERVICES + 1) -- and names.json

    server:answer { body = '{"id":"v1"}' }
    local code, out = run_at(server, cache, "call", "voices", "--name", "Ada", "--compact")
    expect.equal({ code, out }, { 0, '{"id":"v1"}\n' })
    code, out = run_at(server, cache, "-e", "print(anyreach.client().voices{ name = 'Ada' }.id)")
    expect.equal({ code, out }, { 0, "v1\n" })
    server:requests()
    local _, _, err = run_at(server, cache, "-e", "anyreach.client().voices{ name = 'Ada', tone = 'warn' }")
    expect.contains(err, 'did you mean "warm"?')
    expect.equal(#server:requests(), 0)
    expect.contains(select(2, run_at(server, cache, "help", "voices")), "warm|cold")
    expect.contains(select(2, run_at(server, cache, "api", "list", "voices")), "/core/voices")
    expect.contains(select(2, run_at(server, cache, "completion", "bash")), "'call voices'")
    expect.contains(select(2, run_at(server, cache, "help", "agents.list")), "color")

    serve(server, core_of_tomorrow())
    expect.contains(select(2, run_at(server, cache, "api", "update")), "core: 0 new, 0 changed, 1 gone")
    expect.falsy(select(2, run("api", "list")):find("voices", 1, true)) -- another address
  end)

  it("reports a service that does not answer, and goes on", function()
    local server <close> = wire.start()
    serve(server, { status = 404, body = '{"detail":"Not Found"}' })
    local code, out, err = run_at(server, process.directory(), "api", "update")
    expect.equal(code, 8)
    expect.contains(err, "core: fetch: 404 not found: Not Found")
    expect.contains(out, "workflow: as known")
  end)

  it("ends with the code of the error when none answers", function()
    local server <close> = wire.start()
    server:answer { status = 401, body = '{"detail":"no"}' }
    expect.equal((run_at(server, process.directory(), "api", "update")), 4)
    server:answer { body = "<html>", type = "text/html" }
    local code, _, err = run_at(server, process.directory(), "api", "update")
    expect.equal(code, 3)
    expect.contains(err, "expected an OpenAPI document")
  end)

  it("with --json prints an event a service", function()
    local server <close> = wire.start()
    serve(server, core_of_tomorrow())
    local _, out = run_at(server, process.directory(), "api", "update", "--dry-run", "--json")
    local events = {}
    for line in out:gmatch("[^\n]+") do events[#events + 1] = json.decode(line) end
    expect.equal({ #events, events[3].event, events[3].service, events[3].kept }, { 5, "service", "core", false })
    expect.equal(events[3].new, { { name = "voices", method = "POST", path = "/core/voices" } })
    expect.equal(events[3].changed[1].changes, { "query.color: new" })
    expect.equal(events[3].gone[1].name, "trunks.create")
  end)

  it("knows the sandbox as it is, and keeps nothing of it", function()
    local cache = process.directory()
    local code, out = process.run("XDG_CACHE_HOME=" .. cache .. " " .. process.anyreach("--sandbox", "api", "update"))
    expect.equal({ code, select(2, out:gsub(": as known\n", "")) }, { 0, #SERVICES })
    expect.equal(select(2, process.run("ls " .. cache)), "")
  end)

  it("leaves a broken file of the cache for a warning", function()
    local server <close> = wire.start()
    local cache = process.directory()
    local place = cache .. "/anyreach/openapi/" .. server.base_url:match("//(.*)")
    process.run("mkdir -p " .. place)
    process.write(place .. "/core.json", '{"openapi":')
    local code, _, err = run_at(server, cache, "call", "agents.list")
    expect.equal(code, 0)
    expect.contains(err, "warning: " .. place .. "/core.json")
    expect.contains(err, "'anyreach api update' writes the file anew")
  end)
end)

describe("--openapi", function()
  local directory = process.directory()
  local file = directory .. "/tomorrow.yaml"
  process.write(file, [[
openapi: 3.0.3
paths:
  /core/voices:
    post: {requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}}
]])

  it("makes the operations of a file callable; the sandbox has no rule for them", function()
    local code, _, err = run("--sandbox", "--openapi", file, "call", "voices", "--name", "Ada")
    expect.equal(code, 1)
    expect.contains(err, "404 not found: The sandbox has no rule for voices (POST /core/voices).")
    expect.equal(select(2, run("--openapi", file, "api", "list", "voices")), "voices  POST   /core/voices\n")
    local sandbox = process.sandbox()
    local _, _, refusal = process.run(sandbox.environment .. process.anyreach("--openapi", file, "call", "voices"))
    sandbox:stop()
    expect.contains(refusal, "404 not found: No such path: /core/voices")
  end)

  it("takes a URL, and sends the credential to the client's own address alone", function()
    local server <close> = wire.start()
    local other <close> = wire.start()
    for _, each in ipairs { server, other } do each:answer { body = process.read(file), type = "application/yaml" } end
    for _, url in ipairs { server.base_url .. "/core/openapi.yaml", other.base_url .. "/x.yaml" } do
      local code, out, err = run_at(server, directory, "--openapi", url, "-e", "print(anyreach.client().voices)")
      expect.equal({ code, out, err }, { 0, "api.voices({…})\n", "" })
    end
    expect.contains(server:requests()[1], "Authorization: Bearer ak_test")
    expect.equal(other:requests()[1], "GET /x.yaml HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n"
      .. "User-Agent: anyreach-lua/" .. anyreach.version .. "\r\nAccept-Encoding: gzip\r\nAccept: */*\r\n\r\n")
    local with_user = server.base_url:gsub("//", "//ak_test@") .. "/x"
    expect.equal((run_at(server, directory, "--openapi", with_user, "-e", "")), 3)
  end)

  it("refuses what is no document before anything runs", function()
    process.write(directory .. "/broken.json", '{"openapi": "3.0.3", "paths": ')
    for source, part in pairs {
      [directory .. "/broken.json"] = "broken.json: line 1", [directory .. "/none"] = "No such file",
      ["http://example.com/x"] = "http is only for this machine", ["ftp://example.com/x"] = "must start with https://",
    } do
      local code, out, err = run("--openapi", source, "-e", "print 'ran'")
      expect.equal({ code, out }, { 3, "" })
      expect.contains(err, part)
    end
  end)

  it("warns of what cannot be bound, and of a document for another host", function()
    process.write(directory .. "/odd.yaml", [[
openapi: 3.0.3
servers: [{url: "https://evil.example"}]
paths: {/core/../x: {get: {}}, /core/y: {get: {servers: [{url: "https://other.example"}]}}}
]])
    local code, out, err = run("--openapi", directory .. "/odd.yaml", "-e", "print 'ran'")
    expect.equal({ code, out }, { 0, "ran\n" })
    expect.contains(err, "it is for evil.example; calls go to the client's address")
    expect.contains(err, 'GET /core/../x cannot be bound: a path may not contain ".."')
    expect.contains(err, "GET /core/y cannot be bound: it is served elsewhere")
  end)
end)

describe("anyreach completion", function()
  local directory = process.directory()

  -- line -> what is among the candidates at its end, and what is not.
  local CASES = {
    { "ca", "call", "sandbox" }, { "call agents.v", "agents.versions.publish", "agents.get" },
    { "call agents.versions.publish --dir", "--direction", "--phone_numbers" },
    { "call agents.versions.publish --direction o", "outbound", "inbound" },
    { "call agents.versions.publish --direction=o", "outbound", "inbound" },
    { "--timeout 5 --color a", "always", "never" }, { "api sh", "show", "list" },
    { "api show web_widgets.au", "web_widgets.auto_brand", "web_widgets.get" }, { "run pro", "provision", "README.md" },
    { "help age", "agents.list", "call" }, { "api update --dr", "--dry-run", "--data" },
    { "completion z", "zsh", "bash" }, { "call agents.create --active t", "true", "false" },
    { "run provision READ", "README.md", "provision" },
    { "profile s", "show", "test" }, { "profile use st", "staging", "show" },
    { "--profile pr", "production", "staging" },
    { "run promote --fr", "--from", "--from-file" }, { "run promote --from st", "staging", "src" },
    { "run promote --from=st", "staging", "src" }, { "help exit", "exit-codes", "environment" },
    { "--har REA", "README.md", "--read-only" }, { "run numbers as", "assign", "README.md" },
    { "run ab-test --alpha 0.1 st", "status", "conclude" }, { "run ab-test status READ", "README.md", "status" },
  }

  local function check(shell, command_of)
    if (process.run("command -v " .. shell)) ~= 0 then skip(shell .. " is not installed") end
    local code, script = run("completion", shell)
    expect.equal(code, 0)
    process.write(directory .. "/script." .. shell, script)
    os.execute(("mkdir -p %s/anyreach && ln -sfn %s %s/bin"):format(directory, process.quote(process.build), directory))
    process.write(directory .. "/anyreach/config.yaml", "profiles: {staging: {}, production: {}}")
    os.execute(("chmod 600 %s/anyreach/config.yaml"):format(directory))
    local environment = ("export PATH=%s/bin:$PATH XDG_CONFIG_HOME=%s; "):format(directory, directory)
    for _, case in ipairs(CASES) do
      local _, out, err = process.run(environment .. command_of(directory .. "/script." .. shell, case[1]))
      local found = {}
      for line in out:gmatch("[^\n]+") do found[line:match("^[^\t]*"):gsub("^%-%-%l+=(%l%l%l%l%l+)", "%1")] = true end
      expect.equal({ case[1], found[case[2]], found[case[3]], err }, { case[1], true, nil, "" })
    end
  end

  it("works in bash", function()
    check("bash", function(script, line)
      process.write(directory .. "/ask.bash", ([[
. %s
COMP_WORDS=(anyreach %s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_anyreach && printf '%%s\n' "${COMPREPLY[@]}"
]]):format(script, line:gsub("=", " = ")))
      return "bash " .. directory .. "/ask.bash"
    end)
  end)

  it("works in fish", function()
    check("fish", function(script, line)
      return ("fish -c %s"):format(process.quote(("source %s; complete -C 'anyreach %s'"):format(script, line)))
    end)
  end)

  it("works in zsh", function()
    check("zsh", function(script, line)
      process.write(directory .. "/ask.zsh", ([=[
compdef() { }
source %s
_describe() {
  local -a all=("${(@P)4}")
  for each in $all; do [[ $each == ${words[CURRENT]}* ]] && print -r -- ${each%%%%:*}; done
}
_files() { print -rl -- ${words[CURRENT]}*(N) }
words=(anyreach %s) CURRENT=$#words
_anyreach; true
]=]):format(script, line))
      return "zsh -f " .. directory .. "/ask.zsh"
    end)
  end)

  it("refuses another shell with a suggestion", function()
    local code, _, err = run("completion", "zhs")
    expect.equal(code, 64)
    expect.contains(err, "did you mean 'zsh'?")
  end)
end)
