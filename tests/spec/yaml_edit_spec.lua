-- Changing YAML texts in place: what is changed, and that nothing else is.

local json = require "anyreach.json"
local random_value = require "helpers.random_value"
local random_yaml = require "helpers.random_yaml"
local reference = require "anyreach.yaml.reference"
local steps = require "helpers.steps"
local yaml = require "anyreach.yaml"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_value = require "anyreach.yaml.value"

-- What a text becomes when its value is changed by a function, in place.
local function edit(text, change)
  local value = yaml.decode(text)
  local changed = change(value)
  if changed == nil then changed = value end
  local edited, is_new = yaml_edit.update(text, changed)
  if not yaml_value.same(yaml.decode(edited), changed) then error("another value is read again:\n" .. edited, 2) end
  expect.falsy(is_new)
  return edited
end

local function array(...)
  return json.array { ... }
end

local AGENT = [[
# The clinic's scheduler.
name: "Scheduler"   # as customers know it
active: true

config:
  # Model settings
  max_tool_steps: 2 # not more
  'voice':   alloy
  instructions: |
    You are kind.

    # Rules
    Be brief.

  tools:
    # Ends the call.
    - name: end_call
      description: Ends. # short
      actions: [{type: hangup}]
    # Hands over.
    - name: transfer
      description: 'Hands over.'

phone_numbers: ["+15551234567", "+15551230001"] # ours
]]

describe("a text that says it already", function()
  it("is returned as it is", function()
    local text = "a: 1   # x\nb: [ 1,2 ]"
    expect.equal(yaml_edit.update(text, { b = array(1, 2), a = 1 }), text)
    expect.equal(edit(AGENT, function() end), AGENT)
  end)
end)

describe("a scalar", function()
  it("is changed where it stands, in its quotes", function()
    expect.equal(edit(AGENT, function(v)
      v.name, v.active, v.config.voice, v.config.max_tool_steps = "Planner", false, "echo", 3
    end), (AGENT:gsub('"Scheduler"', '"Planner"'):gsub("active: true", "active: false"):gsub("alloy", "echo")
      :gsub("steps: 2", "steps: 3")))
    expect.equal(edit("a: 'x' # c\n", function(v) v.a = "it's" end), "a: 'it''s' # c\n")
    expect.equal(edit("a: x\n", function(v) v.a = "no" end), 'a: "no"\n')
    expect.equal(edit("a: x\n", function(v) v.a = 5 end), "a: 5\n")
  end)

  it("that is empty gets a value behind its colon or dash", function()
    expect.equal(edit("a: # c\nb:\n- \n-\n", function(v) v.a, v.b = "x", array("p", "q") end),
      "a: x # c\nb:\n- p\n- q\n")
  end)

  it("becomes a block when it gets several lines, its comment staying on its line", function()
    expect.equal(edit("x:\n  a: 1 # c\n  b: 2\n", function(v) v.x.a = "l1\n\nl2\n" end),
      "x:\n  a: | # c\n    l1\n\n    l2\n  b: 2\n")
  end)

  it("that is a block stays one, with its indentation, its comment and the blank line behind it", function()
    expect.equal(edit("a: | # prompt\n      one\n      two\n\n# next\nb: 1\n", function(v) v.a = "one\n2\n" end),
      "a: | # prompt\n      one\n      2\n\n# next\nb: 1\n")
    expect.equal(edit("a: >\n  one\n  two\nb: 1\n", function(v) v.a = "three" end), "a: |-\n  three\nb: 1\n")
  end)

  it("that ends with blank lines takes the place of those behind it", function()
    expect.equal(edit("a: x\n\n\nb: 1\n", function(v) v.a = "l\n\n" end), "a: |+\n  l\n\nb: 1\n")
    expect.equal(edit("a: x\nb: 1\n", function(v) v.a = "l\n\n" end), "a: |+\n  l\n\nb: 1\n")
    expect.equal(edit("a: x\n\n", function(v) v.a, v.b = { c = "l\n\n" }, 1 end), "a:\n  c: |+\n    l\n\nb: 1\n")
  end)

  it("can take the place of a container, and the other way round", function()
    expect.equal(edit("a: # c\n  b: 1\n  # gone\n  c: 2\nd: 3\n", function(v) v.a = "x" end), "a: x # c\nd: 3\n")
    expect.equal(edit("a: x # c\nd: 3\n", function(v) v.a = { b = 1 } end), "a: # c\n  b: 1\nd: 3\n")
    expect.equal(edit("- x\n- y\n", function(v) v[1] = { b = 1, c = array(2) } end),
      "-\n  b: 1\n  c:\n    - 2\n- y\n")
    expect.equal(edit("a: []\nb: {}\n", function(v) v.a, v.b = array(1), { c = 1 } end), "a:\n  - 1\nb:\n  c: 1\n")
    expect.equal(edit("a:\n  - 1\nb: {c: 1}\n", function(v) v.a, v.b = array(), {} end), "a: []\nb: {}\n")
  end)

  it("may be a tag, before and after", function()
    expect.equal(edit("a: !file x.md # c\n", function(v) v.a = yaml.tag("!file", "y.md") end), "a: !file y.md # c\n")
    expect.equal(edit("a: wf_1\n", function(v) v.a = reference.make("workflow", "Intake") end),
      "a: !ref workflow:Intake\n")
    expect.equal(edit("a: !env {name: X, secret: true}\n", function(v) v.a = "x" end), "a: x\n")
  end)
end)

