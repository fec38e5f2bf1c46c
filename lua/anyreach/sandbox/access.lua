-- Who may call what: the organisations and credentials that every sandbox has, and the checks that
-- answer 401 and 403. Organisations, tokens and ids are fixed, so that scripts and tests can name
-- them; the credentials are worth nothing outside the sandbox.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local organization_pats = require "anyreach.sandbox.organization_pats"
local refusal = require "anyreach.sandbox.refusal"

local access = {}

-- The scopes that the documentation names; the operation table may add more.
local DOCUMENTED_SCOPES = {
  "agents:manage", "agents:read", "assessments:manage", "assessments:read", "billing:manage", "campaigns:manage",
  "campaigns:read", "child_organizations:manage", "concurrency:manage", "concurrency:read", "conversations:dial",
  "conversations:manage", "conversations:read", "conversations:read_sensitive", "email_domains:manage",
  "email_domains:read", "managed_accounts:manage", "members:manage", "members:read", "organizations:manage",
  "phone_numbers:manage", "phone_numbers:read", "sources:manage", "trunks:manage", "trunks:read",
  "web_widgets:manage", "web_widgets:read",
}

---@class SandboxOrganization
---@field id string
---@field name string
---@field trunks { id: string, name: string, managed: boolean }[] the first carries the numbers
---@field phone_numbers string[]
---@field datasets { id: string, name: string }[]

---@type SandboxOrganization[]
access.organizations = {
  {
    id = "0a000000-0000-4000-8000-000000000001",
    name = "Sandbox One",
    trunks = {
      { id = "1a000000-0000-4000-8000-000000000001", name = "Default trunk", managed = true },
      { id = "1a000000-0000-4000-8000-000000000002", name = "Own carrier", managed = false },
    },
    phone_numbers = { "+15551234567", "+15551230001", "+15551230002", "+15551230003" },
    datasets = { { id = "2a000000-0000-4000-8000-000000000001", name = "Default" } },
  },
  {
    id = "0a000000-0000-4000-8000-000000000002",
    name = "Sandbox Two",
    trunks = {
      { id = "1a000000-0000-4000-8000-000000000003", name = "Default trunk", managed = true },
      { id = "1a000000-0000-4000-8000-000000000004", name = "Own carrier", managed = false },
    },
    phone_numbers = { "+15557654321", "+15557650001", "+15557650002", "+15557650003" },
    datasets = { { id = "2a000000-0000-4000-8000-000000000002", name = "Default" } },
  },
}

local FIRST, SECOND = access.organizations[1].id, access.organizations[2].id

local function is_read_scope(scope)
  return scope:find(":read$") ~= nil
end

local function is_any_scope()
  return true
end

-- Roles are those of the documentation: an admin holds every scope, a viewer every "*:read".
-- A token that names no organisation takes it from X-Anyreach-Org.
local TOKENS = {
  { token = "ak_sandbox.admin", organization = FIRST, holds = is_any_scope },
  { token = "ak_sandbox.viewer", organization = FIRST, holds = is_read_scope },
  { token = "ak_sandbox.second", organization = SECOND, holds = is_any_scope },
  { token = "pat_sandbox", members_of = { FIRST, SECOND }, holds = is_any_scope },
}

local tokens_by_text = {}
for _, token in ipairs(TOKENS) do tokens_by_text[token.token] = token end

local function all_scopes()
  local known, list = {}, {}
  local function add(scopes)
    for _, scope in ipairs(scopes or {}) do
      if not known[scope] then
        known[scope] = true
        list[#list + 1] = scope
      end
    end
  end
  add(DOCUMENTED_SCOPES)
  for _, name in ipairs(operations.names()) do add(operations.describe(name).scopes) end
  table.sort(list)
  return list
end

local function held_scopes(token, scopes)
  local held = json.array {}
  for _, scope in ipairs(scopes) do
    if token.holds(scope) then held[#held + 1] = scope end
  end
  return held
end

---The scopes that a credential holds, sorted.
---@param token table from authenticate
---@return string[] a JSON array
function access.scopes_of(token)
  return held_scopes(token, all_scopes())
end

---The credentials with their scopes, as `anyreach sandbox --json` shows them.
---@return table[]
function access.describe_tokens()
  local scopes, list = all_scopes(), json.array {}
  for _, token in ipairs(TOKENS) do
    list[#list + 1] = {
      token = token.token,
      organization = token.organization or json.null,
      scopes = held_scopes(token, scopes),
    }
  end
  return list
end

-- The organisation of a personal token. That a foreign one is answered with 403 is our choice: the
-- documentation does not say.
local function organization_from_header(token, headers)
  local wanted = headers["x-anyreach-org"]
  if not wanted or wanted == "" then refusal.raise(401, "Token is missing organization claim.") end
  for _, id in ipairs(token.members_of) do
    if id == wanted then return id end
  end
  refusal.raise(403, "The token's user is not a member of organization %s.", wanted)
end

-- A key that a caller has made; it holds all scopes.
local function made_token(store, text)
  local record = organization_pats.find(store, text)
  return record and { organization = record.organization_id, holds = is_any_scope }
end

---Finds the credential of a request; answers 401 when there is none or it is unknown.
---@param headers table names in lower case
---@param store table knows the keys that callers have made
---@return table token
---@return string organization id
function access.authenticate(headers, store)
  local scheme, text = (headers["authorization"] or ""):match("^%s*(%S+)%s+(%S+)%s*$")
  if not scheme or scheme:lower() ~= "bearer" then
    refusal.raise(401, "Missing credential; send it as Authorization: Bearer <token>.")
  end
  local token = tokens_by_text[text] or made_token(store, text)
  if not token then refusal.raise(401, "Invalid or deleted credential.") end
  return token, token.organization or organization_from_header(token, headers)
end

---Answers 403 unless the token holds one of the operation's scopes. An operation whose scopes are
---not documented takes any credential.
---@param token table from authenticate
---@param operation table from operations.describe
function access.check_scopes(token, operation)
  if not operation.scopes then return end
  for _, scope in ipairs(operation.scopes) do
    if token.holds(scope) then return end
  end
  refusal.raise(403, "Missing scope: the credential needs %s.", table.concat(operation.scopes, " or "))
end

return access
