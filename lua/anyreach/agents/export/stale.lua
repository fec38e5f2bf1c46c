-- Agents that have a file and are no more in the organisation. They are told; their files are removed
-- only when that is asked for, with the prompts that nothing else names.

local directory = require "anyreach.directory"
local folder = require "anyreach.agents.export.folder"
local yaml = require "anyreach.yaml"

local stale = {}

-- The text files that a value names, inside the directory; what lies elsewhere is not ours to remove.
local function named_files(value, where, found)
  if type(value) ~= "table" then return found end
  if yaml.is_tag(value) then
    local relative = value.tag == "!file" and value.value
    if type(relative) == "string" and not relative:find("^/") and not relative:find("..", 1, true) then
      found[#found + 1] = folder.resolve(where.path, relative)
    end
    return found
  end
  for _, part in pairs(value) do named_files(part, where, found) end
  return found
end

-- The agent file, and the texts that it alone names, once.
local function files_of(entry, where)
  local list, counts = { entry.file }, {}
  for _, path in ipairs(named_files(entry.value, where, {})) do
    counts[path] = (counts[path] or 0) + 1
    if counts[path] == where.uses[path] and directory.kind(path) == "file" then list[#list + 1] = path end
  end
  return list
end

--- Adds the agents that are no more.
---@param results anyreach.export_result[] of all agents of the organisation
---@param where anyreach.folder
---@param removes boolean? their files are to be removed
function stale.add(results, where, removes)
  local present, gone = {}, {}
  for _, result in ipairs(results) do present[result.name] = true end
  for name in pairs(where.by_name) do
    if not present[name] then gone[#gone + 1] = name end
  end
  table.sort(gone)
  for _, name in ipairs(gone) do
    local entry = where.by_name[name]
    results[#results + 1] = {
      name = name, file = entry.file, action = removes and "removed" or "gone", writes = {}, notes = {},
      removes = removes and files_of(entry, where) or {},
    }
  end
end

return stale
