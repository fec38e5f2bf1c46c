-- What an entry at the prompt is: when it is complete, what it returns, and whether it is remembered.

local chunk = require "anyreach.repl.chunk"
local prompt = require "anyreach.repl.prompt"

local function results(entry)
  local f, message = chunk.compile(entry, {})
  if not f then return message end
  return { f() }
end

describe("an entry", function()
  it("is unfinished while the parser wants more", function()
    for _, entry in ipairs {
      "for i = 1, 2 do", "f(", "f(1,", "{ a = 1,", "x =", "= 1 +", "1 +", "function f()", "if x then\n  y()\nelse",
      "t = [[a\nb", "--[[ a", "return", "a = 1\nb = (", "x = function()\nreturn 1",
    } do
      expect.equal({ entry, chunk.is_unfinished(entry) }, { entry, entry ~= "return" })
    end
  end)

  it("of many lines is not parsed once a line to tell that it is unfinished", function()
    local parse, count = load, 0
    local open <close> = setmetatable({}, { __close = function() _G.load = parse end }) -- luacheck: ignore 211 122
    _G.load = function(...) -- luacheck: ignore 122
      count = count + 1
      return parse(...)
    end
    for _, start in ipairs { "x = {\n", "f(\n", "= {\n", "x = { [[\n", "function f() x = {\n" } do
      count = 0
      expect.truthy(chunk.is_unfinished(start .. ("  1,\n"):rep(100)))
      expect.truthy(count <= 4)
    end
  end)

  it("is finished when it is whole, or wrong", function()
    for _, entry in ipairs {
      "", "  \n", "1", "= 1", "x = 1", "f()", "x x", '"abc', "end", "for i = 1, 2 do end", "-- a", "1 +* 2", "a = 1\na",
      "x = 1\nx + 1",
    } do
      expect.equal({ entry, chunk.is_unfinished(entry) }, { entry, false })
    end
  end)

  it("returns the values of an expression, also of the last line of several", function()
    expect.equal(results "1, 2", { 1, 2 })
    expect.equal(results "= 3", { 3 })
    expect.equal(results "x = 1", {})
    expect.equal(results "local a = 1\nlocal b = 2\na + b", { 3 })
    expect.equal(results "local a = 1\n{\na,\na\n}", { { 1, 1 } })
    expect.equal(results "-- a comment\n4\n\n", { 4 })
  end)

  it("that is wrong is refused in the parser's words", function()
    expect.match(results "x x", "^%(prompt%):1: syntax error near 'x'$")
    expect.match(results "1 + * 2", "^%(prompt%):1: unexpected symbol near '%*'$")
    expect.match(results "x = * 2", "^%(prompt%):1: unexpected symbol near '%*'$")
    expect.match(results "= = 1", "unexpected symbol near '='")
    expect.match(results "a = 1\nb b", "^%(prompt%):2: ")
    expect.match(results "\27Lua", "the chunk is compiled Lua, which can crash the program")
  end)

  it("declares a local for nothing when nothing in it uses the name", function()
    expect.equal(chunk.lost_local "local x = 1", "x")
    expect.equal(chunk.lost_local "  local x <const>, y = 1", "x")
    expect.equal(chunk.lost_local "local function f() end", "f")
    expect.equal(chunk.lost_local "local x = 1; print(x)", nil)
    expect.equal(chunk.lost_local "local max = xmax", "max")
    expect.equal(chunk.lost_local "x = 1", nil)
    expect.equal(chunk.lost_local "locals = 1", nil)
  end)
end)

describe("history", function()
  it("keeps no entry that seems to hold a credential", function()
    local made = anyreach.secret "a-secret-that-was-made"
    for _, entry in ipairs {
      'anyreach.client{ token = "x" }', "c = anyreach.client { token = 'x' }", 't = "ak_1234.abcd"', "pat_9876_x",
      "s = anyreach.secret 'hush'", 's = anyreach.secret("hush")', 's = anyreach.secret\n[[hush]]',
      'h = { Authorization = "Basic eDp5" }', 'x = "Bearer abc"', 'print("a-secret-that-was-made")',
      "password = 'p'", "config.api_key = '7'",
    } do
      expect.equal({ entry, prompt.keeps(entry) }, { entry, false })
    end
    expect.equal(tostring(made), "[secret]")
  end)

  it("keeps all others", function()
    for _, entry in ipairs {
      "api.agents.list()", "make_a = 1", "bearer_count", "api.tokens.list()", "task_1:wait()", "#secrets",
    } do
      expect.equal({ entry, prompt.keeps(entry) }, { entry, true })
    end
  end)
end)
