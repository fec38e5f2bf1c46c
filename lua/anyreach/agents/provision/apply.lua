-- Carries out the steps of a plan in their order, and checks in the answers that they had their effect. Each step is
-- marked with its outcome, so that after a failure it can be reported what was done, what may have been done, and what
-- was not attempted.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local contents = require "anyreach.agents.contents"
local creation = require "anyreach.agents.creation"
local errors = require "anyreach.errors"
local generation = require "anyreach.agents.generation"
local number_state = require "anyreach.agents.numbers.number_state"
local plan = require "anyreach.agents.provision.plan"
local reference = require "anyreach.yaml.reference"
local references = require "anyreach.agents.references"
local sip = require "anyreach.agents.sip"
local steps = require "anyreach.agents.steps"
local twins = require "anyreach.agents.twins"

local apply = {}

---@class anyreach.provision_progress
---@field api anyreach.client
---@field agent table|nil
---@field version table|nil the version that is worked on
---@field resolver anyreach.resolver|nil knows the agents that this run has created
---@field newest integer|nil number of the newest version that is known; nil for none
---@field wanted anyreach.wanted|nil what the version is to be
---@field intents anyreach.intents|nil gets what is about to be created
---@field on_created fun(agent: table)|nil called with an agent that is to be known from now on
---@field on_draft fun(agent: table, version: table)|nil called when a draft was written, before anything else is sent
---@field is_found boolean|nil the agent was found after an answer that said it was not created
---@field replaced string|nil id of the agent that was created and then deleted, because a twin of it is older
---@field sip_address string|nil of an agent that was just deployed

-- The fields that a step sends: agents that did not exist when they were referred to have their ids now.
local function fields_of(progress, step)
  if not progress.resolver then return step.fields end
  local fields = references.substitute(step.fields, progress.resolver)
  local missing = reference.list(fields)[1]
  if missing then
    errors.raise("input", "the agent '%s', which this one refers to, was not created", missing.reference.name)
  end
  return fields
end

-- Action of a step -> what it does.
local actions = {}

local function know(progress, agent)
  progress.agent = agent
  if progress.on_created then progress.on_created(agent) end
end

local function create_agent(progress, fields)
  if progress.intents then return progress.intents:create_agent(progress.api, fields) end
  return creation.agent(progress.api, fields)
end

-- The id is noted before anything else happens.
function actions.create_agent(progress, step)
  local agent, is_found = create_agent(progress, fields_of(progress, step))
  know(progress, agent)
  progress.is_found = is_found
  if is_found then return end
  local other = twins.look(progress.api, agent)
  if other then
    know(progress, other)
    progress.replaced = agent.id
  end
end

function actions.update_agent(progress, step)
  progress.api.agents.update(progress.agent.id, fields_of(progress, step))
end

-- Reports a draft as the server has it.
local function note_draft(progress, version)
  if not progress.on_draft then return end
  local is_whole = type(version) == "table" and type(version.config) == "table"
  local number = progress.version.version
  progress.on_draft(progress.agent, is_whole and version
    or agent_lookup.version(progress.api, progress.agent.id, number))
end

-- Notes what a draft is about to hold.
local function intend_draft(progress, number, content)
  if not progress.intents or not progress.wanted then return end
  progress.intents:draft(progress.agent.id, number, contents.draft_digest(content, progress.wanted))
end

function actions.create_version(progress, step)
  local fields = fields_of(progress, step)
  intend_draft(progress, (progress.newest or 0) + 1, { config = fields.config })
  progress.version = creation.version(progress.api, progress.agent.id, fields,
    { newest = progress.newest or 0, config = fields.config })
  note_draft(progress, progress.version)
end

function actions.update_version(progress, step)
  local number, fields, before = progress.version.version, fields_of(progress, step), progress.version
  local inputs = fields.instruction_builder_inputs
  if inputs == nil then inputs = before.instruction_builder_inputs end
  intend_draft(progress, number, { config = fields.config or before.config, instruction_builder_inputs = inputs })
  local version = progress.api.agents.versions.update(progress.agent.id, number, fields)
  local is_answer = type(version) == "table" and version.version == number
  if is_answer then progress.version = version end
  note_draft(progress, is_answer and version)
end

function actions.generate(progress, step)
  local api, agent_id, number = progress.api, progress.agent.id, progress.version.version
  local before = generation.instructions(progress.version)
  if step.start then api.agents.versions.generate_instructions(agent_id, number) end
  progress.version = generation.wait(api, agent_id, number, before)
end

local function check_assignment(progress, answer, step)
  if not step.phone_numbers then return end
  local version_id = checked.version_id(progress.version)
  for _, number in ipairs(step.phone_numbers) do
    if not plan.holds(number_state.after_publish(progress.api, answer, number), step.direction, version_id) then
      errors.raise("conflict", "phone number %s (%s) does not hold version %s after it was assigned to it", number,
        step.direction, progress.version.version)
    end
  end
end

function actions.publish(progress, step)
  local body = step.phone_numbers and { phone_numbers = step.phone_numbers, direction = step.direction }
  local answer = progress.api.agents.versions.publish(progress.agent.id, progress.version.version, body)
  check_assignment(progress, answer, step)
end

function actions.deploy_as_sip(progress)
  progress.api.agents.deploy_as_sip(progress.agent.id)
  progress.sip_address = sip.address(agent_lookup.by_id(progress.api, progress.agent.id))
end

--- Carries out a plan. A step that fails raises its error; the steps are marked in any case.
---@param progress anyreach.provision_progress with api, and agent and version if they exist
---@param list anyreach.step[] each gets `outcome`: done, failed, may_have_been_done or not_attempted
function apply.run(progress, list)
  steps.run(list, function(step) actions[step.action](progress, step) end)
end

return apply
