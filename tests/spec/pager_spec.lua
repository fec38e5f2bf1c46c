-- `each`: all pages of a list, in whatever form they come.

local pager = require "anyreach.client.pager"
local json = require "anyreach.json"
local wire = require "helpers.wire"

local function row(number)
  return { id = tostring(number), created_at = ("2025-01-01T00:00:%02dZ"):format(number) }
end

local function rows(...)
  local list = json.array {}
  for i, number in ipairs { ... } do list[i] = row(number) end
  return list
end

-- Answers with these pages, follows them, and returns the ids and the targets that were asked for.
local function follow(pages, query)
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
  for i, page in ipairs(pages) do server:answer({ body = json.encode(page) }, i) end
  server:reply("die")
  local ids, targets = {}, {}
  for agent in api.agents.each(query) do ids[#ids + 1] = agent.id end
  for i, request in ipairs(server:requests()) do targets[i] = request:match("^GET /core/agents(%S*)") end
  return table.concat(ids, " "), targets
end

local CURSOR_2 = pager.base64("2025-01-01T00:00:02Z"):gsub("=", "%%3D")
local CURSOR_3 = pager.base64("2025-01-01T00:00:03Z"):gsub("=", "%%3D")

describe("each", function()
  it("follows cursors built from the last row until a page is empty", function()
    local ids, targets = follow({ rows(1, 2), rows(3), rows() })
    expect.equal(ids, "1 2 3")
    expect.equal(targets, { "", "?cursor=" .. CURSOR_2, "?cursor=" .. CURSOR_3 })
  end)

  it("ends with a page that is not full when it knows the size", function()
    local ids, targets = follow({ rows(1, 2), rows(3) }, { limit = 2, name = "n" })
    expect.equal(ids, "1 2 3")
    expect.equal(targets, { "?name=n&limit=2", "?name=n&limit=2&cursor=" .. CURSOR_2 })
  end)

  it("follows the cursor that the server names, in the page or under pagination", function()
    local pages = {
      { data = rows(1), next_cursor = "a b" },
      { items = rows(2), pagination = { next_cursor = "c" } },
      { results = rows(3), next_cursor = json.null },
    }
    local ids, targets = follow(pages)
    expect.equal(ids, "1 2 3")
    expect.equal(targets, { "", "?cursor=a%20b", "?cursor=c" })
  end)

  it("shows a row once that is on two pages in a row", function()
    expect.equal((follow({ rows(1, 2), rows(2, 3), rows(3) })), "1 2 3")
  end)

  it("ends when a cursor comes again", function()
    local page = { data = rows(1), next_cursor = "same" }
    expect.equal((follow({ page, page })), "1")
  end)

  it("has nothing to give for an empty list, or a null in its place", function()
    expect.equal((follow({ rows() })), "")
    expect.equal((follow({ { data = json.null } })), "")
  end)

  it("refuses an answer that is no list, for it is not an empty one", function()
    for _, body in ipairs { { total = 3 }, json.null, 5, "text", true } do
      local err = expect.raises(function() follow({ body }) end, "expected a list")
      expect.equal(err.kind, "answer")
      expect.contains(err.message, type(body) == "table" and "got an object without one" or "got something else")
    end
  end)

  it("gives rows that are no objects as they are, and builds no cursor from them", function()
    local server <close> = wire.start()
    server:answer { body = '[{"id":"a1"},7]' }
    local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
    local next_row = api.agents.each()
    expect.equal(next_row().id, "a1")
    expect.equal(next_row(), 7)
    expect.equal(next_row(), nil)
    expect.equal(server:count(), 1)
  end)

  it("asks for the first page only when the first row is wanted, and checks its arguments then", function()
    local server <close> = wire.start()
    server:answer { body = "[]" }
    local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
    local next_row = api.agents.each { limit = 1 }
    expect.equal(server:count(), 0)
    next_row()
    expect.equal(server:count(), 1)
    expect.raises(function() api.agents.each { limitt = 1 } () end, 'did you mean "limit"?')
  end)

  it("takes path values before the query, and leaves the caller's table alone", function()
    local server <close> = wire.start()
    server:answer({ body = json.encode { data = json.array {}, next_cursor = "c" } }, 1)
    server:answer({ body = "[]" }, 2)
    local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
    local query = { published = true }
    for _ in api.agents.versions.each("a1", query) do error "no rows" end
    expect.equal(query, { published = true })
    expect.contains(server:requests()[2], "GET /core/agents/a1/versions?published=true&cursor=c HTTP")
  end)

  it("sends the cursor, too, when it was given no query", function()
    local server <close> = wire.start()
    server:answer({ body = json.encode { data = json.array {}, next_cursor = "c" } }, 1)
    server:answer({ body = "[]" })
    local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
    for _ in api.agents.each() do error "no rows" end
    server:answer({ body = json.encode { data = json.array {}, next_cursor = "d" } }, 3)
    for _ in api.agents.versions.each "a1" do error "no rows" end
    local requests = server:requests()
    expect.contains(requests[2], "GET /core/agents?cursor=c HTTP")
    expect.contains(requests[4], "GET /core/agents/a1/versions?cursor=d HTTP")
  end)

  it("raises the error of a page", function()
    local err = expect.raises(function() follow({ { data = rows(1), next_cursor = "x" } }) end)
    expect.equal(err.kind, "network")
  end)

  it("is there for lists alone", function()
    local api = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_x" }
    expect.raises(function() return api.each end, "has no 'each'")
  end)
end)

describe("Base64", function()
  it("is the standard one, padded", function()
    local texts = { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", ["\255\254\253"] = "//79" }
    for text, encoded in pairs(texts) do expect.equal(pager.base64(text), encoded) end
  end)
end)
