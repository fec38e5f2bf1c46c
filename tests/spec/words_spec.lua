-- What changed between two texts, word by word.

local steps = require "helpers.steps"
local words = require "anyreach.text.word_diff"

local function side(pieces, kind)
  local texts = {}
  for _, piece in ipairs(pieces) do
    if piece.kind == "same" or piece.kind == kind then texts[#texts + 1] = piece.text end
  end
  return table.concat(texts)
end

-- The pieces in short: [-removed-] and {+added+}.
local function marked(before, after)
  local texts, marks = {}, { same = "%s", removed = "[-%s-]", added = "{+%s+}" }
  for index, piece in ipairs(words.compare(before, after)) do texts[index] = marks[piece.kind]:format(piece.text) end
  return table.concat(texts)
end

local function lines(before, after, options)
  return table.concat(words.render(words.compare(before, after), options), "\n")
end

local ALPHABET = {
  "a", "b", "the", "Ünï", "日本", "\n", "\n\n", " ", "  ", "{{name}}", "- ", "#", "\r\n", "'s", "1.5", "\t",
}

local function random_text(length)
  local parts = {}
  for index = 1, length do parts[index] = ALPHABET[math.random(#ALPHABET)] end
  return table.concat(parts)
end

-- A text that shares much with another.
local function mutated(text)
  local position = math.random(0, #text)
  return text:sub(1, position) .. random_text(math.random(0, 3)) .. text:sub(position + math.random(0, 6))
end

describe("a comparison by words", function()
  it("names what was removed and what was added", function()
    expect.equal(marked("You are a friendly receptionist.", "You are a warm receptionist."),
      "You are a [-friendly-]{+warm+} receptionist.")
    expect.equal(marked("one two", "one two three"), "one two{+ three+}")
    expect.equal(marked("one two three", "one three"), "one [-two -]three")
    expect.equal(marked("", "new"), "{+new+}")
    expect.equal(marked("old", ""), "[-old-]")
    expect.equal(marked("", ""), "")
    expect.equal(marked("same\n", "same\n"), "same\n")
  end)

  it("keeps changes in their lines", function()
    expect.equal(marked("- be kind\n- be quick\n- be exact\n", "- be kind\n- be brief\n- be exact\n"),
      "- be kind\n- be [-quick-]{+brief+}\n- be exact\n")
    expect.equal(marked("a\nb\n", "a\nx\nb\n"), "a\n{+x\n+}b\n")
  end)

  it("does not take a part of a word for a change", function()
    expect.equal(marked("It's the patient's name", "It's the patients name"), "It's the [-patient's-]{+patients+} name")
    expect.equal(marked("naïve Ärzte", "naïve Ärztin"), "naïve [-Ärzte-]{+Ärztin+}")
  end)

  it("tells the characters of scripts without spaces apart", function()
    expect.equal(marked("予約を確認します", "予約を変更します"), "予約を[-確認-]{+変更+}します")
  end)

  it("joins changes that only chance keeps apart", function()
    expect.equal(marked("greet them, always politely", "thank everyone; never briefly"),
      "[-greet them, always politely-]{+thank everyone; never briefly+}")
  end)

  it("gives both texts again, whatever they are", function()
    math.randomseed(11)
    for round = 1, 400 do
      local before = random_text(math.random(0, 60))
      local after = round % 2 == 0 and random_text(math.random(0, 60)) or mutated(mutated(before))
      local pieces = words.compare(before, after)
      expect.equal(side(pieces, "removed"), before)
      expect.equal(side(pieces, "added"), after)
    end
  end)

  it("gives bytes again that are no text", function()
    local before, after = "\xFF\xE3\n\0x\x80", "\xFE\n\0y\xE3\xE3"
    local pieces = words.compare(before, after)
    expect.equal({ side(pieces, "removed"), side(pieces, "added") }, { before, after })
  end)

  it("counts words", function()
    expect.equal(words.count(words.compare("a friendly voice", "a warm, calm voice")), { removed = 1, added = 2 })
  end)
end)

describe("two texts of a megabyte", function()
  local function compared(before, after)
    local pieces = words.compare(before, after)
    expect.equal({ side(pieces, "removed") == before, side(pieces, "added") == after }, { true, true })
    return pieces
  end

  -- For texts of twice the size the effort is not much more than twice as much; `make(count)` returns both texts.
  local function grows_in_proportion(make, count)
    local function effort(n)
      local before, after = make(n)
      return steps.of(function() compared(before, after) end)
    end
    expect.truthy(effort(2 * count) < 3 * effort(count))
  end

  local function numbered(format, count)
    local parts = {}
    for index = 1, count do parts[index] = format:format(index, index % 7) end
    return table.concat(parts)
  end

  it("without anything in common take effort in proportion to their size", function()
    grows_in_proportion(function(n)
      return numbered("left%d word%d\n", n), numbered("right%d term%d\n", n)
    end, 15000)
  end)

  it("of few different words take effort in proportion to their size", function()
    grows_in_proportion(function(n) return ("a b a a b "):rep(10 * n), ("b a b "):rep(17 * n) end, 2500)
    grows_in_proportion(function(n) return ("a\n"):rep(3 * n), ("a\nb\n"):rep(2 * n) end, 25000)
  end)

  it("that differ in many places still show each of them", function()
    local before = numbered("line %d says %d\n", 50000)
    local after = before:gsub("(line %d*00) says", "%1 tells")
    local pieces = compared(before, after)
    expect.equal(words.count(pieces), { removed = 500, added = 500 })
  end)
end)

describe("the lines of a comparison", function()
  it("show only places that changed, with a few words beside them and the number of the line", function()
    expect.equal(lines("# Greeting\n\nSay hello to the caller at once.\nEnd.\n",
      "# Greeting\n\nSay hello to the patient at once.\nEnd.\n", { context = 2 }),
      "     3  … to the [-caller-]{+patient+} at once.")
    expect.equal(lines("same", "same"), "")
  end)

  it("mark lines that only one of the texts has", function()
    expect.equal(lines("a\nb\nc\n", "a\nc\nd\n"), "-    2  [-b-]\n+    3  {+d+}")
  end)

  it("show line breaks that come or go", function()
    expect.equal(lines("a b\n", "a\nb\n"), "     1  a[- -]{+↵+}")
    expect.equal(lines("a\n", "a\n\n"), "+    2  {+↵+}")
    expect.equal(lines("a", "a\n"), "     1  a{+↵+}")
  end)

  it("leave out long text between changes", function()
    local middle = (" word"):rep(40)
    expect.equal(lines("old" .. middle .. " old", "new" .. middle .. " new", { context = 2 }),
      "     1  [-old-]{+new+} word word … word word [-old-]{+new+}")
    expect.truthy(#lines("old" .. ("x"):rep(100000), "old" .. ("x"):rep(100000) .. " new") < 400)
  end)

  it("are folded to a width", function()
    local text = lines("", ("some words "):rep(20), { width = 40 })
    for line in text:gmatch("[^\n]+") do expect.truthy(utf8.len(line) <= 40, line) end
    expect.contains(text, "\n        {+")
  end)

  it("are coloured instead of marked when that is wanted", function()
    local text = lines("an old hat", "a new hat", { color = true })
    expect.contains(text, "\27[31m")
    expect.contains(text, "\27[32m")
    expect.falsy(text:find("{+", 1, true))
  end)

  it("show control characters as what they are", function()
    expect.falsy(lines("a", "a \27[2J \xC2\x9B[2J"):find("[\27\155]"))
  end)
end)
