-- Which values of a file stand in an export. The lock's row says which side has changed each field since both were last
-- the same (agents/drift.lua): a field that neither has changed stays as it is written, even if the organisation stores
-- it in another form; one that only the file has changed is kept, and named; one that both have changed is merged if
-- that is clean, else it is a conflict. What the organisation alone has changed is taken into the file.

local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local errors = require "anyreach.errors"
local field_digests = require "anyreach.agents.field_digests"
local fields = require "anyreach.agents.file.fields"
local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local references = require "anyreach.agents.references"
local yaml = require "anyreach.yaml"

local standing = {}

local PATHS_SHOWN = 6

---@class anyreach.standing
---@field stands table<string, true> paths at which the file's values stay
---@field kept anyreach.drift_part[] that only the file has changed
---@field merged anyreach.drift_part[] with `value`
---@field preferred anyreach.drift_part[] that both have changed, and of which --ours keeps the file's
---@field fields table<string, string> of the row
---@field version integer|nil of the row

-- A copy without tags that have no value here.
local function without_tags(value)
  if type(value) ~= "table" or json.is_number(value) or reference.is_reference(value) then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do
    if not (type(part) == "table" and yaml.is_tag(part)) then copy[key] = without_tags(part) end
  end
  return copy
end

--- The values that a file owns, by path, with ids in place of references.
---@param agent anyreach.agent
---@param resolver anyreach.resolver
---@return table
function standing.values_of_file(agent, resolver)
  return (references.substitute(drift.values(without_tags(contents.of_wanted(agent)), agent.name), resolver))
end

--- The values that the organisation has.
---@param state anyreach.agent_state
---@return table
function standing.values_there(state)
  return drift.values(contents.of_state(state), state.agent.name)
end

-- What is known of a row: its name, too, if that is all.
local function known_fields(row)
  local known = field_digests.note({ name = row.agent }, { name = row.agent }, row.agent_id)
  for path, text in pairs(row.fields or {}) do known[path] = text end
  return known
end

-- True when a row tells of more than the name.
local function has_fields(row)
  for path in pairs(row.fields or {}) do
    if path ~= "name" then return true end
  end
  return false
end

local function paths_text(parts)
  local paths = diff.paths(parts)
  return table.concat(paths, ", ", 1, math.min(#paths, PATHS_SHOWN)) .. (#paths > PATHS_SHOWN and ", …" or "")
end

local function since(version)
  return version and (" since version " .. version) or " since the last run"
end

local function check_conflicts(decision, row)
  if #decision.conflicts == 0 then return end
  errors.raise("conflict", "%s: changed both in the file and in the organisation%s; --ours keeps the file's values, "
    .. "--theirs takes the organisation's", paths_text(decision.conflicts),
    since(decision.conflicts[1].version or row.version))
end

local function sort_part(found, part, row, prefer)
  local is_known = has_fields(row) or part.path == "name"
  if not is_known or part.side == "organization" then return end
  if part.side == "same" then
    found.stands[part.path] = true
  elseif part.side == "both" then
    if prefer ~= "ours" then return end
    found.stands[part.path] = true
    table.insert(found.preferred, part)
  elseif prefer ~= "theirs" then
    found.stands[part.path] = true
    if #diff.compare(part.wanted, part.there) > 0 then table.insert(found.kept, part) end
  end
end

---@class anyreach.standing_options
---@field prefer? "ours"|"theirs"
---@field base? fun(version: integer): table|nil reads a version with its config

--- Asks which side has changed each value of a file. A field that both have changed and that cannot be merged raises an
--- error of kind "conflict".
---@param row anyreach.lock_row of the agent
---@param agent anyreach.agent as its file describes it
---@param state anyreach.agent_state
---@param resolver anyreach.resolver
---@param options anyreach.standing_options
---@return anyreach.standing
function standing.find(row, agent, state, resolver, options)
  local known, prefer = known_fields(row), options.prefer
  local values, there = standing.values_of_file(agent, resolver), standing.values_there(state)
  local found = { stands = {}, kept = {}, merged = {}, preferred = {}, fields = row.fields, version = row.version }
  for _, part in ipairs(drift.parts(known, values, there, row.agent_id)) do sort_part(found, part, row, prefer) end
  if prefer or not has_fields(row) then return found end
  local decision = drift.decide(known, values, there, row.agent_id, { version = row.version, base = options.base })
  check_conflicts(decision, row)
  found.merged = decision.merged
  return found
end

--- A state that has the changes of both sides.
---@param state anyreach.agent_state
---@param found anyreach.standing
---@return anyreach.agent_state
function standing.merged_state(state, found)
  if #found.merged == 0 then return state end
  local values = drift.with(standing.values_there(state), found.merged, "value")
  local copy = setmetatable({ agent = {} }, { __index = state })
  for key, value in pairs(state.agent) do copy.agent[key] = value end
  for _, name in ipairs(fields.OWN) do copy.agent[name] = values[name] end
  if state.version then
    copy.version = setmetatable({
      config = values.config, instruction_builder_inputs = values.instruction_builder_inputs,
    }, { __index = state.version })
  end
  return copy
end

--- Notes what was kept and merged.
---@param found anyreach.standing
---@param notes string[]
function standing.note(found, notes)
  if #found.kept > 0 then
    notes[#notes + 1] = ("kept: %s, changed in the file%s; 'provision' writes it, --theirs takes the organisation's")
      :format(paths_text(found.kept), since(found.kept[1].version or found.version))
  end
  if #found.merged > 0 then
    notes[#notes + 1] = ("merged: %s, changed on both sides; 'provision' writes it"):format(paths_text(found.merged))
  end
end

--- True when the file still has something that is to be provisioned.
---@param found anyreach.standing|nil
---@return boolean
function standing.is_ahead(found)
  return found ~= nil and #found.kept + #found.merged + #found.preferred > 0
end

-- Notes of parts that the file has changed what the organisation has now, as if both had had it.
local function note_as_there(noted, parts)
  for _, part in ipairs(parts) do
    for path, text in pairs(noted) do
      local is_below = path == part.path or path:sub(1, #part.path) == part.path
        and path:find("^[.%[]", #part.path + 1) ~= nil
      local entry = is_below and field_digests.parse(text)
      if entry then
        entry.written = entry.there
        noted[path] = field_digests.format(entry)
      end
    end
  end
end

--- What the lock notes of single fields, when the file is written: what was kept is still the file's change, and what
--- was merged, too.
---@param found anyreach.standing|nil
---@param agent anyreach.agent as its file describes it now
---@param state anyreach.agent_state
---@param resolver anyreach.resolver
---@return table<string, string>
function standing.fields(found, agent, state, resolver)
  local values, there = standing.values_of_file(agent, resolver), standing.values_there(state)
  if not found then return field_digests.note(values, there, state.agent.id) end
  local fields_now = drift.note(found.fields, values, there, state.agent.id, { kept = found.kept, merged = {} },
    found.version)
  note_as_there(fields_now, found.merged)
  note_as_there(fields_now, found.preferred)
  return fields_now
end

return standing
