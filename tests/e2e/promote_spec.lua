-- The recipe `promote` as a user runs it, between the sandbox's two organisations. Their ids have nothing
-- in common, so whatever arrives unchanged was remapped by name.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local A, TARGET_A = "+15551230001", "+15557650001"
local DATASET, TARGET_DATASET = "2a000000-0000-4000-8000-000000000001", "2a000000-0000-4000-8000-000000000002"

local both = organizations.start()

local function promote(...)
  return both:run("promote", "--from", "staging", "--to", "production", ...)
end

local function config(changes)
  local value = {
    instructions = "Say hello.\nBe kind.", starting_message = "Hello.", knowledge = { dataset_id = DATASET },
    tools = json.array {}, big = 9007199254740993,
  }
  for key, part in pairs(changes or {}) do value[key] = part end
  return value
end

local function agent_named(api, name)
  for agent in api.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

local function all_versions(api, name)
  local list = {}
  for version in api.agents.versions.each(agent_named(api, name).id) do table.insert(list, 1, version) end
  return list
end

-- One agent in the first organisation, at a number; with --numbers the second one's.
local function prepare(changes)
  both:reset()
  local agent = organizations.agent(both.first, "Desk", config(changes), { phone_numbers = { A } })
  both:writes()
  return agent
end

local function promoted(changes)
  local agent = prepare(changes)
  expect.equal((promote("Desk")), 0)
  both:writes()
  return agent, agent_named(both.second, "Desk")
end

