-- Phone numbers. A number has two slots, one for calls to it and one for calls from it; each holds the
-- id of a version or null. Slots are written by publishing.
-- Stored in "phone_numbers" under the number itself.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"
local trunks = require "anyreach.sandbox.trunks"

local phone_numbers = {}

local SLOTS = { "inbound_agent_version_id", "outbound_agent_version_id" }

---@param number string
---@return table record answers 404 when the organisation has no such number
function phone_numbers.require(request, number)
  local record = request.store:get("phone_numbers", request.organization, number)
  if not record then checks.refuse(404, "Phone number %s not found.", number) end
  return record
end

---Stores a changed record.
---@return table record
function phone_numbers.save(request, record)
  record.updated_at = request.now()
  request.store:save("phone_numbers", record.phone_number, record)
  return record
end

---The numbers with a slot that holds one of these versions, newest first.
---@param version_ids table<string, boolean>
---@return table[] a JSON array
function phone_numbers.held_by(request, version_ids)
  local list, seen = json.array {}, {}
  for version_id in pairs(version_ids) do
    for _, slot in ipairs(SLOTS) do
      for record in request.store:each_with("phone_numbers", request.organization, slot, version_id) do
        if not seen[record.phone_number] then list[#list + 1] = record end
        seen[record.phone_number] = true
      end
    end
  end
  table.sort(list, function(first, second)
    if first.created_at ~= second.created_at then return first.created_at > second.created_at end
    return first.phone_number > second.phone_number
  end)
  return list
end

---Empties every slot that holds one of these versions.
---@param version_ids table<string, boolean>
function phone_numbers.release(request, version_ids)
  for _, record in ipairs(phone_numbers.held_by(request, version_ids)) do
    for _, slot in ipairs(SLOTS) do
      if version_ids[record[slot]] then record[slot] = json.null end
    end
    phone_numbers.save(request, record)
  end
end

---Adds a number with empty slots.
---@param request SandboxRequest
---@param number string
---@param trunk_id string
---@param outbound_shareable boolean?
---@return table record
function phone_numbers.add(request, number, trunk_id, outbound_shareable)
  local now = request.now()
  local record = {
    phone_number = number,
    organization_id = request.organization,
    trunk_id = trunk_id,
    inbound_agent_version_id = json.null,
    outbound_agent_version_id = json.null,
    outbound_shareable = outbound_shareable or false,
    created_at = now,
    updated_at = now,
  }
  request.store:add("phone_numbers", number, record, { organization = request.organization })
  return record
end

-- 404 for an unknown trunk is our choice, 400 for a managed one as well: that it is refused is
-- documented, the status is not.
local function require_own_trunk(request, id)
  if trunks.is_managed(trunks.require(request, id)) then
    checks.refuse(400, "Trunk %s is managed; numbers can be registered only on a trunk of your own.", id)
  end
end

local rules = {}

rules["phone_numbers.list"] = function(request)
  local query = request.query
  return listing.page(request, "phone_numbers", nil, function(record)
    return (query.phone_number == nil or listing.contains_text(record.phone_number, query.phone_number))
      and (query.trunk_id == nil or record.trunk_id == query.trunk_id)
  end, { holding = { phone_number = query.phone_number }, having = { trunk_id = query.trunk_id } })
end

rules["phone_numbers.get"] = function(request)
  return phone_numbers.require(request, request.path.phone_number)
end

-- The key `phone_number`, its check and the 409 are our choice: of the body only trunk_id is
-- documented.
rules["phone_numbers.create"] = function(request)
  local body = request.body
  local number = body.phone_number
  if not checks.is_phone_number(number) then
    checks.refuse(422, "phone_number: expected an E.164 number such as +15551234567")
  end
  require_own_trunk(request, body.trunk_id)
  if request.store:is_taken("phone_numbers", number) then
    checks.refuse(409, "Phone number %s is already registered.", number)
  end
  return phone_numbers.add(request, number, body.trunk_id, body.outbound_shareable)
end

rules["phone_numbers.update"] = function(request)
  local record = phone_numbers.require(request, request.path.phone_number)
  if request.body.outbound_shareable == nil then checks.refuse(422, "body: expected outbound_shareable") end
  record.outbound_shareable = request.body.outbound_shareable
  return phone_numbers.save(request, record)
end

phone_numbers.rules = rules

return phone_numbers
