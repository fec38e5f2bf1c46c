-- Publishing: marks a version as published, then writes and clears slots of phone numbers.
-- All or nothing: an unknown number is answered with 404, and the version stays a draft (our choice;
-- the documentation does not say what happens then). A number in both lists is cleared first, then
-- assigned (our choice).

local json = require "anyreach.json"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local versions = require "anyreach.sandbox.versions"

local publishing = {}

-- Our own value of direction names slots; inbound is the documented default.
local SLOTS = {
  inbound = { "inbound_agent_version_id" },
  outbound = { "outbound_agent_version_id" },
  both = { "inbound_agent_version_id", "outbound_agent_version_id" },
}

local function clear(record, slots, held)
  local changed = false
  for _, slot in ipairs(slots) do
    if held[record[slot]] then
      record[slot] = json.null
      changed = true
    end
  end
  return changed
end

local function assign(record, slots, version_id)
  for _, slot in ipairs(slots) do record[slot] = version_id end
  return true
end

-- Applies `change` to each number; `touched` collects the changed records, each once.
local function change_all(request, numbers, touched, change)
  for _, number in ipairs(numbers or {}) do
    local record = touched[number] or phone_numbers.require(request, number)
    if change(record) and not touched[number] then
      touched[number] = record
      touched[#touched + 1] = record
    end
  end
end

local rules = {}

rules["agents.versions.publish"] = function(request)
  local version, body = versions.require(request), request.body or {}
  local slots = SLOTS[body.direction or "inbound"]
  local held = versions.ids(versions.summaries(request, version.agent_id))
  local touched = {}
  versions.publish(request, version)
  change_all(request, body.unassign_phone_numbers, touched, function(record) return clear(record, slots, held) end)
  change_all(request, body.phone_numbers, touched, function(record) return assign(record, slots, version.id) end)

  local updated = json.array {}
  for _, record in ipairs(touched) do updated[#updated + 1] = phone_numbers.save(request, record) end
  return updated
end

publishing.rules = rules

return publishing
