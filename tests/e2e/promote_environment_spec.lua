-- What `promote` does to the target beside copying: the target's environment file, secrets, and what others have there.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"

local A, TARGET_A = "+15551230001", "+15557650001"

local both <close> = organizations.start()

local function promote(...)
  return both:run("promote", "--from", "staging", "--to", "production", ...)
end

local function agent_named(api, name)
  for agent in api.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

local function newest(api, name)
  return api.agents.versions.each(agent_named(api, name).id)()
end

local function event_of(name, ...)
  local code, out = promote("--json", ...)
  for line in out:gmatch("[^\n]+") do
    local event = json.decode(line)
    if event.event == "agent" and event.name == name then return event, code end
  end
end

local function environment(text)
  both:write("environments/production.yaml", text)
end

local function prepare(config)
  both:reset()
  local agent = organizations.agent(both.first, "Desk", config or { instructions = "Be kind.", voice = "alloy" },
    { phone_numbers = { A } })
  both:writes()
  return agent
end

-- No run writes anything any more.
local function expect_quiet(...)
  both:writes()
  expect.equal({ (promote("Desk", ...)), both:writes(), (promote("Desk", "--check", ...)) }, { 0, {}, 0 })
end

describe("the target's environment file", function()
  it("fills in, replaces and removes, as it does for agent files", function()
    local agent = prepare { instructions = "Be kind.", voice = "alloy", debug = true, deep = { a = 1, b = 2 } }
    environment [[
defaults: {config: {language: en, voice: never}, description: A desk}
agents:
  Desk:
    config: {voice: echo, debug: null, deep: {b: 3}, transfer: !ref "agent:Desk"}
]]
    expect.equal((promote("Desk")), 0)
    local desk = agent_named(both.second, "Desk")
    local expected = { instructions = "Be kind.", voice = "echo", deep = { a = 1, b = 3 }, language = "en",
      transfer = desk.id }
    expect.equal(newest(both.second, "Desk").config, expected)
    expect.equal(desk.description, "A desk")
    expect_quiet()

    organizations.version(both.first, agent, { instructions = "Be calm.", voice = "ash", deep = { a = 2, b = 2 } })
    expect.equal((promote("Desk")), 0)
    expected.instructions, expected.deep.a = "Be calm.", 2
    expect.equal(newest(both.second, "Desk").config, expected)
    expect_quiet()
  end)

  it("counts again when it changes, and gives way to what the target has changed", function()
    prepare()
    environment "agents: {Desk: {config: {voice: echo}}}\n"
    expect.equal((promote("Desk")), 0)
    environment "agents: {Desk: {config: {voice: sage}}}\n"
    expect.equal((promote("Desk")), 0)
    expect.equal(newest(both.second, "Desk").config.voice, "sage")
    organizations.version(both.second, agent_named(both.second, "Desk"), { instructions = "Be kind.", voice = "coral" })
    both:writes()
    local code, out = promote("Desk")
    expect.equal({ code, both:writes() }, { 0, {} })
    expect.contains(out, "  kept: config.voice, changed in production\n")
    expect.equal((promote("Desk", "--check")), 2)
    expect.equal(event_of("Desk", "Desk").kept, json.array { "config.voice" })
    environment "agents: {Desk: {config: {voice: verse}}}\n"
    expect.equal((promote("Desk")), 11)
  end)
end)

describe("a secret of the source", function()
  local TOOL = { name = "book", description = "Books.", actions = json.array {},
    url = "https://example.com/book?api_key=a1b2c3d4e5", headers = { Authorization = "Bearer 1" } }
  local CONFIG = { instructions = "Be kind.", api_key = "k-1", hook = "sk-" .. ("a1b2"):rep(6),
    tools = json.array { TOOL }, parameters = { token = { type = "string" } }, max_tokens = 3 }

  it("is not copied where the target has none; all of them are named and nothing is written", function()
    prepare(CONFIG)
    local code, _, err = promote("Desk")
    expect.equal({ code, both:writes() }, { 3, {} })
    for _, path in ipairs { "config.api_key", "config.hook", "config.tools[1].url",
      "config.tools[1].headers.Authorization" } do
      expect.contains(err, ("Desk: %s: holds a secret, which is not copied"):format(path))
    end
    expect.falsy(err:find("token:", 1, true) or err:find("k-1", 1, true) or err:find("Bearer", 1, true))
  end)

  it("is not seen in a text that only has something like it in it", function()
    local text = ("Never read out a key such as sk-%s; say that you have none.\n"):format(("a1b2"):rep(6))
    prepare { instructions = text }
    expect.equal((promote("Desk")), 0)
    expect.equal(newest(both.second, "Desk").config.instructions, text)
  end)

  it("comes from the target's environment file, or stays what the target has", function()
    prepare(CONFIG)
    environment [[
agents:
  Desk:
    config:
      api_key: !env {name: PATH, secret: true}
      hook: null
      tools:
        - name: book
          description: Books.
          actions: []
          url: "https://example.com/?api_key=x"
          headers: {Authorization: Bearer 2}
]]
    local code, out = promote("Desk")
    expect.equal(code, 0)
    expect.falsy(out:find(os.getenv("PATH"), 1, true))
    local config = newest(both.second, "Desk").config
    expect.equal({ config.api_key, config.hook, config.tools[1].headers.Authorization, config.parameters,
      config.max_tokens }, { os.getenv("PATH"), nil, "Bearer 2", CONFIG.parameters, 3 })
    expect_quiet()
    environment "agents: {Desk: {config: {hook: null}}}\n"
    organizations.version(both.first, agent_named(both.first, "Desk"), { instructions = "Be calm.", api_key = "k-2",
      tools = CONFIG.tools })
    expect.equal((promote("Desk", "--theirs")), 0)
    config = newest(both.second, "Desk").config
    expect.equal({ config.api_key, config.tools[1].headers.Authorization }, { os.getenv("PATH"), "Bearer 2" })
  end)
end)

describe("what others have in the target", function()
  it("is named where numbers are taken, and needs --take-numbers", function()
    prepare()
    environment(('references: {number: {"%s": "%s"}}\n'):format(A, TARGET_A))
    local other = organizations.agent(both.second, "Night", { instructions = "x" }, { phone_numbers = { TARGET_A } })
    both:writes()
    local code, _, err = promote("Desk", "--numbers")
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(err, TARGET_A .. " inbound is held by 'Night' version 1, which is not promoted; --take-numbers")
    expect.equal((promote("Desk", "--numbers", "--check")), 11)
    local event = event_of("Desk", "Desk", "--numbers", "--take-numbers", "--check")
    local slot = event.steps[#event.steps].slots[1]
    expect.equal({ slot.phone_number, slot.slot, slot.before.agent_id, slot.before.agent_version },
      { TARGET_A, "inbound", other.id, 1 })
    local out
    code, out = promote("Desk", "--numbers", "--take-numbers")
    expect.equal(code, 0)
    expect.contains(out, TARGET_A .. " inbound, taken from 'Night' version 1")
  end)

  it("is a draft that is left alone, and told", function()
    local agent = prepare()
    expect.equal((promote("Desk")), 0)
    both.second.agents.versions.create(agent_named(both.second, "Desk").id, { config = { instructions = "An idea." } })
    organizations.version(both.first, agent, { instructions = "Be calm." })
    local event = event_of("Desk", "Desk", "--check")
    expect.equal({ event.draft_left_alone, event.draft_used }, { 2, nil })
    expect.contains(select(2, promote("Desk")), "draft 2, not written from here, is left alone")
  end)
end)
