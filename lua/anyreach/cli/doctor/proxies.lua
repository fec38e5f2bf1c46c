-- Which proxy libcurl takes to an address, told from the environment as libcurl reads it: https_proxy or
-- HTTPS_PROXY, else all_proxy or ALL_PROXY, but not for hosts that no_proxy or NO_PROXY names. Plain http
-- is for this machine only, and goes without.

local doctor = require "anyreach.cli.doctor"

local proxies = {}

local function first_set(...)
  for _, name in ipairs { ... } do
    local value = os.getenv(name)
    if value and value ~= "" then return name, value end
  end
end

-- A proxy's address may hold a password.
local function without_password(address)
  local scheme, rest = address:match("^(%a+://)(.*)$")
  return (scheme or "") .. (rest or address):gsub("^.*@", "")
end

local function is_exempt(host_name, list)
  for entry in list:gmatch("[^,%s]+") do
    entry = entry:gsub("^%.", ""):lower()
    if entry == "*" or host_name == entry or host_name:sub(-#entry - 1) == "." .. entry then return true end
  end
  return false
end

--- What stands between here and an address.
---@param base_url string
---@return anyreach.finding
function proxies.finding(base_url)
  local name, address = first_set("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
  local exemption, list = first_set("no_proxy", "NO_PROXY")
  local host_name = base_url:match("^%a+://%[?([^/%]:]+)"):lower()
  if base_url:find("^http://") then return doctor.ok("proxy", "none: the address is on this machine") end
  if not name then
    local plain = first_set("http_proxy", "HTTP_PROXY")
    return doctor.ok("proxy", plain and ("none: %s does not count for https"):format(plain) or "none")
  end
  local text = ("%s=%s"):format(name, without_password(address))
  if exemption and is_exempt(host_name, list) then
    return doctor.ok("proxy", ("none: %s, but %s names %s"):format(text, exemption, host_name))
  end
  return doctor.ok("proxy", text, { variable = name, proxy = without_password(address) })
end

return proxies
