-- What source and target have in common, for the merge of a promotion: the version that was promoted last, in the
-- target's terms. What the target's environment file gave then is known by digests in the lock. Where nothing was
-- promoted yet, what `provision` wrote to the target counts, as far as nobody has changed it since. Pure.

local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local field_digests = require "anyreach.agents.field_digests"

local base = {}

-- {====== what the environment file gave ======

local function entry_of(path, value, there, agent_id)
  local is_secret = field_digests.is_secret(value)
  return {
    written = field_digests.of_leaf({ path = path, value = value, is_secret = is_secret }, agent_id),
    there = field_digests.of_place(there, path, is_secret, agent_id),
  }
end

--- What the lock notes of values that the environment file gives.
---@param replaced table<string, any> path -> value
---@param there table what the target has now
---@param agent_id string
---@return table<string, string>|nil fields nil when there are none
function base.note(replaced, there, agent_id)
  local fields
  for path, value in pairs(replaced) do
    fields = fields or {}
    fields[path] = field_digests.format(entry_of(path, value, there, agent_id))
  end
  return fields
end

--- The base with what the environment file gave: its value now if that is the same still, else the target's if
--- nobody has changed that.
---@param content table
---@param replaced table<string, any> path -> value
---@param fields table<string, string>|nil of the promotion's row
---@param there table what the target has
---@param agent_id string
---@return table
---@return table<string, true> quiet paths at which neither side has changed anything, though they may differ
function base.with_given(content, replaced, fields, there, agent_id)
  local parts, quiet, entries = {}, {}, field_digests.entries(fields)
  for path, value in pairs(replaced) do
    local entry, now = entries[path], entry_of(path, value, there, agent_id)
    if entry and entry.written == now.written then
      quiet[path] = entry.there == now.there or nil
      parts[#parts + 1] = { path = path, value = value }
    elseif entry and entry.there == now.there then
      parts[#parts + 1] = { path = path, value = field_digests.at(there, path) }
    end
  end
  return drift.with(content, parts, "value"), quiet
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
