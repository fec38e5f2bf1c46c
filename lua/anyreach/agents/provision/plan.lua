-- Plans the steps that bring an agent from the state it is in to what is wanted. Pure: no request, no clock; so
-- `--check` can show exactly what a run would do.
--
-- The steps lead to the same state from wherever an earlier run was interrupted: each of them is left out when its
-- effect is there already. Each tells what it changes: the state afterwards is the state before with the steps'
-- `differences` and `slots`.

local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local sip = require "anyreach.agents.sip"
local slots = require "anyreach.agents.numbers.slots"
local stored_form = require "anyreach.agents.stored_form"
local version_plan = require "anyreach.agents.provision.version_plan"

local plan = {}

---@class anyreach.step
---@field action "create_agent"|"update_agent"|"create_version"|"update_version"|"generate"|"publish"|"deploy_as_sip"
---@field fields? table what is sent
---@field changes? string[] of update_agent: paths of what differs
---@field differences? anyreach.difference[] what the step changes; of a publication only where the version was not
--- written from the one in use
---@field base_version? integer the version that `differences` are the differences from; nil: from none
---@field start? boolean of generate: false when it runs already
---@field publishes? boolean of publish: the version is a draft before
---@field phone_numbers? string[] of publish
---@field direction? "inbound"|"outbound"|"both" of publish
---@field slots? anyreach.taken_slot[] of publish: the slots that it writes

---@class anyreach.taken_slot
---@field phone_number string
---@field slot "inbound"|"outbound"
---@field before anyreach.holder|nil what it held; nil: nothing

---@class anyreach.plan
---@field steps anyreach.step[] empty when nothing is to be done
---@field version table|nil the version that they are about; nil when it is still to be created
---@field changes string[] paths by which the version in use differs from what is wanted
---@field differences anyreach.difference[] of the version in use
---@field draft_used integer|nil number of a draft that was not written from here and is published, or written to
---@field draft_left_alone integer|nil number of a newer draft that is neither changed nor published
---@field is_own_draft boolean|nil that draft was written from here

---@class anyreach.provision_options
---@field exact? boolean the file is everything: what it does not name is removed
---@field always_publish? boolean write and publish without comparing
---@field take_numbers? boolean|(fun(change: anyreach.change, taken: anyreach.taken_slot[]): boolean) also from agents
--- that are none of the given ones
---@field update_draft? boolean write to the newest draft, whoever has written it
---@field allow_empty_instructions? boolean also for a version that answers calls

local function append(list, value)
  list[#list + 1] = value
end

-- {====== the agent itself ======

-- What is given, else what is there. Whether an update replaces the agent or changes it is not documented; sent whole
-- it is the same. A null is sent: leaving the field out might not remove it.
local function all_own_fields(wanted, agent, exact)
  local all = { name = wanted.name }
  for name, value in pairs(contents.own(agent)) do all[name] = value end
  local whole = contents.written(wanted.own, agent, exact)
  for name in pairs(wanted.own) do
    if whole[name] == nil then all[name] = json.null else all[name] = whole[name] end
  end
  return all
end

local function own_steps(steps, wanted, state, options)
  if not state.agent then
    local all = { name = wanted.name }
    for name, value in pairs(wanted.own) do all[name] = value end
    append(steps, { action = "create_agent", fields = all, differences = contents.differences(all, {}) })
    return
  end
  local own = { name = wanted.name }
  for name, value in pairs(wanted.own) do own[name] = value end
  local differences = contents.differences(own, state.agent, options.exact)
  if #differences > 0 then
    local all = all_own_fields(wanted, state.agent, options.exact)
    append(steps, { action = "update_agent", fields = all, changes = diff.paths(differences),
      differences = differences })
  end
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

-- The slots that assigning numbers writes, and what they held.
local function written_slots(state, numbers, direction, version_id)
  local list = {}
  for _, number in ipairs(numbers) do
    for _, slot in ipairs(slots.of(direction)) do
      local held = slots.version_id(state.numbers[number], slot)
      local is_written = held == nil or held ~= version_id
      if is_written then
        append(list, { phone_number = number, slot = slot, before = held and { version_id = held } or nil })
      end
    end
  end
  return list
end

-- A call names one direction, so there is one for each; the first of them publishes.
local function publish_steps(steps, wanted, state, is_draft, version_id)
  local publishes = is_draft
  for _, direction in ipairs { "inbound", "outbound", "both" } do
    local numbers = numbers_to_assign(wanted, state, direction, version_id)
    if #numbers > 0 then
      append(steps, { action = "publish", publishes = publishes, phone_numbers = numbers, direction = direction,
        slots = written_slots(state, numbers, direction, version_id) })
      publishes = false
    end
  end
  if publishes then append(steps, { action = "publish", publishes = true }) end
end

-- The first publication tells what it changes for those who use the agent, unless a step before it has told that.
local function note_changes_in_use(steps, first, made)
  local written, publication = steps[first], nil
  for index = first, #steps do
    if steps[index].publishes then publication = steps[index] end
  end
  if not publication or not made.base_version then return end
  local is_told = written.differences and written.base_version == made.base_version
  if not is_told then publication.differences, publication.base_version = made.differences, made.base_version end
end

local function sip_steps(steps, wanted, state)
  local is_deployed = state.agent and sip.is_deployed(state.agent)
  if wanted.deploy_as_sip and not is_deployed then append(steps, { action = "deploy_as_sip" }) end
end

-- }======

local function is_empty(instructions)
  return instructions == nil or instructions == json.null
    or type(instructions) == "string" and not instructions:find("%S")
end

-- A version that answers calls and has nothing to say is hardly meant.
local function check_instructions(steps, wanted, content, options)
  if wanted.generate or options.allow_empty_instructions or not is_empty(content.config.instructions) then return end
  for _, step in ipairs(steps) do
    for _, slot in ipairs(step.slots or {}) do
      if slot.slot == "inbound" then
        errors.raise("input", "config.instructions is empty, and the version is to answer %s; give instructions, or "
          .. "allow that with --allow-empty-instructions", slot.phone_number)
      end
    end
  end
end

-- What the file does not name is copied from what the organisation shows.
local function check_unmasked(made, state)
  if #made.steps == 0 then return end
  for _, version in ipairs { state.published or {}, state.draft or {} } do
    stored_form.check_unmasked(made.content.config, version.config)
  end
end

-- Adds all that concerns a version to the plan.
local function plan_version(result, wanted, state, options)
  local made, steps = version_plan.make(wanted, state, options), result.steps
  local first = #steps + 1
  check_unmasked(made, state)
  table.move(made.steps, 1, #made.steps, first, steps)
  for _, key in ipairs { "version", "differences", "draft_used", "draft_left_alone", "is_own_draft" } do
    result[key] = made[key]
  end
  result.changes = diff.paths(made.differences)
  if not wanted.publish then return end
  local is_published = #made.steps == 0 and made.version.published == true
  publish_steps(steps, wanted, state, not is_published, is_published and made.version.id or nil)
  note_changes_in_use(steps, first, made)
  check_instructions(steps, wanted, made.content, options)
end

--- The steps from a state to what is wanted.
---@param wanted anyreach.wanted
---@param state anyreach.agent_state
---@param options? anyreach.provision_options
---@return anyreach.plan
function plan.make(wanted, state, options)
  options = options or {}
  local result = { steps = {}, changes = {}, differences = {} }
  own_steps(result.steps, wanted, state, options)
  if wanted.config then plan_version(result, wanted, state, options) end
  sip_steps(result.steps, wanted, state)
  return result
end

return plan
