-- The recipe `numbers` as a user runs it, against a sandbox of its own.

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local digest = require "anyreach.digest"
local disk = require "anyreach.disk"
local process = require "helpers.process"

local A, B, C, D = "+15551230001", "+15551230002", "+15551230003", "+15551234567"

local both = organizations.start()

-- Two agents: One answers and calls at A, Two answers at B with an old version.
local function prepare_agents(where)
  where:reset()
  local api = where.first
  local one = organizations.agent(api, "One", { instructions = "1" }, { phone_numbers = { A }, direction = "both" })
  local two = organizations.agent(api, "Two", { instructions = "2" }, { phone_numbers = { B } })
  organizations.version(api, two, { instructions = "2b" })
  where:writes()
  return one, two
end

local function prepare()
  return prepare_agents(both)
end

-- The same in a sandbox's own process.
local PREPARE = [[
  local api = anyreach.client()
  for name, body in pairs { One = { phone_numbers = { "+15551230001" }, direction = "both" },
      Two = { phone_numbers = { "+15551230002" } } } do
    local agent = api.agents.create { name = name }
    api.agents.versions.create(agent.id, { config = { instructions = name } })
    api.agents.versions.publish(agent.id, 1, body)
  end]]

-- With this seed the first request to publish passes, and the second does not.
local SECOND_FAILS = "503;rate=0.5;seed=6;only=agents.versions.publish"

local function holder_text(holder)
  return holder == json.null and "-" or ("%s@%d"):format(holder.agent, holder.agent_version)
end

-- "INBOUND OUTBOUND" of each number, with "-" for an empty slot.
local function slots(where)
  local _, out = (where or both):run("numbers", "--json")
  local lines = {}
  for line in out:gmatch("[^\n]+") do
    local event = json.decode(line)
    if event.event == "number" then
      lines[event.phone_number] = holder_text(event.inbound) .. " " .. holder_text(event.outbound)
    end
  end
  return lines
end

describe("the table of numbers", function()
  it("names agent and version in both slots, and the trunk", function()
    prepare()
    local code, out, err = both:run("numbers")
    expect.equal({ code, err }, { 0, "" })
    expect.match(out, "^NUMBER +INBOUND +OUTBOUND +TRUNK\n")
    expect.match(out, "%" .. A .. "  One@1 +One@1 +Default trunk\n")
    expect.match(out, "%" .. B .. "  Two@1 %(newest 2%) +%- +Default trunk\n")
    expect.equal(both:writes(), {})
  end)
end)

