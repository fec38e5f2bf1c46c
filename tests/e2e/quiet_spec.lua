-- The second run is quiet, whatever the server does with what it is given: it masks, trims, rounds, forgets or adds
-- fields, in any combination. After a run nothing is written by the next one, and --check finds nothing; after a change
-- of the files the run writes it, and is quiet again.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local WORDS = { "mask", "trim", "round", "drop", "add" }

-- Each word alone, and all; QUIET_WORDS="mask,add" names those that are tried alone.
local function combinations()
  local given = os.getenv "QUIET_WORDS"
  return given and { given } or { table.concat(WORDS, ","), table.unpack(WORDS) }
end

local function run(box, code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and table.concat({ ... }, " ") .. "\n" .. out .. err or nil }, { code, nil })
  return out, err
end

-- Runs a recipe once more after it was run.
local function expect_quiet(box, ...)
  box:writes()
  local words = { ... }
  run(box, 0, ...)
  expect.equal({ words, box:writes() }, { words, {} })
  words[#words + 1] = "--check"
  run(box, 0, table.unpack(words))
end

-- {====== provision ======

local FILE = [[
name: Desk
metadata: {clinic: riverside}
config:
  instructions: ' Be kind. '
  temperature: 0.3333
  api_key: !env {name: QUIET_SECRET, secret: true}
  drop_me: 1
  tools:
  - {name: book, description: ' x ', weight: 0.12345, actions: [{type: wait}]}
  - {name: end_call, description: y, actions: [], token: abcdef}
  nested: {auth_token: abcdef, note: ' y'}
  end: one
]]

local function each_way(f)
  for _, words in ipairs { {}, { "--exact" } } do
    local all = table.move(words, 1, #words, 3, { "provision", "agents" })
    all[#all + 1] = "--lenient"
    f(all)
  end
end

-- A box whose server works so, over a file of its own.
local function odd_box(forms, database)
  local box = organizations.start("--faults", "stores=" .. forms, database and "--db", database)
  box.environment = box.environment .. " QUIET_SECRET=hush-hush"
  return box
end

local function check_provision(forms)
  local box <close> = odd_box(forms)
  each_way(function(words)
    box:reset()
    box:write("agents/desk.yaml", FILE)
    run(box, 0, table.unpack(words))
    expect_quiet(box, table.unpack(words))
    for _, change in ipairs { { "end: one", "end: two" }, { "  temp.-\n(.-)name: end_call", "%1name: hang_up" } } do
      box:write("agents/desk.yaml", (FILE:gsub(change[1], change[2])))
      run(box, 0, table.unpack(words))
      expect_quiet(box, table.unpack(words))
    end
  end)
end

-- Drafts, and one way after the other.
local function check_mixed(forms)
  local box <close> = odd_box(forms)
  for _, publish in ipairs { "", "publish: false\n" } do
    box:reset()
    box:write("agents/desk.yaml", FILE .. publish)
    run(box, 0, "provision", "agents", "--lenient")
    run(box, 0, "provision", "agents", "--lenient", "--exact")
    expect_quiet(box, "provision", "agents", "--lenient")
    expect_quiet(box, "provision", "agents", "--lenient", "--exact")
  end
end

-- The newest version of the only agent, and that.
local function newest(api)
  local agent, number = api.agents.each()(), 0
  for version in api.agents.versions.each(agent.id) do number = math.max(number, version.version) end
  return api.agents.versions.get(agent.id, number), agent
end

describe("with --exact, a field that the server adds", function()
  local box <close> = odd_box("add")

  local function written()
    box:reset()
    box:write("agents/desk.yaml", FILE)
    local _, err = run(box, 0, "provision", "agents", "--exact")
    expect.contains(err, "the organisation adds config.added_by_server, config.tools[1].actions[1].added_by_server"
      .. ", config.tools[1].added_by_server, config.tools[2].added_by_server to what was written (noted in the lock)")
    return newest(box.first)
  end

  it("is told apart from what somebody adds", function()
    for _, change in ipairs {
      function(config) config.extra = 1 end,
      function(config) config.tools[2].extra = { deep = true } end,
      function(config) config.nested.extra = json.array { { name = "more" } } end,
    } do
      local version, agent = written()
      change(version.config)
      organizations.version(box.first, agent, version.config)
      local _, err = run(box, 2, "provision", "agents", "--exact", "--check")
      expect.falsy(err:find("adds", 1, true))
      run(box, 0, "provision", "agents", "--exact")
      expect.equal(newest(box.first).version, 3)
      expect_quiet(box, "provision", "agents", "--exact")
    end
  end)

  it("is still known after runs without --exact, and after an export", function()
    written()
    local runs = { { "provision", "agents" }, { "export", "agents" }, { "provision", "agents", "--exact" } }
    for _, words in ipairs(runs) do
      box:writes()
      run(box, 0, table.unpack(words))
      expect.equal({ words, box:writes() }, { words, {} })
    end
  end)
end)

-- }======

-- {====== the others ======

local CONFIG = { instructions = " Be kind. \n", temperature = 0.3333, drop_me = 1, nested = { note = " y" },
  tools = { { name = "book", description = " x ", weight = 0.12345, actions = { { type = "wait" } } } } }

-- A box with agents that were made while the server did nothing odd.
local function filled_box(forms)
  local database = process.directory() .. "/sandbox.db"
  local plain <close> = organizations.start("--db", database)
  local agent = organizations.agent(plain.first, "Desk", CONFIG)
  plain:stop()
  return odd_box(forms, database), agent
end

local ENVIRONMENT = "agents: {Desk: {config: {api_key: !env {name: QUIET_SECRET, secret: true}, zone: %s}}}\n"

local function check_promote(forms)
  local filled, agent = filled_box(forms)
  local box <close> = filled
  for round, more in ipairs { {}, { "--no-publish" } } do
    local words = { "promote", "--from=staging", "--to=production", "--all", "--to-environment=target.yaml" }
    table.move(more, 1, #more, #words + 1, words)
    for _, zone in ipairs(round == 1 and { "' %d '", "{place: ' %d '}" } or { "{place: x%d, drop: 1}", "null" }) do
      box:write("target.yaml", ENVIRONMENT:format(zone:format(round)))
      run(box, 0, table.unpack(words))
      expect_quiet(box, table.unpack(words))
      local there = newest(box.second).config.zone
      if type(there) == "table" then there = there.place end
      expect.equal({ zone, there and there:match("%d") }, { zone, zone ~= "null" and tostring(round) or nil })
    end
    local config = newest(box.first).config
    config.tools[1].weight, config.api_key = 0.54321 + round, nil
    organizations.version(box.first, agent, config)
    run(box, 0, table.unpack(words))
    expect_quiet(box, table.unpack(words))
  end
end

local function check_migrate_prompts(forms)
  local box <close> = filled_box(forms)
  for _, publish in ipairs { "--publish", "--leave-draft" } do
    for _, text in ipairs { "  Be very kind.  \n\n", " Be too kind.\n" } do
      box:write("prompts/Desk.md", text .. publish .. "\n")
      run(box, 0, "migrate-prompts", "prompts", "--force", publish)
      expect_quiet(box, "migrate-prompts", "prompts", "--force", publish)
    end
  end
end

-- }======

for _, forms in ipairs(combinations()) do
  describe("a server that stores in other forms: " .. forms, function()
    it("gets no version of an unchanged file, with --exact or without", function() check_provision(forms) end)
    it("nor when --exact comes after a run without it, published or not", function() check_mixed(forms) end)
    it("nor of a promotion", function() check_promote(forms) end)
    it("nor of an unchanged prompt", function() check_migrate_prompts(forms) end)
  end)
end
