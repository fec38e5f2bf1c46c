-- Prompts from a folder into agents, for the recipe `migrate-prompts`: which agent each prompt belongs to, which
-- version gets it, and writing it. Nothing but the prompts changes. A plan collects everything that is wrong, so
-- that nothing is written while anything is.

local agent_lookup = require "anyreach.agents.lookup"
local creation = require "anyreach.agents.creation"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local folder = require "anyreach.agents.prompts.folder"
local json = require "anyreach.json"
local numbers = require "anyreach.agents.numbers"
local operations = require "anyreach.operations"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local tasks = require "anyreach.client.tasks"

local prompts = {}

---@class anyreach.prompt_plan of one agent
---@field agent table
---@field prompts anyreach.prompt[]
---@field current table|nil the newest published version, with its config
---@field draft table|nil the draft that has the prompts, or gets them; nil: a new one
---@field newest integer number of the newest version
---@field config table|nil to write; nil: nothing is written
---@field publish boolean
---@field differences anyreach.difference[] from the version in use, or the draft that is changed

---@class anyreach.prompt_options
---@field publish? boolean
---@field force? boolean also prompts whose size changes a lot, or whose field the configuration does not have yet
---@field on_step? fun() called when one more agent has been read
---@field keep_line_ends? boolean the bytes of the files as they are
---@field on_warning? fun(file: string, message: string)
---@field on_draft? "update"|"leave" what to do with a newer draft with other changes; nil: a conflict

-- {====== texts in a configuration, by path ======

-- The keys of a path, or nil when it is malformed.
local function keys_of(path)
  local keys, position = {}, 1
  while position <= #path do
    local name, after = path:match("^([^.%[%]]+)()", position)
    local index, after_index = path:match("^%[(%d+)%]()", position)
    if not name and not index then return nil end
    keys[#keys + 1] = name or math.tointeger(tonumber(index))
    position = after or after_index
    if path:sub(position, position) == "." then position = position + 1 end
  end
  return keys[1] and keys
end

local function nearest_key(container, key)
  local known = {}
  for name in pairs(container) do known[#known + 1] = tostring(name) end
  return operations.nearest(tostring(key), known)
end

local function missing(container, key, path)
  local near = nearest_key(container, key)
  return ("the configuration has no '%s'%s"):format(path, near and ("; did you mean '%s'?"):format(near) or "")
end

--- The text at a path.
---@param config table
---@param path string
---@return string|nil text nil when there is none
---@return string|nil problem why there is none; nil when it could be put there
---@return boolean|nil is_new nothing is there, and it could be put there
function prompts.get_field(config, path)
  local keys, value = keys_of(path), config
  if not keys then
    return nil, ("'%s' is not a path; expected one such as channel_overrides.text.instructions"):format(path)
  end
  for index, key in ipairs(keys) do
    local container = value
    value = container[key]
    if value == json.null then value = nil end
    if value == nil then
      local is_new = index == #keys and type(key) == "string" and not json.is_array(container)
      return nil, missing(container, key, path), is_new
    elseif index < #keys and type(value) ~= "table" then
      return nil, ("'%s' is not a mapping"):format(table.concat(keys, ".", 1, index))
    end
  end
  if type(value) ~= "string" then return nil, ("'%s' holds no text"):format(path) end
  return value
end

local function set(value, keys, index, text)
  if index > #keys then return text end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = part end
  copy[keys[index]] = set(copy[keys[index]], keys, index + 1, text)
  return copy
end

--- The configuration with a text at a path where get_field found one, or that one could be put there.
---@param config table
---@param path string
---@param text string
---@return table copy which shares what has not changed
function prompts.set_field(config, path, text)
  return set(config, keys_of(path), 1, text)
end

-- }======

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
  local before, problem, is_new = prompts.get_field(config, prompt.field)
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

local function with_prompts(config, list)
  for _, prompt in ipairs(list) do config = prompts.set_field(config, prompt.field, prompt.text) end
  return config
end

local function compare(wanted, present)
  return diff.compare(wanted, present, { path = "config", exact = true })
end

-- Puts the prompts into a draft that stays what it is otherwise. When it is published, what it holds
-- besides goes into use, too, and is a difference.
local function on_draft(made, draft, list)
  local config = with_prompts(draft.config, list)
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
    made.draft = draft -- it has the prompts already, whatever else it has
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

-- The plan for one agent, or nil with a problem. `draft` is newer than `published`; either may be nil.
local function make_plan(group, published, draft, options, problems, conflicts)
  local base = options.on_draft == "update" and draft or published or draft
  if not base then
    return add_problem(problems, group.prompts[1].file, "agent '%s' has no version to change", group.agent.name)
  end
  if not check_prompts(base.config, group, options.force, problems) then return nil end
  local made = {
    agent = group.agent, prompts = group.prompts, current = published, publish = options.publish or false,
    newest = (draft or published).version, differences = {},
  }
  if published then
    on_published(made, group, draft, options, conflicts)
  else
    on_draft(made, draft, group.prompts)
  end
  return made
end

-- }======

-- {====== planning and writing ======

local function fail(kind, problems)
  table.sort(problems, function(a, b) return a.path < b.path end)
  error(errors.make { kind = kind, problems = problems }, 0)
end

local function read_folder(path, options, problems)
  local found = { problems = problems, warnings = {} }
  local read = folder.read(path, found, options)
  for _, warning in ipairs(options.on_warning and found.warnings or {}) do
    options.on_warning(warning.path, warning.message)
  end
  return read
end

--- Plans to bring the prompts of a folder into agents. Only reads. Everything that is wrong with files, agents or
--- sizes raises one error of kind "input"; newer drafts in the way raise one of kind "conflict".
---@param api anyreach.client
---@param path string
---@param options? anyreach.prompt_options
---@return anyreach.prompt_plan[] in the order of the files
function prompts.plan(api, path, options)
  options = options or {}
  local problems, conflicts, plans = {}, {}, {}
  local read = read_folder(path, options, problems)
  local groups = group_by_agent(read, #read > 0 and agent_lookup.all(api) or {}, problems)
  local made = tasks.map(groups, function(group)
    local published, draft = agent_lookup.in_use(api, group.agent)
    if options.on_step then options.on_step() end
    return make_plan(group, published, draft, options, problems, conflicts) or false
  end)
  if #problems > 0 then fail("input", problems) end
  if #conflicts > 0 then fail("conflict", conflicts) end
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

--- True when a plan writes something.
---@param one anyreach.prompt_plan
---@return boolean
function prompts.is_due(one)
  return one.config ~= nil or one.publish
end

--- Writes the draft of a plan, and sets `draft` to it.
---@param api anyreach.client
---@param one anyreach.prompt_plan
function prompts.write_draft(api, one)
  if not one.config then return end
  local fields = { config = one.config }
  if one.draft then
    api.agents.versions.update(one.agent.id, one.draft.version, fields)
  else
    one.draft = creation.version(api, one.agent.id, fields, { newest = one.newest, config = one.config })
  end
end

-- }======

return prompts
