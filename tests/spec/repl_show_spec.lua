-- Values and errors as the prompt shows them.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local process = require "helpers.process"
local show = require "anyreach.repl.show"
local table_view = require "anyreach.repl.table_view"

local function shown(value, options)
  return show.value(value, options or { width = 80, height = 24 })
end

local function line_count(text)
  local _, breaks = text:gsub("\n", "")
  return breaks + 1
end

describe("a value", function()
  it("is shown as Lua writes it", function()
    expect.equal(shown(nil), "nil")
    expect.equal(shown(true), "true")
    expect.equal(shown(12), "12")
    expect.equal(shown(1.5), "1.5")
    expect.equal(shown(0.1 + 0.2), "0.30000000000000004")
    expect.equal(shown "a \"b\"\n", [["a \"b\"\n"]])
  end)

  it("shows null, empty lists, empty objects, long numbers and secrets as such", function()
    expect.equal(shown(json.null), "anyreach.null")
    expect.equal(shown(json.array {}), "anyreach.array{}")
    expect.equal(shown {}, "{}")
    expect.equal(shown(json.decode "123456789012345678901234567890"), "123456789012345678901234567890")
    expect.equal(shown { token = anyreach.secret "a-very-secret-value" }, "{ token = [secret] }")
  end)

  it("never shows a secret that the program knows, wherever it stands", function()
    local keep <const> = anyreach.secret "another-secret-value"
    for _, value in ipairs { "x another-secret-value", { ["another-secret-value"] = "another-secret-value" } } do
      expect.falsy(shown(value):find("another-secret-value", 1, true))
    end
    expect.truthy(keep)
  end)

  it("never sends control characters to the terminal", function()
    local hostile = "\27]0;title\7\27[2J\r\8\127\u{9B}31m\u{202E}\u{2028}\xFF\0end"
    for _, value in ipairs { hostile, { [hostile] = hostile }, { { a = hostile, b = 1 }, { a = hostile, b = 2 } },
      errors.make { kind = "http", message = hostile, operation = hostile, method = hostile, url = hostile } } do
      for _, options in ipairs { { width = 80 }, { width = 80, full = true } } do
        local text = shown(value, options)
        expect.falsy(text:find "[%z\1-\9\11-\31\127]")
        expect.truthy(utf8.len(text))
        for _, mark in ipairs { "\u{9B}", "\u{202E}", "\u{2028}" } do expect.falsy(text:find(mark, 1, true)) end
      end
    end
  end)

  it("shows functions, tasks, operations and clients by what they are", function()
    local f = function(a, ...) return a, ... end
    expect.match(shown { f = f }, "<function%(a, %.%.%.%) at .*repl_show_spec.lua:%d+>")
    expect.equal(shown { f = print }, "{ f = <function, built in> }")
    local api = anyreach.client { token = "ak_x", base_url = "http://127.0.0.1:9" }
    expect.match(shown(api.agents.versions.publish), "^api%.agents%.versions%.publish%(agent_id, version, { … }%)\n")
    expect.equal(shown { o = api.agents.get }, "{ o = <operation agents.get> }")
    expect.match(shown(api.agents), "^api%.agents\n.*\n  create +Create an agent%.")
    expect.match(shown(api), "^anyreach%.client: http://127%.0%.0%.1:9\n")
    expect.match(shown { t = anyreach.spawn(function() end) }, "^{ t = <task, %a+> }$")
  end)

  it("shows an object with words of its own by these, whatever they do", function()
    local good = setmetatable({}, { __tostring = function() return "kind:name" end })
    expect.equal(shown { o = good }, "{ o = kind:name }")
    local bad = setmetatable({}, { __tostring = function() error "no" end })
    expect.equal(shown { o = bad }, "{ o = <table that cannot be converted to a string> }")
  end)

  it("runs no other metamethod", function()
    local function fail() error "a metamethod was called" end
    local trap = setmetatable({ a = 1 }, { __index = fail, __pairs = fail, __len = fail, __eq = fail })
    expect.equal(shown(trap), "{ a = 1 }")
  end)
end)

