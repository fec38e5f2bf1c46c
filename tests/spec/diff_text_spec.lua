-- Differences with their values, as people and as machines read them.

local diff = require "anyreach.text.diff"
local diff_text = require "anyreach.text.diff_text"
local json = require "anyreach.json"
local secret = require "anyreach.secret"

local function lines(wanted, actual, options)
  return table.concat(diff_text.lines(diff.compare(wanted, actual), options), "\n")
end

local LONG = "You are the receptionist of a clinic.\nBe friendly, brief and exact at all times.\n"

describe("the lines of differences", function()
  it("name what was and what will be", function()
    expect.equal(lines({ speed = 1.5, zone = "UTC", tools = json.array {} }, { speed = 2, tools = json.array { "a" } }),
      '  speed changed from 2 to 1.5\n  tools[1] removed; it was "a"\n  zone added: "UTC"')
  end)

  it("show long texts by words", function()
    expect.equal(lines({ instructions = (LONG:gsub("friendly", "warm and calm")) }, { instructions = LONG }),
      "  instructions changed (words: 1 removed, 3 added)\n"
      .. "       2  Be [-friendly-]{+warm and calm+}, brief and exact at all …")
  end)

  it("say so when only white space differs", function()
    expect.contains(lines({ text = LONG .. "\n" }, { text = LONG }), "text changed (only white space and signs)\n")
  end)

  it("show no secret, nor what it is compared with", function()
    local text = lines({ key = secret "hush-1", list = { a = secret "hush-2" } }, { key = "hush-0", list = "hush-3" })
    expect.equal(text, "  key changed: [secret]\n  list changed: [secret]")
  end)

  it("show nothing of what is a secret by its name, wherever it stands", function()
    local function config(word)
      return {
        api_key = word, auth = { credentials = { user = word } }, list = { tokens = 1, token = json.array { word } },
        new = word == "still-1" and { password = word, port = 1 } or nil, token = { type = word },
      }
    end
    expect.equal(lines(config "still-1", config "still-2"), [[
  api_key changed: [secret]
  auth.credentials.user changed: [secret]
  list.token[1] changed: [secret]
  new added: {"password":"[secret]","port":1}
  token.type changed from "still-2" to "still-1"]])
    expect.equal(lines({ token = true }, { token = json.null }), "  token added: true")
  end)

  it("show no secret that stands in another text", function()
    local hidden = secret "hush-hush-hush"
    local text = lines({ note = "x " .. LONG }, { note = "hush-hush-hush " .. LONG })
    expect.falsy(text:find("hush", 1, true), text)
    expect.truthy(hidden)
  end)

  it("cut what is endless, and show control characters as what they are", function()
    local text = lines({ list = { ("a"):rep(5000) } }, { list = "\27[2J" })
    expect.truthy(#text < 600)
    expect.falsy(text:find("\27", 1, true))
  end)
end)

describe("the events of differences", function()
  it("hold values, pieces of texts, or the word that it is a secret", function()
    local wanted = { a = 1, b = (LONG:gsub("clinic", "school")), c = secret "hush" }
    local list = diff_text.events(diff.compare(wanted, { a = json.null, b = LONG, c = "hash" }))
    expect.equal(list[1], { path = "a", change = "added", before = json.null, after = 1 })
    expect.equal({ list[2].path, list[2].words[2], list[2].words[3] },
      { "b", { kind = "removed", text = "clinic" }, { kind = "added", text = "school" } })
    expect.equal(list[3], { path = "c", change = "changed", secret = true })
    expect.truthy(json.encode(list))
  end)

  it("hold no secret that only its name tells", function()
    local list = diff_text.events(diff.compare({ api_key = "a", new = { password = "b" } }, { api_key = "c" }))
    expect.equal(list, {
      { path = "api_key", change = "changed", secret = true },
      { path = "new", change = "added", after = { password = "[secret]" } },
    })
    expect.equal(diff_text.value("x.api_key", "a"), "[secret]")
    expect.equal(diff_text.value("x.name", "a"), "a")
  end)
end)
