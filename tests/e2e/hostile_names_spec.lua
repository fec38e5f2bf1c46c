-- Names and prompts that would play with the terminal: recipes show them, and send no control character of
-- theirs to it.

local organizations = require "helpers.organizations"
local process = require "helpers.process"

local NAME = "\27[31mred\7\u{202E}"
local SHOWN = "\\x1B[31mred\\x07\\u{202E}"

local both = organizations.start()

-- Two versions in the first organisation; in the second the agent has another prompt.
local function prepare()
  both:reset()
  local agent = organizations.agent(both.first, NAME, { instructions = "one \27[2J" }, {})
  organizations.version(both.first, agent, { instructions = "two \27[2J and some more words" }, {})
  organizations.agent(both.second, NAME, { instructions = "three" }, {})
end

local function expect_harmless(words, out, err)
  local text = out .. err
  expect.equal({ words[1], text:find("[%c\127]") and text:gsub("\n", ""):match("[%c\127].*") }, { words[1] })
  expect.equal({ words[1], text:find("\u{202E}", 1, true) }, { words[1] })
  expect.contains(text, SHOWN)
end

describe("a name with control characters", function()
  it("is shown by every recipe in another form", function()
    prepare()
    expect.equal((both:run("export", "agents")), 0)
    process.write(both.directory .. "/work/prompt.md",
      '---\nagent: "\\e[31mred\\a\\u202E"\n---\ntwo and some more \27[2J words\n')
    for _, words in ipairs {
      { "export", "others" },
      { "provision", "agents" },
      { "diff", "agents" },
      { "diff", "--from", "staging", "--to", "production" },
      { "promote", "--from", "staging", "--to", "production", "--all", "--ours", "--check" },
      { "promote", "--from", "staging", "--to", "production", "--all", "--ours" },
      { "migrate-prompts", ".", "--force", "--check" },
      { "numbers", "assign", "+15551234567", NAME },
      { "numbers" },
      { "rollback", NAME, "--to", "1" },
    } do
      local code, out, err = both:run(table.unpack(words))
      expect.equal({ words, code }, { words, words[#words] == "--check" and 2 or 0 })
      expect_harmless(words, out, err)
    end
  end)

  it("with a line break stays on its line, so that it cannot pass for a result", function()
    both:reset()
    local name = "A\ncreated    B"
    organizations.agent(both.first, name, { instructions = "one" }, {})
    for _, words in ipairs {
      { "export", "broken" },
      { "provision", "broken" },
      { "diff", "broken" },
      { "diff", "--from", "staging", "--to", "production" },
      { "promote", "--from", "staging", "--to", "production", "--all" },
      { "numbers" },
    } do
      local _, out = both:run(table.unpack(words))
      expect.equal({ words, ("\n" .. out):find("\ncreated    B", 1, true) }, { words })
      if words[1] ~= "numbers" then expect.contains(out, "A\\x0Acreated    B") end
    end
  end)

  it("is shown so by what is wrong with files, too", function()
    both:reset()
    for _, name in ipairs { "a", "b" } do
      both:write("agents/" .. name .. ".yaml", 'name: "\\e[31mred\\a\\u202E"\n')
    end
    local code, out, err = both:run("validate", "agents", "--offline")
    expect.equal(code, 3)
    expect_harmless({ "validate" }, out, err)
  end)
end)

describe("the column of names", function()
  it("is aligned by what a terminal shows, and one long name does not widen it for all", function()
    both:reset()
    for file, name in pairs { a = "Ann", b = "日本", c = ("x"):rep(5000) } do
      both:write(("agents/%s.yaml"):format(file), ("name: %s\nconfig: {instructions: Hello.}\n"):format(name))
    end
    local code, out = both:run("provision", "agents", "--check")
    expect.equal(code, 2)
    expect.match(out, "to create  Ann   new version")
    expect.match(out, "to create  日本  new version")
    expect.match(out, "to create  x+  new version")
  end)
end)

both:stop()
