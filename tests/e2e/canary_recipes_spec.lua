-- No recipe and no command shows a credential, or a secret that is stored in an agent's configuration: each is
-- run against a sandbox with keys made for this, everything shown and recorded that can be, and the output and
-- all files are searched.

local canary = require "helpers.canary"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local STORED = "hush stored/7c55+02ae"
local MAIN, SECOND = "+15551230001", "+15551230002"

local AGENT = [[
name: Desk
config:
  instructions: Be kind to {{caller}}, and brief.
  webhook_secret: !env {name: CANARY, secret: true}
phone_numbers: ["+15551230001"]
]]

local EXPERIMENT = [[
agent: Desk
variants:
  - {name: old, phone_numbers: ["+15551230001"]}
  - {name: new, phone_numbers: ["+15551230002"], prompt: new.md}
outcome: {metadata: {booked: true}}
lift: 0.1
]]

local both <close> = organizations.start()

-- The public part of a key, up to the dot, may be shown.
local function new_key(api)
  return api.admin.organization_pats.create({ name = "canary" }).pat_key
end

local keys = { first = new_key(both.first), second = new_key(both.second) }

local function hidden_part(key)
  return key:match("%.(.+)")
end

local canaries = canary.new {
  credential = hidden_part(keys.first), ["second credential"] = hidden_part(keys.second), ["stored secret"] = STORED,
}

local ENVIRONMENT = ("%s FIRST_TOKEN=%s SECOND_TOKEN=%s CANARY=%s XDG_CACHE_HOME=%s/cache"):format(both.environment,
  keys.first, keys.second, process.quote(STORED), both.directory)

