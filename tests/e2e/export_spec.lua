-- The recipe `export`: an organisation as files, and back.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local varied_agents = require "helpers.varied_agents"

local box = organizations.start()

local function sh(command)
  return process.run(("cd %s/work && %s"):format(box.directory, command))
end

local function read(name)
  return process.read(box.directory .. "/work/" .. name)
end

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, err, code ~= actual and out or nil }, { code, "", nil })
  return out
end

describe("200 varied agents", function()
  local first_dataset = box.first.datasets.create { name = "Clinic FAQ" }.dataset_id
  box.second.datasets.create { name = "Clinic FAQ" }
  box:write("environments/staging.yaml",
    'references: {workflow: {Intake: wf_one}, number: {main: "+15551234567", night: "+15551230001"}}\n')
  box:write("environments/production.yaml",
    'references: {workflow: {Intake: wf_two}, number: {main: "+15557654321", night: "+15557650001"}}\n')
  varied_agents.make(box.first, 200, {
    ids = { first_dataset, "wf_one", "+15551234567" },
    numbers = { { phone_numbers = { "+15551234567" } }, { phone_numbers = { "+15551230001" }, direction = "both" } },
  })

  it("are exported, and a second time nothing changes", function()
    local out = expect_run(0, "export", "one")
    expect.contains(out, "200 agents: 200 created\n")
    sh "cp -r one before"
    expect.contains(expect_run(0, "export", "one"), "200 agents: 200 unchanged\n")
    expect.equal({ sh "diff -r before one" }, { 0, "", "" })
    expect.equal({ sh "find one -name '*[^a-zA-Z0-9._-]*'" }, { 0, "", "" })
  end)

  it("are as their files say", function()
    box:writes()
    expect.contains(expect_run(0, "provision", "one"), "200 agents: 0 created, 0 updated, 200 unchanged, 0 failed\n")
    expect.equal(box:writes(), {})
  end)

  it("are the same in another organisation, which exports the same files", function()
    local out = expect_run(0, "provision", "one", "--profile=production", "--first-time")
    expect.contains(out, "200 agents: 200 created, 0 updated, 0 unchanged, 0 failed\n")
    expect_run(0, "export", "two", "--profile=production")
    expect.equal({ sh "diff -r -x anyreach.lock one two" }, { 0, "", "" })
    box:writes()
    expect_run(0, "provision", "one", "--profile=production")
    expect.equal(box:writes(), {})
    expect.contains(expect_run(0, "diff", "one", "--profile=production", "--exit-code"), "200 agents: 200 same\n")
    expect.contains(expect_run(0, "diff", "--from=staging", "--to=production", "--exit-code"), "200 agents: 200 same\n")
  end)

  it("have references in place of ids", function()
    local _, out = sh "grep -rhoE '!ref .*' two | sort -u"
    expect.contains(out, "!ref dataset:Clinic FAQ\n")
    expect.contains(out, "!ref number:main\n")
    expect.contains(out, "!ref workflow:Intake\n")
    expect.match(out, "!ref agent:%S")
    local _, raw = sh(("grep -rE '%s|wf_one|[+]1555123' one"):format(first_dataset))
    expect.equal(raw, "")
  end)
end)

local function reset(agents)
  box:reset()
  for name, config in pairs(agents or {}) do organizations.agent(box.first, name, config) end
end

local function find(name)
  for agent in box.first.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

local PROMPT = "You are a friendly receptionist.\n\nBook appointments.\n"

