-- Keys of an organisation, made by a caller: shown once, then known by their SHA-256 alone. Stored in
-- "organization_pats" under that digest.

local json = require "anyreach.json"
local fields = require "anyreach.sandbox.fields"
local digest = require "anyreach.digest"
local timestamp = require "anyreach.text.timestamp"

local organization_pats = {}

local function random_digits(store)
  return (store:new_id():gsub("%-", ""))
end

---The record of a key that was made here and has not expired, or nil.
---@param store table
---@param key string
---@return table?
function organization_pats.find(store, key)
  if not key:find("^ak_") then return nil end
  local sum = digest.sha256(key)
  local record = store:get("organization_pats", store:owner("organization_pats", sum), sum)
  if not record then return nil end
  local milliseconds = timestamp.parse(store:now()) // 1000
  if record.expires_at ~= json.null and record.expires_at <= milliseconds then return nil end
  return record
end

local rules = {}

-- The documented form of a key is ak_<id>.<secret>; it holds all scopes (our choice).
rules["admin.organization_pats.create"] = function(request)
  local store, body, now = request.store, request.body, request.store:now()
  fields.require_text(body.name, "name")
  local id, key_id = store:new_id(), random_digits(store):sub(1, 16)
  local key = ("ak_%s.%s"):format(key_id, random_digits(store) .. random_digits(store))
  local record = {
    id = id,
    key_id = key_id,
    organization_id = request.organization,
    name = body.name,
    expires_at = body.expires_at or json.null,
    created_at = now,
  }
  store:add("organization_pats", digest.sha256(key), record, { organization = request.organization })
  record.pat_key = key
  return record
end

organization_pats.rules = rules

return organization_pats
