-- Concluding an experiment: the winner is published everywhere, or the slots get back what they held. The decision is
-- written to the state file first, and the requests follow from what the slots hold now; so the next run completes an
-- interrupted one. A slot that somebody has changed since is left alone.

local agent_lookup = require "anyreach.agents.lookup"
local errors = require "anyreach.errors"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local json = require "anyreach.json"
local number_state = require "anyreach.agents.numbers.number_state"
local operations = require "anyreach.operations"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slots = require "anyreach.agents.numbers.slots"
local steps = require "anyreach.agents.steps"
local timestamp = require "anyreach.text.timestamp"

local conclude = {}

---@class anyreach.ab_ending
---@field creates boolean a copy of the winner's version is created first
---@field is_copy boolean|nil `target` is, or will be, a copy of the winner's version
---@field is_unfinished boolean|nil the copy was created by an interrupted run, and may lack its inputs
---@field winner anyreach.variant_state|nil
---@field target anyreach.holder|nil the version that gets the slots; nil: the earlier ones are restored
---@field changes anyreach.slot_change[]
---@field left_alone string[] slots that somebody else has changed since, in words

-- {====== who won ======

--- The variant of a name; an unknown one is an error of kind "input".
---@param state anyreach.ab_state
---@param name string
---@return anyreach.variant_state
---@return boolean is_control it is the first one
function conclude.variant(state, name)
  local names = {}
  for index, variant in ipairs(state.variants) do
    if variant.name == name then return variant, index == 1 end
    names[index] = variant.name
  end
  local near = operations.nearest(name, names)
  errors.raise("input", "no variant is called '%s'; %s", name, near and ("did you mean '%s'?"):format(near)
    or "expected one of " .. table.concat(names, ", "))
end

-- }======

