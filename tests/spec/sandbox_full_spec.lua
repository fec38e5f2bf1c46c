-- The sandbox while its file cannot be written: reads are answered as ever, writes are refused and leave nothing.

local asking = require "helpers.sandbox"
local json = require "anyreach.json"
local walk = require "helpers.walk"

-- A database that can be made to fail as SQLite does.
local function with_failures(database)
  local self = { problem = nil, failed = 0 }
  function self.run(_, sql, ...)
    if self.problem and sql == "COMMIT" then
      self.failed = self.failed + 1
      error(("sqlite: %s (in: COMMIT)"):format(self.problem), 0)
    end
    return database:run(sql, ...)
  end
  function self.query(_, ...) return database:query(...) end
  function self.close() database:close() end
  return self
end

local function new()
  local box = asking.new()
  box.store.database = with_failures(box.store.database)
  return box, box.store.database
end

-- Asks while nothing can be written.
local function ask_full(box, database, ...)
  database.problem = "database or disk is full"
  local status, value = asking.ask(box, ...)
  database.problem = nil
  return status, value
end

-- What an answer says, without the times that each reading has anew, and what was drawn for it.
local function shape(value, name)
  if type(value) == "table" then
    local copy = {}
    for key, member in pairs(value) do copy[key] = shape(member, key) end
    return copy
  end
  local is_new = type(value) == "string"
    and (name == "id" or value:find("^%d%d%d%d%-%d%d%-%d%dT") or tostring(name):find "url")
  return is_new and "new" or value
end

describe("while the disk is full", function()
  local box, database = new()
  local reads, writes = 0, 0

  local function send(request)
    local method, target = request.operation.method, walk.target(request)
    local options = request.operation.public and { token = false } or {}
    local full_status, full = ask_full(box, database, method, target, request.body, options)
    local status, value = asking.ask(box, method, target, request.body, options)
    if method == "GET" then
      expect.equal({ target, full_status, shape(full) }, { target, status, shape(value) })
      reads = reads + 1
    else
      expect.equal(full_status, status < 300 and 507 or status)
      if status < 300 then expect.equal(full.detail, "sandbox: cannot write to memory: the disk is full") end
      writes = writes + 1
    end
    return status, value
  end

  local function upload(url, bytes, content_type)
    local path = url:match("^http://[^/]*(/.*)$")
    local options = { token = false, headers = { ["content-type"] = content_type } }
    expect.equal(ask_full(box, database, "PUT", path, bytes, options), 507)
    expect.equal(asking.ask(box, "PUT", path, bytes, options), 200)
  end

  local walker = walk.new(send, upload)
  for _, name in ipairs(walk.names()) do
    it("reads answer as ever, and writes do nothing, through " .. name, function() walker.cycle(name) end)
  end

  it("is what all this was about", function()
    expect.truthy(reads >= 40 and writes >= 60 and database.failed >= 100)
  end)

  it("a reset is refused, and forgets nothing", function()
    local agents = #asking.must(box, "GET", "/core/agents?limit=50")
    local log = #asking.must(box, "GET", "/_sandbox/requests")
    expect.equal(ask_full(box, database, "POST", "/_sandbox/reset"), 507)
    expect.equal(#asking.must(box, "GET", "/core/agents?limit=50"), agents)
    expect.equal(#asking.must(box, "GET", "/_sandbox/requests"), log + 1)
  end)
end)

it("other failures of the disk are named, and defects are not taken for them", function()
  local box, database = new()
  for problem, said in pairs {
    ["disk I/O error"] = "disk I/O error", ["attempt to write a readonly database"] = "may only be read",
  } do
    database.problem = problem
    local status, value = asking.ask(box, "POST", "/core/agents", { name = "x" })
    expect.equal(status, 507)
    expect.contains(value.detail, said)
  end
  database.problem = "database disk image is malformed"
  expect.contains(expect.raises(function() asking.ask(box, "POST", "/core/agents", { name = "x" }) end), "malformed")
  database.problem = nil
  expect.equal(json.encode(asking.must(box, "GET", "/core/agents")), "[]")
end)
