-- The steps that provisioning plans, and how a generation is followed; pure, nothing is sent.

local diff = require "anyreach.text.diff"
local generation = require "anyreach.agents.generation"
local json = require "anyreach.json"
local plan = require "anyreach.agents.provision.plan"

local NUMBER, OTHER_NUMBER = "+15551234567", "+15551230001"

-- An agent as a file describes it.
local function wanted(fields)
  local agent = { file = "x.yaml", name = "X", own = {}, publish = true, numbers = {}, secrets = {},
    references = {} }
  for name, value in pairs(fields) do agent[name] = value end
  return agent
end

-- "action" of each step, with what is sent or changed where that matters.
local function actions(made)
  local list = {}
  for index, step in ipairs(made.steps) do
    list[index] = step.action .. (step.direction and " " .. step.direction or "")
  end
  return table.concat(list, ", ")
end

local function version(number, fields)
  local made = { id = "v" .. number, version = number, published = false, config = {} }
  for name, value in pairs(fields) do made[name] = value end
  return made
end

local AGENT = { id = "a1", name = "X", description = "old", active = true, is_demo = false,
  metadata = { crm = 7, team = "front" }, sip_endpoint = json.null }

describe("a plan", function()
  it("creates what is missing", function()
    local made = plan.make(wanted {
      own = { active = false }, config = { instructions = "Be kind." }, deploy_as_sip = true,
      numbers = { { number = NUMBER, direction = "both" }, { number = OTHER_NUMBER, direction = "inbound" } },
    }, { numbers = { [NUMBER] = {}, [OTHER_NUMBER] = {} } })
    expect.equal(actions(made), "create_agent, create_version, publish inbound, publish both, deploy_as_sip")
    expect.equal(made.steps[1].fields, { name = "X", active = false })
    expect.equal(made.steps[2].fields, { config = { instructions = "Be kind." } })
    expect.equal({ made.steps[3].publishes, made.steps[4].publishes }, { true, false })
  end)

  it("is empty when nothing differs", function()
    local made = plan.make(wanted {
      own = { description = "old", metadata = { team = "front" } }, config = { a = 1 }, deploy_as_sip = true,
      numbers = { { number = NUMBER, direction = "inbound" } },
    }, {
      agent = setmetatable({ sip_endpoint = { uri = "sip:x" } }, { __index = AGENT }),
      published = version(3, { published = true, config = { a = 1, default = true } }),
      numbers = { [NUMBER] = { inbound_agent_version_id = "v3", outbound_agent_version_id = json.null } },
    })
    expect.equal(actions(made), "")
    expect.equal(made.version.version, 3)
  end)

  it("sends all of an agent's own fields when one differs, and keeps what the file does not name", function()
    local made = plan.make(wanted { own = { description = "new", metadata = { team = "back" } } }, { agent = AGENT })
    expect.equal(made.steps[1], {
      action = "update_agent",
      fields = { name = "X", description = "new", active = true, is_demo = false,
        metadata = { crm = 7, team = "back" } },
      changes = { "description", "metadata.team" },
      differences = { { path = "description", change = "changed", before = "old", after = "new" },
        { path = "metadata.team", change = "changed", before = "front", after = "back" } },
    })
  end)

  it("sends an own field that is false as well, and none that is null", function()
    local agent = { id = "a1", name = "X", description = json.null, active = false, is_demo = false, metadata = {} }
    local made = plan.make(wanted { own = { is_demo = true } }, { agent = agent })
    expect.equal(made.steps[1].fields, { name = "X", active = false, is_demo = true, metadata = {} })
  end)

  it("counts keys that only the server has when exactness is asked for", function()
    local state = { agent = AGENT, numbers = {},
      published = version(1, { published = true, config = { a = 1, default = true } }) }
    local agent = wanted { own = { metadata = { team = "front" } }, config = { a = 1 } }
    expect.equal(actions(plan.make(agent, state)), "")
    local made = plan.make(agent, state, { exact = true })
    expect.equal(actions(made), "update_agent, create_version, publish")
    expect.equal(made.steps[1].fields.metadata, { team = "front" })
    expect.equal(made.changes, { "config.default" })
  end)

  it("writes into its own draft, or into a new version where there is none", function()
    local agent = wanted { config = { a = 2 } }
    local published = version(1, { published = true, config = { a = 1 } })
    local made = plan.make(agent, { agent = AGENT, published = published, numbers = {} })
    expect.equal(actions(made), "create_version, publish")
    expect.equal({ made.version, made.changes }, { nil, { "config.a" } })
    made = plan.make(agent, { agent = AGENT, published = published, draft = version(2, {}), numbers = {},
      is_own_draft = true })
    expect.equal(actions(made), "update_version, publish")
    expect.equal({ made.version.version, made.draft_used, made.draft_left_alone }, { 2 })
  end)

  it("publishes a draft that is right already", function()
    local made = plan.make(wanted { config = { a = 2 } }, { agent = AGENT, numbers = {},
      published = version(1, { published = true, config = { a = 1 } }), draft = version(2, { config = { a = 2 } }) })
    expect.equal(actions(made), "publish")
    expect.equal({ made.steps[1].publishes, made.version.version }, { true, 2 })
  end)

  it("leaves a newer draft alone when the published version is right", function()
    local made = plan.make(wanted { config = { a = 1 } }, { agent = AGENT, numbers = {},
      published = version(1, { published = true, config = { a = 1 } }), draft = version(2, { config = { a = 2 } }) })
    expect.equal({ actions(made), made.version.version, made.draft_left_alone }, { "", 1, 2 })
  end)

  it("compares the newest version of any kind when the file does not publish", function()
    local agent = wanted { config = { a = 1 }, publish = false }
    local published = version(1, { published = true, config = { a = 1 } })
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published })), "")
    local draft = version(2, {})
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published, draft = draft })), "")
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published, draft = draft,
      is_own_draft = true })), "update_version")
    expect.equal(actions(plan.make(agent, { agent = AGENT })), "create_version")
  end)

  it("moves only numbers that hold another version, in one call for a direction", function()
    local published = version(1, { published = true, config = {} })
    local made = plan.make(wanted { config = {}, numbers = {
      { number = NUMBER, direction = "inbound" }, { number = OTHER_NUMBER, direction = "both" },
    } }, { agent = AGENT, published = published, numbers = {
      [NUMBER] = { inbound_agent_version_id = "v1", outbound_agent_version_id = "v9" },
      [OTHER_NUMBER] = { inbound_agent_version_id = "v1", outbound_agent_version_id = "v9" },
    } })
    expect.equal(made.steps, { { action = "publish", publishes = false, direction = "both",
      phone_numbers = { OTHER_NUMBER },
      slots = { { phone_number = OTHER_NUMBER, slot = "outbound", before = { version_id = "v9" } } } } })
  end)

  it("writes and publishes without comparing when told so", function()
    local published = version(1, { published = true, config = { a = 1 } })
    local agent = wanted { config = { a = 1 } }
    local always = { always_publish = true }
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published, numbers = {} }, always)),
      "create_version, publish")
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published,
      draft = version(2, { config = { a = 1 } }), is_own_draft = true, numbers = {} }, always)),
      "update_version, publish")
  end)

  it("writes nothing when told so that is not to be published and is as wanted", function()
    local agent, always = wanted { config = { a = 1 }, publish = false }, { always_publish = true }
    local draft = version(2, { config = { a = 1 } })
    local published = version(1, { published = true, config = { a = 1 } })
    expect.equal(actions(plan.make(agent, { agent = AGENT, draft = draft, numbers = {} }, always)), "")
    expect.equal(actions(plan.make(agent, { agent = AGENT, published = published, numbers = {} }, always)), "")
    local changed = wanted { config = { a = 2 }, publish = false }
    expect.equal(actions(plan.make(changed, { agent = AGENT, draft = draft, is_own_draft = true, numbers = {} },
      always)), "update_version")
  end)
