-- What brings prompts into agents: which agent each prompt belongs to, and which version gets it. Nothing
-- but the prompts changes. All problems are collected, so that nothing is written while there is one.

local diff = require "anyreach.text.diff"
local field = require "anyreach.agents.prompts.field"
local operations = require "anyreach.operations"

local plan = {}

---@class anyreach.prompt_plan of one agent
---@field agent table
---@field prompts anyreach.prompt[]
---@field current table|nil the newest published version, with its config
---@field draft table|nil the draft that is, or is to be made, as wanted; nil: a new one
---@field config table|nil what is to be written; nil: nothing is
---@field publish boolean
---@field differences anyreach.difference[] from the version in use, or the draft that is changed

---@class anyreach.prompt_options
---@field publish? boolean
---@field force? boolean also prompts whose size changes a lot, or that the configuration has no place for yet
---@field on_step? fun() called when one more agent has been read
---@field on_draft? "update"|"leave" what becomes of a newer draft with other changes; nil: a conflict

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

local function nearest_hint(wanted, index)
  local near = operations.nearest(wanted, index.list)
  return near and ("; did you mean '%s'?"):format(near) or ""
end

-- The agents that a prompt may be meant for, and why there is none.
local function candidates(prompt, index)
  if prompt.agent then
    return index.names[prompt.agent], ("no agent has the name '%s'%s"):format(prompt.agent,
      nearest_hint(prompt.agent, index))
  end
  local name = prompt.base_name
  return index.names[name] or index.slugs[slug(name)], ("no agent has the name '%s'; name one in front matter "
    .. "(agent: NAME), or let the file's name begin with '_' to leave it out%s"):format(name, nearest_hint(name, index))
end

local function find_agent(prompt, index, problems)
  local found, problem = candidates(prompt, index)
  if not found then return add_problem(problems, prompt.file, "%s", problem) end
  if #found == 1 then return found[1] end
  local ids = {}
  for position, agent in ipairs(found) do ids[position] = ("%s (%s)"):format(agent.name, agent.id) end
  add_problem(problems, prompt.file, "%d agents may be meant: %s", #found, table.concat(ids, ", "))
end

--- The prompts of each agent. A file without an agent, and two files for one prompt, are problems.
---@param prompts anyreach.prompt[]
---@param agents table[] all of the organisation
---@param problems {path: string, message: string}[] to which problems are added
---@return {agent: table, prompts: anyreach.prompt[]}[]
function plan.group(prompts, agents, problems)
  local index, groups, by_id, claimed = index_agents(agents), {}, {}, {}
  for _, prompt in ipairs(prompts) do
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
  add_problem(problems, prompt.file, "%s has %d characters and would have %d; --force takes it nevertheless",
    prompt.field, old, new)
end

local function check_place(config, prompt, force, problems)
  local before, problem, is_new = field.get(config, prompt.field)
  if before then
    check_size(prompt, before, force, problems)
  elseif not is_new then
    add_problem(problems, prompt.file, "%s", problem)
  elseif not force and prompt.field ~= "instructions" then
    add_problem(problems, prompt.file, "%s; --force puts it there", problem)
  end
end

local function check_prompts(config, group, force, problems)
  local count = #problems
  for _, prompt in ipairs(group.prompts) do check_place(config, prompt, force, problems) end
  return #problems == count
end

local function with_prompts(config, prompts)
  for _, prompt in ipairs(prompts) do config = field.set(config, prompt.field, prompt.text) end
  return config
end

local function compare(wanted, present)
  return diff.compare(wanted, present, { path = "config", exact = true })
end

-- Puts the prompts into a draft that stays what it is otherwise. When it is published, what it holds
-- besides goes into use, too, and is a difference.
local function on_draft(made, draft, prompts)
  local config = with_prompts(draft.config, prompts)
  local changes = compare(config, draft.config)
  made.draft, made.config = draft, #changes > 0 and config or nil
  made.differences = made.publish and made.current and compare(config, made.current.config) or changes
end

local function refuse_draft(group, draft, conflicts)
  add_problem(conflicts, group.prompts[1].file, "'%s' has a newer draft, version %d, with other changes; "
    .. "--update-draft puts the prompt into it, --leave-draft makes a new version beside it", group.agent.name,
    draft.version)
end

-- There is a published version, and a newer draft that is not as wanted.
local function on_other_draft(made, group, draft, wanted, options, conflicts)
  local present = with_prompts(draft.config, group.prompts)
  if options.on_draft == "update" then
    on_draft(made, draft, group.prompts)
  elseif options.on_draft == "leave" then
    made.config = wanted
  elseif #compare(present, draft.config) == 0 and not options.publish then
    made.draft = draft -- the prompts stand in it already, whatever else does
  else
    refuse_draft(group, draft, conflicts)
  end
end

local function on_published(made, group, draft, options, conflicts)
  local wanted = with_prompts(made.current.config, group.prompts)
  made.differences = compare(wanted, made.current.config)
  if #made.differences == 0 then
    made.publish = false
  elseif not draft then
    made.config = wanted
  elseif #compare(wanted, draft.config) == 0 then
    made.draft = draft
  else
    on_other_draft(made, group, draft, wanted, options, conflicts)
  end
end

--- What is to be done for one agent, of its versions with their configurations.
---@param group {agent: table, prompts: anyreach.prompt[]}
---@param published table|nil
---@param draft table|nil newer than `published`
---@param options anyreach.prompt_options
---@param problems {path: string, message: string}[] to which problems are added
---@param conflicts {path: string, message: string}[] to which drafts of others are added
---@return anyreach.prompt_plan|nil
function plan.make(group, published, draft, options, problems, conflicts)
  local base = options.on_draft == "update" and draft or published or draft
  if not base then
    return add_problem(problems, group.prompts[1].file, "agent '%s' has no version to change", group.agent.name)
  end
  if not check_prompts(base.config, group, options.force, problems) then return nil end
  local made = {
    agent = group.agent, prompts = group.prompts, current = published, publish = options.publish or false,
    differences = {},
  }
  if published then
    on_published(made, group, draft, options, conflicts)
  else
    on_draft(made, draft, group.prompts)
  end
  return made
end

-- }======

return plan
