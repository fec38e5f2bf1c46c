local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

local function decode(text)
  return (yaml.decode(text, { name = "file.yaml" }))
end

describe("scalars", function()
  it("follow the core schema of YAML 1.2", function()
    local cases = {
      { "no", "no" }, { "yes", "yes" }, { "on", "on" }, { "y", "y" },
      { "true", true }, { "True", true }, { "TRUE", true }, { "tRUE", "tRUE" },
      { "false", false }, { "False", false }, { "FALSE", false },
      { "null", json.null }, { "Null", json.null }, { "NULL", json.null }, { "~", json.null },
      { "", json.null }, { "nULL", "nULL" },
      { "0", 0 }, { "-0", 0 }, { "+12", 12 }, { "-12", -12 }, { "010", 10 }, { "0o17", 15 },
      { "0x1F", 31 }, { "0xg", "0xg" }, { "0o8", "0o8" }, { "-0x1", "-0x1" }, { "1_000", "1_000" },
      { "9223372036854775807", math.maxinteger }, { "-9223372036854775808", math.mininteger },
      { "0x7fffffffffffffff", math.maxinteger }, { "0x8000000000000000", json.number "9223372036854775808" },
      { "0o17777777777777777777777", json.number "147573952589676412927" }, { "0x" .. ("0"):rep(60) .. "1", 1 },
      { "0x" .. ("F"):rep(600), "0x" .. ("F"):rep(600) },
      { "1.", 1.0 }, { ".5", 0.5 }, { "-.5", -0.5 }, { "1e3", 1000.0 }, { "1.5E-2", 0.015 },
      { ".", "." }, { "e3", "e3" }, { "1e", "1e" }, { "+", "+" }, { "1.2.3", "1.2.3" },
      { "12:30", "12:30" }, { "2024-01-01", "2024-01-01" }, { "+15551234567", 15551234567 },
      { ".inf", math.huge }, { "-.INF", -math.huge },
    }
    for _, case in ipairs(cases) do
      local value = decode("v: " .. case[1]).v
      expect.equal({ case[1], value, math.type(value) }, { case[1], case[2], math.type(case[2]) })
    end
  end)

  it("reads .nan as a number that differs from itself", function()
    local value = decode("v: .nan").v
    expect.truthy(value ~= value)
  end)

  it("keeps the digits of integers beyond int64", function()
    expect.equal(tostring(decode("v: 12345678901234567890").v), "12345678901234567890")
    expect.equal(json.encode(decode("v: -0012345678901234567890")), '{"v":-12345678901234567890}')
  end)

  it("takes quoted, literal and folded text as strings", function()
    expect.equal(decode([[v: "1"]]).v, "1")
    expect.equal(decode([[v: 'null']]).v, "null")
    expect.equal(decode("v: |\n  a\n  b\n").v, "a\nb\n")
    expect.equal(decode("v: >-\n  a\n  b\n").v, "a b")
    expect.equal(decode([[v: "é\u0000\U0001F600"]]).v, "é\0😀")
  end)

  it("hold no line break of YAML 1.1 but by its escape", function()
    expect.equal(decode [[v: "a\N\L\Pb"]].v, "a\u{85}\u{2028}\u{2029}b")
    expect.raises(function() decode "a: 1\nv: |\n  ü\u{2028}  x\n" end,
      [[file.yaml:3:4: the character U+2028 (line separator) must be written as \L in double quotes]])
    expect.raises(function() decode "v: a\u{85}b" end, "U+0085")
    expect.raises(function() decode "v: 'a \u{2029} b'" end, "U+2029")
  end)

  it("honours the standard tags", function()
    expect.equal(decode("v: !!str 1").v, "1")
    expect.equal(decode("v: ! 1").v, "1")
    expect.equal(decode("v: !!int '7'").v, 7)
    expect.equal(math.type(decode("v: !!float 7").v), "float")
    expect.equal(decode("v: !!bool 'true'").v, true)
    expect.equal(decode("v: !!null ''").v, json.null)
    expect.raises(function() decode("v: !!int seven") end, "file.yaml:1:4: the tag !!int does not fit")
    expect.equal(decode("v: !!binary |\n  aGVs\n  bG8=\n").v, "aGVsbG8=")
    expect.equal(decode("v: !!set {a, b}").v, { a = json.null, b = json.null })
    expect.equal(decode("&k a: 1\nb: *k\n"), { a = 1, b = "a" })
    for _, text in ipairs { "aGk", "aGk=a===", "a.k=", "'{}=='" } do
      expect.raises(function() decode("v: !!binary " .. text) end, "!!binary does not fit")
    end
    expect.raises(function() decode("v: !!set {a: 1}") end, "file.yaml:1:4: a !!set holds keys without values")
    expect.raises(function() decode("v: !!map []") end, "!!map does not fit a list")
  end)
end)

