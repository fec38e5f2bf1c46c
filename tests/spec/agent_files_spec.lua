-- anyreach.agent_files: what scripts do with agent files.

local agent_files = anyreach.agent_files
local host = require "anyreach.host"
local json = require "anyreach.json"
local process = require "helpers.process"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

host.start_sandbox { seed = "agent_files" }
local api = anyreach.client()

local SCHEDULER = [[
# The scheduler.
name: Scheduler
description: 'Books.' # short

config:
  instructions: !file prompt.md
  max_tool_steps: 2   # not more
  key: !env {name: PATH, secret: true}
  path: !env PATH
  tools:
    - {name: end_call, description: !file tool.md, actions: []}
  dataset_ids: [!ref "dataset: Default"]

publish: true
phone_numbers:
  - number: "+15551234567" # ours
  - {number: !ref number:+15551230001, direction: both}
]]

local function scheduler()
  return process.directory_of {
    ["scheduler.yaml"] = SCHEDULER, ["prompt.md"] = "Be kind.\n", ["tool.md"] = "Ends the call.\n",
  }
end

describe("agents", function()
  it("are loaded, compared, applied, and then as they should be", function()
    local path = scheduler()
    local agents = agent_files.load(path)
    local changes = agent_files.compare(api, agents)
    expect.equal({ #changes, changes[1].action, changes[1].name }, { 1, "create", "Scheduler" })
    expect.contains(tostring(changes[1]), "to create  Scheduler  new version published; +15551234567 inbound")
    expect.equal(agent_files.exit_code(changes), 2)
    local results = agent_files.apply(api, changes)
    expect.equal({ results[1].action, agent_files.exit_code(results) }, { "created", 0 })
    expect.contains(tostring(results[1]), "created    Scheduler  version 1 published")
    agents = agent_files.load { path .. "/scheduler.yaml" }
    expect.equal(agent_files.compare(api, agents)[1].action, "unchanged")
    agents[1].config.max_tool_steps = 3
    local change = agent_files.compare(api, agents)[1]
    expect.equal({ change.action, change.changes, change.remote.published.config.max_tool_steps },
      { "update", { "config.max_tool_steps" }, 2 })
  end)

  it("may get references from a script, whose problems stand where the agent's name does", function()
    local path = process.directory_of { ["a.yaml"] = "active: true\nname: Referrer\nconfig: {}\n" }
    local agents = agent_files.load(path)
    agents[1].config.dataset_id = reference.make("dataset", "Default")
    expect.equal(agent_files.apply(api, agent_files.compare(api, agents))[1].action, "created")
    agents[1].config.dataset_id = reference.make("dataset", "Defualt")
    local err = expect.raises(function() agent_files.compare(api, agents) end, "did you mean 'Default'?")
    expect.contains(tostring(err), "a.yaml:2:1: config.dataset_id: no dataset has the name 'Defualt'")
  end)

  it("are loaded with the values of an environment", function()
    local path = process.directory_of {
      ["agents/a.yaml"] = "name: A\nconfig: {voice: !required the voice}\n",
      ["environments/test.yaml"] = "defaults: {config: {voice: alloy}}\n",
    }
    expect.equal(agent_files.load(path .. "/agents", { environment = "test" })[1].config, { voice = "alloy" })
    expect.raises(function() agent_files.load(path .. "/agents") end, "a value is required here: the voice")
  end)

  it("of which some are taken out leave these alone", function()
    local path = process.directory_of { ["a.yaml"] = "name: One\n", ["b.yaml"] = "name: Two\n" }
    local changes = agent_files.compare(api, agent_files.load(path))
    table.remove(changes, 1)
    expect.equal(#agent_files.apply(api, changes), 1)
    expect.equal(agent_files.compare(api, agent_files.load(path))[1].action, "create")
  end)
end)

describe("writing an agent that was loaded", function()
  local function written(path, change)
    local agent = agent_files.load(path .. "/scheduler.yaml")[1]
    if change then change(agent) end
    local changed = agent_files.write(agent.file, agent)
    return process.read(agent.file), changed
  end

  it("changes nothing when nothing has changed", function()
    local text, changed = written(scheduler())
    expect.equal({ text, changed }, { SCHEDULER, false })
  end)

  it("changes what has, and leaves comments, tags and order", function()
    local path = scheduler()
    local text = written(path, function(agent)
      agent.own.description, agent.own.active = "Books visits.", false
      agent.config.max_tool_steps = 3
      table.insert(agent.config.tools, 1, { name = "lookup", description = "Looks.", actions = json.array {} })
      table.remove(agent.numbers, 1)
    end)
    expect.equal(text, (SCHEDULER:gsub("'Books.' # short\n", "'Books visits.' # short\nactive: false\n")
      :gsub("steps: 2", "steps: 3")
      :gsub("    %- {name: end", "    - name: lookup\n      description: Looks.\n      actions: []\n%0")
      :gsub('  %- number: "%+15551234567" # ours\n', "")))
    expect.equal(process.read(path .. "/prompt.md"), "Be kind.\n")
  end)

  it("writes a prompt to the file that the tag names", function()
    local path = scheduler()
    local text, changed = written(path, function(agent)
      agent.config.instructions = "Be brief."
      agent.config.tools[1].description = "Hangs up."
    end)
    expect.equal({ text, changed }, { SCHEDULER, true })
    expect.equal(process.read(path .. "/prompt.md"), "Be brief.\n")
    expect.equal(process.read(path .. "/tool.md"), "Hangs up.\n")
  end)

  it("writes another value in the place of a tag that stands for it no more", function()
    local text = written(scheduler(), function(agent)
      agent.config.path = "/elsewhere"
      agent.config.dataset_ids[1] = reference.make("dataset", "FAQ")
    end)
    expect.contains(text, "  path: /elsewhere\n")
    expect.contains(text, "dataset_ids: [!ref dataset:FAQ]\n")
  end)

  it("can be done to a JSON file, in its order", function()
    local path = process.directory_of { ["a.json"] = '{"config":{"b":1,"a":{}},"name":"A"}' }
    local agent = agent_files.load(path)[1]
    agent.config.b = 2
    agent_files.write(agent.file, agent)
    expect.equal(process.read(path .. "/a.json"),
      '{\n  "config": {\n    "b": 2,\n    "a": {}\n  },\n  "name": "A"\n}\n')
  end)

  it("is refused when it holds what is not the file's", function()
    local path = process.directory_of {
      ["agents/a.yaml"] = "name: A\nconfig: {}\n", ["environments/test.yaml"] = "defaults: {active: true}\n",
    }
    local agent = agent_files.load(path .. "/agents", { environment = "test" })[1]
    expect.raises(function() agent_files.write(agent.file, agent) end, "holds values of " .. path .. "/environments")
    local change = agent_files.compare(api, agent_files.load(path .. "/agents"))[1]
    expect.raises(function() agent_files.write(agent.file, change.agent) end, "holds ids of an organisation")
    local secretive = agent_files.load(scheduler())[1]
    secretive.config.other = secretive.config.key
    expect.raises(function() agent_files.write(secretive.file, secretive) end, "a secret cannot be written")
    expect.raises(function() agent_files.write("a.txt", {}) end, "expected an agent file that ends in .yaml")
  end)
end)

describe("writing a mapping", function()
  it("makes a new agent file, and the directory for it", function()
    local path = process.directory() .. "/new/agents/a.yaml"
    local value = { name = "A", config = { instructions = "Be kind.\nBe brief.\n",
      dataset = reference.make("dataset", "FAQ"), greeting = yaml.tag("!file", "g.md") } }
    expect.equal(agent_files.write(path, value), true)
    expect.equal(process.read(path), "name: A\n\nconfig:\n  dataset: !ref dataset:FAQ\n  greeting: !file g.md\n"
      .. "  instructions: |\n    Be kind.\n    Be brief.\n")
    expect.equal(agent_files.write(path, value), false)
  end)

  it("into a file that cannot be read is refused", function()
    local path = process.directory_of { ["a.yaml"] = "name: [\n" }
    expect.raises(function() agent_files.write(path .. "/a.yaml", { name = "A" }) end, "a.yaml:1:7")
    expect.equal(process.read(path .. "/a.yaml"), "name: [\n")
  end)
end)
