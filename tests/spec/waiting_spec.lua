-- `.wait`: polling until work that goes on after the answer is finished.

local host = require "anyreach.host"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local waiting = require "anyreach.client.waiting"
local wire = require "helpers.wire"

local ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"

-- A server that gives these answers, one after the other and then the last again, and a client of it.
local function answering(...)
  local server = wire.start()
  for i, answer in ipairs { ... } do
    if type(answer) == "table" then answer = json.encode(answer) end
    server:answer({ body = answer }, i)
    server:answer { body = answer }
  end
  return server, anyreach.client { base_url = server.base_url, token = "ak_x" }
end

-- Method and target of what was asked for.
local function lines(server)
  local list = server:requests()
  for i, request in ipairs(list) do list[i] = request:match("^(%S+ %S+)") end
  return list
end

describe("wait", function()
  it("polls until the state is no running one, and returns the object", function()
    local server <close>, api = answering({ status = "pending" }, { status = "Pending" },
      { status = "verified", id = "d1" })
    local seen = {}
    local domain = api.email_domains.verify.wait(ID, {
      on_progress = function(state, seconds) seen[#seen + 1] = { state, seconds } end,
    })
    expect.equal(domain, { status = "verified", id = "d1" })
    local refresh = "POST /core/email-domains/" .. ID .. "/refresh"
    expect.equal(lines(server), { refresh, refresh, refresh })
    expect.equal({ seen[1][1], seen[2][1], #seen }, { "pending", "Pending", 2 })
    expect.truthy(seen[1][2] >= 0 and seen[2][2] >= seen[1][2] + 0.2)
  end)

  it("takes a state that it does not know for finished", function()
    local server <close>, api = answering { status = "verified_partially" }
    expect.equal(api.email_domains.verify.wait(ID).status, "verified_partially")
    expect.equal(server:count(), 1)
  end)

  it("may be called as a method of the operation", function()
    local server <close>, api = answering { status = "verified" }
    expect.equal(api.email_domains.verify:wait(ID).status, "verified")
    expect.equal(api.email_domains.verify:wait(ID, { timeout = 1 }).status, "verified")
    expect.equal(server:count(), 2)
  end)

  it("raises what the server says of a failure", function()
    local answers = {
      [{ status = "failed" }] = "email_domains.verify.wait failed: failed",
      [{ status = "FAILED", error = "no MX record" }] = "failed: no MX record",
      [{ status = "failed", reason = json.array { { loc = json.array { "dns" }, msg = "missing" } } }] = "dns: missing",
      [{ status = "failed", detail = { code = 7 } }] = 'failed: {"code":7}',
      [{ status = "failed", error = json.null }] = "failed: failed",
    }
    for answer, text in pairs(answers) do
      local server <close>, api = answering(answer)
      local err = expect.raises(function() api.email_domains.verify.wait(ID) end, text)
      expect.equal(err.kind, "failed")
      expect.equal(server:count(), 1)
    end
  end)

  it("gives nil and the error under try, and still raises misuse", function()
    local server <close>, api = answering({ status = "failed", error = "no such record" })
    local domain, err = api.try.email_domains.verify.wait(ID)
    expect.equal(domain, nil)
    expect.contains(tostring(err), "no such record")
    expect.raises(function() api.try.email_domains.verify.wait(ID, { timeut = 1 }) end, "timeut")
    server:stop()
  end)

  it("raises the error of a look", function()
    local server <close>, api = answering { status = "pending" }
    server:answer({ status = 404, body = '{"detail":"gone"}' }, 2)
    local err = expect.raises(function() api.email_domains.verify.wait(ID) end, "gone")
    expect.equal(err.kind, "not_found")
    expect.equal(server:count(), 2)
  end)

  it("raises what on_progress raises", function()
    local server <close>, api = answering { status = "pending" }
    local err = expect.raises(function()
      api.email_domains.verify.wait(ID, { on_progress = function() error("stop", 0) end })
    end)
    expect.equal(err, "stop")
    expect.equal(server:count(), 1)
  end)

  it("gives up when its time is over, having looked at least once", function()
    local server <close>, api = answering { status = "pending" }
    local err = expect.raises(function() api.email_domains.verify.wait(ID, { timeout = 0 }) end,
      "email_domains.verify.wait is not finished after 0 seconds (pending)")
    expect.equal(err.kind, "timeout")
    expect.equal(server:count(), 1)
    expect.raises(function() api.email_domains.verify.wait(ID, { timeout = 0.1 }) end, "after 0.1 seconds")
    expect.equal(server:count(), 3)
  end)

  it("lets others work meanwhile", function()
    local server <close>, api = answering({ status = "pending" }, { status = "pending" }, { status = "verified" })
    local states = anyreach.map({ ID, ID }, function(id) return api.email_domains.verify.wait(id).status end)
    expect.equal(states, { "verified", "verified" })
    expect.equal(server:count(), 4)
  end)

  it("is there for operations that start work, and each polls one that exists", function()
    local server <close>, api = answering {}
    expect.equal(api.agents.get.wait, nil)
    expect.equal(api.agents.get.name, "agents.get")
    for _, name in ipairs(operations.names()) do
      local rule = waiting.rule(name)
      if rule then expect.truthy(operations.describe(rule.poll)) end
    end
    expect.equal(waiting.rule("agents.get"), nil)
    expect.equal(server:count(), 0)
  end)

  it("refuses misuse before it asks for anything", function()
    local server <close>, api = answering { status = "verified" }
    local wait = api.email_domains.verify.wait
    local function misuse(text, ...)
      local arguments = table.pack(...)
      local err = expect.raises(function() wait(table.unpack(arguments, 1, arguments.n)) end, text)
      expect.equal(err.kind, "usage")
    end
    misuse("did you mean 'timeout'", ID, { timeuot = 1 })
    misuse("unknown option '1'", ID, { 5 })
    misuse("expected a table of options", ID, 5)
    misuse("expected a table of options", ID, false)
    misuse("timeout: expected seconds", ID, { timeout = "5" })
    misuse("timeout: expected seconds", ID, { timeout = -1 })
    misuse("timeout: expected seconds", ID, { timeout = 0 / 0 })
    misuse("on_progress: expected a function", ID, { on_progress = "print" })
    misuse("at most 2 arguments are taken, got 3", ID, {}, 1)
    misuse("domain_id: required but missing")
    misuse("domain_id: expected a string", {})
    misuse("domain_id: expected a string", anyreach.null)
    expect.equal(server:count(), 0)
  end)
end)

describe("wait without a state", function()
  it("is over when the field that the work writes is there", function()
    local server <close>, api = answering({ version = 2, config = {} },
      { version = 2, config = { instructions = json.null } }, { version = 2, config = { instructions = "Be kind." } })
    local version = api.agents.versions.generate_instructions.wait(ID, 2, { timeout = 30 })
    expect.equal(version.version, 2)
    expect.equal(lines(server)[1], "GET /core/agents/" .. ID .. "/versions/2")
  end)

  it("goes by the state where there is one", function()
    local server <close>, api = answering(
      { config = { instructions = "old" }, instruction_generation = { status = "running" } },
      { config = { instructions = "new" }, instruction_generation = { status = "completed" } })
    expect.equal(api.agents.versions.generate_instructions.wait(ID, 2).config.instructions, "new")
    expect.equal(server:count(), 2)
  end)

  it("survives answers that are no objects, and says that it knows no state", function()
    for _, answer in ipairs { "null", "5", '"text"', "[]", '{"config":7}', '{"instruction_generation":[]}' } do
      local server <close>, api = answering(answer)
      expect.raises(function() api.agents.versions.generate_instructions.wait(ID, 2, { timeout = 0 }) end,
        "(state unknown)")
      expect.equal(server:count(), 1)
    end
  end)
end)

describe("wait for rows", function()
  local READY, PENDING = { id = "r1", source_id = "s1", status = "ready" }, { id = "r1", status = "embedding" }
  local FAILED = { id = "r2", source_id = "s2", status = "failed" }

  local function page(rows, cursor)
    return { data = json.array(rows), pagination = { next_cursor = cursor or json.null } }
  end

  it("reads all pages, until no row is running", function()
    local server <close>, api = answering(page({ PENDING }, "c"), page { { id = "r3", status = "ready" } },
      page({ READY }, "c"), page { { id = "r3", status = "ready" } })
    local rows = api.datasets.sources.create.wait(ID)
    expect.equal({ rows[1].id, rows[2].id, #rows }, { "r1", "r3", 2 })
    local list = "GET /knowledge-base/datasets/" .. ID .. "/sources"
    expect.equal(lines(server), { list, list .. "?cursor=c", list, list .. "?cursor=c" })
  end)

  it("heeds only the rows of what was started", function()
    local server <close>, api = answering(page { FAILED, PENDING }, page { FAILED, READY })
    local rows = api.datasets.sources.create.wait(ID, { started = json.array { { id = "r1" } } })
    expect.equal(#rows, 1)
    expect.equal(rows[1].status, "ready")
    expect.equal(#api.datasets.sources.create.wait(ID, { started = { source_id = "s1" } }), 1)
    expect.equal(server:count(), 3)
  end)

  it("waits for rows that are not listed yet", function()
    local server <close>, api = answering(page {}, page { FAILED }, page { FAILED, READY })
    expect.equal(#api.datasets.sources.create_by_pattern.wait(ID, { started = { source_id = "s1" } }), 1)
    expect.equal(server:count(), 3)
    local empty <close>, other = answering(page {})
    expect.raises(function()
      other.datasets.sources.create.wait(ID, { started = { id = "r1" }, timeout = 0 })
    end, "(not listed yet)")
    expect.equal(empty:count(), 1)
  end)

  it("fails with the first that failed, and names it", function()
    local server <close>, api = answering(page { PENDING, FAILED })
    local err = expect.raises(function() api.datasets.sources.create.wait(ID) end, "failed: failed (r2)")
    expect.equal(err.kind, "failed")
    expect.equal(server:count(), 1)
  end)

  it("heeds all rows when the answer names none", function()
    for _, started in ipairs { json.null, "queued", 5, json.array {}, json.array { "r9", 7 }, { queued = 1 } } do
      local server <close>, api = answering(page { READY })
      expect.equal(#api.datasets.sources.create.wait(ID, { started = started }), 1)
      expect.equal(server:count(), 1)
    end
  end)

  it("leaves out rows that are no objects", function()
    local server <close>, api = answering(page { 1, json.null, "text", true, READY })
    expect.equal(#api.datasets.sources.create.wait(ID, { started = { source_id = "s1" } }), 1)
    expect.equal(#api.datasets.sources.create.wait(ID), 1)
    expect.equal(server:count(), 2)
  end)

  it("has nothing to wait for when nothing is listed and nothing named", function()
    local server <close>, api = answering "[]"
    expect.equal(#api.datasets.sources.create.wait(ID), 0)
    expect.equal(server:count(), 1)
  end)
end)

describe("the pauses between two looks", function()
  -- Polls something that never ends, on a clock of our own; returns the pauses.
  local function pauses(options)
    local clock, sleep, now, list = host.clock, host.sleep, 0, {}
    host.clock = function() return now end
    host.sleep = function(seconds)
      list[#list + 1] = seconds
      now = now + seconds
    end
    local ok, err = pcall(waiting.poll, "it", function() return "running", nil, "busy" end, options)
    host.clock, host.sleep = clock, sleep
    expect.falsy(ok)
    expect.contains(tostring(err), "busy")
    return list, now
  end

  it("grow from a fifth of a second to five seconds, and stay there", function()
    local list, total = pauses()
    expect.equal(list[1], 0.2)
    for i = 2, #list do
      expect.truthy(list[i] <= 5)
      if i < #list then expect.truthy(list[i] >= list[i - 1]) end
    end
    expect.equal(list[#list - 1], 5)
    expect.truthy(total >= 300 and total < 301)
    expect.truthy(#list < 80)
  end)

  it("end with the time that is left", function()
    local list, total = pauses { timeout = 1 }
    expect.truthy(#list <= 5)
    expect.truthy(total >= 1 and total < 1.1)
    expect.equal(#pauses { timeout = 0 }, 0)
  end)
end)