end)

describe("a version that is written", function()
  local PUBLISHED = version(3, { published = true,
    config = { a = 1, voice = "alloy", tools = { { name = "x", id = 7 } } },
    instruction_builder_inputs = { purpose = "Help." } })

  local function make(fields, state, options)
    state.agent, state.numbers = AGENT, {}
    return plan.make(wanted(fields), state, options)
  end

  it("keeps what the file does not name, inputs of the instruction builder too", function()
    local made = make({ config = { a = 2, tools = { { name = "y" }, { name = "x" } } } }, { published = PUBLISHED })
    expect.equal(actions(made), "create_version, update_version, publish")
    expect.equal(made.steps[1].fields, { config = { a = 2, voice = "alloy",
      tools = { { name = "y" }, { name = "x", id = 7 } } } })
    expect.equal(made.steps[2].fields, { instruction_builder_inputs = { purpose = "Help." } })
    expect.equal({ made.steps[1].base_version, made.steps[2].differences }, { 3, {} })
    expect.equal(made.changes, { "config.a", "config.tools[1].id", "config.tools[1].name", "config.tools[2]" })
  end)

  it("loses what the file says is null, and with exactness all that it does not name", function()
    local made = make({ config = { voice = json.null } }, { published = PUBLISHED })
    expect.equal(made.steps[1].fields.config, { a = 1, tools = { { name = "x", id = 7 } } })
    expect.equal(made.steps[1].differences, { { path = "config.voice", change = "removed", before = "alloy" } })
    made = make({ config = { a = 1 } }, { published = PUBLISHED }, { exact = true })
    expect.equal(actions(made), "create_version, publish")
    expect.equal(made.steps[1].fields, { config = { a = 1 } })
    expect.equal(made.changes, { "config.tools", "config.voice", "instruction_builder_inputs" })
  end)

  it("never goes into a draft that was not written from here, unless that is asked for", function()
    local foreign = version(4, { config = { a = 1, voice = "echo" } })
    local made = make({ config = { a = 2 } }, { published = PUBLISHED, draft = foreign })
    expect.equal(actions(made), "create_version, update_version, publish")
    expect.equal(made.steps[1].fields.config.voice, "alloy")
    expect.equal({ made.version, made.draft_left_alone, made.is_own_draft }, { nil, 4 })
    made = make({ config = { a = 2 } }, { published = PUBLISHED, draft = foreign }, { update_draft = true })
    expect.equal(actions(made), "update_version, publish")
    expect.equal(made.steps[1].fields, { config = { a = 2, voice = "echo" } })
    expect.equal({ made.draft_used, made.draft_left_alone }, { 4 })
    -- The draft's changes go into use as well.
    expect.equal(diff.paths(made.steps[2].differences),
      { "config.a", "config.tools", "config.voice", "instruction_builder_inputs" })
    expect.equal(made.steps[2].base_version, 3)
  end)

  it("starts from nothing where nothing is published, whatever somebody has drafted", function()
    local made = make({ config = { a = 2 } }, { draft = version(1, { config = { a = 1, voice = "echo" } }) })
    expect.equal({ actions(made), made.steps[1].fields }, { "create_version, publish", { config = { a = 2 } } })
  end)

  it("is a draft that is exactly what would be written, and no other that only holds the same fields", function()
    local published = version(3, { published = true, config = { a = 1, voice = "alloy" } })
    local made = make({ config = { a = 2 } },
      { published = published, draft = version(4, { config = { a = 2, voice = "alloy" } }) })
    expect.equal({ actions(made), made.draft_used }, { "publish", 4 })
    expect.equal(diff.paths(made.steps[1].differences), { "config.a" })
    for _, config in ipairs { { a = 2 }, { a = 2, voice = "echo" }, { a = 2, voice = "alloy", more = true } } do
      made = make({ config = { a = 2 } }, { published = published, draft = version(4, { config = config }) })
      expect.equal({ actions(made), made.draft_left_alone }, { "create_version, publish", 4 })
    end
  end)

  it("is its own older draft, beside somebody's newer one", function()
    local made = make({ config = { a = 2 } }, { published = version(3, { published = true, config = { a = 1 } }),
      draft = version(4, { config = { a = 9 } }), is_own_draft = true, other_draft = version(5, {}) })
    expect.equal({ actions(made), made.version.version, made.draft_left_alone }, { "update_version, publish", 4, 5 })
  end)

  it("is no draft of somebody else when the file does not publish, though one that is as wanted will do", function()
    local draft = version(1, { config = { a = 1, more = true } })
    local made = make({ config = { a = 1 }, publish = false }, { draft = draft })
    expect.equal({ actions(made), made.version.version }, { "", 1 })
    made = make({ config = { a = 2 }, publish = false }, { draft = draft })
    expect.equal({ actions(made), made.draft_left_alone }, { "create_version", 1 })
  end)

  it("answers no calls without instructions, unless that is allowed", function()
    local function claim(direction, config, options, published)
      return plan.make(wanted { config = config, numbers = { { number = NUMBER, direction = direction } } },
        { agent = AGENT, published = published, numbers = { [NUMBER] = {} } }, options)
    end
    for _, config in ipairs { {}, { instructions = "" }, { instructions = " \n" }, { instructions = json.null } } do
      expect.equal(expect.raises(function() claim("inbound", config) end, "config.instructions is empty").kind, "input")
      expect.raises(function() claim("both", config) end, "is to answer " .. NUMBER)
      expect.equal(actions(claim("outbound", config)), "create_version, publish outbound")
      expect.equal(actions(claim("inbound", config, { allow_empty_instructions = true })),
        "create_version, publish inbound")
    end
    local published = version(1, { published = true, config = { instructions = "Be kind." } })
    expect.equal(actions(claim("inbound", { a = 1 }, nil, published)), "create_version, publish inbound")
  end)
end)

