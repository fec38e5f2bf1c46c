-- Prompts from a folder into agents, for the recipe `migrate-prompts`: which agent each prompt belongs to, which
-- version gets it, and writing it. Nothing but the prompts changes. A plan collects everything that is wrong, so
-- that nothing is written while anything is.

local agent_lookup = require "anyreach.agents.lookup"
local contents = require "anyreach.agents.contents"
local creation = require "anyreach.agents.creation"
local errors = require "anyreach.errors"
local folder = require "anyreach.agents.prompts.folder"
local numbers = require "anyreach.agents.numbers"
local operations = require "anyreach.operations"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local tasks = require "anyreach.client.tasks"
local text_field = require "anyreach.agents.prompts.text_field"

local prompts = {}

---@class anyreach.prompt_plan of one agent
---@field agent table
---@field prompts anyreach.prompt[]
---@field current table|nil the newest published version, with its config
---@field draft table|nil the draft that has the prompts, or gets them; nil: a new one
---@field newest integer number of the newest version
---@field config table|nil to write
---@field inputs table|nil instruction_builder_inputs to write, of the version that a new one is made from: that it is
--- made takes its configuration alone
---@field publish boolean
---@field is_written boolean|nil its draft was written
---@field base table|nil the version that `differences` are the differences from
---@field differences anyreach.difference[] from the version in use, or the draft that is changed
---@field decision anyreach.prompt_decision|nil which side's texts count
---@field draft_used integer|nil number of a draft that was not written from here and is published, or written to
---@field draft_left_alone integer|nil number of a newer draft that is neither changed nor published
---@field error anyreach.error|nil why nothing is done

---@class anyreach.prompt_options
---@field record anyreach.prompt_record what was written from the folder
---@field publish? boolean
---@field force? boolean also prompts whose size changes a lot, or whose field the configuration does not have yet
---@field on_step? fun() called when one more agent has been read
---@field keep_line_ends? boolean the bytes of the files as they are
---@field on_warning? fun(file: string, message: string)
---@field on_draft? "update"|"leave" what to do with a newer draft with other changes; nil: a conflict

