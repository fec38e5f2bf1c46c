-- A text answer that is handed over piece by piece to a function, as it comes.

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

-- A server that sends the text byte by byte.
local function trickling(text)
  local server = wire.start()
  server:answer { type = "text/plain", body = text or TEXT, manner = "trickle" }
  return server
end

-- A server that sends the beginning of a text that it announces whole, and then closes or stays silent.
local function unfinished(manner)
  local server = wire.start()
  server:reply(manner, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nThe beginning")
  return server
end

-- A function that takes pieces, and the list of what it got.
local function taker()
  local pieces = {}
  return function(piece) pieces[#pieces + 1] = piece end, pieces
end

local function closed(server)
  return process.eventually("the connection to be closed", function()
    return server:log():find("closed", 1, true)
  end)
end

describe("a text answer", function()
  it("is one string without a function to take it", function()
    local server <close> = trickling()
    expect.equal(client(server).agents.versions.compare(ID, VERSIONS), TEXT)
  end)

  it("is handed over in pieces, and none of it returned", function()
    local server <close> = trickling()
    local take, pieces = taker()
    local rest, response = client(server).agents.versions.compare(ID, VERSIONS, take)
    expect.truthy(#pieces > 1)
    expect.equal(table.concat(pieces), TEXT)
    expect.equal(rest, "")
    expect.equal(response.status, 200)
  end)

  it("is handed over before it is complete", function()
    local server <close> = unfinished "send"
    local take, pieces = taker()
    local err = expect.raises(function()
      client(server, { timeout = 0.5 }).agents.versions.compare(ID, VERSIONS, take)
    end)
    expect.equal(err.kind, "timeout")
    expect.equal(table.concat(pieces), "The beginning")
  end)

  it("that ends too early is an error after its pieces", function()
    local server <close> = unfinished "close"
    local take, pieces = taker()
    local result, err = client(server).try.agents.versions.compare(ID, VERSIONS, take)
    expect.equal(result, nil)
    expect.equal(err.kind, "network")
    expect.equal(table.concat(pieces), "The beginning")
  end)

  it("that is empty is never handed over", function()
    local server <close> = wire.start()
    server:answer { type = "text/plain", body = "" }
    local take, pieces = taker()
    expect.equal(client(server).agents.versions.compare(ID, VERSIONS, take), "")
    expect.equal(pieces, {})
  end)

  it("with another status is an error, and never handed over", function()
    for _, status in ipairs { 302, 400, 404, 500 } do
      local server <close> = wire.start()
      server:answer { status = status, body = '{"detail":"no such version"}', manner = "trickle" }
      local take, pieces = taker()
      local err = expect.raises(function() client(server).agents.versions.compare(ID, VERSIONS, take) end,
        "no such version")
      expect.equal(err.status, status)
      local result, same = client(server).try.agents.versions.compare(ID, VERSIONS, take)
      expect.equal(result, nil)
      expect.equal(same.status, status)
      expect.equal(pieces, {})
    end
  end)
end)

describe("a taker", function()
  it("may call the API itself; what comes meanwhile is kept", function()
    local server <close> = trickling()
    local other <close> = wire.start()
    local api, pieces, calls = client(other), {}, 0
    client(server).agents.versions.compare(ID, VERSIONS, function(piece)
      pieces[#pieces + 1] = piece
      api.agents.get(ID)
      calls = calls + 1
    end)
    expect.equal(table.concat(pieces), TEXT)
    expect.equal(calls, #pieces)
    expect.equal(other:count(), calls)
  end)

  it("may be slow; the pieces that came meanwhile are one", function()
    local server <close> = trickling()
    local take, pieces = taker()
    client(server).agents.versions.compare(ID, VERSIONS, function(piece)
      take(piece)
      anyreach.sleep(0.3)
    end)
    expect.equal(table.concat(pieces), TEXT)
    expect.truthy(#pieces <= 3)
  end)

  it("that raises ends the call with its error, and the connection", function()
    for _, form in ipairs { "plain", "try" } do
      local server <close> = trickling(TEXT:rep(20))
      local api, problem, count = client(server), {}, 0
      local compare = form == "try" and api.try.agents.versions.compare or api.agents.versions.compare
      local err = expect.raises(function()
        compare(ID, VERSIONS, function()
          count = count + 1
          error(problem)
        end)
      end)
      expect.truthy(rawequal(err, problem))
      expect.equal(count, 1)
      expect.truthy(closed(server))
    end
  end)

  it("leaves the client in order when it raises while it waits", function()
    local server <close> = trickling()
    local other <close> = wire.start()
    other:answer { status = 404, body = '{"detail":"none"}' }
    local err = expect.raises(function()
      client(server).agents.versions.compare(ID, VERSIONS, function() client(other).agents.get(ID) end)
    end)
    expect.equal(err.kind, "not_found")
    server:answer { body = '{"id":"a1"}' }
    expect.equal(client(server).agents.get(ID).id, "a1")
  end)

  it("works where Lua cannot yield", function()
    local server <close> = trickling()
    local other <close> = wire.start()
    local api, pieces = client(server), {}
    local compared = 0
    table.sort({ 2, 1 }, function(a, b)
      if compared == 0 then
        api.agents.versions.compare(ID, VERSIONS, function(piece)
          pieces[#pieces + 1] = piece
          client(other).agents.get(ID)
        end)
      end
      compared = compared + 1
      return a < b
    end)
    expect.equal(table.concat(pieces), TEXT)
    expect.truthy(#pieces > 1)
    expect.equal(other:count(), #pieces)
  end)

  it("raises out of where Lua cannot yield", function()
    local server <close> = trickling()
    local err = expect.raises(function()
      ("x"):gsub("x", function()
        client(server).agents.versions.compare(ID, VERSIONS, function() error("enough", 0) end)
      end)
    end)
    expect.equal(err, "enough")
    expect.truthy(closed(server))
  end)

  it("may be coroutine.yield, which makes an iterator of the call", function()
    local server <close> = trickling()
    local api, pieces = client(server), {}
    for piece in coroutine.wrap(function() api.agents.versions.compare(ID, VERSIONS, coroutine.yield) end) do
      pieces[#pieces + 1] = piece
    end
    expect.equal(table.concat(pieces), TEXT)
    expect.truthy(#pieces > 1)
  end)

  it("is not called again once its task is cancelled", function()
    local server <close> = trickling(TEXT:rep(20))
    local take, pieces = taker()
    local started = host.event()
    local task = anyreach.spawn(function()
      client(server).agents.versions.compare(ID, VERSIONS, function(piece)
        take(piece)
        started:set()
      end)
    end)
    started:wait()
    task:cancel()
    local count = #pieces
    expect.truthy(closed(server))
    expect.equal(#pieces, count)
  end)

  it("is called by several at once, each with its own text", function()
    local first <close> = trickling(("a"):rep(50))
    local second <close> = trickling(("b"):rep(50))
    local texts = anyreach.map({ first, second }, function(server)
      local take, pieces = taker()
      client(server).agents.versions.compare(ID, VERSIONS, take)
      return table.concat(pieces)
    end)
    expect.equal(texts, { ("a"):rep(50), ("b"):rep(50) })
  end)

  it("is taken by text answers alone, and last", function()
    local server <close> = wire.start()
    local api = client(server)
    expect.raises(function() api.agents.get(ID, print) end, "argument 2: expected a table of fields, got function")
    expect.raises(function() api.agents.versions.compare(print, ID, VERSIONS) end, "agent_id")
    expect.raises(function() api.agents.versions.compare(ID, VERSIONS, print, 1) end, "unexpected")
    expect.raises(function() api.agents.versions.compare(ID, VERSIONS, "print") end, "unexpected")
    expect.equal(server:count(), 0)
  end)
end)
