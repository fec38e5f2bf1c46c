-- The admin service: the caller's own scopes, the summary of what an organisation has used, and keys of an
-- organisation, which are shown once and then known by their SHA-256 alone. Keys are stored in
-- "organization_pats" under that digest.

local digest = require "anyreach.digest"
local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local timestamp = require "anyreach.text.timestamp"

local admin = {}

local COUNTS = {
  "voice_minutes", "chat_minutes", "total_calls", "voice_calls", "chat_calls", "inbound_calls", "outbound_calls",
  "workflow_runs_total", "workflow_runs_success", "workflow_runs_failed",
}

local LONGEST_RANGE = 366 * 86400 * 1000000 -- microseconds; documented

local function read_time(query, name)
  if query[name] == nil then checks.refuse(422, "%s: required but missing", name) end
  local time = timestamp.parse(query[name])
  if not time then checks.refuse(422, "%s: expected a date-time such as 2026-01-02T03:04:05Z", name) end
  return time
end

-- The limits are documented; that both ends are required, and 422, are our choice.
local function read_range(query)
  local from, to = read_time(query, "from"), read_time(query, "to")
  if to <= from then checks.refuse(422, "to: must be later than from") end
  if to - from > LONGEST_RANGE then checks.refuse(422, "to: at most 366 days after from") end
  return timestamp.format(from), timestamp.format(to)
end

-- Calls action with every document of a collection that was created in the range, its end excluded.
local function each_between(request, collection, from, to, action)
  local range = { from = from, before = to }
  for document in request.store:each(collection, request.organization, nil, range) do action(document) end
end

-- Documented medium of a channel; that an email counts as chat is our choice.
local MEDIA = { telephone = "voice", webrtc = "voice", text = "chat", email = "chat" }

-- That a conversation counts whatever its status is our choice.
local function add_conversation(summary, conversation)
  local medium = MEDIA[conversation.channel]
  local seconds = conversation.duration ~= json.null and conversation.duration or 0
  for _, name in ipairs { "total_calls", medium .. "_calls", conversation.direction .. "_calls" } do
    summary[name] = summary[name] + 1
  end
  summary[medium .. "_minutes"] = summary[medium .. "_minutes"] + seconds / 60
end

local function add_execution(summary, execution)
  summary.workflow_runs_total = summary.workflow_runs_total + 1
  local name = "workflow_runs_" .. execution.status
  summary[name] = summary[name] + 1
end

local rules = {}

rules["admin.members.my_scopes"] = function(request)
  return request.caller.scopes()
end

-- Days and inventory are left out: their keys are not documented.
rules["admin.usage.summary"] = function(request)
  local from, to = read_range(request.query)
  local summary = {}
  for _, name in ipairs(COUNTS) do summary[name] = 0 end
  each_between(request, "conversations", from, to, function(found) add_conversation(summary, found) end)
  each_between(request, "workflow_executions", from, to, function(found) add_execution(summary, found) end)
  return summary
end

-- {====== keys ======

---The record of a key that was made here and has not expired, or nil.
---@param store SandboxStore
---@param now fun(): string
---@param key string
---@return table?
function admin.find_key(store, now, key)
  if not key:find("^ak_") then return nil end
  local sum = digest.sha256(key)
  local record = store:get("organization_pats", store:owner("organization_pats", sum), sum)
  if not record then return nil end
  local milliseconds = timestamp.parse(now()) // 1000
  if record.expires_at ~= json.null and record.expires_at <= milliseconds then return nil end
  return record
end

local function random_digits(request)
  return (request.new_id():gsub("%-", ""))
end

-- The documented form of a key is ak_<id>.<secret>; it holds all scopes (our choice).
rules["admin.organization_pats.create"] = function(request)
  local body, now = request.body, request.now()
  checks.require_text(body.name, "name")
  local id, key_id = request.new_id(), random_digits(request):sub(1, 16)
  local key = ("ak_%s.%s"):format(key_id, random_digits(request) .. random_digits(request))
  local record = {
    id = id,
    key_id = key_id,
    organization_id = request.organization,
    name = body.name,
    expires_at = body.expires_at or json.null,
    created_at = now,
  }
  request.store:add("organization_pats", digest.sha256(key), record, { organization = request.organization })
  record.pat_key = key
  return record
end

-- }======

admin.rules = rules

return admin