local function add_problem(problems, place, format, ...)
  problems[#problems + 1] = { path = place, message = format:format(...) }
end

-- {====== which agent ======

-- "Riverside Dental Scheduler" and "riverside-dental_scheduler" are one name to a file system's users.
local function slug(name)
  return (name:lower():gsub("[%s%p]+", "-"):gsub("^%-", ""):gsub("%-$", ""))
end

local function add_to(index, key, agent)
  index[key] = index[key] or {}
  table.insert(index[key], agent)
end

local function index_agents(agents)
  local index = { names = {}, slugs = {}, list = {} }
  for _, agent in ipairs(agents) do
    add_to(index.names, agent.name, agent)
    add_to(index.slugs, slug(agent.name), agent)
    table.insert(index.list, agent.name)
  end
  return index
end

-- Why a prompt has no agent.
local function unknown_agent(prompt, index)
  local near = operations.nearest(prompt.agent or prompt.base_name, index.list)
  local hint = near and ("; did you mean '%s'?"):format(near) or ""
  if prompt.agent then return ("no agent has the name '%s'%s"):format(prompt.agent, hint) end
  return ("no agent has the name '%s'; name one in front matter (agent: NAME), or let the file's name begin with '_' "
    .. "to leave it out%s"):format(prompt.base_name, hint)
end

-- The agents that a prompt may be meant for, or nil.
local function candidates(prompt, index)
  if prompt.agent then return index.names[prompt.agent] end
  return index.names[prompt.base_name] or index.slugs[slug(prompt.base_name)]
end

local function find_agent(prompt, index, problems)
  local found = candidates(prompt, index)
  if not found then return add_problem(problems, prompt.file, "%s", unknown_agent(prompt, index)) end
  if #found == 1 then return found[1] end
  local ids = {}
  for position, agent in ipairs(found) do ids[position] = ("%s (%s)"):format(agent.name, agent.id) end
  add_problem(problems, prompt.file, "%d agents may be meant: %s", #found, table.concat(ids, ", "))
end

-- The prompts of each agent, as {agent, prompts}. A file without an agent, and two files for one prompt, are
-- problems.
local function group_by_agent(list, agents, problems)
  local index, groups, by_id, claimed = index_agents(agents), {}, {}, {}
  for _, prompt in ipairs(list) do
    local agent = find_agent(prompt, index, problems)
    local key = agent and agent.id .. " " .. prompt.field
    if key and claimed[key] then
      add_problem(problems, prompt.file, "%s of '%s' is already given by %s", prompt.field, agent.name, claimed[key])
    elseif key then
      claimed[key] = prompt.file
      by_id[agent.id] = by_id[agent.id] or { agent = agent, prompts = {} }
      if #by_id[agent.id].prompts == 0 then groups[#groups + 1] = by_id[agent.id] end
      table.insert(by_id[agent.id].prompts, prompt)
    end
  end
  return groups
end

-- }======

-- {====== which version ======

-- A change of more than half may be a file that was cut off, or one of another agent.
local function check_size(prompt, before, force, problems)
  local old, new = utf8.len(before) or #before, utf8.len(prompt.text) or #prompt.text
  if force or old == 0 or math.abs(new - old) * 2 <= old then return end
  add_problem(problems, prompt.file, "%s has %d characters and would have %d; --force takes it all the same",
    prompt.field, old, new)
end

local function check_place(config, prompt, force, problems)
  local before, problem, is_new = text_field.get(config, prompt.field)
  if before then
    check_size(prompt, before, force, problems)
  elseif not is_new then
    add_problem(problems, prompt.file, "%s", problem)
  elseif not force and prompt.field ~= "instructions" then
    add_problem(problems, prompt.file, "%s; --force puts it there", problem)
  end
end

local function check_prompts(config, list, force, problems)
  local count = #problems
  for _, prompt in ipairs(list) do check_place(config, prompt, force, problems) end
  return #problems == count
end

-- What a version holds, with prompts in it.
local function with_prompts(version, list)
  local whole = contents.of_version(version)
  for _, prompt in ipairs(list) do whole.config = text_field.set(whole.config, prompt.field, prompt.text) end
  return whole
end

local function holds_prompts(config, list)
  for _, prompt in ipairs(list) do
    if text_field.get(config, prompt.field) ~= prompt.text then return false end
  end
  return true
end

local function compare(wanted, version)
  return contents.all_differences(wanted, contents.of_version(version))
end

-- Puts the prompts into a draft that stays what it is otherwise. When it is published, what it holds
-- besides goes into use, too, and is a difference.
local function on_draft(made, state, list)
  local draft = state.draft
  local wanted = with_prompts(draft, list)
  local changes = compare(wanted, draft)
  made.draft, made.config = draft, #changes > 0 and wanted.config or nil
  made.base = made.publish and made.current or draft
  made.differences = made.base == draft and changes or compare(wanted, made.base)
  if not state.is_own and (made.config or made.publish) then made.draft_used = draft.version end
end

local function refuse_draft(made, draft)
  local way = made.current and "; --update-draft puts the prompt into it, --leave-draft makes a new version beside it"
    or " and no published version; --update-draft puts the prompt into it"
  made.error = errors.make { kind = "conflict", message = ("'%s' has a newer draft, version %d, with other changes%s")
    :format(made.agent.name, draft.version, way) }
end

-- There is a published version, and a newer draft of somebody else that is not as wanted.
local function on_other_draft(made, draft, wanted, options)
  if options.on_draft == "leave" then
    made.config, made.inputs, made.draft_left_alone = wanted.config, wanted.instruction_builder_inputs, draft.version
  elseif holds_prompts(draft.config, made.prompts) and not options.publish then
    made.draft, made.differences = draft, {} -- it has the prompts already, whatever else it has
  else
    refuse_draft(made, draft)
  end
end

-- A new version of the published one. A draft that is the same was left by a run that was cut off.
local function on_published(made, state, list, options)
  local wanted, draft = with_prompts(made.current, list), state.draft
  made.base, made.differences = made.current, compare(wanted, made.current)
  if #made.differences == 0 then
    made.publish = false
  elseif not draft then
    made.config, made.inputs = wanted.config, wanted.instruction_builder_inputs
  elseif contents.is_left(draft, wanted) then
    made.draft = draft
    made.inputs = #compare(wanted, draft) > 0 and wanted.instruction_builder_inputs or nil
    made.draft_used = (made.publish or made.inputs) and draft.version or nil
  else
    on_other_draft(made, draft, wanted, options)
  end
end

local function paths_of(list)
  local paths = {}
  for index, prompt in ipairs(list) do paths[index] = "config." .. prompt.field end
  return table.concat(paths, ", ")
end

local function refuse_conflict(made, list)
  made.error = errors.make { kind = "conflict", message = ("%s: changed in the folder and, differently, in the "
    .. "organisation since version %d; --ours takes the folder's text, --theirs the organisation's"):format(
    paths_of(list), list[1].since) }
end

-- Plans what is to be done to the version that the prompts are compared with.
local function on_version(made, state, version, options, problems)
  made.decision = options.record:decide(made.agent, made.prompts, version)
  local conflicts = made.decision.conflicts
  if #conflicts > 0 then return refuse_conflict(made, conflicts) end
  local list = made.decision.due
  if not check_prompts(version.config, list, options.force, problems) then return nil end
  if version == state.draft then
    on_draft(made, state, list)
  else
    on_published(made, state, list, options)
  end
end

-- The plan for one agent, or nil with a problem.
local function make_plan(group, state, options, problems)
  local made = {
    agent = group.agent, prompts = group.prompts, current = state.published, publish = options.publish or false,
    newest = state.newest, differences = {},
  }
  local is_writable = state.draft and (state.is_own or options.on_draft == "update")
  local version = is_writable and state.draft or state.published
  if state.published and holds_prompts(state.published.config, group.prompts) then
    made.base, made.publish = state.published, false
  elseif version then
    on_version(made, state, version, options, problems)
  elseif not state.draft then
    return add_problem(problems, group.prompts[1].file, "agent '%s' has no version to change", group.agent.name)
  elseif holds_prompts(state.draft.config, group.prompts) and not options.publish then
    made.draft = state.draft
  else
    refuse_draft(made, state.draft)
  end
  local other = state.other_draft
  made.draft_left_alone = made.draft_left_alone or other and other.version
  return made
end

-- }======

-- {====== planning and writing ======

local function fail_if_any(problems)
  if #problems == 0 then return end
  table.sort(problems, function(a, b) return a.path < b.path end)
  error(errors.make { kind = "input", problems = problems }, 0)
end

local function read_folder(path, options, problems)
  local found = { problems = problems, warnings = {} }
  local read = folder.read(path, found, options)
  for _, warning in ipairs(options.on_warning and found.warnings or {}) do
    options.on_warning(warning.path, warning.message)
  end
  return read
end

local function read_state(api, agent, record)
  local published, draft, other_draft, versions = agent_lookup.in_use(api, agent, record:draft(agent))
  local state = { published = published, draft = draft, other_draft = other_draft,
    newest = versions[1] and versions[1].version or 0 }
  state.is_own = record:is_own(agent, state.draft)
  return state
end

--- Plans to bring the prompts of a folder into agents. Only reads. Everything that is wrong with files, agents or
--- sizes raises one error of kind "input"; an agent with a newer draft in the way, or with a prompt that was changed on
--- both sides, has an `error` of kind "conflict".
---@param api anyreach.client
---@param path string
---@param options anyreach.prompt_options
---@return anyreach.prompt_plan[] in the order of the files
function prompts.plan(api, path, options)
  local problems, plans = {}, {}
  local read = read_folder(path, options, problems)
  local groups = group_by_agent(read, #read > 0 and agent_lookup.all(api) or {}, problems)
  local made = tasks.map(groups, function(group)
    local state = read_state(api, group.agent, options.record)
    if options.on_step then options.on_step() end
    return make_plan(group, state, options, problems) or false
  end)
  fail_if_any(problems)
  for _, one in ipairs(made) do plans[#plans + 1] = one or nil end
  return plans
end

--- The steps of a plan that publish the version and hand it the slots of the current one.
---@param one anyreach.prompt_plan
---@param phone_numbers table[] as number_state.phone_numbers reads them
---@return anyreach.slot_step[] empty when nothing is published
function prompts.publish_steps(one, phone_numbers)
  if not one.publish then return {} end
  local holder = numbers.holder(one.agent, one.draft or {})
  if not one.current then return slot_changes.publish_steps(holder, {}) end
  local current = numbers.holder(one.agent, one.current)
  return slot_changes.publish_steps(holder, slot_changes.hand_over(phone_numbers, current, holder))
end

--- True when a plan writes into a version.
---@param one anyreach.prompt_plan
---@return boolean
function prompts.writes_draft(one)
  return not one.error and (one.config ~= nil or one.inputs ~= nil)
end

--- True when a plan writes something.
---@param one anyreach.prompt_plan
---@return boolean
function prompts.is_due(one)
  return prompts.writes_draft(one) or not one.error and one.publish
end

--- Writes the draft of a plan, and sets `draft` to it.
---@param api anyreach.client
---@param one anyreach.prompt_plan
function prompts.write_draft(api, one)
  local versions, id = api.agents.versions, one.agent.id
  if one.config and not one.draft then
    one.draft = creation.version(api, id, { config = one.config }, { newest = one.newest, config = one.config })
  elseif one.config then
    versions.update(id, one.draft.version, { config = one.config })
  end
  if one.inputs then versions.update(id, one.draft.version, { instruction_builder_inputs = one.inputs }) end
end

-- }======

return prompts
