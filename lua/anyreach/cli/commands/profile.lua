-- anyreach profile: the profiles of the config file; see `anyreach help profiles`.

local arguments = require "anyreach.arguments"
local core = require "anyreach.client_core"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local identity = require "anyreach.account.identity"
local live_documents = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local profile_file = require "anyreach.account.profile_file"
local profiles = require "anyreach.account.profiles"
local report = require "anyreach.report"
local secret = require "anyreach.secret"

local spec = {
  usage = "anyreach profile list | show [NAME] | use NAME | test [NAME] | add NAME [OPTIONS]",
  summary = "Lists, shows, chooses, tests or adds profiles.",
  options = {
    { name = "token-env", value = "VARIABLE", help = "add: the token is in this environment variable" },
    { name = "token-command", value = "COMMAND", help = "add: this command for /bin/sh prints the token" },
    { name = "organization-name", value = "NAME", help = "add: the organisation's name in prompts" },
    { name = "protected", help = "add: refuse writes unless --write is given" },
    { name = "environment", value = "NAME", help = "add: the environment of its agent files" },
    { name = "default", help = "add: make it the default" },
  },
  operands = { name = "list, show, use, test or add", min = 1, max = 2 },
  notes = [[
list lists all profiles and marks the one in use with a star; show shows one profile's settings. Tokens are never
shown.
use makes a profile the default. test asks the API which scopes the profile's credential has.
add writes a new profile to the config file, with --org and --base-url as its organisation and address. It asks
for the token without showing it, or reads it from standard input, unless --token-env or --token-command says
where the token is. 'anyreach help profiles' describes that file.

  anyreach profile add staging --org 7c9e6679-7425-40de-944b-e07fc1f90ae7 --default
  pass show anyreach/ci | anyreach profile add ci
  anyreach profile add production --token-command 'pass show anyreach/production' --protected]],
}

-- {====== list and show ======

local function facts_of(profile)
  local current = profiles.current()
  return {
    name = profile.name,
    base_url = profile.base_url,
    organization = profile.organization,
    organization_name = profile.organization_name,
    token_source = identity.token_source(profile),
    protected = profile.protected == true,
    environment = profile.environment,
    is_default = profile_file.read().default == profile.name,
    is_in_use = current ~= nil and current.name == profile.name,
  }
end

local function list()
  local rows, widths = {}, { 0, 0, 0 }
  for i, name in ipairs(profiles.names()) do
    local facts = facts_of(profiles.get(name))
    if report.is_json() then report.event("profile", facts) end
    rows[i] = { facts.name, facts.organization_name or facts.organization or "-", facts.token_source or "no token",
      facts.protected and "protected" or "", is_in_use = facts.is_in_use }
    for column = 1, 3 do widths[column] = math.max(widths[column], utf8.len(rows[i][column])) end
  end
  if report.is_json() then return end
  if #rows == 0 then return report.note("no profiles; 'anyreach profile add NAME' makes one") end
  for _, row in ipairs(rows) do
    local line = row.is_in_use and "*" or " "
    for column = 1, 3 do line = line .. " " .. row[column] .. (" "):rep(widths[column] - utf8.len(row[column]) + 1) end
    print(((line .. " " .. row[4]):gsub("%s+$", "")))
  end
end

-- The profile that is meant, or nil with a note when none is named and none is in use.
local function profile_for(name)
  if name then return profiles.get(name) end
  local current = profiles.current()
  if not current then report.note("no profile is in use; the environment counts, or 'anyreach profile use NAME'") end
  return current
end

local function show(name)
  local profile = profile_for(name)
  if not profile then return end
  local facts = facts_of(profile)
  if report.is_json() then return report.event("profile", facts) end
  local marks = (facts.is_in_use and ", in use" or "") .. (facts.is_default and ", the default" or "")
  for _, row in ipairs {
    { "name", facts.name .. marks },
    { "base_url", facts.base_url },
    { "organization", facts.organization },
    { "organization_name", facts.organization_name },
    { "token", facts.token_source and "from " .. facts.token_source or "none" },
    { "protected", facts.protected and "true; --write lets it write" or nil },
    { "environment", facts.environment },
  } do
    if row[2] then print(("%-17s  %s"):format(row[1], row[2])) end
  end
end

-- }======

