-- The sandbox as a whole: routes, credentials, validation, control routes, and where its state lives.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local sandbox = require "anyreach.sandbox"
local asking = require "helpers.sandbox"

local FIRST, SECOND, NUMBER = asking.FIRST, asking.SECOND, asking.NUMBER
local new, ask, must, refused = asking.new, asking.ask, asking.must, asking.refused
local new_agent, names = asking.new_agent, asking.names

describe("routes", function()
  local box = new()

  it("an unknown path is 404, a wrong method 405 with the allowed ones", function()
    refused(box, 404, "/core/nothing", "GET", "/core/nothing")
    refused(box, 404, "/", "GET", "/")
    local status, body, answer = ask(box, "DELETE", "/core/agents")
    expect.equal(status, 405)
    expect.contains(body.detail, "allowed: GET, POST")
    expect.equal(answer.headers.Allow, "GET, POST")
    refused(box, 405, "HEAD", "HEAD", "/core/agents")
    refused(box, 405, "BREW", "BREW", "/core/agents")
  end)

  it("bytes that are no UTF-8 are refused and quoted without harm", function()
    refused(box, 404, "/core/a?b??", "GET", "/core/a\255b\255\255")
    refused(box, 404, "UTF-8", "GET", "/core/agents/%FF")
    refused(box, 422, "UTF-8", "GET", "/core/agents?name=%FF")
    refused(box, 404, "not found", "GET", "/core/agents/%00")
  end)

  it("every operation has a rule", function()
    for _, name in ipairs(operations.names()) do
      local operation = operations.describe(name)
      local path = operation.path:gsub("{version}", "1"):gsub("{[^}]*}", "x")
      local status, body = ask(box, operation.method, path, operation.body and "{}" or nil)
      expect.truthy(status ~= 405 and not tostring(body.detail):find("No such path", 1, true))
    end
  end)
end)