describe("a plan with generated instructions", function()
  local inputs = { purpose = "Help." }
  local agent = wanted { config = { a = 1 }, generate = true, inputs = inputs }

  local function steps(state)
    state.agent, state.numbers = AGENT, {}
    return plan.make(agent, state)
  end

  it("writes the inputs and generates", function()
    expect.equal(actions(plan.make(agent, { numbers = {} })),
      "create_agent, create_version, update_version, generate, publish")
  end)

  it("is empty when inputs and configuration are the same", function()
    expect.equal(actions(steps { published = version(1, { published = true,
      config = { a = 1, instructions = "old" }, instruction_builder_inputs = inputs }) }), "")
  end)

  it("carries the instructions on when only the configuration differs", function()
    local made = steps { published = version(1, { published = true, config = { a = 0, instructions = "old" },
      instruction_builder_inputs = inputs }) }
    expect.equal(actions(made), "create_version, update_version, publish")
    expect.equal(made.steps[1].fields.config, { a = 1, instructions = "old" })
    expect.equal(made.changes, { "config.a" })
  end)

  it("takes the old instructions out of a draft before it generates", function()
    local made = steps { is_own_draft = true, draft = version(1, { config = { a = 1, instructions = "old" },
      instruction_builder_inputs = { purpose = "Sell." } }) }
    expect.equal(actions(made), "update_version, generate, publish")
    expect.equal(made.steps[1].fields, { config = { a = 1 }, instruction_builder_inputs = inputs })
  end)

  it("goes on where an earlier run was cut off", function()
    local draft = version(1, { config = { a = 1 }, instruction_builder_inputs = inputs })
    local made = steps { draft = draft, is_own_draft = true }
    expect.equal({ actions(made), made.steps[1].start }, { "generate, publish", true })
    draft.instruction_generation = { status = "running" }
    made = steps { draft = draft, is_own_draft = true }
    expect.equal({ actions(made), made.steps[1].start }, { "generate, publish", false })
  end)
end)

