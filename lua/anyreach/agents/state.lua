-- What an organisation has of an agent, in the terms of an agent file: the agent's own fields, the
-- version in use, and which slots of phone numbers hold it. And what an agent file wants, in the same
-- terms, so that the two can be compared and digested. Only reads.

local agent_lookup = require "anyreach.agents.lookup"
local canonical = require "anyreach.text.canonical"
local generation = require "anyreach.agents.generation"
local host = require "anyreach.host"
local json = require "anyreach.json"
local number_state = require "anyreach.agents.numbers.number_state"
local slots = require "anyreach.agents.numbers.slots"

local OWN_FIELDS = require "anyreach.agents.file.own_fields"

local agent_state = {}

local IN_USE = "the version in use"

---@class anyreach.agent_state
---@field agent table as a single read gives it
---@field version table|nil the newest published version, or the newest draft when none is; with its config
---@field draft integer|nil number of a draft that is newer than a published `version`
---@field slots table<string, table<string, string>> number -> slot -> "the version in use", "version 2" or
--- "another agent"; only of claimed numbers, and of those that hold a version of this agent

---@class anyreach.agent_content what agent files speak of; absent is what neither side says anything about

-- {====== reading ======

---@class anyreach.state_reader
---@field private api anyreach.client
---@field private listing table|nil task that lists the phone numbers
local Reader = {}
Reader.__index = Reader

--- A reader of the agents of an organisation. Phone numbers are listed once, when they are first needed.
---@param api anyreach.client
---@return anyreach.state_reader
function agent_state.reader(api)
  return setmetatable({ api = api }, Reader)
end

-- Several tasks may ask at once; one of them lists.
function Reader:numbers()
  self.listing = self.listing or host.spawn(number_state.phone_numbers, self.api)
  return self.listing:wait()
end

-- What stands in a slot, in words; nil when that is nothing, or no matter of this agent.
local function holder(version_id, version, numbers_by_id, is_claimed)
  if not version_id then return nil end
  if version and version_id == version.id then return IN_USE end
  if numbers_by_id[version_id] then return "version " .. numbers_by_id[version_id] end
  return is_claimed and "another agent" or nil
end

function Reader:slots_of(version, versions, claimed)
  local numbers_by_id, found = {}, {}
  for _, other in ipairs(versions) do
    if other.id then numbers_by_id[other.id] = other.version end
  end
  for _, record in ipairs(self:numbers()) do
    local held = {}
    for _, slot in ipairs(slots.names) do
      held[slot] = holder(slots.version_id(record, slot), version, numbers_by_id, claimed[record.phone_number])
    end
    if next(held) then found[record.phone_number] = held end
  end
  return found
end

---@class anyreach.state_options
---@field wants_draft? boolean the newest draft counts as the version in use
---@field claimed? table<string, boolean> phone numbers whose slots matter whoever holds them
---@field numbers? boolean false: phone numbers are not read at all

--- What there is of an agent.
---@param agent string|table its id, or what a single read gave
---@param options? anyreach.state_options
---@return anyreach.agent_state
function Reader:read(agent, options)
  options = options or {}
  if type(agent) == "string" then agent = agent_lookup.by_id(self.api, agent) end
  local versions = agent_lookup.versions(self.api, agent.id)
  local published, draft = agent_lookup.published(versions), agent_lookup.draft(versions)
  local version = options.wants_draft and draft or published or draft
  return {
    agent = agent,
    version = agent_lookup.with_config(self.api, agent.id, version),
    draft = draft and version ~= draft and draft.version or nil,
    slots = options.numbers == false and {} or self:slots_of(version, versions, options.claimed or {}),
  }
end

-- }======

-- {====== contents ======

local function present(value)
  if value == json.null then return nil end
  return value
end

--- What there is, in the terms of agent files.
---@param state anyreach.agent_state
---@return anyreach.agent_content
function agent_state.content(state)
  local content, version = {}, state.version
  for _, name in ipairs(OWN_FIELDS) do content[name] = present(state.agent[name]) end
  if version then
    content.config = version.config
    content.instruction_builder_inputs = present(version.instruction_builder_inputs)
    content.publish = version.published == true
  end
  content.phone_numbers = next(state.slots) and state.slots or nil
  content.deploy_as_sip = present(state.agent.sip_endpoint) ~= nil
  return content
end

--- A digest of what there is, without phone numbers: whoever moves a number does not change the agent. Nor
--- do versions matter to a file that describes none.
---@param state anyreach.agent_state
---@param wanted anyreach.agent_content of the file; where it holds secrets, the state's values are left out
---@return string
function agent_state.digest(state, wanted)
  local content = agent_state.content(state)
  content.phone_numbers = nil
  if wanted.config == nil then
    content.config, content.instruction_builder_inputs, content.publish = nil, nil, nil
  end
  return canonical.digest(content, wanted)
end

local function wanted_slots(agent)
  local numbers = {}
  for _, claim in ipairs(agent.numbers) do
    local number = tostring(claim.number)
    numbers[number] = numbers[number] or {}
    for _, slot in ipairs(slots.of(claim.direction)) do numbers[number][slot] = IN_USE end
  end
  return next(numbers) and numbers or nil
end

--- What an agent file wants.
---@param agent anyreach.agent
---@param state? anyreach.agent_state with which it is to be compared: instructions that the platform writes
--- are as it wrote them
---@return anyreach.agent_content
function agent_state.wanted(agent, state)
  local content = {}
  for name, value in pairs(agent.own) do content[name] = value end
  content.config = agent.config
  if agent.generate and state and state.version then
    content.config = {}
    for key, value in pairs(agent.config) do content.config[key] = value end
    content.config.instructions = generation.instructions(state.version)
  end
  content.instruction_builder_inputs = agent.inputs
  content.publish = agent.config and agent.publish or nil
  content.phone_numbers = wanted_slots(agent)
  content.deploy_as_sip = agent.deploy_as_sip or nil
  return content
end

--- A digest of what an agent file wants, with references as they are written.
---@param agent anyreach.agent
---@return string
function agent_state.wanted_digest(agent)
  return canonical.digest(agent_state.wanted(agent))
end

-- }======

return agent_state
