-- Settles what is to be written to one agent, before it is planned: the lock's row says which side has changed each
-- field (agents/drift.lua). Fields that only the organisation has changed are kept; what it stores in another form than
-- it was written in counts as written. `--ours` and `--theirs` decide instead.

local additions = require "anyreach.agents.additions"
local contents = require "anyreach.agents.contents"
local drift = require "anyreach.agents.drift"
local errors = require "anyreach.errors"
local fields = require "anyreach.agents.file.fields"
local json = require "anyreach.json"
local references = require "anyreach.agents.references"

local settling = {}

local PATHS_SHOWN = 6

---@class anyreach.settlement
---@field wanted anyreach.wanted what is to be written
---@field state anyreach.agent_state in the words of the file
---@field decision anyreach.drift_decision|nil nil when the lock knows nothing of the agent

--- Paths of parts or differences for a message.
---@param list {path: string}[]
---@return string
function settling.paths_text(list)
  local paths = {}
  for index = 1, math.min(#list, PATHS_SHOWN) do paths[index] = list[index].path end
  return table.concat(paths, ", ") .. (#list > PATHS_SHOWN and ", …" or "")
end

--- The values that a file owns, by path.
---@param wanted anyreach.wanted
---@return table
function settling.wanted_values(wanted)
  return drift.values(contents.of_wanted(wanted), wanted.name)
end

--- The values that an organisation has.
---@param state anyreach.agent_state
---@return table
function settling.values_there(state)
  return drift.values(contents.of_state(state), state.agent.name)
end

-- What a file owns when it is everything: without inputs it has none. What is generated for it is its own, too.
local function whole_values(wanted, values, there)
  local whole = {}
  for key, value in pairs(values) do whole[key] = value end
  if whole.config and whole.instruction_builder_inputs == nil then whole.instruction_builder_inputs = json.null end
  if wanted.generate and whole.config and there.config then
    whole.config = drift.with(whole.config, { { path = "instructions", value = there.config.instructions } }, "value")
  end
  return whole
end

-- A copy of what is wanted with other values.
local function with_values(wanted, values)
  local copy = {}
  for key, value in pairs(wanted) do copy[key] = value end
  copy.name, copy.own = values.name, {}
  for _, name in ipairs(fields.OWN) do copy.own[name] = values[name] end
  copy.config, copy.inputs = values.config, values.instruction_builder_inputs
  return copy
end

local function replaced(object, values)
  local copy = {}
  for key, value in pairs(object) do copy[key] = value end
  for key, value in pairs(values) do copy[key] = value end
  return copy
end

-- A copy of a state in which the agent and the version in use have other values.
local function state_with(state, values)
  local own = { name = values.name }
  for _, name in ipairs(fields.OWN) do own[name] = values[name] end
  local copy = replaced(state, { agent = replaced(state.agent, own) })
  if not state.version then return copy end
  copy.version = replaced(state.version, {
    config = values.config, instruction_builder_inputs = values.instruction_builder_inputs,
  })
  for _, key in ipairs { "published", "draft" } do
    if state[key] and state[key] == state.version then copy[key] = copy.version end
  end
  return copy
end

local function since(row, part)
  local version = part.version or row.version
  return version and ("since version %d"):format(version) or "since the last run"
end

local function check_conflicts(decision, row)
  local first = decision.conflicts[1]
  if not first then return end
  errors.raise("conflict", "%s: changed both here and in the organisation %s; --ours writes this repository's values, "
    .. "--theirs keeps the organisation's", settling.paths_text(decision.conflicts), since(row, first))
end

---@class anyreach.settling_options
---@field row? anyreach.lock_row of the agent
---@field prefer? "ours"|"theirs"
---@field base? fun(version: integer): table|nil reads a version of the agent with its config
---@field exact? boolean the file is everything

--- Settles one agent. A field that both sides have changed in ways that cannot be merged raises an error of kind
--- "conflict".
---@param wanted anyreach.wanted with ids in place of references
---@param state anyreach.agent_state
---@param options anyreach.settling_options
---@return anyreach.settlement
function settling.settle(wanted, state, options)
  local row = options.row
  if not row or not row.fields or not state.agent or state.agent.id ~= row.agent_id then
    return { wanted = wanted, state = state }
  end
  local values, there = settling.wanted_values(wanted), settling.values_there(state)
  local decision = drift.decide(row.fields, values, there, row.agent_id, {
    prefer = options.prefer,
    version = row.version,
    base = options.base and function(number)
      local version = options.base(number)
      return version and contents.of_version(version)
    end,
  })
  check_conflicts(decision, row)
  local settled, there_now = drift.settled(values, decision), drift.as_written(there, decision)
  if options.exact then
    there_now = additions.without(row.fields, whole_values(wanted, settled, there), there_now, row.agent_id)
  end
  return { decision = decision, wanted = with_values(wanted, settled), state = state_with(state, there_now) }
end

---@class anyreach.kept_field
---@field path string
---@field since_version integer|nil
---@field written_by string|nil the recipe that has written it from here
---@field there any what the organisation has; not for events

--- The fields of which the organisation's values stay, and those that have the changes of both sides.
---@param decision anyreach.drift_decision|nil
---@param row anyreach.lock_row|nil
---@return anyreach.kept_field[] kept
---@return anyreach.kept_field[] merged
function settling.kept(decision, row)
  local lists = { {}, {} }
  for index, parts in ipairs { decision and decision.kept or {}, decision and decision.merged or {} } do
    for position, part in ipairs(parts) do
      lists[index][position] = { path = part.path, since_version = part.version or row.version,
        there = index == 1 and part.there or nil }
    end
  end
  return lists[1], lists[2]
end

--- Raises the error of the run in which the organisation did not take what was written, when it still has not and
--- nothing is written now.
---@param decision anyreach.drift_decision|nil
function settling.check_refused(decision)
  if not decision or #decision.refused == 0 then return end
  errors.raise("conflict", "the organisation has other values than were written to it: %s (nothing was written again; "
    .. "--lenient accepts that)", settling.paths_text(decision.refused))
end

--- What the lock notes of single fields.
---@param change anyreach.change
---@param state anyreach.agent_state as it is now
---@param row anyreach.lock_row|nil as it was
---@return table<string, string>
function settling.note(change, state, row)
  local values = references.substitute(settling.wanted_values(change.described or change.agent), change.resolver)
  local known = row and row.agent_id == state.agent.id and row or {}
  return drift.note(known.fields, values, settling.values_there(state), state.agent.id, change.decision, known.version)
end

-- The keys of which all was written.
local function written_keys(steps)
  local keys = {}
  for _, step in ipairs(steps) do
    for key in pairs(step.fields or {}) do keys[key] = true end
    if step.action == "create_version" then keys.instruction_builder_inputs = true end
  end
  return keys
end

--- Notes what the organisation has added to what was just written, all of which the file has.
---@param change anyreach.change
---@param state anyreach.agent_state as it is now
---@param noted table<string, string> changed in place
---@return anyreach.addition[] those that were not known
function settling.note_additions(change, state, noted)
  local values, there = settling.wanted_values(change.agent), settling.values_there(state)
  values = references.substitute(whole_values(change.agent, values, there), change.resolver)
  local written, keys = {}, written_keys(change.steps)
  for key, value in pairs(values) do written[key] = keys[key] and value or nil end
  return additions.note(noted, written, there, state.agent.id)
end

return settling
