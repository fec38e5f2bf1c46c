-- Provisioning: brings agents to the state that is wanted of them, in two parts. compare() reads the organisation and
-- says what would be done; apply() does it. One agent's failure does not stop the others, and the next run completes
-- one that was interrupted.

local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local apply = require "anyreach.agents.provision.apply"
local contents = require "anyreach.agents.contents"
local errors = require "anyreach.errors"
local lines = require "anyreach.agents.provision.lines"
local nearby = require "anyreach.agents.prompts.nearby"
local plan = require "anyreach.agents.provision.plan"
local references = require "anyreach.agents.references"
local report = require "anyreach.report"
local settling = require "anyreach.agents.provision.settling"
local takeovers = require "anyreach.agents.provision.takeovers"
local tasks = require "anyreach.client.tasks"
local twins = require "anyreach.agents.twins"

local provision = {}

---@class anyreach.change
---@field name string
---@field file string
---@field action "create"|"update"|"unchanged"|"failed"|"not_tried"
---@field not_tried any what ended the run before this agent was tried
---@field agent_id string|nil
---@field version integer|nil the version in use, or the draft that is to be written
---@field steps anyreach.step[]
---@field changes string[] paths by which the version differs
---@field agent anyreach.wanted with ids in place of references
---@field remote anyreach.agent_state|nil what the organisation has
---@field differences anyreach.difference[] of the version in use
---@field draft_used integer|nil number of a draft that was not written from here and is published, or written to
---@field draft_left_alone integer|nil number of a newer draft that is neither changed nor published
---@field is_own_draft boolean|nil that draft was written from here
---@field error anyreach.error|any of a failure
---@field kept anyreach.kept_field[] that only the organisation has changed
---@field merged anyreach.kept_field[] that both have changed, and that get the changes of both
---@field was_deleted boolean|nil the agent that the lock names is gone
---@field is_drifted boolean|nil something is kept
---@field private described anyreach.wanted what the file wants; `agent` is what is to be written
---@field private decision anyreach.drift_decision|nil
---@field private resolver anyreach.resolver
---@field private draft table|nil the version that the steps are about
---@field private plan_for fun(state: anyreach.agent_state): anyreach.plan what is to be done from another state

---@class anyreach.provision_result
---@field name string
---@field file string
---@field action "created"|"updated"|"unchanged"|"failed"|"not_tried"
---@field not_tried any what ended the run before this agent was tried
---@field agent_id string|nil
---@field version integer|nil the version in use, or written
---@field steps anyreach.step[] with their outcomes
---@field changes string[] paths by which the version differed
---@field differences anyreach.difference[]
---@field draft_used integer|nil
---@field draft_left_alone integer|nil
---@field is_own_draft boolean|nil
---@field replaced string|nil id of an agent that was created and deleted again, because another of its name is older
---@field kept anyreach.kept_field[]
---@field merged anyreach.kept_field[]
---@field was_deleted boolean|nil
---@field sip_address string|nil
---@field error anyreach.error|any of a failure

---@class anyreach.run_options : anyreach.provision_options
---@field check? boolean compare only
---@field known? fun(agent: anyreach.agent): anyreach.lock_row|nil what was noted when it was last written
---@field known_agents? table<string, anyreach.known_agent> that references name
---@field prompt_row? fun(agent: anyreach.agent): anyreach.lock_row|nil what `migrate-prompts` has noted of it
---@field owner? fun(agent_id: string): string|nil which of the agents, by the lock, has an id
---@field prefer? "ours"|"theirs" whose value counts where the organisation has changed a field since
---@field lenient? boolean fields that the organisation did not take count as written
---@field intents? anyreach.intents what an interrupted run may have created; what this one is about to goes there
---@field known_draft? fun(agent: anyreach.agent): anyreach.known_draft|nil the draft that was last written to it
---@field concurrency? integer agents at a time; default as for anyreach.map
---@field on_start? fun(count: integer, is_check: boolean) called before agents are compared, and applied
---@field on_step? fun() called for each of them when it is done
---@field on_result? fun(result: anyreach.provision_result|anyreach.change) called in the order of the agents
---@field on_created? fun(change: anyreach.change, agent: table) called when an agent was created, before the steps
--- that follow
---@field on_draft? fun(change: anyreach.change, agent: table, version: table) called when a draft was written, before
--- it is published
---@field on_applied? fun(change: anyreach.change, progress: anyreach.provision_progress) called when an agent is as
--- wanted; an error that it raises is the agent's

