-- What a session works on, found without a request and without asking for a token: profile, organisation and
-- mode, as the prompt and the greeting show them.

local account = require "anyreach.account.identity"
local host = require "anyreach.host"
local live_documents = require "anyreach.openapi.live_documents"
local profiles = require "anyreach.account.profiles"
local settings = require "anyreach.account.settings"

local target = {}

---@class anyreach.repl.target
---@field name string of the profile, or what else says where this is
---@field base_url string
---@field organization? string its name, or its id
---@field protected boolean
---@field profile? string
---@field has_credential boolean as far as is known without asking for it

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- The sandbox's credentials are at hand, and determine the organisation.
local function sandbox_target()
  local facts = account.of(live_documents.client())
  local is_built_in = facts.profile and facts.profile:find "^sandbox"
  return {
    name = is_built_in and facts.profile or facts.profile and "sandbox/" .. facts.profile or "sandbox",
    organization = facts.organization_name,
    protected = false,
    profile = facts.profile,
    has_credential = true,
  }
end

local function organization_of(profile)
  local id = host.options.org or not profiles.named() and environment "ANYREACH_ORG_ID" or profile.organization
  return (not id or id == profile.organization) and profile.organization_name or id
end

local function real_target(base_url)
  local profile = profiles.current() or {}
  return {
    name = profile.name or base_url:match "^%a+://([^/:]+)" or base_url,
    organization = organization_of(profile),
    protected = profile.protected == true,
    profile = profile.name,
    has_credential = profile.name ~= nil or environment "ANYREACH_TOKEN" ~= nil or host.options.replay ~= nil,
  }
end

--- The target of a client that is made now.
---@return anyreach.repl.target
function target.current()
  local base_url = settings.default_base_url()
  local found = host.sandbox_url() and sandbox_target() or real_target(base_url)
  found.base_url = base_url
  return found
end

local function mode_text(here, is_read_only)
  if not here.has_credential then
    return ", without a credential\nSet ANYREACH_TOKEN before the start, or choose a profile: :profile NAME"
  end
  if not is_read_only then return "" end
  return ", read-only\n" .. (host.options["read-only"] and "Every write is refused, as --read-only says."
    or "Every write is refused; :readonly off allows them.")
end

--- Where this is and what may be done here, in one line or two.
---@param here anyreach.repl.target
---@param is_read_only boolean
---@return string
function target.text(here, is_read_only)
  local facts = {}
  if here.profile then facts[1] = "profile " .. here.profile end
  facts[#facts + 1] = here.organization
  return here.base_url .. (#facts > 0 and (" (%s)"):format(table.concat(facts, ", ")) or "")
    .. mode_text(here, is_read_only)
end

return target
