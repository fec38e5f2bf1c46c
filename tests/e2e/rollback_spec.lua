-- The recipe `rollback` as a user runs it.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"

local A, B, C = "+15551230001", "+15551230002", "+15551230003"

local both = organizations.start()

-- Three versions: the third is current, with both slots of A; B still has the second.
local function prepare()
  both:reset()
  local first = { instructions = "Say hello.\nBe kind.", tools = json.array {} }
  local agent = organizations.agent(both.first, "Desk", first)
  organizations.version(both.first, agent, { instructions = "Say hello.\nBe quick." }, { phone_numbers = { B } })
  organizations.version(both.first, agent, { instructions = "Say hello.\nBe quick and rude." },
    { phone_numbers = { A }, direction = "both" })
  both:writes()
  return agent
end

local function versions(agent)
  local list = {}
  for version in both.first.agents.versions.each(agent.id) do table.insert(list, 1, version) end
  return list
end

-- The number of the version in each slot of a number.
local function held(agent, number)
  local phone_number, numbers = both.first.phone_numbers.get(number), {}
  for _, version in ipairs(versions(agent)) do numbers[version.id] = version.version end
  return { numbers[phone_number.inbound_agent_version_id] or 0,
    numbers[phone_number.outbound_agent_version_id] or 0 }
end

