-- What a conversation has come to: success, failure, or nothing that counts. The outcome is a status, a
-- set of fields of custom_metadata, or a Lua function in a file.

local errors = require "anyreach.errors"
local json = require "anyreach.json"

local outcome = {}

--- The statuses that a conversation ends with, and keeps.
outcome.statuses = { "cancelled", "completed", "failed", "transferred", "unanswered" }

local final = {}
for _, status in ipairs(outcome.statuses) do final[status] = true end

--- True for a status that does not change any more.
---@param status any
---@return boolean
function outcome.is_final(status)
  return final[status] == true
end

---@alias anyreach.outcome fun(conversation: table): boolean|nil nil: it does not count

local function set_of(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

local function by_status(statuses)
  local wanted = set_of(statuses)
  return function(conversation) return wanted[conversation.status] == true end
end

-- Metadata that the credential may not see are absent, not empty; taking them for empty would make a
-- failure of every conversation.
local function by_metadata(fields)
  return function(conversation)
    local metadata = conversation.custom_metadata
    if metadata == nil then
      errors.raise("forbidden", "conversation %s shows no custom_metadata; that takes a credential with the scope "
        .. "conversations:read_sensitive", tostring(conversation.id))
    end
    for name, value in pairs(fields) do
      if type(metadata) ~= "table" or not json.equal(metadata[name], value) then return false end
    end
    return true
  end
end

-- The file returns the function. What it raises names the file and the line already.
local function by_function(file)
  local chunk, message = loadfile(file)
  if not chunk then errors.raise("input", "%s", message) end
  local judge = chunk()
  if type(judge) ~= "function" then
    errors.raise("input", "%s: expected it to return a function of a conversation, got a %s", file, type(judge))
  end
  return function(conversation)
    local result = judge(conversation)
    if result == nil or type(result) == "boolean" then return result end
    errors.raise("input", "%s: expected true, false or nil for conversation %s, got a %s", file,
      tostring(conversation.id), type(result))
  end
end

local function fields_text(fields)
  local parts = {}
  for name, value in pairs(fields) do parts[#parts + 1] = ("%s is %s"):format(name, json.encode(value)) end
  table.sort(parts)
  return table.concat(parts, ", ")
end

--- What counts as success, in words.
---@param wanted {status?: string[], metadata?: table, file?: string, among?: string[]}
---@return string
function outcome.describe(wanted)
  local success = wanted.status and "status " .. table.concat(wanted.status, " or ")
    or wanted.metadata and fields_text(wanted.metadata) or "as " .. wanted.file:match "[^/]+$" .. " says"
  if not wanted.among then return success end
  return ("%s, of those that are %s"):format(success, table.concat(wanted.among, " or "))
end

--- Makes the function that tells the outcome of a conversation that has ended.
---@param wanted {status?: string[], metadata?: table, file?: string, among?: string[]}
---@return anyreach.outcome
function outcome.make(wanted)
  local judge = wanted.status and by_status(wanted.status) or wanted.metadata and by_metadata(wanted.metadata)
    or by_function(wanted.file)
  local among = wanted.among and set_of(wanted.among) or final
  return function(conversation)
    if not among[conversation.status] then return nil end
    return judge(conversation)
  end
end

return outcome
