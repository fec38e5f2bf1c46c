-- Plans the steps that bring an agent from the state it is in to what is wanted. Pure: no request, no clock; so
-- `--check` can show exactly what a run would do.
--
-- The steps lead to the same state from wherever an earlier run was interrupted: each of them is left out when its
-- effect is there already.

local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local generation = require "anyreach.agents.generation"
local sip = require "anyreach.agents.sip"
local slots = require "anyreach.agents.numbers.slots"

local plan = {}

---@class anyreach.step
---@field action "create_agent"|"update_agent"|"create_version"|"update_version"|"generate"|"publish"|"deploy_as_sip"
---@field fields? table what is sent
---@field changes? string[] of update_agent: paths of what differs
---@field start? boolean of generate: false when it runs already
---@field publishes? boolean of publish: the version is a draft before
---@field phone_numbers? string[] of publish
---@field direction? "inbound"|"outbound"|"both" of publish

---@class anyreach.plan
---@field steps anyreach.step[] empty when nothing is to be done
---@field version table|nil the version that they are about; nil when it is still to be created
---@field changes string[] paths by which the version in use differs from what is wanted
---@field draft_left_alone integer|nil number of a newer draft that somebody else works on

---@class anyreach.provision_options
---@field exact? boolean keys that only the server has are differences too
---@field always_publish? boolean write and publish without comparing

