-- --record and --replay: what was recorded answers again, with no server there, and nothing else does.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local CLINIC = "scripts/examples/clinic/agents"

local function run(...)
  return process.run("env -u ANYREACH_TOKEN -u ANYREACH_BASE_URL " .. process.anyreach(...))
end

-- Replays code against recordings; no address in it is anybody's.
local function replay(directory, code)
  return run("--replay", directory, "--base-url", "http://127.0.0.1:9", "-e", "local api = anyreach.client() " .. code)
end

local function record(code)
  local directory = process.directory()
  local status, out, err = run("--sandbox", "--record", directory, "-e", "local api = anyreach.client() " .. code)
  expect.equal({ status, err }, { 0, "" })
  return directory, out
end

local function cassettes(directory)
  local list = {}
  local _, names = process.run("ls " .. process.quote(directory))
  for name in names:gmatch "[^\n]+" do
    local exchange = json.decode(process.read(directory .. "/" .. name))
    exchange.file = name
    list[#list + 1] = exchange
  end
  return list
end

describe("--record and --replay", function()
  it("replay a whole recipe with the same output, without server and credential", function()
    local directory = process.directory() .. "/new/recording"
    local recorded = { run("--sandbox", "--record", directory, "run", "provision", "--no-lock", CLINIC) }
    expect.match(recorded[4], "Sandbox One")
    recorded[4] = recorded[4]:gsub("the sandbox$", "a recording")
    expect.equal(recorded[1], 0)
    local nowhere = { "--replay", directory, "--base-url", "http://127.0.0.1:9" }
    table.move({ "run", "provision", "--no-lock", CLINIC }, 1, 4, #nowhere + 1, nowhere)
    expect.equal({ run(table.unpack(nowhere)) }, recorded)
  end)

  it("write one readable file an exchange, named after its number, method and path", function()
    local directory = record "api.agents.create{ name = 'Front desk' } api.agents.list{ name = 'Front' }"
    local list = cassettes(directory)
    expect.equal(list[1].file, "0001-POST-core-agents.json")
    expect.equal(list[2].file, "0002-GET-core-agents.json")
    expect.equal(list[1].request, { method = "POST", path = "/core/agents", body = { name = "Front desk" } })
    expect.equal(list[2].request, { method = "GET", path = "/core/agents", query = { name = "Front" } })
    expect.equal(list[1].response.body.name, "Front desk")
    expect.contains(process.read(directory .. "/0001-POST-core-agents.json"), '\n  "request": {\n')
  end)

  it("leave secrets out, and match requests that hold them", function()
    local code = "local key = anyreach.secret('hush-hush') "
      .. "print(api.agents.create{ name = 'x', metadata = { crm = key } }.name)"
    local directory = record(code)
    local text = process.read(directory .. "/0001-POST-core-agents.json")
    expect.falsy(text:find("hush", 1, true))
    expect.falsy(text:find("ak_sandbox", 1, true))
    expect.equal({ replay(directory, code) }, { 0, "x\n", "" })
  end)

  it("match bodies whatever the order of keys, and keep what JSON keeps", function()
    local directory = record("api.agents.create{ name = 'x', "
      .. "metadata = { a = 1, big = 9007199254740993, e = anyreach.array{} } }")
    local code = "local meta = { e = anyreach.array{}, big = 9007199254740993, a = 1 } "
      .. "local a = api.agents.create{ metadata = meta, name = 'x' } "
      .. "print(a.metadata.big, anyreach.is_array(a.metadata.e))"
    expect.equal({ replay(directory, code) }, { 0, "9007199254740993\ttrue\n", "" })
  end)

  it("give equal requests their answers in order; only a read gets the last one again", function()
    local directory = record "api.agents.list() api.agents.create{ name = 'a' } api.agents.list()"
    expect.equal({ replay(directory, "print(#api.agents.list(), #api.agents.list(), #api.agents.list())") },
      { 0, "0\t1\t1\n", "" })
    local status, _, err = replay(directory, "for _ = 1, 2 do api.agents.create{ name = 'a' } end")
    expect.equal(status, 9)
    expect.contains(err,
      "POST /core/agents was recorded, but not so often; 0002-POST-core-agents.json was given already")
  end)

  it("refuse what is not recorded, and show the nearest", function()
    local directory = record "api.agents.create{ name = 'a', active = true }"
    local status, out, err = replay(directory, "print(api.agents.create{ name = 'b', active = true })")
    expect.equal({ status, out }, { 9, "" })
    expect.contains(err, "POST /core/agents is not recorded like this; the nearest is 0001-POST-core-agents.json, "
      .. "which differs in body.name")
    status, out, err = replay(directory, "api.request{ method = 'POST', path = '/core/agent', body = {} }")
    expect.equal({ status, out }, { 9, "" })
    expect.contains(err, "the nearest is 0001-POST-core-agents.json: POST /core/agents")
  end)

  it("replay failures: statuses with their details, and no answer at all", function()
    local code = "local _, err = api.try.agents.get('nobody') print(err.kind, err.status, err.detail) "
    expect.equal({ replay(record(code), code) }, { 0, "not_found\t404\tAgent nobody not found.\n", "" })
    local server <close> = wire.start()
    server:reply "reset"
    local directory = process.directory()
    local status, recorded = process.run("ANYREACH_TOKEN=ak_x " .. process.anyreach("--base-url", server.base_url,
      "--retries", "0", "--record", directory, "-e",
      "local _, err = anyreach.client().try.agents.create{ name = 'x' } print(err.kind, err.may_have_been_sent)"))
    expect.equal({ status, recorded }, { 0, "network\ttrue\n" })
    expect.equal({ replay(directory,
      "local _, err = api.try.agents.create{ name = 'x' } print(err.kind, err.may_have_been_sent)") },
      { 0, recorded, "" })
  end)

  it("hold the whole of a text that came in pieces", function()
    local code = "local id = api.agents.create{ name = 'x' }.id "
      .. "for _ = 1, 2 do api.agents.versions.create(id, { config = {} }) end local n = 0 "
      .. "api.agents.versions.compare(id, { from_version = 1, to_version = 2 }, function(text) n = n + #text end) "
      .. "print(n > 0, n)"
    local directory, out = record(code)
    expect.equal({ replay(directory, code) }, { 0, out, "" })
  end)

  it("do not go together with each other, with the sandbox, or over an earlier recording", function()
    local directory = record "api.agents.list()"
    expect.equal((run("--replay", directory, "--sandbox", "-e", "anyreach.client()")), 64)
    local status, _, err = run("--sandbox", "--record", directory, "-e", "anyreach.client()")
    expect.equal(status, 3)
    expect.contains(err, "holds a recording already")
    status, _, err = replay(process.directory(), "api.agents.list()")
    expect.equal(status, 3)
    expect.contains(err, "nothing is recorded here")
  end)

  it("say which file is none", function()
    local directory = process.directory()
    process.write(directory .. "/0001-GET-x.json", "{")
    local status, _, err = replay(directory, "api.agents.list()")
    expect.equal(status, 3)
    expect.contains(err, "0001-GET-x.json: line 1, column 2")
    process.write(directory .. "/0001-GET-x.json", '{"request":{"method":"GET"}}')
    expect.contains(select(3, replay(directory, "api.agents.list()")), "expected a recorded exchange")
  end)

  it("refuse recordings that somebody has spoiled", function()
    local directory = process.directory()
    local spoiled = {
      request = { "[]", '{"method":1,"path":"/core/agents"}', '{"method":"GET","path":"/","query":"x"}' },
      response = { "{}", '{"status":"200"}', '{"status":20}', '{"status":200,"headers":{"a":[]}}',
        '{"status":200,"headers":"a"}', '{"status":200,"text":{}}', "null" },
      failure = { "{}", '{"kind":1,"message":"x"}', '{"kind":"timeout"}' },
    }
    for name, values in pairs(spoiled) do
      for _, value in ipairs(values) do
        local good = { request = '{"method":"GET","path":"/core/agents"}', response = '{"status":200}' }
        if name == "failure" then good.response = nil end
        good[name] = value
        local parts = {}
        for key, text in pairs(good) do parts[#parts + 1] = ('"%s":%s'):format(key, text) end
        process.write(directory .. "/0001-GET-x.json", "{" .. table.concat(parts, ",") .. "}")
        local status, _, err = replay(directory, "api.agents.list()")
        expect.equal({ value, status }, { value, 3 })
        expect.contains(err, "0001-GET-x.json: expected a recorded exchange")
      end
    end
  end)

  it("give ten thousand answers in their order, by their numbers", function()
    local directory = process.directory()
    for number = 9900, 10100 do
      local body = ('{"id":"%d","name":"a"}'):format(number)
      process.write(("%s/%04d-POST-core-agents.json"):format(directory, number), '{"request":{"method":"POST","path":'
        .. '"/core/agents","body":{"name":"a"}},"response":{"status":200,"body":' .. body .. "}}")
    end
    local _, out, err = replay(directory, [[
      for number = 9900, 10100 do
        local id = api.agents.create{ name = "a" }.id
        if id ~= tostring(number) then error(id .. " instead of " .. number) end
      end
      print "all"]])
    expect.equal({ out, err }, { "all\n", "" })
  end)

  it("keep the guard before them", function()
    local directory = record "api.agents.create{ name = 'a' }"
    expect.equal((run("--replay", directory, "--read-only", "-e", "anyreach.client().agents.create{ name = 'a' }")), 6)
  end)
end)
