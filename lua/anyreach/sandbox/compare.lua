-- The difference between two versions as plain text: one line a field that was added, removed or
-- changed, by its path, in the order of the paths.

local json = require "anyreach.json"

local compare = {}

local SHOWN_MAX = 60 -- characters of a value

local function show(value)
  local text = json.encode(value)
  local cut = utf8.offset(text, SHOWN_MAX + 1)
  if cut and cut <= #text then return text:sub(1, cut - 1) .. "…" end
  return text
end

local function is_container(value)
  return type(value) == "table"
end

-- The keys of both, sorted. Both are objects or both are arrays, so the keys are of one type.
local function keys_of(first, second)
  local seen, keys = {}, {}
  for _, container in ipairs { first, second } do
    for key in pairs(container) do
      if not seen[key] then
        seen[key] = true
        keys[#keys + 1] = key
      end
    end
  end
  table.sort(keys)
  return keys
end

local function child_path(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  return path == "" and key or path .. "." .. key
end

local function are_of_one_kind(first, second)
  return is_container(first) and is_container(second) and json.is_array(first) == json.is_array(second)
end

local function collect(lines, path, first, second)
  if not are_of_one_kind(first, second) then
    if is_container(first) or is_container(second) or not json.equal(first, second) then
      lines[#lines + 1] = ("- %s changed from %s to %s"):format(path, show(first), show(second))
    end
    return
  end
  for _, key in ipairs(keys_of(first, second)) do
    local was, is, name = first[key], second[key], child_path(path, key)
    if was == nil then
      lines[#lines + 1] = ("- %s added: %s"):format(name, show(is))
    elseif is == nil then
      lines[#lines + 1] = ("- %s removed; it was %s"):format(name, show(was))
    else
      collect(lines, name, was, is)
    end
  end
end

---@param from { config: table, instruction_builder_inputs: any }
---@param to { config: table, instruction_builder_inputs: any }
---@return string text
function compare.describe(from, to)
  local lines = {}
  collect(lines, "config", from.config, to.config)
  collect(lines, "instruction_builder_inputs", from.instruction_builder_inputs, to.instruction_builder_inputs)
  if #lines == 0 then return "The versions do not differ.\n" end
  local places = #lines == 1 and "one place" or ("%d places"):format(#lines)
  return ("The versions differ in %s:\n%s\n"):format(places, table.concat(lines, "\n"))
end

return compare
