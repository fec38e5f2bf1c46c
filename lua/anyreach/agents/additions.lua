-- Fields that a server adds to what it is given. What comes back right after everything was written, and was not
-- written, is the server's and not somebody's; the lock notes it as a value that was written as nothing
-- (agents/field_digests.lua). Where the files are everything (`--exact`, promotions), such a field is no difference as
-- long as it stays what it was. Pure.

local diff = require "anyreach.text.diff"
local drift = require "anyreach.agents.drift"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"
local overlay = require "anyreach.text.overlay"

local additions = {}

---@class anyreach.addition
---@field path string of a value that nothing above or beside it in what was written has a place for
---@field value any

--- What there is beyond what is wanted, below the keys that this names.
---@param wanted table
---@param there table
---@return anyreach.addition[]
function additions.find(wanted, there)
  local found = {}
  for key, value in pairs(wanted) do
    local whole = overlay.apply(value, there[key], true)
    for _, difference in ipairs(diff.compare(whole, there[key], { path = key, exact = true })) do
      if difference.change == "removed" then
        found[#found + 1] = { path = difference.path, value = difference.before }
      end
    end
  end
  table.sort(found, function(a, b) return a.path < b.path end)
  return found
end

local function is_noted(addition, entries, there, agent_id)
  for _, leaf in ipairs(field_digests.leaves(addition.value, addition.path)) do
    local entry = entries[leaf.path]
    local is_same = entry and field_digests.is_addition(entry)
      and entry.there == field_digests.of_place(there, leaf.path, false, agent_id)
    if not is_same then return false end
  end
  return true
end

--- What there is without the additions that a row notes and that nobody has changed since.
---@generic T: table
---@param fields table<string, string>|nil of the lock's row
---@param wanted table
---@param there T
---@param agent_id string
---@return T copy which shares what stays
function additions.without(fields, wanted, there, agent_id)
  local entries, known = field_digests.entries(fields), {}
  for _, addition in ipairs(next(entries) and additions.find(wanted, there) or {}) do
    if is_noted(addition, entries, there, agent_id) then
      table.insert(known, 1, { path = addition.path, value = json.null })
    end
  end
  return drift.with(there, known, "value")
end

--- Notes additions to what was just written.
---@param fields table<string, string> of the lock's row, changed in place
---@param wanted table what was written
---@param there table what came back
---@param agent_id string
---@return anyreach.addition[] those that the row did not note
function additions.note(fields, wanted, there, agent_id)
  local entries, new = field_digests.entries(fields), {}
  for _, addition in ipairs(additions.find(wanted, there)) do
    if not is_noted(addition, entries, there, agent_id) then new[#new + 1] = addition end
    for _, leaf in ipairs(field_digests.leaves(addition.value, addition.path)) do
      fields[leaf.path] = fields[leaf.path] or field_digests.format(
        field_digests.addition(field_digests.of_place(there, leaf.path, false, agent_id)))
    end
  end
  return new
end

return additions
