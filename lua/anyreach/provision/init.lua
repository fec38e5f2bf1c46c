-- Provisioning: brings agents to the state that agent files describe. Reads, plans, applies; one
-- agent's failure does not stop the others, and a run that was cut off is completed by the next one.

local apply = require "anyreach.provision.apply"
local errors = require "anyreach.errors"
local plan = require "anyreach.provision.plan"
local remote = require "anyreach.provision.remote"
local tasks = require "anyreach.tasks"

local provision = {}

---@class anyreach.provision_result
---@field name string
---@field file string
---@field action "created"|"updated"|"unchanged"|"failed"
---@field agent_id string|nil
---@field version integer|nil the version in use, or written
---@field steps anyreach.step[]
---@field changes string[] paths by which the version differed
---@field draft_left_alone integer|nil
---@field sip_address string|nil
---@field error anyreach.error|any of a failure

---@class anyreach.run_options : anyreach.provision_options
---@field check? boolean plan only
---@field on_result? fun(result: anyreach.provision_result) called in the order of the agents

-- {====== secrets in errors ======

-- A server may send back what it was sent.
local function redact(value, secrets)
  if type(value) == "string" then
    for _, secret in ipairs(secrets) do value = secret:redact(value) end
  elseif type(value) == "table" then
    local copy = setmetatable({}, getmetatable(value))
    for key, part in pairs(value) do copy[redact(key, secrets)] = redact(part, secrets) end
    return copy
  end
  return value
end

-- The error without the agent's secrets. A message made of the server's words is made anew of them,
-- because it may hold them in another spelling.
local function redact_error(err, secrets)
  if #secrets == 0 then return err end
  local copy = redact(errors.is_error(err) and err or tostring(err), secrets)
  if errors.is_error(copy) and copy.detail ~= nil then
    copy.message = nil
    return errors.make(copy)
  end
  return copy
end

-- }======

local function outcome_of(result, state)
  if #result.steps == 0 then return "unchanged" end
  return state.agent and "updated" or "created"
end

local function note_progress(result, progress)
  result.agent_id = progress.agent and progress.agent.id
  result.version = progress.version and progress.version.version
  result.sip_address = progress.sip_address
end

-- Plans one agent, and carries the plan out unless it is only to be checked.
local function provision_agent(api, wanted, options, result, progress)
  local state = remote.read(api, wanted)
  local made = plan.make(wanted, state, options)
  result.steps, result.changes, result.draft_left_alone = made.steps, made.changes, made.draft_left_alone
  progress.agent, progress.version = state.agent, made.version
  if not options.check then apply.run(progress, made.steps) end
  result.action = outcome_of(result, state)
end

local function run_one(api, wanted, options)
  local result = { name = wanted.name, file = wanted.file, steps = {}, changes = {} }
  local progress = { api = api }
  local ok, err = pcall(provision_agent, api, wanted, options, result, progress)
  note_progress(result, progress)
  if not ok then result.action, result.error = "failed", redact_error(err, wanted.secrets) end
  return result
end

--- Provisions agents, several at a time.
---@param api anyreach.client
---@param agents anyreach.agent[] from anyreach.agent_file
---@param options? anyreach.run_options
---@return anyreach.provision_result[] in the order of the agents
function provision.run(api, agents, options)
  options = options or {}
  local results, reported = {}, 0
  tasks.map(agents, function(wanted, index)
    results[index] = run_one(api, wanted, options)
    while results[reported + 1] do
      reported = reported + 1
      if options.on_result then options.on_result(results[reported]) end
    end
  end)
  return results
end

--- How many results there are of each action.
---@param results anyreach.provision_result[]
---@return table<string, integer> counts by action, and `total`
function provision.count(results)
  local counts = { created = 0, updated = 0, unchanged = 0, failed = 0, total = #results }
  for _, result in ipairs(results) do counts[result.action] = counts[result.action] + 1 end
  return counts
end

--- The exit code that stands for the results: 0 all is well, 2 a check found something to do, 8 some
--- agents failed and others did not; when all failed, the code of the first error.
---@param results anyreach.provision_result[]
---@param is_check boolean?
---@return integer
function provision.exit_code(results, is_check)
  local counts = provision.count(results)
  if counts.failed > 0 then
    return counts.failed == counts.total and errors.exit_code(results[1].error) or errors.exit_codes.partial
  end
  return is_check and counts.created + counts.updated > 0 and 2 or 0
end

return provision
