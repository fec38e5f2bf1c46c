-- Starting an experiment: a new version for each variant, published on the variant's numbers. The state file is
-- written before each write; an interrupted start is completed by starting again.
--
-- Every variant gets a version of its own, even one that changes nothing, so that the version alone shows which variant
-- a conversation belongs to. The first variant's is created and published last, so that whatever asks for the agent's
-- newest published version (as campaigns, web widgets and email may) still gets the current prompt.

local account = require "anyreach.account.identity"
local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local json = require "anyreach.json"
local number_state = require "anyreach.agents.numbers.number_state"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slots = require "anyreach.agents.numbers.slots"
local steps = require "anyreach.agents.steps"
local takeovers = require "anyreach.agents.provision.takeovers"
local timestamp = require "anyreach.text.timestamp"

local start = {}

---@class anyreach.ab_step
---@field action "create"|"publish"
---@field variant anyreach.variant_state
---@field prompt string|nil of a version to create
---@field text string what it does, in words
---@field base_version integer|nil of a creation
---@field differences anyreach.difference[]|nil of a creation, from that version
---@field slots anyreach.taken_slot[]|nil of a publication: those that it writes, with what they hold now

-- {====== conflicts ======

-- The message for an experiment that has already begun, by its phase.
local PHASE_MESSAGES = {
  running = "has been running since {started}; see it with 'ab-test status', end it with 'ab-test conclude'",
  concluding = "is being concluded; complete that with 'ab-test conclude'",
  concluded = "was concluded at {concluded}; to run it again, move {path} away, or copy the experiment to another name",
}

local function check_phase(experiment, state)
  if state.phase == "starting" then
    if state.set_up == experiment.set_up then return end
    errors.raise("conflict", "%s has changed since its start was interrupted; undo the change to complete it, or "
      .. "take it back with 'ab-test conclude --restore'", experiment.file)
  end
  local path = experiment_state.path(experiment.file)
  local facts = { started = state.started_at, concluded = state.concluded_at, path = path }
  errors.raise("conflict", "experiment '%s' %s", experiment.name, (PHASE_MESSAGES[state.phase]:gsub("{(%a+)}", facts)))
end

local function check_others(experiment, agent, here)
  local numbers = {}
  for _, variant in ipairs(experiment.variants) do
    for _, number in ipairs(variant.numbers) do numbers[number] = true end
  end
  for _, other in ipairs(experiment_state.others_under_way(experiment.file)) do
    local is_same_account = other.state.account == here.key
      or account.names_credential(here, other.state.account) ~= nil
    for _, variant in ipairs(is_same_account and other.state.variants or {}) do
      for _, number in ipairs(variant.phone_numbers) do
        if numbers[number] then
          errors.raise("conflict", "%s is already claimed by the experiment of %s", number, other.path)
        end
      end
    end
    if is_same_account and other.state.agent.id == agent.id then
      errors.raise("conflict", "another experiment is running on the agent '%s': %s; conclude it first", agent.name,
        other.path)
    end
  end
end

-- }======

