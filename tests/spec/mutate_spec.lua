-- The mutation tool: which mutants a file has, and what is said of those that no test notices.

local process = require "helpers.process"
local mutants = require "mutate.mutants"
local targets = require "mutate.targets"

-- "LINE: before -> after" of each mutant, in their order.
local function list(text, kind)
  local lines = {}
  for index, mutant in ipairs(mutants.of(text, kind)) do
    lines[index] = ("%d: %s -> %s"):format(mutant.line, mutant.before, mutant.after)
  end
  return lines
end

describe("the mutants of Lua", function()
  it("are operators, constants, conditions, negations, returns and statements", function()
    local text = [[
-- if a == 1 then "never" end
local function f(a, b)
  if a and not b then return "a == 1" end
  total = a + 10
  g(a)
  return a <= b
end
]]
    expect.equal(list(text, "lua"), {
      "3: if a and not b then return \"a == 1\" end -> if not (a and not b) then return \"a == 1\" end",
      "3: if a and not b then return \"a == 1\" end -> if a or not b then return \"a == 1\" end",
      "3: if a and not b then return \"a == 1\" end -> if a and b then return \"a == 1\" end",
      "3: if a and not b then return \"a == 1\" end -> if a and not b then do end end",
      "4: total = a + 10 -> do end",
      "4: total = a + 10 -> total = a - 10",
      "4: total = a + 10 -> total = a + 11",
      "5: g(a) -> do end",
      "6: return a <= b -> do end",
      "6: return a <= b -> return a < b",
    })
  end)

  it("leave no program that does not compile", function()
    for _, mutant in ipairs(mutants.of("local t = {\n  f(1),\n  g(2)\n}\nreturn t == nil\n", "lua")) do
      expect.truthy(load(mutant.text))
    end
  end)

  it("do not say the same twice", function()
    expect.equal(list("if a == b then c() end\n", "lua"), { "1: if a == b then c() end -> if a ~= b then c() end" })
    expect.equal(list("if not a then c() end\n", "lua"), { "1: if not a then c() end -> if a then c() end" })
  end)
end)

describe("the mutants of C", function()
  it("are the same kinds, and leave signs, pointers and directives alone", function()
    local text = [[
#define LIMIT 3 == 3
/* a == b */
static bool f(const char *text, int n) {
  if (!text || n == -1) return true;
  puts("a && b");
  return n < LIMIT;
}
]]
    expect.equal(list(text, "c"), {
      "4: if (!text || n == -1) return true; -> if (!(!text || n == -1)) return true;",
      "4: if (!text || n == -1) return true; -> if (text || n == -1) return true;",
      "4: if (!text || n == -1) return true; -> if (!text && n == -1) return true;",
      "4: if (!text || n == -1) return true; -> if (!text || n != -1) return true;",
      "4: if (!text || n == -1) return true; -> if (!text || n == -2) return true;",
      "4: if (!text || n == -1) return true; -> if (!text || n == -1) ;",
      "4: if (!text || n == -1) return true; -> if (!text || n == -1) return false;",
      "5: puts(\"a && b\"); -> ;",
      "6: return n < LIMIT; -> return n <= LIMIT;",
    })
  end)
end)

describe("the files that have a short name", function()
  it("are there, with the tests that speak about them", function()
    for _, file in pairs(targets.PRESETS) do
      expect.truthy(process.read(file))
      for _, test in ipairs(targets.TESTS[file]) do expect.truthy(process.read(test)) end
    end
  end)
end)

-- {====== runs ======

local TOY = [[
local toy = {}
function toy.is_small(n)
  return n < 10
end
function toy.double(n)
  return n * 2
end
return toy
]]

local SPEC = [[
local toy = dofile "toy.lua"
it("is small", function()
  expect.truthy(toy.is_small(9))
  expect.falsy(toy.is_small(11))
end)
it("doubles", function() expect.equal(toy.double(2), %s) end)
]]

-- A tree with a program, its spec, and the harness.
local function new_tree(expected, equivalent)
  return process.directory_of {
    ["toy.lua"] = TOY,
    ["tests/run.lua"] = process.read "tests/run.lua",
    ["tests/toy_spec.lua"] = SPEC:format(expected),
    ["tests/mutate/equivalent.txt"] = equivalent or "",
  }
end

local function mutate(root, words)
  local code, out, err = process.run(process.anyreach("tests/mutate/mutate.lua", "--root", root) .. " " .. words)
  return { code = code, out = out, err = err }
end

describe("a run", function()
  it("lists what no test notices, and exits with 9", function()
    local result = mutate(new_tree("4"), "toy.lua tests/toy_spec.lua")
    expect.equal(result.out, [[
toy.lua:3: return n < 10 -> return n <= 10
toy.lua:3: return n < 10 -> return n < 11
toy.lua: 7 mutants: 5 noticed, 0 timed out, 0 not built, 0 equivalent, 2 survived
]])
    expect.equal(result.code, 9)
  end)

  it("leaves out what is known to be the same, for a reason", function()
    local known = "toy.lua: return n < 10 -> return n <= 10\n"
    local reasons = known .. "  nobody asks for ten\n\ntoy.lua: return n < 10 -> return n < 11\n  nor now\n"
    local result = mutate(new_tree("4", reasons), "toy.lua tests/toy_spec.lua")
    expect.equal(result.out, "toy.lua: 7 mutants: 5 noticed, 0 timed out, 0 not built, 2 equivalent, 0 survived\n")
    expect.equal(result.code, 0)
    result = mutate(new_tree("4", known .. "\n" .. reasons), "toy.lua tests/toy_spec.lua")
    expect.equal(result.code, 1)
    expect.contains(result.err, "no reason")
  end)

  it("leaves the tree as it was", function()
    local root = new_tree("4")
    mutate(root, "toy.lua tests/toy_spec.lua")
    expect.equal(process.read(root .. "/toy.lua"), TOY)
  end)

  it("needs tests that pass, and a file that is there", function()
    local result = mutate(new_tree("5"), "toy.lua tests/toy_spec.lua")
    expect.equal(result.code, 1)
    expect.contains(result.err, "tests/toy_spec.lua failed without any change")
    expect.equal(mutate(new_tree("4"), "tyo.lua").code, 64)
    expect.equal(mutate(new_tree("4"), "toy.lua").code, 64)
  end)

  it("can be narrowed to lines, and only listed", function()
    local result = mutate(new_tree("4"), "--list --lines 5-6 toy.lua")
    expect.equal(result.out, "toy.lua:6: return n * 2 -> do end\ntoy.lua:6: return n * 2 -> return n / 2\n"
      .. "toy.lua:6: return n * 2 -> return n * 3\n")
    expect.equal(result.code, 0)
  end)
end)

-- }======
