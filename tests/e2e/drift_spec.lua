-- Three sides: the files, the organisation, and what the lock remembers of both. Nobody's work is lost, the second run
-- is quiet whatever a server does with what it stores, and an agent stays one whatever it is called.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local function expect_run(box, code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out, err
end

local function agent_named(box, name)
  for agent in box.first.agents.each() do
    if agent.name == name then return agent end
  end
end

local function names(box)
  local list = {}
  for agent in box.first.agents.each() do list[#list + 1] = agent.name end
  table.sort(list)
  return list
end

local function config_of(box, agent)
  local newest
  for version in box.first.agents.versions.each(agent.id) do
    if version.published and (not newest or version.version > newest) then newest = version.version end
  end
  return box.first.agents.versions.get(agent.id, newest).config
end

local FILE = "name: Desk\ndescription: Front.\nconfig:\n  instructions: |\n    Be kind.\n    Ask first.\n"
  .. "    Say goodbye.\n  voice: alloy\n"

local box <close> = organizations.start()

local function provisioned()
  box:reset()
  box:write("agents/desk.yaml", FILE)
  expect_run(box, 0, "provision", "agents")
  box:writes()
  return agent_named(box, "Desk")
end

-- Somebody else publishes a version with other values.
local function edit(agent, values)
  local config = config_of(box, agent)
  for key, value in pairs(values) do config[key] = value end
  organizations.version(box.first, agent, config)
  box:writes()
end

local KIND, FRIENDLY = "Be kind.\nAsk first.\nSay goodbye.\n", "Be friendly.\nAsk first.\nSay goodbye.\n"

describe("a field that only the organisation has changed", function()
  it("is kept and named, and a check tells of it", function()
    local agent = provisioned()
    edit(agent, { voice = "nova" })
    box.first.agents.update(agent.id, { description = "Theirs." })
    box:writes()
    for _ = 1, 2 do
      local out = expect_run(box, 0, "provision", "agents")
      expect.contains(out, "unchanged  Desk  version 2; kept: config.voice, description, changed in the organisation "
        .. "since version 1; 'export' takes it into the file, --ours overwrites it")
      expect.equal(box:writes(), {})
      expect_run(box, 2, "provision", "agents", "--check")
    end
    local event = json.decode(expect_run(box, 0, "provision", "agents", "--json"):match("^[^\n]+"))
    expect.equal(event.kept, json.array { { path = "config.voice", since_version = 1 },
      { path = "description", since_version = 1 } })
  end)

  it("is kept also where another field is written", function()
    local agent = provisioned()
    edit(agent, { voice = "nova" })
    box:write("agents/desk.yaml", (FILE:gsub("kind", "friendly")))
    for _ = 1, 2 do
      expect.contains(expect_run(box, 0, "provision", "agents"),
        "kept: config.voice, changed in the organisation since version 1")
      expect.equal({ config_of(box, agent).voice, config_of(box, agent).instructions }, { "nova", FRIENDLY })
    end
    expect.equal(#box:writes(), 2)
  end)

  it("is overwritten with --ours, and stays with --theirs", function()
    local agent = provisioned()
    edit(agent, { voice = "nova" })
    expect_run(box, 0, "provision", "agents", "--theirs")
    expect.equal(config_of(box, agent).voice, "nova")
    expect_run(box, 0, "provision", "agents", "--ours")
    expect.equal(config_of(box, agent).voice, "alloy")
    box:writes()
    expect_run(box, 0, "provision", "agents", "--check")
    expect_run(box, 64, "provision", "agents", "--ours", "--theirs")
  end)
end)

describe("a field that both sides have changed", function()
  it("is merged where the changes do not meet, and neither is lost by later runs", function()
    local agent = provisioned()
    edit(agent, { instructions = (KIND:gsub("goodbye", "farewell")) })
    box:write("agents/desk.yaml", (FILE:gsub("kind", "friendly")))
    expect.contains(expect_run(box, 0, "provision", "agents"), "merged: config.instructions, changed on both sides")
    local merged = "Be friendly.\nAsk first.\nSay farewell.\n"
    expect.equal(config_of(box, agent).instructions, merged)
    box:writes()
    expect.contains(expect_run(box, 0, "provision", "agents"), "kept: config.instructions")
    expect.equal({ box:writes(), config_of(box, agent).instructions }, { {}, merged })
    box:write("agents/desk.yaml", (FILE:gsub("kind", "quick")))
    expect_run(box, 11, "provision", "agents")
    expect.equal(config_of(box, agent).instructions, merged)
  end)

  it("is a conflict otherwise, of that agent alone", function()
    local agent = provisioned()
    box:write("agents/other.yaml", "name: Other\nconfig: {instructions: x}\n")
    edit(agent, { voice = "nova" })
    box:write("agents/desk.yaml", (FILE:gsub("alloy", "echo")))
    local out = expect_run(box, 8, "provision", "agents")
    expect.contains(out, "config.voice: changed both here and in the organisation since version 1; --ours")
    expect.contains(out, "created    Other")
    expect_run(box, 11, "provision", "agents/desk.yaml")
    expect.equal(config_of(box, agent).voice, "nova")
    expect_run(box, 0, "provision", "agents", "--theirs")
    expect.equal(config_of(box, agent).voice, "nova")
    expect_run(box, 0, "provision", "agents", "--ours")
    expect.equal(config_of(box, agent).voice, "echo")
  end)
end)

describe("an agent", function()
  it("stays one that was renamed in its file", function()
    local agent = provisioned()
    box:write("agents/desk.yaml", (FILE:gsub("Desk", "Reception")))
    expect.contains(expect_run(box, 2, "provision", "agents", "--check"), "agent changed (name)")
    expect.contains(expect_run(box, 0, "provision", "agents"), "updated    Reception  agent changed (name)")
    expect.equal({ names(box), agent_named(box, "Reception").id }, { { "Reception" }, agent.id })
    expect_run(box, 0, "provision", "agents", "--check")
  end)

  it("stays one whose file was renamed, with the name or without", function()
    local agent = provisioned()
    assert(os.remove(box.directory .. "/work/agents/desk.yaml"))
    box:write("agents/reception.yaml", FILE)
    expect.contains(expect_run(box, 0, "provision", "agents"), "unchanged")
    assert(os.remove(box.directory .. "/work/agents/reception.yaml"))
    box:write("agents/front.yaml", (FILE:gsub("Desk", "Front Desk")))
    expect_run(box, 0, "provision", "agents")
    expect.equal({ names(box), agent_named(box, "Front Desk").id }, { { "Front Desk" }, agent.id })
  end)

  it("is not taken for another one whose file is a copy", function()
    local agent = provisioned()
    box:write("agents/copy.yaml", (FILE:gsub("Desk", "Copy")))
    expect_run(box, 0, "provision", "agents/copy.yaml")
    expect.equal({ names(box), agent_named(box, "Desk").id }, { { "Copy", "Desk" }, agent.id })
  end)

  it("keeps a name that it was given elsewhere, and gets its own back with --ours", function()
    local agent = provisioned()
    box.first.agents.update(agent.id, { name = "Theirs" })
    box:writes()
    expect.contains(expect_run(box, 0, "provision", "agents"), "kept: name")
    expect.equal(box:writes(), {})
    box:write("agents/theirs.yaml", "name: Theirs\nconfig: {instructions: x}\n")
    local out = expect_run(box, 8, "provision", "agents")
    expect.contains(out, "is the one that the file of 'Desk' describes")
    assert(os.remove(box.directory .. "/work/agents/theirs.yaml"))
    expect_run(box, 0, "provision", "agents", "--ours")
    expect.equal(agent_named(box, "Desk").id, agent.id)
  end)

  it("is said to have been deleted before it is made anew, once", function()
    local agent = provisioned()
    box.first.agents.delete(agent.id)
    expect.contains(expect_run(box, 2, "provision", "agents", "--check"),
      "was deleted in the organisation since; made anew")
    expect.contains(expect_run(box, 0, "provision", "agents"), "was deleted in the organisation since; made anew")
    expect.contains(expect_run(box, 0, "provision", "agents"), "unchanged  Desk  version 1\n")
    expect.equal(names(box), { "Desk" })
  end)
end)

-- {====== generated sequences ======

local function numbers(seed)
  local state = seed
  return function(high)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % high + 1
  end
end

-- Files as a list: each has a path, a name and a text. What happens to them here, and to the agents there.
local events = {}

function events.swap_names(world)
  local a, b = world.files[1], world.files[2]
  a.name, b.name = b.name, a.name
end

function events.shift_names(world, random)
  world.count = world.count + 1
  local fresh = "New " .. world.count
  local first = random(#world.files - 1)
  world.files[first].name, world.files[first + 1].name = world.files[first + 1].name, fresh
end

function events.rename_here(world, random)
  world.count = world.count + 1
  world.files[random(#world.files)].name = "Here " .. world.count
end

function events.move_file(world, random)
  world.count = world.count + 1
  world.files[random(#world.files)].path = ("m%d.yaml"):format(world.count)
end

function events.rename_there(world, random)
  world.count = world.count + 1
  local agents = {}
  for agent in box.first.agents.each() do agents[#agents + 1] = agent end
  box.first.agents.update(agents[random(#agents)].id, { name = "There " .. world.count })
end

function events.edit_here(world, random)
  world.count = world.count + 1
  world.files[random(#world.files)].text = "text " .. world.count
end

local KINDS = { "swap_names", "shift_names", "rename_here", "move_file", "rename_there", "edit_here" }

local function write_files(world)
  assert(os.execute(("rm -f %s/work/agents/*.yaml"):format(box.directory)))
  for _, file in ipairs(world.files) do
    local text = "name: %s\nconfig: {instructions: %s, mark: %s}\n"
    box:write("agents/" .. file.path, text:format(json.encode(file.name), file.text, file.mark))
  end
end

describe("whatever happens to names and files on both sides", function()
  for seed = 1, 6 do
    it("makes no second agent, and is quiet at the second run: sequence " .. seed, function()
      local random, world = numbers(seed), { files = {}, count = 0 }
      box:reset()
      for index = 1, 3 do
        local path, name = ("f%d.yaml"):format(index), "Agent " .. index
        world.files[index] = { path = path, name = name, text = "text", mark = index }
      end
      write_files(world)
      expect_run(box, 0, "provision", "agents")
      local log = {}
      for _ = 1, 4 do
        local kind = KINDS[random(#KINDS)]
        log[#log + 1] = kind
        events[kind](world, random)
        write_files(world)
        local code, out, err = box:run("provision", "agents", "--ours")
        expect.equal({ code, code ~= 0 and table.concat(log, ", ") .. out .. err or nil }, { 0, nil })
        box:writes()
        expect_run(box, 0, "provision", "agents")
        expect.equal({ log, #names(box), box:writes() }, { log, 3, {} })
        for _, file in ipairs(world.files) do
          local config = config_of(box, agent_named(box, file.name))
          expect.equal({ log, config.instructions, config.mark }, { log, file.text, file.mark })
        end
      end
    end)
  end
end)

-- }======

-- {====== servers that store what they are sent in another form ======

local WORDS = { "mask", "trim", "round", "add", "drop" }

local function random_config(random)
  local texts = { "' Be kind. '", "Be brief.", "'  x'" }
  local lines = { "  instructions: " .. texts[random(3)], "  temperature: " .. ({ "0.3333", "0.5", "1" })[random(3)],
    "  api_key: sk-123456", "  note: " .. texts[random(3)] }
  if random(2) == 1 then lines[#lines + 1] = "  parts: [{name: a, token: abcdef, weight: 0.12345}, {name: ' b '}]" end
  if random(2) == 1 then lines[#lines + 1] = "  nested: {auth_token: !env {name: DRIFT_SECRET, secret: true}, x: 1}" end
  return table.concat(lines, "\n")
end

describe("a server that stores what it is sent in another form", function()
  for seed = 1, 5 do
    local random, chosen = numbers(seed), {}
    for index = 1, 4 do
      if random(2) == 1 then chosen[#chosen + 1] = WORDS[index] end
    end
    if #chosen == 0 then chosen[1] = WORDS[seed] end
    local forms = table.concat(chosen, ",")
    it("gets one version of an unchanged file, and all changes are seen: " .. forms, function()
      local odd <close> = organizations.start("--faults", "stores=" .. forms)
      odd.environment = odd.environment .. " DRIFT_SECRET=hush-hush"
      local text = "name: Desk\nconfig:\n" .. random_config(random) .. "\n"
      odd:write("agents/desk.yaml", text .. "  end: one\n")
      expect_run(odd, 0, "provision", "agents")
      odd:writes()
      for _ = 1, 2 do
        local _, err = expect_run(odd, 0, "provision", "agents")
        expect.equal(odd:writes(), {})
        expect.falsy(err:find("differently", 1, true))
      end
      expect_run(odd, 0, "provision", "agents", "--check")
      odd:write("agents/desk.yaml", text .. "  end: two\n")
      expect_run(odd, 0, "provision", "agents")
      expect.equal(#odd:writes(), 2)
      local agent = agent_named(odd, "Desk")
      expect.equal(config_of(odd, agent)["end"], "two")
      expect_run(odd, 0, "provision", "agents")
      expect.equal(odd:writes(), {})
      local config = config_of(odd, agent)
      config.instructions = "Theirs."
      organizations.version(odd.first, agent, config)
      expect.contains(expect_run(odd, 2, "provision", "agents", "--check"), "kept: config.instructions")
    end)
  end

  it("is told of once, when it first stores a field so", function()
    local odd <close> = organizations.start("--faults", "stores=trim")
    odd:write("a.yaml", "name: A\nconfig: {instructions: ' x '}\n")
    local _, err = expect_run(odd, 0, "provision", "a.yaml")
    expect.contains(err, "A: the organisation stores config.instructions differently from what was written (noted in "
      .. "the lock)")
    _, err = expect_run(odd, 0, "provision", "a.yaml")
    expect.falsy(err:find("differently", 1, true))
  end)

  it("fails for a field that it drops, without a version at every run, until that is accepted", function()
    local odd <close> = organizations.start("--faults", "stores=drop")
    odd:write("a.yaml", "name: A\nconfig: {instructions: x, dropped: 1}\n")
    for count = 1, 3 do
      local out = expect_run(odd, 11, "provision", "a.yaml")
      expect.contains(out, "other values than were written to it: config.dropped")
      expect.equal(#odd:writes(), count == 1 and 3 or 0)
    end
    expect_run(odd, 0, "provision", "a.yaml", "--lenient")
    expect_run(odd, 0, "provision", "a.yaml")
    expect.equal(odd:writes(), {})
  end)

  it("does not get the mask of a secret that no file names in place of the secret", function()
    local odd <close> = organizations.start("--faults", "stores=mask")
    odd:write("a.yaml", "name: A\nconfig: {instructions: x}\n")
    expect_run(odd, 0, "provision", "a.yaml")
    local agent = agent_named(odd, "A")
    organizations.version(odd.first, agent, { instructions = "x", hook = { api_key = "hush-hush" } })
    odd:writes()
    odd:write("a.yaml", "name: A\nconfig: {instructions: y}\n")
    for _, words in ipairs { { "--check" }, {} } do
      local out = expect_run(odd, 11, "provision", "a.yaml", table.unpack(words))
      expect.contains(out, "the organisation shows config.hook.api_key only masked")
      expect.equal(odd:writes(), {})
    end
    odd:write("prompts/A.md", "z\n")
    local code, out, err = odd:run("migrate-prompts", "prompts", "--force")
    expect.equal(code, 11)
    expect.contains(out .. err, "config.hook.api_key only masked")
    expect.equal(odd:writes(), {})
    odd:write("a.yaml", "name: A\nconfig: {instructions: y, hook: {api_key: new-hush}}\n")
    expect_run(odd, 0, "provision", "a.yaml")
    odd:writes()
    odd:write("a.yaml", "name: A\nconfig: {instructions: z, hook: null}\n")
    expect_run(odd, 0, "provision", "a.yaml")
    expect.equal(config_of(odd, agent), { instructions = "z" })
  end)

  it("never has secrets in the lock", function()
    local odd <close> = organizations.start("--faults", "stores=mask")
    odd.environment = odd.environment .. " DRIFT_SECRET=hush-hush"
    odd:write("a.yaml", "name: A\nconfig: {instructions: x, api_key: !env {name: DRIFT_SECRET, secret: true}}\n")
    expect_run(odd, 0, "provision", "a.yaml")
    expect.match(process.read(odd.directory .. "/work/anyreach.lock"), '"config.api_key":"%x%x%x%x/%x%x%x%x"')
  end)
end)

-- }======

-- {====== references to agents that have other names now ======

local REFERRING = "name: Other\nconfig: {instructions: x, transfer: {agent_id: !ref 'agent:%s'}}\n"

describe("a reference to an agent", function()
  local function other_refers_to(agent)
    return config_of(box, agent_named(box, "Other")).transfer.agent_id == agent.id
  end

  it("by the name in its file is resolved by the lock after it was renamed in the organisation", function()
    local agent = provisioned()
    box.first.agents.update(agent.id, { name = "Reception" })
    box:write("agents/other.yaml", REFERRING:format("Desk"))
    for _, paths in ipairs { { "agents" }, { "agents/other.yaml" } } do
      local _, err = expect_run(box, 0, "provision", table.unpack(paths))
      expect.match(err, "agents/other.yaml:2:%d+: the agent 'Desk' is called 'Reception' now; the lock tells which")
      expect.truthy(other_refers_to(agent))
    end
    box:write("agents/other.yaml", REFERRING:format("Reception"))
    local _, err = expect_run(box, 0, "provision", "agents")
    expect.falsy(err:find("is called", 1, true))
    expect.truthy(other_refers_to(agent))
  end)

  it("by its new or old name is resolved by the lock after it was renamed in its file", function()
    for _, name in ipairs { "Reception", "Desk" } do
      local agent = provisioned()
      box:write("agents/desk.yaml", (FILE:gsub("Desk", "Reception")))
      box:write("agents/other.yaml", REFERRING:format(name))
      for _ = 1, 2 do
        local _, err = expect_run(box, 0, "provision", "agents")
        expect.equal({ name, err:find("the agent 'Desk' is called 'Reception' now", 1, true) ~= nil },
          { name, name == "Desk" })
        expect.truthy(other_refers_to(agent))
      end
      expect.equal(names(box), { "Other", "Reception" })
    end
  end)

  it("by a name that another agent has now means the one that the lock knows", function()
    local agent = provisioned()
    box.first.agents.update(agent.id, { name = "Reception" })
    local new = box.first.agents.create { name = "Desk" }
    box:write("agents/other.yaml", REFERRING:format("Desk"))
    expect_run(box, 0, "provision", "agents")
    expect.truthy(other_refers_to(agent))
    box.first.agents.delete(agent.id)
    expect_run(box, 0, "provision", "agents/other.yaml")
    expect.truthy(other_refers_to(new))
  end)
end)

-- }======
