-- deploy-sip: gives an agent its own SIP address (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local sip = require "anyreach.agents.sip"

local WAIT_SECONDS = 60

local spec = {
  usage = "anyreach run deploy-sip AGENT [--check]",
  summary = "Gives an agent its own SIP address, waits for it and prints it.",
  options = {
    { name = "wait", value = "SECONDS", type = "number",
      help = ("how long to wait for the address, default %d, and for another run that is writing, default not")
        :format(WAIT_SECONDS) },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.deploy_as_sip" },
  operands = { name = "the name or id of an agent", min = 1, max = 1 },
  notes = [[
Prints the SIP URI to point a trunk at. An agent that has an address keeps it, and nothing is written. The
agent needs a published version.

Example:
  anyreach run deploy-sip "Riverside Dental After Hours"]],
  exit_codes = {
    [0] = "the agent has an address",
    [2] = "the agent would get an address (--check)",
    [3] = "no such agent, or it has no published version",
    [10] = "the network failed, or the address did not come in time",
    [11] = "two agents have the name, or another run is writing",
  },
}

local function require_published(api, agent)
  if agent_lookup.published(agent_lookup.versions(api, agent.id)) then return end
  errors.raise("input", "agent '%s' has no published version, which SIP needs; publish one: 'anyreach call "
    .. "agents.versions.publish %s VERSION', or 'anyreach run provision' with its agent file", agent.name, agent.id)
end

local function show(agent, action)
  local address = sip.address(agent)
  if report.is_json() then
    report.event("agent", { name = agent.name, agent_id = agent.id, action = action, sip_address = address })
  elseif address then
    print(address)
  end
end

local function deploy(api, agent, seconds)
  report.note("deploying '%s' as SIP", agent.name)
  api.agents.deploy_as_sip(agent.id)
  return sip.wait(api, agent.id, { timeout = seconds or WAIT_SECONDS })
end

local function main(given)
  if given.check then host.restrict_writes {} end
  local api = anyreach.client()
  recipe.connect(api)
  local agent = agent_lookup.find(api, given[1])
  if sip.is_deployed(agent) then
    show(sip.address(agent) and agent or sip.wait(api, agent.id, { timeout = given.wait or WAIT_SECONDS }), "unchanged")
    return 0, { agents = 1, unchanged = 1 }
  end
  require_published(api, agent)
  if given.check then
    show(agent, "deploy")
    report.line("to deploy  %s", agent.name)
    return 2, { agents = 1, deploy = 1 }
  end
  show(deploy(api, agent, given.wait), "deployed")
  return 0, { agents = 1, deployed = 1 }
end

return recipe.run(spec, main, ...)
