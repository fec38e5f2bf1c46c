-- The recipe `export` where the lock tells which side has changed a field since both were last the same.

local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local box = organizations.start()

local function path(name)
  return box.directory .. "/work/" .. name
end

local function read(name)
  return process.read(path(name))
end

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out
end

local function replace(name, pattern, new)
  local text, count = read(name):gsub(pattern, new)
  expect.equal(count, 1)
  process.write(path(name), text)
end

local function find(name)
  for agent in box.first.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

local FILE = "name: Desk # the front\nconfig:\n  instructions: |\n    Be kind.\n    Ask for the name.\n"
  .. "    Say goodbye.\n  level: 1\n  voice: ann\n"

-- One agent whose file and organisation are the same, with its fields in the lock.
local function begin()
  box:reset()
  box:write("agents/desk.yaml", FILE)
  expect_run(0, "provision", "agents")
  local row = json.decode((read "agents/anyreach.lock"))
  row.fields = field_digests.note({
    name = "Desk",
    config = { instructions = "Be kind.\nAsk for the name.\nSay goodbye.\n", level = 1, voice = "ann" },
  }, { name = "Desk", config = box.first.agents.versions.get(row.agent_id, 1).config }, row.agent_id)
  process.write(path "agents/anyreach.lock", json.encode(row) .. "\n")
end

local function change_there(fields)
  local agent = find "Desk"
  local config = box.first.agents.versions.get(agent.id, 1).config
  for key, value in pairs(fields) do config[key] = value end
  organizations.version(box.first, agent, config)
end

describe("a field that changed", function()
  it("in the organisation is taken; in the file alone it is kept, and named", function()
    begin()
    replace("agents/desk.yaml", "voice: ann", "voice: bob")
    change_there { level = 2 }
    local out = expect_run(0, "export", "agents")
    expect.contains(out, "note: kept: config.voice, changed in the file since version 1; ")
    local text = FILE:gsub("ann", "bob"):gsub("level: 1", "level: 2")
    expect.equal(read "agents/desk.yaml", text)
    expect.contains(expect_run(0, "export", "agents"), "note: kept: config.voice")
    expect.equal(read "agents/desk.yaml", text)
    expect_run(0, "export", "agents", "--theirs")
    expect.equal(read "agents/desk.yaml", (text:gsub("bob", "ann")))
  end)

  it("on both sides is merged where that is clean", function()
    begin()
    replace("agents/desk.yaml", "Be kind", "Be very kind")
    change_there { instructions = "Be kind.\nAsk for the name.\nSay a warm goodbye.\n" }
    local out = expect_run(0, "export", "agents")
    expect.contains(out, "note: merged: config.instructions, changed on both sides; ")
    expect.equal(read "agents/desk.yaml", (FILE:gsub("Be kind", "Be very kind"):gsub("Say g", "Say a warm g")))
    expect_run(0, "provision", "agents")
    local agent = find "Desk"
    local version = box.first.agents.versions.get(agent.id, 3)
    expect.equal(version.config.instructions, "Be very kind.\nAsk for the name.\nSay a warm goodbye.\n")
  end)

  it("on both sides is a conflict otherwise, for this agent alone, until a side is chosen", function()
    begin()
    box:write("agents/other.yaml", "name: Other\nconfig: {instructions: Old.}\n")
    local other = organizations.agent(box.first, "Other", { instructions = "New." })
    replace("agents/desk.yaml", "voice: ann", "voice: bob")
    change_there { voice = "cleo" }
    local text = read "agents/desk.yaml"
    local code, out = box:run("export", "agents")
    expect.equal({ code, read "agents/desk.yaml" }, { 8, text })
    expect.contains(out, "config.voice: changed both in the file and in the organisation since version 1")
    expect.contains(read "agents/other.yaml", "New.")
    expect.equal((box:run("export", "agents", "--agent=Desk")), 11)
    expect.equal((box:run("export", "agents", "--ours", "--theirs")), 64)
    expect_run(0, "export", "agents", "--ours")
    expect.equal(read "agents/desk.yaml", text)
    expect_run(0, "export", "agents", "--theirs")
    expect.equal(read "agents/desk.yaml", (text:gsub("bob", "cleo")))
    expect.truthy(other)
  end)

  it("on neither side stays as the file has it, whatever form the organisation keeps it in", function()
    begin()
    local row = json.decode((read "agents/anyreach.lock"))
    change_there { voice = "ANN", level = 1.1 }
    local there = box.first.agents.versions.get(row.agent_id, 2).config
    row.fields = field_digests.note({ name = "Desk", config = { level = 1, voice = "ann",
      instructions = there.instructions } }, { name = "Desk", config = there }, row.agent_id)
    process.write(path "agents/anyreach.lock", json.encode(row) .. "\n")
    expect.contains(expect_run(0, "export", "agents"), "1 agent: 1 unchanged\n")
    expect.equal(read "agents/desk.yaml", FILE)
  end)
end)

describe("an agent that is called something else", function()
  it("in the organisation keeps its file, whose name changes", function()
    begin()
    box.first.agents.update(find("Desk").id, { name = "Reception" })
    local out = expect_run(0, "export", "agents")
    expect.contains(out, "updated    Reception  agents/desk.yaml, renamed from 'Desk'\n")
    expect.equal(read "agents/desk.yaml", (FILE:gsub("Desk", "Reception")))
    expect.contains(read "agents/anyreach.lock", '"agent":"Reception"')
    expect.falsy(read("agents/anyreach.lock"):find('"agent":"Desk"', 1, true))
    expect.contains(expect_run(0, "export", "agents"), "1 agent: 1 unchanged\n")
    expect.contains(expect_run(0, "provision", "agents"), "1 unchanged")
  end)

  it("keeps its file when another agent takes its name", function()
    begin()
    box.first.agents.update(find("Desk").id, { name = "Reception" })
    organizations.agent(box.first, "Desk", { instructions = "Another one." })
    expect_run(0, "export", "agents")
    expect.contains(read "agents/desk.yaml", "name: Reception # the front\n")
    local _, names = process.run("ls " .. path "agents")
    expect.match(names, "^anyreach.lock\ndesk%-%x+.yaml\ndesk.yaml\n$")
  end)

  it("is refused when another file has that name", function()
    begin()
    box.first.agents.update(find("Desk").id, { name = "Reception" })
    box:write("agents/reception.yaml", "name: Reception\nconfig: {instructions: x}\n")
    local code, out = box:run("export", "agents")
    expect.equal({ code, read "agents/desk.yaml" }, { 11, FILE })
    expect.contains(out, "the agent is called 'Reception' now, and so is the one in agents/reception.yaml")
  end)
end)

it("the sandbox ends", function() box:stop() end)
