-- Whose file is which: the id in the lock counts before the name. An agent that was renamed in the organisation keeps
-- its file, and so does one that has another name in its file.

local agent_lookup = require "anyreach.agents.lookup"
local errors = require "anyreach.errors"
local folder = require "anyreach.agents.export.folder"

local owners = {}

-- The entry of the file that a row of the lock was written from.
local function entry_of_row(where, row)
  if where.by_name[row.agent] then return where.by_name[row.agent] end
  for _, entry in pairs(row.file and where.by_name or {}) do
    if entry.file == where.path .. "/" .. row.file then return entry end
  end
end

-- entry -> row, for rows whose agents have a file; each once.
local function rows_of_entries(where, rows)
  local found = {}
  for _, row in ipairs(rows) do
    local entry = entry_of_row(where, row)
    if entry and not found[entry] then found[entry] = row end
  end
  return found
end

local function take(result, entry, row)
  result.entry, result.row = entry, row
  result.file, result.stem = entry.file, entry.file:match("([^/]+)%.%w+$")
end

-- An entry that goes by the agent's name, unless it is another agent's that is still there.
local function find_by_name(api, result, where, row_of, is_there)
  local entry = where.by_name[result.name]
  local row = entry and row_of[entry]
  if not row or row.agent_id == result.agent_id then return entry end
  if is_there[row.agent_id] or agent_lookup.by_known_id(api, row.agent_id) then return nil end
  table.insert(result.notes, ("the agent that the lock names was deleted; this is another one of its name"))
  return entry
end

--- Gives each agent its file, its entry if it has one already, and the row of the lock.
---@param api anyreach.client
---@param results anyreach.export_result[]
---@param where anyreach.folder
---@param rows anyreach.lock_row[] of the organisation
function owners.choose(api, results, where, rows)
  local row_of, by_id, is_there = rows_of_entries(where, rows), {}, {}
  for entry, row in pairs(row_of) do by_id[row.agent_id] = entry end
  for _, result in ipairs(results) do is_there[result.agent_id] = true end
  for _, result in ipairs(results) do
    local entry = by_id[result.agent_id]
    if entry then take(result, entry, row_of[entry]) end
  end
  for _, result in ipairs(results) do
    local entry = not result.entry and find_by_name(api, result, where, row_of, is_there)
    if entry then
      take(result, entry)
    elseif not result.entry then
      result.stem = folder.stem(result.name, function(stem) return where.stems[stem] ~= nil end)
      result.file = ("%s/%s.yaml"):format(where.path, result.stem)
      where.stems[result.stem] = result.name
    end
  end
end

--- Refuses files that would describe an agent of the same name as another file.
---@param results anyreach.export_result[] with their values
---@param where anyreach.folder
---@param fail fun(result: anyreach.export_result, err: any)
function owners.refuse_twins(results, where, fail)
  local files, is_matched = {}, {}
  for _, result in ipairs(results) do
    if result.entry and result.value then is_matched[result.entry] = true end
  end
  for name, entry in pairs(where.by_name) do
    if not is_matched[entry] then files[name] = entry.file end
  end
  for _, result in ipairs(results) do
    local name = result.value and result.value.name
    local other = name and files[name]
    if other and other ~= result.file then
      fail(result, errors.make { kind = "conflict", message = ("the agent is called '%s' now, and so is the one in %s; "
        .. "rename or remove one of the two"):format(name, other) })
    elseif name then
      files[name] = result.file
    end
  end
end

return owners
