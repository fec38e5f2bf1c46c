-- The conversations of variants, and the outcome of each: success, failure, or neither. The outcome is a status, a set
-- of fields of custom_metadata, or what a Lua function in a file says. Conversations are read by version and day,
-- several days at once, so that a long experiment is read fast and no list grows without end; only what the analysis
-- needs of each is kept.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local progress = require "anyreach.progress"
local tasks = require "anyreach.client.tasks"
local timestamp = require "anyreach.text.timestamp"

local conversations = {}

local DAY = 86400 * 1000000 -- microseconds
local DEFAULT_MOST = 200000 -- conversations

-- {====== outcomes ======

--- The statuses that a conversation ends with.
conversations.final_statuses = { "cancelled", "completed", "failed", "transferred", "unanswered" }

local final = {}
for _, status in ipairs(conversations.final_statuses) do final[status] = true end

--- True for a status that no longer changes.
---@param status any
---@return boolean
function conversations.is_final(status)
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

-- Metadata that the credential may not see are absent, not empty; treating them as empty would make every
-- conversation a failure.
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

-- The file returns the function. Its errors name the file and the line already.
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
function conversations.describe_outcome(wanted)
  local success = wanted.status and "status " .. table.concat(wanted.status, " or ")
    or wanted.metadata and fields_text(wanted.metadata) or "as " .. wanted.file:match "[^/]+$" .. " says"
  if not wanted.among then return success end
  return ("%s, of those that are %s"):format(success, table.concat(wanted.among, " or "))
end

--- The function that judges conversations.
---@param wanted {status?: string[], metadata?: table, file?: string, among?: string[]}
---@return anyreach.outcome
function conversations.outcome(wanted)
  local judge = wanted.status and by_status(wanted.status) or wanted.metadata and by_metadata(wanted.metadata)
    or by_function(wanted.file)
  local among = wanted.among and set_of(wanted.among) or final
  return function(conversation)
    if not among[conversation.status] then return nil end
    return judge(conversation)
  end
end

-- }======

---@class anyreach.observation
---@field variant string
---@field date string "2026-11-23", in UTC
---@field caller any nil: unknown
---@field is_over boolean it has ended
---@field success boolean|nil nil: it does not count
---@field duration number|nil seconds
---@field turns number|nil

---@class anyreach.traffic_source
---@field variant string
---@field filter table<string, any> of conversations.list
---@field numbers table<string, boolean>|nil only conversations over these

-- {====== one conversation ======

-- The value at a dotted path; nil for null and for a missing one.
local function at(value, path)
  for field in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = value[field]
  end
  return value ~= json.null and value or nil
end

local function number_or_nil(value)
  return type(value) == "number" and value or nil
end

local function observe(conversation, source, options)
  local is_over = conversations.is_final(conversation.status)
  local success
  if is_over and options.outcome then success = options.outcome(conversation) end
  return {
    variant = source.variant,
    date = conversation.created_at:sub(1, 10),
    caller = at(conversation, options.caller),
    is_over = is_over,
    success = success,
    duration = number_or_nil(conversation.duration),
    turns = number_or_nil(conversation.user_turn_count),
  }
end

-- }======

-- {====== windows ======

local function midnight(text)
  local time = timestamp.parse(text)
  return time - time % DAY
end

-- One window for each source and day, from the day before the start (clocks differ) to tomorrow.
local function windows_of(sources, from, to)
  local windows = {}
  for _, source in ipairs(sources) do
    for time = midnight(from) - DAY, midnight(to) + DAY, DAY do
      windows[#windows + 1] = { source = source, from = timestamp.format(time), to = timestamp.format(time + DAY) }
    end
  end
  return windows
end

local function check_row(conversation)
  local time = type(conversation) == "table" and conversation.created_at
  if type(time) == "string" and timestamp.parse(time) then return end
  errors.raise("answer", "conversations.list: a row has no 'created_at' that is a time")
end

-- Both ends of a window belong to it, so a conversation may be listed twice.
local function is_new(seen, conversation)
  local id = conversation.id
  if id == nil then return true end
  if seen[id] then return false end
  seen[id] = true
  return true
end

local function is_over_numbers(source, conversation)
  return not source.numbers or source.numbers[conversation.agent_number] == true
end

-- }======

---@class anyreach.read_conversations
---@field observations anyreach.observation[]
---@field elsewhere integer conversations of the versions over other numbers, which were left out

---@class anyreach.conversation_options
---@field from string timestamp
---@field to string timestamp
---@field caller string path of the field that identifies the caller
---@field outcome? anyreach.outcome
---@field most? integer conversations; more are an error. Default 200,000

--- Reads the conversations of sources.
---@param api anyreach.client
---@param sources anyreach.traffic_source[]
---@param options anyreach.conversation_options
---@return anyreach.read_conversations
function conversations.read(api, sources, options)
  local most, seen = options.most or DEFAULT_MOST, {}
  local result, count = { observations = {}, elsewhere = 0 }, 0
  local windows = windows_of(sources, options.from, options.to)
  local shown <close> = progress.start { label = "reading conversations, days", total = #windows }
  local function take(conversation, source)
    check_row(conversation)
    if not is_new(seen, conversation) then return end
    count = count + 1
    if count > most then
      errors.raise("input", "there are more than %d conversations; read more with --most", most)
    elseif is_over_numbers(source, conversation) then
      table.insert(result.observations, observe(conversation, source, options))
    else
      result.elsewhere = result.elsewhere + 1
    end
  end
  tasks.map(windows, function(window)
    local query = { created_after = window.from, created_before = window.to }
    for name, value in pairs(window.source.filter) do query[name] = value end
    for conversation in api.conversations.each(query) do take(conversation, window.source) end
    shown:step()
  end)
  return result
end

return conversations