-- {====== what the slots hold ======

local function ids_of_variants(state)
  local ids = {}
  for _, variant in ipairs(state.variants) do
    if variant.version_id then ids[variant.version_id] = variant end
  end
  return ids
end

local function holder_of(state, version)
  return { version_id = version.version_id, agent_id = state.agent.id, agent = state.agent.name,
    version = version.version }
end

local function is_own(state, holder)
  return not holder or holder.agent_id == state.agent.id
end

-- The slots of the experiment by "number slot", with what they held before.
local function previous_by_slot(state)
  local by_slot = {}
  for _, previous in ipairs(state.previous) do by_slot[previous.number .. " " .. previous.slot] = previous end
  return by_slot
end

local function add_change(ending, number, slot, from, to)
  if from and to and from.version_id == to.version_id then return end
  ending.changes[#ending.changes + 1] = { number = number, slot = slot, from = from, to = to }
end

-- A slot of the experiment goes to `to` if it still holds one of the variants.
local function end_slot(ending, state, previous, held, to)
  local variant = held and ending.variants[held]
  if variant then
    add_change(ending, previous.number, previous.slot, holder_of(state, variant), to)
  elseif held ~= (to and to.version_id) and held ~= (previous.holder and previous.holder.version_id) then
    ending.left_alone[#ending.left_alone + 1] = ("%s %s"):format(previous.number, previous.slot)
  end
end

-- }======

-- {====== the two endings ======

local function restore(ending, state, phone_numbers)
  for _, previous in ipairs(state.previous) do
    local now = phone_numbers[previous.number]
    if now then end_slot(ending, state, previous, slots.version_id(now, previous.slot), previous.holder) end
  end
end

-- A number that was borrowed from another agent goes back to it. Slots that the agent itself held, or that were empty,
-- go to the winner, and so does every other slot of the version that it replaces.
local function publish(ending, state, phone_numbers)
  local by_slot = previous_by_slot(state)
  for number, phone_number in pairs(phone_numbers) do
    for _, slot in ipairs(slots.names) do
      local held, previous = slots.version_id(phone_number, slot), by_slot[number .. " " .. slot]
      if previous then
        end_slot(ending, state, previous, held, is_own(state, previous.holder) and ending.target or previous.holder)
      elseif held == state.base.version_id then
        add_change(ending, number, slot, holder_of(state, state.base), ending.target)
      end
    end
  end
end

local function sort_changes(list)
  table.sort(list, function(a, b) return a.number .. a.slot < b.number .. b.slot end)
end

-- }======

-- {====== the winner's version ======

-- Whatever asks for the newest published version of the agent must get the winner. The first variant's version is the
-- newest already; any other is copied to a new version. That would undo a version that somebody has published since.
local function check_nobody_published(state, versions)
  local published, own = agent_lookup.published(versions), state.decision and state.decision.version
  local newest = 0
  for _, variant in ipairs(state.variants) do newest = math.max(newest, variant.version) end
  if published and published.version > newest and published.version ~= own then
    errors.raise("conflict", "version %d of agent '%s' was published since the experiment began, and a winner would "
      .. "undo it; 'conclude --restore' gives the numbers back", published.version, state.agent.name)
  end
end

local function check_complete(state)
  if state.phase ~= "starting" then return end
  errors.raise("conflict", "the start of the experiment '%s' was interrupted; complete it with 'ab-test start', or "
    .. "take it back with 'ab-test conclude --restore'", state.experiment)
end

-- What makes the copy of a winner's version.
local function copying(state, decision, winner)
  return { agent_id = state.agent.id, base = winner.version, newest = decision.newest, taken = {} }
end

-- The winner's version, or nil when it is yet to be created.
local function find_target(api, state, decision)
  check_complete(state)
  local winner, is_control = conclude.variant(state, decision.winner)
  local versions = agent_lookup.versions(api, state.agent.id)
  check_nobody_published(state, versions)
  if is_control then return holder_of(state, winner), winner end
  local copy = decision.version and agent_lookup.numbered(versions, decision.version)
  if decision.is_being_created then copy = experiment_state.find_version(api, copying(state, decision, winner)) end
  return copy and holder_of(state, { version = copy.version, version_id = copy.id }), winner, true
end

-- }======

local function phone_numbers_by_number(api)
  local by_number = {}
  for _, phone_number in ipairs(number_state.phone_numbers(api)) do
    by_number[phone_number.phone_number] = phone_number
  end
  return by_number
end

--- Plans an ending. Only reads.
---@param api anyreach.client
---@param state anyreach.ab_state
---@param decision {action: "publish"|"restore", winner: string|nil}
---@return anyreach.ab_ending
function conclude.plan(api, state, decision)
  local ending = { changes = {}, left_alone = {}, variants = ids_of_variants(state), creates = false }
  local phone_numbers = phone_numbers_by_number(api)
  if decision.action == "restore" then
    restore(ending, state, phone_numbers)
  else
    local target, winner, is_copy = find_target(api, state, decision)
    ending.creates, ending.winner, ending.is_copy = target == nil, winner, is_copy
    ending.is_unfinished = target ~= nil and decision.is_being_created == true
    ending.target = target or { agent_id = state.agent.id, agent = state.agent.name }
    publish(ending, state, phone_numbers)
  end
  sort_changes(ending.changes)
  table.sort(ending.left_alone)
  return ending
end

local function create_target(api, state, ending, save)
  local decision, newest = state.decision, agent_lookup.versions(api, state.agent.id)[1]
  if not newest then errors.raise("conflict", "agent '%s' no longer has any versions", state.agent.name) end
  if not decision.is_being_created then decision.newest = newest.version end
  local creation = copying(state, decision, ending.winner)
  local version = experiment_state.create_version(api, creation, decision, save)
  ending.target.version, ending.target.version_id = version.version, version.id
end

local function is_published_by(list, target)
  for _, step in ipairs(list) do
    if step.agent_id == target.agent_id and step.version == target.version then return true end
  end
  return false
end

--- The requests that publish the winner's copy and write the slots.
---@param ending anyreach.ab_ending
---@return anyreach.slot_step[]
function conclude.steps(ending)
  local list = slot_changes.steps(ending.changes)
  if ending.is_copy and not is_published_by(list, ending.target) then
    table.insert(list, 1, slot_changes.publish_steps(ending.target, {})[1])
  end
  return list
end

--- Carries out an ending. A failure leaves a state that another run completes; after the first request it is of kind
--- "partial".
---@param api anyreach.client
---@param file string of the experiment
---@param state anyreach.ab_state
---@param decision {action: "publish"|"restore", winner: string|nil, verdict: string}
---@param ending anyreach.ab_ending
function conclude.run(api, file, state, decision, ending)
  local function save() experiment_state.write(file, state) end
  state.phase, state.decision = "concluding", decision
  save()
  if ending.creates or ending.is_unfinished then create_target(api, state, ending, save) end
  local ok, err = pcall(slot_changes.apply, api, conclude.steps(ending))
  if not ok then
    if ending.creates then err = steps.failure_after(("version %d created"):format(ending.target.version), err) end
    error(err, 0)
  end
  state.phase, state.concluded_at = "concluded", timestamp.format(os.time() * 1000000)
  state.ended = json.array {}
  for index, change in ipairs(ending.changes) do
    state.ended[index] = { number = change.number, slot = change.slot, holder = change.to }
  end
  state.left_alone = #ending.left_alone > 0 and json.array(ending.left_alone) or nil
  save()
end

return conclude
