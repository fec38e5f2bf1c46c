-- Who a client is, in words: which kind of credential, where it was found, which organisation. Of the
-- credential itself nothing is told.

local account = require "anyreach.account.identity"
local client = require "anyreach.client.client"
local core = require "anyreach.client_core"
local host = require "anyreach.host"

local identity = {}

--- The kind of a token in words; nil when it is none of the API's.
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

--- A client with a credential, in words and as facts.
---@param api anyreach.client
---@return string
---@return {organization: string?, profile: string?, read_only: boolean}
function identity.describe(api)
  local facts, found = client.facts_of(api), account.of(api)
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

return identity
