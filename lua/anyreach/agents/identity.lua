-- Which agent of an organisation each file means, when names have changed: the id in the lock counts before the name.
-- A row of the lock belongs to the file that says its name; a row whose name no file says, to the file that it was
-- written from, or to the one that says the same under another name. Pure.

local identity = {}

---@class anyreach.named_file
---@field name string
---@field file string path relative to the lock
---@field digest string of what it says, without the name

-- The ways in which a file and a row belong together, the best first: by what the row is found, and what else must
-- hold.
local ways = {
  { "name", function(agent, row) return agent.file == row.file or agent.digest == row.files end },
  { "file", function(agent, row) return agent.digest == row.files end },
  { "name", function() return true end },
  { "file", function() return true end },
  { "digest", function(_, row, is_there) return not is_there(row) end },
}

-- Key of a file -> the key of a row that says the same.
local keys_of_rows = { name = "agent", file = "file", digest = "files" }

-- Key of a file -> value -> rows.
local function index_rows(rows)
  local index = {}
  for key, row_key in pairs(keys_of_rows) do
    index[key] = {}
    for _, row in ipairs(rows) do
      local value = row[row_key]
      if value then
        index[key][value] = index[key][value] or {}
        table.insert(index[key][value], row)
      end
    end
  end
  return index
end

--- Matches files with rows; each row and each file is matched at most once.
---@param agents anyreach.named_file[] in a fixed order
---@param rows anyreach.lock_row[] of one lock and organisation
---@param is_there fun(row: anyreach.lock_row): boolean whether the file of a row may still describe it
---@return table<string, anyreach.lock_row> name in the file -> row
function identity.match(agents, rows, is_there)
  local found, is_taken, index = {}, {}, index_rows(rows)
  local function try(agent, key, belong)
    for _, row in ipairs(index[key][agent[key]] or {}) do
      if not is_taken[row] and belong(agent, row, is_there) then
        found[agent.name], is_taken[row] = row, true
        return
      end
    end
  end
  for _, way in ipairs(ways) do
    for _, agent in ipairs(agents) do
      if not found[agent.name] then try(agent, way[1], way[2]) end
    end
  end
  return found
end

return identity