describe("a table", function()
  it("has the keys that say what it is first, then the others by name", function()
    local value = { zeta = 1, id = "x", alpha = 2, name = "n", ["two words"] = 3, [10] = 4, ["end"] = 5 }
    expect.equal(shown(value, { width = 100 }),
      '{ id = "x", name = "n", alpha = 2, ["end"] = 5, ["two words"] = 3, zeta = 1, [10] = 4 }')
    expect.equal(shown { 1, 2, x = 3 }, "{ 1, 2, x = 3 }")
  end)

  it("stands on several lines when it does not fit on one", function()
    expect.equal(shown({ name = "Ada", text = ("x"):rep(20), list = { 1, 2 } }, { width = 32 }), table.concat({
      "{", '  name = "Ada",', "  list = { 1, 2 },", '  text = "xxxxxxxxxxxxxxxxxxxx",', "}" }, "\n"))
  end)

  it("says how much of it is not shown", function()
    local keys = {}
    for i = 1, 1000 do keys[("k%04d"):format(i)] = i end
    local text = shown(keys)
    expect.truthy(line_count(text) <= 24)
    expect.match(text, "k0019 = 19,\n  … 981 more\n}$")
  end)

  it("gives what comes after a large table its lines, too", function()
    local list = {}
    for i = 1, 500 do list[i] = { "element", i, ("x"):rep(60) } end
    local text = shown { alpha = list, beta = 1, gamma = 2 }
    expect.contains(text, "beta = 1")
    expect.contains(text, "gamma = 2")
    expect.match(text, "… 49%d more")
    expect.truthy(line_count(text) <= 24)
  end)

  it("is not followed for ever", function()
    local loop = { name = "loop" }
    loop.self = loop
    expect.equal(shown(loop), '{ name = "loop", self = <the table that it is in> }')
    local deep = {}
    for _ = 1, 1000 do deep = { inner = deep } end
    expect.contains(shown(deep), "{ … 1 }")
    expect.truthy(shown(deep, { width = 80, full = true }))
  end)

  it("shows the same table twice when it stands there twice", function()
    local part = { 1 }
    expect.equal(shown { a = part, b = part }, "{ a = { 1 }, b = { 1 } }")
  end)
end)

describe("a long text", function()
  local prompt = "You schedule appointments for Riverside Dental.\n" .. ("Be brief.\n"):rep(79)

  it("is folded, with how long it is", function()
    expect.equal(shown { instructions = prompt },
      '{\n  instructions = "You schedule appointments for Riv" … 838 characters, 81 lines,\n}')
    expect.equal(shown(("é"):rep(6000)), '"' .. ("é"):rep(59) .. '" … 6,000 characters')
  end)

  it("shows its first lines when it is the value itself", function()
    local text = shown(prompt)
    expect.match(text, "^You schedule appointments for Riverside Dental%.\nBe brief%.\n")
    expect.match(text, "\n… 838 characters, 81 lines; :full shows all$")
    expect.equal(line_count(text), 13)
  end)

  it("of one line is shown whole when it takes but a few lines and is the value itself, to be copied", function()
    local command = ("x"):rep(4 * 80)
    expect.equal(shown(command), '"' .. command .. '"')
    expect.match(shown(command .. "x"), "… 321 characters$")
  end)

  it("is shown whole with `full`", function()
    expect.equal(shown(prompt, { full = true }), prompt)
    local text = shown({ instructions = prompt .. "]]" }, { full = true, width = 80 })
    expect.contains(text, "instructions = [=[\nYou schedule")
    expect.contains(text, "]]]=],\n}")
  end)

  it("is cut between characters", function()
    for width = 40, 60 do expect.truthy(utf8.len(shown({ text = ("日本語"):rep(50) }, { width = width }))) end
  end)
end)

