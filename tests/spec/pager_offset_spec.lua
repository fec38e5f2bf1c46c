-- `each` over a list whose pages start at an offset.

local json = require "anyreach.json"
local wire = require "helpers.wire"

local function rows(first, last)
  local list = json.array {}
  for number = first, last do list[#list + 1] = { id = "c" .. number } end
  return list
end

-- Answers with these pages, follows them, and returns the ids and the targets that were asked for. A
-- request for more is not answered.
local function follow(pages, query)
  local server <close> = wire.start()
  local api = anyreach.client { base_url = server.base_url, token = "ak_x" }
  for i, page in ipairs(pages) do server:answer({ body = json.encode(page) }, i) end
  server:reply("die")
  local ids, targets = {}, {}
  for contact in api.campaigns.contacts.each("a/b", query) do
    ids[#ids + 1] = type(contact) == "table" and contact.id or tostring(contact)
  end
  for i, request in ipairs(server:requests()) do
    targets[i] = request:match("^GET /campaign/campaigns/a%%2Fb/contacts(%S*)")
  end
  return table.concat(ids, " "), targets
end

describe("each by offset", function()
  it("ends with the total", function()
    local ids, targets = follow {
      { contacts = rows(1, 2), total = 5, limit = 2, offset = 0 },
      { contacts = rows(3, 4), total = 5, limit = 2, offset = 2 },
      { contacts = rows(5, 5), total = 5, limit = 2, offset = 4 },
    }
    expect.equal(ids, "c1 c2 c3 c4 c5")
    expect.equal(targets, { "", "?offset=2", "?offset=4" })
  end)

  it("ends with the total although the last page is full", function()
    local ids, targets = follow({ { contacts = rows(1, 2), total = 2 } }, { limit = 2 })
    expect.equal(ids, "c1 c2")
    expect.equal(targets, { "?limit=2" })
  end)

  it("without a total ends with an empty page", function()
    local ids, targets = follow { { contacts = rows(1, 2) }, { contacts = rows(3, 3) }, { contacts = rows(1, 0) } }
    expect.equal(ids, "c1 c2 c3")
    expect.equal(targets, { "", "?offset=2", "?offset=3" })
  end)

  it("ends with a page that is not full when it knows the size", function()
    local ids, targets = follow({ { contacts = rows(1, 2) }, { contacts = rows(3, 3) } },
      { limit = 2, status = "pending" })
    expect.equal(ids, "c1 c2 c3")
    expect.equal(targets, { "?status=pending&limit=2", "?status=pending&limit=2&offset=2" })
  end)

  it("starts where it is told to", function()
    local ids, targets = follow({ { contacts = rows(8, 9), total = 10 }, { contacts = rows(10, 10), total = 10 } },
      { offset = 7 })
    expect.equal(ids, "c8 c9 c10")
    expect.equal(targets, { "?offset=7", "?offset=9" })
  end)

  it("ends with an empty page whatever the total says", function()
    expect.equal((follow { { contacts = rows(1, 1), total = 99 }, { contacts = rows(1, 0), total = 99 } }), "c1")
    expect.equal((follow { { contacts = rows(1, 0), total = 99 } }), "")
  end)

  it("takes a total that is no number for none", function()
    for _, total in ipairs { json.null, "many", 1.5, {} } do
      expect.equal((follow { { contacts = rows(1, 1), total = total }, { contacts = rows(1, 0) } }), "c1")
    end
  end)

  it("ends when the server knows no offset and repeats itself", function()
    local page = { contacts = rows(1, 3) }
    local ids, targets = follow { page, page }
    expect.equal(ids, "c1 c2 c3")
    expect.equal(#targets, 2)
  end)

  it("shows a row once that has moved to the next page", function()
    local pages = { { contacts = rows(1, 2) }, { contacts = rows(2, 3) }, { contacts = rows(1, 0) } }
    expect.equal((follow(pages)), "c1 c2 c3")
  end)

  it("takes a bare array, and null in the place of rows", function()
    expect.equal((follow { rows(1, 2), rows(1, 0) }), "c1 c2")
    expect.equal((follow { { contacts = json.null } }), "")
    expect.equal((follow { json.array { 1, json.null, "x" }, rows(1, 0) }),
      "1 " .. tostring(json.null) .. " x")
  end)

  it("refuses what is no list, so that it does not pass for an empty one", function()
    for _, foreign in ipairs { json.null, 5, "text", true, {} } do
      expect.raises(function() follow { foreign } end, "expected a list in the answer")
    end
  end)

  it("checks its arguments with the first row", function()
    local api = anyreach.client { base_url = "http://127.0.0.1:1", token = "ak_x" }
    expect.raises(api.campaigns.contacts.each(), "campaign_id: required but missing")
    expect.raises(api.campaigns.contacts.each("c", { ofset = 1 }), 'did you mean "offset"?')
    expect.raises(api.campaigns.contacts.each("c", { offset = -1 }), "offset: must be at least 0")
    expect.raises(api.campaigns.contacts.each("c", "pending"), "expected a table of fields")
  end)
end)
