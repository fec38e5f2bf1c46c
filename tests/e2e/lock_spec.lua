-- What `provision` notes in the lock, what it reads back, and what it deletes.

local organizations = require "helpers.organizations"
local process = require "helpers.process"

local box = organizations.start()

local ORGANIZATION = "0a000000-0000-4000-8000-000000000001"

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out, err
end

local function read(name)
  return process.read(box.directory .. "/work/" .. name)
end

local function names()
  local list = {}
  for agent in box.first.agents.each() do list[#list + 1] = agent.name end
  table.sort(list)
  return table.concat(list, " ")
end

local function provisioned()
  box:reset()
  for _, name in ipairs { "a", "b", "c" } do
    box:write(("agents/%s.yaml"):format(name), ("name: %s\nconfig: {instructions: I am %s.}\n"):format(name, name))
  end
  organizations.agent(box.first, "foreign", { instructions = "x" })
  expect_run(0, "provision", "agents")
end

describe("the lock", function()
  it("is written beside the files, a line an agent, and stays as it is when nothing changes", function()
    provisioned()
    local text = read "agents/anyreach.lock"
    local count = 0
    for line in text:gmatch("[^\n]+") do
      count = count + 1
      expect.match(line, '^{"agent":"[abc]","account":"sandbox/' .. ORGANIZATION:gsub("%-", "%%-")
        .. '","agent_id":"[%x-]+","version":1,"files":"sha256:%x+","remote":"sha256:%x+","file":"[abc].yaml",'
        .. '"fields":{"config.instructions":"%x+","name":"%x+"}}$')
    end
    expect.equal(count, 3)
    expect_run(0, "provision", "agents")
    expect.equal(read "agents/anyreach.lock", text)
  end)

  it("has lines of its own for each organisation", function()
    expect_run(0, "provision", "agents", "--profile=production", "--first-time")
    local _, count = read("agents/anyreach.lock"):gsub("\n", "")
    expect.equal(count, 6)
  end)

  it("knows an agent that a lagging list does not show yet, so that it is not created twice", function()
    local lagging <close> = organizations.start("--faults", "stale=3;only=agents.create")
    lagging:write("agents/a.yaml", "name: a\nconfig: {instructions: x}\n")
    lagging:run("provision", "agents")
    lagging:writes()
    lagging:write("agents/a.yaml", "name: a\nconfig: {instructions: y}\n")
    local code, out = lagging:run("provision", "agents")
    expect.equal(code, 0)
    expect.contains(out, "updated")
    for _, write in ipairs(lagging:writes()) do expect.falsy(write == "POST /core/agents") end
  end)

  it("knows an agent that was created, though a later step failed", function()
    local lagging <close> = organizations.start("--faults", "stale=3;only=agents.create")
    lagging:write("agents/a.yaml", "name: a\nconfig: {tools: [{}]}\n")
    local code, out = lagging:run("provision", "agents")
    expect.equal(code, 1)
    expect.contains(out, "agents.versions.create: 422")
    lagging:writes()
    lagging:write("agents/a.yaml", "name: a\nconfig: {instructions: y}\n")
    expect.equal((lagging:run("provision", "agents")), 0)
    for _, write in ipairs(lagging:writes()) do expect.falsy(write == "POST /core/agents") end
  end)

  it("knows the agents that a run has created that was stopped", function()
    for _, case in ipairs { { "INT", 30 }, { "TERM", 30 }, { "KILL", 1 } } do
      local signal, count = table.unpack(case)
      local slow <close> = organizations.start("--faults", "latency=60000;only=agents.versions.create")
      for index = 1, count do
        slow:write(("agents/%02d.yaml"):format(index), ("name: a%02d\nconfig: {instructions: x}\n"):format(index))
      end
      local run, awaited = slow:start("provision", "agents"), math.min(count, 24)
      local lines = {}
      process.eventually("the agents to be created", function()
        for _, write in ipairs(slow:writes()) do lines[#lines + 1] = write:match("/versions$") end
        return #lines >= awaited
      end)
      run:stop(signal)
      local text = process.read(slow.directory .. "/work/agents/anyreach.lock")
      local _, rows = text:gsub('{"agent":"a%d%d","account":"[^"]+","agent_id":"[%x-]+"}\n', "")
      expect.equal({ signal, rows }, { signal, awaited })
    end
  end)

  it("makes an agent anew that is gone, and follows one that has another name now", function()
    provisioned()
    for agent in box.first.agents.each { name = "a" } do box.first.agents.delete(agent.id) end
    for agent in box.first.agents.each { name = "b" } do box.first.agents.update(agent.id, { name = "b2" }) end
    local out = expect_run(0, "provision", "agents")
    expect.contains(out, "1 created")
    expect.contains(out, "was deleted in the organisation since; made anew")
    expect.contains(out, "kept: name, changed in the organisation since version 1")
    expect.equal(names(), "a b2 c foreign")
  end)

  it("is not written with --no-lock, nor with --check", function()
    box:reset()
    box:write("agents/a.yaml", "name: a\n")
    expect_run(2, "provision", "agents", "--check")
    expect_run(0, "provision", "agents", "--no-lock")
    expect.equal(read "agents/anyreach.lock", nil)
  end)

  it("is brought up to date by an export, for agents that it knows", function()
    provisioned()
    for agent in box.first.agents.each { name = "a" } do
      if agent.name == "a" then organizations.version(box.first, agent, { instructions = "Edited." }) end
    end
    expect.contains(expect_run(0, "export", "agents"), "1 created, 1 updated, 2 unchanged")
    expect_run(0, "diff", "agents", "--exit-code")
    expect.falsy(read("agents/anyreach.lock"):find("foreign", 1, true))
    box:write("agents/a.yaml", read("agents/a.yaml"):gsub("Edited", "Edited again"))
    expect.contains(expect_run(0, "diff", "agents"), "differs  a        version 2; the files are ahead\n")
  end)
end)

describe("--prune", function()
  it("deletes agents that the lock names and no file describes, and no other", function()
    provisioned()
    assert(os.remove(box.directory .. "/work/agents/b.yaml"))
    expect.contains(expect_run(2, "provision", "agents", "--prune", "Sandbox One", "--check"),
      "to delete  b  no file describes it any more\n")
    expect.equal(names(), "a b c foreign")
    expect.contains(expect_run(0, "provision", "agents", "--prune", "Sandbox One"),
      "deleted    b  no file describes it any more\n")
    expect.equal(names(), "a c foreign")
    expect.falsy(read("agents/anyreach.lock"):find('"agent":"b"', 1, true))
    expect_run(0, "provision", "agents", "--prune", ORGANIZATION, "--check")
  end)

  it("takes the name of the organisation, and refuses any other before anything is sent", function()
    provisioned()
    assert(os.remove(box.directory .. "/work/agents/b.yaml"))
    box:writes()
    for _, name in ipairs { "Sandbox Two", "sandbox one", "", "a" } do
      local _, err = expect_run(6, "provision", "agents", "--prune", name)
      expect.contains(err, "--prune: expected the name or id of the organisation, 'Sandbox One', got '" .. name .. "'")
    end
    expect.equal(box:writes(), {})
  end)

  it("is refused for files alone, which may be a part of what there is", function()
    expect.equal((box:run("provision", "agents/a.yaml", "--prune", "Sandbox One")), 64)
  end)

  it("leaves an agent alone that was provisioned to another organisation", function()
    provisioned()
    expect_run(0, "provision", "agents", "--profile=production", "--first-time")
    assert(os.remove(box.directory .. "/work/agents/b.yaml"))
    expect_run(0, "provision", "agents", "--profile=production", "--prune", "Sandbox Two")
    expect.equal(names(), "a b c foreign")
  end)

  it("deletes nothing when an agent could not be provisioned", function()
    provisioned()
    assert(os.remove(box.directory .. "/work/agents/b.yaml"))
    box:write("agents/a.yaml", "name: a\nconfig: {instructions: x}\nphone_numbers: ['+15550009999']\n")
    local _, err = expect_run(8, "provision", "agents", "--prune", "Sandbox One")
    expect.contains(err, "nothing is pruned, because not all agents could be provisioned")
    expect.equal(names(), "a b c foreign")
  end)
end)

describe("a recipe with an option that allows a write", function()
  local SCRIPT = [[
    local recipe = require "anyreach.recipe"
    return recipe.run({ usage = "x", summary = "x", writes = { "agents.create" },
      options = { { name = "all-of-it", help = "x", writes = { "agents.delete" } } } }, function()
      local api = anyreach.client()
      api.agents.delete(api.agents.create{ name = "x" }.id)
    end, ...)]]

  it("may do so when the option is given, and else is refused", function()
    local path = process.directory() .. "/recipe.lua"
    process.write(path, SCRIPT)
    local code, _, err = process.run(process.anyreach("--sandbox", path))
    expect.equal(code, 6)
    expect.contains(err, "agents.delete")
    expect.equal({ process.run(process.anyreach("--sandbox", path, "--all-of-it")) }, { 0, "", "" })
  end)
end)

it("the sandbox ends", function() box:stop() end)
