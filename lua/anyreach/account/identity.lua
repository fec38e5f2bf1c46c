-- Whose data a client works on: what locks, promotions and prompts call the account. Nothing is sent to
-- find it out: that an `ak_` token names its organisation to us is not documented.

local client = require "anyreach.client.client"
local core = require "anyreach.client_core"
local digest = require "anyreach.digest"
local host = require "anyreach.host"
local sandbox_accounts = require "anyreach.account.sandbox"

local account = {}

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

-- "api.anyreach.ai/ORGANISATION". Without the organisation a fingerprint of the credential stands there:
-- such an account is another one when the credential changes, which is safer than the opposite.
local function key_of(facts)
  local place = facts.base_url:gsub("^%a+://", ""):lower()
  if facts.organization then return place .. "/" .. facts.organization end
  local fingerprint = facts.token and digest.sha256(facts.token)
  return place .. "/" .. (fingerprint and "credential-" .. fingerprint:sub(1, FINGERPRINT_LENGTH) or "nobody")
end

--- The account of a client.
---@param api anyreach.client
---@return anyreach.account
function account.of(api)
  local facts = client.facts_of(api)
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

return account
