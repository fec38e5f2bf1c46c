-- What Tab does with candidates: repl.tab.

local tab = require "anyreach.repl.completion"

local function completion(from, to, ...)
  local candidates = {}
  for index, text in ipairs { ... } do candidates[index] = { text = text, suffix = "(" } end
  return { from = from, to = to, candidates = candidates }
end

describe("Tab", function()
  it("does nothing without candidates", function()
    expect.equal({ tab.edit(nil, 3, true, 80, 24) }, { 0 })
    expect.equal({ tab.edit(completion(1, 3), 3, true, 80, 24) }, { 0 })
  end)

  it("puts the only candidate, with its suffix, in the place of what was typed", function()
    expect.equal({ tab.edit(completion(5, 6, "publish"), 6, false, 80, 24) }, { 2, "publish(" })
  end)

  it("puts in what all candidates share, never half a character", function()
    expect.equal({ tab.edit(completion(1, 1, "apple", "apricot"), 1, false, 80, 24) }, { 1, "ap" })
    expect.equal({ tab.edit(completion(1, 1, "xé", "xè"), 0, false, 80, 24) }, { 0, "x" })
  end)

  it("lists the candidates at the second time, when they share no more", function()
    local candidates = completion(1, 2, "apple", "apricot")
    local _, _, first = tab.edit(candidates, 2, false, 80, 24)
    expect.equal(first, nil)
    local length, insert, listing = tab.edit(candidates, 2, true, 80, 24)
    expect.equal({ length, insert or false, listing }, { 0, false, "apple    apricot" })
  end)
end)

describe("a listing", function()
  local function listed(columns, rows, ...)
    return tab.listing(completion(1, 0, ...).candidates, columns, rows)
  end

  it("has columns that are read from the top down", function()
    expect.equal(listed(10, 24, "a", "b", "c", "d", "e"), "a  c  e\nb  d")
  end)

  it("counts the width of wide characters", function()
    expect.equal(listed(11, 24, "漢字", "b", "c"), "漢字  c\nb")
  end)

  it("has one candidate a line when it is wider than the terminal", function()
    expect.equal(listed(4, 24, "abcdef", "b"), "abcdef\nb")
  end)

  it("leaves room on the screen, and says how many there are", function()
    expect.equal(listed(1, 7, "a", "b", "c", "d"), "a\nb\n… of 4: a letter more makes them fewer")
    expect.equal(listed(1, 8, "a", "b", "c", "d"), "a\nb\nc\nd")
  end)
end)
