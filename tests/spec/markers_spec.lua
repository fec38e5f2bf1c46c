-- Markers such as ${NAME} in texts of agent files: what is one, and that an escaped text is read as it was.

local markers = require "anyreach.agents.file.markers"
local yaml = require "anyreach.yaml"

describe("a text", function()
  it("holds a marker, or an escape, or neither", function()
    local cases = {
      { "a ${NAME} b", "a ${NAME} b", "${NAME}" }, { "@@CITY_2@@", "@@CITY_2@@", "@@CITY_2@@" },
      { "$${NAME}", "${NAME}" }, { "$$${NAME}", "$${NAME}" }, { "@@@@CITY@@", "@@CITY@@" },
      { "@@@CITY@@", "@@@CITY@@", "@@CITY@@" },
      { "$${A} ${B}", "${A} ${B}", "${B}" },
      { "$$5 $$ ${lower} $HOME {{CLINIC}} @@ @@x@@ $${x} @@@@",
        "$$5 $$ ${lower} $HOME {{CLINIC}} @@ @@x@@ $${x} @@@@" },
    }
    for _, case in ipairs(cases) do expect.equal({ markers.read(case[1]) }, { case[2], case[3] }) end
  end)

  it("may hold markers whose names are allowed", function()
    expect.equal({ markers.read("${A} @@B@@ $${A}", { A = true, B = true }) }, { "${A} @@B@@ ${A}" })
    expect.equal(markers.find("${A} @@B@@", { A = true }), "@@B@@")
    expect.equal(markers.escape("${A} @@B@@", { A = true }), "${A} @@@@B@@")
  end)

  it("of any kind is read as it was before it was escaped, and has no marker then", function()
    local pieces = { "$", "@", "@@", "{", "}", "A", "B", "{A}", "A@@", "${A}", "@@B@@", "x", " " }
    math.randomseed(7)
    for _ = 1, 20000 do
      local words = {}
      for index = 1, math.random(9) do words[index] = pieces[math.random(#pieces)] end
      local text = table.concat(words)
      for _, allowed in ipairs { {}, { A = true } } do
        local again, marker = markers.read(markers.escape(text, allowed), allowed)
        expect.equal({ again, marker }, { text })
      end
    end
  end)
end)

describe("a value", function()
  it("is escaped in all its texts, but not in tags", function()
    local value = { a = { "${A}", 1, yaml.tag("!file", "${A}.md") }, b = { c = "@@B@@" } }
    local escaped = markers.escape_all(value)
    expect.equal({ escaped.a[1], escaped.a[3].value, escaped.b.c }, { "$${A}", "${A}.md", "@@@@B@@" })
    expect.equal(markers.read_all(escaped), value)
  end)
end)
