-- Who a client is: whose data it works on, which locks, promotions and prompts call the account, and with
-- which kind of credential, found where. Nothing is sent to find it out, because that an `ak_` token names its
-- organisation to us is not documented; of the credential itself nothing is shown.

local core = require "anyreach.client_core"
local digest = require "anyreach.digest"
local host = require "anyreach.host"
local sandbox_accounts = require "anyreach.account.sandbox"
local settings = require "anyreach.account.settings"

local identity = {}

local FINGERPRINT_LENGTH = 12 -- hex digits

---@class anyreach.account
---@field key string stable text that names base URL and organisation; never holds a credential
---@field organization? string id
---@field organization_name? string
---@field profile? string name
---@field protected boolean the profile says so, and this is not the sandbox
---@field read_only boolean every write of this client is refused
---@field environment? string

local function organization_of_token(token)
  for _, known in ipairs(sandbox_accounts.tokens) do
    if token:equals(known.token) then return known.organization end
  end
end

-- The sandbox's organisations are the same everywhere, and its credentials no secrets.
local function sandbox_organization(facts)
  if not facts.token or not core.token_is_sandbox(facts.token) then return nil end
  local id = facts.organization or organization_of_token(facts.token)
  for _, organization in ipairs(sandbox_accounts.organizations) do
    if organization.id == id then return organization end
  end
end

-- "api.anyreach.ai/ORGANISATION". Without the organisation a fingerprint of the credential takes its place: then
-- the account changes with the credential, which is safer than the opposite.
local function key_of(facts)
  local place = facts.base_url:gsub("^%a+://", ""):lower()
  if facts.organization then return place .. "/" .. facts.organization end
  local fingerprint = facts.token and digest.sha256(facts.token)
  return place .. "/" .. (fingerprint and "credential-" .. fingerprint:sub(1, FINGERPRINT_LENGTH) or "nobody")
end

--- The account of a client.
---@param api anyreach.client
---@return anyreach.account
function identity.of(api)
  local facts = settings.of(api)
  local profile = facts.profile or {}
  local sandbox = sandbox_organization(facts)
  return {
    key = sandbox and "sandbox/" .. sandbox.id or key_of(facts),
    organization = sandbox and sandbox.id or facts.organization,
    organization_name = sandbox and sandbox.name or profile.organization_name,
    profile = profile.name,
    protected = profile.protected == true and not host.sandbox_url(),
    read_only = host.options["read-only"] == true or facts.is_protected,
    environment = profile.environment,
  }
end

-- {====== as text ======

--- Describes the kind of a token; nil when it is not one of the API's.
---@param token anyreach.secret
---@return string|nil
function identity.kind(token)
  if core.token_is_personal(token) then return "a personal access token (pat_…)" end
  if core.token_is_organization(token) then return "an organisation's key (ak_…)" end
end

--- Where a profile's token comes from, in a word or two; nil when it has none.
---@param profile anyreach.profile
---@return string|nil
function identity.token_source(profile)
  if profile.token_env then return "$" .. profile.token_env end
  if profile.token_command then return "token_command" end
  return profile.token and "config file" or nil
end

local function source_text(profile)
  if host.sandbox_url() then return "the sandbox" end
  local source = profile and identity.token_source(profile)
  return source and ("profile '%s' (%s)"):format(profile.name, source) or "ANYREACH_TOKEN"
end

local function organization_text(found)
  if not found.organization then return "" end
  local name = found.organization_name and (" (%s)"):format(found.organization_name) or ""
  return ", organisation " .. found.organization .. name
end

--- Describes a client that has a credential, as text and as facts.
---@param api anyreach.client
---@return string
---@return {organization: string?, profile: string?, read_only: boolean}
function identity.describe(api)
  local facts, found = settings.of(api), identity.of(api)
  local text = (identity.kind(facts.token) or "a token") .. " from " .. source_text(facts.profile)
    .. organization_text(found) .. (found.read_only and ", read-only" or "")
  return text, { organization = found.organization, profile = found.profile, read_only = found.read_only }
end

--- How many scopes there are; with --verbose, which.
---@param scopes string[]
---@return string
function identity.scopes_text(scopes)
  local text = (#scopes == 1 and "%d scope" or "%d scopes"):format(#scopes)
  return host.options.verbose and text .. ": " .. table.concat(scopes, " ") or text
end

-- }======

return identity
