-- The three-way merge of promotion.

local json = require "anyreach.json"
local merge = require "anyreach.agents.merge"
local reference = require "anyreach.yaml.reference"

local function paths(conflicts)
  local list = {}
  for index, conflict in ipairs(conflicts) do list[index] = conflict.path end
  return list
end

local function expect_merge(base, source, target, expected, conflicts, prefer)
  local merged, found = merge.run(base, source, target, prefer)
  expect.equal(merged, expected)
  expect.equal(paths(found), conflicts or {})
end

describe("a merge", function()
  it("takes what only the source has changed, and keeps what only the target has", function()
    expect_merge({ a = 1, b = 1, c = { d = 1, e = 1 } }, { a = 2, b = 1, c = { d = 2, e = 1 } },
      { a = 1, b = 2, c = { d = 1, e = 2 } }, { a = 2, b = 2, c = { d = 2, e = 2 } })
  end)

  it("takes added and removed fields of either side", function()
    expect_merge({ gone = 1, lost = 1 }, { lost = 1, new = { x = 1 } }, { gone = 1, more = 2 },
      { new = { x = 1 }, more = 2 })
  end)

  it("takes changes that both have made in the same way", function()
    expect_merge({ a = 1 }, { a = 2 }, { a = 2 }, { a = 2 })
  end)

  it("knows false from absent, and null as absent", function()
    expect_merge({ a = false, b = json.null }, { a = true }, { a = false }, { a = true })
    expect_merge({ a = true }, { a = false }, { a = true }, { a = false })
    expect_merge({ a = json.null }, {}, { a = 1 }, { a = 1 })
  end)

  it("finds a conflict where both have changed a field differently", function()
    local base, source, target = { a = { b = 1, c = 1 } }, { a = { b = 2, c = 2 } }, { a = { b = 3, c = 1 } }
    expect_merge(base, source, target, { a = { b = 3, c = 2 } }, { "a.b" })
    expect_merge(base, source, target, { a = { b = 2, c = 2 } }, { "a.b" }, "source")
    expect_merge({ a = 1 }, {}, { a = 2 }, {}, { "a" }, "source")
    expect_merge({ a = 1 }, {}, { a = 2 }, { a = 2 }, { "a" }, "target")
  end)

  it("finds a conflict in each field that differs when there is no base", function()
    expect_merge(nil, { a = 1, b = { c = 1, d = 1 }, e = 1 }, { a = 2, b = { c = 1, d = 2 }, f = 1 },
      { a = 2, b = { c = 1, d = 2 }, f = 1 }, { "a", "b.d", "e", "f" })
    expect_merge(nil, { a = 1 }, { a = 1 }, { a = 1 })
  end)

  it("goes into lists whose elements go by the same names, and takes others whole", function()
    local function tools(...)
      local list = json.array {}
      for index, text in ipairs { ... } do list[index] = { name = text:sub(1, 1), text = text } end
      return { tools = list }
    end
    expect_merge(tools("a1", "b1"), tools("a2", "b1"), tools("a1", "b2"), tools("a2", "b2"))
    expect_merge(tools("a1", "b1"), tools("a1", "b1", "c1"), tools("a1", "b1"), tools("a1", "b1", "c1"))
    expect_merge(tools("a1", "b1"), tools("b1", "a1"), tools("a1", "b2"), tools("a1", "b2"), { "tools" })
    local words = { json.array { "x" }, json.array { "y" }, json.array { "z" } }
    expect_merge({ list = words[1] }, { list = words[2] }, { list = words[3] }, { list = words[3] }, { "list" })
  end)

  it("says of a conflict what each side has, and of the base what there was", function()
    local function conflicts(...)
      return select(2, merge.run(...))
    end
    expect.equal(conflicts({ a = 1 }, { a = 2 }, { a = 3 }), { { path = "a", base = 1, source = 2, target = 3 } })
    expect.equal(conflicts({}, { a = 2 }, { a = 3 }), { { path = "a", source = 2, target = 3 } })
    expect.equal(conflicts(nil, { a = 2 }, { a = 3 }), { { path = "a", source = 2, target = 3 } })
    expect.equal(conflicts({ a = 1 }, { a = json.null }, { a = 3 }), { { path = "a", base = 1, target = 3 } })
  end)

  it("takes a null for a removal, and leaves none behind", function()
    local base = { a = 1, x = 1, y = 1 }
    for _, prefer in ipairs { "source", "target" } do
      local merged = merge.run(base, { a = json.null, x = 2, y = 1 }, { a = 1, x = 1, y = 2 }, prefer)
      expect.equal({ merged.a, merged.x, merged.y }, { nil, 2, 2 })
    end
    expect.equal(merge.run(base, { a = json.null, x = 2, y = 1 }, { a = 2, x = 1, y = 1 }, "source").a, nil)
    expect.equal(merge.run(base, { a = 2, x = 2, y = 1 }, { a = json.null, x = 1, y = 1 }).a, nil)
  end)

  it("takes numbers that no double holds whole", function()
    local function number(last)
      return json.decode('{"a":1234567890123456789012' .. last .. "}")
    end
    expect_merge(number(1), number(2), number(3), number(3), { "a" })
    expect_merge(number(1), number(2), number(1), number(2))
  end)

  it("takes references whole", function()
    local function of(name) return { a = reference.make("agent", name) } end
    expect_merge(of "x", of "y", of "z", of "z", { "a" })
  end)

  it("lists conflicts in the order of their paths", function()
    local source, target, expected = {}, {}, {}
    for index = 1, 9 do
      expected[index] = "k" .. index
      source["k" .. index], target["k" .. index] = 1, 2
    end
    expect_merge(nil, source, target, target, expected)
  end)

  it("goes into mappings that both have added, and not where there was something else", function()
    expect_merge({}, { m = { a = 1 } }, { m = { b = 1 } }, { m = { a = 1, b = 1 } })
    for _, other in ipairs { 1, json.array { 1 } } do
      expect_merge({ m = other }, { m = { a = 1 } }, { m = { b = 1 } }, { m = { b = 1 } }, { "m" })
    end
    expect_merge({ m = { a = 1 } }, { m = { a = 2 } }, { m = json.array {} }, { m = json.array {} }, { "m" })
  end)

  it("goes into lists without a base, or with one of the same names and length alone", function()
    local function list(...)
      local elements = json.array {}
      for index, text in ipairs { ... } do elements[index] = { id = text:sub(1, 1), text = text } end
      return { l = elements }
    end
    expect_merge(nil, list("a1", "b1"), list("a1", "b2"), list("a1", "b2"), { "l[2].text" })
    expect_merge(nil, list("a1"), list("a2", "b1"), list("a2", "b1"), { "l" })
    for _, base in ipairs { { l = 1 }, { l = { a = 1 } }, {}, list("x1", "b1"), list("a1"), list("a1", "b1", "c1") } do
      expect_merge(base, list("a2", "b1"), list("a1", "b2"), list("a1", "b2"), { "l" })
    end
    expect_merge(list("a1", "b1"), list("a2"), list("a1", "b2"), list("a1", "b2"), { "l" })
    expect_merge(list("a1", "b1"), list("a2", "b1"), list("c1", "b1"), list("c1", "b1"), { "l" })
  end)

  it("keeps arrays arrays and objects objects", function()
    local merged = merge.run({ a = json.array {}, b = {} }, { a = json.array {}, b = {}, c = 1 },
      { a = json.array {}, b = {} })
    expect.equal(json.encode(merged.a), "[]")
    expect.equal(json.encode(merged.b), "{}")
  end)

  it("changes nothing when the source is as the base, and all when the target is", function()
    math.randomseed(7)
    local function random(depth)
      local kind = math.random(depth > 3 and 4 or 6)
      if kind <= 2 then return math.random(3) end
      if kind == 3 then return "text" .. math.random(3) end
      if kind == 4 then return math.random() < 0.5 end
      local value = kind == 5 and json.array {} or {}
      for index = 1, math.random(0, 3) do value[kind == 5 and index or "k" .. index] = random(depth + 1) end
      return value
    end
    for _ = 1, 500 do
      local one, other = { v = random(1), w = random(1) }, { v = random(1), w = random(1) }
      expect_merge(one, one, other, other)
      expect_merge(one, other, one, other)
      local merged, conflicts = merge.run(nil, one, other, "source")
      expect.equal(merged, one)
      expect.truthy(json.equal(one, other) or #conflicts > 0)
    end
  end)
end)
