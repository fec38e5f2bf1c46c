-- What is said about YAML that cannot be read: where the mistake is and how to write what was meant. The messages that
-- are explained are libyaml's own, of the version that the program runs with.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local yaml_mistakes = require "anyreach.text.yaml_mistakes"
local yaml = require "anyreach.yaml"

local function explain(text)
  local ok, message = pcall(yaml.decode, text, { name = "a.yaml" })
  if ok then error("expected an error", 2) end
  return yaml_mistakes.explain(text, "a.yaml", message)
end

-- Text, line and column of the mistake, and a part of the words.
local CASES = {
  { "a: 1\nb: {{name}}, hello\n", 2, 4, "quote a value that begins with {{" },
  { "- x\n- {{name}}\n", 2, 3, "quote a value that begins with {{" },
  { "a: {name}, hi\n", 1, 4, "quote a value that begins with {" },
  { "a: [pause] hi\nb: 1\n", 1, 4, "quote a value that begins with [" },
  { "a:\n\tb: 1\n", 2, 1, "a tab; YAML takes spaces" },
  { "a: 1\n\tb: 2\n", 2, 1, "a tab; YAML takes spaces" },
  { "a:\n  - x\n  \t- y: 1\n", 3, 3, "a tab; YAML takes spaces" },
  { "a: @home\n", 1, 4, "quote a value that begins with @" },
  { "a: `x`\n", 1, 4, "quote a value that begins with `" },
  { "a: %d calls\n", 1, 4, "quote a value that begins with %" },
  { "a: *\n", 1, 4, "quote a value that begins with *" },
  { "a: & b\n", 1, 4, "quote a value that begins with &" },
  { "a: *bold*\n", 1, 4, "quote a value that begins with *" },
  { "a: ,b\n", 1, 4, "quote a value that begins with ," },
  { "a: \"x\nb: 1\nc: 2\n", 1, 4, "the quote \" is not closed" },
  { "a: 1\nb: 'x\nc: 1\n", 2, 4, "the quote ' is not closed" },
  { "a: \"x\nb: \"y\"\n", 1, 4, "the quote \" is not closed" },
  { "a: 'it's'\nb: 1\n", 1, 8, "inside single quotes, write ''" },
  { "a: \"say \"hi\" now\"\n", 1, 10, "inside double quotes, write \\\"" },
  { "a: \"C:\\dir\"\n", 1, 7, "write \\\\ for a backslash" },
  { "a: Note: this\n", 1, 4, "a colon in an unquoted value; quote the value" },
  { "x:\n  - b: Hello: you\n", 2, 8, "a colon in an unquoted value; quote the value" },
  { "a:b\nc: 1\n", 1, 2, "a space is missing after the colon" },
  { "a: 1\nb:2\nc: 3\n", 2, 2, "a space is missing after the colon" },
  { "a: 1\nb:2\n", 2, 2, "a space is missing after the colon" },
  { "b: “x: y”\n", 1, 4, "typographic quotes" },
  { "a: one\n  b: 2\n", 2, 3, "the key above, in line 1, has a value already" },
  { "a:\n    b: 1\n  c: 2\n", 3, 3, "no mapping above is indented by 2 spaces" },
  { "a:\n  b: 1\n c: 2\n", 3, 2, "no mapping above is indented by 1 space" },
  { "  a: 1\nb: 2\n", 2, 1, "no mapping above is indented by 0 spaces" },
  { "a: |\n   x\n  y\n", 3, 3, "less than the first line of the text that begins in line 1" },
  { "a: >\nb\n", 2, 1, "a text after | or > stands further right" },
  { "a: | x\n  y\n", 1, 6, "begins on the next line" },
  { "a:\n  c\n  d: e\n", 2, 3, "expected a key with a colon" },
  { "a: 1\nname\n", 2, 1, "expected a key with a colon" },
  { "a: - b\n", 1, 4, "a list begins on a line of its own" },
  { "a: 1\n- b\n", 2, 1, "a list element here, where a key was expected" },
  { "a:\n  - b\n  c: 1\n", 3, 3, "expected an element of the list" },
  { "a: [1, 2\nb: 3\n", 1, 4, "the [ is not closed" },
  { "a: {b: 1\nc: 2\n", 1, 4, "the { is not closed" },
  { "a: 1\nb: [\n", 2, 4, "the [ is not closed" },
  { "a: [1, 2]]\n", 1, 10, "a ] that closes nothing" },
  { "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", 2, 1, "a merge that was not" },
  { "a: 1\nb: caf\xe9 con\n", 2, 7, "most likely Latin-1 (byte 0xE9 at line 2); save it as UTF-8" },
  { "\xff\xfea\0:\0 \0001\0", 1, 1, "UTF-16" },
  { "a\0:\0 \0001\0\n\0", 1, 1, "UTF-16" },
  { ("a: 1\n"):rep(20) .. "b: \0\n", 21, 4, "a null byte" },
  { "a: \a\n", 1, 4, "write it as \"\\x07\" in double quotes" },
}