describe("files that are there", function()
  it("are changed in place, found by the name of the agent, with comments and order kept", function()
    reset { Desk = { instructions = PROMPT, max_tool_steps = 4, greeting = "Hello" } }
    box:write("agents/front.yaml", "# The front desk.\nconfig:\n  max_tool_steps: 3 # enough\n"
      .. "  instructions: !file texts/desk.txt\n\nname: Desk\n")
    box:write("agents/texts/desk.txt", "Old.\n")
    local out = expect_run(0, "export", "agents", "--all-fields")
    expect.contains(out, "updated    Desk  agents/front.yaml and 1 prompt\n")
    expect.equal(read "agents/texts/desk.txt", PROMPT .. "\n")
    local text = read "agents/front.yaml"
    expect.contains(text, "# The front desk.\nconfig:\n  max_tool_steps: 4 # enough\n"
      .. "  instructions: !file texts/desk.txt\n")
    expect.contains(text, "greeting: Hello\n")
    expect.equal({ sh "ls agents" }, { 0, "front.yaml\ntexts\n", "" })
  end)

  it("keep their modes", function()
    reset { Desk = { instructions = PROMPT, greeting = "Hello" } }
    box:write("agents/desk.yaml", "name: Desk\nconfig:\n  instructions: !file desk.txt\n")
    box:write("agents/desk.txt", "Old.\n")
    sh "chmod 600 agents/desk.txt && chmod 664 agents/desk.yaml"
    expect_run(0, "export", "agents")
    expect.equal(read "agents/desk.txt", PROMPT .. "\n")
    expect.equal({ sh "stat -c %a agents/desk.txt agents/desk.yaml" }, { 0, "600\n664\n", "" })
  end)

  it("get keys that they do not have with --all-fields alone", function()
    reset { Desk = { instructions = "Short.", greeting = "Hello" } }
    box:write("agents/desk.yaml", "name: Desk\nconfig:\n  instructions: Old.\n")
    expect_run(0, "export", "agents")
    expect.equal(read "agents/desk.yaml", "name: Desk\nconfig:\n  instructions: Short.\n")
    expect_run(0, "export", "agents", "--only-owned")
    expect.equal(read "agents/desk.yaml", "name: Desk\nconfig:\n  instructions: Short.\n")
    expect_run(0, "export", "agents", "--all-fields")
    expect.equal(read "agents/desk.yaml", "name: Desk\nactive: true\nconfig:\n  instructions: Short.\n"
      .. "  greeting: Hello\n")
  end)

  it("keep variables and secrets", function()
    reset { Desk = { instructions = "x", headers = { Authorization = "Bearer hush-canary" }, token = "hush-canary" } }
    box:write("agents/desk.yaml", "name: Desk\nactive: true\nconfig:\n  instructions: !env GREETING\n"
      .. "  headers:\n    Authorization: !env {name: KEY, secret: true}\n  other: !env {name: KEY, secret: true}\n")
    local out = expect_run(0, "export", "agents", "--all-fields")
    local text = read "agents/desk.yaml"
    expect.contains(text, "instructions: !env GREETING\n")
    expect.contains(text, "Authorization: !env {name: KEY, secret: true}\n")
    expect.contains(text, "other: !env {name: KEY, secret: true}\n")
    expect.falsy((text .. out):find("hush-canary", 1, true))
    expect.contains(out, "note: config.token is a secret and is not written; "
      .. "the file takes it from the environment variable DESK_TOKEN\n")
  end)

  it("share a prompt only as long as all of them say the same", function()
    reset { A = { instructions = PROMPT }, B = { instructions = PROMPT } }
    for _, name in ipairs { "A", "B" } do
      box:write("agents/" .. name .. ".yaml", "name: " .. name .. "\nconfig: {instructions: !file common.md}\n")
    end
    box:write("agents/common.md", "Old.\n")
    expect_run(0, "export", "agents", "--only-owned")
    expect.equal(read "agents/common.md", PROMPT .. "\n")
    organizations.version(box.first, find "B", { instructions = "Other.\n" .. PROMPT })
    expect_run(0, "export", "agents", "--only-owned")
    expect.equal(read "agents/common.md", PROMPT .. "\n")
    expect.equal(read "agents/prompts/B.md", "Other.\n" .. PROMPT .. "\n")
    expect.contains(read "agents/A.yaml", "!file common.md")
    expect.contains(read "agents/B.yaml", "!file prompts/B.md")
  end)

  it("keep to what the environment file says: what it sets stays there", function()
    reset { Desk = { instructions = "Hi.", voice = { name = "ann", speed = 1 }, limit = 5, extra = true } }
    box:write("environments/staging.yaml", "defaults:\n  config:\n    voice: {name: ann, speed: 2}\n    old: 1\n"
      .. "agents:\n  Desk:\n    config: {limit: 5, instructions: Hello.}\n")
    box:write("agents/desk.yaml", "name: Desk\nconfig:\n  instructions: !required what it says\n")
    local out = expect_run(0, "export", "agents")
    expect.equal(read "agents/desk.yaml", "name: Desk\nconfig:\n"
      .. "  instructions: !required what it says\n  old: null\n  voice:\n    speed: 1\n")
    expect.contains(out, "note: config.instructions is set by environments/staging.yaml and is another; "
      .. "change it there\n1 agent")
    expect.contains(expect_run(0, "export", "agents"), "1 agent: 1 unchanged\n")
  end)

  it("in JSON stay JSON", function()
    reset { Desk = { instructions = PROMPT, token = "hush-canary" } }
    box:write("agents/desk.json", '{"name": "Desk", "config": {}}')
    local out = expect_run(0, "export", "agents", "--all-fields")
    local value = json.decode(read "agents/desk.json")
    expect.equal({ value.config.instructions, value.config.token }, { PROMPT, nil })
    expect.contains(out, "note: config.token is a secret and is left out\n")
    expect.contains(expect_run(0, "export", "agents"), "1 agent: 1 unchanged")
  end)

  it("of agents that are no more are told, and removed only when that is asked for", function()
    reset { Desk = { instructions = PROMPT }, Gone = { instructions = PROMPT .. "Gone." } }
    expect_run(0, "export", "agents")
    box.first.agents.delete(find("Gone").id)
    expect.contains(expect_run(0, "export", "agents"),
      "gone       Gone  agents/gone.yaml; the organisation has no such agent\n")
    expect.truthy(read "agents/gone.yaml")
    expect_run(2, "export", "agents", "--prune-files", "--check")
    expect.truthy(read "agents/gone.yaml")
    expect.contains(expect_run(0, "export", "agents", "--prune-files"), "removed    Gone")
    expect.equal({ sh "find agents -type f | sort" }, { 0, "agents/desk.yaml\nagents/prompts/desk.md\n", "" })
  end)

  it("that cannot be read stop the export before anything is written", function()
    reset { Desk = { instructions = PROMPT } }
    box:write("agents/a.yaml", "name: [\n")
    local code, _, err = box:run("export", "agents")
    expect.equal({ code, sh "ls agents" }, { 3, 0, "a.yaml\n", "" })
    expect.contains(err, "agents/a.yaml:")
  end)
end)

