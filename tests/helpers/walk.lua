-- Walks the life cycles of helpers.life_cycles: sends each step in the way that is given, and checks
-- status and answer.

local answers = require "helpers.openapi_answers"
local asking = require "helpers.sandbox"
local cycles = require "helpers.life_cycles"
local json = require "anyreach.json"
local operations = require "anyreach.operations"

local walk = {}

local MOST_POLLS = 20 -- the sandbox moves on with each of them

-- The value of "agent.id" or "created.1.id" among what was kept.
local function kept_value(kept, path)
  local value = kept
  for key in path:gmatch("[^.]+") do
    if type(value) ~= "table" then break end
    value = value[tonumber(key) or key]
  end
  if value == nil then error("nothing is kept as " .. path, 0) end
  return value
end

-- A copy with what was kept in the place of each "{path}".
local function fill(kept, value)
  if type(value) == "string" then
    local path = value:match("^{([^{}]+)}$")
    return path and kept_value(kept, path) or value
  elseif type(value) ~= "table" then
    return value
  end
  local copy = json.is_array(value) and json.array {} or {}
  for key, member in pairs(value) do copy[key] = fill(kept, member) end
  return copy
end

local function path_values(kept, step)
  local values = {}
  for i = 2, #step do values[#values + 1] = fill(kept, step[i]) end
  return values
end

---@class walk_request
---@field operation table from operations.describe
---@field path any[] the values of the path, in its order
---@field query table<string, any>|nil
---@field body any

local function request_of(kept, step)
  return {
    operation = operations.describe(step[1]) or error("no operation " .. step[1], 0),
    path = path_values(kept, step),
    query = fill(kept, step.query),
    body = fill(kept, step.body),
  }
end

local function check_answer(step, operation, status, value)
  local expected = step.status or operation.success_status
  if status ~= expected then
    local shown = value == nil and "" or json.encode(value)
    error(("%s: expected status %d, got %s %s"):format(step[1], expected, status, shown), 0)
  end
  local problems = answers.problems(operation, status, value)
  if #problems > 0 then error(step[1] .. ":\n  " .. table.concat(problems, "\n  "), 0) end
end

local function take_step(kept, step, send)
  local request = request_of(kept, step)
  for _ = 1, MOST_POLLS do
    local status, value = send(request)
    check_answer(step, request.operation, status, value)
    if not step.ready or step.ready(value) then return value end
  end
  error(step[1] .. ": is not ready after many polls", 0)
end

local function parameter(name, value)
  local text = type(value) == "table" and json.encode(value) or tostring(value)
  return name .. "=" .. asking.encode_query(text)
end

local function query_text(query)
  local parts = {}
  for name, value in pairs(query or {}) do
    local is_repeated = type(value) == "table" and value[1] ~= nil
    for _, each in ipairs(is_repeated and value or { value }) do parts[#parts + 1] = parameter(name, each) end
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- The path and query of a request, encoded.
---@param request walk_request
---@return string
function walk.target(request)
  local index = 0
  local path = request.operation.path:gsub("{[^}]*}", function()
    index = index + 1
    return asking.encode_query(tostring(request.path[index]))
  end)
  return path .. query_text(request.query)
end

--- The names of all cycles, in their order.
---@return string[]
function walk.names()
  local names = {}
  for i, cycle in ipairs(cycles) do names[i] = cycle.name end
  return names
end

--- A walker. What one cycle keeps the later ones may need, so they are walked in order.
---@param send fun(request: walk_request): integer, any status and decoded body (nil when it is empty)
---@param upload fun(url: string, bytes: string, content_type: string) sends bytes without the credential
---@return table walker with cycle(name) and walked, the set of operations
function walk.new(send, upload)
  local self, kept = { walked = {} }, {}

  local function step_on(step)
    if step.upload then
      upload(fill(kept, step.upload), step.bytes, fill(kept, step.content_type))
      return
    end
    local value = take_step(kept, step, send)
    self.walked[step[1]] = true
    if step.keep then kept[step.keep] = value end
    if step.check then step.check(value) end
  end

  function self.cycle(name)
    for _, cycle in ipairs(cycles) do
      if cycle.name == name then
        for _, step in ipairs(cycle) do step_on(step) end
      end
    end
  end

  return self
end

return walk
