-- The recipe `validate` as a user runs it.

local json = require "anyreach.json"
local process = require "helpers.process"

local CLINIC = "scripts/examples/clinic/agents"
local CANARY = "hush-canary-77aa"

local SCHEMA = [[{"type": "object", "properties": {"instructions": {"type": "string"}, "key": {"type": "integer"}}}]]

-- Runs the recipe with nothing of the user's own environment that matters.
local function validate(words, options, environment)
  local settings = ("ANYREACH_TOKEN= ANYREACH_BASE_URL= ANYREACH_PROFILE= XDG_CONFIG_HOME=%s %s"):format(
    process.directory(), environment or "")
  local command, arguments = process.anyreach("--retries=0", table.unpack(options or {})), {}
  for index, word in ipairs(words) do arguments[index] = process.quote(word) end
  return process.run(("env %s %s run validate %s"):format(settings, command, table.concat(arguments, " ")))
end

local function events(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = json.decode(line) end
  return list
end

describe("validate", function()
  it("finds the example clinic in order", function()
    local code, out, err = validate({ CLINIC, "--strict" }, { "--sandbox" })
    expect.equal({ code, out, err },
      { 0, "3 agents: 0 errors, 0 warnings\nschema: the sandbox's, an approximation\n", "" })
  end)

  it("checks the files with the values of an environment", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {key: !required the key}\n",
      ["schema.txt"] = SCHEMA, ["good.yml"] = "agents: {A: {config: {key: 5}}}\n",
      ["bad.yml"] = "agents: {A: {config: {key: x}}}\n" }
    local function validate_in(...)
      return validate { path .. "/a.yaml", "--schema", path .. "/schema.txt", ... }
    end
    expect.equal((validate_in("--environment", path .. "/good.yml")), 0)
    local code, out = validate_in("--environment", path .. "/bad.yml")
    expect.equal(code, 3)
    expect.contains(out, '/bad.yml:1:23: error: config.key: expected an integer, got the text "x"\n')
    code, out = validate_in()
    expect.equal(code, 3)
    expect.contains(out, "/a.yaml:2:15: error: config.key: a value is required here: the key; choose an environment")
  end)

  it("says so when there is no schema", function()
    local code, out, err = validate({ CLINIC }, nil, "XDG_CACHE_HOME=" .. process.directory())
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "\nschema: none, so only the checks that need none were made; set ANYREACH_TOKEN, or give ")
  end)

  it("prints errors with their place and ends with 3, warnings or not", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig:\n  key: x\n  instructions: '{{who}}'\n",
      ["schema.txt"] = SCHEMA }
    local code, out = validate { path .. "/a.yaml", "--schema", path .. "/schema.txt", "--strict" }
    expect.equal(code, 3)
    expect.equal(out:gsub(path:gsub("%p", "%%%0") .. "/", ""), table.concat({
      'a.yaml:3:3: error: config.key: expected an integer, got the text "x"',
      "a.yaml:4:3: warning: config.instructions: line 1: {{who}}: no variable of this name is declared; if calls "
        .. "provide it, say so with --variables who",
      "1 agent: 1 error, 1 warning",
      "schema: schema.txt\n",
    }, "\n"))
    code, out = validate({ path .. "/a.yaml", "--schema", path .. "/schema.txt" }, { "--quiet" })
    expect.equal(code, 3)
    expect.match(out, "^[^\n]+a%.yaml:3:3: error: [^\n]+\n$")
  end)

  it("ends with 0 on warnings, and with 9 when they are to fail", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {instructions: '{{who}}'}\n" }
    local cache = "XDG_CACHE_HOME=" .. process.directory()
    expect.equal((validate({ path }, nil, cache)), 0)
    expect.equal((validate({ path, "--strict" }, nil, cache)), 9)
    expect.equal((validate({ path, "--strict", "--variables", "who,whom" }, nil, cache)), 0)
  end)

  it("says how many findings are switched off, and refuses unknown checks", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {instructions: '{{who}} {{whom}}'}\n" }
    local cache = "XDG_CACHE_HOME=" .. process.directory()
    local code, out = validate({ path, "--strict", "--off", "unknown-variable" }, nil, cache)
    expect.equal(code, 0)
    expect.contains(out, "1 agent: 0 errors, 0 warnings; 2 findings switched off\n")
    code, out = validate({ path, "--off", "unknown-variable" }, { "--json" }, cache)
    local list = events(out)
    expect.equal({ code, #list, list[1].warnings, list[1].switched_off }, { 0, 1, 0, 2 })
    expect.equal((validate({ path, "--off", "unknown-varable" }, nil, cache)), 64)
    process.write(path .. "/.anyreach-lint", "unknown-varable\n")
    expect.equal((validate({ path }, nil, cache)), 3)
  end)

  it("gives events with --json, whatever happens", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {key: x}\n", ["b.yaml"] = "nme: B\n",
      ["schema.txt"] = SCHEMA }
    local code, out = validate({ path, "--schema", path .. "/schema.txt" }, { "--json" })
    local list = events(out)
    expect.equal({ code, #list }, { 3, 4 })
    expect.equal({ list[1].event, list[1].version, list[1].severity, list[1].check, list[1].path, list[1].agent },
      { "finding", 1, "error", "schema", "config.key", "A" })
    expect.equal(list[1].schema_path, "#/properties/key/type")
    expect.equal({ list[2].check, list[2].file }, { "file", path .. "/b.yaml" })
    expect.equal({ list[4].event, list[4].errors, list[4].warnings, list[4].files }, { "summary", 3, 0, 2 })
    code, out = validate({ path, "--schema", path .. "/nowhere.json" }, { "--json" })
    expect.equal({ code, events(out)[1].event, events(out)[1].exit_code }, { 3, "error", 3 })
  end)

  it("keeps the schema that it fetched, for later runs without a credential", function()
    local sandbox = process.sandbox()
    local cache = "XDG_CACHE_HOME=" .. process.directory() .. " ANYREACH_BASE_URL=" .. sandbox.base_url
    local _, out = validate({ CLINIC }, nil, cache .. " ANYREACH_TOKEN=ak_sandbox.admin")
    expect.contains(out, "\nschema: of " .. sandbox.base_url .. "\n")
    sandbox:stop()
    local code, offline = validate({ CLINIC }, nil, cache)
    expect.equal(code, 0)
    expect.match(offline, "\nschema: as fetched %d+%-%d+%-%d+T[%d:]+Z\n$")
    local fallback, text, err = validate({ CLINIC }, nil, cache .. " ANYREACH_TOKEN=ak_sandbox.admin")
    expect.equal({ fallback, text }, { 0, offline })
    expect.contains(err, "warning: the schema could not be fetched: ")
    local again, shown, problems = validate({ CLINIC, "--offline" }, nil, cache .. " ANYREACH_TOKEN=ak_sandbox.admin")
    expect.equal({ again, shown, problems }, { 0, offline, "" })
  end)

  it("ends with 4 when the credential is refused", function()
    local sandbox = process.sandbox()
    local code, _, err = validate({ CLINIC }, nil,
      ("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_wrong.key"):format(sandbox.base_url))
    sandbox:stop()
    expect.equal(code, 4)
    expect.contains(err, "was refused")
  end)

  it("sends no write", function()
    local code = validate({ CLINIC }, { "--sandbox", "--read-only" })
    expect.equal(code, 0)
  end)

  it("shows no secret", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {key: !env {name: CANARY, secret: true}}\n",
      ["schema.txt"] = SCHEMA }
    for _, options in ipairs { {}, { "--json" } } do
      local code, out, err = validate({ path, "--schema", path .. "/schema.txt" }, options, "CANARY=" .. CANARY)
      expect.equal(code, 3)
      expect.contains(out, "got a secret")
      expect.falsy((out .. err):find(CANARY, 1, true))
    end
  end)

  it("refuses a schema that is none", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {}\n", ["schema.txt"] = '{"type":"strin"}' }
    local code, _, err = validate { path, "--schema", path .. "/schema.txt" }
    expect.equal(code, 3)
    expect.contains(err, "#/type: the schema is invalid: unknown type strin")
  end)

  it("has help with examples, and refuses wrong usage", function()
    local code, out = validate { "--help" }
    expect.equal(code, 0)
    expect.contains(out, "Examples:\n  anyreach run validate agents/")
    expect.equal((validate {}), 64)
    expect.equal((validate { CLINIC, "--strct" }), 64)
  end)
end)
