-- Who a client is: whose data it works on, which locks, promotions and state files call the account, and with which
-- kind of credential, found where. identity.of() sends nothing; identity.learn() asks the organisation for its id, once
-- for each client, because the credential does not tell it: a key of an organisation that is replaced must not make
-- another account of it. Of the credential itself nothing is shown.

local core = require "anyreach.client_core"
local digest = require "anyreach.digest"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local profiles = require "anyreach.account.profiles"
local sandbox_accounts = require "anyreach.account.sandbox"
local settings = require "anyreach.account.settings"

local identity = {}

local FINGERPRINT_LENGTH = 12 -- hex digits
local SANDBOX = "sandbox" -- in a key, in place of a host and a port that is another one at each start

---@class anyreach.account
---@field organization? string id
---@field organization_name? string
---@field profile? string name
---@field protected boolean the profile says so, and this is not the sandbox
---@field read_only boolean every write of this client is refused
---@field environment? string

---@class anyreach.learned_account : anyreach.account
---@field key string stable text that names server and organisation; never holds a credential
---@field server string host and port
---@field is_told boolean an answer of the organisation has told its id
---@field private source string where the credential comes from, in words
---@field private places string[] how keys may begin
---@field private fingerprint string|nil of the credential

-- {====== without asking ======

local function sandbox_organization(id)
  for _, organization in ipairs(sandbox_accounts.organizations) do
    if organization.id == id then return organization end
  end
end

-- The sandbox's credentials are no secrets, and each belongs to one organisation.
local function organization_of_token(token)
  if not token or not core.token_is_sandbox(token) then return nil end
  for _, known in ipairs(sandbox_accounts.tokens) do
    if token:equals(known.token) then return known.organization end
  end
end

--- The name of an organisation, as far as profiles or the sandbox tell it.
---@param id string|nil
---@param profile? anyreach.profile whose client it is
---@return string|nil
function identity.name_of(id, profile)
  if profile and profile.organization_name and (not profile.organization or profile.organization == id) then
    return profile.organization_name
  end
  local known = sandbox_organization(id)
  return known and known.name
end

--- The account of a client, as far as it is known without a request.
---@param api anyreach.client
---@return anyreach.account
function identity.of(api)
  local facts = settings.of(api)
  local profile = facts.profile or {}
  local id = facts.organization or organization_of_token(facts.token)
  return {
    organization = id,
    organization_name = identity.name_of(id, facts.profile),
    profile = profile.name,
    protected = profile.protected == true and not host.sandbox_url(),
    read_only = host.options["read-only"] == true or facts.is_protected,
    environment = profile.environment,
  }
end

local function expected_organization(profile)
  local given = host.options.org or profile and profile.organization
  if given or profile then return given end
  local id = os.getenv "ANYREACH_ORG_ID"
  return id ~= "" and id or nil
end

--- The account that a client of a profile would have, as that describes it. Needs no credential.
---@param name? string of the profile; default that of a client without options
---@return anyreach.learned_account
function identity.expected(name)
  local profile = name and profiles.get(name) or profiles.current()
  local id = expected_organization(profile)
  return {
    organization = id,
    organization_name = identity.name_of(id, profile),
    profile = profile and profile.name,
    environment = profile and profile.environment,
    source = (profile or host.sandbox_url() or os.getenv "ANYREACH_TOKEN") and identity.source(profile)
      or "no credential",
  }
end

-- }======

