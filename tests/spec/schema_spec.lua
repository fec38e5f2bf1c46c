-- Checking values by JSON Schema: what problems say, and what schemas may not do. That each keyword does
-- what the draft says is shown by schema_conformance_spec.lua.

local anyreach = require "anyreach"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local pattern = require "anyreach.schema.pattern"
local reference = require "anyreach.yaml.reference"
local schema = require "anyreach.schema"
local secret = require "anyreach.secret"

-- The problems of a value, both given as JSON text, as lines "path: message".
local function problems(value, wanted, options)
  local lines = {}
  for index, problem in ipairs(schema.validate(json.decode(value), json.decode(wanted), options)) do
    lines[index] = problem.path .. ": " .. problem.message
  end
  return lines
end

local function refusal(wanted, options)
  local err = expect.raises(function() schema.compile(json.decode(wanted), options) end)
  expect.truthy(errors.is_error(err))
  expect.equal(err.kind, "input")
  return tostring(err)
end

-- As pydantic writes a union of models with a discriminator, and an optional field.
local PYDANTIC = [[{
  "$defs": {
    "Hangup": {
      "type": "object", "required": ["type"], "additionalProperties": false, "title": "Hangup",
      "properties": {"type": {"const": "hangup", "type": "string"}, "reason": {"type": "string"}}
    },
    "Transfer": {
      "type": "object", "required": ["type", "transfer_number"], "title": "Transfer",
      "properties": {
        "type": {"const": "cold_transfer", "type": "string"},
        "transfer_number": {"type": "string", "minLength": 3},
        "timeout": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": null}
      }
    }
  },
  "type": "object",
  "properties": {
    "actions": {
      "type": "array",
      "items": {
        "oneOf": [{"$ref": "#/$defs/Hangup"}, {"$ref": "#/$defs/Transfer"}],
        "discriminator": {
          "propertyName": "type",
          "mapping": {"hangup": "#/$defs/Hangup", "cold_transfer": "#/$defs/Transfer"}
        }
      }
    },
    "mode": {"anyOf": [{"enum": ["append", "replace"], "type": "string"}, {"type": "null"}]}
  },
  "additionalProperties": false
}]]

describe("a valid value", function()
  it("has no problems", function()
    expect.equal(problems('{"actions":[{"type":"hangup"}],"mode":null}', PYDANTIC), {})
    expect.truthy(schema.compile(json.decode(PYDANTIC)):is_valid {})
  end)

  it("is known to anyreach.schema, too", function()
    expect.equal(anyreach.schema.validate("x", { type = "string" }), {})
  end)
end)