describe("containers", function()
  it("are what the JSON codec makes", function()
    local text = "a: []\nb: {}\nc: [1, two, ~]\nd: {e: {f: [[]]}}\n"
    expect.equal(json.encode(decode(text)), '{"a":[],"b":{},"c":[1,"two",null],"d":{"e":{"f":[[]]}}}')
  end)

  it("use the text of scalar keys as it is", function()
    expect.equal(decode("1: a\ntrue: b\n'null': c\n'<<': d\n"),
      { ["1"] = "a", ["true"] = "b", ["null"] = "c", ["<<"] = "d" })
  end)

  it("refuse keys that are not scalars, and repeated keys", function()
    expect.raises(function() decode("? [a]\n: 1\n") end, "file.yaml:1:3: a key must be plain text")
    expect.raises(function() decode("!t a: 1\n") end, "cannot carry the tag !t")
    expect.raises(function() decode("a: 1\nb: 2\na: 3\n") end,
      'file.yaml:3:1: the key "a" is already given in line 1')
  end)

  it("read an empty stream as null and refuse a second document", function()
    expect.equal(decode(""), json.null)
    expect.equal(decode("# nothing\n"), json.null)
    expect.equal(decode("---\na: 1\n...\n"), { a = 1 })
    expect.raises(function() decode("a: 1\n---\nb: 2\n") end, "file.yaml:2:1: expected one document")
  end)

  it("skip a byte order mark", function()
    expect.equal(decode("\xEF\xBB\xBFa: 1"), { a = 1 })
  end)
end)

describe("own tags", function()
  it("wrap scalars as their text, and containers", function()
    local value = decode("a: !file prompts/x.md\nb: !env NULL\nc: !list [1]\nd: !map {e: 1}\n")
    expect.equal({ value.a.tag, value.a.value }, { "!file", "prompts/x.md" })
    expect.equal(value.b.value, "NULL")
    expect.equal(value.c.value, json.array { 1 })
    expect.equal(value.d.value, { e = 1 })
    expect.equal(yaml.is_tag(value.d), "!map")
  end)

  it("can be made and recognised", function()
    expect.equal(yaml.is_tag(yaml.tag("!file", "x")), "!file")
    for _, other in ipairs { {}, json.array {}, "!file", 1 } do expect.falsy(yaml.is_tag(other)) end
  end)
end)

