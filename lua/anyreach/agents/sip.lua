-- SIP addresses of agents. It is documented that a deployed agent has a `sip_endpoint` with the URI; under which key,
-- and whether at once, is not.

local agent_lookup = require "anyreach.agents.lookup"
local json = require "anyreach.json"
local waiting = require "anyreach.client.waiting"

local sip = {}

--- The SIP URI of an agent; nil when it is not deployed, or has no address yet.
---@param agent table as agents.get gave it
---@return string|nil
function sip.address(agent)
  local endpoint = agent.sip_endpoint
  if type(endpoint) == "string" then endpoint = { endpoint } end
  for _, value in pairs(type(endpoint) == "table" and endpoint or {}) do
    if type(value) == "string" and value:find("^sips?:") then return value end
  end
end

--- True when an agent has been deployed.
---@param agent table as agents.get gave it
---@return boolean
function sip.is_deployed(agent)
  return agent.sip_endpoint ~= nil and agent.sip_endpoint ~= json.null
end

--- Reads an agent, less and less often, until it has its address.
---@param api anyreach.client
---@param agent_id string
---@param options? anyreach.wait_options
---@return table agent
function sip.wait(api, agent_id, options)
  return waiting.poll(("deploying agent %s as SIP"):format(agent_id), function()
    local agent = agent_lookup.by_id(api, agent_id)
    return sip.address(agent) and "finished" or "running", agent, "no address yet"
  end, options)
end

return sip
