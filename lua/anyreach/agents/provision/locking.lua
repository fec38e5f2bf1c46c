-- The lock during a run of the recipe `provision`. An agent that was written is read back and compared by value with
-- what its file says, because a server may accept a field and ignore it; then the lock notes what both sides have.
-- The lock is written at the end, however the run ends, before the next step of an agent that was just created or got a
-- draft (agents/group_write.lua), and otherwise at most once a second. With --prune the agents are deleted that the
-- lock names and no file describes any more.

local agent_state = require "anyreach.agents.state"
local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local directory = require "anyreach.directory"
local drift = require "anyreach.agents.drift"
local errors = require "anyreach.errors"
local field_digests = require "anyreach.agents.field_digests"
local group_write = require "anyreach.agents.group_write"
local host = require "anyreach.host"
local identity = require "anyreach.agents.identity"
local intents = require "anyreach.agents.intents"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local nearby = require "anyreach.agents.prompts.nearby"
local orphans = require "anyreach.agents.orphans"
local report = require "anyreach.report"
local settling = require "anyreach.agents.provision.settling"
local stored_form = require "anyreach.agents.stored_form"

local locking = {}

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
    reader = agent_state.reader(api), described = {}, renamed = {}, prompt_rows = {},
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

-- A file that is among those of the run is read; of one that is not, its existence tells.
local function may_be_described(self, path, row)
  local folder = path:match("^(.*/)") or ""
  if row.file then return directory.kind(folder .. row.file) ~= nil end
  for _, given in ipairs(self.given) do
    if directory.kind(given) == "directory" and lock.path_in(given) == path then return false end
  end
  return true
end

local function name_in_folder(file)
  return file:match("[^/]*$")
end

