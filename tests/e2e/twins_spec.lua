-- Two machines that provision the same new agents at the same time: exactly one agent of each name remains, both runs
-- end well, and the next runs of both are quiet.

local process = require "helpers.process"

local AGENTS = 20

local function new_machine()
  local machine = { path = process.directory(), state = process.directory() }
  for index = 1, AGENTS do
    process.write(("%s/%02d.yaml"):format(machine.path, index),
      ("name: Agent %02d\nconfig: {instructions: Be kind %d.}\n"):format(index, index))
  end
  return machine
end

local function command(sandbox, machine, ...)
  return sandbox.environment .. "XDG_STATE_HOME=" .. machine.state .. " "
    .. process.anyreach("run", "provision", machine.path, ...)
end

-- Agents and published versions of each name.
local function state(sandbox)
  local api = anyreach.client { base_url = sandbox.base_url, token = "ak_sandbox.admin",
    headers = { ["X-Sandbox-Fault"] = "latency=0" } }
  local found = {}
  for agent in api.agents.each() do
    found[agent.name] = found[agent.name] or { agents = 0, published = 0 }
    found[agent.name].agents = found[agent.name].agents + 1
    for version in api.agents.versions.each(agent.id) do
      if version.published then found[agent.name].published = found[agent.name].published + 1 end
    end
  end
  return found
end

local function check(sandbox, machines)
  local found, count = state(sandbox), 0
  for name, of_name in pairs(found) do
    count = count + 1
    expect.equal({ name, of_name.agents }, { name, 1 })
    expect.truthy(of_name.published >= 1)
  end
  expect.equal(count, AGENTS)
  for _, machine in ipairs(machines) do
    local code, out = process.run(command(sandbox, machine))
    expect.equal(code, 0)
    expect.contains(out, ("%d agents: 0 created, 0 updated, %d unchanged, 0 failed"):format(AGENTS, AGENTS))
  end
end

describe("two machines at the same time", function()
  -- The answers that there are no agents come late, so that both have them before either creates something.
  local LATE = "latency=20|latency=2000;only=agents.list;nth=1|latency=2000;only=agents.list;nth=2"

  local function run_both(faults)
    local sandbox <close> = process.sandbox("--faults", LATE .. faults)
    local machines, runs = { new_machine(), new_machine() }, {}
    for index, machine in ipairs(machines) do
      runs[index] = process.start(command(sandbox, machine, "--concurrency=8"))
    end
    local warnings = ""
    for index, run in ipairs(runs) do
      local code = run:wait()
      warnings = warnings .. run:output "err"
      if code ~= 0 then error(("machine %d: %d: %s%s"):format(index, code, run:output(), warnings), 0) end
    end
    check(sandbox, machines)
    return warnings
  end

  it("leave one agent of each name", function()
    local warnings = run_both ""
    expect.contains(warnings, "made at the same time")
  end)

  it("leave one agent of each name while lists lag behind", function()
    local warnings = run_both "|stale=3;only=agents.create"
    expect.contains(warnings, "made at the same time")
  end)
end)