describe("the progress of a generation", function()
  local function progress(fields, before)
    return (generation.progress(version(1, fields), before))
  end

  it("is told by a state, whatever form it has", function()
    local config = { instructions = "new" }
    expect.equal(progress { config = config, instruction_generation = { status = "running" } }, "running")
    expect.equal(progress { config = config, generation_status = "IN_PROGRESS" }, "running")
    expect.equal(progress { config = config, generation = { state = "done" } }, "finished")
    expect.equal(progress({ config = config, generation = "completed" }, "new"), "finished")
    expect.equal(progress { generation_status = "completed" }, "running")
    expect.equal({ generation.progress { generation = { status = "failed", error = "no" } } },
      { "failed", "no" })
  end)

  it("is told by new instructions where there is no state", function()
    expect.equal(progress {}, "running")
    expect.equal(progress { config = { instructions = "" } }, "running")
    expect.equal(progress({ config = { instructions = "old" } }, "old"), "running")
    expect.equal(progress({ config = { instructions = "new" } }, "old"), "finished")
    expect.equal(progress { config = { instructions = "new" }, generation = "unheard of" }, "finished")
    expect.equal(progress { config = json.null, generation = json.null }, "running")
  end)

  local function wait(answers, options)
    local looks = 0
    local api = { agents = { versions = { get = function()
      looks = looks + 1
      return answers[math.min(looks, #answers)]
    end } } }
    return generation.wait(api, "a1", 1, nil, options), looks
  end

  it("is waited for", function()
    local made, looks = wait { version(1, {}), version(1, { config = { instructions = "new" } }) }
    expect.equal({ made.config.instructions, looks }, { "new", 2 })
  end)

  it("ends with a failure or the deadline", function()
    local failed = { version = 1, generation = { status = "error", message = "too short" } }
    local err = expect.raises(function() wait { failed } end,
      "generating the instructions of version 1 of agent a1 failed: too short")
    expect.equal(err.kind, "failed")
    err = expect.raises(function() wait({ version(1, {}) }, { timeout = 0 }) end, "is not finished after 0 seconds")
    expect.equal(err.kind, "timeout")
  end)
end)