-- {====== use and test ======

local function check_in_file(name)
  local profile = profiles.get(name)
  if profile_file.read().profiles[name] then return profile end
  errors.raise("input", "'%s' is a profile of the sandbox, not of the config file", name)
end

local function use(name)
  if not name then arguments.fail(spec, "profile use: which one?") end
  check_in_file(name)
  report.note("'%s' is now the default in %s", name, profile_file.use(name))
end

local function test(name)
  local profile = profile_for(name)
  local api = live_documents.client { profile = profile and profile.name, retries = 0 }
  local scopes = api.admin.members.my_scopes()
  local text, facts = identity.describe(api)
  facts.scopes = scopes
  if report.is_json() then return report.event("profile_test", facts) end
  print(("ok  %s, %s"):format(text, identity.scopes_text(scopes)))
end

-- }======

-- {====== add ======

local function read_token(name)
  if not host.is_terminal "stdin" then return (io.read("l") or ""):gsub("\r$", "") end
  local text, message = require("anyreach.terminal").read_hidden(("Token of '%s', not shown: "):format(name))
  return text or errors.raise("input", "the token could not be read: %s", message)
end

-- Refuses a token that cannot be one, before it is written.
local function check_token(token, organization)
  if token == "" then errors.raise("input", "no token was given") end
  if token:find("[%s%c]") then errors.raise("input", "that is not a token: it contains white space") end
  if not identity.kind(secret(token)) then
    errors.raise("input", "that is not a token: it begins neither with ak_ nor with pat_")
  elseif core.token_is_personal(secret(token)) and not organization then
    errors.raise("input", "a personal access token (pat_…) needs an organisation: --org ID")
  end
  return token
end

local function check_new(name)
  if not name then arguments.fail(spec, "profile add: which name?") end
  if not profile_file.is_name(name) then
    arguments.fail(spec, "'%s' cannot be a profile's name; expected letters, digits, '.', '_' and '-'", name)
  elseif profile_file.read().profiles[name] then
    errors.raise("input", "there is a profile '%s' already; change it in %s", name, profile_file.path())
  end
end

local function fields_of(given)
  if given.token_env and given.token_command then
    arguments.fail(spec, "--token-env and --token-command: one of them is enough")
  end
  local base_url = host.options["base-url"]
  local problem = base_url and core.base_url_problem(base_url)
  if problem then arguments.fail(spec, "--base-url '%s': %s", base_url, problem) end
  return {
    token_env = given.token_env,
    token_command = given.token_command,
    organization = host.options.org,
    organization_name = given.organization_name,
    base_url = base_url,
    protected = given.protected,
    environment = given.environment,
  }
end

local function add(name, given)
    check_new(name)
  local fields = fields_of(given)
  profile_file.check_fields(name, fields)
  if not fields.token_env and not fields.token_command then
    fields.token = check_token(read_token(name), fields.organization)
  end
  local path = profile_file.add(name, fields, given.default)
  report.note("added '%s' to %s; 'anyreach profile test %s' tries it", name, path, name)
end

-- }======

local ACTIONS = { list = list, show = show, use = use, test = test, add = add }
local NAMES = { "add", "list", "show", "test", "use" }

local function run(given)
  local action = ACTIONS[given[1]]
  if not action then
    local near = operations.nearest(given[1], NAMES)
    local hint = near and ("; did you mean '%s'?"):format(near) or ""
    arguments.fail(spec, "profile: unknown action '%s'%s", given[1], hint)
  end
  if given[2] and action == list then arguments.fail(spec, "unexpected argument '%s'", given[2]) end
  for _, option in ipairs(spec.options) do
    if action ~= add and given[(option.name:gsub("%-", "_"))] then
      arguments.fail(spec, "--%s is for 'profile add'", option.name)
    end
  end
  return action(given[2], given)
end

return { spec = spec, run = run }
