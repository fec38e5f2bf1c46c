-- A configuration that is read, changed in one field and written back has changed in that field alone.

local json = require "anyreach.json"
local process = require "helpers.process"

-- Everything that other tools lose, as the JSON text that was sent.
local CONFIG = [=[{
  "empty_list": [], "empty_object": {}, "nothing": null, "nested": {"list": [[], {}, null, [null]]},
  "tenth": 0.1, "one": 1.0, "minus_zero": -0.0, "tiny": 5e-324, "huge": 1.7976931348623157e308,
  "third": 0.3333333333333333, "exact": 9007199254740993, "largest": 9223372036854775807,
  "smallest": -9223372036854775808, "beyond": 12345678901234567890123, "precise": 100000000000000000000.5,
  "text": "é\u0000", "emoji": "\ud83d\ude00", "slash": "a\/b", "control": "\u001f\t", "": "empty key",
  "1": "not an index", "false": false
}]=]

describe("a configuration", function()
  local file = process.directory() .. "/state.db"
  local sandbox = process.sandbox("--db", file)
  local environment = sandbox.environment

  local function evaluate(code, ...)
    local exit_code, out, err = process.run("env " .. environment .. process.anyreach("-e", code, ...))
    expect.equal({ exit_code, err }, { 0, "" })
    return out
  end

  local function stored(id, version)
    local _, text = process.run(("curl -sS %s/core/agents/%s/versions/%d -H 'Authorization: Bearer ak_sandbox.admin'")
      :format(sandbox.base_url, id, version))
    return json.decode(text).config, text
  end

  local id = evaluate "print(anyreach.client().agents.create{name='x'}.id)":match("%S+")

  it("sent by curl is stored as it was sent", function()
    local code = process.run(("curl -sSf %s/core/agents/%s/versions -H 'Authorization: Bearer ak_sandbox.admin' "
      .. "-H 'Content-Type: application/json' -d @-"):format(sandbox.base_url, id), '{"config":' .. CONFIG .. "}")
    expect.equal(code, 0)
    expect.equal((stored(id, 1)), json.decode(CONFIG))
  end)

  it("read by a script and written back is equal, value by value and kind by kind", function()
    evaluate([[
      local api = anyreach.client()
      local config = api.agents.versions.get(arg[1], 1).config
      api.agents.versions.create(arg[1], { config = config })]], id)
    local before, after = stored(id, 1), stored(id, 2)
    expect.equal(after, before)
    expect.equal(json.encode(after), json.encode(before))
    expect.equal(json.encode(after), json.encode(json.decode(CONFIG)))
  end)

  it("passes through a file of the shell, too", function()
    local path = process.directory() .. "/version.json"
    local call = "env " .. environment .. process.anyreach "call"
    expect.equal((process.run(("%s agents.versions.get %s 1 >%s"):format(call, id, path))), 0)
    evaluate([[
      local version = anyreach.read_json(arg[1])
      anyreach.write_json(arg[1], { config = version.config })]], path)
    expect.equal((process.run(("%s agents.versions.update %s 2 -d @%s"):format(call, id, path))), 0)
    expect.equal(json.encode((stored(id, 2))), json.encode(json.decode(CONFIG)))
  end)

  it("with one field changed has one field changed", function()
    evaluate([[
      local api = anyreach.client()
      local config = api.agents.versions.get(arg[1], 2).config
      config.tenth = 0.2
      api.agents.versions.update(arg[1], 2, { config = config })]], id)
    local expected = json.decode(CONFIG)
    expected.tenth = 0.2
    expect.equal(json.encode((stored(id, 2))), json.encode(expected))
  end)

  it("keeps its digits on the wire", function()
    local _, text = stored(id, 1)
    for _, part in ipairs {
      '"exact":9007199254740993', '"one":1.0', '"tenth":0.1', '"beyond":12345678901234567890123', '"empty_list":[]',
      '"empty_object":{}', '"nothing":null', '"text":"é\\u0000"', '"largest":9223372036854775807',
    } do
      expect.contains(text, part)
    end
  end)

  sandbox:stop()
end)
