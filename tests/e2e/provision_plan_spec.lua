-- What the recipe `provision` says that it does to what others have made, and does: numbers that it takes from other
-- agents, drafts that it leaves alone, fields that it keeps or removes.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local terminal = require "helpers.terminal"

local NUMBER, OTHER_NUMBER = "+15551234567", "+15551230001"

local box <close> = organizations.start()

local DESK = "name: Desk\nconfig: {instructions: Be kind.}\nphone_numbers:\n  - {number: \"" .. NUMBER
  .. "\", direction: both}\n  - \"" .. OTHER_NUMBER .. "\"\n"

local function expect_run(code, ...)
  local actual, out, err = box:run("provision", ...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out, err
end

local function events(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = json.decode(line) end
  return list
end

local function version_of(agent, number)
  return box.first.agents.versions.get(agent.id, number)
end

local function find(name)
  for agent in box.first.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

local function slots(number)
  local record = box.first.phone_numbers.get(number)
  return { record.inbound_agent_version_id, record.outbound_agent_version_id }
end

-- Two agents that no file describes hold the numbers that a file claims.
local function held()
  box:reset()
  box:write("agents/desk.yaml", DESK)
  local night = organizations.agent(box.first, "Night Desk", { instructions = "Closed." })
  organizations.version(box.first, night, { instructions = "Still closed." }, { phone_numbers = { NUMBER } })
  local sales = organizations.agent(box.first, "Sales", { instructions = "Sell." },
    { phone_numbers = { NUMBER, OTHER_NUMBER }, direction = "outbound" })
  box:writes()
  return night, sales
end

describe("a number that an agent holds which no given file describes", function()
  it("is not taken: exit code 11, in --check too, and nothing of the agent is written", function()
    local night, sales = held()
    for _, words in ipairs { { "agents" }, { "agents", "--check" } } do
      local out, err = expect_run(11, table.unpack(words))
      expect.contains(out, ("failed     Desk  %s inbound is held by 'Night Desk' version 2; %s outbound is held by "
        .. "'Sales' version 1, which no given file describes; --take-numbers takes them\n"):format(NUMBER, NUMBER))
      expect.contains(err, "which no given file describes")
    end
    expect.equal(box:writes(), {})
    expect.equal(slots(NUMBER), { version_of(night, 2).id, version_of(sales, 1).id })
  end)

  it("is taken with --take-numbers, which says from whom", function()
    held()
    local line = ("Desk  %%s published; %s inbound; %s both, taken from 'Night Desk' version 2 and 'Sales' version 1\n")
      :format(OTHER_NUMBER, NUMBER)
    expect.contains(expect_run(2, "agents", "--take-numbers", "--check"), "to create  " .. line:format("new version"))
    expect.equal(box:writes(), {})
    expect.contains(expect_run(0, "agents", "--take-numbers"), "created    " .. line:format("version 1"))
    local desk = version_of(find("Desk"), 1).id
    expect.equal(slots(NUMBER), { desk, desk })
    expect.contains(expect_run(0, "agents"), "unchanged  Desk  version 1\n")
  end)

  it("is told as an event: each slot with the agent and version that held it", function()
    local night, sales = held()
    local event = events(expect_run(2, "agents", "--take-numbers", "--check", "--json"))[1]
    local publication = event.steps[4]
    expect.equal({ publication.action, publication.direction }, { "publish", "both" })
    expect.equal(publication.slots, json.array {
      { phone_number = NUMBER, slot = "inbound", before = { agent_id = night.id, agent = "Night Desk",
        agent_version = 2, agent_version_id = version_of(night, 2).id } },
      { phone_number = NUMBER, slot = "outbound", before = { agent_id = sales.id, agent = "Sales", agent_version = 1,
        agent_version_id = version_of(sales, 1).id } },
    })
    expect.equal(event.steps[3].slots,
      json.array { { phone_number = OTHER_NUMBER, slot = "inbound", before = json.null } })
  end)

  it("is taken when somebody at a terminal says yes, and else is not", function()
    for answer, expected in pairs { y = "created", yes = "created", n = "failed", [""] = "failed" } do
      held()
      local command = ("cd %s/work && env %s"):format(box.directory, box:command("provision", "agents"))
      local screen <close> = terminal.start("sh -c " .. process.quote(command), { columns = 200 })
      screen:wait_for("take them? [y/N]")
      screen:wait_for(NUMBER .. " inbound is held by 'Night Desk' version 2; ")
      screen:wait_for("which no given file describes")
      if answer ~= "" then screen:text(answer) end
      screen:keys("Enter")
      screen:wait_for(("%-9s  Desk"):format(expected))
      screen:wait_for("1 agent: ")
    end
  end)

  it("needs no leave when a given file describes that agent, though it fails itself", function()
    held()
    local empty = "name: Night Desk\nconfig: {instructions: null}\nphone_numbers: [\"+15551230002\"]\n"
    box:write("agents/night.yaml", empty)
    box:write("agents/sales.yaml", "name: Sales\nconfig: {}\n")
    local out = expect_run(8, "agents")
    expect.contains(out, "both, taken from 'Night Desk' version 2 and 'Sales' version 1\n")
    expect.match(out, "failed     Night Desk  [^\n]*%+15551230002")
  end)

  it("needs no leave when a given file describes that agent", function()
    held()
    box:write("agents/night.yaml", "name: Night Desk\nconfig: {}\n")
    box:write("agents/sales.yaml", "name: Sales\nconfig: {}\n")
    expect.contains(expect_run(0, "agents"), "both, taken from 'Night Desk' version 2 and 'Sales' version 1\n")
  end)
end)

describe("a version", function()
  local FILE = "name: Desk\nconfig: {instructions: Be kind., max_tool_steps: %d}\n"

  -- Published by us, then given a voice by somebody else.
  local function shared(config)
    box:reset()
    box:write("agents/desk.yaml", FILE:format(2))
    expect_run(0, "agents")
    organizations.version(box.first, find("Desk"), config or
      { instructions = "Be kind.", max_tool_steps = 2, voice = "alloy", end_call = { silence = 10 } })
    expect.contains(expect_run(0, "agents"), "unchanged  Desk  version 2\n")
    box:write("agents/desk.yaml", FILE:format(3))
  end

  it("keeps what the file does not name, and all that changes is shown", function()
    shared()
    for _, words in ipairs { { 2, "--check" }, { 0 } } do
      local out = expect_run(words[1], "agents", words[2])
      expect.match(out, "^%l[%l ]+Desk  [%l ]*version ?3? published %(config.max_tool_steps%)\n"
        .. "  config.max_tool_steps changed from 2 to 3\n1 agent: ")
    end
    expect.equal(version_of(find("Desk"), 3).config,
      { instructions = "Be kind.", max_tool_steps = 3, voice = "alloy", end_call = { silence = 10 } })
    expect.contains(expect_run(0, "agents"), "unchanged  Desk  version 3\n")
  end)

  it("loses with --exact what the file does not name, and each field is shown", function()
    shared()
    local removed = '  config.end_call removed; it was {"silence":10}\n  config.max_tool_steps changed from 2 to 3\n'
      .. '  config.voice removed; it was "alloy"\n'
    expect.contains(expect_run(2, "agents", "--exact", "--check"), removed)
    expect.contains(expect_run(0, "agents", "--exact"), removed)
    expect.equal(version_of(find("Desk"), 3).config, { instructions = "Be kind.", max_tool_steps = 3 })
    expect.contains(expect_run(0, "agents", "--exact"), "unchanged  Desk  version 3\n")
  end)

  it("shows no secret that somebody has put beside what the file names", function()
    shared { instructions = "Be kind.", max_tool_steps = 2, api_key = "hush-canary" }
    for _, words in ipairs { { "--check" }, { "--check", "--json" }, {} } do
      local _, out, err = box:run("provision", "agents", "--exact", table.unpack(words))
      expect.contains(out, "config.api_key")
      expect.falsy((out .. err):find("hush-canary", 1, true))
    end
  end)

  it("is written beside a draft that was not written from here, which stays as it is", function()
    shared()
    local draft = box.first.agents.versions.create(find("Desk").id, { config = { instructions = "Somebody's." } })
    for _, words in ipairs { { 2, "--check" }, { 0 } } do
      expect.contains(expect_run(words[1], "agents", words[2]), "; draft 3, not written from here, is left alone\n")
    end
    expect.equal({ version_of(find("Desk"), 3).config, version_of(find("Desk"), 3).published },
      { draft.config, false })
    expect.equal(version_of(find("Desk"), 4).config.voice, "alloy")
    expect.contains(expect_run(0, "agents"), "unchanged  Desk  version 4\n")
  end)

  it("is such a draft with --update-draft, with what somebody has changed in it", function()
    shared()
    box.first.agents.versions.create(find("Desk").id, { config = { instructions = "Be kind.", voice = "echo" } })
    local shown = '  config.end_call removed; it was {"silence":10}\n  config.max_tool_steps changed from 2 to 3\n'
      .. '  config.voice changed from "alloy" to "echo"\n'
    for _, words in ipairs { { 2, "--check" }, { 0 } } do
      local out = expect_run(words[1], "agents", "--update-draft", words[2])
      expect.contains(out, "; draft 3, not written from here, is used\n" .. shown)
    end
    local version = version_of(find("Desk"), 3)
    expect.equal({ version.published, version.config },
      { true, { instructions = "Be kind.", max_tool_steps = 3, voice = "echo" } })
  end)

  it("that stays a draft is written to again as long as nobody else has changed it", function()
    box:reset()
    local function draft(text) box:write("agents/d.yaml", "name: D\npublish: false\nconfig: {a: " .. text .. "}\n") end
    draft "1"
    expect_run(0, "agents")
    draft "2"
    expect.contains(expect_run(0, "agents"),
      "updated    D  draft 1 written (config.a)\n  config.a changed from 1 to 2\n")
    box.first.agents.versions.update(find("D").id, 1, { config = { a = 2, b = "somebody's" } })
    expect.contains(expect_run(0, "agents"), "unchanged  D  version 1\n")
    draft "3"
    expect.contains(expect_run(0, "agents"), "draft 2 written; draft 1, not written from here, is left alone\n")
    expect.equal(version_of(find("D"), 1).config, { a = 2, b = "somebody's" })
    draft "4"
    expect.contains(expect_run(0, "agents"), "updated    D  draft 2 written (config.a)\n")

    -- Somebody's newer draft is not taken for it, and diff sees the same.
    box.first.agents.versions.create(find("D").id, { config = { a = "somebody's" } })
    expect.contains(select(2, box:run("diff", "agents")), "same     D  version 2")
    draft "5"
    expect.contains(expect_run(0, "agents"),
      "updated    D  draft 2 written (config.a); draft 3, not written from here, is left alone\n")
  end)
end)

describe("a draft that a run has left because it could not publish it", function()
  -- The first publication is refused.
  local function interrupted(text)
    local cut = organizations.start("--faults", "500;nth=1;only=agents.versions.publish")
    cut:write("agents/d.yaml", "name: D\nconfig: {a: 1, b: 1}\n")
    local code, out = cut:run("provision", "agents")
    expect.equal(code, 1)
    expect.contains(out, "done before: agent created, version 1 created")
    cut:write("agents/d.yaml", text)
    return cut
  end

  local function versions_of(cut)
    local list = {}
    for agent in cut.first.agents.each() do
      for version in cut.first.agents.versions.each(agent.id) do
        list[version.version] = { version.published, cut.first.agents.versions.get(agent.id, version.version).config }
      end
    end
    return list
  end

  it("is written to and published by the next run, though the file says something else by now", function()
    local cut <close> = interrupted "name: D\nconfig: {a: 2}\n"
    local code, out = cut:run("provision", "agents")
    expect.equal({ code, versions_of(cut) }, { 0, { { true, { a = 2 } } } })
    expect.contains(out, "updated    D  version 1 published (config.a, config.b)\n"
      .. "  config.a changed from 1 to 2\n  config.b removed; it was 1\n")
  end)

  it("is left alone when somebody has changed it since", function()
    local cut <close> = interrupted "name: D\nconfig: {a: 2}\n"
    for agent in cut.first.agents.each() do
      cut.first.agents.versions.update(agent.id, 1, { config = { a = 1, b = 1, c = "somebody's" } })
    end
    local code, out = cut:run("provision", "agents")
    expect.equal({ code, versions_of(cut) },
      { 0, { { false, { a = 1, b = 1, c = "somebody's" } }, { true, { a = 2 } } } })
    expect.contains(out, "version 2 published; draft 1, not written from here, is left alone\n")
  end)

  it("is somebody's without the lock, unless it is just what would be written", function()
    local cut <close> = interrupted "name: D\nconfig: {a: 1, b: 1}\n"
    local code, out = cut:run("provision", "agents", "--no-lock")
    expect.equal({ code, versions_of(cut) }, { 0, { { true, { a = 1, b = 1 } } } })
    expect.contains(out, "version 1 published; draft 1, not written from here, is used\n")
    local other <close> = interrupted "name: D\nconfig: {a: 2}\n"
    code = other:run("provision", "agents", "--no-lock")
    expect.equal({ code, versions_of(other) }, { 0, { { false, { a = 1, b = 1 } }, { true, { a = 2 } } } })
  end)
end)
