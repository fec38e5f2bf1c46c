-- Where a client goes, as whom, and for which organisation: found out from what the script says, else the
-- command line, else a profile that is named, else the environment, else the default profile (see
-- profiles.lua). With --sandbox every client goes to the sandbox, whatever else is said. Nothing is sent.
-- Whoever makes a client keeps here what it was made with.

local core = require "anyreach.client_core"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local profiles = require "anyreach.account.profiles"
local sandbox_accounts = require "anyreach.account.sandbox"
local secret = require "anyreach.secret"

local settings = {}

local DEFAULT_BASE_URL = "https://api.anyreach.ai"
local SANDBOX_TOKEN = sandbox_accounts.tokens[1].token
local REPLAY_TOKEN = "ak_replay.none" -- a replay needs no credential

---@class anyreach.settings
---@field base_url string without a slash at its end
---@field organization? string id
---@field token? anyreach.secret
---@field profile? anyreach.profile
---@field is_protected boolean writes are refused because of the profile

-- Empty means unset: a CI system defines variables it has no value for.
local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

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

local function base_url_of(options, profile, is_named)
  return check_base_url(
    host.sandbox_url() or options.base_url or host.options["base-url"]
      or not is_named and environment "ANYREACH_BASE_URL" or profile and profile.base_url or DEFAULT_BASE_URL
  )
end

--- The address that a client without options has, and the name of its profile.
---@return string base_url
---@return string|nil profile
function settings.default_base_url()
  local profile, is_named = profile_of {}
  return base_url_of({}, profile, is_named), profile and profile.name
end

local function check_organization(found)
  if not found.token or found.organization or not core.token_is_personal(found.token) then return end
  errors.raise("credential", "a personal access token (pat_…) needs an organisation: %s", found.profile
    and ("give the profile '%s' an organization, or use --org"):format(found.profile.name)
    or "set ANYREACH_ORG_ID, --org or anyreach.client{ organization = … }")
end

local function check_replay(line)
  local other = line.replay and (line.record and "record" or host.sandbox_url() and "sandbox")
  if other then errors.raise("command_line", "--replay sends nothing: leave out --%s", other) end
  return line.replay ~= nil
end

--- The settings of a client that is made with these options. --write lifts a profile's protection; so does
--- whoever has asked the user for it, by host.lift_protection first.
---@param options anyreach.client_options checked already
---@return anyreach.settings
function settings.find(options)
  local profile, is_named = profile_of(options)
  local identity = (host.sandbox_url() and sandbox_identity or real_identity)(options, profile, is_named)
  local line = host.options
  local replays = check_replay(line)
  local found = {
    base_url = base_url_of(options, profile, is_named),
    organization = identity.organization,
    token = identity.token or replays and secret(REPLAY_TOKEN) or nil,
    profile = profile,
    is_protected = profile and profile.protected and not (host.protection_is_lifted() or host.sandbox_url()) or false,
  }
  check_organization(found)
  return found
end

local kept = setmetatable({}, { __mode = "k" }) -- client -> anyreach.settings

--- Keeps what a client was made with, as long as the client lives.
---@param api anyreach.client
---@param found anyreach.settings
function settings.keep(api, found)
  kept[api] = found
end

--- What a client was made with.
---@param api anyreach.client
---@return anyreach.settings
function settings.of(api)
  return kept[api] or errors.raise("usage", "expected a client, got a %s", type(api))
end

return settings
