-- What is sent again, when, and what a script learns of it; how fast requests go out; and that whoever
-- gives up waiting gives up everything at once.

local process = require "helpers.process"
local wire = require "helpers.wire"

local ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"
local NOBODY = "http://127.0.0.1:1" -- refuses connections
local OK = { body = "{}" }
local PER_SECOND = 20 -- what the wire server's limited manners bear

local function client(server, options)
  options = options or {}
  options.base_url, options.token = options.base_url or server.base_url, "ak_x"
  options.retries = options.retries or 2
  return anyreach.client(options)
end

-- A server that gives these answers to the first requests, and then good ones.
local function answering(...)
  local server = wire.start()
  for number, answer in ipairs { ... } do
    if type(answer) == "string" then server:reply(answer, nil, number) else server:answer(answer, number) end
  end
  return server
end

local function refusal(status, retry_after)
  local line = retry_after and { "Retry-After: " .. retry_after }
  return { status = status, headers = line, body = '{"detail":"not now"}' }
end

local function create(api) return api.agents.create { name = "x" } end

local function seconds_of(f, ...)
  local start = process.now()
  f(...)
  return process.now() - start
end

local function is_within(value, low, high)
  if value < low or value > high then
    error(("expected %g to be within %g and %g"):format(value, low, high), 2)
  end
end

describe("a request that must not happen twice", function()
  -- Expects one request, whatever its answer, and returns the error.
  local function is_sent_once(...)
    local server <close> = answering(...)
    local err = expect.raises(function() create(client(server)) end)
    expect.equal({ server:count(), err.attempts }, { 1, 1 })
    return err
  end

  it("is not sent again when the server dies after reading it", function()
    for _, manner in ipairs { "die", "reset" } do
      local err = is_sent_once(manner)
      expect.equal({ err.kind, err.may_have_been_sent }, { "network", true })
      expect.contains(tostring(err), "it may have been carried out")
    end
  end)

  it("neither on a connection that was used before", function()
    for _, manner in ipairs { "die", "reset" } do
      local server <close> = answering(OK, OK, manner)
      local api = client(server)
      create(api)
      create(api)
      local err = expect.raises(function() create(api) end)
      expect.equal({ server:count(), err.attempts, err.may_have_been_sent }, { 3, 1, true })
      expect.contains(server:log(), "connection 1 request 3")
    end
  end)

  it("neither without a body", function()
    local server <close> = answering(OK, "die")
    local api = client(server)
    api.agents.deploy_as_sip(ID)
    local err = expect.raises(function() api.agents.deploy_as_sip(ID) end)
    expect.equal({ server:count(), err.attempts, err.may_have_been_sent }, { 2, 1, true })
  end)

  it("neither when the answer is cut off, does not come, or is a server's error", function()
    local err = is_sent_once { body = "{", headers = { "Content-Length: 99" }, manner = "close" }
    expect.truthy(err.may_have_been_sent)
    for _, status in ipairs { 408, 500, 502, 503, 504 } do
      err = is_sent_once(refusal(status))
      expect.equal({ err.status, err.may_have_been_sent }, { status, status >= 500 })
    end
    expect.equal(is_sent_once(refusal(500, 1)).status, 500)
    local server <close> = answering "stall"
    err = expect.raises(function() create(client(server, { timeout = 0.1 })) end)
    expect.equal({ err.kind, err.attempts, err.may_have_been_sent }, { "timeout", 1, true })
    expect.equal(server:count(), 1)
  end)

  it("is sent again when the server says that it refused", function()
    for _, case in ipairs { { 429 }, { 429, 0 }, { 429, 0.05 }, { 503, 0 }, { 503, 0.05 } } do
      local answer = refusal(table.unpack(case))
      local server <close> = answering(answer, answer)
      local _, response = create(client(server))
      expect.equal({ server:count(), response.attempts, response.status }, { 3, 3, 200 })
      local first, second = table.unpack(server:requests())
      expect.equal(first, second)
    end
  end)

  it("waits as long as the server asks", function()
    local server <close> = answering(refusal(429, 1))
    is_within(seconds_of(create, client(server)), 0.98, 3)
  end)

  it("waits until the limit is reset, when the server says only that", function()
    for _, line in ipairs { 'RateLimit: "default";r=0;t=1', "RateLimit-Reset: 1", "X-RateLimit-Reset: 1" } do
      local server <close> = answering { status = 429, headers = { line }, body = "{}" }
      is_within(seconds_of(create, client(server)), 0.98, 3)
    end
  end)

  it("is sent again when it provably did not leave", function()
    local err = expect.raises(function() create(client(nil, { base_url = NOBODY, retries = 1 })) end)
    expect.equal({ err.kind, err.attempts, err.may_have_been_sent }, { "network", 2, false })
  end)

  it("stays an open question after a refusal, too", function()
    local server <close> = answering(refusal(429, 0.01), "die")
    local err = expect.raises(function() create(client(server)) end)
    expect.equal({ server:count(), err.attempts, err.may_have_been_sent }, { 2, 2, true })
  end)

  it("is any POST and PATCH of api.request", function()
    for _, method in ipairs { "POST", "PATCH" } do
      local server <close> = answering "die"
      local err = expect.raises(function()
        client(server).request { method = method, path = "/core/x", body = { a = 1 } }
      end)
      expect.equal({ server:count(), err.attempts, err.may_have_been_sent }, { 1, 1, true })
    end
  end)
end)