describe("an entry", function()
  it("goes with the comment on its line, and no other", function()
    expect.equal(edit(AGENT, function(v) v.config.max_tool_steps, v.active = nil, nil end),
      (AGENT:gsub("  max_tool_steps: 2 # not more\n", ""):gsub("active: true\n", "")))
    expect.equal(edit("a:\n  b: 1\n  # about c\n  c:\n    d: 1 # d\n    # deep\n  e: 2\n", function(v) v.a.c = nil end),
      "a:\n  b: 1\n  # about c\n  e: 2\n")
  end)

  it("on the line of a dash goes without the dash", function()
    expect.equal(edit("- name: x\n  b: 1\n  c: 2\n", function(v) v[1].name = nil end), "- b: 1\n  c: 2\n")
    expect.equal(edit("- name: x # n\n  # about c\n  b: 1\n  c: 2\n", function(v) v[1].name, v[1].b = nil, nil end),
      "-\n  # about c\n  c: 2\n")
  end)

  it("comes behind the last one, or where its key belongs", function()
    expect.equal(edit("name: x\nconfig:\n  b: 1 # b\n\nphone_numbers: []\n", function(v)
      v.description, v.config.a, v.deploy_as_sip = "d", "long\ntext", true
    end), "name: x\ndescription: d\nconfig:\n  b: 1 # b\n  a: |-\n    long\n    text\n\nphone_numbers: []\n"
      .. "deploy_as_sip: true\n")
  end)

  it("comes behind comments that a block would take in", function()
    expect.equal(edit("a:\n  b: 1\n  # deep\nc: 1\n", function(v) v.a.d = "x\ny" end),
      "a:\n  b: 1\n  d: |-\n    x\n    y\n  # deep\nc: 1\n")
    expect.equal(edit("a: 1\n  # deep\nc: 1\n", function(v) v.a = "x\ny" end), "a: |-\n  x\n  y\nc: 1\n")
  end)

  it("comes into a text without a line break at its end", function()
    expect.equal(edit("a: 1", function(v) v.b = 2 end), "a: 1\nb: 2")
    expect.equal(edit("a: |\n  x", function(v) v.b = 2 end), "a: |-\n  x\nb: 2")
    expect.equal(edit("a: 1", function(v) v.b = "l\nm\n" end), "a: 1\nb: |\n  l\n  m\n")
    expect.equal(edit("a: 1\r\nb: 1", function(v) v.c = 2 end), "a: 1\r\nb: 1\r\nc: 2")
  end)

  it("in a text with the line breaks of Windows gets those", function()
    expect.equal(edit("a: 1\r\nb: x # c\r\n", function(v) v.b, v.c = "l1\nl2", 3 end),
      "a: 1\r\nb: |- # c\r\n  l1\r\n  l2\r\nc: 3\r\n")
  end)
end)

