-- The recipe `migrate-prompts` as a user runs it.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"

local A, B = "+15551230001", "+15551230002"
local DESK = "You are the desk of Riverside Dental.\nYou are kind, and you speak slowly with everyone.\n"

local both = organizations.start()

local function config(text)
  return {
    instructions = text, tools = json.array {}, big = 9007199254740993,
    channel_overrides = { text = { instructions = "Answer in at most two sentences." } },
  }
end

-- One agent with a published version at A, both slots, and at B, calls from it.
local function prepare(api)
  both:reset()
  api = api or both.first
  local agent = organizations.agent(api, "Riverside Dental", config(DESK:sub(1, -2)),
    { phone_numbers = { A }, direction = "both" })
  api.agents.versions.publish(agent.id, 1, { phone_numbers = { B }, direction = "outbound" })
  both:writes()
  return agent
end

local function migrate(...)
  return both:run("migrate-prompts", "prompts", ...)
end

local function version(agent, number)
  return both.first.agents.versions.get(agent.id, number)
end

local function write(name, text)
  both:write("prompts/" .. name, text)
end

describe("a prompt", function()
  it("goes into a draft that is otherwise as the published version, once, and is published when asked", function()
    local agent = prepare()
    write("riverside-dental.md", (DESK:gsub("slowly", "fast")))
    local code, out, err = migrate()
    expect.equal({ code, err }, { 0, "" })
    expect.contains(out, "written     Riverside Dental  draft 2\n")
    expect.contains(out, "[-slowly-]{+fast+}")
    expect.equal(version(agent, 2).config, config((DESK:gsub("slowly", "fast"):sub(1, -2))))
    expect.equal({ version(agent, 2).published, #both:writes() }, { false, 1 })

    code, out = migrate()
    expect.equal({ code, out, both:writes() },
      { 0, "unchanged   Riverside Dental  draft 2 holds it\n", {} })

    code, out = migrate("--publish")
    expect.equal(code, 0)
    expect.contains(out, "published   Riverside Dental  version 2\n")
    local a, b = both.first.phone_numbers.get(A), both.first.phone_numbers.get(B)
    local id = version(agent, 2).id
    expect.equal({ a.inbound_agent_version_id, a.outbound_agent_version_id, b.outbound_agent_version_id },
      { id, id, id })
    expect.equal(b.inbound_agent_version_id, json.null)
    both:writes()
    code, out = migrate("--publish")
    expect.equal({ code, out, both:writes() }, { 0, "unchanged   Riverside Dental  version 2\n", {} })
  end)

  it("is mapped by front matter, to a field of its own", function()
    local agent = prepare()
    write("sms.md", "---\nagent: Riverside Dental\nfield: channel_overrides.text.instructions\nowner: Kim\n---\n\n"
      .. "Answer in at most three sentences.\n")
    write("_notes.md", "No prompt.")
    expect.equal((migrate("--publish")), 0)
    local found = version(agent, 2).config
    expect.equal(found.channel_overrides.text.instructions, "Answer in at most three sentences.")
    expect.equal(found.instructions, DESK:sub(1, -2))
  end)

  it("is only looked at with --check, with exit code 2, and told as events with --json", function()
    prepare()
    write("Riverside Dental.md", (DESK:gsub("kind", "calm")))
    local code, out = migrate("--publish", "--check")
    expect.equal(code, 2)
    expect.contains(out, "to publish  Riverside Dental  new version\n")
    code, out = migrate("--publish", "--check", "--json")
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = json.decode(line) end
    local event = lines[#lines - 1]
    expect.equal({ code, #lines, lines[1].event, lines[1].outcome, event.event, event.action, event.changes[1].path },
      { 2, 5, "slot", "planned", "agent", "publish", "config.instructions" })
    expect.equal(lines[#lines], { version = 1, event = "summary", exit_code = 2, agents = 1, publish = 1,
      organization = "0a000000-0000-4000-8000-000000000001", organization_name = "Sandbox One", profile = "staging" })
    expect.equal(both:writes(), {})
  end)
end)

describe("what is wrong", function()
  it("is told at once, before anything is written", function()
    prepare()
    organizations.agent(both.first, "Twin One", {})
    organizations.agent(both.first, "twin-one", {})
    both.first.agents.create { name = "Stub" }
    both:writes()
    write("riverside-dental.md", DESK:gsub("kind", "calm"))
    write("again.md", "---\nagent: Riverside Dental\n---\n" .. DESK)
    write("nobody.md", "Hello.")
    write("typo.md", "---\nagnet: Riverside Dental\n---\nHello.")
    write("empty.md", "---\nagent: Riverside Dental\nfield: channel_overrides.text.instructions\n---\n \n")
    write("field.md", "---\nagent: Riverside Dental\nfield: channel_override.text.instructions\n---\nHello.")
    write("open.md", "---\nagent: Riverside Dental\n")
    write("twin_one.md", "Hello.")
    write("stub.md", "Hello.")
    local code, out, err = migrate("--publish")
    expect.equal({ code, out }, { 3, "" })
    for _, part in ipairs {
      "prompts/riverside-dental.md: instructions of 'Riverside Dental' is already given by prompts/again.md\n",
      "prompts/nobody.md: no agent has the name 'nobody'; name one in front matter",
      "prompts/typo.md: front matter: unknown key 'agnet'; did you mean 'agent'?; if these lines",
      "prompts/empty.md: the prompt is empty\n",
      "prompts/field.md: the configuration has no 'channel_override.text.instructions'; did you mean "
        .. "'channel_overrides'?\n",
      "prompts/open.md: the front matter does not end",
      "prompts/twin_one.md: 2 agents may be meant: ",
      "prompts/stub.md: agent 'Stub' has no version to change",
    } do
      expect.contains(err, part)
    end
    expect.equal(both:writes(), {})
  end)

  it("is a prompt whose size changes by more than half, without --force", function()
    local agent = prepare()
    write("riverside-dental.md", "Short.")
    local code, _, err = migrate()
    expect.equal(code, 3)
    expect.contains(err, "instructions has 87 characters and would have 6; --force takes it all the same")
    expect.equal((migrate("--force")), 0)
    expect.equal(version(agent, 2).config.instructions, "Short.")
  end)
end)

describe("a newer draft with other changes", function()
  local function prepare_draft()
    local agent = prepare()
    local other = config(DESK:sub(1, -2))
    other.max_tool_steps = 9
    both.first.agents.versions.create(agent.id, { config = other })
    both:writes()
    write("riverside-dental.md", (DESK:gsub("kind", "calm")))
    return agent
  end

  it("is not overwritten silently: exit code 11", function()
    prepare_draft()
    local code, _, err = migrate()
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(err, "'Riverside Dental' has a newer draft, version 2, with other changes; --update-draft puts")
  end)

  it("gets the prompt and keeps its changes with --update-draft", function()
    local agent = prepare_draft()
    expect.equal((migrate("--update-draft")), 0)
    expect.equal(both:writes(), { "PUT /core/agents/" .. agent.id .. "/versions/2" })
    local found = version(agent, 2).config
    expect.equal({ found.max_tool_steps, found.instructions:match("calm") }, { 9, "calm" })
    local code, out = migrate("--update-draft", "--publish")
    expect.equal(code, 0)
    expect.contains(out, "config.max_tool_steps added: 9\n")
  end)

  it("stays beside the new version with --leave-draft", function()
    local agent = prepare_draft()
    expect.equal((migrate("--leave-draft", "--publish")), 0)
    expect.equal({ version(agent, 2).published, version(agent, 3).published, version(agent, 3).config.max_tool_steps },
      { false, true })
  end)
end)

describe("a draft of an earlier run", function()
  it("is changed when the prompt changes, and published when asked", function()
    local agent = prepare()
    write("riverside-dental.md", (DESK:gsub("kind", "calm")))
    expect.equal((migrate()), 0)
    write("riverside-dental.md", (DESK:gsub("kind", "warm")))
    both:writes()
    expect.equal({ (migrate()), both:writes() }, { 0, { "PUT /core/agents/" .. agent.id .. "/versions/2" } })
    expect.equal((migrate("--publish")), 0)
    expect.equal(version(agent, 2).published, true)
    expect.contains(version(agent, 2).config.instructions, "warm")
  end)

  it("that somebody has changed since is neither changed nor published", function()
    local agent = prepare()
    write("riverside-dental.md", (DESK:gsub("kind", "calm")))
    expect.equal((migrate()), 0)
    local theirs = version(agent, 2).config
    theirs.max_tool_steps = 3
    both.first.agents.versions.update(agent.id, 2, { config = theirs })
    both:writes()
    local code, _, err = migrate("--publish")
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(err, "newer draft, version 2, with other changes")
    local out
    code, out = migrate("--publish", "--leave-draft")
    expect.contains(out, "draft 2, not written from here, is left alone")
    expect.equal({ code, version(agent, 2).published, version(agent, 3).published }, { 0, false, true })
    expect.equal(version(agent, 3).config.max_tool_steps, nil)
  end)

  it("is no base when no version is published and somebody else has written it", function()
    both:reset()
    local agent = both.first.agents.create { name = "Riverside Dental" }
    both.first.agents.versions.create(agent.id, { config = config(DESK) })
    both:writes()
    write("riverside-dental.md", (DESK:gsub("kind", "calm")))
    expect.equal({ (migrate("--publish")), both:writes() }, { 11, {} })
    expect.equal((migrate("--publish", "--update-draft")), 0)
    expect.contains(version(agent, 1).config.instructions, "calm")
  end)
end)

describe("a prompt that was edited in the organisation", function()
  local LONG = "# Desk\n\nYou are kind.\n\n# Rules\n\nBe brief.\nNever guess.\n\n# End\n\nSay goodbye."

  local function edit(agent, text)
    local now = version(agent, 1).config
    now.instructions = text
    local made = both.first.agents.versions.create(agent.id, { config = now })
    both.first.agents.versions.publish(agent.id, made.version)
    both:writes()
    return made.version
  end

  -- The prompt was migrated once, and is LONG on both sides.
  local function settle()
    both:reset()
    local agent = organizations.agent(both.first, "Riverside Dental", config(LONG))
    write("riverside-dental.md", LONG .. "\n")
    local code, out = migrate("--publish")
    expect.equal({ code, out }, { 0, "unchanged   Riverside Dental  version 1\n" })
    both:writes()
    return agent
  end

  it("is kept and named when the file did not change, and --check exits with 2", function()
    local agent = settle()
    edit(agent, (LONG:gsub("brief", "short")))
    for _ = 1, 2 do
      local code, out = migrate("--publish")
      expect.equal({ code, out, both:writes() }, { 0, "unchanged   Riverside Dental  version 2\n"
        .. "  kept: config.instructions, changed in the organisation since version 1; --ours overwrites it\n", {} })
    end
    expect.equal((migrate("--check")), 2)
    local _, out = migrate("--json")
    expect.equal(json.decode(out:match("[^\n]+")).kept, json.array { "config.instructions" })
    expect.equal((migrate("--publish", "--ours")), 0)
    expect.equal(version(agent, 3).config.instructions, LONG)
    both:writes()
    expect.equal({ (migrate("--publish")), both:writes() }, { 0, {} })
  end)

  it("is merged with the file's changes when these are elsewhere, as often as the file changes again", function()
    local agent = settle()
    edit(agent, (LONG:gsub("brief", "short")))
    write("riverside-dental.md", (LONG:gsub("kind", "warm")))
    local code, out = migrate("--publish")
    expect.equal({ code, version(agent, 3).config.instructions },
      { 0, (LONG:gsub("kind", "warm"):gsub("brief", "short")) })
    expect.contains(out, "  merged: config.instructions, changed on both sides since version 1\n")
    both:writes()
    expect.equal({ (migrate("--publish")), both:writes() }, { 0, {} })
    write("riverside-dental.md", (LONG:gsub("kind", "warm"):gsub("goodbye", "bye")))
    expect.equal((migrate("--publish")), 0)
    expect.equal(version(agent, 4).config.instructions,
      (LONG:gsub("kind", "warm"):gsub("brief", "short"):gsub("goodbye", "bye")))
  end)

  it("is a conflict when both sides have changed the same words; other agents go on", function()
    local agent = settle()
    local other = organizations.agent(both.first, "Other", config(LONG))
    write("other.md", (LONG:gsub("kind", "calm")))
    edit(agent, (LONG:gsub("kind", "strict")))
    write("riverside-dental.md", (LONG:gsub("kind", "warm")))
    local code, _, err = migrate("--publish")
    expect.equal({ code, both:writes() }, { 8, { "POST /core/agents/" .. other.id .. "/versions",
      "POST /core/agents/" .. other.id .. "/versions/2/publish" } })
    expect.contains(err, "config.instructions: changed in the folder and, differently, in the organisation since")
    assert(os.remove(both.directory .. "/work/prompts/other.md"))
    expect.equal({ (migrate("--publish")), both:writes() }, { 11, {} })
    expect.equal({ (migrate("--publish", "--theirs")), both:writes() }, { 0, {} })
    expect.equal((migrate("--publish", "--ours")), 0)
    expect.equal(version(agent, 3).config.instructions, (LONG:gsub("kind", "warm")))
  end)
end)

both:stop()

describe("a new version of migrate-prompts", function()
  -- An agent whose published version has inputs, and a new prompt for it.
  local function prepare_inputs(box)
    local agent = box.first.agents.create { name = "Desk" }
    local versions = box.first.agents.versions
    versions.create(agent.id, { config = { instructions = "Be kind." } })
    versions.update(agent.id, 1, { instruction_builder_inputs = { purpose = "Book." } })
    versions.publish(agent.id, 1)
    box:write("prompts/desk.md", "Be kinder.\n")
    return agent
  end

  local function versions_of(box, agent)
    local list = {}
    for found in box.first.agents.versions.each(agent.id) do
      table.insert(list, 1, { found.config.instructions, found.instruction_builder_inputs, found.published })
    end
    return list
  end

  local WRITTEN = { { "Be kind.", { purpose = "Book." }, true }, { "Be kinder.", { purpose = "Book." }, false } }

  it("is made once, whatever is answered, and keeps the inputs of the published one", function()
    for _, answer in ipairs { "429", "503", "500", "drop" } do
      local fault = answer .. ";after-commit;only=agents.versions.create;nth=2"
      local box <close> = organizations.start("--faults", fault)
      local agent = prepare_inputs(box)
      local code, _, err = box:run("migrate-prompts", "prompts")
      expect.equal({ answer, code, err, versions_of(box, agent) }, { answer, 0, "", WRITTEN })
    end
  end)

  it("gets the inputs by the next run when one was cut off before it wrote them", function()
    local box <close> = organizations.start("--faults", "500;only=agents.versions.update;nth=2")
    local agent = prepare_inputs(box)
    expect.equal((box:run("migrate-prompts", "prompts")), 1)
    local code, out = box:run("migrate-prompts", "prompts")
    expect.equal({ code, versions_of(box, agent) }, { 0, WRITTEN })
    expect.contains(out, "draft 2, not written from here, is used")
    box:writes()
    expect.equal({ (box:run("migrate-prompts", "prompts")), box:writes() }, { 0, {} })
  end)
end)
