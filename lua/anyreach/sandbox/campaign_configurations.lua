-- Configurations of campaigns: when and how to call, and in which time zones. Stored in "campaign_configurations".
-- What a schedule holds, with its defaults, is documented; that it stands under `schedule`, and all
-- statuses of refusals, are our choice.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"

local campaign_configurations = {}

local SET_BY_SERVICE = { id = true, organization_id = true, created_at = true, updated_at = true }

local SCHEDULE_DEFAULTS = {
  default_timezone = "America/New_York",
  default_windows = json.array {},
  overrides = json.array {},
  scheduled_windows = json.null,
  scheduled_overrides = json.null,
}

-- {====== time zones ======

-- Those of the system's own table, or a short list of common ones where there is none.

local TABLE = "/usr/share/zoneinfo/tzdata.zi"

local COMMON = {
  "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Anchorage",
  "America/Argentina/Buenos_Aires", "America/Bogota", "America/Chicago", "America/Denver", "America/Halifax",
  "America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Phoenix", "America/Sao_Paulo",
  "America/Toronto", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jerusalem", "Asia/Kolkata", "Asia/Manila",
  "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Melbourne", "Australia/Sydney",
  "Europe/Berlin", "Europe/Istanbul", "Europe/London", "Europe/Madrid", "Europe/Moscow", "Europe/Paris",
  "Europe/Rome", "Europe/Warsaw", "Pacific/Auckland", "Pacific/Honolulu", "UTC",
}

-- Lines "Z name …" describe a zone, lines "L zone name" another name for one.
local function read_table()
  local file = io.open(TABLE)
  if not file then return COMMON end
  local names = {}
  for line in file:lines() do
    names[#names + 1] = line:match("^Z (%S+)") or line:match("^L %S+ (%S+)")
  end
  file:close()
  if #names == 0 then return COMMON end
  table.sort(names)
  return names
end

local all, known -- read when first asked for

local function read_once()
  if all then return end
  all, known = json.array(read_table()), {}
  for _, name in ipairs(all) do known[name] = true end
end

---Whether schedules and contacts may name a time zone.
---@param name string IANA name
---@return boolean
function campaign_configurations.is_timezone(name)
  read_once()
  return known[name] == true
end

-- }======

---The configuration of that id; answers 404 when the organisation has none.
---@param id string
---@return table
function campaign_configurations.require(request, id)
  local configuration = request.store:get("campaign_configurations", request.organization, id)
  if not configuration then checks.refuse(404, "Campaign configuration %s not found.", id) end
  return configuration
end

---The digits of the calling code that completes numbers, or nil when the configuration has none.
---@return string?
function campaign_configurations.calling_code(configuration)
  local code = configuration.default_country_code
  if code == nil or code == json.null then return nil end
  return tostring(code):match("^%+?([1-9]%d?%d?)$")
end

local function check_time(window, name, path)
  local hour, minute = tostring(window[name]):match("^(%d%d):(%d%d)$")
  if not hour or hour > "23" or minute > "59" then
    checks.refuse(422, "%s.%s: expected a time such as 09:30", path, name)
  end
end

local function check_windows(schedule, name)
  if schedule[name] == json.null then return end
  for index, window in ipairs(schedule[name]) do
    local path = ("schedule.%s[%d]"):format(name, index)
    check_time(window, "start", path)
    check_time(window, "end", path)
    if window["start"] == window["end"] then checks.refuse(422, "%s: start and end must differ", path) end
  end
end

local function check_schedule(schedule)
  if not campaign_configurations.is_timezone(schedule.default_timezone) then
    checks.refuse(422, "schedule.default_timezone: %q is no IANA time zone", schedule.default_timezone)
  end
  check_windows(schedule, "default_windows")
  check_windows(schedule, "scheduled_windows")
end

-- Takes over the body and completes the schedule with its defaults.
local function change(configuration, body)
  checks.copy_fields(configuration, body, SET_BY_SERVICE)
  local schedule = configuration.schedule or {}
  for name, default in pairs(SCHEDULE_DEFAULTS) do
    if schedule[name] == nil then schedule[name] = default end
  end
  check_schedule(schedule)
  configuration.schedule = schedule
  local code = configuration.default_country_code
  if code ~= nil and code ~= json.null and not campaign_configurations.calling_code(configuration) then
    checks.refuse(422, "default_country_code: expected a calling code such as +1")
  end
end

local function refuse_used(request, configuration)
  for campaign in request.store:each("campaigns", request.organization) do
    if campaign.config_id == configuration.id then
      checks.refuse(409, "Campaign configuration %s is used by campaign %s.", configuration.id, campaign.id)
    end
  end
end

local rules = {}

-- A bare list: our choice, the form of the answer is not documented.
rules["campaign_settings.timezones"] = function()
  read_once()
  return all
end

rules["campaign_configurations.list"] = function(request)
  return listing.page(request, "campaign_configurations", nil, function() return true end)
end

rules["campaign_configurations.create"] = function(request)
  local store, now = request.store, request.now()
  local id = request.new_id()
  local configuration = { id = id, organization_id = request.organization, created_at = now, updated_at = now }
  change(configuration, request.body)
  store:add("campaign_configurations", id, configuration, { organization = request.organization })
  return configuration
end

rules["campaign_configurations.get"] = function(request)
  return campaign_configurations.require(request, request.path.config_id)
end

-- A schedule is replaced as a whole: our choice.
rules["campaign_configurations.update"] = function(request)
  local configuration = campaign_configurations.require(request, request.path.config_id)
  change(configuration, request.body)
  configuration.updated_at = request.now()
  request.store:save("campaign_configurations", configuration.id, configuration)
  return configuration
end

rules["campaign_configurations.delete"] = function(request)
  local configuration = campaign_configurations.require(request, request.path.config_id)
  refuse_used(request, configuration)
  request.store:remove("campaign_configurations", request.organization, configuration.id)
end

campaign_configurations.rules = rules

return campaign_configurations