describe("credentials", function()
  local box = new()

  it("missing, malformed and unknown ones are 401", function()
    refused(box, 401, "Missing credential", "GET", "/core/agents", nil, { token = false })
    refused(box, 401, "Missing credential", "GET", "/core/agents", nil,
      { token = false, headers = { authorization = "Basic abc" } })
    refused(box, 401, "Invalid", "GET", "/core/agents", nil, { token = "ak_unknown.x" })
  end)

  it("a detail never repeats the credential", function()
    local _, body = ask(box, "GET", "/core/agents", nil, { token = "ak_my.secret" })
    expect.falsy(body.detail:find("secret", 1, true))
  end)

  it("a viewer reads and does not write", function()
    expect.equal(ask(box, "GET", "/core/agents", nil, { token = "ak_sandbox.viewer" }), 200)
    expect.equal(ask(box, "GET", "/core/phone-numbers", nil, { token = "ak_sandbox.viewer" }), 200)
    expect.equal(ask(box, "GET", "/core/agent-config-schema", nil, { token = "ak_sandbox.viewer" }), 200)
    refused(box, 403, "agents:manage", "POST", "/core/agents", { name = "x" }, { token = "ak_sandbox.viewer" })
  end)

  it("a personal token needs an organisation that its user belongs to", function()
    local function with_organization(id)
      return { token = "pat_sandbox", headers = { ["x-anyreach-org"] = id } }
    end
    refused(box, 401, "Token is missing organization claim.", "GET", "/core/agents", nil, { token = "pat_sandbox" })
    refused(box, 403, "not a member", "GET", "/core/agents", nil, with_organization("elsewhere"))
    expect.equal(ask(box, "POST", "/core/agents", { name = "pat" }, with_organization(SECOND)), 200)
    local _, second = ask(box, "GET", "/core/agents", nil, { token = "ak_sandbox.second" })
    expect.equal(names(second), "pat")
    local _, first = ask(box, "GET", "/core/agents", nil, with_organization(FIRST))
    expect.equal(#first, 0)
  end)

  it("an organisation sees nothing of another", function()
    local agent = new_agent(box)
    refused(box, 404, agent.id, "GET", "/core/agents/" .. agent.id, nil, { token = "ak_sandbox.second" })
    refused(box, 404, NUMBER, "GET", "/core/phone-numbers/" .. NUMBER, nil, { token = "ak_sandbox.second" })
  end)

  it("are described with their scopes", function()
    local description = box:describe("http://127.0.0.1:1")
    expect.equal(description.base_url, "http://127.0.0.1:1")
    expect.equal(description.organizations[1].id, FIRST)
    expect.equal(description.organizations[2].id, SECOND)
    local by_token = {}
    for _, token in ipairs(description.tokens) do by_token[token.token] = token end
    expect.equal(by_token["ak_sandbox.admin"].organization, FIRST)
    expect.equal(by_token["ak_sandbox.second"].organization, SECOND)
    expect.equal(by_token["pat_sandbox"].organization, json.null)
    expect.truthy(#by_token["ak_sandbox.admin"].scopes > #by_token["ak_sandbox.viewer"].scopes)
    for _, scope in ipairs(by_token["ak_sandbox.viewer"].scopes) do expect.match(scope, ":read$") end
  end)
end)

describe("validation", function()
  local box = new()

  it("names every problem of a body in one 422", function()
    local status, body = ask(box, "POST", "/core/agents", { nmae = "x", active = "yes" })
    expect.equal(status, 422)
    expect.contains(body.detail, "nmae: unknown field")
    expect.contains(body.detail, "name: required but missing")
    expect.contains(body.detail, "active: ")
  end)

  it("malformed JSON, a missing body and a foreign content type are 422", function()
    refused(box, 422, "body: ", "POST", "/core/agents", "{")
    refused(box, 422, "required but missing", "POST", "/core/agents", "")
    refused(box, 422, "expected an object", "POST", "/core/agents", "[]")
    refused(box, 422, "application/json", "POST", "/core/agents", '{"name":"x"}',
      { headers = { ["content-type"] = "text/plain" } })
  end)

  it("query values are checked", function()
    refused(box, 422, "active: ", "GET", "/core/agents?active=maybe")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=0")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=101")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=x")
    refused(box, 422, "limit: ", "GET", "/core/agents?limit=99999999999999999999")
    refused(box, 422, "cursor: ", "GET", "/core/agents?cursor=%21%21")
    refused(box, 422, "created_after: ", "GET", "/core/agents?created_after=yesterday")
    refused(box, 422, "metadata: ", "GET", "/core/agents?metadata=%7B")
    refused(box, 422, "colour: unknown", "GET", "/core/agents?colour=red")
  end)

  it("leaves nothing behind", function()
    expect.equal(#must(box, "GET", "/core/agents"), 0)
  end)
end)

describe("control", function()
  it("shows the requests", function()
    local box = new()
    must(box, "GET", "/core/agents?limit=3")
    ask(box, "GET", "/nowhere")
    ask(box, "GET", "/core/agents", nil, { headers = { ["x-sandbox-fault"] = "drop" } })
    local status, requests, answer = ask(box, "GET", "/_sandbox/requests", nil, { token = false })
    expect.equal(status, 200)
    expect.equal(requests, json.array {
      { method = "GET", path = "/core/agents", query = "limit=3", status = 200, operation = "agents.list" },
      { method = "GET", path = "/nowhere", query = "", status = 404, operation = json.null },
      { method = "GET", path = "/core/agents", query = "", status = json.null, operation = "agents.list" },
    })
    expect.equal(answer.headers["X-Total-Count"], "3")
    refused(box, 405, "GET", "POST", "/_sandbox/requests")
    refused(box, 404, "_sandbox", "GET", "/_sandbox/x")
  end)

  -- Requests as no client of ours writes them: bytes of all kinds in every part, at places where rules look.
  local function random_request()
    local function bytes(length)
      local characters = {}
      for i = 1, math.random(0, length) do characters[i] = string.char(math.random(0, 255)) end
      return table.concat(characters)
    end
    local function one_of(...) return (select(math.random(select("#", ...)), ...)) end
    local headers = { [bytes(8)] = bytes(30), authorization = one_of("Bearer ak_sandbox.admin", bytes(30)) }
    headers[one_of("content-type", "x-sandbox-fault", "host", "x-api-key")] =
      one_of("application/json", "multipart/form-data; boundary=" .. bytes(3), bytes(20))
    local path = one_of("/core/agents", "/core/agents/", "/_sandbox/uploads/", "/", "") .. one_of("", bytes(20))
    return one_of("GET", "POST", "PATCH", bytes(6)), path, one_of("", "limit=", "metadata=", "name=") .. bytes(20),
      headers, one_of("", bytes(100), '{"name": "' .. bytes(5) .. '"}')
  end

  it("shows them whatever their bytes", function()
    local box = new()
    math.randomseed(7)
    local logged = 0
    for _ = 1, 3000 do
      local answer = box:handle(random_request())
      expect.truthy(answer.status == nil or answer.status < 500 or answer.fault)
      expect.truthy(utf8.len(answer.body or "") or answer.headers["Content-Type"] ~= "application/json")
      local _, _, shown = ask(box, "GET", "/_sandbox/requests")
      expect.truthy(tonumber(shown.headers["X-Total-Count"]) >= logged)
      logged = tonumber(shown.headers["X-Total-Count"])
      if logged % 100 == 0 then expect.equal(#must(box, "GET", "/_sandbox/requests"), logged) end
      if logged == 200 then ask(box, "POST", "/_sandbox/reset") logged = 0 end
    end
  end)

  it("keeps of an endless path only its beginning", function()
    local box = new()
    ask(box, "GET", "/" .. ("é"):rep(40000) .. "?" .. ("q"):rep(40000))
    local request = must(box, "GET", "/_sandbox/requests")[1]
    expect.truthy(utf8.len(request.path))
    expect.truthy(#request.path <= 4096 and #request.path > 4000 and #request.query == 4096)
  end)

  it("resets to the beginning, ids included", function()
    local box = new()
    local before = new_agent(box)
    must(box, "PATCH", "/core/phone-numbers/" .. NUMBER, { outbound_shareable = true })
    refused(box, 401, "Authorization", "POST", "/_sandbox/reset", nil, { token = false })
    expect.equal(must(box, "GET", "/core/phone-numbers/" .. NUMBER).outbound_shareable, true)
    expect.equal(ask(box, "POST", "/_sandbox/reset", nil, { token = "any" }), 204)
    expect.equal(#must(box, "GET", "/core/agents"), 0)
    expect.equal(must(box, "GET", "/core/phone-numbers/" .. NUMBER).outbound_shareable, false)
    expect.equal(new_agent(box), before)
  end)
end)

describe("state", function()
  local function temporary_path()
    local path = os.tmpname()
    os.remove(path)
    return path
  end

  local function copy_file(from, to)
    local source = io.open(from, "rb")
    if not source then return end
    local target = assert(io.open(to, "wb"))
    target:write(source:read("a"))
    source:close()
    target:close()
  end

  local function remove(path)
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end

  it("without a seed, ids are UUIDs and time is now", function()
    local box = sandbox.new()
    local one, two = new_agent(box), new_agent(box)
    expect.match(one.id, "^%x+%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$")
    expect.truthy(one.id ~= two.id and one.created_at < two.created_at)
    expect.equal(one.created_at:sub(1, 4), os.date("!%Y"))
    expect.match(one.created_at, "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$")
  end)

  it("with a seed, ids and time are repeatable", function()
    expect.equal(new_agent(new { seed = "a" }), new_agent(new { seed = "a" }))
    expect.truthy(new_agent(new { seed = "a" }).id ~= new_agent(new { seed = "b" }).id)
  end)

  it("in a file survives a stop, and goes on with new ids and later times", function()
    local path = temporary_path()
    local box = new { file = path }
    local one = new_agent(box)
    ask(box, "DELETE", "/core/agents/" .. one.id)
    local two = new_agent(box)
    box:close()
    box = new { file = path }
    expect.equal(must(box, "GET", "/core/agents/" .. two.id).name, two.name)
    local three = new_agent(box)
    expect.truthy(three.id ~= one.id and three.id ~= two.id and three.created_at > two.created_at)
    box:close()
    remove(path)
  end)

  it("in a file survives the death of the process after every answer", function()
    local path, copy = temporary_path(), temporary_path()
    local box = new { file = path }
    for count = 1, 5 do
      new_agent(box)
      for _, suffix in ipairs { "", "-wal" } do copy_file(path .. suffix, copy .. suffix) end
      local survivor = new { file = copy }
      expect.equal(#must(survivor, "GET", "/core/agents"), count)
      expect.equal(#must(survivor, "GET", "/core/phone-numbers"), 4)
      survivor:close()
      remove(copy)
    end
    box:close()
    remove(path)
  end)

  it("in a file of a version without indexes goes on", function()
    local path = temporary_path()
    local box = new { file = path }
    local agent = must(box, "POST", "/core/agents", { name = "kept" })
    box:close()
    local database = require "anyreach.sqlite".open(path)
    for _, row in ipairs(database:query "SELECT name FROM sqlite_master WHERE sql LIKE '%json_extract%'") do
      database:execute("DROP INDEX " .. row.name)
    end
    database:close()
    box = new { file = path }
    expect.equal(must(box, "GET", "/core/agents/" .. agent.id).name, "kept")
    box:close()
    os.remove(path)
  end)

  it("a file in use, of another program or no database is named", function()
    local path = temporary_path()
    local box = new { file = path }
    expect.raises(function() new { file = path } end, "sandbox: " .. path .. " is in use by another process")
    box:close()
    remove(path)

    local other = require "anyreach.sqlite".open(path)
    other:execute("CREATE TABLE precious (a)")
    other:close()
    expect.raises(function() new { file = path } end, "belongs to another program")
    remove(path)

    local file = assert(io.open(path, "w"))
    file:write(("no database\n"):rep(100))
    file:close()
    expect.raises(function() new { file = path } end, "file is not a database")
    remove(path)
  end)

  it("a defect of a rule undoes its request and leaves the sandbox usable", function()
    local box = new()
    local add = box.store.add
    box.store.add = function(store, ...)
      add(store, ...)
      error("defect")
    end
    expect.raises(function() new_agent(box) end, "defect")
    box.store.add = nil
    expect.equal(#must(box, "GET", "/core/agents"), 0)
    new_agent(box)
  end)
end)
