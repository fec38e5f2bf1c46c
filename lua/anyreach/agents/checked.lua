-- Checked answers: a server may leave a field out, or put something else into it. The fields that recipes rely
-- on are checked where an answer comes in, so that the rest of the code can use them without looking; other
-- fields are passed on unseen. Any module below agents/ may call it.

local errors = require "anyreach.errors"
local json = require "anyreach.json"

local checked = {}

-- {====== fields ======

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

---@alias anyreach.checked_kind "agent"|"version"|"whole_version"|"phone_number"|"trunk"

-- Field -> what it must hold; a question mark allows null and absent. The id of a version is not documented,
-- and only phone numbers need it. A list may leave configurations out.
local shapes = {
  agent = { id = "text", name = "text", metadata = "mapping?" },
  version = { version = "integer", id = "text?", config = "mapping?", instruction_builder_inputs = "mapping?" },
  whole_version = { version = "integer", id = "text?", config = "mapping", instruction_builder_inputs = "mapping?" },
  phone_number = {
    phone_number = "text", inbound_agent_version_id = "text?", outbound_agent_version_id = "text?",
  },
  trunk = { id = "text", name = "text" },
}

-- The field that identifies a row: two rows with the same value are one thing.
local keys = { agent = "id", version = "version", phone_number = "phone_number", trunk = "id" }

--- The answer to an operation that returns one object. An answer that does not fit raises an error of kind
--- "answer".
---@param kind anyreach.checked_kind
---@param answer any
---@param operation string for the message
---@return table answer
function checked.object(kind, answer, operation)
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

--- The rows of a list, each once: a row may come again on a later page when others are added or deleted while
--- the pages are read. A row that does not fit raises an error of kind "answer".
---@param kind anyreach.checked_kind
---@param rows fun(): any an iterator, such as api.agents.each()
---@param operation string for the message
---@return table[]
function checked.list(kind, rows, operation)
  local list, seen, key = {}, {}, keys[kind]
  for row in rows do
    local value = checked.object(kind, row, operation)[key]
    if not seen[value] then list[#list + 1] = row end
    seen[value] = true
  end
  return list
end

--- The id of a version, which the slots of phone numbers hold. A version without one raises an error of kind
--- "answer".
---@param version table
---@return string
function checked.version_id(version)
  if not tests.text(version.id) then fail("agents.versions", "id", "text", version.id) end
  return version.id
end

return checked
