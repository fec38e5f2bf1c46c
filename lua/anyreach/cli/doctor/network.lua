-- What `anyreach doctor` finds on the way to the API: address, proxy, connection, certificate, clock and
-- credential. One request without a credential tests the way, whatever is answered; a second one asks
-- which scopes the credential has.

local client = require "anyreach.client.client"
local core = require "anyreach.client_core"
local errors = require "anyreach.errors"
local finding = require "anyreach.cli.doctor.finding"
local host = require "anyreach.host"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local live_documents = require "anyreach.openapi.live_documents"
local observing = require "anyreach.observe"
local profiles = require "anyreach.account.profiles"
local redaction = require "anyreach.text.redaction"
local settings = require "anyreach.account.settings"
local timestamp = require "anyreach.text.timestamp"

local network = {}

local CONNECT_SECONDS, ANSWER_SECONDS = 5, 20
local SKEW_SECONDS, SKEW_FATAL_SECONDS = 60, 15 * 60
local EXPIRY_DAYS = 14
local DAY = 86400 -- seconds
local NETWORK, PERMISSION = errors.exit_codes.network, errors.exit_codes.credential

local MONTHS = {}
for i, name in ipairs { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" } do
  MONTHS[name] = i
end

-- {====== address and proxy ======

---@return anyreach.finding[]
function network.address(patient)
  local ok, base_url, profile = pcall(settings.default_base_url)
  if not ok then
    local is_told = tostring(base_url) == patient.config_problem
    return is_told and {} or { finding.failure_of("address", base_url) }
  end
  patient.base_url, patient.profile = base_url, profile
  local source = host.sandbox_url() and ", the sandbox" or profile and (", profile '%s'"):format(profile) or ""
  return { finding.ok("address", base_url .. source, { base_url = base_url, profile = profile }) }
end

-- Which proxy libcurl takes, found in the environment as libcurl reads it: https_proxy or HTTPS_PROXY, else
-- all_proxy or ALL_PROXY, but not for hosts that no_proxy or NO_PROXY names. Plain http is for this machine
-- only, and goes without.
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

-- The proxy between this machine and an address.
local function proxy_finding(base_url)
  local name, address = first_set("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
  local exemption, list = first_set("no_proxy", "NO_PROXY")
  local host_name = base_url:match("^%a+://%[?([^/%]:]+)"):lower()
  if base_url:find("^http://") then return finding.ok("proxy", "none: the address is on this machine") end
  if not name then
    local plain = first_set("http_proxy", "HTTP_PROXY")
    return finding.ok("proxy", plain and ("none: %s does not count for https"):format(plain) or "none")
  end
  local text = ("%s=%s"):format(name, without_password(address))
  if exemption and is_exempt(host_name, list) then
    return finding.ok("proxy", ("none: %s, but %s names %s"):format(text, exemption, host_name))
  end
  return finding.ok("proxy", text, { variable = name, proxy = without_password(address) })
end

---@return anyreach.finding[]
function network.proxy(patient)
  if not patient.base_url then return {} end
  return { proxy_finding(patient.base_url) }
end

-- }======

-- {====== the way there ======

local ADVICE = {
  network = "check the network, the proxy and --base-url",
  timeout = "check the network and the proxy; a firewall may drop what it does not let through",
  tls = "if your proxy re-signs traffic, name its authority with --ca-file; otherwise the server is not the one it "
    .. "should be",
  answer = "the server there does not speak HTTP as the API does",
}

local function milliseconds(seconds)
  return ("%.0f ms"):format(seconds * 1000)
end

local function way_text(record)
  local parts = {}
  if record.resolved > 0 then parts[#parts + 1] = "name " .. milliseconds(record.resolved) end
  if record.connected > 0 then parts[#parts + 1] = "connected " .. milliseconds(record.connected) end
  if record.secured > 0 then parts[#parts + 1] = "secured " .. milliseconds(record.secured) end
  return ("answered %d in %s (%s)"):format(record.status, milliseconds(record.elapsed), table.concat(parts, ", "))
end

-- Asks for "/" without a credential; what comes is not of interest, only that and how it comes.
local function knock(patient)
  observing.watch { wants_contents = true, take = function(record) patient.record = record end }
  local api = client.new {
    base_url = patient.base_url,
    token = "ak_unused",
    retries = 0,
    connect_timeout = CONNECT_SECONDS,
    timeout = ANSWER_SECONDS,
  }
  local _, err = pcall(core.fetch, api, patient.base_url .. "/", false)
  return patient.record, err
end

---@return anyreach.finding[]
function network.reach(patient)
  if not patient.base_url then return {} end
  local record, err = knock(patient)
  if not record then return { finding.failure_of("network", err) } end
  if record.failure then
    local text = ("%s: %s"):format(record.failure, record.message)
    return { finding.failure("network", text, ADVICE[record.failure], NETWORK) }
  end
  patient.is_reached = true
  local facts = { status = record.status, seconds = record.elapsed }
  if record.status < 500 then return { finding.ok("network", way_text(record), facts) } end
  return { finding.warning("network", way_text(record), "the server is in trouble; try again later", facts) }
end

-- }======

-- {====== certificate and clock ======

-- "Nov  5 12:00:00 2030 GMT" -> seconds since 1970.
local function certificate_time(text)
  local month, day, time, year = text:match("^(%a%a%a) +(%d+) (%d%d:%d%d:%d%d) (%d%d%d%d) GMT$")
  if not MONTHS[month] then return nil end
  local microseconds = timestamp.parse(("%s-%02d-%02dT%s"):format(year, MONTHS[month], day, time))
  return microseconds and microseconds // 1000000
end

-- "Sun, 06 Nov 1994 08:49:37 GMT" -> seconds since 1970.
local function header_time(text)
  local day, month, year, time = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  if not MONTHS[month] then return nil end
  local microseconds = timestamp.parse(("%s-%02d-%sT%s"):format(year, MONTHS[month], day, time))
  return microseconds and microseconds // 1000000
end

---@return anyreach.finding[]
function network.tls(patient)
  local record = patient.record
  if not patient.is_reached or not record.tls then return {} end
  local ends = record.certificate_ends and certificate_time(record.certificate_ends)
  local facts = { protocol = record.tls, certificate_ends = ends and os.date("!%Y-%m-%dT%H:%M:%SZ", ends) }
  if not ends then return { finding.ok("tls", record.tls .. ", the certificate is valid", facts) } end
  local days = (ends - os.time()) // DAY
  local text = ("%s, the certificate is valid for %d days, until %s"):format(record.tls, days,
    os.date("!%Y-%m-%d", ends))
  if days >= EXPIRY_DAYS then return { finding.ok("tls", text, facts) } end
  return { finding.warning("tls", text, "whoever runs the server must renew it", facts) }
end

local function skew_text(seconds)
  local side = seconds < 0 and "behind" or "ahead of"
  local amount = math.abs(seconds)
  local text = amount < 120 and ("%d s"):format(amount) or amount < 7200 and ("%d min"):format(amount // 60)
    or ("%d h"):format(amount // 3600)
  return ("this machine's clock is %s %s the server's"):format(text, side)
end

-- That links for uploads expire within minutes is how storage services work; the limit is our choice.
---@return anyreach.finding[]
function network.clock(patient)
  if not patient.is_reached then return {} end
  local record = patient.record
  local date = redaction.find_header(record.response.headers, "date")
  local server = date and header_time(date)
  if not server then return { finding.warning("clock", "not compared: the server does not report its time") } end
  local skew = math.floor(record.started + record.elapsed) - server
  local facts, advice = { seconds_ahead = skew }, "set the clock, or synchronise it over the network (NTP)"
  if math.abs(skew) <= 2 then return { finding.ok("clock", "agrees with the server's", facts) } end
  if math.abs(skew) <= SKEW_SECONDS then return { finding.ok("clock", skew_text(skew), facts) } end
  if math.abs(skew) <= SKEW_FATAL_SECONDS then return { finding.warning("clock", skew_text(skew), advice, facts) } end
  return { finding.failure("clock", skew_text(skew) .. ": upload links may count as expired", advice) }
end

-- }======

-- {====== credential ======

-- What the answer to the question for its scopes says of a credential.
local function judge(text, facts, scopes, err)
  if scopes and json.is_array(scopes) then
    facts.scopes = scopes
    return finding.ok("credential", text .. ", " .. identity.scopes_text(scopes), facts)
  elseif err and (err.status == 401 or err.status == 403) then
    return finding.failure("credential", ("%s: %s"):format(text, err.message),
      "make a new one in Anyreach's settings, or check the organisation", PERMISSION)
  end
  return finding.warning("credential", text .. ", not checked: " .. (err and err.message or "no list of scopes came"),
    nil, facts)
end

---@return anyreach.finding[]
function network.credential(patient)
  if not patient.base_url then return {} end
  local ok, api = pcall(live_documents.client,
    { retries = 0, connect_timeout = CONNECT_SECONDS, timeout = ANSWER_SECONDS })
  if not ok then return { finding.failure_of("credential", api) } end
  local token = settings.of(api).token
  if not token then
    local current = profiles.current()
    return { finding.warning("credential", "none: only the sandbox can be used",
      current and ("give the profile '%s' a token, token_env or token_command"):format(current.name)
        or "set ANYREACH_TOKEN, or 'anyreach profile add NAME'") }
  end
  local text, facts = identity.describe(api)
  if not identity.kind(token) then
    return { finding.warning("credential", text .. " begins neither with ak_ nor with pat_",
      "check that it was copied completely") }
  elseif not patient.is_reached then
    return { finding.warning("credential", text .. ", not checked: the API was not reached", nil, facts) }
  end
  return { judge(text, facts, api.try.admin.members.my_scopes()) }
end

-- }======

return network
