-- Answerers: what is installed below all user code, sees every request that passed the guard, and answers it
-- or sends it on. See src/lua/answerer.h.

local answerer = require "anyreach.answerer"
local core = require "anyreach.client_core"
local host = require "anyreach.host"
local process = require "helpers.process"
local wire = require "helpers.wire"

local ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"
local VERSIONS = { from_version = 1, to_version = 2 }
local TEXT = "The greeting is longer.\nThe second version books by email, too.\n"

local function client(server, options)
  options = options or {}
  options.base_url, options.token = server.base_url, "ak_x"
  return anyreach.client(options)
end

-- A server that nobody may reach: its port is closed.
local NOWHERE = { base_url = "http://127.0.0.1:9" }

local function json_answer(body)
  local headers = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: r1\r\n"
  return { status = 200, headers = headers, body = body }
end

-- Notes what passes, and changes nothing.
local function recorder()
  local seen = {}
  return function(request, send)
    local answer = send()
    seen[#seen + 1] = { request = request, answer = answer }
    return answer
  end, seen
end

describe("an answerer that answers by itself", function()
  it("stands for the server, and nothing is sent", function()
    local asked
    local _ <close> = answerer.install(function(request)
      asked = request
      return json_answer '{"id":"a","name":"made up"}'
    end)
    local agent, response = client(NOWHERE).agents.get(ID)
    expect.equal(agent.name, "made up")
    expect.equal({ response.status, response.attempts, response.request_id }, { 200, 1, "r1" })
    expect.equal({ asked.method, asked.path, asked.operation }, { "GET", "/core/agents/" .. ID, "agents.get" })
  end)

  it("lets the other tasks have a turn, as a request does", function()
    local _ <close> = answerer.install(function() return json_answer "[]" end)
    local order = {}
    local task = anyreach.spawn(function() order[#order + 1] = "other" end)
    client(NOWHERE).agents.list()
    order[#order + 1] = "answered"
    task:wait()
    expect.equal(order, { "other", "answered" })
  end)

  it("gives statuses and failures as the errors they are", function()
    local answer
    local _ <close> = answerer.install(function() return answer end)
    local api = client(NOWHERE)
    answer = { status = 404, body = '{"detail":"gone"}' }
    local _, err = api.try.agents.get(ID)
    expect.equal({ err.kind, err.status, err.detail, err.attempts }, { "not_found", 404, "gone", 1 })
    for _, kind in ipairs { "network", "timeout", "tls", "answer" } do
      answer = { failure = kind, message = "no luck", attempts = 3 }
      _, err = api.try.agents.create { name = "x" }
      expect.equal({ err.kind, err.attempts, err.may_have_been_sent }, { kind, 3, true })
      expect.contains(tostring(err), "no luck")
    end
    answer = { failure = "network", message = "x", may_have_been_sent = false }
    expect.falsy(select(2, api.try.agents.create { name = "x" }).may_have_been_sent)
  end)

  it("must return an answer", function()
    local answer
    local _ <close> = answerer.install(function() return answer end)
    local api = client(NOWHERE)
    expect.raises(function() api.agents.list() end, "an answerer must return an answer, got a nil")
    answer = {}
    expect.raises(function() api.agents.list() end, "an answer must have a status")
  end)

  it("is asked after the checks and the guard", function()
    local count = 0
    local _ <close> = answerer.install(function() count = count + 1 return json_answer "{}" end)
    local api = client(NOWHERE)
    expect.raises(function() api.agents.create { nmae = "x" } end, "nmae")
    host.set_read_only(true)
    local ok, err = pcall(api.agents.create, { name = "x" })
    host.set_read_only(false)
    expect.equal({ ok, err.kind, count }, { false, "guard", 0 })
  end)
end)

describe("an answerer that sends", function()
  it("may wait before and after", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"1"}' }
    local order = {}
    local _ <close> = answerer.install(function(_, send)
      anyreach.sleep(0.02)
      order[#order + 1] = server:count()
      local answer = send()
      anyreach.sleep(0.01)
      order[#order + 1] = server:count()
      return answer
    end)
    expect.equal(client(server).agents.get(ID).id, "1")
    expect.equal(order, { 0, 1 })
  end)

  it("changes nothing when it returns what it got", function()
    local server <close> = wire.start()
    server:answer { status = 429, headers = { "Retry-After: 0" }, body = "{}" , manner = "send" }
    server:answer({ body = '{"id":"1","n":1.0}', headers = { "X-Many: a", "X-Many: b" } }, 2)
    local observe, seen = recorder()
    local function ask()
      local agent, response = client(server, { retries = 2 }).agents.get(ID)
      return { agent, response.status, response.attempts, response.headers }
    end
    local installed = answerer.install(observe)
    local through = ask()
    installed:remove()
    local answer = seen[1].answer
    expect.equal({ answer.status, answer.body, answer.attempts }, { 200, '{"id":"1","n":1.0}', 2 })
    expect.contains(answer.headers, "X-Many: a\r\nX-Many: b\r\n")
    expect.truthy(answer.elapsed > 0)
    server:answer({ status = 429, headers = { "Retry-After: 0" }, body = "{}" }, 3)
    server:answer({ body = '{"id":"1","n":1.0}', headers = { "X-Many: a", "X-Many: b" } }, 4)
    expect.equal(ask(), through)
  end)

  it("gets failures, and passes them on as they were", function()
    local server <close> = wire.start()
    server:reply "reset"
    local observe, seen = recorder()
    local function ask()
      local _, err = client(server).try.agents.create { name = "x" }
      return { err.kind, err.may_have_been_sent, err.attempts, tostring(err) }
    end
    local direct = ask()
    local _ <close> = answerer.install(observe)
    expect.equal(ask(), direct)
    local answer = seen[1].answer
    expect.equal({ answer.failure, answer.status, answer.may_have_been_sent }, { "network", nil, true })
  end)

  it("may change the answer", function()
    local server <close> = wire.start()
    local _ <close> = answerer.install(function(_, send)
      local answer = send()
      answer.body = '{"id":"changed"}'
      return answer
    end)
    expect.equal(client(server).agents.get(ID).id, "changed")
  end)

  it("sends once, waits for it, and not after the end", function()
    local server <close> = wire.start()
    local kept
    local installed = answerer.install(function(_, send)
      kept = send
      send()
      return send()
    end)
    local api = client(server)
    expect.raises(function() api.agents.list() end, "a request is sent once")
    installed:remove()
    expect.equal(expect.raises(kept, "given up").kind, "cancelled")
    expect.equal(server:count(), 1)
    server:reply "stall"
    local _ <close> = answerer.install(function(_, send)
      anyreach.spawn(pcall, send)
      anyreach.sleep(0.01)
      return json_answer "{}"
    end)
    expect.raises(function() api.agents.list() end, "must wait for what it has sent")
  end)

  it("may send from another task, which learns when the request is given up", function()
    local server <close> = wire.start()
    server:reply "stall"
    local sender
    local _ <close> = answerer.install(function(_, send)
      sender = anyreach.spawn(send)
      return sender:wait()
    end)
    local task = anyreach.spawn(client(server).agents.list)
    process.eventually("the request", function() return server:count() == 1 end)
    task:cancel()
    expect.equal(expect.raises(function() sender:wait() end, "given up").kind, "cancelled")
  end)
end)

describe("a task that sends for an answerer", function()
  it("may be cancelled, and collected, before the request is given up", function()
    local server <close> = wire.start()
    server:reply "stall"
    local _ <close> = answerer.install(function(_, send)
      local sender = anyreach.spawn(send)
      process.eventually("the request", function() return server:count() == 1 end)
      sender:cancel()
      sender = nil -- luacheck: ignore 311
      collectgarbage()
      anyreach.sleep(100)
    end)
    local task = anyreach.spawn(client(server).agents.list)
    process.eventually("the request", function() return server:count() == 1 end)
    anyreach.sleep(0.05)
    collectgarbage()
    task:cancel()
    collectgarbage()
  end)
end)

describe("an answerer that raises", function()
  it("raises in the caller, also where failures are returned", function()
    local value = {}
    local _ <close> = answerer.install(function() error(value) end)
    local api = client(NOWHERE)
    for _, call in ipairs { api.agents.list, api.try.agents.list } do
      local ok, err = pcall(call)
      expect.falsy(ok)
      expect.truthy(rawequal(err, value))
    end
  end)

  it("may do so after it has sent", function()
    local server <close> = wire.start()
    local _ <close> = answerer.install(function(_, send) send() error("disk full", 0) end)
    expect.raises(function() client(server).agents.create { name = "x" } end, "disk full")
    expect.equal(server:count(), 1)
  end)
end)

describe("several answerers", function()
  it("are asked from the last to the first, each with one send", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"0"}' }
    local order = {}
    local function around(name)
      return function(request, send)
        order[#order + 1] = name .. " " .. request.method
        anyreach.sleep(0.001)
        local answer = send()
        order[#order + 1] = name .. " " .. answer.status
        answer.body = answer.body:gsub("%d+", "%0" .. name)
        return answer
      end
    end
    local _ <close> = answerer.install(around "1")
    local _ <close> = answerer.install(around "2")
    expect.equal(client(server).agents.get(ID).id, "012")
    expect.equal(order, { "2 GET", "1 GET", "1 200", "2 200" })
  end)

  it("the outer may leave the inner out", function()
    local inner = 0
    local _ <close> = answerer.install(function(_, send) inner = inner + 1 return send() end)
    local _ <close> = answerer.install(function() return json_answer "[]" end)
    expect.equal(#client(NOWHERE).agents.list(), 0)
    expect.equal(inner, 0)
  end)

  it("of a request stay the same when others come and go meanwhile", function()
    local server <close> = wire.start()
    local later, asked = nil, {}
    local first = answerer.install(function(_, send) asked[#asked + 1] = "first" return send() end)
    local second = answerer.install(function(_, send)
      asked[#asked + 1] = "second"
      first:remove()
      later = answerer.install(function(_, send_on) asked[#asked + 1] = "later" return send_on() end)
      return send()
    end)
    local api = client(server)
    api.agents.get(ID)
    expect.equal(asked, { "second", "first" })
    second:remove()
    api.agents.get(ID)
    expect.equal(asked, { "second", "first", "later" })
    later:remove()
    api.agents.get(ID)
    expect.equal(#asked, 3)
  end)

  it("may be one function twice, removed once each", function()
    local count = 0
    local function counting(_, send) count = count + 1 return send() end
    local server <close> = wire.start()
    local one, other = answerer.install(counting), answerer.install(counting)
    one:remove()
    one:remove()
    client(server).agents.get(ID)
    expect.equal(count, 1)
    other:remove()
  end)
end)

describe("an answerer sees", function()
  local function request_of(server, ask, options)
    local observe, seen = recorder()
    local _ <close> = answerer.install(observe)
    ask(client(server, options))
    return seen[1].request, seen
  end

  it("method, path, query, canonical body, operation, and whether it writes", function()
    local server <close> = wire.start()
    local request = request_of(server, function(api)
      api.agents.create { name = "x", metadata = { b = 1, a = anyreach.secret "hush" } }
    end, { organization = "org_1" })
    request.url = request.url:gsub(":%d+/", ":PORT/")
    expect.equal(request, {
      method = "POST", url = "http://127.0.0.1:PORT/core/agents", path = "/core/agents", operation = "agents.create",
      writes = true, body = '{"metadata":{"a":"hush","b":1},"name":"x"}', content_type = "application/json",
      organization = "org_1", place = host.place(), is_raw = false, is_presigned = false, is_internal = false,
      is_streamed = false,
    })
    request = request_of(server, function(api) api.agents.list { name = "a b" } end)
    expect.equal({ request.query, request.writes, request.body }, { "name=a%20b", false, nil })
  end)

  it("raw requests as the operations they are", function()
    local server <close> = wire.start()
    local request = request_of(server, function(api)
      api.request { method = "POST", path = "/core/agents/x/versions/compare", query = { a = 1 }, body = {} }
    end)
    expect.equal({ request.operation, request.writes, request.is_raw, request.query },
      { "agents.versions.compare", false, true, "a=1" })
    request = request_of(server, function(api) api.request { method = "DELETE", path = "/core/unheard-of/1" } end)
    expect.equal({ request.operation, request.writes }, { "request", true })
  end)

  it("the bytes of an upload, and not the signature of its address", function()
    local server <close> = wire.start()
    local storage <close> = wire.start()
    local path = process.directory() .. "/x.txt"
    process.write(path, "bytes\0")
    server:answer({ body = ('[{"id":"%s","presigned_url":"%s/b?X-Amz-Signature=canary"}]'):format(ID,
      storage.base_url) }, 2)
    server:answer({ status = 404, body = "{}" }, 1)
    local _, seen = request_of(server, function()
      client(server, { organization = "org-1" }).sources.upload(path)
    end)
    local put = seen[3].request
    expect.equal({ #seen, put.method, put.path, put.query, put.body, put.is_presigned, put.writes },
      { 4, "PUT", "/b", nil, "bytes\0", true, true })
    expect.falsy(put.url:find("canary", 1, true))
    expect.contains(storage:requests()[1], "X-Amz-Signature=canary")
  end)

  it("the place of the task that asks", function()
    local server <close> = wire.start()
    local _, seen = request_of(server, function(api)
      anyreach.map({ 1, 2 }, function() api.agents.get(ID) end, { concurrency = 1 })
    end)
    expect.match(seen[1].request.place, "%.1$")
    expect.match(seen[2].request.place, "%.2$")
  end)

  it("what the program asks on its own account", function()
    local server <close> = wire.start()
    server:answer({ status = 403, body = '{"detail":"no"}' }, 1)
    server:answer { body = '["agents:read"]' }
    local _, seen = request_of(server, function(api) expect.falsy((api.try.agents.get(ID))) end)
    expect.equal({ #seen, seen[1].request.is_internal, seen[2].request.is_internal }, { 2, false, true })
    expect.equal(seen[2].request.operation, "admin.members.my_scopes")
    expect.raises(function() core.internal {} end, "client expected")
  end)

  it("requests of every client, made before or after it", function()
    local one <close> = wire.start()
    local other <close> = wire.start()
    local before = client(one)
    local _, seen = request_of(other, function(api) before.agents.get(ID) api.agents.get(ID) end)
    expect.equal(#seen, 2)
  end)
end)

describe("a streamed answer", function()
  local function trickling()
    local server = wire.start()
    server:answer { type = "text/plain", body = TEXT, manner = "trickle" }
    return server
  end

  local function stream(server)
    local pieces = {}
    local rest = client(server).agents.versions.compare(ID, VERSIONS, function(piece)
      anyreach.sleep(0)
      pieces[#pieces + 1] = piece
    end)
    return pieces, rest
  end

  it("is handed over as it comes, through answerers", function()
    local server <close> = trickling()
    local body
    local _ <close> = answerer.install(function(_, send)
      local answer = send()
      body = answer.body
      return answer
    end)
    local pieces, rest = stream(server)
    expect.truthy(#pieces > 1)
    expect.equal({ table.concat(pieces), rest, body }, { TEXT, "", "" })
  end)

  it("is kept whole for one that asks for it", function()
    local server <close> = trickling()
    local body
    local _ <close> = answerer.install(function(request, send)
      local answer = send { whole = request.is_streamed }
      body = answer.body
      return answer
    end)
    local _ <close> = answerer.install(function(_, send) return send {} end)
    local pieces, rest = stream(server)
    expect.equal({ pieces, rest, body }, { { TEXT }, "", TEXT })
  end)

  it("may be made up", function()
    local _ <close> = answerer.install(function()
      return { status = 200, headers = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", body = TEXT }
    end)
    expect.equal({ stream(NOWHERE) }, { { TEXT }, "" })
  end)

  it("ends with the error of its taker", function()
    local server <close> = trickling()
    local _ <close> = answerer.install(function(_, send) return send() end)
    expect.raises(function()
      client(server).agents.versions.compare(ID, VERSIONS, function() error("enough", 0) end)
    end, "enough")
  end)
end)

describe("an answerer works", function()
  local function slow(_, send)
    anyreach.sleep(0.005)
    local answer = send()
    anyreach.sleep(0.005)
    return answer
  end

  it("inside coroutines and where nothing can yield", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"1"}' }
    local _ <close> = answerer.install(slow)
    local _ <close> = answerer.install(slow)
    local api = client(server)
    expect.equal(coroutine.wrap(function() return api.agents.get(ID).id end)(), "1")
    local iterate = coroutine.wrap(function() for _ = 1, 2 do coroutine.yield(api.agents.get(ID).id) end end)
    expect.equal({ iterate(), iterate() }, { "1", "1" })
    local ids = {}
    table.sort({ 1, 2 }, function() ids[#ids + 1] = api.agents.get(ID).id return false end)
    expect.equal(ids[1], "1")
    table.sort({ 1, 2 }, function() return coroutine.wrap(function() return api.agents.get(ID).id == "0" end)() end)
  end)

  it("that uses coroutines itself", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"1"}' }
    local _ <close> = answerer.install(function(_, send) return coroutine.wrap(function() return send() end)() end)
    expect.equal(client(server).agents.get(ID).id, "1")
  end)

  it("for many at once", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"1"}' }
    local _ <close> = answerer.install(slow)
    local api = client(server)
    local list = {}
    for i = 1, 50 do list[i] = i end
    expect.equal(#anyreach.map(list, function() return api.agents.get(ID).id end), 50)
  end)

  it("and is ended with the task that waits in it, before it sends and while it does", function()
    local server <close> = wire.start()
    server:reply "stall"
    local closed = 0
    local _ <close> = answerer.install(function(_, send)
      local _ <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
      anyreach.sleep(0.02)
      return send()
    end)
    local api = client(server)
    local early, late = anyreach.spawn(api.agents.list), anyreach.spawn(api.agents.list)
    anyreach.sleep(0)
    early:cancel()
    process.eventually("the request", function() return server:count() == 1 end)
    late:cancel()
    process.eventually("the end of the connection", function() return server:log():find "closed" end)
    expect.equal({ closed, server:count() }, { 2, 1 })
  end)

  it("while the collector works all the time, and leaves nothing behind", function()
    local server <close> = wire.start()
    server:answer { body = '{"id":"1"}' }
    local api = client(server)
    local function ask(times)
      local _ <close> = answerer.install(slow)
      for _ = 1, times do
        api.agents.get(ID)
        anyreach.spawn(api.agents.get, ID):cancel()
      end
    end
    local pause = collectgarbage("setpause", 100)
    local step = collectgarbage("setstepmul", 1000)
    ask(5)
    collectgarbage()
    collectgarbage()
    local before = collectgarbage "count"
    ask(50)
    collectgarbage()
    collectgarbage()
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
    expect.truthy(collectgarbage "count" - before < 16)
  end)
end)

describe("the account of an interrupted run", function()
  -- What a run says that its deadline stops after one write and during another.
  local function account(answer)
    local server <close> = wire.start()
    local code = ([[
      require("anyreach.answerer").install(function(request, send) %s end)
      local api = anyreach.client()
      api.agents.create { name = "x" }
      api.agents.create { name = "y" }
      anyreach.sleep(10)]]):format(answer)
    local command = ("ANYREACH_TOKEN=ak_x %s --base-url %s --deadline 0.5 -e %s"):format(process.anyreach(),
      server.base_url, process.quote(code))
    return (select(3, process.run(command)))
  end

  it("counts what was sent and answered, also while an answerer still holds the answer", function()
    expect.contains(account [[
      local answer = send()
      if request.body:find "y" then anyreach.sleep(10) end
      return answer]], "2 writes were applied")
  end)

  it("does not count what an answerer made up", function()
    local text = account "return { status = 200, body = '{}' }"
    expect.contains(text, "deadline")
    expect.falsy(text:find "applied")
  end)
end)
