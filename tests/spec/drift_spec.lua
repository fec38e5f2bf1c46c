-- Which side has changed a value since the lock noted it, what is done about it, and merging texts; all of it pure.

local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local json = require "anyreach.json"
local merge_text = require "anyreach.text.merge_text"
local random_value = require "helpers.random_value"
local secret = require "anyreach.secret"
local stored_form = require "anyreach.agents.stored_form"

local function paths(list)
  local found = {}
  for index, part in ipairs(list) do found[index] = part.path end
  return found
end

-- What is decided when `wrote` and `got` were noted, and the sides are now `wanted` and `there`.
local function decide(wrote, got, wanted, there, options)
  return drift.decide(drift.note(nil, wrote, got, "a1"), wanted, there, "a1", options)
end

describe("drift", function()
  it("is told by side", function()
    local sides = {}
    local fields = drift.note(nil, { a = 1, b = 1, c = 1, d = 1 }, { a = 1, b = 1, c = 1, d = 1 }, "a1")
    for _, part in ipairs(drift.parts(fields, { a = 1, b = 2, c = 1, d = 2, e = 1 }, { a = 1, b = 1, c = 2, d = 3 },
      "a1")) do
      sides[part.path] = part.side
    end
    expect.equal(sides, { a = "same", b = "files", c = "organization", d = "both", e = "files" })
  end)

  it("is none where the organisation has another form, until either side changes", function()
    local function found(wanted, there)
      local decision = decide({ k = secret "hush" }, { k = "****" }, { k = wanted }, { k = there })
      return { #decision.quiet, #decision.kept, #decision.conflicts }
    end
    expect.equal(found(secret "hush", "****"), { 1, 0, 0 })
    expect.equal(found(secret "other", "****"), { 0, 0, 0 })
    expect.equal(found(secret "hush", "**"), { 0, 1, 0 })
    expect.equal(found(secret "other", "**"), { 0, 0, 1 })
  end)

  it("is about a whole list when its elements change, and else about each of them", function()
    local function list(...) return { tools = json.array { ... } } end
    local a, b = { name = "a", on = true }, { name = "b", on = true }
    local a2, b2 = { name = "a", on = false }, { name = "b", on = false }
    local decision = decide(list(a, b), list(a, b), list(a2, b), list(a, b2))
    expect.equal({ paths(decision.kept), paths(decision.conflicts) }, { { "tools[2].on" }, {} })
    expect.equal(drift.settled(list(a2, b), decision), list(a2, b2))
    decision = decide(list(a, b), list(a, b), list(a, b), list(a))
    expect.equal(paths(decision.kept), { "tools" })
    decision = decide(list(a, b), list(a, b), list(a2, b), list(b, a))
    expect.equal(paths(decision.conflicts), { "tools" })
  end)

  it("merges only from a version that still has what was noted", function()
    local wrote = { x = { text = "one two three four five" } }
    local wanted, there = { x = { text = "1 two three four five" } }, { x = { text = "one two three four 5" } }
    local function merged(base)
      local function read(number) return number == 3 and base or nil end
      return decide(wrote, wrote, wanted, there, { version = 3, base = read })
    end
    expect.equal(drift.settled(wanted, merged(wrote)), { x = { text = "1 two three four 5" } })
    expect.equal(paths(merged({ x = { text = "else" } }).conflicts), { "x.text" })
    expect.equal(paths(merged(nil).conflicts), { "x.text" })
  end)

  it("is settled by what was decided, for values of any kind", function()
    local _, random = random_value.generator(11)
    for _ = 1, 300 do
      local wrote, there = { config = random_value.map(random) }, { config = random_value.map(random) }
      local same = decide(wrote, there, wrote, there)
      expect.equal({ #same.kept, #same.conflicts, #same.merged }, { 0, 0, 0 })
      expect.equal(#diff.compare(wrote, drift.as_written(there, same)), 0)
      local moved = decide(wrote, wrote, wrote, there)
      expect.equal({ #moved.quiet, #moved.conflicts, #moved.merged }, { 0, 0, 0 })
      expect.equal(#diff.compare(drift.settled(wrote, moved), there), 0)
      local ours = decide(wrote, wrote, wrote, there, { prefer = "ours" })
      expect.equal(drift.settled(wrote, ours), wrote)
      local fields = drift.note(drift.note(nil, wrote, wrote, "a1"), wrote, there, "a1", moved, 1)
      local again = drift.decide(fields, wrote, there, "a1")
      expect.equal({ paths(again.kept), #again.conflicts }, { paths(moved.kept), 0 })
    end
  end)
end)

describe("a merge of texts", function()
  it("takes changes of both sides by lines and by words", function()
    expect.equal(merge_text("a\nb\nc\n", "A\nb\nc\n", "a\nb\nc\nd\n"), "A\nb\nc\nd\n")
    expect.equal(merge_text("be kind and brief", "be warm and brief", "be kind and short"), "be warm and short")
    expect.equal(merge_text("a b c", "x b c", "x b c"), "x b c")
  end)

  it("is none where changes meet, or in what is one word", function()
    expect.equal(merge_text("be kind", "be warm", "be cold"), nil)
    expect.equal(merge_text("a\nb\n", "a\nx\nb\n", "a\ny\nb\n"), nil)
    expect.equal(merge_text("gpt-4-mini-high", "gpt-5-mini-high", "gpt-4-mini-low"), nil)
  end)

  it("has every change of each side, and nothing else", function()
    local _, random = random_value.generator(5)
    for _ = 1, 300 do
      local base, ours, theirs = {}, {}, {}
      for index = 1, 8 do
        base[index] = "line " .. index
        ours[index], theirs[index] = base[index], base[index]
      end
      local here, elsewhere = random(1, 8), random(1, 8)
      ours[here], theirs[elsewhere] = "ours", "theirs"
      local function text(list) return table.concat(list, "\n") .. "\n" end
      local merged = merge_text(text(base), text(ours), text(theirs))
      if math.abs(here - elsewhere) > 1 then
        base[here], base[elsewhere] = "ours", "theirs"
        expect.equal(merged, text(base))
      elseif here == elsewhere then
        expect.equal(merged, nil)
      end
    end
  end)
end)

describe("another form of a value", function()
  it("is one that is masked, trimmed or rounded", function()
    for _, pair in ipairs { { "sk-123", "****23" }, { secret "hush", "***" }, { " a\n", "a" }, { 0.3333, 0.33 },
      { 0.1, 0.10000000149 }, { "EN-us", "en-US" }, { 1, "1" }, { "2.5", 2.5 } } do
      expect.truthy(stored_form.is_alike(pair[1], pair[2]))
    end
  end)

  it("is none that says something else", function()
    for _, pair in ipairs { { "alloy", "nova" }, { 2, 1 }, { true, false }, { "a", nil }, { "a", json.null },
      { secret "hush", json.null }, { {}, 1 }, { "x", 1 } } do
      expect.falsy(stored_form.is_alike(pair[1], pair[2]))
    end
  end)
end)
