-- anyreach.client: finds out where to, as whom and for which organisation, and makes a client of it.
-- What the script says wins over the command line, that over a profile that is named, that over the
-- environment, and that over the default profile (see anyreach.profiles). With --sandbox every client
-- goes to the sandbox, whatever else is said.

local core = require "anyreach.client_core"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local live = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local profiles = require "anyreach.account.profiles"
local secret = require "anyreach.secret"

local DEFAULT_BASE_URL = "https://api.anyreach.ai"
local DEFAULT_TIMEOUT = 60 -- seconds
local DEFAULT_CONNECT_TIMEOUT = 10 -- seconds
local DEFAULT_STALL_TIMEOUT = 30 -- seconds
local DEFAULT_RETRIES = 4
local SANDBOX_TOKEN = "ak_sandbox.admin"

local option_types = {
  profile = { "string" },
  token = { "string", "userdata" },
  organization = { "string" },
  base_url = { "string" },
  timeout = { "number" },
  connect_timeout = { "number" },
  stall_timeout = { "number" },
  retries = { "number" },
  rate = { "number" },
  ca_file = { "string" },
  headers = { "table" },
}

local option_names = {}
for name in pairs(option_types) do option_names[#option_names + 1] = name end
table.sort(option_names)

local function check_options(options)
  local problems = {}
  for name, value in pairs(options) do
    local types = option_types[name]
    if not types then
      local near = operations.nearest(tostring(name), option_names)
      local hint = near and ('; did you mean "%s"?'):format(near)
        or "; expected one of " .. table.concat(option_names, ", ")
      problems[#problems + 1] = { path = tostring(name), message = "unknown option" .. hint }
    elseif type(value) ~= types[1] and type(value) ~= types[2] then
      problems[#problems + 1] =
        { path = name, message = ("expected a %s, got a %s"):format(types[1], type(value)) }
    end
  end
  table.sort(problems, function(a, b) return a.path < b.path end)
  if #problems > 0 then
    error(errors.make { kind = "usage", operation = "anyreach.client", problems = problems }, 0)
  end
end

-- Empty means unset: a CI system defines variables it has no value for.
local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- {====== where to, as whom ======

-- The profile that counts for a client of these options, and whether it was named.
local function profile_of(options)
  if options.token and options.base_url and not options.profile then return nil, false end
  local named = options.profile and profiles.get(options.profile) or profiles.named()
  if named then return named, true end
  if options.token or options.base_url then return nil, false end
  return profiles.current(), false
end

-- As whom: {token, organization}. What is for real accounts stays here when it goes to the sandbox.
local function sandbox_identity(options, profile)
  local token = options.token or profile and profiles.token_at_hand(profile) or environment "ANYREACH_TOKEN"
  local is_known = token and core.token_is_sandbox(secret(token))
  return {
    token = secret(is_known and token or SANDBOX_TOKEN),
    organization = options.organization or host.options.org or is_known and profile and profile.organization or nil,
  }
end

local function real_identity(options, profile, is_named)
  local token = options.token or profile and profiles.token(profile) or not is_named and environment "ANYREACH_TOKEN"
  return {
    token = token and secret(token) or nil,
    organization = options.organization or host.options.org or not is_named and environment "ANYREACH_ORG_ID"
      or profile and profile.organization or nil,
  }
end

local function check_base_url(url)
  local problem = core.base_url_problem(url)
  if problem then errors.raise("usage", "base URL '%s': %s", url, problem) end
  return (url:gsub("/+$", ""))
end

local function check_headers(headers)
  for name, value in pairs(headers or {}) do
    if type(name) ~= "string" or not name:match("^[%w%-]+$") then
      errors.raise("usage", "headers: '%s' is no header name", name)
    elseif type(value) ~= "string" and type(value) ~= "userdata" then
      errors.raise("usage", "headers.%s: expected a string, got a %s", name, type(value))
    end
  end
  return headers
end

local function check_seconds(name, value)
  value = tonumber(value)
  if not value or value <= 0 or value > 86400 then
    errors.raise("usage", "%s: expected seconds, more than 0 and at most 86400", name)
  end
  return value
end

-- The address that a client of these options has.
local function base_url(options, profile, is_named)
  return check_base_url(
    host.sandbox_url() or options.base_url or host.options["base-url"]
      or not is_named and environment "ANYREACH_BASE_URL" or profile and profile.base_url or DEFAULT_BASE_URL
  )
end

--- The address that a client without options has, and the name of its profile.
---@return string base_url
---@return string|nil profile
local function default_base_url()
  local profile, is_named = profile_of {}
  return base_url({}, profile, is_named), profile and profile.name
end

-- }======

local function check_retries(value)
  if math.type(value) ~= "integer" or value < 0 or value > 100 then
    errors.raise("usage", "retries: expected an integer from 0 to 100, got %s", tostring(value))
  end
  return value
end

local function check_rate(value)
  if value and (value <= 0 or value ~= value) then
    errors.raise("usage", "rate: expected requests a second, more than 0, got %s", tostring(value))
  end
  return value
end

---@class anyreach.client_options
---@field profile? string its name in the config file; default --profile, or ANYREACH_PROFILE
---@field token? string|anyreach.secret
---@field organization? string sent as X-Anyreach-Org
---@field base_url? string
---@field timeout? number seconds for a whole request; default 60, or --timeout
---@field connect_timeout? number seconds; default 10
---@field stall_timeout? number seconds without a byte, whole ones; default 30
---@field retries? integer how often a request that may be repeated is, after a failure; default 4, or --retries
---@field rate? number requests a second, for all clients of the same server; default no limit, or --rate
---@field ca_file? string certificate authorities to trust instead of the system's
---@field headers? table<string, string> sent with every request

---@class anyreach.client_facts
---@field base_url string
---@field organization? string
---@field token? anyreach.secret
---@field profile? anyreach.profile
---@field is_protected boolean it refuses writes because of its profile

local facts = setmetatable({}, { __mode = "k" }) -- client -> anyreach.client_facts

--- Where a client goes, as whom: what it was made with.
---@param api anyreach.client
---@return anyreach.client_facts
local function facts_of(api)
  return facts[api] or errors.raise("usage", "expected a client, got a %s", type(api))
end

local function check_organization(settings)
  if not settings.token or settings.organization or not core.token_is_personal(settings.token) then return end
  errors.raise("credential", "a personal access token (pat_…) needs an organisation: %s", settings.profile
    and ("give the profile '%s' an organization, or use --org"):format(settings.profile)
    or "set ANYREACH_ORG_ID, --org or anyreach.client{ organization = … }")
end

-- A replay needs no credential.
local REPLAY_TOKEN = "ak_replay.none"

local function check_replay(line)
  local other = line.replay and (line.record and "record" or host.sandbox_url() and "sandbox")
  if other then errors.raise("command_line", "--replay sends nothing: leave out --%s", other) end
  return line.replay ~= nil
end

-- --write lifts a profile's protection; so does whoever has asked the user for it, by setting
-- host.options.write before the client is made.
local function settings_of(options)
  local profile, is_named = profile_of(options)
  local identity = (host.sandbox_url() and sandbox_identity or real_identity)(options, profile, is_named)
  local line = host.options
  local replays = check_replay(line)
  return {
    base_url = base_url(options, profile, is_named),
    organization = identity.organization,
    token = identity.token or replays and secret(REPLAY_TOKEN) or nil,
    replays = replays,
    profile = profile and profile.name,
    is_protected = profile and profile.protected and not line.write and not host.sandbox_url() or false,
    timeout = check_seconds("timeout", options.timeout or line.timeout or DEFAULT_TIMEOUT),
    connect_timeout = check_seconds("connect_timeout", options.connect_timeout or DEFAULT_CONNECT_TIMEOUT),
    stall_timeout = check_seconds("stall_timeout", options.stall_timeout or DEFAULT_STALL_TIMEOUT),
    retries = check_retries(options.retries or line.retries or DEFAULT_RETRIES),
    rate = check_rate(options.rate or line.rate),
    ca_file = options.ca_file or line["ca-file"],
    headers = check_headers(options.headers),
  }, profile
end

--- Makes a client. `token`, `organization` and `base_url` come from the options, else from the command
--- line, else from the profile that is named, else from ANYREACH_TOKEN, ANYREACH_ORG_ID and
--- ANYREACH_BASE_URL, else from the default profile. The client of a protected profile refuses writes,
--- unless --write is given.
---@param options? anyreach.client_options
---@return anyreach.client
local function client(options)
  options = options or {}
  if type(options) ~= "table" then
    errors.raise("usage", "anyreach.client: expected a table of options, got a %s", type(options))
  end
  check_options(options)
  local settings, profile = settings_of(options)
  check_organization(settings)
  live.use(settings.base_url, settings.profile)
  local api = core.new(settings)
  facts[api] = { base_url = settings.base_url, organization = settings.organization, token = settings.token,
    profile = profile, is_protected = settings.is_protected }
  return api
end

return { client = client, default_base_url = default_base_url, facts_of = facts_of }
