-- Recipes: scripts with a declaration of their arguments, so that --help, `anyreach recipes` and
-- `anyreach help` can describe them without running them. A recipe ends with
--   return recipe.run(spec, main, ...)
-- and only declares above that line. Bundled recipes are scripts/NAME.lua; a script of
-- your own may be written the same way. recipe.connect says whose organisation the run works on, and keeps other
-- writing runs from it. With --json the last event of every run is its summary, or the error that ended it; both
-- contain the exit code.

local arguments = require "anyreach.arguments"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local identity = require "anyreach.account.identity"
local operations = require "anyreach.operations"
local printable = require("anyreach.text.terminal_text").printable
local progress = require "anyreach.progress"
local report = require "anyreach.report"
local run_lock = require "anyreach.account.run_lock"

local recipe = {}

local PREFIX = "scripts/"

-- What any recipe may end with, unless it declares something else, or false, for a code.
local COMMON_EXIT_CODES = {
  [1] = "the server, or something in the program, failed",
  [4] = "the credential is missing, refused, or lacks permission",
  [5] = "the rate limit was exceeded",
  [9] = "a check failed: a request is not recorded (--replay)",
  [10] = "the network failed, or there was no answer in time",
  [64] = "wrong usage",
  [130] = "interrupted",
}
local WRITERS_EXIT_CODES = {
  [6] = "refused: --read-only, a protected profile, or a profile that names another organisation",
  [11] = "another run is writing to the organisation",
}
local WAIT_OPTION = { name = "wait", value = "SECONDS", value_is_optional = true, type = "number",
  help = "wait while another run writes to the organisation; without SECONDS as long as it takes" }

-- Given to a recipe in place of its arguments, it makes recipe.run return the declaration.
local DECLARATION = {}

