-- The time zones that schedules and contacts may name: those of the system's own table, or a short
-- list of common ones where there is none.

local json = require "anyreach.json"

local timezones = {}

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

---@return string[] IANA names, sorted; a JSON array
function timezones.list()
  read_once()
  return all
end

---@param name string
---@return boolean
function timezones.is_known(name)
  read_once()
  return known[name] == true
end

return timezones