describe("an agent whose texts hold markers", function()
  it("is exported into files that are read as its texts, and keeps what they allow", function()
    local agent_id = box.first.agents.create { name = "Marked", description = "${A} ${B}" }.agent_id
    box.first.agents.versions.create(agent_id, { config = { instructions = "short ${A}", greeting = "@@CITY@@" } })
    box.first.agents.versions.publish(agent_id, 1)
    expect_run(0, "export", "marked", "--agent=Marked")
    local text = read "marked/marked.yaml"
    expect.contains(text, "$${A} $${B}")
    expect.contains(text, "@@@@CITY@@")
    expect.contains(expect_run(0, "provision", "marked"), "1 unchanged")
    box:write("marked/marked.yaml", (text:gsub("$${A}", "${A}")) .. "allow_markers: [A]\n")
    expect.contains(expect_run(0, "export", "marked", "--agent=Marked"), "1 unchanged")
    box.first.agents.update(agent_id, { description = "${A} ${B}!" })
    expect_run(0, "export", "marked", "--agent=Marked")
    expect.contains(read "marked/marked.yaml", "${A} $${B}!")
    expect.contains(read "marked/marked.yaml", "allow_markers: [A]")
    expect.contains(expect_run(0, "provision", "marked"), "1 unchanged")
  end)
end)

