-- The lossless JSON codec: what is decoded and encoded again is the same document.

local json = require "anyreach.json"
local secret = require "anyreach.secret"

local CONFORMANCE = "../shared/conformance/json/test_parsing"

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function list_files(directory)
  local names = {}
  local listing = io.popen("ls " .. directory .. " 2>/dev/null")
  for name in listing:lines() do names[#names + 1] = name end
  listing:close()
  return names
end

local function decode_error(text)
  return expect.raises(function() json.decode(text) end)
end

local function encode_error(value, part)
  return expect.raises(function() json.encode(value) end, part)
end

describe("decode", function()
  it("passes every case of JSONTestSuite", function()
    local names = list_files(CONFORMANCE)
    if #names == 0 then skip("no " .. CONFORMANCE) end
    local wrong = {}
    for _, name in ipairs(names) do
      local accepted, result = pcall(json.decode, read_file(CONFORMANCE .. "/" .. name))
      local kind = name:sub(1, 1)
      if (kind == "y" and not accepted) or (kind == "n" and accepted) then wrong[#wrong + 1] = name end
      if accepted then expect.equal(json.decode(json.encode(result)), result) end
    end
    expect.equal(wrong, {})
    expect.equal(#names, 318)
  end)

  it("tells integers, floats and number objects apart", function()
    expect.equal(math.type(json.decode("1")), "integer")
    expect.equal(json.decode("-9223372036854775808"), math.mininteger)
    expect.equal(json.decode("9223372036854775807"), math.maxinteger)
    expect.equal(math.type(json.decode("1.0")), "float")
    expect.equal(math.type(json.decode("1e2")), "float")
    expect.equal(1 / json.decode("-0"), -math.huge)
    for _, text in ipairs { "9223372036854775808", "-9223372036854775809", "1e400", "-1E400", "1e-400" } do
      local number = json.decode(text)
      expect.truthy(json.is_number(number))
      expect.equal(tostring(number), text)
      expect.equal(json.encode(number), text)
    end
    expect.falsy(json.is_number(1))
  end)

  it("marks arrays, and only arrays", function()
    expect.truthy(json.is_array(json.decode("[]")))
    expect.truthy(json.is_array(json.decode('{"a":[1]}').a))
    expect.falsy(json.is_array(json.decode("{}")))
    expect.falsy(json.is_array("[]"))
  end)

  it("lets the last of equal keys win, in small objects and large ones", function()
    expect.equal(json.decode('{"a":1,"b":2,"a":3}'), { a = 3, b = 2 })
    local members = {}
    for i = 1, 100 do members[i] = ('"k%d":%d'):format(i % 40, i) end
    local object = json.decode("{" .. table.concat(members, ",") .. "}")
    expect.equal(object.k20, 100)
    expect.equal(object.k21, 61)
  end)

  it("reads arrays of any length in order", function()
    for _, length in ipairs { 0, 1, 31, 32, 33, 64, 65, 1000 } do
      local items = {}
      for i = 1, length do items[i] = i end
      local array = json.decode("[" .. table.concat(items, ",") .. "]")
      expect.equal(#array, length)
      for i = 1, length do expect.equal(array[i], i) end
    end
  end)

  it("reads every escape and joins surrogates", function()
    expect.equal(json.decode([["\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\uD83D\uDE00\u0000"]]),
      "\"\\/\b\f\n\r\tAé€😀\0")
    expect.equal(json.decode('"' .. ("plain ünïcödé "):rep(100) .. '\\n"'),
      ("plain ünïcödé "):rep(100) .. "\n")
  end)

  it("says where the text goes wrong, and what was expected there", function()
    for _, case in ipairs {
      { "", "line 1, column 1 (byte 1): the text is empty" },
      { " \n ", "line 2, column 2 (byte 4): expected a JSON value, got the end of the text" },
      { "\xEF\xBB\xBF{}", "byte order mark" },
      { '{"a": 1,\n "b": 2]', "line 2, column 8 (byte 17): expected ',' or '}' after a value, got ']'" },
      { "[1 2]", "line 1, column 4 (byte 4): expected ',' or ']' after a value, got '2'" },
      { "[1,]", "expected a JSON value, got ']'" },
      { '{"é" 1}', "line 1, column 6 (byte 7): expected ':' after a key, got '1'" },
      { '{"a":1,}', "expected a key in double quotes after ',', got '}'" },
      { "{a:1}", "expected a key in double quotes or '}', got 'a'" },
      { "trux", "column 4 (byte 4): expected 'true', got 'x'" },
      { "01", "no digit after a leading 0" },
      { "-", "expected a digit, got the end of the text" },
      { "1.", "a digit after '.'" },
      { "1e", "a digit in the exponent" },
      { '"abc', "expected '\"' at the end of a string, got the end of the text" },
      { '"a\nb"', "a control character in a string must be escaped, got byte 0x0A" },
      { [["\x"]], "after a backslash, got 'x'" },
      { [["\u12G4"]], "four hexadecimal digits" },
      { [["\uD800\u12G4"]], "column 8 (byte 8): expected four hexadecimal digits after '\\u'" },
      { '"\xC0\x80"', "a string must be valid UTF-8, got byte 0xC0" },
      { '"\xED\xA0\x80"', "valid UTF-8, got byte 0xED" },
      { '"\xF4\x90\x80\x80"', "valid UTF-8, got byte 0xF4" },
      { "{} {}", "expected nothing after the value, got '{'" },
      { "[\0]", "got byte 0x00" },
      { "\xC2\x9B", "got byte 0xC2" },
    } do
      expect.contains(decode_error(case[1]), case[2])
    end
  end)

  it("refuses what is nested too deep, and nothing less", function()
    local function nested(depth) return ("["):rep(depth) .. ("]"):rep(depth) end
    expect.equal(json.encode(json.decode(nested(512))), nested(512))
    expect.contains(decode_error(nested(513)), "nested deeper than 512 levels")
    expect.contains(decode_error(('{"a":'):rep(100000)), "nested deeper than 512 levels")
  end)

  it("takes text only", function()
    expect.raises(function() json.decode(nil) end, "string expected")
    expect.raises(function() json.decode(12) end, "string expected")
  end)
end)

describe("encode", function()
  it("gives back every document value by value", function()
    for _, text in ipairs {
      "[]", "{}", "null", "true", "false", "0", "-0.0", "0.1", "1.0", "100.0", "1e300", "5e-324",
      "9007199254740993", "9223372036854775807", "12345678901234567890", "1e400", '""',
      '"é\\u0000"', '"a/b"', '"\\"\\\\\\b\\f\\n\\r\\t\\u001f\127"',
      '{"a":[],"b":{},"c":[[],{}],"d":null}', "[null,[null],{\"a\":null}]",
    } do
      expect.equal(json.encode(json.decode(text)), text)
    end
  end)

  it("sorts keys by bytes, in small objects and large ones", function()
    expect.equal(json.encode { b = 1, a = 2, B = 3, aa = 4, [""] = 5, ["é"] = 6 },
      '{"":5,"B":3,"a":2,"aa":4,"b":1,"é":6}')
    for _, count in ipairs { 24, 25, 300 } do
      local object, members = {}, {}
      for i = 1, count do
        object[("k%03d"):format(i)] = { i }
        members[i] = ('"k%03d":[%d]'):format(i, i)
      end
      expect.equal(json.encode(object), "{" .. table.concat(members, ",") .. "}")
    end
  end)

  it("tells arrays and objects apart by mark, else by keys", function()
    expect.equal(json.encode {}, "{}")
    expect.equal(json.encode(json.array {}), "[]")
    expect.equal(json.encode(json.array()), "[]")
    expect.equal(json.encode { 1, 2 }, "[1,2]")
    expect.equal(json.encode { [1] = "a" }, '["a"]')
    expect.equal(json.encode { ["1"] = "a" }, '{"1":"a"}')
  end)

  it("refuses tables that are neither, naming path and key", function()
    encode_error({ a = { 1, 2, b = 3 } }, 'cannot encode a as JSON: an array has the key "b"')
    encode_error({ a = json.array { b = 3 } }, 'cannot encode a as JSON: an array has the key "b"')
    encode_error({ [3] = 1 }, "cannot encode the value as JSON: an array has an element 3 but none 1")
    encode_error({ { 1, [3] = 1 } }, "cannot encode [1] as JSON: an array has an element 3 but none 2")
    encode_error(json.array { 1, nil, 3 }, "use anyreach.null")
    encode_error({ [1.5] = 1 }, "an array has the key [1.5]")
    encode_error({ [0] = 1 }, "an array has the key [0]")
    encode_error({ [true] = 1 }, "an array has the key of type boolean")
    encode_error({ [{}] = 1 }, "an array has the key of type table")
    encode_error(nil, "nil has no JSON form")
  end)

  it("names the path of what has no JSON form", function()
    encode_error({ tools = { { name = "x" }, { run = print } } },
      "cannot encode tools[2].run as JSON: a function has no JSON form")
    encode_error({ ["a b"] = { ["é\n"] = io.stdout } },
      [[cannot encode ["a b"]["é\x0A"] as JSON: a userdata has no JSON form]])
    encode_error({ coroutine.create(print) }, "cannot encode [1] as JSON: a thread has no JSON form")
    encode_error({ x = 0 / 0 }, "cannot encode x as JSON: not a number")
    encode_error({ x = -math.huge }, "cannot encode x as JSON: infinity")
    encode_error({ x = "ab\xFF" }, "cannot encode x as JSON: the string is not valid UTF-8 at byte 3")
    encode_error({ x = { ["\xFF"] = 1 } }, [[cannot encode x["\xFF"] as JSON: the key is not valid UTF-8 at byte 1]])
  end)

  it("stops at a cycle with a short path", function()
    local cycle = {}
    cycle.again = { cycle }
    local message = encode_error(cycle, "nested deeper than 512 levels")
    expect.contains(message, "again[1].again[1]")
    expect.truthy(#message < 300)
  end)

  it("runs no metamethod", function()
    local function fail() error("a metamethod ran") end
    local value = setmetatable({ a = 1 }, { __index = fail, __pairs = fail, __len = fail, __tostring = fail })
    expect.equal(json.encode(value), '{"a":1}')
  end)

  it("survives weak tables that are collected meanwhile", function()
    local weak, expected = setmetatable({}, { __mode = "kv" }), {}
    for i = 1, 300 do
      weak["key" .. i] = { ("x"):rep(i) }
      expected["key" .. i] = weak["key" .. i]
    end
    expect.equal(json.decode(json.encode(weak)), expected)
    expected = nil -- luacheck: ignore
    collectgarbage("incremental", 10, 1000)
    for _ = 1, 50 do expect.truthy(json.encode(weak)) end
    collectgarbage("incremental", 200, 100)
  end)

  it("indents", function()
    expect.equal(json.encode({ b = { 1, {} }, a = json.array() }, { indent = 2 }),
      '{\n  "a": [],\n  "b": [\n    1,\n    {}\n  ]\n}')
    local deep = json.decode(("["):rep(40) .. "1" .. ("]"):rep(40))
    expect.contains(json.encode(deep, { indent = 3 }), "\n" .. (" "):rep(120) .. "1\n")
    expect.equal(json.decode(json.encode(deep, { indent = 1 })), deep)
  end)

  it("refuses wrong options", function()
    expect.raises(function() json.encode(1, { indnet = 2 }) end, "unknown option 'indnet'")
    expect.raises(function() json.encode(1, { indent = -1 }) end, "indent is a number of spaces")
    expect.raises(function() json.encode(1, { indent = 1000 }) end, "indent is a number of spaces")
    expect.raises(function() json.encode(1, { redact = "yes" }) end, "redact is true or false")
    expect.raises(function() json.encode() end, "value expected")
  end)

  it("refuses a secret, or writes it redacted", function()
    local value = { token = secret "ak_123" }
    local message = encode_error(value, "cannot encode token as JSON: a secret may not be written here")
    expect.falsy(message:find("ak_123", 1, true))
    expect.equal(json.encode(value, { redact = true }), '{"token":"[secret]"}')
    encode_error({ [secret "ak_123"] = 1 }, "an array has the key of type userdata")
  end)
end)

describe("number objects", function()
  it("calculate and compare as floats", function()
    local big = json.decode("12345678901234567890")
    expect.equal(big + 1, 12345678901234567890.0 + 1)
    expect.equal(2 * big, 24691357802469135780.0)
    expect.equal(-big, -12345678901234567890.0)
    expect.equal(big // 1e19, 1.0)
    expect.truthy(big > 1)
    expect.truthy(1 <= big)
    expect.truthy(json.number("1e400") > big)
    expect.equal(json.number("1e-400") + 1, 1.0)
    expect.raises(function() return big + {} end, "number expected")
  end)

  it("are equal by their digits", function()
    expect.truthy(json.number("1e400") == json.decode("1e400"))
    expect.falsy(json.number("1e400") == json.number("10e399"))
    expect.falsy(json.number("1e400") == math.huge)
  end)

  it("are made of JSON numbers only", function()
    expect.equal(json.number("12"), 12)
    expect.equal(json.number("-1.5"), -1.5)
    for _, text in ipairs { "", "0x10", "1 ", "nan", "01", "+1" } do
      expect.raises(function() json.number(text) end, "not a JSON number")
    end
  end)
end)

describe("array", function()
  it("marks the table itself", function()
    local table = { 1 }
    expect.truthy(json.array(table) == table)
    expect.truthy(json.array(json.array(table)) == table)
  end)

  it("refuses what cannot be marked", function()
    expect.raises(function() json.array("x") end, "table expected")
    expect.raises(function() json.array(setmetatable({}, {})) end, "another metatable")
  end)
end)

describe("equal", function()
  it("compares by value", function()
    for _, pair in ipairs {
      { 1, 1.0 }, { {}, json.array() }, { { 1 }, json.array { 1 } }, { json.null, json.null },
      { { a = { b = { 1, "x" } } }, { a = { b = { 1, "x" } } } }, { secret "a", "a" },
      { secret "a", secret "a" }, { json.number("1e400"), json.number("1e400") },
    } do
      expect.truthy(json.equal(pair[1], pair[2]))
      expect.truthy(json.equal(pair[2], pair[1]))
    end
    for _, pair in ipairs {
      { 1, "1" }, { 1, 2 }, { {}, { 1 } }, { { 1 }, { a = 1 } }, { json.null, false }, { nil, json.null },
      { { a = 1 }, { a = 1, b = 2 } }, { { 1, 2 }, { 1, 3 } }, { secret "a", "b" }, { {}, "" },
      { 9007199254740993, 9007199254740992.0 }, { json.number("1e400"), math.huge },
    } do
      expect.falsy(json.equal(pair[1], pair[2]))
      expect.falsy(json.equal(pair[2], pair[1]))
    end
  end)

  it("ends on cycles", function()
    local a, b = {}, {}
    a[1], b[1] = a, b
    expect.truthy(json.equal(a, a))
    expect.raises(function() json.equal(a, b) end, "nested deeper than 512 levels")
  end)
end)