describe("a mistake in YAML", function()
  it("is told with its place and its cure", function()
    for _, case in ipairs(CASES) do
      local found = explain(case[1])
      expect.equal({ case[1], found.line, found.column }, { case[1], case[2], case[3] })
      expect.contains(found.message, case[4])
    end
  end)

  it("in an alias that has no anchor may be a text", function()
    expect.contains(explain("a: *x\n").message, "no anchor &x before this alias; quote the value if it is text")
  end)

  it("is told alike whatever ends the lines, and behind a byte order mark", function()
    for _, case in ipairs(CASES) do
      if not case[1]:find("[\xff%z]") then
        local found = explain("\u{FEFF}" .. case[1]:gsub("\n", "\r\n"))
        expect.equal({ case[1], found.line, found.column }, { case[1], case[2], case[3] })
        expect.contains(found.message, case[4])
      end
    end
  end)

  it("keeps libyaml's words where nothing better is known", function()
    expect.equal(explain("a: 1\na: 2\n").message, 'the key "a" is already given in line 1')
  end)

  it("is shown with a caret below it, however wide the characters before it are", function()
    expect.equal(explain("a: 1\nb: {{x}}\n").excerpt, "    2 | b: {{x}}\n      |    ^")
    expect.equal(explain("ключ日: {{x}}\n").excerpt, "    1 | ключ日: {{x}}\n      |         ^")
    expect.equal(explain("a:\n\tb: 1\n").excerpt, "    2 | →b: 1\n      | ^")
  end)

  it("is shown in a long line by what is around it", function()
    local shown = explain("a: " .. ("x "):rep(500) .. "b: y" .. (" z"):rep(500) .. "\n").excerpt
    for line in shown:gmatch("[^\n]+") do expect.truthy(#line <= 120) end
    expect.truthy(#explain("a: {{" .. ("é"):rep(5000)).excerpt < 500)
  end)

  it("is never shown with the value of a secret", function()
    expect.equal(explain('api_key: "sk-1\\d"\n').excerpt:match("|[^\n]*"), "| api_key: …")
  end)

  it("is explained whatever the text is", function()
    math.randomseed(5)
    local pieces = { "a", ":", " ", "\n", "\t", "-", "'", '"', "{", "}", "[", "]", "|", "#", "é", "\xe9",
      "\\", "&", "*",
      "key: ", "\r\n", ">", "%", "@", "<<", "\0" }
    for _ = 1, 5000 do
      local words = {}
      for index = 1, math.random(25) do words[index] = pieces[math.random(#pieces)] end
      local text = table.concat(words)
      local ok, message = pcall(yaml.decode, text, { name = "a.yaml" })
      local said = not ok and yaml_mistakes.explain(text, "a.yaml", message).message
      expect.equal(type(said), ok and "boolean" or "string")
    end
  end)
end)

describe("a file with a mistake", function()
  it("raises an error that shows it", function()
    local err = expect.raises(function() files.decode_yaml("a: {{x}}\n", { name = "a.yaml" }) end)
    expect.truthy(errors.is_error(err))
    expect.equal({ err.kind, tostring(err) },
      { "input", "a.yaml:1:4: quote a value that begins with {{\n    1 | a: {{x}}\n      |    ^" })
  end)
end)