describe("aliases", function()
  it("are copies", function()
    local value = decode("a: &x {n: [1]}\nb: *x\n")
    expect.equal(value.b, { n = json.array { 1 } })
    expect.truthy(value.a ~= value.b and value.a.n ~= value.b.n)
    expect.truthy(json.is_array(value.b.n))
    expect.equal(decode("[&s text, *s, &f false, *f, &t !env X, *t]")[6].tag, "!env")
  end)

  it("are refused when unknown or inside what they name", function()
    expect.raises(function() decode("a: *x") end, "file.yaml:1:4: there is no anchor &x")
    expect.raises(function() decode("a: &x [1, *x]") end, "file.yaml:1:11: the alias *x is inside")
  end)

  it("cannot be piled up to a bomb", function()
    local lines = { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" }
    for i = 1, 9 do
      lines[i + 1] = ("a%d: &a%d [%s]"):format(i, i, (("*a" .. i - 1 .. ", "):rep(10):sub(1, -3)))
    end
    expect.raises(function() decode(table.concat(lines, "\n")) end, "aliases expand to more than 100000 values")
  end)

  it("cannot be piled up beyond the depth limit", function()
    local function nested(text) return ("["):rep(300) .. text .. ("]"):rep(300) end
    local text = "a: &a " .. nested("x") .. "\nb: " .. nested("*a")
    expect.raises(function() decode(text) end, "nested deeper than 512 levels")
  end)
end)

-- The merge of what mappings say, told in plain Lua: what the mapping itself says, then the earlier of the others.
local function merged(own, others)
  local result = {}
  for index = #others, 1, -1 do
    for key, value in pairs(others[index]) do result[key] = value end
  end
  for key, value in pairs(own) do result[key] = value end
  return result
end

describe("merge keys", function()
  it("take entries from mappings, the mapping's own and the earlier ones winning, wherever the key stands", function()
    math.randomseed(11)
    local names = { "a", "b", "c", "d", "e" }
    local function mapping(label)
      local map, words = {}, {}
      for _, name in ipairs(names) do
        if math.random(2) == 1 then
          map[name] = label .. name
          words[#words + 1] = ("%s: %s"):format(name, map[name])
        end
      end
      return map, words
    end
    for _ = 1, 300 do
      local lines, others, aliases = {}, {}, {}
      for index = 1, math.random(3) do
        local map, words = mapping("m" .. index)
        others[index], aliases[index] = map, "*m" .. index
        lines[index] = ("m%d: &m%d {%s}"):format(index, index, table.concat(words, ", "))
      end
      local own, words = mapping("own")
      local merge = #others == 1 and math.random(2) == 1 and aliases[1] or "[" .. table.concat(aliases, ", ") .. "]"
      table.insert(words, math.random(#words + 1), "<<: " .. merge)
      lines[#lines + 1] = "own:\n  " .. table.concat(words, "\n  ")
      expect.equal(decode(table.concat(lines, "\n") .. "\n").own, merged(own, others))
    end
  end)

  it("keep the kinds, tags and places of what they take", function()
    local value, positions = yaml.decode("base: &b\n  t: !file x.md\n  l: [1]\n  n: null\nuse:\n  <<: *b\n  own: 1\n")
    expect.equal({ value.use.t.tag, value.use.l, value.use.n }, { "!file", json.array { 1 }, json.null })
    expect.truthy(value.use.l ~= value.base.l)
    expect.equal(positions[value.use].t, { line = 2, column = 3 })
    expect.equal(positions[value.use.t][0], { line = 2, column = 6 })
    expect.equal(positions[value.use].own, { line = 7, column = 3 })
  end)

  it("may be nested, and merge what is written in place", function()
    expect.equal(decode("a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n").c, { x = 1, y = 2, z = 3 })
    expect.equal(decode("c: {<<: {x: 1}}\n").c, { x = 1 })
    expect.equal(decode("c: {!!merge <<: {x: 1}}\n").c, { x = 1 })
    expect.equal(decode("c: {<<: []}\n").c, {})
  end)

  it("are refused for anything but mappings, and twice", function()
    for _, value in ipairs { "d", "", "[1]", "[[{a: 1}]]", "!file x", "[!file x]", "{a: 1}, <<: {b: 1}" } do
      expect.raises(function() decode("v: {<<: " .. value .. "}\n") end, "file.yaml:1:")
    end
    expect.raises(function() decode("v:\n  <<: d\n") end, "file.yaml:2:7: the key << takes a mapping")
    expect.raises(function() decode("v: {<<: {a: 1}, <<: {b: 1}}") end, 'the key "<<" is already given in line 1')
    expect.raises(function() decode("v: {<<: {a: 1, a: 2}}") end, 'the key "a" is already given')
    expect.raises(function() decode("v: &x {<<: *x}") end, "the alias *x is inside the value that it names")
  end)
end)

describe("events", function()
  -- "kind style value <text>" of each event.
  local function events(text)
    local list = {}
    for index, event in ipairs(yaml.events(text)) do
      local words = { event.kind }
      for _, word in pairs { event.style or false, event.value or false } do words[#words + 1] = word or nil end
      list[index] = ("%s <%s>"):format(table.concat(words, " "), text:sub(event.first, event.last))
    end
    return list
  end

  it("tell what stands where, in bytes", function()
    expect.equal(events "é: 'ü' # c\nb: |\n  x\nc: [*a, ]\nd:\n", {
      "map block <>", "scalar plain é <é>", "scalar single ü <'ü'>", "scalar plain b <b>",
      "scalar literal x\n <|\n  x\n>", "scalar plain c <c>", "list flow <[>", "alias a <*a>", "end <]>",
      "scalar plain d <d>", "scalar plain  <>", "end <>",
    })
  end)

  it("count a byte order mark, and tell tags and anchors", function()
    local list = yaml.events "\u{FEFF}&a !file x\n"
    expect.equal({ #list, list[1].first, list[1].last, list[1].anchor, list[1].tag },
      { 1, 4, 13, "a", "!file" })
    expect.equal(yaml.events "# nothing\n", {})
  end)

  it("are refused for what is no YAML", function()
    expect.raises(function() yaml.events "a: [" end, "line 2: did not find")
  end)
end)

describe("positions", function()
  it("tell where keys, elements and containers stand", function()
    local value, positions = yaml.decode("a: 1\nb:\n  - x\n  - c: !file y\n")
    expect.equal(positions[value], {
      [0] = { line = 1, column = 1 }, a = { line = 1, column = 1 }, b = { line = 2, column = 1 },
    })
    expect.equal(positions[value.b][2], { line = 4, column = 5 })
    expect.equal(positions[value.b[2]].c, { line = 4, column = 5 })
    expect.equal(positions[value.b[2].c][0], { line = 4, column = 8 })
  end)

  it("of an alias are those of what it stands for", function()
    local value, positions = yaml.decode("a: &x {k: 1}\nb: *x\n")
    expect.equal(positions[value.b].k, { line = 1, column = 8 })
  end)
end)

describe("the spelling of plain scalars", function()
  it("is told on request, with where they begin and end", function()
    local text = "a: 007 #x\nb: ['1', yes]\nc: |\n  x\nd: !t x\ne:\n"
    local value, _, plain = yaml.decode(text, { plain = true })
    expect.equal(plain[value], {
      a = { text = "007", line = 1, column = 4, end_line = 1, end_column = 7 },
      e = { text = "", line = 6, column = 3, end_line = 6, end_column = 3 },
    })
    expect.equal(plain[value.b][2].text, "yes")
    expect.equal(#{ yaml.decode(text) }, 2)
  end)
end)

describe("errors", function()
  it("name the file, the line and the column", function()
    expect.raises(function() decode("a: 1\n b: 2\n") end, "file.yaml:2:3: mapping values are not allowed")
    expect.raises(function() decode("a: [1, 2\n") end, "file.yaml:2:1: ")
    expect.raises(function() decode("a: 'x\n") end, "while scanning a quoted scalar, line 1")
    expect.raises(function() decode("é: 1\nb: \xff\n") end, "file.yaml:2:4: invalid")
    expect.raises(function() decode("a: \0") end, "file.yaml:1:4: control characters")
    expect.raises(function() yaml.decode("[") end, "YAML:")
  end)

  it("bound the depth", function()
    expect.raises(function() decode(("["):rep(100000)) end, "nested deeper than 512 levels")
    expect.raises(function() decode(("a: {"):rep(600)) end)
    expect.truthy(decode(("["):rep(512) .. ("]"):rep(512)))
  end)

  it("come from misuse at once", function()
    expect.raises(function() yaml.decode() end, "bad argument")
    expect.raises(function() yaml.decode("a", "name") end, "bad argument")
    expect.raises(function() yaml.tag("x") end, "bad argument")
  end)
end)