describe("a list of similar objects", function()
  local function agents(count)
    local list = json.array {}
    for i = 1, count do
      list[i] = { name = "Agent " .. i, id = ("%08d-0000-4000-8000-000000000000"):format(i), active = i % 2 == 0,
        description = json.null, metadata = {}, tier = i }
    end
    return list
  end

  it("is a table with aligned columns, those that say most first", function()
    expect.equal(shown(agents(2)), table.concat({
      "name     id                                    active  tier",
      "-------  ------------------------------------  ------  ----",
      "Agent 1  00000001-0000-4000-8000-000000000000  false      1",
      "Agent 2  00000002-0000-4000-8000-000000000000  true       2",
      "2 rows; not shown: description, metadata" }, "\n"))
  end)

  it("takes as many columns as fit, and says which do not", function()
    expect.equal(shown(agents(2), { width = 50 }), table.concat({
      "name     id", "-------  ------------------------------------",
      "Agent 1  00000001-0000-4000-8000-000000000000", "Agent 2  00000002-0000-4000-8000-000000000000",
      "2 rows; not shown: active, description, metadata,…" }, "\n"))
  end)

  it("aligns wide characters and cuts long texts", function()
    expect.equal(shown { { name = "日本語", n = 1 }, { name = ("x"):rep(60), n = 2 } }, table.concat({
      "name                                      n", ("-"):rep(40) .. "  -",
      "日本語" .. (" "):rep(34) .. "  1", ("x"):rep(39) .. "…  2", "2 rows" }, "\n"))
  end)

  it("says how many rows are not shown", function()
    local text = shown(agents(1500))
    expect.truthy(line_count(text) <= 23)
    expect.contains(text, "… 1,481 more of 1,500 rows")
  end)

  it("is found in a page of answers, whose other fields follow", function()
    local text = shown { data = agents(2), pagination = { next_cursor = "abc" } }
    expect.match(text, "^name     id")
    expect.match(text, '\n{ pagination = { next_cursor = "abc" } }$')
  end)

  it("is no table when the objects differ, or there is but one", function()
    expect.match(shown { { a = 1, b = 2 }, { c = 3, d = 4 } }, "^{ { a = 1")
    expect.match(shown { { a = 1, b = 2 } }, "^{ { a = 1")
    expect.match(shown { { 1, 2 }, { 1, 2 } }, "^{ { 1, 2 }")
  end)

  it("is what the sandbox answers", function()
    local sandbox = process.sandbox()
    local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }
    for i = 1, 3 do api.agents.create { name = "Agent " .. i } end
    expect.match(shown((api.agents.list())), "^name     id +active")
    sandbox:stop()
  end)

  it("can be forced for other lists and for objects", function()
    expect.equal(table_view.text(table_view.forced_rows { "x", "y" }, { width = 80 }),
      "name  text\n----  ----\n1     x\n2     y\n2 rows")
    expect.equal(table_view.text(table_view.forced_rows { name = "Ada", list = { 1 } }, { width = 80 }),
      "name  text\n----  -----\nname  Ada\nlist  { 1 }\n2 rows")
    expect.equal(table_view.forced_rows(12), nil)
  end)
end)

describe("colours", function()
  it("are there only when they are wanted, and change no column", function()
    local value = { name = "Ada", list = { 1, true, json.null, print } }
    local plain, colored = shown(value), shown(value, { width = 80, color = true })
    expect.falsy(plain:find("\27", 1, true))
    expect.truthy(colored:find("\27", 1, true))
    expect.equal(colored:gsub("\27%[[%d;]*m", ""), plain)
  end)
end)

describe("an error", function()
  it("says what failed, why, and what to do", function()
    local err = errors.make { status = 404, detail = "Agent x not found.", operation = "agents.get", method = "GET",
      url = "https://api.anyreach.ai/core/agents/x", request_id = "req-1", attempts = 3 }
    expect.equal(show.error(err), table.concat({
      "agents.get: 404 not found: Agent x not found.",
      "  GET https://api.anyreach.ai/core/agents/x, request req-1, 3 attempts",
      "  It may be gone, or belong to another organisation: api.agents.list lists those that exist." }, "\n"))
    expect.equal(shown(err), show.error(err))
  end)

  it("warns that a write may have been carried out", function()
    local err = errors.make { kind = "timeout", message = "too slow", operation = "agents.create",
      may_have_been_sent = true }
    expect.contains(show.error(err), "It may have been carried out: look before you do it again.")
  end)

  it("names the help of the operation that was misused", function()
    local api = anyreach.client { token = "ak_x", base_url = "http://127.0.0.1:9" }
    local _, err = pcall(api.agents.create, { nmae = "x" })
    expect.match(show.error(err), "^agents%.create: 2 problems\n  name: required but missing\n  nmae: unknown field")
    expect.contains(show.error(err), "help(api.agents.create) lists its fields.")
  end)

  it("of Lua's is shown as it is, also when it is no text", function()
    expect.equal(show.error "x:1: attempt to call a nil value", "x:1: attempt to call a nil value")
    expect.equal(show.error(nil), "nil")
    expect.equal(show.error(setmetatable({}, { __tostring = function() error "no" end })),
      "an error that cannot be converted to a string")
  end)
end)
