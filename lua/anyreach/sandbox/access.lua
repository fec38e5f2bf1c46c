-- Who may call what: the checks that answer 401 and 403, before any rule runs. The organisations and credentials
-- are those of account/sandbox.lua, and the keys that callers have made.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local accounts = require "anyreach.account.sandbox"
local admin = require "anyreach.sandbox.admin"
local checks = require "anyreach.sandbox.checks"

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

local function is_read_scope(scope)
  return scope:find(":read$") ~= nil
end

local function is_any_scope()
  return true
end

local HOLDS = { admin = is_any_scope, viewer = is_read_scope }

local tokens_by_text = {}
for _, token in ipairs(accounts.tokens) do tokens_by_text[token.token] = token end

local every_scope -- read when first asked for

local function all_scopes()
  if every_scope then return every_scope end
  local known, list = operations.scopes(), {}
  for _, scope in ipairs(DOCUMENTED_SCOPES) do known[scope] = true end
  for scope in pairs(known) do list[#list + 1] = scope end
  table.sort(list)
  every_scope = list
  return list
end

-- The scopes that a role has, sorted; a JSON array.
local function scopes_of(role)
  local held = json.array {}
  for _, scope in ipairs(all_scopes()) do
    if HOLDS[role](scope) then held[#held + 1] = scope end
  end
  return held
end

---The credentials with their scopes, as `anyreach sandbox --json` shows them.
---@return table[]
function access.describe_tokens()
  local list = json.array {}
  for _, token in ipairs(accounts.tokens) do
    list[#list + 1] = {
      token = token.token,
      organization = token.organization or json.null,
      scopes = scopes_of(token.role),
    }
  end
  return list
end

-- The organisation of a personal token. That a foreign one is answered with 403 is our choice: the
-- documentation does not say.
local function organization_from_header(token, headers)
  local wanted = headers["x-anyreach-org"]
  if not wanted or wanted == "" then checks.refuse(401, "Token is missing organization claim.") end
  for _, id in ipairs(token.members_of) do
    if id == wanted then return id end
  end
  checks.refuse(403, "The token's user is not a member of organization %s.", wanted)
end

-- A key that a caller has made; it has all scopes.
local function made_token(store, now, text)
  local record = admin.find_key(store, now, text)
  return record and { organization = record.organization_id, role = "admin" }
end

---Finds out who asks; answers 401 when there is no credential or it is unknown.
---@param headers table<string, string> names in lower case
---@param store SandboxStore knows the keys that callers have made
---@param now fun(): string the clock, against which such keys expire
---@return SandboxCaller
function access.authenticate(headers, store, now)
  local scheme, text = (headers["authorization"] or ""):match("^%s*(%S+)%s+(%S+)%s*$")
  if not scheme or scheme:lower() ~= "bearer" then
    checks.refuse(401, "Missing credential; send it as Authorization: Bearer <token>.")
  end
  local token = tokens_by_text[text] or made_token(store, now, text)
  if not token then checks.refuse(401, "Invalid or deleted credential.") end
  return {
    organization = token.organization or organization_from_header(token, headers),
    holds = HOLDS[token.role],
    scopes = function() return scopes_of(token.role) end,
  }
end

---Answers 403 unless the caller holds one of the operation's scopes. An operation whose scopes are
---not documented takes any credential.
---@param caller SandboxCaller
---@param operation table from operations.describe
function access.check_scopes(caller, operation)
  if not operation.scopes then return end
  for _, scope in ipairs(operation.scopes) do
    if caller.holds(scope) then return end
  end
  checks.refuse(403, "Missing scope: the credential needs %s.", table.concat(operation.scopes, " or "))
end

return access