describe("a promotion", function()
  it("creates agents with the target's ids; the second run sends no write", function()
    prepare()
    local desk = agent_named(both.first, "Desk")
    local other = organizations.agent(both.first, "Front", { transfer = { agent_id = desk.id } })
    organizations.agent(both.first, "Back", { transfer = { agent_id = other.id } })
    both.first.agents.create { name = "Stub" }
    both:writes()
    local code, out, err = promote("--all")
    expect.equal(code, 0)
    expect.contains(out, "created    Desk  version 1 published (from version 1)\n")
    expect.contains(out, "3 agents: 3 created\n")
    expect.contains(err, "'Stub' has no published version and is left out\n")
    expect.equal(#both:writes(), 9)
    expect.equal(all_versions(both.second, "Desk")[1].config, config { knowledge = { dataset_id = TARGET_DATASET } })
    expect.equal(all_versions(both.second, "Back")[1].config.transfer.agent_id, agent_named(both.second, "Front").id)

    code, out = promote("--all")
    expect.equal({ code, both:writes() }, { 0, {} })
    expect.contains(out, "3 agents: 3 unchanged\n")
  end)

  it("takes the version that is named, and never a draft", function()
    local agent = prepare()
    organizations.version(both.first, agent, config { starting_message = "Newer." })
    both.first.agents.versions.create(agent.id, { base_version = 1 })
    expect.equal((promote("Desk@1")), 0)
    expect.equal(all_versions(both.second, "Desk")[1].config.starting_message, "Hello.")
    local code, _, err = promote("Desk@3", "Desk@7")
    expect.equal(code, 3)
    expect.contains(err, "Desk: version 3 is a draft; only published versions are promoted")
    expect.contains(err, "Desk: there is no version 7")
  end)

  it("only shows what it would do with --check, with exit code 2", function()
    prepare()
    local code, out = promote("Desk", "--check")
    expect.equal({ code, both:writes() }, { 2, {} })
    expect.contains(out, "to create  Desk  new version published (from version 1)\n1 agent: 1 to create\n")
    expect.equal(process.read(both.directory .. "/work/anyreach.lock"), nil)
  end)

  it("creates an agent anew that was deleted in the target", function()
    local _, target = promoted()
    both.second.agents.delete(target.id)
    local code, out = promote("Desk")
    expect.equal(code, 0)
    expect.contains(out, "created    Desk  version 1 published (from version 1)\n")
  end)

  it("knows an agent that a lagging list does not show yet, so that it is not created twice", function()
    local lagging <close> = organizations.start("--faults", "stale=9;only=agents.create")
    local desk = organizations.agent(lagging.first, "Desk", { instructions = "one" })
    for _ = 1, 10 do lagging.first.agents.list() end
    lagging:run("promote", "--from", "staging", "--to", "production", "Desk")
    organizations.version(lagging.first, desk, { instructions = "two" })
    lagging:writes()
    local code, out = lagging:run("promote", "--from", "staging", "--to", "production", "Desk")
    expect.equal(code, 0)
    expect.contains(out, "updated")
    for _, write in ipairs(lagging:writes()) do expect.falsy(write == "POST /core/agents") end
  end)

  it("refuses two agents of one name", function()
    prepare()
    organizations.agent(both.first, "Desk", {})
    both:writes()
    local code, _, err = promote("--all")
    expect.equal({ code, both:writes() }, { 3, {} })
    expect.contains(err, "Desk: two agents have this name: ")
  end)

  it("writes drafts only with --no-publish, and publishes them in a later run", function()
    prepare()
    expect.equal((promote("Desk", "--no-publish")), 0)
    expect.equal(all_versions(both.second, "Desk")[1].published, false)
    both:writes()
    expect.equal({ (promote("Desk", "--no-publish")), both:writes() }, { 0, {} })
    expect.equal({ (promote("Desk")), #both:writes(), #all_versions(both.second, "Desk") }, { 0, 1, 1 })
  end)

  it("writes again into a draft of its own, and leaves one alone that somebody has changed", function()
    local agent = prepare()
    expect.equal((promote("Desk")), 0)
    for round = 1, 3 do
      organizations.version(both.first, agent, config { starting_message = "Hello " .. round })
      local code, out = promote("Desk", "--no-publish")
      expect.equal({ code, #all_versions(both.second, "Desk") }, { 0, 2 })
      expect.equal(all_versions(both.second, "Desk")[2].config.starting_message, "Hello " .. round)
      expect.falsy(out:find("not written from here", 1, true))
    end
    local theirs = agent_named(both.second, "Desk")
    both.second.agents.versions.update(theirs.id, 2, { config = config { starting_message = "Theirs" } })
    organizations.version(both.first, agent, config { starting_message = "Hello 4" })
    local _, out = promote("Desk", "--no-publish")
    expect.contains(out, "draft 2, not written from here, is left alone")
    local versions = all_versions(both.second, "Desk")
    expect.equal({ versions[2].config.starting_message, versions[3].config.starting_message }, { "Theirs", "Hello 4" })
    expect.equal((promote("Desk")), 0)
    versions = all_versions(both.second, "Desk")
    expect.equal({ #versions, versions[2].published, versions[3].published }, { 3, false, true })
    expect.falsy(process.read(both.directory .. "/work/anyreach.lock"):find("draft", 1, true))
  end)
end)

describe("what is missing in the target", function()
  it("stops everything before the first write, with exit code 3 and all of it listed", function()
    prepare()
    local faq = both.first.datasets.create { name = "Clinic FAQ" }
    local knowledge = { dataset_ids = json.array { faq.id } }
    organizations.agent(both.first, "Front", { knowledge = knowledge, workflow_id = "wf_1" })
    both:writes()
    local code, out, err = promote("--all")
    expect.equal({ code, out, both:writes() }, { 3, "", {} })
    expect.contains(err, "Front: config.knowledge.dataset_ids[1]: no dataset has the name 'Clinic FAQ'")
    expect.contains(err, "Front: config.workflow_id: 'wf_1' is the id of no workflow that is known here")

    both:write("environments/staging.yaml", "references: {workflow: {Intake: wf_1}}\n")
    both:write("environments/production.yaml", "references: {workflow: {Intake: wf_9}, dataset: {Clinic FAQ: ds_9}}\n")
    expect.equal((promote("--all")), 0)
    expect.equal(all_versions(both.second, "Front")[1].config,
      { knowledge = { dataset_ids = json.array { "ds_9" } }, workflow_id = "wf_9" })
  end)
end)

describe("a merge", function()
  it("takes what the source has changed and keeps what the target has", function()
    local source, target = promoted()
    organizations.version(both.first, source, config { instructions = "Say hello.\nBe quick." })
    organizations.version(both.second, target, config { starting_message = "Good day.",
      knowledge = { dataset_id = TARGET_DATASET } })
    both:writes()
    local code, out, err = promote("Desk")
    expect.equal(code, 0)
    expect.contains(out, "updated    Desk  version 3 published (config.instructions) (from version 2)\n")
    expect.contains(out, "Be [-kind-]{+quick+}.")
    expect.contains(err, "phone numbers stay with the versions that they have")
    expect.equal(all_versions(both.second, "Desk")[3].config, config { instructions = "Say hello.\nBe quick.",
      starting_message = "Good day.", knowledge = { dataset_id = TARGET_DATASET } })
    both:writes()
    expect.equal({ (promote("Desk")), both:writes() }, { 0, {} })
  end)

  local function conflict()
    local source, target = promoted()
    organizations.version(both.first, source, config { instructions = "Say hello.\nBe quick.", big = 1 })
    organizations.version(both.second, target, config { instructions = "Say hello.\nBe slow.",
      knowledge = { dataset_id = TARGET_DATASET } })
    both:writes()
  end

  it("shows a field that both have changed, and writes nothing for that agent: exit code 11", function()
    conflict()
    local code, out = promote("Desk")
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(out, "conflict   Desk  both have changed a field; decide with --ours, --theirs or --skip\n")
    expect.contains(out, "Be [-kind-]{+quick+}.")
    expect.contains(out, "  production:\n    config.instructions changed (words: 1 removed, 1 added)\n")
    expect.contains(out, "Be [-kind-]{+slow+}.")
    expect.contains(out, "1 agent: 1 in conflict\n")
    local _, events = promote("Desk", "--json")
    local event = json.decode(events:match("[^\n]+"))
    expect.equal({ event.action, event.conflicts[1].path, event.conflicts[1].base, event.conflicts[1].source,
      event.conflicts[1].target }, { "conflict", "config.instructions", "Say hello.\nBe kind.",
      "Say hello.\nBe quick.", "Say hello.\nBe slow." })
    organizations.agent(both.first, "Other", {})
    expect.equal((promote("Desk", "Other")), 8)
    expect.equal((promote("Desk", "Other")), 11)
  end)

  it("is decided by --ours, --theirs and --skip, once", function()
    for option, expected in pairs {
      ["--ours"] = { "Say hello.\nBe quick.", 1 }, ["--theirs"] = { "Say hello.\nBe slow.", 1 },
      ["--skip"] = { "Say hello.\nBe slow.", 9007199254740993 },
    } do
      conflict()
      expect.equal({ option, (promote("Desk", option)) }, { option, 0 })
      local list = all_versions(both.second, "Desk")
      expect.equal({ list[#list].config.instructions, list[#list].config.big }, expected)
      both:writes()
      expect.equal({ option, (promote("Desk", option)), both:writes() }, { option, 0, {} })
    end
  end)

  it("has a conflict in each field that differs when nothing was noted", function()
    prepare()
    organizations.agent(both.second, "Desk",
      config { instructions = "Other.", knowledge = { dataset_id = TARGET_DATASET } })
    both:writes()
    local code, out = promote("Desk")
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(out, "  from production to staging:\n    config.instructions changed")
    expect.falsy(out:find("config.starting_message", 1, true))
    expect.equal((promote("Desk", "--ours")), 0)
    expect.equal(all_versions(both.second, "Desk")[2].config.instructions, "Say hello.\nBe kind.")
  end)

  it("leaves a draft in the target alone", function()
    local source, target = promoted()
    both.second.agents.versions.create(target.id, { config = { instructions = "An idea." } })
    organizations.version(both.first, source, config { big = 2 })
    expect.equal((promote("Desk")), 0)
    local list = all_versions(both.second, "Desk")
    expect.equal({ #list, list[2].published, list[2].config.instructions, list[3].config.big },
      { 3, false, "An idea.", 2 })
  end)

  it("promotes all the same where the lock cannot be written, and says so", function()
    prepare()
    local code, out, err = promote("Desk", "--lock", "nowhere/anyreach.lock")
    expect.equal(code, 0)
    expect.contains(out, "created")
    expect.contains(err, "warning: the lock nowhere/anyreach.lock was not written")
  end)

  it("refuses a lock that cannot be read", function()
    promoted()
    both:write("anyreach.lock", "<<<<<<< ours\n")
    local code, _, err = promote("Desk")
    expect.equal({ code, both:writes() }, { 3, {} })
    expect.contains(err, "anyreach.lock:1: ")
  end)
end)

describe("numbers", function()
  it("are assigned with --numbers alone, as the environment file maps them", function()
    prepare()
    both:write("environments/production.yaml", ('references: {number: {"%s": "%s"}}\n'):format(A, TARGET_A))
    expect.equal((promote("Desk")), 0)
    expect.equal(both.second.phone_numbers.get(TARGET_A).inbound_agent_version_id, json.null)
    local code, out = promote("Desk", "--numbers")
    expect.equal(code, 0)
    expect.contains(out, TARGET_A .. " inbound")
    expect.equal(both.second.phone_numbers.get(TARGET_A).inbound_agent_version_id,
      all_versions(both.second, "Desk")[1].id)
    both:writes()
    expect.equal({ (promote("Desk", "--numbers")), both:writes() }, { 0, {} })
  end)

  it("that the target does not have are told before anything is written", function()
    prepare()
    local code, _, err = promote("Desk", "--numbers")
    expect.equal({ code, both:writes() }, { 3, {} })
    expect.contains(err, "Desk: " .. A .. ": no phone number has the name '" .. A .. "'")
  end)
end)

describe("a protected profile", function()
  it("is written to with --yes alone, and may always be looked at", function()
    prepare()
    local code, _, err = both:run("promote", "--from", "staging", "--to", "guarded", "Desk")
    expect.equal({ code, both:writes() }, { 6, {} })
    expect.contains(err, "the profile 'guarded' is protected; --yes lets this run write to it")
    expect.equal((both:run("promote", "--from", "staging", "--to", "guarded", "Desk", "--check")), 2)
    expect.equal((both:run("promote", "--from", "staging", "--to", "guarded", "Desk", "--yes")), 0)
    expect.equal(#both:writes(), 3)
  end)
end)

describe("wrong usage", function()
  it("has exit code 64, and an unknown profile 3", function()
    both:expect_refused("promote", {
      { { "Desk" }, 64, "expected --from PROFILE and --to PROFILE" },
      { { "--from", "staging", "--to", "production" }, 64, "expected names of agents, or --all" },
      { { "--from", "staging", "--to", "production", "--all", "--ours", "--skip" }, 64, "--ours and --skip" },
      { { "--from", "guarded", "--to", "production", "--all" }, 64, "are the same organisation" },
      { { "--from", "staging", "--to", "prodution", "--all" }, 3, "did you mean 'production'?" },
    })
  end)
end)

describe("a promotion that is killed", function()
  it("at any write is completed by the next one, without duplicates", function()
    for _, case in ipairs(held_request.cases { "agents.create 1", "agents.create 2", "agents.versions.create 1",
      "agents.versions.create 2", "agents.versions.publish 1", "agents.versions.publish 2" }) do
      local slow <close> = organizations.hold(case)
      local desk = organizations.agent(slow.first, "Desk", config())
      organizations.agent(slow.first, "Front", { transfer = { agent_id = desk.id } })
      slow:stop_at_held_request("KILL", "promote", "--from", "staging", "--to", "production", "--all")
      local code, out = slow:run("promote", "--from", "staging", "--to", "production", "--all")
      expect.equal({ case.name, code, out:match("2 agents: ") }, { case.name, 0, "2 agents: " })
      local names = {}
      for agent in slow.second.agents.each() do
        names[#names + 1] = agent.name
        expect.equal({ case.name, #all_versions(slow.second, agent.name) }, { case.name, 1 })
      end
      table.sort(names)
      expect.equal(names, { "Desk", "Front" })
      slow:writes()
      expect.equal((slow:run("promote", "--from", "staging", "--to", "production", "--all")), 0)
      expect.equal(slow:writes(), {})
    end
  end)
end)

both:stop()
