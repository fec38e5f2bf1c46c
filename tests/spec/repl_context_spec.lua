-- Where in unfinished Lua source its end stands, found from its text alone.

local context = require "anyreach.repl.context"
local lexer = require "anyreach.repl.lexer"

local function kinds(text)
  local list = {}
  for i, token in ipairs(lexer.tokens(text)) do
    list[i] = token.kind .. (token.is_open and "?" or "") .. " " .. token.text
  end
  return list
end

local function chain_text(chain)
  local parts = {}
  for i, step in ipairs(chain or {}) do parts[i] = step.kind .. (step.name and " " .. step.name or "") end
  return table.concat(parts, ", ")
end

local function chain_at(text)
  local place = context.at_end(text)
  return chain_text(place.chain) .. (place.access and " then " .. place.access or "")
end

-- The open brackets and blocks, each with what it calls, its position and the field whose value is typed.
local function frames_at(text)
  local parts = {}
  for i, frame in ipairs(context.at_end(text).frames) do
    local callee = frame.callee and chain_text(frame.callee) or ""
    parts[i] = ("%s %s %d%s"):format(frame.open, callee, frame.position, frame.field and " " .. frame.field or "")
  end
  return table.concat(parts, " | ")
end

describe("the lexer", function()
  it("reads names, keywords, numbers, strings and symbols", function()
    expect.equal(kinds [[local a = f("x\"y", 'z', 0x1F, 1e-3) .. b.c]], {
      "keyword local", "name a", "symbol =", "name f", "symbol (", [[string "x\"y"]], "symbol ,", "string 'z'",
      "symbol ,", "number 0x1F", "symbol ,", "number 1e-3", "symbol )", "symbol ..", "name b", "symbol .", "name c",
    })
  end)

  it("takes dots, comparisons and varargs as one symbol each", function()
    expect.equal(kinds "... .. . == ~= :: //", {
      "symbol ...", "symbol ..", "symbol .", "symbol ==", "symbol ~=", "symbol ::", "symbol //",
    })
  end)

  it("says of a string, a long string and a comment that they have no end yet", function()
    expect.equal(kinds [[x = "abc]], { "name x", "symbol =", [[string? "abc]] })
    expect.equal(kinds "x = [==[ a ]] b", { "name x", "symbol =", "string? [==[ a ]] b" })
    expect.equal(kinds "--[[ a", { "comment? --[[ a" })
    expect.equal(kinds "-- a", { "comment? -- a" })
  end)

  it("ends a short string at the end of its line, and a comment, too", function()
    expect.equal(kinds '"a\nb -- c\nd', { 'string "a', "name b", "comment -- c", "name d" })
  end)

  it("goes through any bytes without failing", function()
    for byte = 0, 255 do
      local text = string.char(byte)
      lexer.tokens(text)
      lexer.tokens(text .. '"' .. text .. "\\")
      context.at_end("f(" .. text .. "{" .. text)
    end
  end)
end)

describe("the chain at the end", function()
  it("follows fields, constant indices, methods and calls", function()
    expect.equal(chain_at 'a.b["c d"][2]:e().', "name a, field b, field c d, field 2, method e, call then .")
    expect.equal(chain_at "f{ x = 1 }.", "name f, call then .")
    expect.equal(chain_at 'f "x".', "name f, call then .")
  end)

  it("knows that an index may be unknown", function()
    expect.equal(chain_at "a[i].", "name a, unknown then .")
    expect.equal(chain_at 'a["x" .. y].', "name a, unknown then .")
  end)

  it("begins anew after an operator, a keyword or a statement", function()
    expect.equal(chain_at "x = a.b + c.", "name c then .")
    expect.equal(chain_at "return c.", "name c then .")
    expect.equal(chain_at "a.b()\nc.", "name c then .")
    expect.equal(chain_at "(a).", "")
  end)
end)

describe("the frames at the end", function()
  it("know what is called, and which argument and field is being typed", function()
    expect.equal(frames_at "f(a, { b = 1, c = { d", "( name f 2 | {  2 c | {  1")
    expect.equal(frames_at "a.b{ x, ['y z'] = ", "{ name a, field b 2 y z")
    expect.equal(frames_at "t['k", "[ name t 1")
  end)

  it("do not take the commas of a function's body for those of the call", function()
    expect.equal(frames_at "f(function(a, b) local c, d = 1, 2 end, ", "( name f 2")
    expect.equal(frames_at "f(function() if a then b(1, 2) elseif c then d(3, 4) else e(5, 6) end end, ", "( name f 2")
    expect.equal(frames_at "f(function() repeat g(1, 2) until a, ", "( name f 1 | block  1")
  end)

  it("survive brackets that fit nothing", function()
    expect.equal(frames_at ")]} f(", "( name f 1")
  end)
end)

describe("what is declared", function()
  it("are locals, loop variables and parameters", function()
    local place = context.at_end "local a, b = c, d\nfor i, j in pairs(k) do local function g(x, ...) "
    local names = {}
    for name in pairs(place.locals) do names[#names + 1] = name end
    table.sort(names)
    expect.equal(names, { "a", "b", "i", "j", "x" })
  end)
end)

describe("comments and numbers", function()
  it("have nothing to complete", function()
    expect.truthy(context.at_end("-- api.").is_blocked)
    expect.truthy(context.at_end("x = 1.").is_blocked)
    expect.falsy(context.at_end("-- api.\n").is_blocked)
  end)
end)
