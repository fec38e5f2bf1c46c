-- The binding of PCRE2. What patterns mean to schemas is in schema_spec.lua.

local regex = require "anyreach.regex"

describe("a regular expression", function()
  it("tells whether a text holds a match", function()
    local expression = regex.compile "b+$"
    expect.equal({ expression:matches "abb", expression:matches "ab\n", expression:matches "" }, { true, false, false })
  end)

  it("that is wrong gives a message and the place", function()
    local expression, message, place = regex.compile "a(b"
    expect.equal({ expression, message, place }, { nil, "missing closing parenthesis", 4 })
  end)

  it("gives up when a match takes too many steps", function()
    local found, message = regex.compile("^(a+)+$"):matches(("a"):rep(1000) .. "b")
    expect.equal({ found, message }, { nil, "match limit exceeded" })
  end)

  it("reads texts that are not UTF-8, too", function()
    expect.equal(regex.compile("a"):matches "\xff\xfea", true)
  end)

  it("is of no use once it was freed, and does no harm", function()
    local expression = regex.compile "a"
    getmetatable(expression).__gc(expression)
    expect.raises(function() expression:matches "a" end, "the regular expression was freed")
    expect.raises(function() expression.matches(1, "a") end, "anyreach.regex expected")
  end)
end)
