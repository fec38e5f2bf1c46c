-- Differences between two values by path.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local secret = require "anyreach.secret"

local function changes(wanted, actual, options)
  local texts = {}
  for index, found in ipairs(diff.compare(json.decode(wanted), json.decode(actual), options)) do
    texts[index] = found.change .. " " .. found.path
  end
  return table.concat(texts, ", ")
end

describe("values that do not differ", function()
  it("have no differences", function()
    for _, text in ipairs { "1", '"é\\u0000"', "null", "[]", "{}", "[1,[2,{}]]", '{"a":{"b":[null,false]}}' } do
      expect.equal(changes(text, text), "")
      expect.equal(changes(text, text, { exact = true }), "")
    end
  end)

  it("are numbers of one value, however they are written", function()
    expect.equal(changes("1", "1.0"), "")
    expect.equal(changes("12345678901234567890", "12345678901234567890"), "")
    expect.equal(changes('{"a":9007199254740993}', '{"a":9007199254740992}'), "changed a")
  end)

  it("are a null and an absent key", function()
    expect.equal(changes('{"a":null}', "{}"), "")
    expect.equal(changes("{}", '{"a":null}', { exact = true }), "")
  end)

  it("are a secret and the text that it holds", function()
    expect.equal(diff.compare({ key = secret "hush" }, { key = "hush" }), {})
    expect.equal(diff.paths(diff.compare({ key = secret "hush" }, { key = "other" })), { "key" })
    expect.equal(diff.paths(diff.compare({ key = secret "hush" }, { key = {} })), { "key" })
    expect.equal(diff.paths(diff.compare({ key = secret "hush" }, {})), { "key" })
  end)
end)

describe("values that differ", function()
  it("are told by path, in the order of the paths", function()
    local wanted = '{"tools":[{"name":"a"},{"name":"b"}],"instructions":"x","zone":null,"max":2}'
    local actual = '{"tools":[{"name":"a"},{"name":"c"}],"zone":"UTC","max":2.5}'
    expect.equal(changes(wanted, actual),
      "added instructions, changed max, changed tools[2].name, removed zone")
  end)

  it("are named below the path that is given", function()
    expect.equal(changes('{"a":1}', '{"a":2}', { path = "config" }), "changed config.a")
    expect.equal(changes("1", "2", { path = "active" }), "changed active")
  end)

  it("are arrays of another length, element by element", function()
    expect.equal(changes("[1,2,3]", "[1]"), "added [2], added [3]")
    expect.equal(changes("[1]", "[1,{}]"), "removed [2]")
    expect.equal(changes('{"a":[]}', '{"a":[1]}'), "removed a[1]")
    expect.equal(changes('[null,1]', '[null]'), "added [2]")
    expect.equal(changes('[null]', '[]'), "added [1]")
    expect.equal(changes('[null]', '[null]'), "")
    expect.equal(changes('[null,1]', '[1,null]'), "changed [1], changed [2]")
  end)

  it("are values of another kind", function()
    expect.equal(changes("[]", "{}"), "changed ")
    expect.equal(changes('{"a":1}', '{"a":"1"}'), "changed a")
    expect.equal(changes('{"a":[1]}', '{"a":{"b":1}}'), "changed a")
    expect.equal(changes('{"a":false}', '{"a":0}'), "changed a")
  end)

  it("do not count keys that only the actual value has, unless exactness is asked for", function()
    expect.equal(changes('{"a":{"b":1}}', '{"a":{"b":1,"c":2},"d":3}'), "")
    expect.equal(changes('{"a":{"b":1}}', '{"a":{"b":1,"c":2},"d":3}', { exact = true }), "removed a.c, removed d")
  end)
end)

describe("a path", function()
  it("quotes keys that are no names", function()
    expect.equal(diff.path("config", "voice-id"), "config.voice-id")
    expect.equal(diff.path("config", "a.b"), 'config["a.b"]')
    expect.equal(diff.path("", ""), '[""]')
    expect.equal(diff.path("tools", 2), "tools[2]")
  end)
end)