-- Runs a command in the place of the organisations, and looks at what comes of it, with and without --json.
local function run(expected, ...)
  local words = canary.looking(process.directory())
  local directory = words[#words]:match("^--record=(.*)/")
  table.move({ ... }, 1, select("#", ...), #words + 1, words)
  local what = table.concat({ ... }, " ")
  local code, out, err = process.run(("cd %s/work && env %s %s"):format(both.directory, ENVIRONMENT,
    process.anyreach(table.unpack(words))))
  if code ~= expected then error(("%s: exit code %d, not %d: %s%s"):format(what, code, expected, out, err), 2) end
  canaries:expect_none("the output of " .. what, out)
  canaries:expect_none("stderr of " .. what, err)
  canaries:expect_none_below(what, directory)
  canaries:expect_none_below(what, both.directory)
end

-- A run that writes is looked at with --check first, and in both forms.
local function run_recipe(...)
  local name = ...
  run(2, "run", name, "--check", select(2, ...))
  run(2, "--json", "run", name, "--check", select(2, ...))
  run(0, "run", ...)
end

local function stored_secrets(api)
  local agent = api.agents.list({ name = "Desk" })[1]
  local config = api.agents.versions.get(agent.id, 1).config
  return config.webhook_secret
end

both:write("agents/desk.yaml", AGENT)
both:write("new.md", "Be brief.\n")
both:write("trial.yaml", EXPERIMENT)
both:write("inputs.yaml", "purpose: Book.\n")
both:write("prompts/desk.md", "Be kind to {{caller}}, and very brief.\n")

describe("no credential and no stored secret is shown by", function()
  it("provision, which does send them", function()
    run_recipe("provision", "agents")
    expect.equal(stored_secrets(both.first), STORED)
    run(0, "--json", "run", "provision", "agents")
    run(0, "run", "provision", "agents", "--exact", "--always-publish")
  end)

  it("diff, where the secret is the same, another one, or unknown to the file", function()
    run(0, "run", "diff", "agents", "--exact")
    run(0, "run", "diff", "agents", "--against", "production")
    both:write("other/desk.yaml", AGENT:gsub("!env.-\n", "new\n"))
    run(0, "run", "diff", "other")
    run(0, "--json", "run", "diff", "other")
    run(0, "run", "diff", "--from", "staging", "--to", "production")
    run(2, "run", "provision", "other", "--check", "--no-lock")
  end)

  it("export, anew and into files that are there", function()
    run(0, "run", "export", "exported")
    run(0, "run", "export", "inline", "--layout", "inline", "--no-lock")
    run(0, "--json", "run", "export", "agents")
    run(0, "run", "export", "other", "--no-lock")
  end)

  it("validate", function()
    run(0, "run", "validate", "agents", "--variables", "caller")
    run(0, "--json", "run", "validate", "agents", "--offline")
  end)

  it("promote, also where the other side has another secret", function()
    run(3, "run", "promote", "--from", "staging", "--to", "production", "Desk")
    run(3, "--json", "run", "promote", "--from", "staging", "--to", "production", "Desk")
    both:write("target/here.yaml", "agents: {Desk: {config: {webhook_secret: !env {name: CANARY, secret: true}}}}\n")
    run_recipe("promote", "--from", "staging", "--to", "production", "--to-environment", "target/here.yaml", "Desk")
    expect.equal(stored_secrets(both.second), STORED)
    organizations.version(both.first, both.first.agents.list()[1],
      { instructions = "Hello.", webhook_secret = STORED .. STORED })
    run_recipe("promote", "--from", "staging", "--to", "production", "--all")
    organizations.version(both.first, both.first.agents.list()[1], { instructions = "1", webhook_secret = STORED })
    organizations.version(both.second, both.second.agents.list()[1], { instructions = "2", webhook_secret = "x" })
    run(11, "run", "promote", "--from", "staging", "--to", "production", "--all")
    run(11, "--json", "run", "promote", "--from", "staging", "--to", "production", "--all")
  end)

  it("numbers", function()
    run(0, "run", "numbers")
    run_recipe("numbers", "assign", SECOND, "Desk")
    run_recipe("numbers", "swap", MAIN, SECOND)
    run(0, "--json", "run", "numbers", "clear", SECOND)
  end)

  it("rollback", function()
    run_recipe("rollback", "Desk", "--to", "1")
    run(0, "--json", "run", "rollback", "Desk", "--to", "2")
  end)

  it("deploy-sip, generate-instructions and migrate-prompts", function()
    run_recipe("deploy-sip", "Desk")
    run_recipe("migrate-prompts", "prompts", "--publish", "--force", "--leave-draft")
    run_recipe("generate-instructions", "Desk", "--inputs", "inputs.yaml")
  end)

  it("ab-test", function()
    local desk = both.first.agents.list()[1]
    organizations.version(both.first, desk, { instructions = "Old.", webhook_secret = STORED },
      { phone_numbers = { MAIN }, direction = "inbound" })
    run(0, "run", "ab-test", "plan", "trial.yaml", "--success-rate", "0.3")
    run_recipe("ab-test", "start", "trial.yaml")
    run(0, "run", "ab-test", "status", "trial.yaml", "--html", "trial.html")
    run(0, "--json", "run", "ab-test", "status", "trial.yaml")
    run(2, "--json", "run", "ab-test", "conclude", "trial.yaml")
    run(2, "run", "ab-test", "conclude", "trial.yaml", "--winner", "new") -- undecided, but for that
  end)
end)

describe("no credential is shown by", function()
  it("profile and doctor", function()
    for _, words in ipairs { { "profile", "list" }, { "profile", "show", "production" }, { "profile", "test" } } do
      run(0, table.unpack(words))
      run(0, "--json", table.unpack(words))
    end
    run(0, "doctor")
    run(0, "--json", "doctor")
  end)

  it("a session of the REPL", function()
    both:write("session", [[
      api
      api.agents.list()
      :json
      pcall(api.agents.get, "nobody")
      anyreach.env("FIRST_TOKEN", { secret = true })
      :full
      :json
      :yaml
      :profile production
      :trace full
      anyreach.client().agents.list()
      :requests
      :run numbers
      :save saved.lua]])
    local _, out, err = process.run(("cd %s/work && env %s %s <session"):format(both.directory, ENVIRONMENT,
      process.anyreach("--trace=full", "repl")))
    expect.contains(out, "Desk")
    expect.contains(out, "[secret]")
    canaries:expect_none("a session", out .. err)
    canaries:expect_none_below("a session", both.directory)
  end)

  it("examples", function()
    for _, name in ipairs { "number-report", "archive-inactive" } do
      local program = process.anyreach("--trace=full", "--stats", "scripts/examples/" .. name .. ".lua",
        both:path "archive")
      local code, out, err = process.run(("env %s %s"):format(ENVIRONMENT, program))
      expect.equal({ name, code }, { name, 0 })
      canaries:expect_none(name, out .. err)
    end
  end)
end)

it("every recipe was run", function()
  local source = process.read "tests/e2e/canary_recipes_spec.lua"
  local _, out = process.run(process.anyreach("recipes"))
  local missing = {}
  for name in out:gmatch("([%w-]+)[^\n]*\n") do
    local first, second = ('"run", "%s"'):format(name), ('run_recipe("%s"'):format(name)
    if not (source:find(first, 1, true) or source:find(second, 1, true)) then missing[#missing + 1] = name end
  end
  expect.equal(missing, {})
end)
