-- What the recipe `provision` keeps of a run beside the agents themselves: the lock that tells what was
-- written, and, on demand, that agents go whose files went. The lock is written at the end, however the run
-- ends, and on the way at most once a second, so that an agent that a run has created is known to the next one.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local lock = require "anyreach.agents.lock"
local prune = require "anyreach.agents.provision.prune"
local record = require "anyreach.agents.provision.record"
local report = require "anyreach.report"

local keeping = {}

local SECONDS_BETWEEN_WRITES = 1

---@class anyreach.keeping to be closed
local Keeping = {}
Keeping.__index = Keeping

local function warn_of_difference(name, message)
  report.warn("%s: %s", name, message)
end

-- The locks of the directories among the paths.
local function locks_of(paths, open)
  local list = {}
  for _, path in ipairs(paths) do
    if directory.kind(path) == "directory" then list[#list + 1] = open(lock.path_in(path)) end
  end
  return list
end

local function check_prune(given, account, locks)
  if not given.prune then return end
  prune.check_name(account, given.prune)
  if #locks == 0 then errors.raise("command_line", "--prune: expected a directory of agent files, got files alone") end
end

--- Begins a run. Locks that cannot be read, and a wrong name after --prune, raise their errors here, before
--- anything is sent.
---@param api anyreach.client
---@param account anyreach.account
---@param agents anyreach.agent[]
---@param given table the recipe's arguments: paths, no_lock, lenient, prune, check
---@return anyreach.keeping
function keeping.start(api, account, agents, given)
  local open, opened = lock.opener()
  local function lock_of(file) return open(lock.path_beside(file)) end
  local self = setmetatable({
    api = api, account = account, agents = agents, given = given, opened = opened, written_at = -math.huge,
  }, Keeping)
  if not given.no_lock then
    self.lock_of = lock_of
    for _, agent in ipairs(agents) do lock_of(agent.file) end
  end
  self.locks = given.prune and locks_of(given, open) or {}
  check_prune(given, account, self.locks)
  self.record = record.new(api, agents, {
    account = account.key,
    lock_of = self.lock_of,
    on_difference = given.lenient and warn_of_difference or nil,
  })
  return self
end

--- The id that an agent had when it was written last, or nil.
---@param agent anyreach.agent
---@return string|nil
function Keeping:known_id(agent)
  local opened = self.lock_of and self.lock_of(agent.file)
  local row = opened and opened:get(self.account.key, agent.name)
  return row and row.agent_id
end

-- Writes the locks; returns why those were not written that could not be, by path.
local function write_all(self)
  local problems = {}
  if self.given.check then return problems end
  for path, opened in pairs(self.opened) do
    local ok, err = pcall(opened.write, opened)
    if not ok then problems[path] = tostring(err) end
  end
  self.written_at = host.clock()
  return problems
end

-- A problem is told of at the end.
local function write_now_and_then(self)
  if host.clock() - self.written_at >= SECONDS_BETWEEN_WRITES then write_all(self) end
end

--- Notes the id of an agent that was just created.
---@param change anyreach.change
---@param agent table
function Keeping:created(change, agent)
  if not self.lock_of then return end
  self.lock_of(change.file):set(self.account.key, change.name, { agent_id = agent.id })
  write_now_and_then(self)
end

--- Looks at an agent that was provisioned; see anyreach.provision.record.
function Keeping:note(change, progress)
  self.record:finish(change, progress)
  write_now_and_then(self)
end

--- Deletes agents whose files went, if that is asked for, or with --check finds them.
---@param may_delete boolean false after a failure: then nothing is deleted
---@return anyreach.pruned[]
function Keeping:prune(may_delete)
  if not self.given.prune then return {} end
  if not may_delete then
    report.warn("nothing is pruned, because not all agents could be provisioned")
    return {}
  end
  local found = prune.find(self.api, self.locks, self.account, self.agents)
  if not self.given.check then prune.apply(self.api, self.account, found) end
  return found
end

--- Writes the locks. That one cannot be written does not undo what was done; it is a warning.
function Keeping:write()
  for path, problem in pairs(write_all(self)) do report.warn("the lock %s was not written: %s", path, problem) end
end

Keeping.__close = write_all

--- The exit code of a run whose agents alone would have `code`.
---@param code integer
---@param pruned anyreach.pruned[]
---@return integer
function keeping.exit_code(code, pruned)
  for _, item in ipairs(pruned) do
    if item.action == "failed" then return errors.exit_codes.partial end
    if item.action == "delete" and code == 0 then code = 2 end
  end
  return code
end

return keeping
