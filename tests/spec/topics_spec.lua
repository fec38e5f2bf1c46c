-- What `anyreach help TOPIC` explains: our Markdown, as text for a terminal, and topics that keep up with the
-- program.

local host = require "anyreach.host"
local markdown = require "anyreach.text.markdown"
local markdown_text = require "anyreach.text.markdown_text"
local process = require "helpers.process"
local topics = require "anyreach.cli.topics"

local function text(source, width)
  return markdown_text.write(markdown.read(source), { width = width or 40 })
end

describe("Markdown as text", function()
  it("wraps paragraphs and lists by what is seen of them", function()
    expect.equal(text "# A *word*\n\nThe `code` of **one** [link](x.md) and\n[another](https://example.com).\n",
      "A WORD\n\nThe `code` of one link and another\n(https://example.com).\n")
    expect.equal(text("- first point of this list, which is long\n  and goes on\n- second\n\n1. one\n2. two\n"),
      "- first point of this list, which is\n  long and goes on\n- second\n\n1. one\n2. two\n")
    expect.equal(text(("日本 "):rep(9), 40), ("日本 "):rep(8):sub(1, -2) .. "\n日本\n")
  end)

  it("keeps code as it is", function()
    expect.equal(text "Run:\n\n```\nanyreach  *x*\n\n  y\n```\n", "Run:\n\n    anyreach  *x*\n\n      y\n")
    expect.equal(text "Run:\n\n    anyreach\n\n    y\n\nAfter.\n", "Run:\n\n    anyreach\n\n    y\n\nAfter.\n")
    expect.equal(text "```sh\nanyreach help\nls\n```\n", "    $ anyreach help\n    $ ls\n")
  end)

  it("marks code that could be taken for words", function()
    expect.equal(text "Say `publish: false`, `each`, or `.`.", "Say `publish: false`, `each`, or `.`.\n")
    expect.equal(text "Say `--json`, or `api.agents`.", "Say --json, or api.agents.\n")
    expect.equal(text "| `--har FILE`, `b` | the `one` |\n|---|---|\n", "--har FILE, b  the `one`\n")
  end)

  it("puts tables in columns, of which the widest gives way", function()
    expect.equal(text "| key | what |\n|---|---|\n| `a` | one |\n| `long` | x \\| y |\n",
      "key   what\na     one\nlong  x | y\n")
    expect.equal(text "| key | |\n|---|---|\n| `a` | one |\n", "a  one\n")
    expect.equal(text "| key | | default |\n|---|---|---|\n| `a` | one | 1 |\n", "key       default\na    one  1\n")
    expect.equal(text("| a | b | c |\n|---|---|---|\n| x | " .. ("word "):rep(9) .. "| z |\n", 40),
      "a  b                                   c\nx  word word word word word word word  z\n   word word\n")
    local words = ("word "):rep(20)
    for line in text(("| %s | %s | %s |\n|---|---|---|\n"):format(words, words, words), 80):gmatch "[^\n]+" do
      expect.truthy(#line <= 80)
    end
  end)

  it("has bold headings where colours are wanted", function()
    expect.equal(markdown_text.write(markdown.read "# A", { color = true }), "\27[1mA\27[0m\n")
  end)

  it("is cut out by heading, with what is below it", function()
    local blocks = markdown.read "# A\n\na\n\n## B\n\nb\n\n### C\n\nc\n\n## D\n\nd\n"
    expect.equal(markdown_text.write(markdown.section(blocks, "B"), {}), "B\n\nb\n\nC\n\nc\n")
    expect.equal(markdown.section(blocks, "E"), nil)
  end)

  it("survives what is not finished", function()
    for _, source in ipairs { "", "\n\n", "```", "| a", "**", "[x](", "-", "`", "#", "    ", "|---|" } do
      expect.equal(type(text(source)), "string")
    end
  end)
end)

describe("topics", function()
  it("are all there, with a title and something to say", function()
    local names = topics.names()
    expect.truthy(#names >= 8)
    for _, name in ipairs(names) do
      expect.truthy(#topics.title(name) > 0)
      expect.truthy(#markdown_text.write(topics.get(name), {}) > 200)
    end
    expect.equal(topics.get "no-such-topic", nil)
  end)

  it("are shown by 'anyreach help', beside a command of the same name", function()
    local code, out, err = process.run(process.anyreach("help", "exit-codes"))
    expect.equal({ code, err }, { 0, "" })
    expect.match(out, "^EXIT CODES\n")
    local _, both = process.run(process.anyreach("help", "sandbox"))
    expect.match(both, "^usage: anyreach sandbox .*\nTHE SANDBOX\n")
    local _, overview = process.run(process.anyreach "help")
    for _, name in ipairs(topics.names()) do expect.contains(overview, name) end
    local wrong_code, _, wrong = process.run(process.anyreach("help", "environmnt"))
    expect.equal(wrong_code, 64)
    expect.contains(wrong, "did you mean 'environment'?")
  end)

  it("name every exit code, and every variable that the program reads", function()
    local codes, variables = host.embedded_text "lua/anyreach/cli/topics/exit-codes.md",
      host.embedded_text "lua/anyreach/cli/topics/environment.md"
    for _, code in pairs(require("anyreach.errors").exit_codes) do
      expect.contains(codes, ("\n| %d | "):format(code))
    end
    for _, file in ipairs(host.embedded_names "lua/anyreach/") do
      local source = file:find "%.lua$" and host.embedded_text(file) or ""
      for name in source:gmatch [["(ANYREACH_[A-Z_]+)"]] do expect.contains(variables, "`" .. name .. "`") end
    end
  end)

  it("name every key of a profile", function()
    local source = host.embedded_text "lua/anyreach/cli/topics/profiles.md"
    for _, key in ipairs(require("anyreach.account.profile_file").keys) do
      expect.contains(source, "\n| `" .. key .. "` | ")
    end
  end)
end)