describe("problems", function()
  it("are all told at once, in the order of their paths", function()
    expect.equal(problems('{"b":[1,"x"],"a":"","d":2}', [[{
      "properties": {"a": {"minLength": 1}, "b": {"items": {"type": "string"}}, "d": {"maximum": 1}},
      "required": ["c"]
    }]]), {
      "a: expected at least 1 character, got 0",
      "b[1]: expected text, got the number 1",
      "c: required but missing",
      "d: expected at most 1, got the number 2",
    })
  end)

  it("name keyword, place in the schema, and path in the way of other messages", function()
    local found = schema.validate({ tools = json.array { { ["a.b"] = 1 } } },
      { properties = { tools = { items = { ["$ref"] = "#/$defs/T" } } },
        ["$defs"] = { T = { additionalProperties = { type = "string" } } } })
    expect.equal(#found, 1)
    expect.equal(found[1].path, 'tools[1]["a.b"]')
    expect.equal(found[1].keyword, "type")
    expect.equal(found[1].schema_path, "#/$defs/T/additionalProperties/type")
    expect.equal(found[1].place, nil)
  end)

  it("stand below the path that the value is given", function()
    local found = schema.compile { type = "object" }:validate(1, { path = "config" })
    expect.equal(found[1].path, "config")
  end)

  it("of unknown keys and choices name the nearest", function()
    expect.equal(problems('{"mode":"apend","action":[]}', PYDANTIC), {
      "action: unknown key 'action'; did you mean 'actions'?",
      'mode: expected "append", "replace" or null, got the text "apend"; did you mean \'append\'?',
    })
    expect.equal(problems('{"a":1,"b":2}',
      '{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}'), { "b: unknown key 'b'" })
  end)

  it("of many choices are cut short", function()
    local lines = problems('"z"', '{"enum":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]}')
    expect.equal(lines, { ": expected 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 or 2 others, got the text \"z\"" })
  end)

  it("of other keywords say what was expected", function()
    local cases = {
      { "5", '{"multipleOf":2}', "expected a multiple of 2, got the number 5" },
      { "5", '{"exclusiveMaximum":5}', "expected less than 5, got the number 5" },
      { '"é"', '{"minLength":2}', "expected at least 2 characters, got 1" },
      { '"x"', '{"pattern":"^y"}', 'expected text that matches ^y, got the text "x"' },
      { "[1,2,1.0]", '{"uniqueItems":true}', "the same as item 1, expected different items" },
      { "[1]", '{"contains":{"type":"string"}}', "expected at least 1 fitting item, got 0" },
      { '{"a":1}', '{"dependentRequired":{"a":["b"]}}', "required because 'a' is given, but missing" },
      { '{"A":1}', '{"propertyNames":{"pattern":"^[a-z]+$"}}',
        'the key\'s name: expected text that matches ^[a-z]+$, got the text "A"' },
      { "null", '{"type":["integer","object"]}', "expected an integer or a mapping, got null" },
      { "1", '{"not":{"type":"integer"}}', "it is what it must not be" },
      { '{"a":1}', '{"properties":{"a":false}}', "not allowed here" },
      { "1", '{"oneOf":[{"minimum":0},{"type":"integer"},false]}',
        "fits 2 of 3 alternatives, expected exactly one" },
    }
    for _, case in ipairs(cases) do
      local found = schema.validate(json.decode(case[1]), json.decode(case[2]))
      expect.equal({ case[2], #found, found[1] and found[1].message }, { case[2], 1, case[3] })
    end
  end)
end)

describe("alternatives", function()
  it("that were not meant are not told of", function()
    expect.equal(problems('{"actions":[{"type":"cold_transfer","transfer_number":"+","timeout":0}]}', PYDANTIC), {
      "actions[1].timeout: expected at least 1, got the number 0",
      "actions[1].transfer_number: expected at least 3 characters, got 1",
    })
  end)

  it("of a union are told of when its tag is unknown", function()
    expect.equal(problems('{"actions":[{"type":"hang_up"}]}', PYDANTIC), {
      'actions[1].type: expected "hangup" or "cold_transfer", got the text "hang_up"; did you mean \'hangup\'?',
    })
  end)

  it("of a union are told of when its tag is missing", function()
    expect.equal(problems('{"actions":[{"reason":"x"}]}', PYDANTIC), {
      'actions[1].type: required but missing; expected "cold_transfer" or "hangup"',
    })
  end)

  it("of several types are one expectation", function()
    expect.equal(problems('{"actions":[{"type":"cold_transfer","transfer_number":"+15","timeout":"x"}]}', PYDANTIC), {
      'actions[1].timeout: expected an integer or null, got the text "x"',
    })
  end)

  it("that would do as well are counted", function()
    expect.equal(problems("{}", '{"anyOf":[{"required":["id","version"]},{"required":["definition"]}]}'), {
      "definition: required but missing (the nearest of 2 alternatives)",
    })
  end)
end)

describe("numbers", function()
  local BIG = "123456789012345678901234567890"

  it("are exact beyond doubles", function()
    expect.equal(problems(BIG, ('{"type":"integer","maximum":%s}'):format(BIG)), {})
    expect.equal(#problems(BIG, '{"maximum":123456789012345678901234567889}'), 1)
    expect.equal(#problems("-" .. BIG, '{"minimum":0}'), 1)
    expect.equal(problems(BIG, '{"multipleOf":10}'), {})
    expect.equal(#problems(BIG, '{"multipleOf":11}'), 1)
    expect.equal(problems("1e400", '{"type":"integer","minimum":1e399,"multipleOf":1e10}'), {})
  end)

  it("are multiples as they are written", function()
    expect.equal(problems("0.3", '{"multipleOf":0.1}'), {})
    expect.equal(problems("19.99", '{"multipleOf":0.01}'), {})
    expect.equal(#problems("19.999", '{"multipleOf":0.01}'), 1)
    expect.equal(problems("1e300", '{"multipleOf":1e-300}'), {})
    expect.equal(#problems("1e300", '{"multipleOf":3}'), 1)
  end)

  it("are equal by value in const, enum and uniqueItems", function()
    expect.equal(problems("1.0", '{"const":1}'), {})
    expect.equal(problems("[1, true, 0, false, null, [], {}]", '{"uniqueItems":true}'), {})
    expect.equal(#problems(("[%s, %s]"):format(BIG, BIG), '{"uniqueItems":true}'), 1)
  end)
end)

describe("secrets and references", function()
  local hidden = secret "hush-canary"

  it("pass where text may stand, and are never shown", function()
    local wanted = { properties = { key = { type = "string", minLength = 100, pattern = "^x" } } }
    expect.equal(schema.validate({ key = hidden }, wanted), {})
    expect.equal(schema.validate({ key = reference.make("dataset", "FAQ") }, wanted), {})
    local found = schema.validate({ key = hidden }, { properties = { key = { type = "integer" } } })
    expect.equal(found[1].message, "expected an integer, got a secret")
    expect.falsy(json.encode(found):find("hush", 1, true))
  end)
end)

describe("schemas", function()
  it("that are wrong are refused with the place", function()
    expect.equal(refusal '{"properties":{"a":{"type":"strin"}}}',
      "#/properties/a/type: the schema is invalid: unknown type strin")
    expect.equal(refusal '{"items":[]}', "#/items: the schema is invalid: expected a schema")
    expect.equal(refusal '{"$defs":{"a":{}},"required":"a"}',
      "#/required: the schema is invalid: expected a list of names")
    expect.equal(refusal '{"multipleOf":0}', "#/multipleOf: the schema is invalid: expected a number above 0")
    expect.equal(refusal '{"maxLength":-1}', "#/maxLength: the schema is invalid: expected an integer from 0")
    expect.equal(refusal '{"anyOf":[]}', "#/anyOf: the schema is invalid: expected at least one schema")
    expect.contains(refusal '{"pattern":"("}', "#/pattern: the pattern ( cannot be used")
  end)

  it("lead to other documents only when these are given", function()
    local wanted = '{"$ref":"https://schemas.example/a.json#/$defs/b"}'
    expect.equal(refusal(wanted), "#/$ref: https://schemas.example/a.json#/$defs/b refers to nothing; other "
      .. "documents must be passed in")
    local documents = { ["https://schemas.example/a.json"] = { ["$defs"] = { b = { type = "null" } } } }
    expect.equal(problems("1", wanted, { documents = documents }), { ": expected null, got the number 1" })
  end)

  it("of another vocabulary are refused when it must be known", function()
    local documents = { ["x:meta"] = { ["$vocabulary"] = { ["x:units"] = true } } }
    expect.contains(refusal('{"$schema":"x:meta"}', { documents = documents }), "the vocabulary x:units")
  end)

  it("may leave out patterns that cannot be used here", function()
    local validator = schema.compile({ pattern = "(?<=a+)b", minLength = 2 }, { skip_patterns = true })
    expect.equal(#validator.skipped, 1)
    expect.equal(validator.skipped[1].location, "#/pattern")
    expect.equal(#validator:validate "b", 1)
    local wanted = { patternProperties = { ["(?<=a+)b"] = false }, additionalProperties = false }
    expect.equal(schema.validate({ x = 1 }, wanted, { skip_patterns = true }), {})
  end)

  it("are themselves checked by the meta-schema", function()
    local meta = { ["$ref"] = "https://json-schema.org/draft/2020-12/schema" }
    local found = schema.validate({ properties = { a = { type = 1 } }, minLength = -1 }, meta)
    expect.equal({ #found, found[1].path, found[2].path }, { 2, "minLength", "properties.a.type" })
  end)
end)

describe("a hostile schema", function()
  local function gives_up(value, wanted, part)
    local err = expect.raises(function() schema.validate(value, wanted) end, part)
    expect.equal(err.kind, "input")
  end

  it("that refers to itself without end is given up", function()
    gives_up(1, { ["$ref"] = "#" }, "refers to itself without end")
    gives_up(1, { allOf = json.array { { ["$ref"] = "#" } } }, "refers to itself without end")
    gives_up(1, { ["$dynamicAnchor"] = "a", ["$dynamicRef"] = "#a" }, "refers to itself without end")
  end)

  it("that doubles its work at each step is given up", function()
    local definitions = { last = { type = "string" } }
    for index = 1, 60 do
      local following = { ["$ref"] = index == 60 and "#/$defs/last" or "#/$defs/step" .. index + 1 }
      definitions["step" .. index] = { allOf = json.array { following, following } }
    end
    gives_up("x", { ["$defs"] = definitions, ["$ref"] = "#/$defs/step1" }, "takes too long")
  end)

  it("whose pattern backtracks without end is given up", function()
    gives_up(("a"):rep(2000) .. "b", { pattern = "^(a+)+$" }, "matching the pattern ^(a+)+$ takes too long")
  end)

  it("with many slow patterns is given up", function()
    local value = json.array {}
    for index = 1, 100000 do value[index] = ("a"):rep(20) .. "b" .. index end
    gives_up(value, { items = { pattern = "^(a|aa)+$" } }, "takes too long")
  end)

  it("is no match for a value as deep as JSON may be", function()
    local deep = ("["):rep(500) .. ("]"):rep(500)
    local wanted = '{"anyOf":[{"type":"null"},{"type":"array","items":{"$ref":"#"}}]}'
    expect.equal(problems(deep, wanted), {})
    local wrong = ("["):rep(200) .. "1" .. ("]"):rep(200)
    expect.equal(#problems(wrong, wanted), 1)
  end)

  it("may be a table that holds itself", function()
    local wanted = { type = "object" }
    wanted.additionalProperties = wanted
    expect.equal(#schema.validate({ a = { b = 1 } }, wanted), 1)
  end)
end)

describe("regular expressions", function()
  local function matches(text, subject)
    local compiled, message = pattern.compile(text)
    if not compiled then error(message, 2) end
    return compiled:matches(subject)
  end

  it("are those of ECMA-262", function()
    local cases = {
      { "^\\d$", "٣", false }, { "^\\w$", "é", false },
      { "^\\s$", "\u{FEFF}", true }, { "^\\S$", "\u{A0}", false },
      { "^[\\s]$", "\u{2028}", true }, { "^[^\\S]$", " ", true },
      { "^.$", "\u{2028}", false }, { "^.$", "é", true },
      { "^a$", "a\n", false }, { "^\\u00e9$", "é", true },
      { "^\\ud83d\\ude00$", "😀", true }, { "^\\u{1F600}$", "😀", true },
      { "^\\x41\\cJ$", "A\n", true }, { "^\\v$", "\v", true },
      { "^\\v$", "\n", false }, { "^\\0$", "\0", true },
      { "^\\p{Letter}+$", "πa", true }, { "^\\p{gc=Lu}$", "a", false },
      { "^\\p{Script=Greek}$", "π", true }, { "^\\P{L}$", "1", true },
      { "^[[:alpha:]]$", "a]", true }, { "^[[:alpha:]]$", "b]", false },
      { "[]", "a", false }, { "^a[]*$", "a", true }, { "[]?", "", true }, { "^[^]$", "\n", true },
      { "^(?:(a)|b)\\1$", "b", true }, { "^(?<x>a)\\k<x>$", "aa", true },
      { "^a{2,}$", "aaa", true }, { "^{$", "{", true },
      { "^(?i)A$", "a", true }, { "^(a)((b))$", "ab", true },
      { "^\\-\\/\\@$", "-/@", true }, { "()", "", true }, { "^\\é\\😀$", "é😀", true },
      { "^[\\ud83d\\ude00]$", "😀", true }, { "^[\\b\\v]+$", "\b\v", true }, { "^\\p{LC}\\p{sc=Latin}$", "aB", true },
      { "^a{,3}$", "a{,3}", true }, { "^\\u0024$", "$", true }, { "^[^\\s]$", "\u{2003}", false },
    }
    for _, case in ipairs(cases) do
      expect.equal({ case[1], case[2], matches(case[1], case[2]) }, case)
    end
  end)

  it("that ECMA-262 does not have are refused", function()
    for _, text in ipairs { "a++", "*a", "(*FAIL)", "(?R)", "(?>a)", "(?#x)", "(?|a)", "\\Qa\\E", "\\A", "\\h", "\\p{",
      "\\x4", "\\p{Nothing}", "\\u{110000}", "\\ud800", "[a", "(a", "a)", "\\", "\\C",
      "\\x{41}", "\\u41", "\\2(a)", "[\\1]", "\\k{a}", "\\N", "(?P<x>a)", "(?1)", "\xff" } do
      local compiled, message = pattern.compile(text)
      expect.equal({ text, compiled == nil, type(message) }, { text, true, "string" })
    end
  end)

  it("are bounded in size", function()
    expect.falsy(pattern.compile(("a"):rep(70000)))
    expect.falsy(pattern.compile("((((a{1000}){1000}){1000}){1000}){1000}"))
    expect.falsy(pattern.compile(("("):rep(5000) .. (")"):rep(5000)))
  end)
end)

describe("a draft", function()
  -- [1, "x"] is what the list of schemas allows, where a list of schemas may be.
  local TUPLE = [[{%s"items":[{"type":"integer"},{"type":"string"}],"additionalItems":false}]]

  it("is the one that $schema names", function()
    for _, address in ipairs {
      "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft-07/schema",
      "http://json-schema.org/draft-06/schema#", "https://json-schema.org/draft/2019-09/schema",
    } do
      local wanted = TUPLE:format(('"$schema":"%s",'):format(address))
      expect.equal(problems('[1,"x"]', wanted), {})
      expect.equal(problems('["x","x",1]', wanted), {
        '[1]: expected an integer, got the text "x"', "[3]: not allowed here",
      })
      expect.equal(schema.compile(json.decode(wanted)).warnings, {})
    end
  end)

  it("is 2020-12 without $schema, unless the caller says otherwise", function()
    local wanted = TUPLE:format ""
    expect.contains(refusal(wanted), "#/items: the schema is invalid: expected a schema")
    expect.equal(problems('[1,"x"]', wanted, { dialect = "draft-07" }), {})
    expect.raises(function() schema.compile({}, { dialect = "draft-99" }) end, "unknown dialect draft-99")
  end)

  it("that is not known is named, and read as the nearest", function()
    for address, name in pairs {
      ["http://json-schema.org/draft-04/schema#"] = "draft-06",
      ["https://json-schema.org/draft/2042-01/schema"] = "2020-12",
    } do
      local validator = schema.compile { ["$schema"] = address, type = "object" }
      expect.equal(validator.warnings,
        { ("$schema is %s, which is not supported; read as %s"):format((address:gsub("#$", "")), name) })
      expect.falsy(validator:is_valid(1))
    end
    expect.equal(schema.compile { ["$schema"] = "https://json-schema.org/draft/2020-12/schema" }.warnings, {})
  end)

  it("of one document is that of the documents it refers to, unless they name another", function()
    local given = {
      ["http://x.test/old"] = json.decode(TUPLE:format ""),
      ["http://x.test/new"] = json.decode(
        [[{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{"type":"integer"}]}]]),
    }
    local wanted = [[{"$schema":"http://json-schema.org/draft-07/schema#",
      "properties":{"old":{"$ref":"http://x.test/old"},"new":{"$ref":"http://x.test/new"}}}]]
    expect.equal(problems('{"old":["x"],"new":["x"]}', wanted, { documents = given }), {
      'new[1]: expected an integer, got the text "x"', 'old[1]: expected an integer, got the text "x"',
    })
  end)
end)

describe("a format", function()
  it("checks nothing unless asked, and then says what is expected", function()
    local wanted = [[{"properties":{"id":{"type":"string","format":"uuid"},"any":{"format":"of-mine"}}}]]
    expect.equal(problems('{"id":"x","any":"y"}', wanted), {})
    expect.equal(problems('{"id":"x","any":"y"}', wanted, { formats = true }),
      { 'id: expected a UUID such as 2f1c0a52-8b7e-4f0e-9c57-0f6f6d0f4a11, got the text "x"' })
  end)

  it("is fitted by the examples that its own messages give", function()
    local formats = require "anyreach.schema.formats"
    local count = 0
    for name, format in pairs(formats) do
      local example = format.words:match "such as (.*)$"
      if example then
        expect.truthy(format.fits(example), name)
        count = count + 1
      end
      for _, text in ipairs { "", "\xFF", "\0", ("a"):rep(10000), ("::"):rep(1000), ("1."):rep(1000), "[" } do
        expect.equal(type(format.fits(text)), "boolean", name)
      end
    end
    expect.truthy(count >= 6)
  end)

  it("does not apply to what is no text, nor to a text that is not known", function()
    local validator = schema.compile({ format = "uuid" }, { formats = true })
    for _, value in ipairs { 1, true, json.null, {}, secret "x" } do expect.truthy(validator:is_valid(value)) end
  end)
end)
