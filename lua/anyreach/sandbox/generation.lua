-- Generation of instructions: asynchronous, like the real one, but with a fixed end and fixed words.
-- It is running for a given number of looks at the version, then it is completed.
-- That it is asynchronous and needs inputs is documented; the state, its field on the version
-- (`instruction_generation`) and the text are our choice.

local json = require "anyreach.json"

local generation = {}

local LOOKS = 3 -- the last of them finds it completed

---@param now string time stamp
---@return table state kept with the version
function generation.start(now)
  return { status = "running", requested_at = now, completed_at = json.null, looks_left = LOOKS }
end

---@param state table|userdata the state, or null when none was ever started
---@return boolean
function generation.is_running(state)
  return state ~= json.null and state.status == "running"
end

---Counts one look.
---@return boolean completed
function generation.advance(state)
  state.looks_left = state.looks_left - 1
  if state.looks_left > 0 then return false end
  state.status = "completed"
  return true
end

---The state as the API shows it.
function generation.present(state)
  if state ~= json.null then state.looks_left = nil end
  return state
end

local function title(name)
  local words = name:gsub("[_-]+", " ")
  return words:sub(1, 1):upper() .. words:sub(2)
end

local function paragraph(value)
  if type(value) == "string" then return value end
  if not json.is_array(value) then return json.encode(value) end
  local lines = {}
  for _, element in ipairs(value) do lines[#lines + 1] = "- " .. paragraph(element) end
  return table.concat(lines, "\n")
end

---Instructions from the inputs: one section for each, in the order of their names.
---@param inputs table<string, any>
---@return string
function generation.write(inputs)
  local names, parts = {}, { "You are a voice agent. Follow these instructions." }
  for name in pairs(inputs) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("# %s\n%s"):format(title(name), paragraph(inputs[name]))
  end
  return table.concat(parts, "\n\n")
end

return generation
