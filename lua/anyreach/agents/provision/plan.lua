-- Which steps bring what is there to what is wanted. Pure: no request, no clock. So `--check` can show
-- exactly what a run would do.
--
-- The steps end in the same state from wherever an earlier run was cut off: each of them is left out
-- when its effect is already there.

local diff = require "anyreach.text.diff"
local generation = require "anyreach.agents.generation"
local json = require "anyreach.json"
local sip = require "anyreach.agents.sip"
local slots = require "anyreach.agents.numbers.slots"

local OWN_FIELDS = require "anyreach.agents.file.own_fields"

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
---@field steps anyreach.step[] nothing is to be done when it is empty
---@field version table|nil the version that they are about; nil when it is still to be created
---@field changes string[] paths by which the version in use differs from what is wanted
---@field draft_left_alone integer|nil number of a newer draft that is somebody else's matter

---@class anyreach.provision_options
---@field exact? boolean keys that only the server has are differences too
---@field always_publish? boolean write and publish without comparing

local function append(list, value)
  list[#list + 1] = value
end

-- {====== the agent itself ======

-- What is given, else what is there. Whether an update replaces the agent or changes it is not
-- documented; sent whole it is the same. Entries of metadata that the file does not name are kept.
local function all_own_fields(wanted, agent, exact)
  local fields = { name = wanted.name }
  for _, name in ipairs(OWN_FIELDS) do
    local value, present = wanted.own[name], agent[name]
    if value == nil and present ~= json.null then value = present end
    fields[name] = value
  end
  local metadata = fields.metadata
  if not exact and type(metadata) == "table" and type(agent.metadata) == "table" then
    fields.metadata = {}
    for key, value in pairs(agent.metadata) do fields.metadata[key] = value end
    for key, value in pairs(metadata) do fields.metadata[key] = value end
  end
  return fields
end

local function own_steps(steps, wanted, remote, options)
  if not remote.agent then
    local fields = { name = wanted.name }
    for name, value in pairs(wanted.own) do fields[name] = value end
    append(steps, { action = "create_agent", fields = fields })
    return
  end
  local changes = {}
  for _, name in ipairs(OWN_FIELDS) do
    if wanted.own[name] ~= nil then
      local found = diff.compare(wanted.own[name], remote.agent[name], { path = name, exact = options.exact })
      table.move(diff.paths(found), 1, #found, #changes + 1, changes)
    end
  end
  if #changes > 0 then
    local fields = all_own_fields(wanted, remote.agent, options.exact)
    append(steps, { action = "update_agent", fields = fields, changes = changes })
  end
end

-- }======

-- {====== its version ======

local function differences_of_config(config, version, options)
  return diff.compare(config, version.config, { path = "config", exact = options.exact })
end

local function differences_of_inputs(wanted, version, options)
  if not wanted.inputs then return {} end
  return diff.compare(wanted.inputs, version.instruction_builder_inputs,
    { path = "instruction_builder_inputs", exact = options.exact })
end

local function with_instructions(config, instructions)
  local copy = {}
  for key, value in pairs(config) do copy[key] = value end
  copy.instructions = instructions
  return copy
end

-- The paths by which a version is not what is wanted. Generated instructions may be any.
local function changes_to(wanted, version, options)
  local config, paths = wanted.config, {}
  if wanted.generate then
    local instructions = generation.instructions(version)
    config = with_instructions(config, instructions)
    if not instructions then paths[1] = "config.instructions" end
  end
  for _, found in ipairs {
    differences_of_config(config, version, options),
    differences_of_inputs(wanted, version, options),
  } do
    table.move(diff.paths(found), 1, #found, #paths + 1, paths)
  end
  return paths
end

-- Generated instructions stay good as long as the inputs are the same.
local function instructions_to_keep(wanted, remote, options)
  local versions = {}
  append(versions, remote.draft)
  append(versions, remote.published)
  for _, version in ipairs(versions) do
    local text = generation.instructions(version)
    if text and #differences_of_inputs(wanted, version, options) == 0 then return text end
  end
end

-- Fields of the draft that are still to be written; nil when there are none. Instructions that are to
-- be generated anew are taken out first, so that after an interruption the old ones do not pass for new.
local function fields_for_draft(wanted, config, draft, options, clear_instructions)
  local is_stale = clear_instructions and generation.instructions(draft) ~= nil
  local fields = {}
  if options.always_publish or is_stale or #differences_of_config(config, draft, options) > 0 then
    fields.config = config
  end
  if wanted.inputs and (options.always_publish or #differences_of_inputs(wanted, draft, options) > 0) then
    fields.instruction_builder_inputs = wanted.inputs
  end
  return next(fields) and fields or nil
end

local function new_version_steps(steps, wanted, config)
  append(steps, { action = "create_version", fields = { config = config } })
  if wanted.inputs then
    append(steps, { action = "update_version", fields = { instruction_builder_inputs = wanted.inputs } })
  end
end

local function write_steps(steps, wanted, remote, options)
  local kept = wanted.generate and instructions_to_keep(wanted, remote, options)
  local generate = wanted.generate and not kept
  local config = kept and with_instructions(wanted.config, kept) or wanted.config
  local is_running = false
  if remote.draft then
    local fields = fields_for_draft(wanted, config, remote.draft, options, generate)
    if fields then append(steps, { action = "update_version", fields = fields }) end
    is_running = not fields and generation.is_running(remote.draft)
  else
    new_version_steps(steps, wanted, config)
  end
  if generate then append(steps, { action = "generate", start = not is_running }) end
end

-- The versions that may already be what is wanted, the best first. One that is published is taken
-- before a draft, whose author may not be done with it.
local function candidates(wanted, remote)
  if not wanted.publish then return { remote.draft or remote.published } end
  local list = {}
  append(list, remote.published)
  append(list, remote.draft)
  return list
end

-- Adds the steps that write a version. Returns the version to use, nil when it is yet to be created,
-- and the paths by which the best candidate differs from what is wanted.
local function version_steps(steps, wanted, remote, options)
  local first_changes
  for _, version in ipairs(candidates(wanted, remote)) do
    local changes = changes_to(wanted, version, options)
    first_changes = first_changes or changes
    local is_enough = #changes == 0 and not (options.always_publish and wanted.publish)
    if is_enough then return version, first_changes end
  end
  write_steps(steps, wanted, remote, options)
  return remote.draft, first_changes or {}
end

-- }======

-- {====== publishing and SIP ======

--- True when a number's slots for a direction hold a version.
---@param record table
---@param direction "inbound"|"outbound"|"both"
---@param version_id string
---@return boolean
function plan.holds(record, direction, version_id)
  for _, slot in ipairs(slots.of(direction)) do
    if slots.version_id(record, slot) ~= version_id then return false end
  end
  return true
end

-- The numbers of one direction that are still to be assigned; all of them to a version that is new.
local function numbers_to_assign(wanted, remote, direction, version_id)
  local list = {}
  for _, claim in ipairs(wanted.numbers) do
    local is_due = not version_id or not plan.holds(remote.numbers[claim.number], direction, version_id)
    if claim.direction == direction and is_due then append(list, claim.number) end
  end
  return list
end

-- A call names one direction, so there is one for each; the first of them publishes.
local function publish_steps(steps, wanted, remote, is_draft, version_id)
  local publishes = is_draft
  for _, direction in ipairs { "inbound", "outbound", "both" } do
    local numbers = numbers_to_assign(wanted, remote, direction, version_id)
    if #numbers > 0 then
      append(steps, { action = "publish", publishes = publishes, phone_numbers = numbers, direction = direction })
      publishes = false
    end
  end
  if publishes then append(steps, { action = "publish", publishes = true }) end
end

local function sip_steps(steps, wanted, remote)
  local is_deployed = remote.agent and sip.is_deployed(remote.agent)
  if wanted.deploy_as_sip and not is_deployed then append(steps, { action = "deploy_as_sip" }) end
end

-- }======

-- Adds all that concerns a version to the plan.
local function plan_version(result, wanted, remote, options)
  local steps = result.steps
  local count = #steps
  result.version, result.changes = version_steps(steps, wanted, remote, options)
  local is_written = #steps > count
  if not wanted.publish then return end
  local is_published = not is_written and result.version.published == true
  publish_steps(steps, wanted, remote, not is_published, is_published and result.version.id or nil)
  if is_published and remote.draft then result.draft_left_alone = remote.draft.version end
end

--- The steps from what is there to what is wanted.
---@param wanted anyreach.agent
---@param remote anyreach.remote
---@param options? anyreach.provision_options
---@return anyreach.plan
function plan.make(wanted, remote, options)
  options = options or {}
  local result = { steps = {}, changes = {} }
  own_steps(result.steps, wanted, remote, options)
  if wanted.config then plan_version(result, wanted, remote, options) end
  sip_steps(result.steps, wanted, remote)
  return result
end

return plan
