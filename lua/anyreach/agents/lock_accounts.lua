-- Whose rows a lock has. Rows that were noted under a credential's fingerprint, before the organisation was asked for
-- its id, become the organisation's: those of the credential that is used now, and those of other credentials whose
-- agents the organisation has. A lock that knows other organisations alone stops a run, because the files were written
-- elsewhere so far, and a wrong credential looks the same.

local agent_lookup = require "anyreach.agents.lookup"
local errors = require "anyreach.errors"
local identity = require "anyreach.account.identity"
local report = require "anyreach.report"

local lock_accounts = {}

--- The option of recipes that stop at a lock that knows other organisations alone.
---@type anyreach.option
lock_accounts.option = { name = "first-time",
  help = "go on although the lock knows other organisations alone, and not this one" }

-- {====== rows by a credential ======

-- A function that says whether the organisation has an agent; it lists them once, when first asked.
local function presence(api)
  local ids
  return function(id)
    if not ids then
      ids = {}
      for _, agent in ipairs(agent_lookup.all(api)) do ids[agent.id] = true end
    end
    return ids[id] == true
  end
end

-- The organisation's key, when a row's key names it by a credential.
local function owner_of(account, key, agent_id, is_present)
  local is_own = key and identity.names_credential(account, key)
  if is_own or is_own == false and agent_id and is_present(agent_id) then return account.key end
end

--- Gives rows that name the organisation by a credential to the organisation. Nothing is sent unless there are rows of
--- other credentials.
---@param opened anyreach.lock
---@param api anyreach.client
function lock_accounts.adopt(opened, api)
  local account = identity.learn(api)
  if not account.organization then return end
  local is_present = presence(api)
  for _, row in ipairs(opened:all_rows()) do
    local owner = owner_of(account, row.account, row.agent_id, is_present)
    local source = owner_of(account, row.from, row.from_agent_id, is_present)
    if owner or source then opened:move(row, owner or row.account, source or row.from) end
  end
end

-- }======

-- {====== other organisations alone ======

local function organization_of(key)
  return key:match("([^/]+)$")
end

-- "Sandbox One (0a…)", or what is known of it.
local function describe(key)
  local id = organization_of(key)
  if id:find("^credential%-") then return "the organisation of another credential (" .. key .. ")" end
  return identity.organization_text(id, identity.name_of(id))
end

-- The keys of the lock when it has rows and none is of these accounts; else nil.
local function others_alone(opened, accounts)
  local others, seen = {}, {}
  for _, row in ipairs(opened:all_rows()) do
    for _, account in ipairs(accounts) do
      if row.account == account.key or row.from == account.key then return nil end
    end
    if not seen[row.account] then others[#others + 1] = row.account end
    seen[row.account] = true
  end
  table.sort(others)
  return others[1] and others
end

---@class anyreach.first_time
---@field accounts anyreach.learned_account[] the organisations of the run, the one that is written to first
---@field is_agreed? boolean --first-time
---@field confirm fun(question: string): boolean|nil asks on a terminal; nil where nobody can be asked
---@field on_check? fun(format: string, ...: any) gets the refusal of a run that writes nothing, as a warning

--- Stops, with an error of kind "guard", at a lock that knows other organisations alone, unless somebody agrees.
---@param opened anyreach.lock
---@param options anyreach.first_time
function lock_accounts.check(opened, options)
  local others = not options.is_agreed and others_alone(opened, options.accounts)
  if not others then return end
  local names = {}
  for index, key in ipairs(others) do names[index] = describe(key) end
  local here = options.accounts[1]
  local text = ("%s knows %s, and not %s"):format(opened.path, table.concat(names, " and "),
    here.organization and identity.organization_text(here.organization, here.organization_name)
      or "this organisation, whose id is not known")
  if options.on_check then return options.on_check("%s; without --first-time a run stops here", text) end
  local answer = options.confirm(text .. ". Go on for the first time?")
  if answer then return end
  errors.raise("guard", "%s; nothing was written%s", text,
    answer == nil and "; --first-time goes on all the same" or "")
end

--- Begins to use a lock: gives it the rows that are the organisations', and stops when it knows others alone.
---@param opened anyreach.lock
---@param clients anyreach.client[] the one whose organisation is written to first
---@param given {first_time?: boolean, check?: boolean} of the recipe; with --check it warns in place of stopping
---@param confirm fun(question: string): boolean|nil recipe.confirm
function lock_accounts.begin(opened, clients, given, confirm)
  local accounts = {}
  for index, api in ipairs(clients) do
    accounts[index] = identity.learn(api)
    lock_accounts.adopt(opened, api)
  end
  lock_accounts.check(opened, {
    accounts = accounts, is_agreed = given.first_time, confirm = confirm, on_check = given.check and report.warn,
  })
end

-- }======

return lock_accounts
