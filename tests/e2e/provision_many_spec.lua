-- The recipe `provision` with many files: what it does at the same time, and how it shows its progress. Nothing
-- here depends on how fast the machine is; `make bench` measures.

local json = require "anyreach.json"
local process = require "helpers.process"
local terminal = require "helpers.terminal"
local wire = require "helpers.wire"

local AT_ONCE = 24 -- by default; also the requests that the wire server lets wait for each other

local function directory_of_agents(count)
  local path = process.directory()
  for index = 1, count do
    process.write(("%s/%02d.yaml"):format(path, index),
      ("name: Agent %02d\nconfig: {instructions: Be kind.}\n"):format(index))
  end
  return path
end

-- Answers to what is asked about one agent, in turn: is it there, its creation, is it alone, the creation of its
-- version, the publication, and both as they are now. All agents are listed before and after that.
local COMPARING = { json.array {} }
local APPLYING = {
  { id = "an_agent", name = "An agent" },
  json.array {},
  { id = "a_version", version = 1, published = false, config = { instructions = "Be kind." } },
  json.array {},
  { id = "an_agent", name = "An agent" },
  { id = "a_version", version = 1, published = true, config = { instructions = "Be kind." } },
}

-- Puts down the same answer for one request of each agent that is worked on at the same time.
local function answer_together(server, bodies, number)
  for _, body in ipairs(bodies) do
    for _ = 1, AT_ONCE do
      number = number + 1
      server:answer({ manner = "together", body = json.encode(body) }, number)
    end
  end
  return number
end

describe("many agent files", function()
  it("are worked on 24 at a time: no request is answered before 24 wait", function()
    local server <close> = wire.start()
    server:answer({ body = json.encode(json.array { { id = "x", name = "Other", organization_id = "o" } }) }, 1)
    server:answer({ body = "[]" }, 2)
    local number = 2
    for _, bodies in ipairs { COMPARING, COMPARING, APPLYING, APPLYING } do
      number = answer_together(server, bodies, number)
    end
    number = number + 1
    server:answer({ body = json.encode(json.array { { id = "an_agent", name = "An agent" } }) }, number)
    local code, out = process.run(("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_x %s"):format(server.base_url,
      process.anyreach("--retries=0", "--deadline=60", "run", "provision", directory_of_agents(2 * AT_ONCE),
        "--no-lock", "--lenient")))
    expect.contains(out, "48 agents: 48 created, 0 updated, 0 unchanged, 0 failed\n")
    expect.equal({ code, server:count() }, { 0, number })
    local _, connections = server:log():gsub(" opened\n", "")
    expect.equal(connections, AT_ONCE)
  end)

  it("are worked on in their order, whichever is done first", function()
    local command = process.anyreach("--sandbox", "--sandbox-faults=latency=5", "run", "provision",
      directory_of_agents(30), "--no-lock")
    local _, out = process.run(command)
    local names = {}
    for name in out:gmatch("created    Agent (%d+)") do names[#names + 1] = tonumber(name) end
    for index = 1, 30 do expect.equal(names[index], index) end
  end)
end)

-- {====== progress ======

local SLOW = "--sandbox-faults=latency=60" -- about two seconds for six agents, one by one

-- The recipe with a clock that runs a hundred times as fast, on which progress is told every ten seconds.
local HURRIED = [[
  local host = require "anyreach.host"
  local clock, sleep = host.clock, host.sleep
  host.clock = function() return clock() * 100 end
  host.sleep = function(seconds) sleep(seconds / 100) end
  return assert(loadfile "scripts/provision.lua")(...)]]

local function hurried(...)
  local script = process.directory() .. "/hurried.lua"
  process.write(script, HURRIED)
  return process.anyreach("--sandbox", SLOW, "--concurrency=1", ...) .. " " .. script .. " " .. directory_of_agents(6)
    .. " --no-lock"
end

describe("the progress of many agent files", function()
  it("is a line on a terminal", function()
    local command = process.anyreach("--sandbox", SLOW, "run", "provision", directory_of_agents(6), "--no-lock",
      "--concurrency=1")
    local code, out = terminal.run("TERM=xterm " .. command)
    expect.equal(code, 0)
    expect.match(out, "\r\27%[Kprovisioning: %d of 6, %d+%%, [%d.]+/s, %d+ s left")
    expect.match(out, "\27%[K6 agents: 6 created, 0 updated, 0 unchanged, 0 failed\r\n$")
  end)

  it("is told in plain lines elsewhere", function()
    local code, out, err = process.run(hurried())
    expect.equal(code, 0)
    expect.match(out, "6 agents: 6 created, 0 updated, 0 unchanged, 0 failed\n$")
    expect.match(err, "provisioning: %d of 6, %d+%%, [%d.]+/%a+, %d+ [%a%d ]+ left\n")
    expect.falsy((out .. err):find("\27", 1, true))
  end)

  it("is not told with --quiet, nor with --json", function()
    expect.equal({ process.run(hurried("--quiet")) }, { 0, "", "" })
    local code, out, err = process.run(hurried("--json"))
    expect.equal({ code, err }, { 0, "" })
    for line in out:gmatch("[^\n]+") do expect.equal(json.decode(line).version, 1) end
  end)
end)

-- }======
