-- Writing YAML: what it looks like, and that reading it gives the value again, whatever the value.

local json = require "anyreach.json"
local random_value = require "helpers.random_value"
local reference = require "anyreach.yaml.reference"
local secret = require "anyreach.secret"
local yaml = require "anyreach.yaml"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

local function expect_same_again(value)
  local text = yaml_text.encode(value)
  local ok, again = pcall(yaml.decode, text, { name = "text" })
  if not ok or not yaml_value.same(value, again) then
    error(("%s\nis read as %s instead of %s"):format(text, ok and random_value.show(again) or again,
      random_value.show(value)), 2)
  end
end

describe("an agent written as YAML", function()
  it("has its keys in a known order, its sections apart, its prompt as a block", function()
    expect.equal(yaml_text.encode {
      phone_numbers = json.array { "+15551234567" },
      config = {
        tools = json.array { { name = "end_call", description = "Ends: the call.", actions = json.array {} } },
        max_tool_steps = 2, instructions = "You are kind.\n\n# Rules\nBe brief.\n", fallback = json.null,
        dataset_ids = json.array { reference.make("dataset", "Clinic FAQ") },
        greeting = yaml.tag("!file", "../prompts/greeting.md"),
      },
      name = "Scheduler", active = true, metadata = {}, deploy_as_sip = false,
    }, [[
name: Scheduler
active: true
metadata: {}

config:
  dataset_ids:
    - !ref dataset:Clinic FAQ
  fallback: null
  greeting: !file ../prompts/greeting.md
  instructions: |
    You are kind.

    # Rules
    Be brief.
  max_tool_steps: 2
  tools:
    - name: end_call
      description: "Ends: the call."
      actions: []

phone_numbers:
  - "+15551234567"
deploy_as_sip: false
]])
  end)

  it("shows tags with containers on one line", function()
    expect.equal(yaml_text.encode { a = yaml.tag("!env", { name = "X", secret = true }) },
      "a: !env {name: X, secret: true}\n")
  end)
end)

describe("texts", function()
  it("are quoted where a reader of YAML 1.1 or 1.2 may take them for something else", function()
    for _, text in ipairs { "no", "Yes", "ON", "off", "y", "N", "true", "Null", "null", "~", "1", "-1", "+1", "0x1F",
      "0o17", "1_000", "1e3", ".5", ".inf", "-.INF", ".nan", "12:30:45", "2026-01-01", "<<", "=", "", " a", "a ", "- a",
      "? a", ": a", "a: b", "a:", "a #b", "#a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "[a", "{a", "'a", '"a',
      "---", "...", "a\tb", "a\rb", "\u{FEFF}a", "a\u{2028}b", "\127" } do
      expect.match(yaml_text.encode { text }, '^%- "')
      expect_same_again { text }
    end
  end)

  it("are plain where nobody can", function()
    for _, text in ipairs { "Be kind.", "no one", "wf_123", "It's 24/7", "a, b [c]", "https://x.example/a#b", "über",
      "日本語", "../prompts/x.md", "dataset:Clinic FAQ", "yes." } do
      expect.equal(yaml_text.encode { text }, "- " .. text .. "\n")
      expect_same_again { text }
    end
  end)

  it("of several lines keep every line break at their ends", function()
    local cases = { ["a\nb"] = "|-", ["a\nb\n"] = "|", ["a\nb\n\n"] = "|+", [" a\nb"] = "|2-", ["\na\n"] = "|2" }
    for text, header in pairs(cases) do
      expect.equal(yaml_text.encode({ a = text, b = text }):match("a: (|%S*)\n"), header)
      expect_same_again { a = text, b = { text, { c = text } } }
    end
  end)

  it("of several lines that no block can hold are quoted", function()
    for _, text in ipairs { "\n", "\n\n", "a\n  ", "a\n\t\n", "a\r\nb", "a\n\u{85}b", " \n " } do
      expect.match(yaml_text.encode { a = text }, '^a: "')
      expect_same_again { a = text }
    end
  end)

  it("that are long, and would need quotes, are blocks", function()
    expect.equal(yaml_text.encode { a = ("x: y "):rep(20) .. "z" }, "a: |-\n  " .. ("x: y "):rep(20) .. "z\n")
  end)

  -- What looks at a text again from each of its characters takes hours for these, and run.sh ends it.
  it("that are long take time in proportion", function()
    local long_line, breaks = ("word "):rep(100000) .. "\nend", "a" .. ("\n"):rep(500000) .. "b"
    for _, text in ipairs { long_line, breaks, ("\t"):rep(500000) .. "x\ny" } do
      local written = yaml_text.encode { config = { instructions = text, steps = 1 } }
      local changed = { config = { instructions = text .. "!", steps = 2 } }
      local updated = yaml_edit.update(written, changed, { name = "a.yaml" })
      expect.equal(yaml.decode(updated, { name = "a.yaml" }), changed)
    end
  end)

  it("that are keys may be anything", function()
    for _, key in ipairs { "", "no", "1", "a: b", "a\nb", "é", ("k"):rep(5000), "#", "[x]", "? a", "<<" } do
      expect_same_again { [key] = { [key] = { { [key] = key } } } }
    end
  end)
end)

describe("numbers", function()
  it("stay what they are", function()
    for _, number in ipairs { 0, -1, math.maxinteger, math.mininteger, 1.0, -0.5, 1e300, 1e-7, 1 / 3, math.huge,
      -math.huge, 0 / 0 } do
      expect_same_again { number }
    end
    expect.equal(yaml_text.encode { 1e300, 1e-7, 1.5e22, 2.0 }, "- 1.0e+300\n- 1.0e-7\n- 1.5e+22\n- 2.0\n")
    expect.equal(yaml_text.encode(json.decode "[12345678901234567890]"), "- 12345678901234567890\n")
  end)
end)

describe("what cannot be written", function()
  it("is refused", function()
    expect.raises(function() yaml_text.encode { a = secret "x" } end, "a secret cannot be written to a file")
    expect.raises(function() yaml_text.encode { a = print } end, "a function cannot be written")
    expect.raises(function() yaml_text.encode { a = "\xff" } end, "not valid UTF-8 at byte 1")
    expect.raises(function() yaml_text.encode { a = yaml.tag("no tag", 1) } end, "expected a tag such as !file")
    expect.raises(function() yaml_text.encode { [1.5] = 1 } end, "expected a key that is text, got number 1.5")
    local ring = {}
    ring.ring = ring
    expect.raises(function() yaml_text.encode(ring) end, "nested deeper than 500 levels")
  end)
end)

describe("any value", function()
  it("written and read is the same value", function()
    local make = random_value.generator(20261)
    for _ = 1, 3000 do expect_same_again(make()) end
  end)

  it("written on one line and read is the same value", function()
    local make = random_value.generator(777)
    for _ = 1, 1000 do
      local value = make()
      local text = yaml_text.inline(value)
      expect.falsy(text:find("\n", 1, true))
      expect.truthy(yaml_value.same(value, (yaml.decode("[" .. text .. "]"))[1]))
    end
  end)
end)
