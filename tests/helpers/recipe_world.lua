-- A place where recipes run against a sandbox inside of the program: two organisations as profiles, files, and
-- what happens there, for specs that want the same beginning many times. It is made once and copied for
-- each run.

local json = require "anyreach.json"
local past = require "helpers.past_conversations"
local process = require "helpers.process"
local sqlite = require "anyreach.sqlite"

local recipe_world = {}

local CONFIG = [[
default: staging
profiles:
  staging: {token_env: FIRST_TOKEN}
  production: {token_env: SECOND_TOKEN}
  guarded: {token_env: FIRST_TOKEN, protected: true}
  sealed: {token_env: SECOND_TOKEN, protected: true}
]]

local DAYS, CALLS_A_DAY = 12, 30

local World = {}
World.__index = World

--- Runs a command that has to succeed.
---@param command string
function recipe_world.must(command)
  local code, _, err = process.run(command)
  if code ~= 0 then error(("%s\nended with %d: %s"):format(command, code, err), 2) end
end

--- Makes a world.
---@param files table<string, string> path -> text, in the directory where recipes run
---@param set_up string Lua code that fills the organisations `first` and `second`, two clients
---@return table world
function recipe_world.new(files, set_up)
  local self = setmetatable({ directory = process.directory() }, World)
  assert(os.execute(("mkdir -p %s/config/anyreach %s/template/work"):format(self.directory, self.directory)))
  process.write(self.directory .. "/config/anyreach/config.yaml", CONFIG)
  self.environment = ("env HOME=%s XDG_CONFIG_HOME=%s/config XDG_STATE_HOME=%s/now/state XDG_CACHE_HOME=%s/now/cache "
    .. "FIRST_TOKEN=ak_sandbox.admin SECOND_TOKEN=ak_sandbox.second"):format(self.directory, self.directory,
      self.directory, self.directory)
  for name, text in pairs(files) do
    local path = self.directory .. "/template/work/" .. name
    assert(os.execute("mkdir -p " .. path:match "^(.*)/"))
    process.write(path, text)
  end
  recipe_world.must(self:fresh() .. self:evaluation(set_up))
  self:keep()
  return self
end

--- The beginning of a command: puts everything back and goes to where recipes run.
---@return string
function World:fresh()
  return ("cd %s && rm -rf now && cp -r template now && cd now/work && "):format(self.directory)
end

--- A command that runs Lua code with the clients `first` and `second`.
---@param code string
---@return string
function World:evaluation(code)
  return ("%s %s"):format(self.environment, process.anyreach("--sandbox=../sandbox.db", "-e",
    "local first, second = anyreach.client { profile = 'staging' }, anyreach.client { profile = 'production' } "
    .. code))
end

--- A command that runs a recipe.
---@param words string[]
---@param environment? string NAME=VALUE settings
---@return string
function World:command(words, environment)
  return ("%s %s %s"):format(self.environment, environment or "", process.anyreach("--retries=0", table.unpack(words)))
end

--- Makes what there is now what every run begins with.
function World:keep()
  assert(os.execute(("cd %s && rm -rf template && cp -r now template"):format(self.directory)))
end

--- Puts a file of the sandbox beside the usual one in which an experiment has conversations.
---@param name string of the file
---@param experiment string path of its state, in the directory where recipes run
---@param rates number[] which shares of the conversations of each variant succeed
function World:call(name, experiment, rates)
  local work = self.directory .. "/template/work/"
  local state, rows, today = json.decode(process.read(work .. experiment)), {}, os.time()
  for index, variant in ipairs(state.variants) do
    for call = 0, DAYS * CALLS_A_DAY - 1 do
      rows[#rows + 1] = {
        date = os.date("!%Y-%m-%d", today - (1 + call // CALLS_A_DAY) * 86400),
        agent_id = state.agent.id, agent_version_id = variant.version_id, agent_number = variant.phone_numbers[1],
        user_id = ("+1555%d%06d"):format(index, call),
        custom_metadata = { booked = call % CALLS_A_DAY < rates[index] * CALLS_A_DAY },
      }
    end
  end
  assert(os.execute(("cd %s/template && cp sandbox.db %s"):format(self.directory, name)))
  past.add(self.directory .. "/template/" .. name, rows)
  state.started_at = os.date("!%Y-%m-%dT00:00:00Z", today - DAYS * 86400)
  process.write(work .. experiment, json.encode(state))
end

local function documents(path)
  local database <close> = sqlite.open(path)
  return database:query "SELECT collection, id, document FROM documents ORDER BY collection, id"
end

--- True when the last run has left the sandbox's documents as they were.
---@return boolean
function World:is_untouched()
  return json.equal(documents(self.directory .. "/template/sandbox.db"), documents(self.directory .. "/now/sandbox.db"))
end

return recipe_world
