-- What source and target have in common, for the merge of a promotion: the version that was promoted last, in the
-- target's terms. What the target's environment file gave then, and what the target made of what was written, is known
-- by digests in the lock. Where nothing was promoted yet, what `provision` wrote to the target counts, as far as nobody
-- has changed it since. Pure.

local additions = require "anyreach.agents.additions"
local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"

local base = {}

-- {====== what the environment file gave ======

local function entry_of(path, value, there, agent_id)
  local is_secret = field_digests.is_secret(value)
  return {
    written = field_digests.of_leaf({ path = path, value = value, is_secret = is_secret }, agent_id),
    there = field_digests.of_place(there, path, is_secret, agent_id),
  }
end

-- What becomes of the base where a value was noted, as a part; nil when it stays as it is.
local function part_then(path, entry, content, replaced, there, agent_id)
  local is_secret = field_digests.is_of_secret(entry)
  if entry.written == field_digests.of_place(content, path, is_secret, agent_id) then return nil end
  local given = replaced[path]
  if given ~= nil and entry.written == entry_of(path, given, there, agent_id).written then
    return { path = path, value = given }
  end
  local value = field_digests.at(there, path)
  local is_unmoved = entry.there == field_digests.of_place(there, path, is_secret, agent_id)
  return value ~= nil and is_unmoved and { path = path, value = value } or nil
end

--- The base with what the environment file gave: its value now if that is the same still, else the target's if
--- nobody has changed that.
---@param content table
---@param replaced table<string, any> path -> value
---@param fields table<string, string>|nil of the promotion's row
---@param there table what the target has
---@param agent_id string
---@return table
function base.with_given(content, replaced, fields, there, agent_id)
  local parts = {}
  for path, entry in pairs(field_digests.entries(fields)) do
    local is_value = path:sub(-2) ~= "[]" and not field_digests.is_addition(entry)
    parts[#parts + 1] = is_value and part_then(path, entry, content, replaced, there, agent_id) or nil
  end
  return drift.with(content, parts, "value")
end

-- }======

-- {====== what came back ======

-- All of a version is promoted: without inputs it has none.
local function whole(content)
  local inputs = content.instruction_builder_inputs
  return { config = content.config, instruction_builder_inputs = inputs == nil and json.null or inputs }
end

--- What the lock notes of a version that was written: the values that the environment file gives, those that came back
--- in another form, and those that the server added.
---@param content table what was written
---@param replaced table<string, any> path -> value, of what the environment file gives
---@param there table what came back
---@param agent_id string
---@return table<string, string>|nil fields nil when there is nothing to note
function base.note(content, replaced, there, agent_id)
  local fields = {}
  for path, text in pairs(field_digests.note(whole(content), there, agent_id)) do
    local entry = field_digests.parse(text)
    if entry.there ~= entry.written then fields[path] = text end
  end
  for path, value in pairs(replaced) do
    fields[path] = field_digests.format(entry_of(path, value, there, agent_id))
  end
  additions.note(fields, whole(content), there, agent_id)
  return next(fields) and fields or nil
end

--- What a version holds in the words in which it was written, as far as it is what came back then.
---@param content table what it holds
---@param fields table<string, string>|nil what the lock notes of it
---@param written table that still has the values which were written
---@param agent_id string
---@return table
function base.as_written(content, fields, written, agent_id)
  local parts, wanted = {}, whole(written)
  for path, entry in pairs(field_digests.entries(fields)) do
    local is_value = entry.there ~= entry.written and not field_digests.is_addition(entry) and path:sub(-2) ~= "[]"
    local is_secret = field_digests.is_of_secret(entry)
    if is_value and entry.there == field_digests.of_place(content, path, is_secret, agent_id)
      and entry.written == field_digests.of_place(wanted, path, is_secret, agent_id) then
      parts[#parts + 1] = { path = path, value = field_digests.at(wanted, path) }
    end
  end
  return additions.without(fields, wanted, drift.with(content, parts, "value"), agent_id)
end

-- }======

-- {====== what provision wrote ======

local function is_unmoved(state, path)
  local entry = state.entries[path]
  return entry.there == field_digests.of_place(state.there, path, field_digests.is_of_secret(entry), state.agent_id)
end

local function are_all_unmoved(state, path)
  for other in pairs(state.entries) do
    if other:sub(1, #path + 1) == path .. "[" and not is_unmoved(state, other) then return false end
  end
  return true
end

local pick

local function pick_parts(state, path, value)
  local picked
  for key, part in pairs(value) do
    local found = pick(state, diff.path(path, key), part)
    if found ~= nil then
      picked = picked or {}
      picked[key] = found
    end
  end
  return picked
end

function pick(state, path, value)
  if state.entries[path] then return is_unmoved(state, path) and value or nil end
  local kind = field_digests.kind(value)
  if kind == "mapping" then return pick_parts(state, path, value) end
  if kind == "list" and state.entries[path .. "[]"] and are_all_unmoved(state, path) then return value end
end

--- What `provision` wrote to the target and nobody has changed since.
---@param row anyreach.lock_row|nil
---@param there table what the target has
---@param agent_id string
---@return table|nil
function base.of_files(row, there, agent_id)
  if not row or not row.fields or row.agent_id ~= agent_id then return nil end
  local state = { entries = field_digests.entries(row.fields), there = there, agent_id = agent_id }
  return pick(state, "", there)
end

-- }======

return base
