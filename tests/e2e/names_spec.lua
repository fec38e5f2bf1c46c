-- A name belongs to a method and path for good: whatever "anyreach api update" brings later, and in which order, and
-- whatever --openapi adds, a script goes on calling what it called. And no operation is refused for its name.

local json = require "anyreach.json"
local process = require "helpers.process"
local services = require "helpers.services"
local wire = require "helpers.wire"
local write = require "anyreach.openapi.write"

local SERVICES = services.names

local function fine()
  return { responses = { ["200"] = { description = "fine" } } }
end

-- A service as we know it, with webhooks if it has come to have them.
local function service_document(service, has_webhooks)
  local value = write.document(service, services.rows(service))
  if has_webhooks then
    value.paths["/" .. service .. "/webhooks"] = { get = fine(), post = fine() }
    local item = { get = fine(), delete = fine(), parameters = json.array {
      { name = "id", ["in"] = "path", required = true, schema = { type = "string" } },
    } }
    value.paths["/" .. service .. "/webhooks/{id}"] = item
  end
  return json.encode(value)
end

local Place = {}
Place.__index = Place

local function new_place(server)
  return setmetatable({ server = server, cache = process.directory(), with = {} }, Place)
end

function Place:run(...)
  return process.run(("XDG_CACHE_HOME=%s ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test %s"):format(self.cache,
    self.server.base_url, process.anyreach(...)))
end

function Place:update(...)
  local first = self.server:count()
  for i, service in ipairs(SERVICES) do
    self.server:answer({ body = service_document(service, self.with[service]) }, first + i)
  end
  local code, out = self:run("api", "update", ...)
  expect.equal(code, 0)
  return out
end

-- What webhooks.delete deletes, as a program finds that starts now.
function Place:target(...)
  local arguments = { ... }
  table.insert(arguments, "-e")
  table.insert(arguments, [[
    anyreach.client()
    local row = require("anyreach.operations").describe "webhooks.delete"
    print(row and row.path)]])
  local code, out, err = self:run(table.unpack(arguments))
  expect.equal({ code, err }, { 0, "" })
  return out:match "^(.-)\n$"
end

local function permutations(list)
  if #list <= 1 then return { list } end
  local all = {}
  for i = 1, #list do
    local rest = table.move(list, 1, #list, 1, {})
    local first = table.remove(rest, i)
    for _, tail in ipairs(permutations(rest)) do all[#all + 1] = { first, table.unpack(tail) } end
  end
  return all
end

describe("a name that was given", function()
  it("stays with its path through any sequence of updates, and is the one that was reported", function()
    local server <close> = wire.start()
    for _, order in ipairs(permutations { "campaign", "core", "workflow" }) do
      local place = new_place(server)
      place:update()
      for i, service in ipairs(order) do
        place.with[service] = true
        local promised = place:update("--dry-run")
        local out = place:update()
        expect.equal(out, promised)
        local name = i == 1 and "webhooks" or service .. ".webhooks"
        expect.contains(out, ("%s.delete (DELETE /%s/webhooks/{id})"):format(name, service))
        expect.equal({ order, i, place:target() }, { order, i, "/" .. order[1] .. "/webhooks/{id}" })
      end
      place.with = { [order[3]] = true } -- the first is gone; its name is not free
      place:update()
      place.with = { [order[3]] = true, [order[1]] = true }
      place:update()
      expect.equal({ order, place:target() }, { order, "/" .. order[1] .. "/webhooks/{id}" })
    end
  end)

  it("to an operation of --openapi is not for one that an update brings", function()
    local server <close> = wire.start()
    local place = new_place(server)
    local file = place.cache .. "/mine.json"
    process.write(file, service_document("core", true))
    expect.equal(place:target("--openapi", file), "/core/webhooks/{id}")
    place.with = { campaign = true }
    place:update()
    expect.equal(place:target("--openapi", file), "/core/webhooks/{id}")
    expect.equal(place:target(), "nil") -- without the file the name means nothing, not something else
  end)

  it("is not lost to another process that gives names at the same time", function()
    local server <close> = wire.start()
    local place = new_place(server)
    local files = {}
    for i = 1, 8 do
      files[i] = ("%s/d%d.json"):format(place.cache, i)
      local paths = {}
      for j = 1, 30 do paths[("/core/thing-%d-%d"):format(i, j)] = { get = fine() } end
      process.write(files[i], json.encode { openapi = "3.0.3", paths = paths })
    end
    local commands = {}
    for i, file in ipairs(files) do
      commands[i] = process.anyreach("--openapi", file, "-e", "anyreach.client()") .. " &"
    end
    process.run(("export XDG_CACHE_HOME=%s ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_test; %s wait"):format(place.cache,
      server.base_url, table.concat(commands, " ")))
    local _, path = process.run("find " .. place.cache .. " -name names.json")
    local count = 0
    for _ in pairs(json.decode(process.read((path:gsub("\n", ""))))) do count = count + 1 end
    expect.equal(count, 8 * 30)
  end)
end)

describe("no operation", function()
  it("is refused for its name", function()
    local server <close> = wire.start()
    local place = new_place(server)
    local file = place.cache .. "/odd.json"
    local item = json.array { { name = "id", ["in"] = "path", required = true, schema = { type = "string" } } }
    local function with_id(id)
      local node = fine()
      node.operationId = id
      return node
    end
    process.write(file, json.encode { openapi = "3.1.0", paths = {
      ["/v1/create-agent"] = { post = fine() }, ["/v1/emojis"] = { get = fine() },
      ["/v1/music"] = { get = with_id "getMusic" }, ["/v1/music/detailed"] = { get = fine() },
      ["/v1/music/wait"] = { get = with_id "waitMusic" },
      ["/v1/{id}"] = { get = with_id "get_anything", parameters = item },
      ["/v1/request"] = { post = with_id "sendRequest" }, ["/v1/agents"] = { get = fine(), post = fine() },
      ["/v1/2fa"] = { post = fine() }, ["/v1/end"] = { post = fine() }, ["/v1/a-b"] = { get = fine() },
      ["/v1/a_b"] = { get = with_id "otherAB" },
    } })
    local code, out, err = place:run("--openapi", file, "-e", [[
      local api, names = anyreach.client(), {}
      for _, name in ipairs(require("anyreach.operations").names()) do
        local row = require("anyreach.operations").describe(name)
        if row.path:find "^/v1" then
          print(row.method, row.path, name)
          assert(require("anyreach.client.client").member(api, name).name == name)
        end
      end
      api.music()
      print(api.music.detailed.name)]])
    expect.equal({ code, err }, { 0, "" })
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line end
    table.sort(lines)
    expect.equal(lines, {
      "GET\t/v1/a-b\ta_b", "GET\t/v1/a_b\tv1.a_b", "GET\t/v1/agents\tv1.agents.list", "GET\t/v1/emojis\temojis",
      "GET\t/v1/music\tmusic", "GET\t/v1/music/detailed\tmusic.detailed", "GET\t/v1/music/wait\tv1.music.wait",
      "GET\t/v1/{id}\tv1.get", "POST\t/v1/2fa\t_2fa", "POST\t/v1/agents\tv1.agents.create",
      "POST\t/v1/create-agent\tcreate_agent", "POST\t/v1/end\tend_", "POST\t/v1/request\tv1.request",
      "music.detailed",
    })
  end)
end)