-- What this run may write: what the recipe declares, and what the options do that were given.
local function allowed_writes(spec, given)
  local names = table.move(spec.writes, 1, #spec.writes, 1, {})
  for _, option in ipairs(spec.options or {}) do
    if option.writes and given[(option.name:gsub("%-", "_"))] then
      table.move(option.writes, 1, #option.writes, #names + 1, names)
    end
  end
  return names
end

local function can_write(spec)
  for _, option in ipairs(spec.options or {}) do
    if option.writes then return true end
  end
  return spec.writes ~= nil and #spec.writes > 0
end

-- A recipe that has an option of this name waits for both with it.
local function add_wait(spec)
  spec.options = spec.options or {}
  for _, option in ipairs(spec.options) do
    if option.name == WAIT_OPTION.name then return end
  end
  table.insert(spec.options, WAIT_OPTION)
end

-- Adds to the options and exit codes that a recipe declares those of all recipes.
local function complete(spec)
  if can_write(spec) then add_wait(spec) end
  if not spec.exit_codes then return spec end
  for _, common in ipairs { COMMON_EXIT_CODES, can_write(spec) and WRITERS_EXIT_CODES or {} } do
    for code, meaning in pairs(common) do
      if spec.exit_codes[code] == nil then spec.exit_codes[code] = meaning end
    end
  end
  return spec
end

-- A bundled recipe's --help is taken by the program; that of a script is among its own words.
local function asks_for_help(words)
  for _, word in ipairs(words) do
    if word == "--" then return false end
    if word == "--help" or word == "-h" then return true end
  end
  return host.options.help ~= nil
end

-- {====== whose organisation ======

---@class anyreach.recipe_run to be closed
---@field private spec anyreach.spec
---@field private given table
---@field private facts table|nil for the last event; nil: nobody was asked yet
---@field private held any[] locks against other runs
local Run = {}
Run.__index = Run

local current -- the run that is at work

function Run:__close()
  report.release()
  for _, lock in ipairs(self.held) do lock:close() end
  current = self.before
end

local function add_facts(facts, account, prefix)
  facts[prefix .. "organization"] = account.organization
  facts[prefix .. "organization_name"] = account.organization_name
  facts[prefix .. "profile"] = account.profile
end

-- The profile that an option of the command line names, or nil.
local function named_profile(run, names)
  for _, option in ipairs(run.spec.options or {}) do
    if option.value == "PROFILE" and names[option.name] then
      local name = run.given[option.name]
      if name then return name end
    end
  end
end

-- Whose organisation the run works on: as the organisation has told, else as the profiles say.
local function facts_of(run)
  local facts = {}
  for key, value in pairs(run.facts or {}) do facts[key] = value end
  if run.facts then return facts end
  for prefix, names in pairs { [""] = { to = true, against = true }, from_ = { from = true } } do
    local name = named_profile(run, names)
    local ok, account = pcall(identity.expected, name)
    if ok and (name or prefix == "") then add_facts(facts, account, prefix) end
  end
  return facts
end

-- An error that ends the run is reported after it; so what is known of the run stays known.
local function begin(spec)
  report.follow(nil)
  current = setmetatable({ spec = spec, given = {}, held = {}, before = current }, Run)
  local run = current
  report.of_run(function() return facts_of(run) end)
  return run
end

local function name_of(spec)
  return spec.usage:match("^anyreach run ([^%s|]+)") or arg[0] or "a script"
end

-- Refuses the run while another one writes to the account.
local function exclude_others(run, account)
  local wait = run.given.wait
  local lock, problem = run_lock.take(identity.server_key(account), {
    recipe = name_of(run.spec),
    wait = wait == true and math.huge or wait or nil,
    on_wait = function(holder) report.note("waiting for another run: %s", holder) end,
  })
  table.insert(run.held, lock)
  if not lock then report.warn("nothing keeps other runs on this machine from writing meanwhile: %s", problem) end
end

local function headline(account, source)
  if not source then return "organisation: " .. identity.headline(account) end
  return ("organisations: from %s; to %s"):format(identity.headline(source), identity.headline(account))
end

---@class anyreach.connect_options
---@field source? anyreach.client of another organisation that is only read
---@field writes? boolean false: this run writes nothing; default what the recipe declares, without --check

--- Asks whose organisation a client works on, and names it in the first line on stderr and in the summary. A run that
--- writes keeps others from writing there until it ends; while another one does, that is an error of kind "conflict".
---@param api anyreach.client
---@param options? anyreach.connect_options
---@return anyreach.learned_account
function recipe.connect(api, options)
  options = options or {}
  local run, account = current, identity.learn(api)
  local source = options.source and identity.learn(options.source)
  report.header(headline(account, source))
  if not run then return account end
  run.facts = {}
  add_facts(run.facts, account, "")
  if source then add_facts(run.facts, source, "from_") end
  run.account = account
  if can_write(run.spec) and not run.given.check and options.writes ~= false then exclude_others(run, account) end
  return account
end

--- Names the organisation and the profile of a recipe that works on files alone, and asks nothing.
---@return anyreach.learned_account
function recipe.work_offline()
  local account = identity.expected()
  report.header("organisation: " .. identity.headline(account, true))
  if current then
    current.facts = {}
    add_facts(current.facts, account, "")
  end
  return account
end

--- Takes the organisation's id from an agent that was created, when nothing has told it before.
---@param api anyreach.client
---@param agent table
---@return anyreach.learned_account
function recipe.note(api, agent)
  local account = identity.learn(api)
  local before = account.key
  identity.note(api, agent)
  if current and account.key ~= before and #current.held > 0 then
    exclude_others(current, account)
    add_facts(current.facts, account, "")
  end
  return account
end

--- Whether somebody at a terminal can be asked.
---@return boolean
function recipe.can_ask()
  return host.is_terminal("stdin") and host.is_terminal("stderr") and not report.is_json()
end

--- Asks on the terminal for a yes. Nil where nobody can be asked.
---@param question string
---@return boolean|nil
function recipe.confirm(question)
  if not recipe.can_ask() then return nil end
  progress.hide()
  io.stderr:write(printable(question), " [y/N] ")
  local answer = (io.read("l") or ""):lower():match("^%s*(.-)%s*$")
  return answer == "y" or answer == "yes"
end

-- }======

-- The end of a run that no error has ended.
local function finish(run, code, summary, failure)
  code = code or 0
  report.follow(nil)
  if failure then report.failed(failure) end
  if report.is_json() then report.summary(summary, code) end
  local before = run.before
  report.of_run(before and function() return facts_of(before) end)
  return code
end

--- Runs a recipe with its arguments: parses them, prints the help if that is asked for. `main` returns the
--- exit code, the fields of the summary that --json ends with, and where something has failed without an
--- error that ends the run, what, in a sentence for stderr.
---@param spec anyreach.spec
---@param main fun(given: table): integer?, table?, string? gets options and operands
---@param ... string the arguments
---@return integer|nil exit code
function recipe.run(spec, main, ...)
  complete(spec)
  if ... == DECLARATION then return spec end
  local words = { ... }
  if asks_for_help(words) then
    io.stdout:write(arguments.help(spec))
    return 0
  end
  local run <close> = begin(spec)
  local given = arguments.parse(spec, words)
  run.given = given
  if spec.writes then host.restrict_writes(allowed_writes(spec, given)) end
  return finish(run, main(given))
end

--- The names of the bundled recipes, sorted.
---@return string[]
function recipe.names()
  local names = {}
  for _, file in ipairs(host.embedded_names(PREFIX)) do
    names[#names + 1] = file:sub(#PREFIX + 1):match("^([^/]+)%.lua$")
  end
  return names
end

-- A bundled recipe as a function, with its own environment if one is given; an unknown name is refused.
local function load_recipe(name, environment)
  local file = PREFIX .. name .. ".lua"
  if name:find("/", 1, true) or not host.embedded_text(file) then
    local near = operations.nearest(name, recipe.names())
    errors.raise("command_line", "there is no recipe '%s'%s", name, near and ("; did you mean '%s'?"):format(near)
      or "; 'anyreach recipes' lists them")
  end
  return host.load_embedded(file, environment)
end

-- A module that is loaded when a field of it is asked for.
local Lazy = {
  __index = function(self, key) return require(self[1])[key] end,
}

-- A declaration needs few of the modules that its recipe works with; loading all for each recipe that is listed
-- would take most of the time of `help` and `recipes`.
local DESCRIBING = setmetatable({
  require = function(name) return name == "anyreach.recipe" and recipe or setmetatable({ name }, Lazy) end,
}, { __index = _G })

--- The declaration of a bundled recipe; an unknown name is refused.
---@param name string
---@return anyreach.spec
function recipe.spec(name)
  return load_recipe(name, DESCRIBING)(DECLARATION)
end

--- Runs a bundled recipe in a program that goes on after it. What it restricts the guard to ends with it.
---@param name string
---@param words string[] its arguments
---@return integer exit code
function recipe.call(name, words)
  local main = load_recipe(name)
  local scope <close> = host.guard_scope() -- luacheck: ignore 211
  return main(table.unpack(words)) or 0
end

--- The help text of a bundled recipe.
---@param name string
---@return string
function recipe.help(name)
  return arguments.help(recipe.spec(name))
end

return recipe
