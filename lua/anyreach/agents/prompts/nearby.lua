-- What two recipes write to one agent from one repository: `provision` from agent files, `migrate-prompts` from a
-- folder of prompts. Each keeps its rows in the lock of its directory; so that neither takes the other's work for
-- somebody else's, each reads the other's lock: that of its own directory, of the one above, and of those in it and
-- beside it. Only reads.

local diff = require "anyreach.text.diff"
local directory = require "anyreach.directory"
local field_digests = require "anyreach.agents.field_digests"
local lock = require "anyreach.agents.lock"

local nearby = {}

local function add_locks_in(found, folder)
  for _, name in ipairs(directory.names(folder) or {}) do
    found[#found + 1] = name == lock.NAME and folder .. "/" .. name or folder .. "/" .. name .. "/" .. lock.NAME
  end
end

local function lock_paths(path)
  local folder = directory.resolved(path:match("^(.*)/") or ".")
  local found, seen, list = {}, {}, {}
  if not folder then return list end
  add_locks_in(found, folder)
  add_locks_in(found, folder:match("^(.+)/[^/]*$") or folder)
  for _, one in ipairs(found) do
    if not seen[one] and directory.kind(one) == "file" then list[#list + 1] = one end
    seen[one] = true
  end
  return list
end

--- The rows about agents of an organisation in the locks near one: those of prompts, or those of agent files.
---@param path string of the lock
---@param account string key
---@param of "prompts"|"files"
---@return table<string, anyreach.lock_row> by agent_id
function nearby.rows(path, account, of)
  local rows = {}
  for _, one in ipairs(lock_paths(path)) do
    local ok, opened = pcall(lock.read, one)
    for _, row in ipairs(ok and opened:all_rows() or {}) do
      local is_wanted = row.account == account and row.agent_id and row.from == (of == "prompts" and "prompts" or nil)
      local other = rows[row.agent_id]
      if is_wanted and (not other or (other.version or 0) < (row.version or 0)) then rows[row.agent_id] = row end
    end
  end
  return rows
end

--- True when the text of a prompt is what a row of prompts says that the organisation had after it was written.
---@param row anyreach.lock_row|nil
---@param field string below config
---@param text any
---@return boolean
function nearby.is_prompt_of(row, field, text)
  local entry = row and row.fields and field_digests.parse(row.fields[diff.path("", field)] or "")
  return entry ~= nil and entry.there == field_digests.of_place({ text = text }, "text", false, row.agent_id)
end

--- The same of a row of agent files.
---@param row anyreach.lock_row|nil
---@param path string
---@param value any
---@return boolean
function nearby.is_value_of(row, path, value)
  local entry = row and row.fields and field_digests.parse(row.fields[path] or "")
  return entry ~= nil and entry.there == field_digests.of_place({ value = value }, "value", false, row.agent_id)
end

return nearby
