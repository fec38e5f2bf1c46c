-- The recipe `diff`: what differs, by fields and words, and who is ahead.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local box = organizations.start()

local PROMPT = "You are a friendly receptionist.\n\nBook appointments, and be brief.\n"

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out, err
end

local function find(api, name)
  for agent in api.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

-- Somebody publishes another configuration, without the files.
local function edit(name, config)
  organizations.version(box.first, find(box.first, name), config)
end

local FILES = { desk = "name: Desk\ndescription: At the door.\nconfig:\n  instructions: !file prompts/desk.md\n"
  .. "  max_tool_steps: 4\n", night = "name: Night\nconfig: {instructions: We are closed.}\n" }

-- Two agents that were provisioned from `agents`, lock included.
local function provisioned()
  box:reset()
  for name, text in pairs(FILES) do box:write(("agents/%s.yaml"):format(name), text) end
  box:write("agents/prompts/desk.md", PROMPT)
  expect_run(0, "provision", "agents")
end

describe("a prompt that somebody edited in the organisation", function()
  it("shows in a fresh checkout: by words, with the organisation ahead and exit code 2", function()
    provisioned()
    edit("Desk", { instructions = PROMPT:gsub("friendly", "warm and calm"):gsub("\n$", ""), max_tool_steps = 4 })
    assert(os.execute(("cd %s/work && git init -q agents && git -C agents add . && git -C agents -c user.name=a "
      .. "-c user.email=a@example.invalid commit -qm files && git clone -q agents fresh"):format(box.directory)))
    local out = expect_run(2, "diff", "fresh", "--exit-code")
    expect.contains(out, "differs  Desk   version 2; the organisation is ahead\n"
      .. "  config.instructions changed (words: 3 removed, 1 added)\n"
      .. "       1  You are a [-warm and calm-]{+friendly+} receptionist.\n")
    expect.contains(out, "same     Night  version 1\n2 agents: 1 same, 1 differs\n")
    expect_run(0, "diff", "fresh")
  end)

  it("is an event with --json", function()
    local events = {}
    for line in expect_run(2, "diff", "fresh", "--exit-code", "--json", "--only-drift"):gmatch("[^\n]+") do
      events[#events + 1] = json.decode(line)
    end
    expect.equal(#events, 2)
    expect.equal({ events[1].event, events[1].name, events[1].status, events[1].ahead, events[1].agent_version },
      { "agent", "Desk", "differs", "organization", 2 })
    expect.equal(events[1].differences[1].words[2], { kind = "removed", text = "warm and calm" })
    expect.equal(events[2], { version = 1, event = "summary", exit_code = 2, agents = 2, same = 1, differs = 1,
      missing = 0, extra = 0, failed = 0,
      organization = "0a000000-0000-4000-8000-000000000001", organization_name = "Sandbox One", profile = "staging" })
  end)

  it("sends nothing that writes", function()
    box:writes()
    expect_run(0, "diff", "agents")
    expect.equal(box:writes(), {})
  end)
end)

describe("who is ahead", function()
  local function ahead()
    local out = expect_run(2, "diff", "agents/desk.yaml", "--exit-code")
    return out:match("version %d+; ([^\n]*)")
  end

  it("are the files when only they changed", function()
    provisioned()
    box:write("agents/prompts/desk.md", PROMPT .. "\nMore.\n")
    expect.equal(ahead(), "the files are ahead")
  end)

  it("are both when both changed", function()
    edit("Desk", { instructions = "Other.", max_tool_steps = 4 })
    expect.equal(ahead(), "both have changed")
  end)

  it("is nobody any more after the next provisioning", function()
    expect_run(8, "provision", "agents")
    expect_run(0, "provision", "agents", "--ours")
    expect_run(0, "diff", "agents", "--exit-code")
    box:write("agents/prompts/desk.md", PROMPT)
    expect.equal(ahead(), "the files are ahead")
  end)

  it("is the organisation when somebody moves a number", function()
    provisioned()
    box:write("agents/desk.yaml", FILES.desk .. 'phone_numbers: ["+15551234567"]\n')
    expect_run(0, "provision", "agents")
    organizations.agent(box.first, "Thief", { instructions = "x" }, { phone_numbers = { "+15551234567" } })
    local out = expect_run(2, "diff", "agents", "--exit-code", "--only-drift")
    expect.contains(out, "the organisation is ahead\n"
      .. '  phone_numbers["+15551234567"].inbound changed from "another agent" to "the version in use"\n')
  end)

  it("is not known without a lock", function()
    provisioned()
    assert(os.remove(box:path "agents/anyreach.lock"))
    edit("Desk", { instructions = "Other.", max_tool_steps = 4 })
    expect.equal(ahead(), "who is ahead is not known: the lock does not tell")
  end)

  it("is not the organisation for a version that no file describes", function()
    provisioned()
    box:write("agents/plain.yaml", "name: Plain\ndescription: Old.\n")
    expect_run(0, "provision", "agents")
    edit("Plain", { instructions = "Not the file's matter." })
    box:write("agents/plain.yaml", "name: Plain\ndescription: New.\n")
    expect.contains(expect_run(0, "diff", "agents"), "differs  Plain  version 1; the files are ahead\n")
  end)

  it("is nobody when the organisation only has more than the file names", function()
    provisioned()
    box.first.agents.update(find(box.first, "Night").id, { description = "Not the file's matter." })
    expect_run(0, "diff", "agents", "--exit-code")
  end)
end)

describe("a lock that cannot be read", function()
  it("stops provisioning before anything is sent, and the comparison", function()
    provisioned()
    box:write("agents/anyreach.lock", "{\n")
    edit("Desk", { instructions = "Other.", max_tool_steps = 4 })
    box:writes()
    local _, err = expect_run(3, "provision", "agents")
    expect.contains(err, "agents/anyreach.lock:1: not a line of a lock: ")
    expect.equal(box:writes(), {})
    expect.equal(process.read(box:path "agents/anyreach.lock"), "{\n")
    expect_run(3, "diff", "agents/desk.yaml")
  end)
end)

describe("agents on one side only", function()
  it("are missing in the organisation, or extra there when they were provisioned from here", function()
    provisioned()
    box.first.agents.delete(find(box.first, "Night").id)
    box:write("agents/late.yaml", "name: Late\n")
    organizations.agent(box.first, "Somebody else's", { instructions = "x" })
    assert(os.remove(box.directory .. "/work/agents/desk.yaml"))
    local out = expect_run(2, "diff", "agents", "--exit-code")
    expect.contains(out, "missing  Late   the organisation has no such agent\n")
    expect.contains(out, "missing  Night  the organisation has no such agent\n")
    expect.contains(out, "extra    Desk   no file describes it any more\n")
    expect.falsy(out:find("Somebody", 1, true))
  end)
end)

describe("two organisations", function()
  it("are compared by the names of their agents, without ids and numbers", function()
    box:reset()
    local one = box.first.datasets.create { name = "FAQ" }.dataset_id
    local two = box.second.datasets.create { name = "FAQ" }.dataset_id
    organizations.agent(box.first, "Desk", { instructions = PROMPT, dataset_id = one },
      { phone_numbers = { "+15551234567" } })
    organizations.agent(box.second, "Desk", { instructions = PROMPT, dataset_id = two })
    organizations.agent(box.first, "New", {})
    organizations.agent(box.second, "Old", {})
    local out = expect_run(2, "diff", "--from", "staging", "--to", "production", "--exit-code")
    expect.equal(out, "same     Desk  version 1\nmissing  New   production has no such agent\n"
      .. "extra    Old   staging has no such agent\n3 agents: 1 same, 1 missing, 1 extra\n")
    organizations.version(box.second, find(box.second, "Desk"), { instructions = PROMPT:gsub("brief", "short") })
    out = expect_run(0, "diff", "--from", "staging", "--to", "production", "--only-drift")
    expect.contains(out, '  config.dataset_id added: "dataset:FAQ"\n'
      .. "  config.instructions changed (words: 1 removed, 1 added)\n"
      .. "       3  Book appointments, and be [-short-]{+brief+}.\n")
  end)
end)

describe("wrong usage", function()
  it("is told with exit code 64", function()
    for _, words in ipairs { {}, { "--from", "staging" }, { "agents", "--from", "staging", "--to", "production" } } do
      expect.equal((box:run("diff", table.unpack(words))), 64)
    end
  end)
end)

it("the sandbox ends", function() box:stop() end)