describe("a request that may be repeated", function()
  local calls = {
    get = function(api) return api.agents.get(ID) end,
    put = function(api) return api.agents.update(ID, { name = "x" }) end,
    delete = function(api) return api.agents.delete(ID) end,
    raw = function(api) return api.request { method = "PUT", path = "/core/x", body = { a = 1 } } end,
  }

  it("is repeated", function()
    for name, call in pairs(calls) do
      for _, answer in ipairs { "die", "reset", refusal(500), refusal(503), refusal(408), refusal(429, 0.01) } do
        local server <close> = answering(answer)
        local _, response = call(client(server))
        expect.equal({ name, response.attempts, response.status }, { name, 2, 200 })
        local last = server:requests()
        expect.equal(last[1], last[#last])
      end
    end
  end)

  it("is repeated as often as the client says", function()
    local server <close> = answering()
    server:answer(refusal(500))
    local err = expect.raises(function() calls.get(client(server, { retries = 3 })) end)
    expect.equal({ server:count(), err.attempts, err.status }, { 4, 4, 500 })
  end)

  it("is not repeated when it was simply wrong", function()
    for _, status in ipairs { 400, 401, 403, 404, 409, 422, 501 } do
      local server <close> = answering(refusal(status))
      local err = expect.raises(function() calls.put(client(server)) end)
      local asked_for_scopes = status == 403 and 1 or 0
      expect.equal({ server:count() - asked_for_scopes, err.attempts, err.status }, { 1, 1, status })
    end
  end)

  it("tells what an earlier attempt may have done", function()
    for _, answer in ipairs { "die", refusal(500) } do
      local server <close> = answering(answer, refusal(404))
      local err = expect.raises(function() calls.delete(client(server)) end)
      expect.equal({ err.status, err.attempts, err.may_have_been_sent }, { 404, 2, true })
    end
    local server <close> = answering(refusal(429, 0.01), refusal(404))
    local err = expect.raises(function() calls.delete(client(server)) end)
    expect.equal({ err.status, err.attempts, err.may_have_been_sent }, { 404, 2, false })
  end)

  it("is not repeated once pieces of its answer were handed over", function()
    local server <close> = wire.start()
    server:reply("close", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nThe beginning")
    local pieces = {}
    local err = expect.raises(function()
      client(server).agents.versions.compare(ID, { from_version = 1, to_version = 2 },
        function(piece) pieces[#pieces + 1] = piece end)
    end)
    expect.equal({ server:count(), err.attempts, table.concat(pieces) }, { 1, 1, "The beginning" })
  end)
end)

describe("without retries", function()
  it("the first failure counts", function()
    for _, answer in ipairs { "die", refusal(429), refusal(429, 1), refusal(503, 1), refusal(500) } do
      local server <close> = answering(answer)
      local api = client(server, { retries = 0 })
      is_within(seconds_of(function()
        local err = expect.raises(function() api.agents.get(ID) end)
        expect.equal(err.attempts, 1)
        api.agents.get(ID)
      end), 0, 0.9)
      expect.equal(server:count(), 2)
    end
  end)
end)

describe("a wait that nobody bears", function()
  it("is not waited for", function()
    for _, wait in ipairs { "121", "3600", "99999999999", "Fri, 31 Dec 2100 23:59:59 GMT" } do
      local server <close> = answering(refusal(429, wait))
      local api = client(server)
      is_within(seconds_of(function()
        local err = expect.raises(function() create(api) end)
        expect.equal({ err.kind, err.attempts, err.may_have_been_sent }, { "rate_limited", 1, false })
        expect.truthy(err.retry_after > 120)
        create(api)
      end), 0, 5)
      expect.equal(server:count(), 2)
    end
  end)

  it("ends the program with exit code 5", function()
    local server <close> = answering(refusal(429, 3600))
    local code, _, err = process.run(("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=%s %s"):format(server.base_url,
      process.anyreach("-e", "anyreach.client().agents.create { name = 'x' }")))
    expect.equal(code, 5)
    expect.contains(err, "429 too many requests: not now")
    expect.equal(server:count(), 1)
  end)
end)

describe("a server that goes on refusing", function()
  local function run(server, ...)
    return process.run(("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=%s %s"):format(server.base_url,
      process.anyreach(...)))
  end

  it("is waited for as long as the patience lasts, which is shown, and then ends the program with 5", function()
    local server <close> = answering()
    server:answer(refusal(429, 2))
    local code, out, err = run(server, "--max-wait=3", "call", "agents.list")
    expect.equal({ code, out, server:count() }, { 5, "", 2 })
    expect.match(err, "^anyreach: waiting 2 s, as the server asked\nanyreach: agents.list: 429 ")
    expect.contains(err, "the server asks to wait 2 s; --max-wait says how long a request waits in all")
  end)

  it("is not waited for when it asks for more than the patience, nor without retries", function()
    for _, option in ipairs { "--max-wait=20", "--retries=0" } do
      local server <close> = answering()
      server:answer(refusal(503, 30))
      local code = run(server, option, "call", "agents.list")
      expect.equal({ option, code, server:count() }, { option, 1, 1 })
    end
  end)

  it("is waited for in silence with --quiet and --json", function()
    for _, option in ipairs { "--quiet", "--json" } do
      local server <close> = answering(refusal(429, 2))
      local _, _, err = run(server, option, "call", "agents.list")
      expect.equal({ option, err, server:count() }, { option, "", 2 })
    end
  end)
end)

describe("giving up", function()
  -- A server that closes the throttle for a long time: the first task waits to try again, the second at
  -- the throttle.
  local function waiting()
    local server = answering(refusal(429, 100))
    local api = client(server)
    local tasks = {}
    for i = 1, 2 do
      tasks[i] = anyreach.spawn(create, api)
      process.eventually("the first request", function() return server:count() == 1 end)
      anyreach.sleep(0.05)
    end
    return server, tasks, api
  end

  it("a back-off, and a wait at the throttle, is at once", function()
    local server <close>, tasks = waiting()
    for i = 1, 2 do
      is_within(seconds_of(function() expect.truthy(tasks[i]:cancel()) end), 0, 0.5)
      expect.equal(tasks[i]:status(), "cancelled")
    end
    expect.equal(server:count(), 1)
  end)

  it("after a time limit, too", function()
    local server <close>, tasks, api = waiting()
    is_within(seconds_of(function()
      local err = expect.raises(function() anyreach.timeout(0.1, create, api) end)
      expect.equal(err.kind, "timeout")
    end), 0.08, 1)
    for i = 1, 2 do tasks[i]:cancel() end
    expect.equal(server:count(), 1)
  end)

  it("at the throttle lets the others pass at their own time", function()
    local server <close> = wire.start()
    local api = client(server, { rate = 10 })
    local tasks = {}
    for i = 1, 100 do tasks[i] = anyreach.spawn(create, api) end
    anyreach.sleep(0)
    for i = 1, 99 do tasks[i]:cancel() end
    is_within(seconds_of(tasks[100].wait, tasks[100]), 0, 1)
  end)

  it("by Ctrl-C is at once", function()
    local server <close> = answering(refusal(429, 100))
    local program = process.start(("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=%s %s"):format(server.base_url,
      process.anyreach("-e", [[
        local api = anyreach.client()
        for i = 1, 3 do anyreach.spawn(api.agents.create, { name = "x" }) end
        anyreach.sleep(0.2)
        print "ready" io.stdout:flush()
        api.agents.list()]])))
    program:first_line()
    is_within(seconds_of(function()
      program:signal "INT"
      expect.equal(program:wait(), 130)
    end), 0, 5)
    expect.equal(program:output "err", "anyreach: waiting 100 s, as the server asked\n"
      .. "anyreach: interrupted; 2 writes were applied\n")
    expect.truthy(server:count() <= 3)
  end)

  it("by the end of the program is at once", function()
    local server <close> = answering(refusal(429, 100))
    local seconds = seconds_of(function()
      local code = process.run(("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=%s %s"):format(server.base_url,
        process.anyreach("-e", [[
          local api = anyreach.client()
          pcall(anyreach.timeout, 0.3, api.agents.create, { name = "x" })]])))
      expect.equal(code, 0)
    end)
    is_within(seconds, 0.25, 5)
  end)
end)

describe("a rate", function()
  it("paces all clients of a server", function()
    local server <close> = wire.start()
    local apis = {}
    for i = 1, 3 do apis[i] = client(server, { rate = 50 }) end
    local numbers = {}
    for i = 1, 26 do numbers[i] = i end
    is_within(seconds_of(anyreach.map, numbers, function(i) create(apis[i % 3 + 1]) end), 0.46, 0.8)
  end)

  it("is not reset by a new client", function()
    local server <close> = wire.start()
    is_within(seconds_of(function()
      for _ = 1, 6 do create(client(server, { rate = 10 })) end
    end), 0.47, 0.8)
  end)

  it("can be given to the program", function()
    local server <close> = wire.start()
    local seconds = seconds_of(function()
      local code = process.run(("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=%s %s"):format(server.base_url,
        process.anyreach("--rate=10", "-e", "for _ = 1, 6 do anyreach.client().agents.list() end")))
      expect.equal(code, 0)
    end)
    is_within(seconds, 0.47, 1.5)
  end)
end)

describe("a server's own limit", function()
  local COUNT, AT_ONCE = 5 * PER_SECOND, 32

  -- Updates that all succeed; the number of requests it took.
  local function update_all(manner)
    local server <close> = wire.start()
    server:answer { body = "{}", manner = manner }
    local api, numbers = client(server), {}
    for i = 1, COUNT do numbers[i] = i end
    anyreach.map(numbers, function(i) api.agents.update(ID, { name = "x" .. i }) end, { concurrency = AT_ONCE })
    return server:count()
  end

  -- The first burst is refused before the limit is known, and a few while it is being learnt.
  it("is kept to without a failure, and hardly anything is refused once it is known", function()
    for _, manner in ipairs { "limited", "limited tersely" } do
      local refused = update_all(manner) - COUNT
      if refused < 1 or refused > AT_ONCE + 10 then
        error(("%s: %d of %d refused"):format(manner, refused, COUNT))
      end
    end
  end)
end)