describe("an element", function()
  it("goes and comes, and the others keep their comments", function()
    local text = "- a # A\n- b # B\n- c # C\n"
    expect.equal(edit(text, function() return array("a", "c") end), "- a # A\n- c # C\n")
    expect.equal(edit(text, function() return array("z", "a", "b", "x", "c", "d") end),
      "- z\n- a # A\n- b # B\n- x\n- c # C\n- d\n")
    expect.equal(edit(text, function() return array("a", "B", "c") end), "- a # A\n- B # B\n- c # C\n")
    expect.equal(edit("k:\n- a\n", function(v) v.k[2] = "b" end), "k:\n- a\n- b\n")
  end)

  it("is known by its name, so that it is changed and not another", function()
    expect.equal(edit(AGENT, function(v)
      table.remove(v.config.tools, 1)
      v.config.tools[1].description = "Hands the call over."
      table.insert(v.config.tools, { name = "lookup", actions = array() })
    end), (AGENT:gsub("    %- name: end_call.-\n(    # Hands)", "%1"):gsub("'Hands over.'", "'Hands the call over.'\n"
      .. "    - name: lookup\n      actions: []")))
  end)

  it("whose name changed keeps its comments and the order of its keys", function()
    expect.equal(edit(AGENT, function(v) v.config.tools[1].name, v.config.tools[2].name = "hang_up", "hand_over" end),
      (AGENT:gsub("end_call", "hang_up"):gsub("name: transfer", "name: hand_over")))
    local text = "- # first\n  b: 1 # B\n  name: x # X\n- name: y # Y\n  c: 2 # C\n"
    expect.equal(edit(text, function(v) v[1].name = "z" end), (text:gsub("name: x", "name: z")))
    expect.equal(edit(text, function(v) v[2].name, v[2].d = "z", 3 end),
      (text:gsub("name: y", "name: z")) .. "  d: 3\n")
    -- Renamed beside one that came: what they have in common tells which it was.
    expect.equal(edit(text, function(v)
      v[2].name = "z"
      table.insert(v, 2, { name = "new", e = 5 })
    end), "- # first\n  b: 1 # B\n  name: x # X\n- name: new\n  e: 5\n- name: z # Y\n  c: 2 # C\n")
    -- Another name and nothing in common: another element, whose comments are not those of the one that went.
    expect.equal(edit(text, function(v) v[2] = { name = "z", c = 9 } end),
      "- # first\n  b: 1 # B\n  name: x # X\n- name: z\n  c: 9\n")
  end)

  it("within an element is cut out by writing that one anew", function()
    expect.equal(edit("- - a\n  - b # B\n- c # C\n", function(v) table.remove(v[1], 1) end), "-\n  - b\n- c # C\n")
    expect.equal(edit("- - a # A\n- c\n", function(v) table.insert(v[1], 1, "z") end), "- - z\n  - a # A\n- c\n")
  end)
end)

