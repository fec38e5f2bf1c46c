-- Drift: which side has changed a value since the lock noted it, and what is to be done about it. The two sides are
-- what a file wants (in `promote`: what the source has) and what the organisation has; the lock's row has the digests
-- of both when they were last settled (agents/field_digests.lua). Pure; any recipe that writes may call it.
--
-- For each value, or the smallest part of the content that cannot be taken apart:
--
--   neither side moved   nothing is done, even if they differ: the organisation masks, trims or rounds
--   one side moved       its value stands: the file's is written, the organisation's is kept
--   both moved           merged from the version that both come from, if that is clean; else a conflict
--
-- What no row knows is the file's to decide.

local diff = require "anyreach.text.diff"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local merge = require "anyreach.agents.merge"

local drift = {}

---@alias anyreach.drift_side "same"|"files"|"organization"|"both"

---@class anyreach.drift_part
---@field path string
---@field side anyreach.drift_side which side has moved
---@field is_known boolean the row has digests of it
---@field refused boolean the organisation did not take what was written before, and neither side has moved
---@field version integer|nil the version in which both were last the same, if older than the row's
---@field wanted any
---@field there any

-- {====== sides ======

-- The paths of entries at or below a path.
local function entries_below(entries, path)
  if entries[path] then return { path } end
  local found = {}
  for other in pairs(entries) do
    local follows = other:sub(#path + 1, #path + 1)
    if other:sub(1, #path) == path and (follows == "." or follows == "[") then found[#found + 1] = other end
  end
  return found
end

-- Path -> the paths of the entries below it. Of many parts, each would otherwise look through all entries.
local function index_below(entries)
  local index = {}
  for other in pairs(entries) do
    for place in other:gmatch "()[.%[]" do
      local path = other:sub(1, place - 1)
      index[path] = index[path] or {}
      table.insert(index[path], other)
    end
  end
  return index
end

-- The same for the entries of a state, which do not change.
local function known_below(state, path)
  if state.entries[path] then return { path } end
  state.below = state.below or index_below(state.entries)
  return state.below[path] or {}
end

-- True when the file does not say what was written. Of what the organisation has added it still says nothing.
local function files_moved(state, leaves, known)
  local seen = {}
  for _, leaf in ipairs(leaves) do
    local entry = state.entries[leaf.path]
    if not entry or entry.written ~= field_digests.of_leaf(leaf, state.agent_id) then return true end
    seen[leaf.path] = true
  end
  for _, path in ipairs(known) do
    if not seen[path] and not field_digests.is_addition(state.entries[path]) then return true end
  end
  return false
end

-- True when the organisation does not have what came back.
local function organization_moved(state, known)
  for _, path in ipairs(known) do
    local entry = state.entries[path]
    local now = field_digests.of_place(state.there, path, field_digests.is_of_secret(entry), state.agent_id)
    if now ~= entry.there then return true end
  end
  return false
end

local function side_of(has_file_moved, has_organization_moved)
  if has_file_moved then return has_organization_moved and "both" or "files" end
  return has_organization_moved and "organization" or "same"
end

-- The oldest version from which an entry comes, and whether one was refused.
local function history_of(state, known)
  local version, refused = nil, false
  for _, path in ipairs(known) do
    local entry = state.entries[path]
    refused = refused or entry.refused
    if entry.version and (not version or entry.version < version) then version = entry.version end
  end
  return version, refused
end

local function add_part(state, path, wanted, there)
  local known = known_below(state, path)
  local side = side_of(files_moved(state, field_digests.leaves(wanted, path), known), organization_moved(state, known))
  local version, refused = history_of(state, known)
  state.parts[#state.parts + 1] = {
    path = path, side = side, is_known = #known > 0, refused = refused and side == "same", version = version,
    wanted = wanted, there = there,
  }
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- True when both lists are made up as they were, so that their elements belong together.
local function is_shape_kept(state, path, wanted, there)
  local entry = state.entries[path .. "[]"]
  if not entry or not field_digests.has_elements(wanted) or field_digests.kind(there) ~= "list" then return false end
  local leaf = { path = path .. "[]", value = field_digests.shape(wanted), is_secret = false }
  return #wanted == #there and entry.written == field_digests.of_leaf(leaf, state.agent_id)
    and entry.there == field_digests.of_place(state.there, leaf.path, false, state.agent_id)
end

local function add_parts(state, path, wanted, there)
  local is_mapping = field_digests.kind(wanted) == "mapping" and next(wanted) ~= nil
  if is_mapping and field_digests.kind(there) == "mapping" then
    for _, key in ipairs(sorted_keys(wanted)) do add_parts(state, diff.path(path, key), wanted[key], there[key]) end
  elseif is_shape_kept(state, path, wanted, there) then
    for index = 1, #wanted do add_parts(state, diff.path(path, index), wanted[index], there[index]) end
  else
    add_part(state, path, wanted, there)
  end
end

--- What moved, of all that a file wants.
---@param fields table<string, string>|nil of the lock's row
---@param wanted table what the file wants, with ids in place of references; only what it owns
---@param there table
---@param agent_id string
---@return anyreach.drift_part[] sorted by path
function drift.parts(fields, wanted, there, agent_id)
  local state = { entries = field_digests.entries(fields), there = there, agent_id = agent_id, parts = {} }
  add_parts(state, "", wanted, there)
  return state.parts
end

-- }======

-- {====== deciding ======

---@class anyreach.drift_decision
---@field kept anyreach.drift_part[] the organisation's value stays
---@field merged anyreach.drift_part[] each with `value`, which has the changes of both sides
---@field conflicts anyreach.drift_part[] both have moved, and cannot be merged
---@field quiet anyreach.drift_part[] both differ as they did when they were settled
---@field refused anyreach.drift_part[] so do these, and the organisation never took what was written
---@field overwritten anyreach.drift_part[] with --ours: what the organisation has is given up

---@class anyreach.drift_options
---@field prefer? "ours"|"theirs" whose value counts where the organisation has moved
---@field version? integer of the row
---@field base? fun(version: integer): table|nil reads what a version holds; nil when it is gone

-- What both sides had, if the version still tells it.
local function base_of(part, fields, options, agent_id)
  local version = part.version or options.version
  local base = version and options.base and options.base(version)
  if not base then return nil end
  local entries = field_digests.entries(fields)
  for _, path in ipairs(entries_below(entries, part.path)) do
    local entry = entries[path]
    local was = field_digests.of_place(base, path, field_digests.is_of_secret(entry), agent_id)
    if was ~= entry.there then return nil end
  end
  return field_digests.at(base, part.path)
end

local function has_secret(value)
  for _, leaf in ipairs(field_digests.leaves(value)) do
    if leaf.is_secret then return true end
  end
  return false
end

local function try_merge(part, fields, options, agent_id)
  if has_secret(part.wanted) then return nil end
  local base = base_of(part, fields, options, agent_id)
  if base == nil then return nil end
  local merged, conflicts = merge.run({ value = base }, { value = part.wanted }, { value = part.there })
  return #conflicts == 0 and merged.value or nil
end

local function decide(decision, part, fields, options, agent_id)
  local function add(list) list[#list + 1] = part end
  if part.side == "same" then
    add(part.refused and decision.refused or decision.quiet)
  elseif part.side == "files" then
    return
  elseif options.prefer == "ours" then
    add(decision.overwritten)
  elseif part.side == "organization" or options.prefer == "theirs" then
    add(decision.kept)
  else
    part.value = try_merge(part, fields, options, agent_id)
    add(part.value ~= nil and decision.merged or decision.conflicts)
  end
end

--- What is to be done about the parts in which both sides differ.
---@param fields table<string, string>|nil of the lock's row
---@param wanted table as for parts()
---@param there table
---@param agent_id string
---@param options? anyreach.drift_options
---@return anyreach.drift_decision
function drift.decide(fields, wanted, there, agent_id, options)
  local decision = { kept = {}, merged = {}, conflicts = {}, quiet = {}, refused = {}, overwritten = {} }
  for _, part in ipairs(drift.parts(fields, wanted, there, agent_id)) do
    local differs = #diff.compare(part.wanted, part.there) > 0
    if differs then decide(decision, part, fields, options or {}, agent_id) end
  end
  return decision
end

-- }======

-- {====== carrying it out ======

local function with_value(container, keys, index, value)
  if index > #keys then return value end
  local copy = setmetatable({}, getmetatable(container))
  for key, part in pairs(type(container) == "table" and container or {}) do copy[key] = part end
  copy[keys[index]] = with_value(copy[keys[index]], keys, index + 1, value)
  return copy
end

--- A copy of contents with other values at the paths of parts.
---@generic T
---@param content T
---@param parts anyreach.drift_part[]
---@param field "wanted"|"there"|"value" of each part
---@return T copy which shares what has not changed
function drift.with(content, parts, field)
  for _, part in ipairs(parts) do
    local value = part[field]
    if value == json.null then value = nil end
    content = with_value(content, diff.keys(part.path), 1, value)
  end
  return content
end

--- What is to be written: what the file wants, but where the organisation's value, or both, stand.
---@param wanted table
---@param decision anyreach.drift_decision
---@return table
function drift.settled(wanted, decision)
  return drift.with(drift.with(wanted, decision.kept, "there"), decision.merged, "value")
end

--- What the organisation has, in the file's words: values that were stored in another form are as they were written.
---@param there table
---@param decision anyreach.drift_decision
---@return table
function drift.as_written(there, decision)
  return drift.with(drift.with(there, decision.quiet, "wanted"), decision.refused, "wanted")
end

-- Entries of parts, as they are after the decision was carried out.
local function note_parts(fields, parts, change)
  for _, part in ipairs(parts) do
    for _, path in ipairs(entries_below(fields, part.path)) do
      local entry = change(field_digests.parse(fields[path]), path)
      fields[path] = entry and field_digests.format(entry)
    end
  end
end

-- What the organisation has added stays noted while it is there and no file names it.
local function keep_additions(noted, before, there, agent_id)
  for path, entry in pairs(before) do
    if not noted[path] and field_digests.is_addition(entry)
      and entry.there == field_digests.of_place(there, path, false, agent_id) then
      noted[path] = field_digests.format(entry)
    end
  end
end

--- What the lock notes when a decision was carried out. What was kept stays noted as it was, and what was merged as if
--- the organisation had changed it, until the files have it, too.
---@param fields table<string, string>|nil of the row as it was
---@param wanted table what the file wants
---@param there table what the organisation has now
---@param agent_id string
---@param decision? anyreach.drift_decision
---@param version? integer of the row as it was
---@return table<string, string>
function drift.note(fields, wanted, there, agent_id, decision, version)
  local noted, before = field_digests.note(wanted, there, agent_id), field_digests.entries(fields)
  keep_additions(noted, before, there, agent_id)
  if not decision then return noted end
  for _, part in ipairs(decision.kept) do
    for _, path in ipairs(entries_below(noted, part.path)) do noted[path] = nil end
    for _, path in ipairs(entries_below(before, part.path)) do
      local entry = before[path]
      entry.version = entry.version or version
      noted[path] = field_digests.format(entry)
    end
  end
  note_parts(noted, decision.merged, function(entry)
    entry.there = entry.written
    return entry
  end)
  return noted
end

--- What a row's fields are after the organisation did not take what was written.
---@param fields table<string, string>
---@param paths string[] of differences
---@return table<string, string>
function drift.mark_refused(fields, paths)
  local parts = {}
  for index, path in ipairs(paths) do parts[index] = { path = path } end
  note_parts(fields, parts, function(entry)
    entry.refused = true
    return entry
  end)
  return fields
end

-- }======

--- The values of contents that drift is about; the rest is no value that an organisation stores.
---@param content anyreach.contents
---@param name string
---@return table
function drift.values(content, name)
  local values = { name = name }
  for key, value in pairs(content) do values[key] = value end
  values.publish, values.phone_numbers, values.deploy_as_sip = nil, nil, nil
  return values
end

return drift
