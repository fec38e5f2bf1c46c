-- What holds for all campaigns of an organisation: how many calls it makes at the same time, and the
-- time zones there are. The limit is stored in "concurrency" under the organisation's id once it has
-- been set.

local refusal = require "anyreach.sandbox.refusal"
local timezones = require "anyreach.sandbox.timezones"

local campaign_settings = {}

local DEFAULT_LIMIT = 10
local HIGHEST_LIMIT = 10000

---The most calls that the caller's organisation makes at the same time.
---@return integer
function campaign_settings.concurrency_limit(request)
  local setting = request.store:get("concurrency", request.organization, request.organization)
  return setting and setting.concurrency_limit or DEFAULT_LIMIT
end

local function show_concurrency(request)
  return { concurrency_limit = campaign_settings.concurrency_limit(request) }
end

local rules = {}

-- A bare list: our choice, the form of the answer is not documented.
rules["campaign_settings.timezones"] = function()
  return timezones.list()
end

rules["campaign_settings.get_concurrency"] = show_concurrency

-- The highest limit is documented; the lowest, and 422 for what is outside, are our choice.
rules["campaign_settings.update_concurrency"] = function(request)
  local store, organization, limit = request.store, request.organization, request.body.concurrency_limit
  if not limit or limit < 1 or limit > HIGHEST_LIMIT then
    refusal.raise(422, "concurrency_limit: expected a number from 1 to %d", HIGHEST_LIMIT)
  end
  local setting = store:get("concurrency", organization, organization)
  if setting then
    setting.concurrency_limit = limit
    store:save("concurrency", organization, setting)
  else
    store:add("concurrency", organization, { concurrency_limit = limit, created_at = store:now() },
      { organization = organization })
  end
  return show_concurrency(request)
end

campaign_settings.rules = rules

return campaign_settings