---@class anyreach.known_draft
---@field version integer
---@field digest string|nil from contents.draft_digest() of what the server returned
---@field prompts_digest string|nil the same, of `migrate-prompts`

-- A change and a result print as the line that the recipe shows.
local Line = { __tostring = function(self) return lines.line(self) end, __name = "anyreach.change" }

-- A function to be called with each item of a list and its index, in any order; the items are reported
-- in the list's.
local function in_order(tell)
  local items, reported = {}, 0
  return function(item, index)
    items[index] = item
    while items[reported + 1] do
      reported = reported + 1
      if tell then tell(items[reported]) end
    end
  end
end

-- Calls `f` with each element, several at a time, and returns the list of results.
local function for_each(list, f, options, is_check, tell, of_results)
  if options.on_start then options.on_start(#list, is_check) end
  local note = in_order(tell)
  of_results.concurrency = options.concurrency
  function of_results.on_result(result, index)
    if options.on_step then options.on_step() end
    note(result, index)
  end
  return tasks.each(list, f, of_results)
end

-- {====== errors without secrets ======

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

-- The error without the secrets of an agent file: a server may send back what it was sent. A message made of the
-- server's words is made anew of them, because it may hold them in another spelling.
local function redacted(err, secrets)
  if #secrets == 0 then return err end
  local copy = redact(errors.is_error(err) and err or tostring(err), secrets)
  if errors.is_error(copy) and copy.detail ~= nil then
    copy.message = nil
    return errors.make(copy)
  end
  return copy
end

-- }======

-- {====== comparing ======

-- The agent that the lock names, whatever it is called now; nil when it is gone.
local function known_agent(api, row)
  return row and agent_lookup.by_known_id(api, row.agent_id) or nil
end

-- True for a draft that is as it was when it was written from here, or as it was to be when a run was cut off.
local function is_own_draft(state, wanted, known, intents)
  local number, digest = state.draft.version, contents.draft_digest(state.draft, wanted)
  local is_known = known and number == known.version and (digest == known.digest or digest == known.prompts_digest)
  if is_known then return true end
  return intents ~= nil and intents:is_own_draft(state.agent.id, number, digest)
end

local function read_state(reader, wanted, options, agent)
  local known = options.known_draft and options.known_draft(wanted)
  local state = reader:find(wanted.name, {
    agent = agent,
    known_id = options.intents and options.intents:id(wanted.name),
    claims = wanted.numbers,
    versions = wanted.config ~= nil,
    wants_draft = not wanted.publish,
    draft = known and known.version,
  })
  state.is_own_draft = state.draft ~= nil and is_own_draft(state, wanted, known, options.intents) or nil
  return state
end

-- What a plan says of an agent beside the version.
local OF_PLAN = { "steps", "changes", "differences", "draft_used", "draft_left_alone", "is_own_draft" }

-- A version of an agent, as the base of a merge; nil when it is gone.
local function reader_of_versions(api, agent)
  return function(number)
    local version = api.try.agents.versions.get(agent.id, number)
    return type(version) == "table" and type(version.config) == "table" and version or nil
  end
end

-- What is kept because `migrate-prompts` has written it from here is nobody's change in the organisation.
local function note_prompts(list, row)
  for _, kept in ipairs(list) do
    local field = kept.path:match("^config%.(.+)$")
    if field and nearby.is_prompt_of(row, field, kept.there) then kept.written_by = "migrate-prompts" end
    kept.there = nil
  end
end

-- What is to be written, when both sides have been asked.
local function settle(change, reader, state, row, options)
  local settled = settling.settle(change.described, state, {
    row = row, prefer = options.prefer, exact = options.exact,
    base = state.agent and reader_of_versions(reader.api, state.agent),
  })
  change.agent, change.decision = settled.wanted, settled.decision
  change.kept, change.merged = settling.kept(settled.decision, row)
  local prompt_row = #change.kept > 0 and options.prompt_row
  note_prompts(change.kept, prompt_row and prompt_row(change.described) or nil)
  change.is_drifted = #change.kept > 0
  return settled
end

local function check_claimed(change, state, options)
  local other = state.agent and options.owner and options.owner(state.agent.id)
  if not other or other == change.name then return end
  errors.raise("conflict", "the agent of this name in the organisation is the one that the file of '%s' describes; "
    .. "rename one of the two", other)
end

local function fill_change(change, reader, options)
  local row = options.known and options.known(change.described)
  local known = known_agent(reader.api, row)
  local state = read_state(reader, change.described, options, known)
  change.remote, change.agent_id = state, state.agent and state.agent.id
  if not known then check_claimed(change, state, options) end
  change.was_deleted = row ~= nil and not known or nil
  local settled = settle(change, reader, state, row, options)
  local made = plan.make(settled.wanted, settled.state, options)
  if #made.steps == 0 and not options.lenient then settling.check_refused(settled.decision) end
  for _, key in ipairs(OF_PLAN) do change[key] = made[key] end
  change.draft, change.version = made.version, made.version and made.version.version
  change.action = #made.steps == 0 and "unchanged" or state.agent and "update" or "create"
  change.plan_for = function(new_state) return plan.make(change.agent, new_state, options) end
end

local function compare_one(reader, agent, resolver, options)
  local change = { name = agent.name, file = agent.file, agent = agent, resolver = resolver, described = agent,
    steps = {}, changes = {}, differences = {}, kept = {}, merged = {} }
  local ok, err = pcall(fill_change, change, reader, options)
  if not ok then change.action, change.error = "failed", redacted(err, agent.secrets) end
  return setmetatable(change, Line)
end

-- A change of which nothing is known, or of which nothing is done, because the run has ended.
local function untried_change(change, ended)
  return setmetatable({
    name = change.name, file = change.file, agent = change.agent, agent_id = change.agent_id, action = "not_tried",
    steps = {}, changes = {}, differences = {}, not_tried = ended,
  }, Line)
end

-- What an interrupted run may have created is looked for before it counts as missing.
local function look_for_interrupted(api, agents, options)
  if not options.intents then return end
  local names = {}
  for _, agent in ipairs(agents) do
    if not (options.known and options.known(agent)) then names[#names + 1] = agent.name end
  end
  options.intents:await(api, names, options.check)
end

--- What is to be done. Only reads. References that cannot be resolved raise one error of kind "input"; an agent that
--- cannot be compared is a change with the action "failed".
---@param api anyreach.client
---@param agents anyreach.agent[]
---@param options? anyreach.run_options
---@return anyreach.change[] one for each agent, in their order
function provision.compare(api, agents, options)
  options = options or {}
  look_for_interrupted(api, agents, options)
  local resolved, resolver = references.resolve(api, agents, options.known_agents)
  local reader = agent_state.reader(api, #agents)
  local changes = for_each(resolved, function(agent)
    return compare_one(reader, agent, resolver, options)
  end, options, true, nil, { untried = function(agent, ended)
    return untried_change({ name = agent.name, file = agent.file, agent = agent }, ended)
  end })
  takeovers.check(reader.search, changes, options.take_numbers)
  for _, change in ipairs(options.check and options.on_result and changes or {}) do options.on_result(change) end
  return changes
end

-- }======

-- {====== applying ======

local function newest_version(state)
  local version = state and (state.other_draft or state.draft or state.published)
  return version and version.version
end

-- The work on one change: the result that it will have, and how far it has come.
local function begin(api, change, options)
  for _, step in ipairs(change.steps) do step.outcome = "not_attempted" end
  return {
    change = change,
    taken = 0, -- steps
    progress = {
      api = api,
      agent = change.remote and change.remote.agent,
      version = change.draft,
      newest = newest_version(change.remote),
      resolver = change.resolver,
      wanted = change.agent,
      intents = options.intents,
      on_created = options.on_created and function(agent) options.on_created(change, agent) end,
      on_draft = options.on_draft and function(agent, version) options.on_draft(change, agent, version) end,
    },
    error = change.error,
  }
end

-- Takes the steps up to one; after a failure there is nothing more to take.
local function take_steps(work, last)
  if work.error then return end
  local due = table.move(work.change.steps, work.taken + 1, last, 1, {})
  local ok, err = pcall(apply.run, work.progress, due)
  work.taken = last
  if not ok then work.error = redacted(err, work.change.agent.secrets) end
end

-- Goes on with an agent that this run did not make, or does not know to have made as it is.
local function adopt(work, agent)
  local change, progress = work.change, work.progress
  local ok, err = pcall(function()
    local state = read_state(agent_state.reader(progress.api), change.agent, {}, agent)
    local made = change.plan_for(state)
    local first = change.steps[1]
    for _, key in ipairs(OF_PLAN) do change[key] = made[key] end
    for _, step in ipairs(made.steps) do step.outcome = "not_attempted" end
    change.steps = table.move(made.steps, 1, #made.steps, 2, { first })
    change.remote = state
    progress.agent, progress.version, progress.newest = state.agent, made.version, newest_version(state)
    progress.is_found = nil
  end)
  if not ok then work.error = redacted(err, change.agent.secrets) end
end

local function take_all_steps(work)
  local first = work.change.steps[1]
  if first and first.action == "create_agent" and work.taken == 0 then take_steps(work, 1) end
  local progress = work.progress
  if not work.error and (progress.is_found or progress.replaced) then
    if progress.replaced then twins.wait_for(progress.api, progress.agent, work.change.agent) end
    adopt(work, progress.agent)
  end
  take_steps(work, #work.change.steps)
end

-- Agents that others refer to are created first, without a version: so they may refer to each other.
local function create_awaited(works, options)
  local awaited = {}
  for _, work in ipairs(works) do
    local first = work.change.steps[1]
    local is_new = first and first.action == "create_agent"
    if is_new and work.change.resolver:expects("agent", work.change.name) then awaited[#awaited + 1] = work end
  end
  tasks.each(awaited, function(work)
    take_steps(work, 1)
    if not work.error then work.change.resolver:learn("agent", work.change.name, work.progress.agent.id) end
    return work
  end, { concurrency = options.concurrency, untried = function(work) return work end })
end

local outcomes = {
  create = "created", update = "updated", unchanged = "unchanged", failed = "failed", not_tried = "not_tried",
}

local function call_on_applied(work, options)
  if work.error or not options.on_applied then return end
  local ok, err = pcall(options.on_applied, work.change, work.progress)
  if not ok then work.error = redacted(err, work.change.agent.secrets) end
end

local function result_of(work)
  local change, progress = work.change, work.progress
  return setmetatable({
    name = change.name,
    file = change.file,
    action = work.error and "failed" or outcomes[change.action],
    not_tried = change.not_tried,
    agent_id = progress.agent and progress.agent.id,
    version = progress.version and progress.version.version,
    steps = change.steps,
    changes = change.changes,
    draft_left_alone = change.draft_left_alone,
    differences = change.differences,
    draft_used = change.draft_used,
    is_own_draft = change.is_own_draft,
    kept = change.kept,
    merged = change.merged,
    was_deleted = change.was_deleted,
    replaced = progress.replaced,
    sip_address = progress.sip_address,
    error = work.error,
  }, Line)
end

-- The result of work that was not begun, or failed at its first step, because the run has ended.
local function untried_result(work, ended)
  local change = work.change
  if change.action ~= "unchanged" and change.action ~= "failed" then
    change.action, change.not_tried, work.error = "not_tried", ended, nil
  end
  return result_of(work)
end

local function is_untouched(result)
  for _, step in ipairs(result.steps) do
    if step.outcome == "done" or step.outcome == "may_have_been_done" then return false end
  end
  return true
end

local function is_proof(result)
  return #result.steps > 0
end

local function finish(work, options)
  take_all_steps(work)
  call_on_applied(work, options)
  work.is_over = true
  return result_of(work)
end

-- Twins that lists did not show yet when the agents were created.
local function settle_twins(api, works, results, options)
  local created = {}
  for index, work in ipairs(works) do
    if results[index].not_tried then return end
    local first, progress = work.change.steps[1], work.progress
    local is_own = first and first.action == "create_agent" and first.outcome == "done" and not progress.replaced
    if is_own then created[#created + 1] = { agent = progress.agent, work = work, index = index } end
  end
  twins.look_again(api, created, function(item, other)
    local work = item.work
    work.progress.replaced, work.error = item.agent.id, nil
    work.is_over = false
    if work.progress.on_created then work.progress.on_created(other) end
    adopt(work, other)
    work.taken = 1
    results[item.index] = finish(work, options)
  end)
end

-- How far the work has come, for the report of a run that is stopped.
local function state_of(work)
  local list, done, is_begun = work.change.steps, 0, false
  for _, step in ipairs(list) do
    if step.outcome == "done" then done = done + 1 end
    is_begun = is_begun or step.outcome ~= "not_attempted"
  end
  if work.error then return "failed" end
  if work.change.not_tried then return "not_begun" end
  if #list == 0 then return "unchanged" end
  if work.is_over then return "done" end
  if not is_begun then return "not_begun" end
  if done == #list then return "in_progress", "written, not read back yet" end
  if list[1].action ~= "create_agent" then
    return "in_progress", done > 0 and "changed, not complete" or "may have been changed"
  end
  return "in_progress", done > 0 and "created, not complete" or "may have been created"
end

local function works_of(api, changes, options)
  local works = {}
  for index, change in ipairs(changes) do
    works[index] = begin(api, change, options)
    works[index].name = change.name
  end
  return works
end

--- Does what compare() found, or the part of it that the list still holds.
---@param api anyreach.client
---@param changes anyreach.change[]
---@param options? anyreach.run_options
---@return anyreach.provision_result[] in the order of the changes
function provision.apply(api, changes, options)
  options = options or {}
  local works = works_of(api, changes, options)
  report.follow(works, state_of)
  create_awaited(works, options)
  local results = for_each(works, function(work) return finish(work, options) end, options, false, options.on_result,
    { untried = untried_result, is_untouched = is_untouched, is_proof = is_proof })
  settle_twins(api, works, results, options)
  report.follow(nil)
  return results
end

-- }======

--- Compares and, without `check`, applies.
---@param api anyreach.client
---@param agents anyreach.agent[]
---@param options? anyreach.run_options
---@return (anyreach.provision_result|anyreach.change)[] in the order of the agents
function provision.run(api, agents, options)
  options = options or {}
  local changes = provision.compare(api, agents, options)
  if options.check then return changes end
  local ended
  for _, change in ipairs(changes) do ended = ended or change.not_tried end
  for index, change in ipairs(ended and changes or {}) do
    if change.steps[1] then changes[index] = untried_change(change, ended) end
  end
  return provision.apply(api, changes, options)
end

--- How many changes or results there are of each action.
---@param list (anyreach.provision_result|anyreach.change)[]
---@return table<string, integer> counts by action, and `total`
function provision.count(list)
  local counts = {
    create = 0, created = 0, update = 0, updated = 0, unchanged = 0, failed = 0, not_tried = 0, total = #list,
  }
  for _, item in ipairs(list) do counts[item.action] = counts[item.action] + 1 end
  return counts
end

--- The exit code of changes or results: 0 all agents are as wanted, 2 something is to be done or is kept, 8 some
--- agents failed and others did not; when all failed, the code of the first error.
---@param list (anyreach.provision_result|anyreach.change)[]
---@return integer
function provision.exit_code(list)
  local counts = provision.count(list)
  local is_due = counts.create + counts.update > 0
  for _, item in ipairs(list) do is_due = is_due or item.is_drifted == true end
  return errors.exit_code_of(list) or is_due and 2 or 0
end

return provision
