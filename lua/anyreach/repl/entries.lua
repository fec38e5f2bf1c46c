-- The entries of a table in the order in which they are shown: a list's elements, then fields that say
-- what the thing is, then the others by name, then keys that are no names. Raw: no metamethod runs.

local lexer = require "anyreach.repl.lexer"
local text = require "anyreach.repl.text"

local entries = {}

---@class anyreach.repl.entry
---@field key any
---@field value any
---@field label? string the key as a Lua table constructor has it: `name`, `["a b"]`; nil of a list's element

local FIRST = {}
for i, name in ipairs {
  "id", "agent_id", "name", "title", "kind", "type", "status", "state", "version", "number", "direction", "active",
  "message", "description",
} do
  FIRST[name] = i
end

local function key_text(key)
  if lexer.is_name(key) then return key end
  if type(key) == "string" then return "[" .. text.quoted(key) .. "]" end
  return "[" .. (type(key) == "number" and tostring(key) or "<" .. type(key) .. ">") .. "]"
end

local function comes_before(a, b)
  local first, second = FIRST[a.key], FIRST[b.key]
  if first or second then return (first or math.huge) < (second or math.huge) end
  if type(a.key) ~= type(b.key) then return type(a.key) > type(b.key) end
  if type(a.key) == "string" or type(a.key) == "number" then return a.key < b.key end
  return false
end

--- How many elements stand at 1, 2, … without a gap.
---@param value table
---@return integer
function entries.count_elements(value)
  local count = 0
  while rawget(value, count + 1) ~= nil do count = count + 1 end
  return count
end

--- All entries, in order.
---@param value table
---@return anyreach.repl.entry[]
function entries.of(value)
  local count, list, fields = entries.count_elements(value), {}, {}
  for i = 1, count do list[i] = { key = i, value = rawget(value, i) } end
  for key, item in next, value do
    local is_element = math.type(key) == "integer" and key >= 1 and key <= count
    if not is_element then fields[#fields + 1] = { key = key, value = item, label = key_text(key) } end
  end
  table.sort(fields, comes_before)
  return table.move(fields, 1, #fields, count + 1, list)
end

return entries
