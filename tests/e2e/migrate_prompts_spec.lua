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

both:stop()
