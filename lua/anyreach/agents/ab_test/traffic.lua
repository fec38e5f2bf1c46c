-- Reading the conversations of variants: by version, day by day and several days at once, so that a long
-- experiment is read fast and no list runs on without end. What is needed of each is kept, the rest is not.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local outcome = require "anyreach.agents.ab_test.outcome"
local progress = require "anyreach.progress"
local tasks = require "anyreach.client.tasks"
local timestamp = require "anyreach.text.timestamp"

local traffic = {}

local DAY = 86400 * 1000000 -- microseconds
local DEFAULT_MOST = 200000 -- conversations

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

-- The value at a dotted path, or nil for null and for what is not there.
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
  local is_over = outcome.is_final(conversation.status)
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
  errors.raise("answer", "conversations.list: a row holds no 'created_at' that is a time")
end

-- Both ends of a window belong to it, so a conversation may come twice.
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

---@class anyreach.traffic
---@field observations anyreach.observation[]
---@field elsewhere integer conversations of the versions over other numbers, which were left out

---@class anyreach.traffic_options
---@field from string time stamp
---@field to string time stamp
---@field caller string path of the field that tells who called
---@field outcome? anyreach.outcome
---@field most? integer conversations; more are an error. Default 200,000

--- Reads the conversations of sources.
---@param api anyreach.client
---@param sources anyreach.traffic_source[]
---@param options anyreach.traffic_options
---@return anyreach.traffic
function traffic.read(api, sources, options)
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

return traffic
