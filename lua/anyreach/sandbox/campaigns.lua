-- Campaigns: their record and their life, and how many calls an organisation makes at the same time. Stored in
-- "campaigns", with the external_id as alias.
-- Nobody is called here, so that contacts stay pending whatever the campaign's status is.

local json = require "anyreach.json"
local campaign_configurations = require "anyreach.sandbox.campaign_configurations"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"

local campaigns = {}

local SET_BY_SERVICE = { id = true, organization_id = true, status = true, created_at = true, updated_at = true }

---The campaign that the path names by its id, or else by its external_id; answers 404 when the
---organisation has none.
---@return table
function campaigns.require(request)
  local store, organization, name = request.store, request.organization, request.path.campaign_id
  local campaign = store:get("campaigns", organization, name) or store:find("campaigns", organization, "", name)
  if not campaign then checks.refuse(404, "Campaign %s not found.", name) end
  return campaign
end

local function save(request, campaign)
  campaign.updated_at = request.now()
  request.store:save("campaigns", campaign.id, campaign)
  return campaign
end

-- The statuses are our choice: that an external_id finds one campaign is documented, what happens to
-- a second one is not.
local function check(request, campaign)
  checks.require_text(campaign.name, "name")
  if campaign.config_id ~= json.null then campaign_configurations.require(request, campaign.config_id) end
  if campaign.external_id == json.null then return end
  checks.require_text(campaign.external_id, "external_id")
  local other = request.store:find("campaigns", request.organization, "", campaign.external_id)
  if other and other.id ~= campaign.id then
    checks.refuse(409, "external_id %s belongs to campaign %s.", campaign.external_id, other.id)
  end
end

local function alias(campaign)
  return campaign.external_id ~= json.null and campaign.external_id or nil
end

-- Moves a campaign to another status unless it is where it must not be moved from.
local function move(request, status, allowed, advice)
  local campaign = campaigns.require(request)
  if not allowed[campaign.status] then
    checks.refuse(400, "Campaign %s is %s; %s.", campaign.id, campaign.status, advice)
  end
  campaign.status = status
  return save(request, campaign)
end

local function is_one_of(value, list)
  for _, element in ipairs(list) do
    if element == value then return true end
  end
  return false
end

-- {====== concurrency ======

local DEFAULT_LIMIT = 10
local HIGHEST_LIMIT = 10000

-- The most calls that the caller's organisation makes at the same time. Stored in "concurrency" under the
-- organisation's id once it has been set.
local function concurrency_limit(request)
  local setting = request.store:get("concurrency", request.organization, request.organization)
  return setting and setting.concurrency_limit or DEFAULT_LIMIT
end

local function show_concurrency(request)
  return { concurrency_limit = concurrency_limit(request) }
end

-- }======

local rules = {}

rules["campaigns.list"] = function(request)
  local query = request.query
  return listing.page(request, "campaigns", nil, function(campaign)
    return (query.name == nil or listing.contains_text(campaign.name, query.name))
      and (query.status == nil or is_one_of(campaign.status, query.status))
  end, { holding = { name = query.name } })
end

rules["campaigns.create"] = function(request)
  local store, now = request.store, request.now()
  local campaign = {
    id = request.new_id(),
    organization_id = request.organization,
    status = "active",
    external_id = json.null,
    config_id = json.null,
    priority = json.null,
    created_at = now,
    updated_at = now,
  }
  checks.copy_fields(campaign, request.body, SET_BY_SERVICE)
  check(request, campaign)
  store:add("campaigns", campaign.id, campaign, { organization = request.organization, alias = alias(campaign) })
  return campaign
end

rules["campaigns.get"] = campaigns.require

rules["campaigns.update"] = function(request)
  local campaign = campaigns.require(request)
  checks.copy_fields(campaign, request.body, SET_BY_SERVICE)
  check(request, campaign)
  request.store:set_alias("campaigns", campaign.id, alias(campaign))
  return save(request, campaign)
end

rules["campaigns.start"] = function(request)
  return move(request, "active", { active = true, paused = true }, "a closed campaign cannot be started")
end

rules["campaigns.pause"] = function(request)
  return move(request, "paused", { active = true }, "only an active campaign can be paused")
end

rules["campaigns.close"] = function(request)
  return move(request, "closed", { active = true, paused = true }, "it cannot be closed again")
end

rules["campaigns.stats"] = function(request)
  local campaign = campaigns.require(request)
  local counts = { total = 0, pending = 0, locked = 0, in_progress = 0, completed = 0, exhausted = 0 }
  local attempts = 0
  for contact in request.store:each("contacts", request.organization, campaign.id) do
    counts.total = counts.total + 1
    counts[contact.status] = counts[contact.status] + 1
    attempts = attempts + #contact.attempts
  end
  local active_calls = counts.locked + counts.in_progress
  counts.locked = nil
  local average = counts.total > 0 and attempts / counts.total or 0
  return {
    campaign_id = campaign.id,
    status = campaign.status,
    contacts = counts,
    attempts = { total = attempts, average_per_contact = math.floor(average * 100 + 0.5) / 100 },
    active_calls = active_calls,
    concurrency_limit = concurrency_limit(request),
  }
end

rules["campaign_settings.get_concurrency"] = show_concurrency

-- The highest limit is documented; the lowest, and 422 for what is outside, are our choice.
rules["campaign_settings.update_concurrency"] = function(request)
  local store, organization, limit = request.store, request.organization, request.body.concurrency_limit
  if not limit or limit < 1 or limit > HIGHEST_LIMIT then
    checks.refuse(422, "concurrency_limit: expected a number from 1 to %d", HIGHEST_LIMIT)
  end
  local setting = store:get("concurrency", organization, organization)
  if setting then
    setting.concurrency_limit = limit
    store:save("concurrency", organization, setting)
  else
    store:add("concurrency", organization, { concurrency_limit = limit, created_at = request.now() },
      { organization = organization })
  end
  return show_concurrency(request)
end

campaigns.rules = rules

return campaigns
