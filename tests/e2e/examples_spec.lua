-- The scripts in scripts/examples, as a reader would run them, against the sandbox.

local process = require "helpers.process"

-- Runs an example against the sandbox in `db`; returns exit code and output.
local function example(db, name, ...)
  local script = ("scripts/examples/%s.lua"):format(name)
  local code, out, err = process.run(process.anyreach("--sandbox=" .. db, script, ...))
  expect.equal({ name, err }, { name, "" })
  return code, out
end

local function new_db()
  return process.directory() .. "/sandbox.db"
end

-- A copy of the clinic, to be changed.
local function clinic()
  local path = process.directory()
  process.run("cp -r scripts/examples/clinic/. " .. path)
  return path
end

local function provision(db, directory)
  local code, out = process.run(process.anyreach("--sandbox=" .. db, "run", "provision", directory))
  return code, out:match("([^\n]*)\n$")
end

describe("replace-word", function()
  it("shows what it would change, and changes the prompts when told so", function()
    local path = clinic()
    local prompt = path .. "/prompts/scheduler.md"
    local before = process.read(prompt)
    local code, out = example(new_db(), "replace-word", path .. "/agents", "Riverside Dental", "Harbor Dental")
    expect.equal({ code, process.read(prompt) }, { 0, before })
    expect.contains(out, "Riverside Dental Scheduler\n")
    expect.contains(out, "Harbor")
    example(new_db(), "replace-word", path .. "/agents", "Riverside Dental", "Harbor Dental", "--write")
    expect.equal(process.read(prompt), (before:gsub("Riverside Dental", "Harbor Dental")))
    code, out = example(new_db(), "replace-word", path .. "/agents", "Riverside Dental", "Harbor Dental")
    expect.equal({ code, out }, { 0, "" })
  end)
end)

describe("add-tool", function()
  it("gives the tool to the team's agents that lack it, in files and organisation", function()
    local path, db = clinic() .. "/agents", new_db()
    provision(db, path)
    local code, out = example(db, "add-tool", path, "front-office")
    expect.equal(code, 2)
    expect.contains(out, "to update  Riverside Dental Scheduler  new version published")
    expect.falsy(out:find("After Hours", 1, true))
    code, out = example(db, "add-tool", path, "front-office", "--apply")
    expect.equal(code, 0)
    expect.contains(out, "updated    Riverside Dental Reminders  version 2 published")
    local text = process.read(path .. "/reminders.yaml")
    expect.contains(text, "    - name: take_message\n")
    expect.contains(text, "play_message: null # hang up instead of leaving a message\n")
    expect.equal({ example(db, "add-tool", path, "front-office") }, { 0, "" })
    expect.equal({ provision(db, path) }, { 0, "3 agents: 0 created, 0 updated, 3 unchanged, 0 failed" })
  end)
end)

describe("number-report", function()
  it("names the agent in both slots of each number", function()
    local db = new_db()
    provision(db, "scripts/examples/clinic/agents")
    local code, out = example(db, "number-report")
    expect.equal(code, 0)
    expect.contains(out, "number,inbound,outbound\n")
    expect.contains(out, '"+15551234567","Riverside Dental Scheduler, version 1",""\n')
    expect.contains(out, '"+15551230001","","Riverside Dental Reminders, version 1"\n')
  end)
end)

describe("archive-inactive", function()
  it("keeps agents that are not active as files, which bring them back", function()
    local db, path = new_db(), process.directory() .. "/archive"
    local code = process.run(process.anyreach("--sandbox=" .. db, "-e", [[
      local api = anyreach.client()
      local old = api.agents.create{ name = "Old Line", active = false }
      api.agents.versions.create(old.id, { config = { instructions = "Be kind.\n", tools = anyreach.array{} } })
      api.agents.create{ name = "New Line" }]]))
    expect.equal(code, 0)
    local out
    code, out = example(db, "archive-inactive", path)
    expect.equal({ code, out }, { 0, path .. "/old-line.yaml\n" })
    expect.contains(process.read(path .. "/old-line.yaml"), "name: Old Line\n")
    expect.equal({ provision(db, path) }, { 0, "1 agent: 0 created, 0 updated, 1 unchanged, 0 failed" })
  end)
end)

describe("import-assistants", function()
  it("makes agent files and agents of another vendor's export", function()
    local db, path = new_db(), process.directory() .. "/agents"
    local code, out = example(db, "import-assistants", "scripts/examples/assistants.json", path)
    expect.equal(code, 2)
    expect.contains(out, "to create  Harbor Pharmacy Refills  new version published")
    expect.contains(process.read(path .. "/harbor-pharmacy-refills.yaml"), "  instructions: |-\n"
      .. "    You take refill requests for Harbor Pharmacy.\n\n    Ask for the prescription number first.\n")
    code, out = example(db, "import-assistants", "scripts/examples/assistants.json", path, "--apply")
    expect.equal(code, 0)
    expect.contains(out, "created    Harbor Pharmacy Opening Hours  version 1 published")
    expect.equal({ provision(db, path) }, { 0, "2 agents: 0 created, 0 updated, 2 unchanged, 0 failed" })
  end)
end)

describe("an example without its arguments", function()
  for _, name in ipairs { "add-tool", "archive-inactive", "import-assistants", "replace-word" } do
    it(name .. " says in one line how it is used", function()
      local code, out, err = process.run(process.anyreach(("scripts/examples/%s.lua"):format(name)))
      expect.equal({ code, out }, { 64, "" })
      expect.match(err, "^anyreach: usage: " .. name:gsub("%-", "%%-") .. "%.lua [^\n]*\n$")
    end)
  end
end)
