-- Writing JSON in the order that a text has already.

local json = require "anyreach.json"
local json_edit = require "anyreach.yaml.json_edit"
local reference = require "anyreach.yaml.reference"

describe("a JSON text", function()
  it("keeps the order of its keys, and gets new ones behind them", function()
    local text = '{"name":"x","config":{"z":1,"a":[{"d":1,"c":2}]},"gone":0}'
    local value = json.decode(text)
    value.gone, value.config.b, value.config.a[1].c = nil, json.array {}, json.null
    expect.equal(json_edit.update(text, value), [[
{
  "name": "x",
  "config": {
    "z": 1,
    "a": [
      {
        "d": 1,
        "c": null
      }
    ],
    "b": []
  }
}
]])
  end)

  it("is written in the known order where there is none, or no JSON", function()
    local value = { b = 1.0, name = "x", a = json.decode "123456789012345678901" }
    local expected = '{\n  "name": "x",\n  "a": 123456789012345678901,\n  "b": 1.0\n}\n'
    for _, text in ipairs { "", "{", "[1]", "null" } do expect.equal(json_edit.update(text, value), expected) end
  end)

  it("may hold escapes that YAML does not know", function()
    local text = '{"b":"\\ud83d\\ude00","a":1}'
    local value = json.decode(text)
    expect.equal(json.decode(json_edit.update(text, value)), value)
  end)

  it("cannot hold a reference", function()
    expect.raises(function() json_edit.update("", { a = reference.make("agent", "x") }) end,
      "JSON has no tags: !ref cannot be written")
  end)
end)
