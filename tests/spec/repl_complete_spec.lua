-- Completion at the prompt: what may stand at the cursor, found without evaluating or sending anything.

local complete = require("anyreach.repl.completion").at
local process = require "helpers.process"
local steps = require "helpers.steps"

local environment = setmetatable({}, { __index = _G })

-- The candidates with their suffixes at the end of a text, or at the mark "|" in it.
local function candidates(text, globals)
  local mark = text:find("|", 1, true)
  local before, after = text:sub(1, (mark or #text + 1) - 1), mark and text:sub(mark + 1) or ""
  local found = complete(before .. after, #before, globals or environment)
  local list = {}
  for i, candidate in ipairs(found and found.candidates or {}) do
    list[i] = candidate.text .. (candidate.suffix or "")
  end
  return list, found
end

local function contains(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then return true end
  end
  return false
end

describe("the case of the manual", function()
  it("completes a field, then its value", function()
    expect.equal(candidates "api.agents.versions.publish(id, 1, {dir", { "direction = " })
    expect.equal(candidates 'api.agents.versions.publish(id, 1, {direction = "in', { 'inbound"' })
  end)

  it("says which bytes a candidate replaces", function()
    local _, found = candidates "api.agents.versions.publish(id, 1, {dir"
    expect.equal({ found.from, found.to }, { 37, 39 })
    _, found = candidates "api.agents.versions.publish(id, 1, {direction = \"in|\" })"
    expect.equal({ found.from, found.to, found.candidates[1].suffix }, { 50, 51, "" })
  end)
end)

describe("operations", function()
  it("are completed name by name, namespaces with their dot", function()
    expect.equal(candidates "api.agents.v", { "versions." })
    expect.equal(candidates "api.agents.versions.pub", { "publish" })
    expect.equal(candidates "api.sources.up", { "update", "upload" })
    expect.equal(candidates "api.agents.ea", { "each" })
  end)

  it("are known below api.try and a new client, and under another name", function()
    expect.equal(candidates "api.try.agents.versions.pub", { "publish" })
    expect.equal(candidates "anyreach.client().agents.versions.pub", { "publish" })
    local prod = anyreach.client { token = "ak_x" }
    local globals = { prod = prod, ns = prod.agents.versions, op = prod.email_domains.verify }
    expect.equal(candidates("prod.agents.versions.pub", globals), { "publish" })
    expect.equal(candidates("ns.pub", globals), { "publish" })
    expect.equal(candidates("op.", globals), { "curl", "name", "wait" })
  end)

  it("take fields that are not given yet, each with its sign of equality", function()
    expect.equal(candidates 'api.agents.create{ name = "x", a', { "active = " })
    expect.falsy(contains(candidates 'api.agents.create{ name = "x", ', "name = "))
    expect.truthy(contains(candidates "api.agents.each{ ", "limit = "))
  end)

  it("take fields of objects in objects and in lists", function()
    expect.truthy(contains(candidates "api.agents.versions.create(id, { config = { ", "instructions = "))
    expect.truthy(contains(candidates "api.sources.create{ { ", "type = "))
    expect.equal(candidates 'api.sources.create{ { type = "', { 'FILE"', 'URL"' })
  end)

  it("offer the values of a field where it has few", function()
    expect.equal(candidates "api.agents.create{ active = ", { "false", "true" })
    expect.equal(candidates "api.agents.versions.publish(id, 1, { direction = ",
      { '"both"', '"inbound"', '"outbound"' })
  end)

  it("have answers whose fields are known", function()
    expect.truthy(contains(candidates "api.agents.get(id).na", "name"))
  end)

  it("offer names where the value of a field is none of few", function()
    expect.truthy(contains(candidates "api.agents.create{ name = to", "tostring"))
  end)
end)

describe("anyreach", function()
  it("has its functions, loaded or not, and their options", function()
    expect.equal(candidates "anyreach.read_y", { "read_yaml" })
    expect.equal(candidates "anyreach.json.enc", { "encode" })
    expect.equal(candidates "anyreach.client{ base", { "base_url = " })
    expect.equal(candidates "anyreach.map(ids, f, { ", { "concurrency = " })
    expect.truthy(contains(candidates "api.request{ ", "method = "))
  end)
end)

describe("live values", function()
  local globals = {
    agent = { name = "x", config = { tools = {} }, ["two words"] = 1, run = function() end },
    text = "abc",
    derived = setmetatable({ own = 1 }, { __index = { inherited = 2 } }),
  }

  it("show their fields by raw access", function()
    expect.equal(candidates("agent.", globals), { "config", "name", "run" })
    expect.equal(candidates("agent.config.", globals), { "tools" })
    expect.equal(candidates("derived.", globals), { "inherited", "own" })
  end)

  it("offer methods after a colon, those of strings, too", function()
    expect.equal(candidates("agent:", globals), { "run" })
    expect.equal(candidates("text:up", globals), { "upper" })
    expect.equal(candidates("text.up", globals), {})
  end)

  it("offer keys in an index, with the bracket", function()
    expect.equal(candidates('agent["tw', globals), { 'two words"]' })
    expect.equal(candidates("agent['tw|'", globals), { "two words]" })
  end)

  it("are never asked by way of their metamethods", function()
    local function fail() error "a metamethod was called" end
    local trap = setmetatable({}, {
      __index = fail, __pairs = fail, __len = fail, __call = fail, __tostring = fail, __eq = fail, __name = "trap",
    })
    local all = setmetatable({ trap = trap, holder = { trap = trap } }, { __index = fail, __pairs = fail })
    for _, text in ipairs { "trap.", "trap:", 'trap["', "holder.trap.x.y.", "tr", "trap(", "trap{ ", "unknown." } do
      candidates(text, all)
    end
    expect.equal(candidates("hol", all), { "holder" })
  end)

  it("are not called, and what a call returns is not guessed", function()
    local called = false
    local calls = { f = function() called = true return { x = 1 } end }
    expect.equal(candidates("f().", calls), {})
    expect.equal(called, false)
  end)

  it("do not stand for a local of the same name", function()
    expect.equal(candidates("local agent = other()\nagent.", globals), {})
  end)
end)

describe("names", function()
  it("are globals, locals of the entry, and keywords once a letter is there", function()
    expect.truthy(contains(candidates "pri", "print"))
    expect.equal(candidates("local number_list = {}\nfor i in pairs(numb", {}), { "number_list" })
    expect.truthy(contains(candidates "ret", "return"))
    expect.truthy(contains(candidates("a", {}), "api"))
  end)

  it("are completed on a later line of an entry, too", function()
    expect.equal(candidates "for a in api.agents.each() do\n  api.agents.versions.pub", { "publish" })
  end)

  it("are completed where the entry goes on after the cursor", function()
    expect.equal(candidates "api.agents.versions.pub|(id, 1)", { "publish" })
  end)

  it("are not offered in comments, numbers and plain strings", function()
    for _, text in ipairs { "-- api.", "x = 12", 'x = "api.', "[[ api." } do expect.equal(candidates(text), {}) end
  end)
end)

describe("paths of files", function()
  local directory = process.directory()
  process.write(directory .. "/one.yaml", "")
  process.write(directory .. "/one two.json", "")
  process.write(directory .. "/.hidden", "")
  assert(os.execute("mkdir " .. directory .. "/sub"))

  it("are completed in strings that functions take as paths", function()
    expect.equal(candidates('anyreach.read_file "' .. directory .. "/on"),
      { directory .. '/one two.json"', directory .. '/one.yaml"' })
    expect.equal(candidates("dofile('" .. directory .. "/s"), { directory .. "/sub/" })
    expect.equal(candidates 'anyreach.agent_files.load("tests/sp', { "tests/spec/" })
    expect.equal(candidates 'io.open("tests/sp', { "tests/spec/" })
    expect.equal(candidates 'agent.load("tests/sp', {})
    expect.equal(candidates('f("' .. directory .. "/on|x", { f = print })[1], directory .. '/one two.json"')
  end)

  it("show hidden files only when asked for, and stop at what is not there", function()
    expect.falsy(contains(candidates('dofile("' .. directory .. "/"), directory .. '/.hidden"'))
    expect.equal(candidates('dofile("' .. directory .. "/."), { directory .. '/.hidden"' })
    expect.equal(candidates('dofile("' .. directory .. "/none/"), {})
  end)
end)

describe("commands", function()
  it("are completed with their arguments", function()
    expect.equal(candidates ":reado", { "readonly " })
    expect.equal(candidates ":readonly ", { "off", "on" })
    expect.equal(candidates ":qu", { "quit" })
    expect.equal(candidates ":run provis", { "provision" })
    expect.equal(candidates ":run provision --che", { "--check" })
    expect.equal(candidates ":help agents.versions.pub", { "agents.versions.publish" })
    expect.equal(candidates ":help :sa", { ":save" })
    expect.equal(candidates ":time api.agents.versions.pub", { "publish" })
    expect.equal(candidates ":nothing x", {})
    expect.equal(candidates ":run nothing --x", {})
  end)

  it("of recipes are completed with the recipe's commands, and then with files", function()
    local commands = candidates ":run numbers "
    expect.truthy(contains(commands, "assign") and contains(commands, "--check"))
    expect.falsy(contains(commands, "README.md"))
    expect.equal(candidates ":run ab-test st", { "start", "status" })
    expect.equal(candidates ":run ab-test status READ", { "README.md" })
    expect.equal(candidates ":run provision READ", { "README.md" })
  end)

  it("complete Lua at its own place", function()
    local _, found = candidates ":time api.agents.versions.pub"
    expect.equal({ found.from, found.to }, { 27, 29 })
  end)
end)

describe("completion and signatures", function()
  it("send nothing, whatever is typed", function()
    local sandbox = process.sandbox()
    local hint = require("anyreach.repl.call").signature
    local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin" }
    local globals = { api = api, ns = api.agents, op = api.agents.get }
    for _, line in ipairs {
      "for a in api.agents.each{ limit = 1 } do print(a.id, a:b()) end",
      'api.agents.versions.publish(api.agents.list()[1].id, 1, { direction = "inbound" })',
      "x = ns.list()[1].name .. op(id).config.tools[1].x",
      "api.try.agents.delete(api.agents.create{ name = 'x' }.id)",
      ":time api.agents.create{ name = 'x' }",
      ":run provision --check agents/",
    } do
      for cursor = 0, #line do
        complete(line, cursor, globals)
        hint(line, cursor, globals)
      end
    end
    expect.equal(api.request { path = "/_sandbox/requests" }, anyreach.array {})
    api.agents.list()
    expect.truthy(#api.request { path = "/_sandbox/requests" } > 0)
    sandbox:stop()
  end)
end)

local function effort(text, globals)
  return steps.of(function() complete(text, #text, globals or environment) end)
end

describe("the effort of completion", function()
  it("is bounded with all operations", function()
    effort "api." -- what loads modules does so once
    local MOST = 50 -- thousand steps, some milliseconds on a slow machine
    expect.truthy(effort "api." < MOST)
    expect.truthy(effort "api.agents.versions.publish(id, 1, {dir" < MOST)
  end)

  it("does not grow with a table of 100,000 keys", function()
    local small, big = {}, {}
    for i = 1, 10000 do small["key" .. i] = i end
    for i = 1, 100000 do big["key" .. i] = i end
    for _, text in ipairs { "big.", "big.key99" } do
      expect.truthy(effort(text, { big = big }) < 1.5 * effort(text, { big = small }))
    end
  end)

  it("does not grow with an entry of 100 KB", function()
    local line = "local x = api.agents.get(id)\n"
    expect.truthy(effort(line:rep(3500) .. "api.ag") < 1.5 * effort(line:rep(350) .. "api.ag"))
  end)
end)
