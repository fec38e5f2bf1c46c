-- Help at the prompt: for values, for names and parts of names, and as a search.

local commands = require "anyreach.repl.commands"
local errors = require "anyreach.errors"
local help = require "anyreach.repl.help"
local library = require "anyreach.repl.library"

local api = anyreach.client { token = "ak_x", base_url = "http://127.0.0.1:9" }

--- Adds two numbers.
---@param a number the first
---@param b? number
---@return number
local function add(a, b)
  return a + (b or 0)
end

describe("help(x)", function()
  it("explains an operation with parameters, an example, curl and its source in the docs", function()
    local text = help.value(api.agents.versions.publish)
    for _, part in ipairs { "api.agents.versions.publish(agent_id, version, { … })", "phone_numbers", "In Lua:",
      "With curl:", "Source: /telephony/" } do
      expect.contains(text, part)
    end
  end)

  it("lists the operations of a namespace and of a client", function()
    expect.match(help.value(api.agents.versions), "  agents%.versions%.publish +Publish a version")
    expect.contains(help.value(api), "campaigns.contacts.")
  end)

  it("explains the functions of anyreach, those in C among them", function()
    expect.match(help.value(anyreach.map), "^anyreach%.map%(list, f, options%)\n\nCalls a function for each element")
    expect.match(help.value(anyreach.sleep), "^anyreach%.sleep%(seconds%)")
    expect.match(help.value(anyreach.json.encode), "^anyreach%.json%.encode%(value, options%)")
    expect.match(help.value(anyreach), "  map%(list, f, options%) +Calls a function for each element")
  end)

  it("shows the comment above any other function", function()
    local text = help.value(add)
    expect.match(text, "^function%(a, b%)\n\nAdds two numbers%.\n")
    expect.contains(text, "a            number  the first")
    expect.match(text, "repl_help_spec%.lua:%d+>$")
    expect.contains(help.value(print), "Lua's own")
  end)

  it("says what other values are", function()
    expect.equal(help.value { 1, 2 }, "A table of 2 entries")
    expect.equal(help.value(anyreach.array { 1 }), "A list of 1 element")
    expect.equal(help.value(12), "12: a number")
    expect.contains(help.value(errors.make { status = 404, operation = "agents.get" }), "agents.get: 404 not found")
  end)
end)

describe(":help WORD", function()
  it("finds an operation by a part of its name, or lists all that have it", function()
    expect.match(commands.help "publish", "^api%.agents%.versions%.publish%(")
    expect.match(commands.help "agents.get", "^api%.agents%.get%(")
    expect.match(commands.help "api.agents.get", "^api%.agents%.get%(")
    local text = commands.help "phone"
    expect.match(text, "  api%.phone_numbers%.list +List")
    expect.match(text, "  api%.phone_numbers%.update ")
  end)

  it("finds namespaces, functions and commands", function()
    expect.match(commands.help "agents.versions", "^api%.agents%.versions: its operations\n")
    expect.match(commands.help "anyreach.map", "^anyreach%.map%(")
    expect.match(commands.help "map", "^anyreach%.map%(")
    expect.match(commands.help ":save", "^:save FILE\n")
    expect.match(commands.help "readonly", "^:readonly on|off\n")
  end)

  it("offers the nearest name for an unknown one", function()
    expect.equal(commands.help "agents.gte", "Nothing is called 'agents.gte'; did you mean 'agents.get'?")
    expect.contains(commands.help "xyzzy\27[2J", "Nothing is called 'xyzzy\\x1B[2J'")
  end)

  it("without a word names every command", function()
    for _, row in ipairs(commands.rows) do expect.contains(commands.help(), row.usage) end
  end)
end)

describe(":api TEXT", function()
  it("searches names, paths and summaries", function()
    expect.contains(help.search "number", "api.phone_numbers.list")
    expect.contains(help.search "number", "api.agents.versions.publish")
    expect.match(help.search "deploy-as-sip", "^api%.agents%.deploy_as_sip%(")
    expect.contains(help.search "zzz", "Nothing is called 'zzz'")
  end)
end)

describe("the annotations of anyreach", function()
  it("tell of every function that the program has below `anyreach`", function()
    local missing = {}
    for name, value in pairs(anyreach) do
      local is_named = library.get("anyreach." .. name) or library.class("anyreach." .. name)
      if type(value) == "function" and not is_named then missing[#missing + 1] = name end
    end
    expect.equal(missing, {})
  end)

  it("are read with types in brackets", function()
    local fields = library.fields(library.get "anyreach.map", 3)
    expect.equal(fields, { { name = "concurrency?", type = "integer", text = "" } })
    expect.equal(library.get("anyreach.map").known[2].type, "fun(element: T, index: integer): R")
  end)
end)
