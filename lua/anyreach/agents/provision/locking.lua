-- The lock during a run of the recipe `provision`. An agent that was written is read back and compared by value with
-- what its file says, because a server may accept a field and ignore it; then the lock notes what both sides have.
-- The lock is written at the end, however the run ends, before the next step of an agent that was just created or got a
-- draft (agents/group_write.lua), and otherwise at most once a second. With --prune the agents are deleted that the
-- lock names and no file describes any more.

local agent_state = require "anyreach.agents.state"
local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local group_write = require "anyreach.agents.group_write"
local host = require "anyreach.host"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local orphans = require "anyreach.agents.orphans"
local report = require "anyreach.report"

local locking = {}

local PATHS_SHOWN = 6
local SECONDS_BETWEEN_WRITES = 1

---@class anyreach.locking to be closed
---@field private reader anyreach.state_reader
---@field private described table<string, anyreach.agent> name -> the agent with its references as written
---@field private lock_of? fun(file: string): anyreach.lock nothing is noted without it
local Locking = {}
Locking.__index = Locking

-- Writes the locks; returns why those were not written that could not be, by path.
local function write_all(self)
  local problems = {}
  if self.given.check or not self.account then return problems end
  for path, opened in pairs(self.opened) do
    local ok, err = pcall(opened.write, opened)
    if not ok then problems[path] = tostring(err) end
  end
  self.written_at = host.clock()
  return problems
end

-- {====== beginning ======

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
  orphans.check_organization(account, given.prune)
  if #locks == 0 then errors.raise("command_line", "--prune: expected a directory of agent files, got files alone") end
end

--- Begins a run. Locks that cannot be read raise their errors here, before anything is sent.
---@param api anyreach.client
---@param agents anyreach.agent[] with their references
---@param given table the recipe's arguments: paths, no_lock, lenient, prune, check
---@return anyreach.locking
function locking.start(api, agents, given)
  local open, opened = lock.opener()
  local function lock_of(file) return open(lock.path_beside(file)) end
  local self = setmetatable({
    api = api, agents = agents, given = given, opened = opened, written_at = -math.huge,
    reader = agent_state.reader(api), described = {},
  }, Locking)
  self.group = group_write.new(function() write_all(self) end)
  for _, agent in ipairs(agents) do self.described[agent.name] = agent end
  if not given.no_lock then
    self.lock_of = lock_of
    for _, agent in ipairs(agents) do lock_of(agent.file) end
  end
  self.locks = given.prune and locks_of(given, open) or {}
  return self
end

--- Says whose organisation it is. A wrong name after --prune, and a lock that knows others alone, raise their errors
--- here, before anything is written.
---@param account anyreach.learned_account
---@param confirm fun(question: string): boolean|nil
function Locking:connect(account, confirm)
  self.account = account
  check_prune(self.given, account, self.locks)
  for _, opened in pairs(self.opened) do
    lock_accounts.begin(opened, { self.api }, self.given, confirm)
  end
end

--- The id that an agent had when it was written last, or nil.
---@param agent anyreach.agent
---@return string|nil
function Locking:known_id(agent)
  local opened = self.lock_of and self.lock_of(agent.file)
  local row = opened and opened:get(self.account.key, agent.name)
  return row and row.agent_id
end

--- The draft that was last written of an agent, or nil.
---@param agent anyreach.agent
---@return anyreach.known_draft|nil
function Locking:known_draft(agent)
  local opened = self.lock_of and self.lock_of(agent.file)
  local row = opened and opened:get(self.account.key, agent.name)
  return row and row.draft and { version = row.draft, digest = row.draft_digest } or nil
end

-- }======

-- {====== writing the lock ======

-- A failure is reported at the end.
local function write_now_and_then(self)
  if host.clock() - self.written_at >= SECONDS_BETWEEN_WRITES then write_all(self) end
end

--- Writes the locks. If one cannot be written, that does not undo what was done; it is a warning.
function Locking:write()
  for path, problem in pairs(write_all(self)) do report.warn("the lock %s was not written: %s", path, problem) end
end

Locking.__close = write_all

-- }======

-- {====== agents that were written ======

--- Notes the id of an agent that was just created. It is on disk when this returns.
---@param change anyreach.change
---@param agent table
function Locking:created(change, agent)
  if not self.lock_of then return end
  self.lock_of(change.file):set(self.account.key, change.name, { agent_id = agent.id })
  self.group:wait()
end

--- Notes a draft that was just written, at once: the next run takes one that is not noted for somebody else's.
---@param change anyreach.change
---@param agent table
---@param version table with its config
function Locking:drafted(change, agent, version)
  if not self.lock_of then return end
  self.lock_of(change.file):set_draft(self.account.key, change.name, {
    agent_id = agent.id, draft = version.version, draft_digest = contents.draft_digest(version, change.agent),
  })
  self.group:wait()
end

-- Raises an error of kind "conflict", or with --lenient warns, when values differ from what was written. Phone numbers
-- were checked when they were assigned.
local function check(self, change, state)
  local paths = diff.paths(contents.unmet(change.agent, state, change.resolver))
  if #paths == 0 then return end
  local message = ("the organisation has other values than were written to it: %s%s"):format(
    table.concat(paths, ", ", 1, math.min(#paths, PATHS_SHOWN)), #paths > PATHS_SHOWN and ", …" or "")
  if not self.given.lenient then errors.raise("conflict", "%s", message) end
  report.warn("%s: %s", change.name, message)
end

--- Verifies an agent that was written, and notes it in its lock; one that was as wanted is only noted.
---@param change anyreach.change
---@param progress {agent: table, version: table|nil}
function Locking:applied(change, progress)
  local state = change.remote
  if #change.steps > 0 then
    state = self.reader:read_back(progress.agent.id, progress.version and progress.version.version)
    check(self, change, state)
  end
  if not self.lock_of then return end
  self.lock_of(change.file):set(self.account.key, change.name,
    contents.lock_facts(self.described[change.name], state))
  write_now_and_then(self)
end

-- }======

-- {====== pruning ======

--- Deletes orphans with --prune, or with --check only finds them.
---@param may_delete boolean false after a failure: then nothing is deleted
---@return anyreach.orphan[]
function Locking:prune(may_delete)
  if not self.given.prune then return {} end
  if not may_delete then
    report.warn("nothing is pruned, because not all agents could be provisioned")
    return {}
  end
  local found = {}
  for _, opened in ipairs(self.locks) do
    local list = orphans.find(self.api, opened, self.account.key, self.agents)
    table.move(list, 1, #list, #found + 1, found)
  end
  if not self.given.check then orphans.delete(self.api, self.account.key, found) end
  return found
end

--- The exit code of a run whose agents alone would have `code`.
---@param code integer
---@param pruned anyreach.orphan[]
---@return integer
function locking.exit_code(code, pruned)
  for _, orphan in ipairs(pruned) do
    if orphan.action == "failed" then return errors.exit_codes.partial end
    if orphan.action == "delete" and code == 0 then code = 2 end
  end
  return code
end

-- }======

return locking
