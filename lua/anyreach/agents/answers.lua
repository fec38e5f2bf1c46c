-- Answers of a server, which may lack what they should hold, or hold something else there. What recipes rely
-- on is checked where an answer comes in; what else an answer holds is the server's affair.

local errors = require "anyreach.errors"
local json = require "anyreach.json"

local answers = {}

-- {====== what a field holds ======

local tests = {
  text = function(value) return type(value) == "string" end,
  integer = function(value) return math.type(value) == "integer" end,
  mapping = function(value)
    return type(value) == "table" and not json.is_array(value) and not json.is_number(value)
  end,
}

local words = { text = "a text", integer = "an integer", mapping = "an object" }

-- A value in words, for messages.
local function describe(value)
  if value == nil then return "nothing" end
  if value == json.null then return "null" end
  if type(value) ~= "table" or json.is_number(value) then return "a " .. type(value) end
  return json.is_array(value) and "a list" or "an object"
end

local function fail(operation, field, kind, value)
  errors.raise("answer", "%s: the answer holds no usable '%s'; expected %s, got %s", operation, field, words[kind],
    describe(value))
end

-- }======

---@alias anyreach.answer_kind "agent"|"version"|"whole_version"|"phone_number"|"trunk"

-- Field -> what it holds; with a question mark null and nothing will do as well. The id of a version is
-- not documented, and needed for phone numbers alone. A list may leave configurations out.
local shapes = {
  agent = { id = "text", name = "text", metadata = "mapping?" },
  version = { version = "integer", id = "text?", config = "mapping?", instruction_builder_inputs = "mapping?" },
  whole_version = { version = "integer", id = "text?", config = "mapping", instruction_builder_inputs = "mapping?" },
  phone_number = {
    phone_number = "text", inbound_agent_version_id = "text?", outbound_agent_version_id = "text?",
  },
  trunk = { id = "text", name = "text" },
}

-- The field by which two rows of a list are told to be one.
local keys = { agent = "id", version = "version", phone_number = "phone_number", trunk = "id" }

--- What an operation answered, if it is what it should be; anything else raises an error of kind "answer".
---@param kind anyreach.answer_kind
---@param answer any
---@param operation string for the message
---@return table answer
function answers.read(kind, answer, operation)
  if not tests.mapping(answer) then
    errors.raise("answer", "%s: expected an object in the answer, got %s", operation, describe(answer))
  end
  for field, expected in pairs(shapes[kind]) do
    local wanted, mark = expected:match("^(%a+)(%??)$")
    local value = answer[field]
    local is_absent = value == nil or value == json.null
    if not tests[wanted](value) and not (is_absent and mark == "?") then fail(operation, field, wanted, value) end
  end
  return answer
end

--- The rows of a list, each once: one may come again when others come or go while the pages are read.
---@param kind anyreach.answer_kind
---@param rows fun(): any an iterator, such as api.agents.each()
---@param operation string for the message
---@return table[]
function answers.list(kind, rows, operation)
  local list, seen, key = {}, {}, keys[kind]
  for row in rows do
    local value = answers.read(kind, row, operation)[key]
    if not seen[value] then list[#list + 1] = row end
    seen[value] = true
  end
  return list
end

--- The id of a version, by which slots of phone numbers know it; without one raises an error of kind "answer".
---@param version table
---@return string
function answers.version_id(version)
  if not tests.text(version.id) then fail("agents.versions", "id", "text", version.id) end
  return version.id
end

return answers
