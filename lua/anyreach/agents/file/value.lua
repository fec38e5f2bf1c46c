-- An agent as the mapping that an agent file holds: the way back from anyreach.agent_file.fields. What a file
-- says already in a form of its own, such as a default spelled out, it goes on saying.

local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

local value = {}

local function entry_of(claim)
  if claim.direction == "inbound" then return claim.number end
  return { number = claim.number, direction = claim.direction }
end

-- True when an entry of a file says what a claim says.
local function says(entry, claim)
  local number, direction = entry, "inbound"
  if type(entry) == "table" and not yaml.is_tag(entry) then
    number, direction = entry.number, entry.direction or "inbound"
  end
  if type(number) == "table" then number = number.value end
  return direction == claim.direction and (number == claim.number or number == tostring(claim.number))
end

local function phone_numbers(agent, old)
  local list = json.array {}
  for index, claim in ipairs(agent.numbers) do
    list[index] = entry_of(claim)
    for _, entry in ipairs(old or {}) do
      if says(entry, claim) then list[index] = entry end
    end
  end
  return list
end

--- What an agent file is to hold for an agent.
---@param agent anyreach.agent
---@param old? table what the file holds now, with tags
---@return table
function value.of(agent, old)
  old = old or {}
  local made = { name = agent.name }
  for key, own in pairs(agent.own) do made[key] = own end
  local is_empty = agent.config == nil or agent.generate and next(agent.config) == nil
  if not is_empty or old.config ~= nil then made.config = agent.config end
  made.instruction_builder_inputs = agent.inputs
  local function set(key, given, default)
    if given ~= default or old[key] ~= nil then made[key] = given end
  end
  set("generate", agent.generate, false)
  set("publish", agent.publish, true)
  set("deploy_as_sip", agent.deploy_as_sip, false)
  local has_numbers = #agent.numbers > 0 or old.phone_numbers ~= nil
  made.phone_numbers = has_numbers and phone_numbers(agent, old.phone_numbers) or nil
  return made
end

return value
