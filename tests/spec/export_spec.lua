-- Parts of an export: names of files, and what a file is to say.

local folder = require "anyreach.agents.export.folder"
local json = require "anyreach.json"
local reconcile = require "anyreach.agents.export.reconcile"
local reference = require "anyreach.yaml.reference"
local references = require "anyreach.agents.references"
local yaml = require "anyreach.yaml"

local function free() return false end

describe("the name of a file", function()
  it("is made of the agent's, without what is no letter or digit", function()
    expect.equal(folder.stem("Riverside Dental", free), "riverside-dental")
    expect.equal(folder.stem("a  b -- c!", free), "a-b-c")
  end)

  it("is never a path, a hidden file, an option or a word that a system keeps for itself", function()
    for _, text in ipairs { "../../etc/passwd", ".hidden", "-rf", "CON", "com1", "NUL", "a/b", "a\0b", "a\nb", "~",
      "environments" } do
      expect.match(folder.stem(text, free), "^%l[%w-]*$")
      expect.falsy(folder.stem(text, free):lower() == text:lower())
    end
  end)

  it("is short, and not empty, whatever the agent's name", function()
    for _, text in ipairs { ("x"):rep(300), "", "!!!", "日本語", "\u{200D}" } do
      local stem = folder.stem(text, free)
      expect.truthy(#stem > 0 and #stem < 80)
      expect.match(stem, "^[%l%d-]+$")
    end
  end)

  it("differs for agents whose names differ in what is left out", function()
    local stems = {}
    for _, text in ipairs { "日本", "日語", "Café", "Cafe", ("x"):rep(61), ("x"):rep(62), "!", "?" } do
      local stem = folder.stem(text, free)
      expect.falsy(stems[stem])
      stems[stem] = true
    end
  end)

  it("is another one when another agent has it", function()
    expect.match(folder.stem("A b", function(stem) return stem == "a-b" end), "^a%-b%-%x+$")
  end)
end)

local function context(options)
  local resolver = references.resolver({}, { dataset = { FAQ = "ds_1", Prices = "ds_9" } })
  local made = { resolver = resolver, notes = {}, stem = "desk",
    splits = true, only_owned = false, has_tags = true }
  for key, value in pairs(options or {}) do made[key] = value end
  return made
end

local function merged(old, new, options)
  return reconcile.agent(context(options), { config = yaml.decode(old) }, { config = new }).config
end

describe("a file that is there", function()
  it("keeps a number as it is written when it is the same", function()
    expect.equal(json.encode(merged("{a: 1.0, b: 2}", { a = 1, b = 3 })), '{"a":1.0,"b":3}')
  end)

  it("keeps the variables of list elements by their names, wherever they go", function()
    local value = merged("tools: [{name: x, key: !env X}, {name: y, key: !env Y}]", { tools = json.array {
      { name = "new", key = "n" }, { name = "y", key = "2" }, { name = "x", key = "1" },
    } })
    expect.equal({ value.tools[1].key, value.tools[2].key.value, value.tools[3].key.value }, { "n", "Y", "X" })
  end)

  it("keeps a reference that still stands for the thing, and gets another one otherwise", function()
    local faq, other = reference.make("dataset", "FAQ"), reference.make("dataset", "Prices")
    expect.equal(merged("a: !ref 'dataset: FAQ'", { a = faq }).a.value, "dataset: FAQ")
    expect.equal(merged("a: !ref dataset:FAQ", { a = other }).a.value, "dataset:Prices")
    expect.equal(merged("a: ds_1", { a = faq }).a, "ds_1")
    expect.equal(merged("a: ds_2", { a = faq }).a, yaml.tag("!ref", "dataset:FAQ"))
  end)

  it("keeps an empty mapping, which owns nothing", function()
    expect.equal(json.encode(merged("{a: {}, b: 1}", { b = 1 })), '{"a":{},"b":1}')
    expect.equal(json.encode(merged("a: {}", { a = { x = 1 } }, { only_owned = true })), '{"a":{}}')
  end)

  it("takes of elements what it has, by their names; a new one as a whole", function()
    local value = merged("tools: [{name: x, a: 1}, {name: y, a: 1}]", { tools = json.array {
      { name = "y", a = 2, added = true }, { name = "new", a = 3, b = 4 }, { name = "x", a = 1, added = true },
    } }, { only_owned = true })
    expect.equal(value.tools, json.array {
      { name = "y", a = 2 }, { name = "new", a = 3, b = 4 }, { name = "x", a = 1 },
    })
    value = merged("list: [{a: 1}]", { list = json.array { { b = 2 }, { a = 1 } } }, { only_owned = true })
    expect.equal(value.list, json.array { { b = 2 }, { a = 1 } })
  end)

  it("keeps nulls, and loses keys that are no more", function()
    local value = merged("{a: null, b: 1, c: !env {name: C, secret: true}}", {})
    expect.equal({ value.a, value.b, value.c.tag }, { json.null, nil, "!env" })
  end)
end)

describe("what is new in a file", function()
  it("has long instructions in a file of their own, and short ones not", function()
    local given = { config = { instructions = "a\nb", x = { instructions = "short" } } }
    local value = reconcile.agent(context(), nil, given)
    expect.equal({ reconcile.is_prompt(value.config.instructions), value.config.x.instructions }, { true, "short" })
  end)

  it("has variables in the places of secrets, and not of what only sounds like one", function()
    local given = context()
    local value = reconcile.agent(given, nil, { config = {
      headers = { Authorization = "Bearer x", Accept = "y" },
      credentials = { user = "u" },
      properties = { token = { type = "string" } },
      max_token = 5,
    } })
    local config = value.config
    expect.equal(config.headers.Authorization.value, { name = "DESK_HEADERS_AUTHORIZATION", secret = true })
    expect.equal(config.credentials.user.value.name, "DESK_CREDENTIALS_USER")
    expect.equal({ config.headers.Accept, config.properties.token.type, config.max_token }, { "y", "string", 5 })
    expect.equal(#given.notes, 2)
  end)
end)
