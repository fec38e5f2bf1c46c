-- What follows when an agent was provisioned: it is read back, and what the file owns is compared by value,
-- because a server may accept a field and ignore it; then the lock notes what both sides have.

local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local comparison = require "anyreach.agents.comparison"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local references = require "anyreach.agents.references"

local record = {}

local PATHS_SHOWN = 6

---@class anyreach.record
---@field private api anyreach.client
---@field private options anyreach.record_options
---@field private written table<string, anyreach.agent> name -> the agent with its references as written
local Record = {}
Record.__index = Record

---@class anyreach.record_options
---@field account string key of the organisation in the lock
---@field lock_of? fun(file: string): anyreach.lock nothing is noted without it
---@field on_difference? fun(name: string, message: string) told instead of raised

--- A record of one run.
---@param api anyreach.client
---@param agents anyreach.agent[] with their references
---@param options anyreach.record_options
---@return anyreach.record
function record.new(api, agents, options)
  local written = {}
  for _, agent in ipairs(agents) do written[agent.name] = agent end
  return setmetatable({ api = api, options = options, written = written }, Record)
end

-- What was there when nothing had to be done.
local function state_before(change)
  local remote = change.remote
  local version = not change.agent.publish and remote.draft or remote.published or remote.draft
  return { agent = remote.agent, version = change.agent.config and version or nil, slots = {} }
end

local function read_back(api, agent_id, version)
  return {
    agent = agent_lookup.by_id(api, agent_id),
    version = version and agent_lookup.version(api, agent_id, version),
    slots = {},
  }
end

-- Numbers were looked at when they were assigned.
local function differences(change, state)
  local agent = setmetatable({ numbers = {} }, { __index = change.agent })
  local wanted = references.substitute(agent_state.wanted(agent, state), change.resolver)
  return comparison.differences_of_file(wanted, agent_state.content(state), false)
end

function Record:check(change, state)
  local paths = diff.paths(differences(change, state))
  if #paths == 0 then return end
  local message = ("the organisation has other values than were written to it: %s%s"):format(
    table.concat(paths, ", ", 1, math.min(#paths, PATHS_SHOWN)), #paths > PATHS_SHOWN and ", …" or "")
  if not self.options.on_difference then errors.raise("conflict", "%s", message) end
  self.options.on_difference(change.name, message)
end

function Record:note(change, state)
  if not self.options.lock_of then return end
  local agent = self.written[change.name]
  self.options.lock_of(change.file):set(self.options.account, change.name, {
    agent_id = state.agent.id,
    version = state.version and state.version.version,
    files = agent_state.wanted_digest(agent),
    remote = agent_state.digest(state, agent_state.wanted(agent)),
  })
end

--- Looks at an agent that is as it is wanted, or was just written. A value that differs raises an error of
--- kind "conflict", unless the options take such.
---@param change anyreach.change
---@param progress {agent: table, version: table|nil}
function Record:finish(change, progress)
  local state
  if #change.steps == 0 then
    state = state_before(change)
  else
    state = read_back(self.api, progress.agent.id, progress.version and progress.version.version)
    self:check(change, state)
  end
  self:note(change, state)
end

return record
