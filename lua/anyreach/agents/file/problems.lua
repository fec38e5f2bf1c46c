-- What is wrong with agent files, gathered as {path = place, message =} and raised as one error. A place is
-- "file:line:column", or "file" where no more is known.

local errors = require "anyreach.errors"

local problems = {}

---@param list table[] to which the problem is added
---@param place string
---@param format string
function problems.add(list, place, format, ...)
  list[#list + 1] = { path = place, message = format:format(...) }
end

-- Places of one file in the order of its lines, files in the order they were read.
local function sort(list, files)
  local order, keys = {}, {}
  for index, file in ipairs(files) do order[file] = order[file] or index end
  for _, problem in ipairs(list) do
    local file, line = problem.path:match("^(.-):(%d+):%d+$")
    keys[problem] = { order[file or problem.path] or 0, tonumber(line) or 0, problem.message }
  end
  table.sort(list, function(a, b)
    for part = 1, 3 do
      if keys[a][part] ~= keys[b][part] then return keys[a][part] < keys[b][part] end
    end
    return false
  end)
end

--- Raises one error of kind "input" that lists the problems, if there are any.
---@param list {path: string, message: string}[]
---@param files string[] in the order in which they are to be told of
function problems.raise(list, files)
  if #list == 0 then return end
  sort(list, files)
  error(errors.make { kind = "input", problems = list }, 0)
end

return problems
