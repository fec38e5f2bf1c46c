-- What the values of `format` say about a text. Each is a row: `words`, what is expected, and `fits`, a function. Only
-- what is defined by a grammar is here; a name that is missing checks nothing.

local pattern = require "anyreach.schema.pattern"

---@type table<string, {words: string, fits: fun(text: string): boolean}>
local formats = {}

-- {====== times (RFC 3339) ======

local DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_leap_year(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local function is_date(text)
  local year, month, day = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)$"
  if not year then return false end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  local last = month == 2 and not is_leap_year(year) and 28 or DAYS[month]
  return last ~= nil and day >= 1 and day <= last
end

-- Minutes from UTC, or nil.
local function offset_of(text)
  if text == "Z" or text == "z" then return 0 end
  local sign, hours, minutes = text:match "^([+-])(%d%d):(%d%d)$"
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (hours * 60 + minutes)
end

-- A leap second is the last one of a day in UTC.
local function is_time(text)
  local hour, minute, second, rest = text:match "^(%d%d):(%d%d):(%d%d)(.*)$"
  if not hour then return false end
  local offset = offset_of((rest:gsub("^%.%d+", "")))
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if not offset or hour > 23 or minute > 59 or second > 60 then return false end
  return second < 60 or (hour * 60 + minute - offset) % 1440 == 1439
end

local function is_date_time(text)
  local date, time = text:match "^(.-)[Tt](.*)$"
  return date ~= nil and is_date(date) and is_time(time)
end

-- Units in their order, each with its number, none left out between two.
local function are_units(text, units)
  local last
  if text == "" then return false end
  while text ~= "" do
    local unit, rest = text:match "^%d+(%a)(.*)$"
    local place = unit and units:find(unit, 1, true)
    if not place or last and place ~= last + 1 then return false end
    last, text = place, rest
  end
  return true
end

local function is_duration(text)
  local rest = text:match "^P(.+)$"
  if not rest then return false end
  if rest:find "^%d+W$" then return true end
  local date, time = rest:match "^([^T]*)T(.*)$"
  if not time then return are_units(rest, "YMD") end
  return (date == "" or are_units(date, "YMD")) and are_units(time, "HMS")
end

formats.date = { words = "a date such as 2026-11-29", fits = is_date }
formats.time = { words = "a time with its offset such as 18:30:00Z", fits = is_time }
formats["date-time"] = { words = "a date and time such as 2026-11-29T18:30:00Z", fits = is_date_time }
formats.duration = { words = "a duration such as PT30M", fits = is_duration }

-- }======

