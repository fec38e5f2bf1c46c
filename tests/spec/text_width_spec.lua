-- How wide text stands on a terminal.

local process = require "helpers.process"
local width = require "anyreach.text_width"

describe("the width of a text", function()
  it("counts wide characters twice and combining marks not at all", function()
    expect.equal(width.of "", 0)
    expect.equal(width.of "abc", 3)
    expect.equal(width.of "äöü", 3)
    expect.equal(width.of "日本", 4)
    expect.equal(width.of "e\u{301}", 1)
    expect.equal(width.of "😀", 2)
  end)

  it("counts what is no UTF-8 byte by byte", function()
    expect.equal(width.of "\xFF\xC3", 2)
    expect.equal(width.of "a\xE6\x97", 3)
    expect.equal(width.of "\0a", 2)
  end)

  it("does not depend on the locale", function()
    local _, out = process.run("LC_ALL=C " .. process.anyreach("-e", 'print(require("anyreach.text_width").of "日本")'))
    expect.equal(out, "4\n")
  end)
end)

describe("a cut", function()
  it("takes what fits, and no half characters", function()
    expect.equal(width.cut("abc", 2), "ab")
    expect.equal(width.cut("日本語", 5), "日本")
    expect.equal(width.cut("e\u{301}a", 1), "e\u{301}")
    expect.equal(width.cut("abc", 0), "")
    expect.equal(width.cut("abc", -1), "")
    expect.equal(width.cut("abc", 10), "abc")
  end)
end)
