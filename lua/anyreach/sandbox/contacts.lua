-- Contacts of campaigns, and those of the word `default`, which belong to no campaign. Stored in
-- "contacts" under the campaign's id or that word, with the external_id as alias.

local json = require "anyreach.json"
local campaign_configurations = require "anyreach.sandbox.campaign_configurations"
local campaigns = require "anyreach.sandbox.campaigns"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"
local timestamp = require "anyreach.text.timestamp"

local contacts = {}

local NO_CAMPAIGN = "default"
local UPSERT_MAXIMUM = 1000
local SET_BY_SERVICE = { campaign_id = true, status = true, attempts = true, created_at = true, updated_at = true }

-- Which contacts the path speaks of: the key they are stored under, and the calling code that completes
-- their numbers, nil when they have to be complete.
local function require_group(request)
  if request.path.campaign_id == NO_CAMPAIGN then return NO_CAMPAIGN, nil end
  local campaign = campaigns.require(request)
  if campaign.config_id == json.null then return campaign.id, nil end
  local configuration = campaign_configurations.require(request, campaign.config_id)
  return campaign.id, campaign_configurations.calling_code(configuration)
end

local function find_by_id(request, group, id)
  local contact = request.store:get("contacts", request.organization, id)
  return contact and contact.campaign_id == group and contact or nil
end

local function find_by_external_id(request, group, external_id)
  return request.store:find("contacts", request.organization, group, external_id)
end

local function require_contact(request)
  local group, name = require_group(request), request.path.contact_id
  local contact = find_by_id(request, group, name) or find_by_external_id(request, group, name)
  if not contact then checks.refuse(404, "Contact %s not found.", name) end
  return contact
end

-- {====== upsert ======

-- The contact that an element means, or nil for a new one. That an unknown id is inserted like any other
-- contact follows from the documentation's words; that an id and an external_id of two different contacts
-- are refused is our choice.
local function find_match(request, group, element, path)
  local by_id = element.id and find_by_id(request, group, element.id)
  local by_external_id = element.external_id and find_by_external_id(request, group, element.external_id)
  if by_id and by_external_id and by_id.id ~= by_external_id.id then
    checks.refuse(409, "%s: id and external_id belong to different contacts", path)
  end
  return by_id or by_external_id
end

-- That a number without a country is refused where nothing completes it is our choice; the fallback is
-- not documented.
local function complete_numbers(contact, calling_code, path)
  local numbers = contact.phone_numbers
  if not numbers or #numbers == 0 then checks.refuse(422, "%s.phone_numbers: expected at least one number", path) end
  for index, number in ipairs(numbers) do
    numbers[index] = checks.complete_phone_number(number, calling_code)
      or checks.refuse(422, "%s.phone_numbers[%d]: %q is no E.164 number such as +15551234567", path, index, number)
  end
end

local function check(contact, path)
  if contact.external_id ~= json.null then checks.require_text(contact.external_id, path .. ".external_id") end
  if contact.timezone ~= json.null and not campaign_configurations.is_timezone(contact.timezone) then
    checks.refuse(422, "%s.timezone: %q is no IANA time zone", path, contact.timezone)
  end
  if contact.scheduled_at ~= json.null and not timestamp.parse(contact.scheduled_at) then
    checks.refuse(422, "%s.scheduled_at: expected a date-time such as 2026-01-02T03:04:05Z", path)
  end
end

local function new_contact(request, group)
  local now = request.now()
  return {
    id = request.new_id(),
    campaign_id = group,
    external_id = json.null,
    status = "pending",
    data = {},
    timezone = json.null,
    scheduled_at = json.null,
    attempts = json.array {},
    created_at = now,
    updated_at = now,
  }
end

local function alias(contact)
  return contact.external_id ~= json.null and contact.external_id or nil
end

local function store_new(request, group, contact)
  if request.store:is_taken("contacts", contact.id) then
    checks.refuse(409, "id %s belongs to a contact elsewhere.", contact.id)
  end
  request.store:add("contacts", contact.id, contact,
    { organization = request.organization, parent = group, alias = alias(contact) })
end

local function store_changed(request, contact)
  contact.updated_at = request.now()
  request.store:set_alias("contacts", contact.id, alias(contact))
  request.store:save("contacts", contact.id, contact)
end

-- Inserts or updates one contact.
local function upsert(request, group, calling_code, element, path)
  local known = find_match(request, group, element, path)
  local contact = known or new_contact(request, group)
  if known then element.id = known.id end
  checks.copy_fields(contact, element, SET_BY_SERVICE)
  complete_numbers(contact, calling_code, path)
  check(contact, path)
  if known then store_changed(request, contact) else store_new(request, group, contact) end
  return contact, known ~= nil
end

-- The list itself, or the list under `contacts`: which of them is right is not documented.
local function read_elements(body)
  local elements = json.is_array(body) and body or body.contacts
  if not elements then checks.refuse(422, "body: expected a list of contacts") end
  if #elements > UPSERT_MAXIMUM then
    checks.refuse(422, "body: expected at most %d contacts, got %d", UPSERT_MAXIMUM, #elements)
  end
  return elements
end

-- }======

local rules = {}

-- Newest first; default and maximum of `limit` are those of the other lists: our choice.
rules["campaigns.contacts.list"] = function(request)
  local query = request.query
  local limit, offset = listing.read_limit(query), query.offset or 0
  local page, total = json.array {}, 0
  for contact, id in request.store:each("contacts", request.organization, (require_group(request))) do
    if (query.status == nil or contact.status == query.status) and not request.is_hidden("contacts", id) then
      total = total + 1
      if total > offset and #page < limit then page[#page + 1] = contact end
    end
  end
  return { contacts = page, total = total, limit = limit, offset = offset }
end

-- Counts and ids are documented; their keys are our choice. The ids stand in the order of the request.
rules["campaigns.contacts.upsert"] = function(request)
  local group, calling_code = require_group(request)
  local answer = { inserted = 0, updated = 0, contacts = json.array {} }
  for index, element in ipairs(read_elements(request.body)) do
    local contact, was_known = upsert(request, group, calling_code, element, ("contacts[%d]"):format(index))
    local count = was_known and "updated" or "inserted"
    answer[count] = answer[count] + 1
    answer.contacts[index] = { id = contact.id, external_id = contact.external_id }
  end
  return answer
end

rules["campaigns.contacts.get"] = require_contact

rules["campaigns.contacts.delete"] = function(request)
  request.store:remove("contacts", request.organization, require_contact(request).id)
end

contacts.rules = rules

return contacts