describe("assigning", function()
  it("gives a number to the newest published version, once", function()
    prepare()
    local code, out = both:run("numbers", "assign", C, "Two")
    expect.equal({ code, out }, { 0, "done           " .. C .. " inbound: nobody -> Two@2\n" })
    expect.equal(#both:writes(), 1)
    code, out = both:run("numbers", "assign", C, "Two")
    expect.equal({ code, out, both:writes() }, { 0, "nothing to do\n", {} })
    expect.equal(slots()[C], "Two@2 -")
  end)

  it("takes the version and the direction that are named", function()
    prepare()
    expect.equal((both:run("numbers", "assign", A, "Two@1", "--direction", "outbound")), 0)
    expect.equal(slots()[A], "One@1 Two@1")
    expect.equal((both:run("numbers", "assign", D, "Two@1", "--direction=both")), 0)
    expect.equal({ slots()[D], #both:writes() }, { "Two@1 Two@1", 2 })
  end)

  it("refuses what is not there, with the nearest that is", function()
    local _, two = prepare()
    both.first.agents.versions.create(two.id, { base_version = 1 })
    both:expect_refused("numbers", {
      { { "assign", "+15551230004", "One" }, 3,
        "the organisation has no phone number +15551230004; did you mean" },
      { { "assign", A, "Oen" }, 3, "no agent has the name or id 'Oen'; did you mean 'One'?" },
      { { "assign", A, "Two@9" }, 3, "agent 'Two' has no version 9" },
      { { "assign", A, "Two@3" }, 3, "version 3 of agent 'Two' is a draft" },
      { { "swap", A, A }, 3, "is named twice" },
      { { "assign", "1555", "One" }, 64, "expected a phone number such as +15551234567, got '1555'" },
      { { "assign", A }, 64, "'assign' takes NUMBER AGENT[@VERSION]" },
      { { "asign", A, "One" }, 64, "unknown command 'asign'; did you mean 'assign'?" },
      { { "clear", A, "--direction", "in" }, 64, "--direction: expected inbound, outbound, both, got 'in'" },
    })
  end)
end)

describe("clearing and moving", function()
  it("clear both slots, or the one that is named", function()
    prepare()
    expect.equal((both:run("numbers", "clear", A, "--direction", "inbound")), 0)
    expect.equal(slots()[A], "- One@1")
    expect.equal((both:run("numbers", "clear", A)), 0)
    expect.equal({ slots()[A], #both:writes() }, { "- -", 2 })
    expect.equal({ both:run("numbers", "clear", A), both:writes() }, { 0, {} })
  end)

  it("move in one request where one agent holds both slots, and only once", function()
    prepare()
    expect.equal((both:run("numbers", "move", A, C)), 0)
    expect.equal({ #both:writes(), slots()[A], slots()[C] }, { 1, "- -", "One@1 One@1" })
    local code, out = both:run("numbers", "move", A, C)
    expect.equal({ code, out, both:writes() }, { 0, "nothing to do\n", {} })
  end)
end)

describe("--check", function()
  it("shows what would be done and writes nothing, with exit code 2", function()
    prepare()
    local code, out = both:run("numbers", "swap", A, B, "--check")
    expect.equal(code, 2)
    expect.equal(out, ("to do          %s inbound: One@1 -> Two@1\nto do          %s inbound: Two@1 -> One@1\n"
      .. "to do          %s outbound: nobody -> One@1\nto do          %s outbound: One@1 -> nobody\n")
      :format(A, B, B, A))
    expect.equal(both:writes(), {})
    expect.equal((both:run("numbers", "clear", C, "--check")), 0)
  end)

  it("is an event for each slot with --json", function()
    prepare()
    local code, out = both:run("numbers", "clear", B, "--check", "--json")
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = json.decode(line) end
    expect.equal(code, 2)
    expect.equal({ lines[1].event, lines[1].phone_number, lines[1].slot, lines[1].outcome, lines[1].to },
      { "slot", B, "inbound", "planned", json.null })
    expect.equal({ lines[2].event, lines[2].slots, lines[2].requests }, { "summary", 1, 1 })
  end)
end)

describe("a swap", function()
  local SWAPPED = { "Two@1 -", "One@1 One@1" }

  it("lets two numbers change places, and back", function()
    prepare()
    expect.equal((both:run("numbers", "swap", A, B)), 0)
    expect.equal({ slots()[A], slots()[B] }, SWAPPED)
    expect.equal((both:run("numbers", "swap", A, B)), 0)
    expect.equal({ slots()[A], slots()[B] }, { "One@1 One@1", "Two@1 -" })
  end)

  it("that is killed at any request is completed by the second run, and not begun anew", function()
    for _, case in ipairs(held_request.cases { "agents.versions.publish 1", "agents.versions.publish 2",
      "agents.versions.publish 3" }) do
      local slow <close> = organizations.hold(case)
      prepare_agents(slow)
      slow:stop_at_held_request("KILL", "numbers", "swap", A, B)
      local code, _, err = slow:run("numbers", "swap", B, A)
      expect.equal({ case.name, code, slots(slow)[A], slots(slow)[B] }, { case.name, 0, table.unpack(SWAPPED) })
      expect.contains(err, "completing 'swap")
    end
  end)

  it("that an earlier version noted under its credential is completed, too", function()
    local slow <close> = organizations.hold(held_request.cases({ "agents.versions.publish 2" })[1])
    prepare_agents(slow)
    slow:stop_at_held_request("KILL", "numbers", "swap", A, B)
    local key = ("%s/credential-%s"):format(slow.sandbox.base_url:match "//(.*)$",
      digest.sha256("ak_sandbox.admin"):sub(1, 12))
    local folder = slow.directory .. "/state/anyreach/unfinished/"
    local note = process.first_line("ls " .. folder .. "*.json")
    assert(os.rename(note, folder .. digest.sha256(key):sub(1, 16) .. ".json"))
    local code, _, err = slow:run("numbers", "swap", A, B)
    expect.equal({ code, slots(slow)[A], slots(slow)[B] }, { 0, table.unpack(SWAPPED) })
    expect.contains(err, "completing 'swap")
    expect.equal(process.first_line("ls " .. folder), nil)
  end)

  it("of two requests that is killed at the second is completed, too", function()
    for _, case in ipairs(held_request.cases { "agents.versions.publish 2" }) do
      local slow <close> = organizations.hold(case)
      prepare_agents(slow)
      slow:stop_at_held_request("KILL", "numbers", "swap", A, B, "--direction", "inbound")
      local code, _, err = slow:run("numbers", "swap", A, B, "--direction", "inbound")
      expect.equal({ case.name, code, slots(slow)[A], slots(slow)[B] }, { case.name, 0, "Two@1 One@1", "One@1 -" })
      expect.contains(err, "completing 'swap")
    end
  end)

  it("whose first request may have been carried out is completed by the second run", function()
    local slow <close> = organizations.hold { faults = "503;after-commit;only=agents.versions.publish;nth=1" }
    prepare_agents(slow)
    local code, out = slow:run("numbers", "swap", A, B)
    expect.equal(code, 1)
    expect.contains(out, "may be done    " .. A .. " inbound: One@1 -> Two@1\n")
    local second_code, _, err = slow:run("numbers", "swap", A, B)
    expect.equal({ second_code, slots(slow)[A], slots(slow)[B] }, { 0, table.unpack(SWAPPED) })
    expect.contains(err, "completing 'swap")
  end)

  it("whose first request was refused leaves nothing to complete", function()
    local slow <close> = organizations.hold { faults = "429;only=agents.versions.publish;nth=1" }
    prepare_agents(slow)
    local code, out = slow:run("numbers", "swap", A, B)
    expect.equal(code, 5)
    expect.contains(out, "failed         " .. A .. " inbound: One@1 -> Two@1\n")
    local second_code, _, err = slow:run("numbers", "swap", A, B)
    expect.equal({ second_code, err, slots(slow)[A], slots(slow)[B] }, { 0, "", table.unpack(SWAPPED) })
  end)

  it("is refused while another run writes, and so is whatever else writes", function()
    prepare()
    both:run("numbers", "swap", A, B)
    both:writes()
    local path = process.first_line(("ls %s/state/anyreach/running/*.lock"):format(both.directory))
    do
      local _ <close> = disk.lock(path, 0)
      for _, words in ipairs {
        { "numbers", "swap", A, B }, { "numbers", "clear", A }, { "numbers", "forget" },
        { "rollback", "Two", "--to", "1" },
      } do
        local code, out, err = both:run(table.unpack(words))
        expect.equal({ words, code, out }, { words, 11, "" })
        expect.contains(err, "another run is writing to this organisation: 'numbers' in ")
      end
      expect.equal({ (both:run("numbers", "swap", A, B, "--check")), both:writes() }, { 2, {} })
    end
    expect.equal((both:run("numbers", "swap", A, B)), 0)
  end)

  it("that is started twice at once is carried out by one of them", function()
    local slow <close> = organizations.start("--faults", "latency=200")
    slow.first = anyreach.client { base_url = slow.sandbox.base_url, token = "ak_sandbox.admin",
      headers = held_request.headers }
    prepare_agents(slow)
    local runs = { slow:start("numbers", "swap", A, B), slow:start("numbers", "swap", A, B) }
    local codes = { runs[1]:wait(), runs[2]:wait() }
    table.sort(codes)
    expect.equal({ codes, slots(slow)[A], slots(slow)[B] }, { { 0, 11 }, table.unpack(SWAPPED) })
  end)

  it("is not begun where it cannot be noted; a look at the numbers needs no such place", function()
    prepare()
    local homeless = ("cd %s/work && env %s HOME= XDG_STATE_HOME= %s "):format(both.directory, both.environment,
      process.anyreach("run", "numbers"))
    expect.equal((process.run(homeless)), 0)
    local code, _, err = process.run(homeless .. process.quote("swap") .. " " .. A .. " " .. B)
    expect.equal({ code, both:writes() }, { 3, {} })
    expect.contains(err, "set XDG_STATE_HOME or HOME")
  end)

  it("whose second request fails is told exactly, and completed by the second run", function()
    local db = process.directory() .. "/sandbox.db"
    local function run(faults, words)
      return process.run(("XDG_STATE_HOME=%s/state %s"):format(both.directory, process.anyreach("--retries=0",
        "--sandbox=" .. db, "--sandbox-faults", faults, "run", "numbers", table.unpack(words))))
    end
    expect.equal((process.run(process.anyreach("--sandbox=" .. db, "-e", PREPARE))), 0)
    local code, out, err = run(SECOND_FAILS, { "swap", A, B })
    expect.equal(code, 8)
    expect.contains(out, "done           " .. A .. " inbound: One@1 -> Two@1\n")
    expect.contains(out, "may be done    " .. B .. " inbound: Two@1 -> One@1\n")
    expect.contains(out, "not attempted  " .. A .. " outbound: One@1 -> nobody\n")
    expect.contains(err, "503 service unavailable")
    expect.contains(err, "\n  done: " .. A .. " inbound: One@1 -> Two@1\n  may have been done: " .. B)
    expect.contains(err, "\n  not attempted: " .. A .. " outbound")

    code, out, err = run("latency=0", {})
    expect.equal(code, 0)
    expect.match(out, "^NUMBER ")
    expect.contains(err, "'swap " .. A .. " " .. B .. " --direction both' was interrupted")

    code, out, err = run("latency=0", { "swap", B, A })
    expect.equal(code, 0)
    expect.contains(err, "completing 'swap")
    expect.contains(out, "done           " .. B .. " inbound: Two@1 -> One@1\n")
    code, out = run("latency=0", {})
    expect.equal(code, 0)
    expect.match(out, "%" .. A .. "  Two@1 +%- ")
    expect.match(out, "%" .. B .. "  One@1 +One@1 ")
  end)
end)

both:stop()