local function append(list, value)
  list[#list + 1] = value
end

-- {====== the agent itself ======

-- What is given, else what is there. Whether an update replaces the agent or changes it is not documented; sent whole
-- it is the same. Entries of metadata that the file does not name are kept.
local function all_own_fields(wanted, agent, exact)
  local all = { name = wanted.name }
  for name, value in pairs(contents.own(agent)) do all[name] = value end
  for name, value in pairs(wanted.own) do all[name] = value end
  local metadata = all.metadata
  if not exact and type(metadata) == "table" and type(agent.metadata) == "table" then
    all.metadata = {}
    for key, value in pairs(agent.metadata) do all.metadata[key] = value end
    for key, value in pairs(metadata) do all.metadata[key] = value end
  end
  return all
end

local function own_steps(steps, wanted, state, options)
  if not state.agent then
    local all = { name = wanted.name }
    for name, value in pairs(wanted.own) do all[name] = value end
    append(steps, { action = "create_agent", fields = all })
    return
  end
  local changes = diff.paths(contents.differences(wanted.own, state.agent, options.exact))
  if #changes > 0 then
    local all = all_own_fields(wanted, state.agent, options.exact)
    append(steps, { action = "update_agent", fields = all, changes = changes })
  end
end

-- }======

-- {====== its version ======

local function differs(wanted, version, options)
  return #contents.differences(wanted, version, options.exact) > 0
end

local function with_instructions(config, instructions)
  local copy = {}
  for key, value in pairs(config) do copy[key] = value end
  copy.instructions = instructions
  return copy
end

-- The paths by which a version differs from what is wanted. Generated instructions may be any.
local function changes_to(wanted, version, options)
  local config, paths = wanted.config, {}
  if wanted.generate then
    local instructions = generation.instructions(version)
    config = with_instructions(config, instructions)
    if not instructions then paths[1] = "config.instructions" end
  end
  local whole = { config = config, instruction_builder_inputs = wanted.inputs }
  local found = diff.paths(contents.differences(whole, version, options.exact))
  return table.move(found, 1, #found, #paths + 1, paths)
end

-- Generated instructions stay valid as long as the inputs are the same.
local function instructions_to_keep(wanted, state, options)
  local versions = {}
  append(versions, state.draft)
  append(versions, state.published)
  for _, version in ipairs(versions) do
    local text = generation.instructions(version)
    if text and not differs({ instruction_builder_inputs = wanted.inputs }, version, options) then return text end
  end
end

-- The fields of the draft that are still to be written; nil when there are none. Instructions that are to be
-- generated anew are cleared first, so that after an interruption the old ones are not taken for new.
local function fields_for_draft(wanted, config, draft, options, clear_instructions)
  local is_stale, due = clear_instructions and generation.instructions(draft) ~= nil, {}
  local inputs = { instruction_builder_inputs = wanted.inputs }
  if options.always_publish or is_stale or differs({ config = config }, draft, options) then due.config = config end
  if options.always_publish or differs(inputs, draft, options) then due.instruction_builder_inputs = wanted.inputs end
  return next(due) and due or nil
end

local function new_version_steps(steps, wanted, config)
  append(steps, { action = "create_version", fields = { config = config } })
  if wanted.inputs then
    append(steps, { action = "update_version", fields = { instruction_builder_inputs = wanted.inputs } })
  end
end

local function write_steps(steps, wanted, state, options)
  local kept = wanted.generate and instructions_to_keep(wanted, state, options)
  local generate = wanted.generate and not kept
  local config = kept and with_instructions(wanted.config, kept) or wanted.config
  local is_running = false
  if state.draft then
    local due = fields_for_draft(wanted, config, state.draft, options, generate)
    if due then append(steps, { action = "update_version", fields = due }) end
    is_running = not due and generation.is_running(state.draft)
  else
    new_version_steps(steps, wanted, config)
  end
  if generate then append(steps, { action = "generate", start = not is_running }) end
end

-- The versions that may be as wanted already, the best first. A published one comes before a draft, whose author may
-- not have finished it.
local function candidates(wanted, state)
  if not wanted.publish then return { state.draft or state.published } end
  local list = {}
  append(list, state.published)
  append(list, state.draft)
  return list
end

-- Adds the steps that write a version. Returns the version to use, nil when it is yet to be created,
-- and the paths by which the best candidate differs from what is wanted.
local function version_steps(steps, wanted, state, options)
  local first_changes
  for _, version in ipairs(candidates(wanted, state)) do
    local changes = changes_to(wanted, version, options)
    first_changes = first_changes or changes
    local is_enough = #changes == 0 and not (options.always_publish and wanted.publish)
    if is_enough then return version, first_changes end
  end
  write_steps(steps, wanted, state, options)
  return state.draft, first_changes or {}
end

-- }======

-- {====== publishing and SIP ======

--- True when a number's slots for a direction hold a version.
---@param phone_number table
---@param direction "inbound"|"outbound"|"both"
---@param version_id string
---@return boolean
function plan.holds(phone_number, direction, version_id)
  for _, slot in ipairs(slots.of(direction)) do
    if slots.version_id(phone_number, slot) ~= version_id then return false end
  end
  return true
end

-- The numbers of one direction that are still to be assigned; for a new version these are all.
local function numbers_to_assign(wanted, state, direction, version_id)
  local list = {}
  for _, claim in ipairs(wanted.numbers) do
    local is_due = not version_id or not plan.holds(state.numbers[claim.number], direction, version_id)
    if claim.direction == direction and is_due then append(list, claim.number) end
  end
  return list
end

-- A call names one direction, so there is one for each; the first of them publishes.
local function publish_steps(steps, wanted, state, is_draft, version_id)
  local publishes = is_draft
  for _, direction in ipairs { "inbound", "outbound", "both" } do
    local numbers = numbers_to_assign(wanted, state, direction, version_id)
    if #numbers > 0 then
      append(steps, { action = "publish", publishes = publishes, phone_numbers = numbers, direction = direction })
      publishes = false
    end
  end
  if publishes then append(steps, { action = "publish", publishes = true }) end
end

local function sip_steps(steps, wanted, state)
  local is_deployed = state.agent and sip.is_deployed(state.agent)
  if wanted.deploy_as_sip and not is_deployed then append(steps, { action = "deploy_as_sip" }) end
end

-- }======

-- Adds all that concerns a version to the plan.
local function plan_version(result, wanted, state, options)
  local steps = result.steps
  local count = #steps
  result.version, result.changes = version_steps(steps, wanted, state, options)
  local is_written = #steps > count
  if not wanted.publish then return end
  local is_published = not is_written and result.version.published == true
  publish_steps(steps, wanted, state, not is_published, is_published and result.version.id or nil)
  if is_published and state.draft then result.draft_left_alone = state.draft.version end
end

--- The steps from a state to what is wanted.
---@param wanted anyreach.wanted
---@param state anyreach.agent_state
---@param options? anyreach.provision_options
---@return anyreach.plan
function plan.make(wanted, state, options)
  options = options or {}
  local result = { steps = {}, changes = {} }
  own_steps(result.steps, wanted, state, options)
  if wanted.config then plan_version(result, wanted, state, options) end
  sip_steps(result.steps, wanted, state)
  return result
end

return plan