-- {====== addresses ======

local function is_ipv4(text)
  local parts = table.pack(text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  for _, part in ipairs(parts) do
    if #part > 3 or tonumber(part) > 255 or part:find "^0%d" then return false end
  end
  return parts.n == 4
end

-- How many groups of 16 bits, or nil.
local function count_groups(text)
  if text == "" then return 0 end
  local count, rest = 0, text
  local dotted = text:match "[^:]*%.[^:]*$"
  if dotted then
    if not is_ipv4(dotted) then return nil end
    rest, count = text:sub(1, -#dotted - 1), 2
    if rest == "" then return count end
    if rest:sub(-1) ~= ":" then return nil end
    rest = rest:sub(1, -2)
  end
  for group in (rest .. ":"):gmatch "([^:]*):" do
    if not group:find "^%x%x?%x?%x?$" then return nil end
    count = count + 1
  end
  return count
end

local function is_ipv6(text)
  local start, stop = text:find("::", 1, true)
  if not start then return count_groups(text) == 8 end
  local before, after = text:sub(1, start - 1), text:sub(stop + 1)
  local left, right = not before:find("%.") and count_groups(before), count_groups(after)
  return left and right and left + right <= 7 or false
end

local function is_hostname(text)
  if text == "" or #text > 253 then return false end
  for label in (text .. "."):gmatch "([^.]*)%." do
    if #label > 63 or not label:find "^%w[%w-]*$" or label:sub(-1) == "-" then return false end
    if label:sub(3, 4) == "--" and not label:lower():find "^xn" then return false end
  end
  return true
end

local function is_email_domain(text)
  local literal = text:match "^%[(.*)%]$"
  if not literal then return is_hostname(text) end
  local six = literal:match "^[Ii][Pp][Vv]6:(.*)$"
  if six then return is_ipv6(six) end
  return is_ipv4(literal)
end

local function is_email(text)
  local name, domain = text:match "^(.+)@([^@]+)$"
  if not name or not is_email_domain(domain) then return false end
  if name:find '^"[^"\\]*"$' then return true end
  return name:find "^[%w!#$%%&'*+/=?^_`{|}~.-]+$" ~= nil and not name:find "^%." and not name:find "%.$"
    and not name:find("..", 1, true)
end

formats.ipv4 = { words = "an IPv4 address", fits = is_ipv4 }
formats.ipv6 = { words = "an IPv6 address", fits = is_ipv6 }
formats.hostname = { words = "a host name", fits = is_hostname }
formats.email = { words = "an e-mail address", fits = is_email }

-- }======

-- {====== URIs (RFC 3986) ======

-- Only characters that may occur, and each "%" before two digits.
local function has_only(text, characters)
  local plain = text:gsub("%%%x%x", "")
  return not plain:find("[^" .. characters .. "]")
end

local UNRESERVED = "%w%-._~!$&'()*+,;="

local function is_host(text)
  local literal = text:match "^%[(.*)%]$"
  if literal then return is_ipv6(literal) or literal:find "^[vV]%x+%.[%w%-._~!$&'()*+,;=:]+$" ~= nil end
  return has_only(text, UNRESERVED)
end

local function is_authority(text)
  local user, rest = text:match "^([^@]*)@(.*)$"
  if user and not has_only(user, UNRESERVED .. ":") then return false end
  rest = rest or text
  local host, port = rest:match "^(%[.*%])(.*)$"
  if not host then host, port = rest:match "^([^:]*)(.*)$" end
  return (port == "" or port:find "^:%d*$" ~= nil) and is_host(host)
end

-- After the scheme, if there is one.
local function is_rest(text)
  local rest, fragment = text:match "^([^#]*)#(.*)$"
  rest = rest or text
  local path, query = rest:match "^([^?]*)%?(.*)$"
  path = path or rest
  local authority, below = path:match "^//([^/]*)(.*)$"
  if authority and not is_authority(authority) then return false end
  return has_only(below or path, UNRESERVED .. ":@/") and has_only(query or "", UNRESERVED .. ":@/?")
    and has_only(fragment or "", UNRESERVED .. ":@/?")
end

local function is_uri(text)
  local rest = text:match "^%a[%w+.-]*:(.*)$"
  return rest ~= nil and is_rest(rest)
end

-- The first segment of a path cannot hold a colon: what is before it would be a scheme.
local function is_uri_reference(text)
  return is_uri(text) or not text:find "^[^/?#]*:" and is_rest(text)
end

-- The same with characters of all languages.
local function with_any_language(fits)
  return function(text)
    return utf8.len(text) ~= nil and fits((text:gsub("[\x80-\xFF]+", "a")))
  end
end

formats["idn-email"] = { words = "an e-mail address", fits = with_any_language(is_email) }
formats.uri = { words = "a URI such as https://example.org/", fits = is_uri }
formats["uri-reference"] = { words = "a URI or a part of one", fits = is_uri_reference }
formats.iri = { words = "a URI", fits = with_any_language(is_uri) }
formats["iri-reference"] = { words = "a URI or a part of one", fits = with_any_language(is_uri_reference) }

-- }======

-- {====== others ======

local function is_uuid(text)
  return text:find("^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-" .. ("%x"):rep(12) .. "$") ~= nil
end

local function is_pointer(text)
  return text == "" or text:sub(1, 1) == "/" and not text:gsub("~[01]", ""):find("~", 1, true)
end

local function is_relative_pointer(text)
  local count, rest = text:match "^(%d+)(.*)$"
  return count ~= nil and (count == "0" or not count:find "^0") and (rest == "#" or is_pointer(rest))
end

formats.uuid = { words = "a UUID such as 2f1c0a52-8b7e-4f0e-9c57-0f6f6d0f4a11", fits = is_uuid }
formats.regex = { words = "a regular expression", fits = function(text) return pattern.compile(text) ~= nil end }
formats["json-pointer"] = { words = "a JSON Pointer", fits = is_pointer }
formats["relative-json-pointer"] = { words = "a relative JSON Pointer", fits = is_relative_pointer }

-- }======

return formats