-- {====== the first state ======

local function current_version(api, agent)
  local versions = agent_lookup.versions(api, agent.id)
  local published = agent_lookup.published(versions)
  if not published then
    errors.raise("input", "agent '%s' has no published version to try variants of; publish one first", agent.name)
  end
  return { version = published.version, version_id = checked.version_id(published) }, versions[1].version
end

-- What a slot holds now. A version that no agent has could not be restored.
local function check_restorable(number, slot, holder)
  if not holder or holder.agent_id then return holder end
  errors.raise("conflict", "the %s slot of %s holds version %s, which no agent of the organisation has, so that "
    .. "it could not be restored; choose another number", slot, number, holder.version_id)
end

-- The numbers of the experiment with what they hold now.
local function read_numbers(api, experiment)
  local wanted = {}
  for _, variant in ipairs(experiment.variants) do
    table.move(variant.numbers, 1, #variant.numbers, #wanted + 1, wanted)
  end
  return number_state.read_some(api, wanted), wanted
end

local function previous_slots(found, wanted, direction)
  local list = json.array {}
  for _, number in ipairs(wanted) do
    for _, slot in ipairs(slots.of(direction)) do
      list[#list + 1] = { number = number, slot = slot, holder = check_restorable(number, slot, found[number][slot]) }
    end
  end
  return list
end

-- While a start is interrupted, somebody may change the slots that it has not written yet.
local function refresh_previous(state, found)
  local own = {}
  for _, variant in ipairs(state.variants) do own[variant.version_id or ""] = true end
  for _, previous in ipairs(state.previous) do
    local holder = found[previous.number][previous.slot]
    if not holder or not own[holder.version_id] then
      previous.holder = check_restorable(previous.number, previous.slot, holder)
    end
  end
end

local function new_state(api, experiment, found, wanted)
  local agent, here = agent_lookup.find(api, experiment.agent), account.learn(api)
  check_others(experiment, agent, here)
  local base, newest = current_version(api, agent)
  local state = {
    phase = "starting",
    experiment = experiment.name,
    account = here.key,
    agent = { id = agent.id, name = agent.name },
    direction = experiment.direction,
    base = base,
    newest = newest,
    variants = json.array {},
    previous = previous_slots(found, wanted, experiment.direction),
    set_up = experiment.set_up,
    question = experiment.question,
  }
  for index, variant in ipairs(experiment.variants) do
    state.variants[index] = { name = variant.name, phone_numbers = json.array(variant.numbers) }
  end
  return state
end

-- }======

-- {====== steps ======

-- The variants in the order in which they are written: the first one last.
local function in_order(list)
  local ordered = table.move(list, 2, #list, 1, {})
  ordered[#ordered + 1] = list[1]
  return ordered
end

local function create_text(variant, state)
  local kind = variant.prompt and "with its own prompt" or "as a copy"
  return ("create a version for '%s', %s, on top of version %d"):format(variant.name, kind, state.base.version)
end

local function create_step(api, state, variant, wanted)
  local step = { action = "create", variant = variant, prompt = wanted.prompt, text = create_text(wanted, state),
    base_version = state.base.version, differences = {} }
  if wanted.prompt then
    local base = agent_lookup.version(api, state.agent.id, state.base.version)
    step.differences = diff.compare(wanted.prompt, base.config.instructions, { path = "config.instructions" })
  end
  return step
end

-- The slots of a variant that do not hold its version, with what they hold now.
local function slots_to_take(state, variant, found)
  local list = {}
  for _, number in ipairs(variant.phone_numbers) do
    for _, slot in ipairs(slots.of(state.direction)) do
      local holder = found[number][slot]
      if not holder or holder.version_id ~= variant.version_id then
        list[#list + 1] = { phone_number = number, slot = slot, before = holder }
      end
    end
  end
  return list
end

local function is_of_others(state, slot)
  return slot.before ~= nil and slot.before.agent_id ~= state.agent.id
end

local function publish_text(variant, state, taken)
  local text = ("publish '%s' on %s, %s"):format(variant.name, table.concat(variant.phone_numbers, ", "),
    state.direction)
  for _, slot in ipairs(taken) do
    if is_of_others(state, slot) then
      text = ("%s; %s %s taken from %s"):format(text, slot.phone_number, slot.slot,
        takeovers.holder_text(slot.before))
    end
  end
  return text
end

local function make_steps(api, experiment, state, found)
  local list, wanted = {}, {}
  for index, variant in ipairs(experiment.variants) do wanted[state.variants[index]] = variant end
  for _, variant in ipairs(in_order(state.variants)) do
    if not variant.version then list[#list + 1] = create_step(api, state, variant, wanted[variant]) end
  end
  for _, variant in ipairs(in_order(state.variants)) do
    local taken = slots_to_take(state, variant, found)
    if #taken > 0 then
      list[#list + 1] = { action = "publish", variant = variant, text = publish_text(variant, state, taken),
        slots = taken }
    end
  end
  return list
end

local OTHERS = "which the experiment is not about"

-- Numbers are taken from other agents only when that is allowed.
local function check_takeovers(state, list, may_take)
  local taken = {}
  for _, step in ipairs(list) do
    for _, slot in ipairs(step.slots or {}) do
      if is_of_others(state, slot) then taken[#taken + 1] = slot end
    end
  end
  local is_allowed = #taken == 0 or may_take == true
    or may_take and may_take(takeovers.question(state.experiment, taken, OTHERS))
  if not is_allowed then error(takeovers.refusal(taken, OTHERS), 0) end
end

--- The steps that start an experiment, or complete an interrupted start. Only reads. Slots that other agents hold, and
--- that may not be taken, are an error of kind "conflict".
---@param api anyreach.client
---@param experiment anyreach.experiment
---@param may_take? boolean|(fun(question: string): boolean) numbers from other agents
---@return anyreach.ab_state
---@return anyreach.ab_step[]
function start.plan(api, experiment, may_take)
  local state = experiment_state.read(experiment.file)
  if state then
    check_phase(experiment, state)
    experiment_state.check_account(api, state)
  end
  local found, wanted = read_numbers(api, experiment)
  if state then refresh_previous(state, found) else state = new_state(api, experiment, found, wanted) end
  local list = make_steps(api, experiment, state, found)
  check_takeovers(state, list, may_take)
  return state, list
end

-- }======

-- {====== carrying out ======

local function taken_versions(state)
  local taken = {}
  for _, variant in ipairs(state.variants) do taken[variant.version or 0] = true end
  return taken
end

local function create(run, step)
  local state, variant = run.state, step.variant
  local creation = { agent_id = state.agent.id, base = state.base.version, prompt = step.prompt,
    newest = state.newest, taken = taken_versions(state) }
  experiment_state.create_version(run.api, creation, variant, run.save)
end

-- The slots of a variant that do not hold its version.
local function due_changes(run, variant)
  local state, list = run.state, {}
  local holder = { version_id = variant.version_id, agent_id = state.agent.id, agent = state.agent.name,
    version = variant.version }
  for _, number in ipairs(variant.phone_numbers) do
    local phone_number = number_state.get(run.api, number)
    for _, slot in ipairs(slots.of(state.direction)) do
      local held = slots.version_id(phone_number, slot)
      if held ~= holder.version_id then
        list[#list + 1] = { number = number, slot = slot, from = held and { version_id = held }, to = holder }
      end
    end
  end
  return holder, list
end

local function publish(run, step)
  local holder, list = due_changes(run, step.variant)
  if #list > 0 then slot_changes.apply(run.api, slot_changes.publish_steps(holder, list)) end
end

local actions = { create = create, publish = publish }

--- Carries out the steps. A failure leaves a state that another start completes.
---@param api anyreach.client
---@param experiment anyreach.experiment
---@param state anyreach.ab_state
---@param list anyreach.ab_step[] get their `outcome`
---@param on_done? fun(step: anyreach.ab_step)
function start.run(api, experiment, state, list, on_done)
  local run = { api = api, state = state, save = function() experiment_state.write(experiment.file, state) end }
  state.started_at = state.started_at or timestamp.format(os.time() * 1000000)
  run.save()
  local ok, err = pcall(steps.run, list, function(step)
    actions[step.action](run, step)
    if on_done then on_done(step) end
  end)
  if not ok then error(steps.failure(list, err, function(step) return step.text end), 0) end
  state.phase = "running"
  run.save()
end

-- }======

return start