-- Gives the rows of agents that have another name in their file now that name.
local function follow_names(self, path, opened)
  local list, renamed = {}, {}
  for _, agent in ipairs(self.agents) do
    if lock.path_beside(agent.file) == path then
      list[#list + 1] = { name = agent.name, file = name_in_folder(agent.file), digest = contents.wanted_digest(agent) }
    end
  end
  local found = identity.match(list, opened:rows(self.account.key), function(row)
    return may_be_described(self, path, row)
  end)
  for name, row in pairs(found) do
    if row.agent ~= name then renamed[row.agent] = name end
  end
  if next(renamed) then opened:rename(self.account.key, renamed) end
  for _, new in pairs(renamed) do self.renamed[new] = true end
end

--- Says whose organisation it is. A wrong name after --prune, and a lock that knows others alone, raise their errors
--- here, before anything is written.
---@param account anyreach.learned_account
---@param confirm fun(question: string): boolean|nil
function Locking:connect(account, confirm)
  self.account = account
  self.intents = intents.open(account)
  check_prune(self.given, account, self.locks)
  for path, opened in pairs(self.opened) do
    lock_accounts.begin(opened, { self.api }, self.given, confirm)
    follow_names(self, path, opened)
  end
end

--- What is noted of an agent, or nil.
---@param agent anyreach.agent
---@return anyreach.lock_row|nil
function Locking:row(agent)
  local opened = self.lock_of and self.lock_of(agent.file)
  return opened and opened:get(self.account.key, agent.name)
end

--- The agents that the locks know, by the names that files have or had for them.
---@return table<string, anyreach.known_agent>
function Locking:known_agents()
  local known, former = {}, {}
  for _, opened in pairs(self.lock_of and self.opened or {}) do
    for _, row in ipairs(opened:rows(self.account.key)) do
      local called = nil
      if self.renamed[row.agent] then called = false end
      known[row.agent] = { id = row.agent_id, called = called }
      if row.formerly then former[row.formerly] = { id = row.agent_id, called = row.agent } end
    end
  end
  for name, agent in pairs(former) do known[name] = known[name] or agent end
  return known
end

--- The name of the agent that has an id by the lock, if a file of this run describes it.
---@param agent_id string
---@return string|nil
function Locking:owner(agent_id)
  if not self.owners then
    self.owners = {}
    for _, agent in ipairs(self.agents) do
      local row = self:row(agent)
      if row then self.owners[row.agent_id] = agent.name end
    end
  end
  return self.owners[agent_id]
end

--- What `migrate-prompts` has noted of an agent, in a lock near the agent's, or nil.
---@param agent anyreach.agent
---@return anyreach.lock_row|nil
function Locking:prompt_row(agent)
  local row = self:row(agent)
  if not row then return nil end
  local path = lock.path_beside(agent.file)
  self.prompt_rows[path] = self.prompt_rows[path] or nearby.rows(path, self.account.key, "prompts")
  return self.prompt_rows[path][row.agent_id]
end

--- The draft that was last written of an agent, or nil. One into which `migrate-prompts` has put prompts is as good,
--- for a file that is not published itself: otherwise it waits for its publication.
---@param agent anyreach.agent
---@return anyreach.known_draft|nil
function Locking:known_draft(agent)
  local row, other = self:row(agent), not agent.publish and self:prompt_row(agent) or nil
  local number = math.max(row and row.draft or 0, other and other.draft or 0)
  if number == 0 then return nil end
  return { version = number, digest = row.draft == number and row.draft_digest or nil,
    prompts_digest = other and other.draft == number and other.draft_digest or nil }
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

-- What was created is in the lock, or in none.
function Locking:__close()
  write_all(self)
  if self.intents and not self.given.check then self.intents:finish() end
end

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

-- True when a field came back as it did when it was written before, and that was accepted.
local function is_known_form(self, path, before, now)
  local old, new = before[path], now[path] and field_digests.parse(now[path])
  return old ~= nil and new ~= nil and old.written == new.written and old.there == new.there
    and (not old.refused or self.given.lenient)
end

-- The differences between what was written and what came back: those that are known, or another form of the same, and
-- those that were not taken. Phone numbers were checked when they were assigned.
local function sort_out(self, change, state, row, noted)
  local before, changed, refused = field_digests.entries(row and row.fields), {}, {}
  local values = settling.wanted_values(change.agent)
  for _, difference in ipairs(contents.unmet(change.agent, state, change.resolver)) do
    local is_owned = field_digests.at(values, difference.path) ~= nil
    if is_owned and not is_known_form(self, difference.path, before, noted) then
      local is_alike = stored_form.is_alike(difference.after, difference.before)
      local list = is_alike and changed or refused
      list[#list + 1] = difference
    end
  end
  return changed, refused
end

local function warn_of_other_forms(change, changed)
  if #changed == 0 then return end
  report.warn("%s: the organisation stores %s differently from what was written (noted in the lock)", change.name,
    settling.paths_text(changed))
end

local function warn_of_additions(change, list)
  if #list == 0 then return end
  report.warn("%s: the organisation adds %s to what was written (noted in the lock)", change.name,
    settling.paths_text(list))
end

-- Raises an error of kind "conflict", or with --lenient warns.
local function report_refused(self, change, refused)
  if #refused == 0 then return end
  local message = "the organisation has other values than were written to it: " .. settling.paths_text(refused)
  if not self.given.lenient then errors.raise("conflict", "%s", message) end
  report.warn("%s: %s", change.name, message)
end

local function note(self, change, state, fields)
  if not self.lock_of then return end
  local facts = contents.lock_facts(self.described[change.name], state)
  facts.file, facts.fields = name_in_folder(change.file), fields
  self.lock_of(change.file):set(self.account.key, change.name, facts)
  write_now_and_then(self)
end

-- What was kept is still to be decided, and the row tells what both sides had.
local function is_open(change)
  return #change.steps == 0 and change.is_drifted == true
end

--- Verifies an agent that was written, and notes it in its lock; one that was as wanted is only noted.
---@param change anyreach.change
---@param progress {agent: table, version: table|nil}
function Locking:applied(change, progress)
  if is_open(change) then return end
  local row = self:row(change)
  if #change.steps == 0 then return note(self, change, change.remote, settling.note(change, change.remote, row)) end
  local state = self.reader:read_back(progress.agent.id, progress.version and progress.version.version)
  local fields = settling.note(change, state, row)
  local changed, refused = sort_out(self, change, state, row, fields)
  if not self.given.lenient then drift.mark_refused(fields, diff.paths(refused)) end
  warn_of_additions(change, self.given.exact and settling.note_additions(change, state, fields) or {})
  note(self, change, state, fields)
  warn_of_other_forms(change, changed)
  report_refused(self, change, refused)
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
