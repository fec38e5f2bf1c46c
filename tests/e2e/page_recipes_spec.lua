-- The recipes `deploy-sip` and `generate-instructions`, the page's calls with waiting, as a user runs them.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"

local both = organizations.start()

local INPUTS = "purpose: Book appointments.\nguardrails: [Be kind, Be short]\n"
local WRITTEN = "You are a voice agent. Follow these instructions.\n\n# Guardrails\n- Be kind\n- Be short\n\n"
  .. "# Purpose\nBook appointments."

local function event_of(out)
  return json.decode(out:match("[^\n]+"))
end

describe("deploy-sip", function()
  it("deploys an agent once, and prints its address each time", function()
    both:reset()
    local agent = organizations.agent(both.first, "Desk", { instructions = "Hello." })
    both:writes()
    local address = "sip:" .. agent.id .. "@sip.sandbox.invalid"
    local code, out = both:run("deploy-sip", "Desk", "--check")
    expect.equal({ code, out, both:writes() }, { 2, "to deploy  Desk\n", {} })
    code, out = both:run("deploy-sip", "Desk")
    expect.equal({ code, out, both:writes() },
      { 0, address .. "\n", { "POST /core/agents/" .. agent.id .. "/deploy-as-sip" } })
    code, out = both:run("deploy-sip", agent.id, "--json")
    local event = event_of(out)
    expect.equal({ code, event.action, event.sip_address, both:writes() }, { 0, "unchanged", address, {} })
    local again, address_again, err = both:run("deploy-sip", "Desk", "--check")
    expect.equal({ again, address_again, err }, { 0, address .. "\n", "" })
  end)

  it("says what to do for an agent without a published version", function()
    both:reset()
    local agent = both.first.agents.create { name = "Stub" }
    both.first.agents.versions.create(agent.id, { config = {} })
    both:writes()
    local code, _, err = both:run("deploy-sip", "Stub")
    expect.equal({ code, both:writes() }, { 3, {} })
    expect.contains(err, "agent 'Stub' has no published version, which SIP needs; publish one: 'anyreach call "
      .. "agents.versions.publish " .. agent.id .. " VERSION'")
  end)
end)

describe("generate-instructions", function()
  local function prepare()
    both:reset()
    local agent = organizations.agent(both.first, "Desk", { instructions = "Old.", max_tool_steps = 3 })
    both:write("inputs.yaml", INPUTS)
    both:writes()
    return agent
  end

  it("writes the inputs to a draft, waits, and prints what was written; once", function()
    local agent = prepare()
    local code, out = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml", "--check")
    expect.equal({ code, both:writes() }, { 2, {} })
    expect.contains(out, "to do  a new draft, from version 1\n")
    expect.contains(out, "to do  generate config.instructions of the new draft\n")

    code, out = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal({ code, out }, { 0, WRITTEN .. "\n" })
    local versions = "/core/agents/" .. agent.id .. "/versions"
    expect.equal(both:writes(),
      { "POST " .. versions, "PUT " .. versions .. "/2", "POST " .. versions .. "/2/generate-instructions" })
    local draft = both.first.agents.versions.get(agent.id, 2)
    expect.equal({ draft.published, draft.config.max_tool_steps }, { false, 3 })

    local err
    code, out, err = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal({ code, out, both:writes() }, { 0, WRITTEN .. "\n", {} })
    expect.contains(err, "version 2 has instructions from these inputs; --again generates them again")
  end)

  it("generates again for other inputs, and with --again", function()
    prepare()
    both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    both:write("inputs.yaml", "purpose: Cancel appointments.\n")
    local code, out = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal(code, 0)
    expect.contains(out, "Cancel appointments.")
    both:writes()
    code, out = both:run("generate-instructions", "Desk", "--again", "--json")
    local event = event_of(out)
    expect.equal({ code, event.action, event.agent_version, #both:writes() }, { 0, "generated", 3, 1 })
    expect.contains(event.instructions, "Cancel appointments.")
  end)

  it("leaves somebody's draft alone, and writes there only with --update-draft", function()
    local agent = prepare()
    local theirs = { instructions = "An idea.", max_tool_steps = 3 }
    both.first.agents.versions.create(agent.id, { config = theirs })
    both:writes()
    local _, out = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml", "--check", "--json")
    local event = event_of(out)
    expect.equal({ event.draft_left_alone, event.draft_used, event.steps[1].action, event.steps[1].base_version },
      { 2, nil, "create_version", 1 })
    local code, _, err = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal(code, 0)
    expect.contains(err, "draft 2, not written from here, is left alone\n")
    expect.equal(both.first.agents.versions.get(agent.id, 2).config, theirs)
    expect.equal(both.first.agents.versions.get(agent.id, 3).config.instructions, WRITTEN)
    both:writes()
    both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal(both:writes(), {})
  end)

  it("does not take the only draft for its own", function()
    both:reset()
    both:write("inputs.yaml", INPUTS)
    local agent = both.first.agents.create { name = "Desk" }
    both.first.agents.versions.create(agent.id, { config = { max_tool_steps = 3 } })
    both:writes()
    local code, _, err = both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml")
    expect.equal({ code, both:writes() }, { 11, {} })
    expect.contains(err, "version 1 is somebody's draft; --update-draft")
    expect.equal((both:run("generate-instructions", "Desk", "--inputs", "inputs.yaml", "--update-draft")), 0)
    local version = both.first.agents.versions.get(agent.id, 1)
    expect.equal({ version.config.instructions, version.config.max_tool_steps }, { WRITTEN, 3 })
  end)

  it("waits for what is being generated, and does not start it twice", function()
    local agent = prepare()
    both.first.agents.versions.create(agent.id, { config = { max_tool_steps = 3 } })
    both.first.agents.versions.update(agent.id, 2, { instruction_builder_inputs = { purpose = "Book." } })
    both.first.agents.versions.generate_instructions(agent.id, 2)
    both:writes()
    local code, out = both:run("generate-instructions", "Desk")
    expect.equal({ code, both:writes() }, { 0, {} })
    expect.contains(out, "# Purpose\nBook.")
  end)

  it("says what is missing", function()
    prepare()
    both:write("list.yaml", "- a\n")
    for _, case in ipairs {
      { { "Desk" }, 3, "agent 'Desk' has no instruction_builder_inputs; give them with --inputs FILE" },
      { { "Desk", "--inputs", "none.yaml" }, 3, "none.yaml: No such file" },
      { { "Desk", "--inputs", "list.yaml" }, 3, "list.yaml: expected a mapping with inputs, got a list" },
      { { "Desk", "--inputs", "inputs.txt" }, 3, "inputs.txt: expected a file that ends in .yaml, .yml or .json" },
      { { "Deks" }, 3, "did you mean 'Desk'?" },
      { {}, 64, "expected the name or id of an agent" },
    } do
      local code, out, err = both:run("generate-instructions", table.unpack(case[1]))
      expect.equal({ case[3], code, out }, { case[3], case[2], "" })
      expect.contains(err, case[3])
    end
    expect.equal(both:writes(), {})
  end)
end)

both:stop()
