-- Our codec held against lua-cjson, which scripts get from `require "cjson"`. Each row says what the
-- two make of a text, so that a change of lua-cjson is seen. They must agree wherever it is right.

local json = require "anyreach.json"
local loaded, cjson = pcall(require, "cjson")

local REFUSED = "refused"

-- Decoded and encoded again.
local ROUND_TRIPS = {
  { text = "[]", ours = "[]", theirs = "{}" },
  { text = "{}", ours = "{}", theirs = "{}" },
  { text = '{"a":[]}', ours = '{"a":[]}', theirs = '{"a":{}}' },
  { text = "[1,true,null]", ours = "[1,true,null]", theirs = "[1,true,null]" },
  { text = "1", ours = "1", theirs = "1" },
  { text = "1.0", ours = "1.0", theirs = "1" },
  { text = "0.1", ours = "0.1", theirs = "0.1" },
  { text = "-0", ours = "-0.0", theirs = "-0" },
  { text = "0.30000000000000004", ours = "0.30000000000000004", theirs = "0.3" },
  { text = "1700000000123456", ours = "1700000000123456", theirs = "1.7000000001235e+15" },
  { text = "9007199254740993", ours = "9007199254740993", theirs = "9.007199254741e+15" },
  { text = "12345678901234567890", ours = "12345678901234567890", theirs = "1.2345678901235e+19" },
  { text = "1e400", ours = "1e400", theirs = REFUSED },
  { text = '"a/b"', ours = '"a/b"', theirs = [["a\/b"]] },
  { text = '"\127"', ours = '"\127"', theirs = [["\u007f"]] },
  { text = [["\u0000\n"]], ours = [["\u0000\n"]], theirs = [["\u0000\n"]] },
  { text = [["\u00e9\ud83d\ude00"]], ours = '"é😀"', theirs = '"é😀"' },
  { text = '{"a":1,"a":2}', ours = '{"a":2}', theirs = '{"a":2}' },
  { text = '"\xFF"', ours = REFUSED, theirs = '"\xFF"' },
  { text = '"a\nb"', ours = REFUSED, theirs = [["a\nb"]] },
  { text = "010", ours = REFUSED, theirs = "10" },
  { text = "0x10", ours = REFUSED, theirs = "16" },
  { text = "NaN", ours = REFUSED, theirs = REFUSED },
  { text = "[1,]", ours = REFUSED, theirs = REFUSED },
  { text = "{'a':1}", ours = REFUSED, theirs = REFUSED },
  { text = "[1] x", ours = REFUSED, theirs = REFUSED },
}

-- Encoded only.
local ENCODINGS = {
  { name = "an empty table", value = {}, ours = "{}", theirs = "{}" },
  { name = "a sequence", value = { 1, 2 }, ours = "[1,2]", theirs = "[1,2]" },
  { name = "a hole", value = { [1] = 1, [3] = 3 }, ours = REFUSED, theirs = "[1,null,3]" },
  { name = "a sparse table", value = { [1] = 1, [100] = 2 }, ours = REFUSED, theirs = REFUSED },
  { name = "mixed keys", value = { 1, a = 3 }, ours = REFUSED, theirs = { '{"1":1,"a":3}', '{"a":3,"1":1}' } },
  { name = "a large integer", value = 1234567890123456, ours = "1234567890123456", theirs = "1.2345678901235e+15" },
  { name = "a NaN", value = 0 / 0, ours = REFUSED, theirs = REFUSED },
  { name = "a function", value = print, ours = REFUSED, theirs = REFUSED },
}

local function round_trip(codec, text)
  local ok, result = pcall(function() return codec.encode(codec.decode(text)) end)
  return ok and result or REFUSED
end

local function encode(codec, value)
  local ok, result = pcall(codec.encode, value)
  return ok and result or REFUSED
end

local function expect_one_of(actual, expected)
  if type(expected) ~= "table" then return expect.equal(actual, expected) end
  for _, text in ipairs(expected) do
    if actual == text then return end
  end
  expect.equal(actual, expected[1])
end

describe("beside lua-cjson", function()
  for _, row in ipairs(ROUND_TRIPS) do
    it(("reads and writes %q"):format(row.text), function()
      expect.equal(round_trip(json, row.text), row.ours)
      if not loaded then skip("lua-cjson is not linked in") end
      expect.equal(round_trip(cjson, row.text), row.theirs)
    end)
  end

  for _, row in ipairs(ENCODINGS) do
    it("writes " .. row.name, function()
      expect.equal(encode(json, row.value), row.ours)
      if not loaded then skip("lua-cjson is not linked in") end
      expect_one_of(encode(cjson, row.value), row.theirs)
    end)
  end

  it("decodes integers as integers, where lua-cjson gives floats", function()
    expect.equal(math.type(json.decode("1")), "integer")
    if not loaded then skip("lua-cjson is not linked in") end
    expect.equal(math.type(cjson.decode("1")), "float")
  end)

  it("shares its null", function()
    if not loaded then skip("lua-cjson is not linked in") end
    expect.truthy(json.null == cjson.null)
    expect.equal(json.encode { cjson.null }, "[null]")
  end)
end)