-- {====== asking ======

-- What may tell the organisation's id, in the order in which it is asked. Of these answers only those about
-- conversations are documented to hold `organization_id`. Each gets the first row of the list before.
local SOURCES = {
  function(api) return api.try.agents.list { limit = 1 } end,
  function(api, agent)
    if agent and type(agent.id) == "string" then return api.try.agents.get(agent.id) end
  end,
  function(api) return api.try.phone_numbers.list { limit = 1 } end,
  function(api) return api.try.conversations.list { limit = 1 } end,
}

-- After these another source may tell it. When none does, what the credential may not read ends the run.
local IS_SILENCE = { forbidden = true, not_found = true, validation = true, bad_request = true, http = true,
  replay = true }

local function id_in(answer)
  local id = type(answer) == "table" and not json.is_number(answer) and answer.organization_id
  return type(id) == "string" and id ~= "" and id or nil
end

local function ask(api)
  local first, forbidden
  for _, source in ipairs(SOURCES) do
    local answer, err = source(api, first)
    if errors.is_error(err) and not IS_SILENCE[err.kind] then error(err, 0) end
    forbidden = forbidden or errors.is_error(err) and err.kind == "forbidden" and err or nil
    first = json.is_array(answer) and answer[1] or answer
    local id = id_in(first)
    if id then return id end
    if type(first) ~= "table" then first = nil end
  end
  if forbidden then error(forbidden, 0) end
end

-- "api.anyreach.ai/ORGANISATION". Without the organisation a fingerprint of the credential takes its place: then
-- the account changes with the credential, which is safer than the opposite.
local function key_of(account)
  local place = sandbox_organization(account.organization) and SANDBOX or account.places[1]
  local fingerprint = account.fingerprint and "credential-" .. account.fingerprint
  return place .. "/" .. (account.organization or fingerprint or "nobody")
end

--- The account's key for what concerns one server: each sandbox has organisations of its own under the same ids.
---@param account anyreach.learned_account
---@return string
function identity.server_key(account)
  return account.server .. account.key:match("/.*$")
end

local function refuse_other(account, id)
  errors.raise("guard", "%s names the organisation %s, but the credential is for %s; nothing was written",
    account.profile and ("the profile '%s'"):format(account.profile) or "--org or ANYREACH_ORG_ID",
    account.organization, id)
end

-- Takes in the id that the organisation has told.
local function take(account, id, profile)
  if account.organization and account.organization ~= id then refuse_other(account, id) end
  account.organization, account.organization_name, account.is_told = id, identity.name_of(id, profile), true
  account.key = key_of(account)
end

local function find(api)
  local facts, account = settings.of(api), identity.of(api)
  local place = facts.base_url:gsub("^%a+://", ""):lower()
  local is_sandbox = host.sandbox_url() or facts.token and core.token_is_sandbox(facts.token)
  account.server = place
  account.places = is_sandbox and { SANDBOX, place } or { place, SANDBOX }
  account.fingerprint = facts.token and digest.sha256(facts.token):sub(1, FINGERPRINT_LENGTH)
  account.source, account.is_told = identity.source(facts.profile), false
  account.organization = facts.organization
  account.organization_name = identity.name_of(facts.organization, facts.profile)
  account.key = key_of(account)
  local id = ask(api)
  if id then take(account, id, facts.profile) end
  return account
end

local learned = setmetatable({}, { __mode = "k" }) -- client -> the task that asks

--- The account of a client with the organisation's id, for which the organisation is asked the first time. While
--- nothing there tells it, the id is what the profile, --org or ANYREACH_ORG_ID says, or nil. When they say another
--- one than the organisation, that is an error of kind "guard".
---@param api anyreach.client
---@return anyreach.learned_account the same table each time; identity.note() completes it
function identity.learn(api)
  learned[api] = learned[api] or host.spawn(find, api)
  local ok, account = pcall(learned[api].wait, learned[api])
  if ok then return account end
  learned[api] = nil
  error(account, 0)
end

--- Takes the organisation's id from an answer, if nothing has told it before.
---@param api anyreach.client
---@param answer table an agent that was created, for example
function identity.note(api, answer)
  local account, id = identity.learn(api), id_in(answer)
  if id and not account.is_told then take(account, id, settings.of(api).profile) end
end

--- Whether a key names an account by a credential, as it was done before the organisation was asked.
---@param account anyreach.learned_account
---@param key string
---@return boolean|nil is_own true: by this client's credential; false: by another one of the same server; nil: no
function identity.names_credential(account, key)
  for _, place in ipairs(account.places) do
    local fingerprint = key:sub(1, #place) == place and key:sub(#place + 1):match("^/credential%-(%x+)$")
    if fingerprint then return fingerprint == account.fingerprint end
  end
end

--- The key that the account had before the organisation was asked: by its credential.
---@param account anyreach.learned_account
---@return string|nil
function identity.old_key(account)
  if not account.fingerprint then return nil end
  return account.server .. "/credential-" .. account.fingerprint
end

-- }======

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

--- Where a client's credential comes from, in words.
---@param profile? anyreach.profile its own
---@return string
function identity.source(profile)
  if host.sandbox_url() then return "the sandbox" end
  if host.options.replay then return "a recording" end
  local source = profile and identity.token_source(profile)
  if source then return ("profile '%s' (%s)"):format(profile.name, source) end
  return (os.getenv "ANYREACH_TOKEN" or "") ~= "" and "ANYREACH_TOKEN" or "a token that the script gives"
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
  local text = (identity.kind(facts.token) or "a token") .. " from " .. identity.source(facts.profile)
    .. organization_text(found) .. (found.read_only and ", read-only" or "")
  return text, { organization = found.organization, profile = found.profile, read_only = found.read_only }
end

--- An organisation in words: its name and id, or what is not known of it.
---@param id string|nil
---@param name string|nil
---@return string
function identity.organization_text(id, name)
  if not id then return "unknown" end
  return name and ("%s (%s)"):format(name, id) or id .. " (name unknown)"
end

--- Whose data a run works on, and by which profile, for its first line.
---@param account anyreach.learned_account
---@param is_unasked? boolean the organisation was not asked
---@return string
function identity.headline(account, is_unasked)
  local where = account.profile and ("profile '%s'"):format(account.profile) or account.source
  if account.profile and host.sandbox_url() then where = where .. " in the sandbox" end
  local why = is_unasked and ", not asked"
    or account.organization and "" or ", which has nothing yet that would tell its id"
  return identity.organization_text(account.organization, account.organization_name) .. ", " .. where .. why
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