describe("an export", function()
  it("says what files cannot hold", function()
    reset()
    local agent = organizations.agent(box.first, "Desk", { instructions = "One." },
      { phone_numbers = { "+15551234567" }, direction = "both" })
    organizations.version(box.first, agent, { instructions = "Two.", dataset_id = "nowhere" },
      { phone_numbers = { "+15551234567" }, direction = "inbound" })
    box.first.agents.versions.create(agent.id, { config = { instructions = "Three." } })
    local out = expect_run(0, "export", "agents")
    expect.contains(out, "note: +15551234567 outbound is held by version 1, which is not the one exported; "
      .. "it is left out\n")
    expect.contains(out, "note: draft 3 is newer than what is exported, and is left out\n")
    expect.contains(out, "note: config.dataset_id: 'nowhere' is the id of no dataset that is known here; "
      .. "it is left as it is\n")
    expect.contains(read "agents/desk.yaml", 'phone_numbers:\n  - "+15551234567"\n')
  end)

  it("of chosen agents leaves the others alone", function()
    reset { A = { instructions = "x" }, B = { instructions = "y" } }
    expect_run(0, "export", "agents", "--agent", "A", "--agent", find("A").id)
    expect.equal({ sh "ls agents" }, { 0, "a.yaml\n", "" })
    local code, _, err = box:run("export", "agents", "--agent", "Aa")
    expect.equal(code, 3)
    expect.contains(err, "no agent has the name or id 'Aa'; did you mean 'A'?")
  end)

  it("of two agents of one name fails for these alone", function()
    reset { A = { instructions = "x" } }
    box.first.agents.create { name = "Twin" }
    box.first.agents.create { name = "Twin" }
    local code, out = box:run("export", "agents")
    expect.equal({ code, sh "ls agents" }, { 8, 0, "a.yaml\n", "" })
    expect.contains(out, "failed     Twin  2 agents have the name 'Twin': ")
  end)

  it("of an agent without a name fails for it alone, and writes nothing that provision refuses", function()
    reset { A = { instructions = "x" } }
    local id = box.first.agents.create { name = "" }.id
    box.first.agents.create { name = "" }
    local code, out = box:run("export", "agents")
    expect.equal({ code, sh "ls agents" }, { 8, 0, "a.yaml\n", "" })
    expect.contains(out, "the agent " .. id .. " has no name, by which a file could know it; ")
  end)

  it("is only looked at with --check, and told as events with --json", function()
    reset { A = { instructions = PROMPT } }
    local out = expect_run(2, "export", "agents", "--check")
    expect.contains(out, "to create  A  agents/a.yaml and 1 prompt\n1 agent: 1 to create\n")
    expect.equal(read "agents/a.yaml", nil)
    local events = {}
    out = expect_run(0, "export", "agents", "--json")
    for line in out:gmatch("[^\n]+") do events[#events + 1] = json.decode(line) end
    expect.equal({ events[1].event, events[1].action, events[1].files, events[2].event, events[2].created },
      { "agent", "created", json.array { "agents/prompts/a.md", "agents/a.yaml" }, "summary", 1 })
    expect.equal(expect_run(0, "export", "agents", "--quiet"), "")
    expect_run(0, "export", "agents", "--check")
  end)

  it("keeps prompts in the agent files with --layout inline", function()
    reset { A = { instructions = PROMPT } }
    expect_run(0, "export", "agents", "--layout", "inline")
    expect.equal({ sh "find agents -type f" }, { 0, "agents/a.yaml\n", "" })
    expect.contains(read "agents/a.yaml", "instructions: |\n    You are")
    expect.equal((box:run("export", "agents", "--layout", "flat")), 64)
  end)

  it("fails with the code of the error when nothing can be read", function()
    expect.equal((process.run("ANYREACH_TOKEN=ak_sandbox.nobody " .. process.anyreach("--retries=0", "--base-url",
      box.sandbox.base_url, "run", "export", box.directory .. "/nowhere"))), 4)
  end)
end)

it("the sandbox ends", function() box:stop() end)
