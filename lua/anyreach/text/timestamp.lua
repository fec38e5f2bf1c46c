-- Time stamps as the API writes them: ISO 8601 in UTC. Those written here have six digits of a second and
-- "Z", so that two of them compare as text the way they compare as times. Pure functions.

local timestamp = {}

local MICROSECONDS = 1000000

-- Days since 1970-01-01 in the Gregorian calendar. The year starts in March here, which puts the
-- leap day at its end.
local function days_from_date(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days_before_month = (153 * (month - 3) + 2) // 5
  return 365 * year + year // 4 - year // 100 + year // 400 + days_before_month + day - 719469
end

---@param microseconds integer since 1970-01-01T00:00:00Z
---@return string text such as "2026-01-02T03:04:05.678901Z"
function timestamp.format(microseconds)
  local seconds = os.date("!%Y-%m-%dT%H:%M:%S", microseconds // MICROSECONDS)
  return ("%s.%06dZ"):format(seconds, microseconds % MICROSECONDS)
end

-- Seconds east of UTC for "Z", "+02:00", "-0530" or nothing; nil for anything else.
local function offset_seconds(text)
  if text == "" or text == "Z" or text == "z" then return 0 end
  local sign, hours, minutes = text:match("^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  local seconds = hours * 3600 + minutes * 60
  return sign == "+" and seconds or -seconds
end

-- Seconds since midnight and microseconds of the part after the date; nil when it is malformed.
local function time_of_day(text)
  if text == "" then return 0, 0, "" end
  local hour, minute, second, rest = text:match("^[Tt ](%d%d):(%d%d):(%d%d)(.*)$")
  if not hour or hour > "23" or minute > "59" or second > "60" then return nil end
  local digits, zone = rest:match("^%.(%d+)(.*)$")
  local fraction = tonumber(((digits or "") .. "000000"):sub(1, 6))
  return hour * 3600 + minute * 60 + second, fraction, zone or rest
end

---Reads a date or a date with time; without an offset it is UTC. What lies before 1970 counts as its
---beginning: nothing in the store is that old.
---@param text string
---@return integer? microseconds nil when the text is no time stamp
function timestamp.parse(text)
  local year, month, day, rest = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
  if not year or month < "01" or month > "12" or day < "01" or day > "31" then return nil end
  local seconds, fraction, zone = time_of_day(rest)
  local offset = seconds and offset_seconds(zone)
  if not offset then return nil end
  local days = days_from_date(tonumber(year), tonumber(month), tonumber(day))
  return math.max(0, math.tointeger((days * 86400 + seconds - offset) * MICROSECONDS + fraction))
end

---The same time in the form the sandbox writes.
---@param text string
---@return string? text nil when the text is no time stamp
function timestamp.normalize(text)
  local microseconds = timestamp.parse(text)
  return microseconds and timestamp.format(microseconds)
end

return timestamp