describe("what stands between brackets", function()
  it("is changed where it stands", function()
    expect.equal(edit(AGENT, function(v) v.phone_numbers[2] = "+15550000000" end),
      (AGENT:gsub("+15551230001", "+15550000000")))
    expect.equal(edit("a: { b: 'x',  c: [ 1, 2 ] } # c\n", function(v) v.a.b, v.a.c[2] = "y", "l1\nl2" end),
      [[a: { b: 'y',  c: [ 1, "l1\nl2" ] } # c]] .. "\n")
  end)

  it("is written anew on its line when something comes or goes", function()
    expect.equal(edit("a: [ 'x', {b: 1} ] # c\n", function(v) v.a[3], v.a[2].c = "z", true end),
      "a: ['x', {b: 1, c: true}, z] # c\n")
    expect.equal(edit("a: {b: 1, c: , d}\n", function(v) v.a.c = 2 end), "a: {b: 1, c: 2, d: null}\n")
    expect.equal(edit("a: [b: 1, c]\n", function(v) v.a[1].d = 2 end), "a: [{b: 1, d: 2}, c]\n")
    expect.equal(edit("a: [\n  x, # X\n  y\n]\nb: 1 # B\n", function(v) table.remove(v.a, 1) end), "a: [y]\nb: 1 # B\n")
  end)
end)

describe("an anchor", function()
  local text = "base: &b {x: 1}\none: *b\ntwo: *b\n"

  it("and its aliases stay when they still say the same", function()
    expect.equal(edit(text, function(v) v.new = 1 end), text .. "new: 1\n")
    expect.equal(edit(text, function(v) v.base.x, v.one.x, v.two.x = 2, 2, 2 end),
      "base: &b {x: 2}\none: *b\ntwo: *b\n")
  end)

  it("loses the aliases that say something else", function()
    expect.equal(edit(text, function(v) v.two.x = 2 end), "base: &b {x: 1}\none: *b\ntwo:\n  x: 2\n")
    expect.equal(edit(text, function(v) v.base.x = 2 end), "base: &b {x: 2}\none:\n  x: 1\ntwo:\n  x: 1\n")
    expect.equal(edit(text, function(v) v.base = nil end), "one:\n  x: 1\ntwo:\n  x: 1\n")
    expect.equal(edit("a: [&x 1, *x, 3]\n", function(v) v.a[1] = 2 end), "a: [&x 2, 1, 3]\n")
    expect.equal(edit("a: [&x p, *x, 3]\n", function(v) table.remove(v.a, 1) end), "a: [&x p, 3]\n")
  end)

  it("stays on a value that is replaced", function()
    expect.equal(edit("a: &x 1\nb: *x\n", function(v) v.a, v.b = "l\nm", "l\nm" end), "a: &x |-\n  l\n  m\nb: *x\n")
  end)
end)

describe("a value of a rare kind", function()
  it("stays as it is spelled beside one that changes", function()
    for _, line in ipairs { "v: !!binary aGVsbG8= # c", "v: !!binary |\n  aGVs\n  bG8=", "v: !!set {x, y} # c",
      "v: !!set\n  ? x\n  ? y", "v: 0xFFFFFFFFFFFFFFFFFF # c", "v: !!str 5", "&k v: 1 # c", "v: &k x\nw: *k",
      "&v v: 1\nw: *v # c" } do
      local text = "a: 1\n" .. line .. "\nz: 1 # z\n"
      expect.equal(edit(text, function(value) value.a, value.z = 2, 2 end),
        "a: 2\n" .. line .. "\nz: 2 # z\n")
    end
  end)

  it("is replaced, tag and all", function()
    expect.equal(edit("v: !!set\n  ? x\n  ? y\nz: 1 # z\n", function(v) v.v.x = nil end), 'v:\n  "y": null\nz: 1 # z\n')
    expect.equal(edit("v: !!binary aGVsbG8= # c\n", function(v) v.v = "aGk=" end), "v: aGk= # c\n")
    expect.equal(edit("v: !!set {x, y} # c\n", function(v) v.v = 5 end), "v: 5 # c\n")
    expect.equal(edit("v: 0xFFFFFFFFFFFFFFFFFF # c\n", function(v) v.v = 5 end), "v: 5 # c\n")
    expect.equal(edit("&k v: 1\nw: *k\n", function(v) v.v = 2 end), "&k v: 2\nw: *k\n")
    expect.equal(edit("&k v: 1\nw: *k\n", function(v) v.v = nil end), "w: v\n")
  end)
end)

describe("a merge key", function()
  local text = "base: &b   # all\n  x: 1\n  y: 1\nuse:\n  <<: *b  # as above\n  y: 2 # more\n"

  it("stays where what it brings in stays right", function()
    expect.equal(edit(text, function(v) v.use.y = 3 end), (text:gsub("y: 2", "y: 3")))
    expect.equal(edit(text, function(v) v.use.z = 3 end), text .. "  z: 3\n")
    expect.equal(edit(text, function(v) v.use.x = 5 end), text .. "  x: 5\n")
    expect.equal(edit(text, function(v) v.other = 5 end), text .. "other: 5\n")
    expect.equal(edit(text, function(v) v.base.x, v.use.x = 7, 7 end), (text:gsub("x: 1", "x: 7")))
    expect.equal(edit(text, function(v) v.base.x = 7 end), (text:gsub("x: 1", "x: 7")) .. "  x: 1\n")
  end)

  it("goes where it would bring in what is not wanted, or its anchor goes", function()
    expect.equal(edit(text, function(v) v.use.x = nil end), (text:gsub("  <<[^\n]*\n", "")))
    expect.equal(edit(text, function(v) v.use.y = nil end):match("use:.*"), "use:\n  x: 1\n")
    expect.equal(edit(text, function(v) v.base.z = 1 end):match("use:.*"), "use:\n  y: 2 # more\n  x: 1\n")
    expect.equal(edit(text, function(v) v.base = nil end):match("use:.*"), "use:\n  y: 2 # more\n  x: 1\n")
  end)

  it("may name several mappings, and stand between braces", function()
    local several = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 3}\nd:\n  <<: [*a, *b]\n  z: 3\n"
    expect.equal(edit(several, function(v) v.c.z, v.d.z = 4, 4 end), (several:gsub("z: 3", "z: 4")))
    expect.equal(edit(several, function(v) v.d.y = 4 end), several .. '  "y": 4\n')
    expect.equal(edit(several, function(v) v.c.k = 4 end), (several:gsub("z: 3}", "z: 3, k: 4}")))
    expect.equal(edit("c: {<<: {x: 1}, z: 3}\n", function(v) v.c.z = 4 end), "c: {z: 4, x: 1}\n")
  end)
end)

describe("a whole text", function()
  it("may be empty, or comments alone", function()
    expect.equal(yaml_edit.update("", { a = 1 }), "a: 1\n")
    expect.equal(yaml_edit.update("# c\n\n# d\n", { a = 1 }), "# c\n\n# d\na: 1\n")
  end)

  it("may be of another kind than before", function()
    expect.equal({ yaml_edit.update("# c\n- a\n", { b = 1 }) }, { "# c\nb: 1\n", true })
  end)

  it("may begin and end with marks", function()
    expect.equal(edit("%YAML 1.1\n---\na: 1\n...\n", function(v) v.b = 2 end), "%YAML 1.1\n---\na: 1\nb: 2\n...\n")
    expect.equal(edit("\u{FEFF}a: 1\n", function(v) v.a, v.b = 2, 3 end), "\u{FEFF}a: 2\nb: 3\n")
  end)

  it("with explicit keys is still read as the new value", function()
    expect.equal(edit("? a\n: 1\n? b\n: 2\n", function(v) v.a = 3 end), "? a\n: 3\n? b\n: 2\n")
    local text = yaml_edit.update("x:\n  ? a\n  : 1\n", { x = { a = 1, b = 2 } })
    expect.equal(yaml.decode(text), { x = { a = 1, b = 2 } })
  end)

  it("of which it cannot be told where its entries begin is written anew", function()
    expect.equal({ yaml_edit.update("\r- {}\n", { a = 1 }) }, { "a: 1\n", true })
    expect.equal({ yaml_edit.update("# c\n? \n|+", { a = 1 }) }, { "# c\na: 1", true })
    expect.equal({ yaml_edit.update("# c\r\n- a\r\n- b\r\n", { a = 1, b = "x\ny" }) },
      { "# c\r\na: 1\r\n\r\nb: |-\r\n  x\r\n  y\r\n", true })
    expect.equal({ yaml_edit.update("# c\rx\n", "y\nz") }, { "|-\n  y\n  z\n", true })
  end)

  it("that is no YAML is refused with its place", function()
    expect.raises(function() yaml_edit.update("a: [", {}, { name = "x.yaml" }) end, "x.yaml:")
  end)
end)

-- {====== anything ======

-- A copy with some parts changed, added or removed.
local function mutate(value, make, random)
  local kind = yaml_value.kind(value)
  if kind == "tag" or kind == "scalar" or random(1, 8) == 1 then return random(1, 3) == 1 and make() or value end
  local copy = kind == "list" and json.array {} or {}
  if kind == "list" then
    for _, part in ipairs(value) do
      if random(1, 6) ~= 1 then copy[#copy + 1] = mutate(part, make, random) end
      if random(1, 6) == 1 then copy[#copy + 1] = make() end
    end
    return copy
  end
  for _, key in ipairs(yaml_value.keys(value)) do
    if random(1, 6) ~= 1 then copy[key] = mutate(value[key], make, random) end
  end
  if random(1, 4) == 1 then copy["new" .. random(1, 3)] = make() end
  return copy
end

describe("any text", function()
  it("changed to any value is read as that value, and hardly ever written anew", function()
    local make, random = random_value.generator(31)
    local rewritten, rounds = 0, 2000
    for _ = 1, rounds do
      local value = random_value.map(random)
      local text = random_yaml.write(value, random)
      local new = mutate(value, make, random)
      local edited, is_new = yaml_edit.update(text, new)
      if not yaml_value.same(yaml.decode(edited), new) then
        error(("%s\nbecame\n%s\ninstead of %s"):format(text, edited, random_value.show(new)))
      end
      local may_be_new = yaml_value.kind(new) ~= "map" or next(new) == nil or next(value) == nil
      if is_new and not may_be_new then rewritten = rewritten + 1 end
    end
    expect.truthy(rewritten * 50 < rounds)
  end)

  it("changed in one entry stays as it is before and behind it", function()
    local make, random = random_value.generator(92)
    for _ = 1, 1000 do
      local value = { a = random_value.map(random), b = make(), c = random_value.map(random) }
      local parts = {}
      for _, key in ipairs { "a", "b", "c" } do parts[key] = random_yaml.write({ [key] = value[key] }, random) end
      local new = { a = value.a, b = mutate(value.b, make, random), c = value.c }
      local edited = yaml_edit.update(parts.a .. parts.b .. parts.c, new)
      expect.equal(edited:sub(1, #parts.a), parts.a)
      expect.equal(edited:sub(-#parts.c), parts.c)
    end
  end)
end)

describe("any text with merge keys", function()
  it("changed to any value is read as that value", function()
    local make, random = random_value.generator(57)
    for _ = 1, 1500 do
      local lines, names = {}, {}
      for index = 1, random(1, 3) do
        local merge = index > 1 and random(1, 2) == 1 and ("<<: *m%d, "):format(random(1, index - 1)) or ""
        lines[index] = ("m%d: &m%d {%s%s: %d, c: %d}"):format(index, index, merge, random(1, 2) == 1 and "a" or "b",
          random(1, 3), index)
        names[index] = "*m" .. index
      end
      local merge = random(1, 2) == 1 and names[1] or "[" .. table.concat(names, ", ") .. "]"
      local own = ({ "a: 9", "d: 9 # own", "c: 9" })[random(1, 3)]
      lines[#lines + 1] = random(1, 3) == 1 and ("use: {<<: %s, %s}"):format(merge, (own:gsub(" #.*", "")))
        or ("use: # here\n  <<: %s\n  %s"):format(merge, own)
      local text = table.concat(lines, "\n") .. "\n"
      local new = mutate(yaml.decode(text), make, random)
      local edited = yaml_edit.update(text, new)
      if not yaml_value.same(yaml.decode(edited), new) then
        error(("%s\nbecame\n%s\ninstead of %s"):format(text, edited, random_value.show(new)))
      end
    end
  end)
end)

-- }======

-- {====== files that people wrote ======

-- Every leaf of a value that stands on its own: {container, key}.
local function leaves(value, list)
  local kind = yaml_value.kind(value)
  if kind ~= "map" and kind ~= "list" then return list end
  for key, part in pairs(value) do
    if yaml_value.kind(part) == "scalar" then
      list[#list + 1] = { container = value, key = key }
    else
      leaves(part, list)
    end
  end
  table.sort(list, function(a, b) return tostring(a.key) < tostring(b.key) end)
  return list
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

-- How many lines of the old text are neither at the beginning nor at the end of the new one.
local function changed_lines(old, new)
  old, new = lines_of(old), lines_of(new)
  local first, last = 0, 0
  while first < #old and first < #new and old[first + 1] == new[first + 1] do first = first + 1 end
  local most = math.min(#old, #new) - first
  while last < most and old[#old - last] == new[#new - last] do last = last + 1 end
  return #old - first - last
end

local FILES = [[find scripts src tests -name '*.yaml' -o -name '*.yml' | sort]]

-- A change of what has an alias concerns other lines, too.
local function has_alias(text)
  for _, event in ipairs(yaml.events(text)) do
    if event.kind == "alias" then return true end
  end
  return false
end

local VARIANTS = {
  ["as it is"] = function(text) return text end,
  ["with the line breaks of Windows"] = function(text) return (text:gsub("\r?\n", "\r\n")) end,
  ["without a line break at its end"] = function(text) return (text:gsub("[\r\n]+$", "")) end,
}

describe("a file that somebody wrote", function()
  local function check(text, random)
    local value = yaml.decode(text)
    local list = leaves(value, {})
    if #list == 0 then return 0 end
    local leaf = list[random(1, #list)]
    local before = leaf.container[leaf.key]
    leaf.container[leaf.key] = ({ "changed", "it's: new", 12, true })[random(1, 4)]
    if yaml_value.same(before, leaf.container[leaf.key]) then return 0 end
    local edited, is_new = yaml_edit.update(text, value)
    expect.falsy(is_new)
    if not yaml_value.same(yaml.decode(edited), value) then error("another value is read again:\n" .. edited) end
    -- A text that is folded or quoted over several lines has fewer breaks than lines.
    local most = type(before) == "string" and 2 + #before // 20 + select(2, before:gsub("\n", "")) or 1
    if changed_lines(text, edited) > most then error(("%s: %d lines"):format(leaf.key, changed_lines(text, edited))) end
    if not text:find "\n$" then expect.falsy(edited:find "\n$") end
    if text:find("\r\n", 1, true) then expect.falsy(edited:find "[^\r]\n") end
    return 1
  end

  for name, variant in pairs(VARIANTS) do
    it("changes only where it is to, " .. name, function()
      local listing, count = io.popen(FILES), 0
      local _, random = random_value.generator(name:byte(1) + #name)
      for path in listing:lines() do
        local text = variant(anyreach.read_file(path))
        for _ = 1, #text < 8000 and not has_alias(text) and 10 or 0 do count = count + check(text, random) end
      end
      listing:close()
      expect.truthy(count > 20, count)
    end)
  end
end)

-- }======

-- {====== growth ======

-- Shape of a document -> what an element is written like, and how the value of one is changed.
local shapes = {
  keys = { "key%d: value %d # note", function(config, n) config["key" .. n] = "changed" end },
  list = { "- name: tool%d\n    text: value %d # note", function(config, n) config[n].text = "changed" end },
  renamed = { "- name: tool%d\n    text: value %d # note", function(config, n) config[n].name = "other" end },
  removed = { "- name: tool%d\n    text: value %d # note", function(config, n) table.remove(config, n) end },
  plain = { "- value %d %d # note", function(config, n) config[n] = "changed" end },
  flow = { "- {name: tool%d, x: %d}", function(config, n) config[n].x = -1 end },
  nested = { "key%d:\n    a: {b: %d}\n    c: [1, 2]", function(config, n) config["key" .. n].a.b = 0 end },
}

describe("one change in a large document", function()
  for name, shape in pairs(shapes) do
    it("takes effort in proportion to its length: " .. name, function()
      local function effort(count)
        local lines = {}
        for index = 1, count do lines[index] = shape[1]:format(index, index) end
        local text = "config:\n  " .. table.concat(lines, "\n  ") .. "\n"
        local value, changed = yaml.decode(text), nil
        shape[2](value.config, count // 2)
        local taken = steps.of(function() changed = yaml_edit.update(text, value) end)
        expect.equal(yaml.decode(changed), value)
        return taken
      end
      local short, long = effort(300), effort(1200)
      expect.truthy(long < 6 * short, ("%d and %d thousand steps"):format(short, long))
    end)
  end
end)

-- }======