describe("going back by number", function()
  it("publishes a copy to the slots of the current version, shows the words, and does so once", function()
    local agent = prepare()
    local code, out, err = both:run("rollback", "Desk", "--to", "1")
    expect.equal(code, 0)
    expect.contains(out, "Desk: version 3 (current) back to version 1\n")
    expect.contains(out, "Be [-quick and rude-]{+kind+}.")
    expect.contains(out, "config.tools added: []\n")
    expect.contains(out, "done           " .. A .. " outbound: Desk@3 -> Desk@4\n")
    expect.contains(out, "version 4 is published and equals version 1\n")
    expect.contains(err, B .. " inbound holds version 2 and is left alone; --all-slots moves it\n")
    expect.equal({ held(agent, A), held(agent, B), #both:writes() }, { { 4, 4 }, { 2, 0 }, 2 })
    expect.equal(versions(agent)[4].config, versions(agent)[1].config)

    code, out = both:run("rollback", "Desk", "--to", "1")
    expect.equal({ code, out, both:writes() },
      { 0, "nothing to do: version 4, the current one, equals version 1\n", {} })
    expect.equal((both:run("rollback", "Desk", "--to", "1", "--all-slots")), 0)
    expect.equal({ held(agent, B), both:writes() },
      { { 4, 0 }, { "POST /core/agents/" .. agent.id .. "/versions/4/publish" } })
  end)

  it("takes the inputs of the instruction builder back, too", function()
    local agent = prepare()
    local api = both.first.agents.versions
    for _, purpose in ipairs { "Book.", "Sell." } do
      local number = api.create(agent.id, { config = { instructions = "Be kind." } }).version
      api.update(agent.id, number, { instruction_builder_inputs = { purpose = purpose } })
      api.publish(agent.id, number)
    end
    both:writes()
    local code, out = both:run("rollback", "Desk", "--to", "4", "--check")
    expect.equal({ code, both:writes() }, { 2, {} })
    expect.contains(out, "instruction_builder_inputs.purpose")
    expect.equal((both:run("rollback", "Desk", "--to", "4")), 0)
    expect.equal(versions(agent)[6].instruction_builder_inputs, { purpose = "Book." })
    both:writes()
    expect.equal({ (both:run("rollback", "Desk", "--to", "4")), both:writes() }, { 0, {} })
  end)

  it("only shows with --check, with exit code 2", function()
    prepare()
    local code, out = both:run("rollback", "Desk", "--to", "2", "--check")
    expect.equal({ code, both:writes() }, { 2, {} })
    expect.contains(out, "to do          " .. A .. " inbound: Desk@3 -> Desk@new\n")
    code, out = both:run("rollback", "Desk", "--to", "2", "--check", "--json")
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = json.decode(line) end
    local event = lines[#lines - 1]
    expect.equal({ code, event.event, event.action, event.from_version, event.to_version, event.changes[1].path },
      { 2, "agent", "roll_back", 3, 2, "config.instructions" })
    expect.equal(lines[#lines], { version = 1, event = "summary", exit_code = 2, agents = 1, roll_back = 1,
      organization = "0a000000-0000-4000-8000-000000000001", organization_name = "Sandbox One", profile = "staging" })
  end)

  it("leaves drafts alone, and publishes the one that an earlier run has left", function()
    local agent = prepare()
    both.first.agents.versions.create(agent.id, { config = { instructions = "An idea." } })
    both.first.agents.versions.create(agent.id, { base_version = 1 })
    both:writes()
    expect.equal((both:run("rollback", "Desk", "--to", "1")), 0)
    expect.equal(both:writes(), { "POST /core/agents/" .. agent.id .. "/versions/5/publish" })
    expect.equal({ versions(agent)[4].published, versions(agent)[5].published, held(agent, A) },
      { false, true, { 5, 5 } })
  end)
end)

describe("going back by time", function()
  it("takes the version that was in use then", function()
    local agent = prepare()
    local list = versions(agent)
    expect.equal((both:run("rollback", "Desk", "--to", list[2].published_at)), 0)
    expect.equal(versions(agent)[4].config, list[2].config)
  end)

  it("leaves out drafts", function()
    local agent = prepare()
    both.first.agents.versions.create(agent.id, { config = { instructions = "a draft" } })
    both:writes()
    local code, out = both:run("rollback", "Desk", "--to", "2999-01-01")
    expect.equal({ code, out, both:writes() },
      { 0, "nothing to do: version 3, the current one, equals version 3\n", {} })
  end)

  it("says when there was none yet", function()
    local list = versions(prepare())
    local code, _, err = both:run("rollback", "Desk", "--to", "2001-01-01")
    expect.equal(code, 3)
    expect.contains(err, "agent 'Desk' had no published version at 2001-01-01; its first one is of "
      .. list[1].published_at)
  end)
end)

describe("what cannot be gone back to", function()
  it("is refused before anything is written", function()
    local agent = prepare()
    both.first.agents.versions.create(agent.id, { base_version = 1 })
    organizations.agent(both.second, "Elsewhere", {})
    both:expect_refused("rollback", {
      { { "Desk", "--to", "9" }, 3, "agent 'Desk' has no version 9; its newest is 4" },
      { { "Desk", "--to", "4" }, 3, "version 4 of agent 'Desk' is a draft, and was never in use" },
      { { "Elsewhere", "--to", "1" }, 3, "no agent has the name or id 'Elsewhere'" },
      { { "Desk" }, 64, "expected --to VERSION or --to TIME" },
      { { "Desk", "--to", "yesterday" }, 64, "got 'yesterday'" },
    })
  end)
end)

describe("a rollback that is killed", function()
  it("at any write is completed by the next one, with one new version", function()
    for _, case in ipairs(held_request.cases { "agents.versions.create 1", "agents.versions.publish 1",
      "agents.versions.publish 2", "agents.versions.publish 3" }) do
      local slow <close> = organizations.hold(case)
      local agent = organizations.agent(slow.first, "Desk", { instructions = "1" })
      local second = organizations.version(slow.first, agent, { instructions = "2" }, { phone_numbers = { A } })
      for number, direction in pairs { [B] = "outbound", [C] = "both" } do
        local body = { phone_numbers = { number }, direction = direction }
        slow.first.agents.versions.publish(agent.id, second.version, body)
      end
      slow:stop_at_held_request("KILL", "rollback", "Desk", "--to", "1")
      local code, _, err = slow:run("rollback", "Desk", "--to", "1")
      expect.equal({ case.name, code, err:find("warning") }, { case.name, 0 })
      local newest = slow.first.agents.versions.get(agent.id, 3)
      local a, b, c = slow.first.phone_numbers.get(A), slow.first.phone_numbers.get(B), slow.first.phone_numbers.get(C)
      expect.equal({ case.name, a.inbound_agent_version_id, b.outbound_agent_version_id, c.inbound_agent_version_id,
        c.outbound_agent_version_id }, { case.name, newest.id, newest.id, newest.id, newest.id })
      expect.equal(slow.first.try.agents.versions.get(agent.id, 4), nil)
    end
  end)
end)

both:stop()
