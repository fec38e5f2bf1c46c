-- Laying a file's value over what an organisation has: what is named is written, all else stays.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local overlay = require "anyreach.text.overlay"
local random_value = require "helpers.random_value"
local secret = require "anyreach.secret"

local function laid(upper, lower, exact)
  return overlay.apply(json.decode(upper), json.decode(lower), exact)
end

local function expect_laid(upper, lower, expected, exact)
  expect.equal(laid(upper, lower, exact), json.decode(expected))
end

describe("a value that is laid over another", function()
  it("keeps what it does not name, at any depth", function()
    expect_laid('{"a":{"b":2}}', '{"a":{"b":1,"c":3},"d":4}', '{"a":{"b":2,"c":3},"d":4}')
    expect_laid('{"a":{"b":2}}', '{"d":null}', '{"a":{"b":2},"d":null}')
    expect_laid("{}", '{"d":[1]}', '{"d":[1]}')
  end)

  it("removes with a null what is there, and only that", function()
    expect_laid('{"a":null,"b":{"c":null}}', '{"a":1,"b":{"c":1,"d":2}}', '{"b":{"d":2}}')
    expect_laid('{"a":null}', "{}", '{"a":null}')
    expect.equal(overlay.apply(json.null, "there"), nil)
  end)

  it("replaces what is of another kind", function()
    expect_laid('{"a":[1]}', '{"a":{"b":1}}', '{"a":[1]}')
    expect_laid('{"a":{"b":1}}', '{"a":"text"}', '{"a":{"b":1}}')
    expect_laid('{"a":0}', '{"a":[1]}', '{"a":0}')
  end)

  it("is all there is when that is asked for", function()
    expect_laid('{"a":{"b":2}}', '{"a":{"b":1,"c":3},"d":4}', '{"a":{"b":2}}', true)
    expect_laid('[{"name":"x"}]', '[{"name":"x","id":1}]', '[{"name":"x"}]', true)
  end)

  it("pairs the elements of lists by name, and gives none what belongs to another", function()
    local there = '[{"name":"a","id":1},{"name":"b","id":2},{"name":"c","id":3}]'
    expect_laid('[{"name":"c","x":1},{"name":"a"}]', there, '[{"name":"c","id":3,"x":1},{"name":"a","id":1}]')
    expect_laid('[{"name":"new"},{"name":"b"}]', there, '[{"name":"new"},{"name":"b","id":2}]')
    expect_laid('[{"name":"a"},{"name":"a"}]', '[{"name":"a","n":1},{"name":"a","n":2}]',
      '[{"name":"a","n":1},{"name":"a","n":2}]')
    expect_laid('[{"type":"end"},{"type":"ask"}]', '[{"type":"ask","n":1},{"type":"end","n":2}]',
      '[{"type":"end","n":2},{"type":"ask","n":1}]')
  end)

  it("pairs elements without a name by their places, and keeps the length and the nulls of its lists", function()
    expect_laid('[{"x":1},{"x":2}]', '[{"y":1}]', '[{"x":1,"y":1},{"x":2}]')
    expect_laid("[1]", "[2,3]", "[1]")
    expect_laid("[null,2]", "[1,1]", "[null,2]")
    expect_laid("[]", "[1]", "[]")
  end)

  it("changes neither of the two, and passes secrets on", function()
    local upper, lower = { a = { key = secret "hush" } }, { a = { b = 1 } }
    local whole = overlay.apply(upper, lower)
    expect.equal({ whole.a.b, getmetatable(whole.a.key) }, { 1, "secret" })
    expect.equal({ upper.a.b, lower.a.key }, {})
  end)
end)

-- Random mappings that share some of their keys, and some elements' names.
local function random_pair(seed)
  local value, random = random_value.generator(seed)
  local function with_list(map)
    map.tools = json.array {}
    for index = 1, random(0, 4) do
      map.tools[index] = random_value.map(random)
      if random(1, 3) > 1 then map.tools[index].name = "tool" .. random(1, 3) end
    end
    map.extra = value()
    return map
  end
  return with_list(random_value.map(random)), with_list(random_value.map(random))
end

local function is_same(a, b)
  return #diff.compare(a, b, { exact = true }) == 0
end

-- True when all fields of a mapping that the upper one does not name, down to where it names something, are kept.
local function keeps_rest(upper, lower, whole)
  for key, value in pairs(lower) do
    if upper[key] == nil and not is_same(whole[key], value) then return false end
  end
  return true
end

describe("any value laid over any other", function()
  it("is found there, changes nothing else, and changes nothing the second time", function()
    for seed = 1, 500 do
      local upper, lower = random_pair(seed)
      local whole = overlay.apply(upper, lower)
      local found = {
        named = #diff.compare(upper, whole) == 0,
        kept = keeps_rest(upper, lower, whole),
        settled = is_same(overlay.apply(upper, whole), whole),
        exact = is_same(overlay.apply(upper, lower, true), upper),
      }
      expect.equal({ seed = seed, found = found },
        { seed = seed, found = { named = true, kept = true, settled = true, exact = true } })
    end
  end)
end)
