-- Export: an organisation's agents as agent files, with prompts beside them and references in place of ids. Existing
-- files are changed in place; the file of an agent is found by its id in the lock, or else by its name. First
-- everything is read and decided, then written; a second run changes nothing.

local agent_file = require "anyreach.agents.file"
local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local contents = require "anyreach.agents.contents"
local describe = require "anyreach.agents.export.describe"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local folder = require "anyreach.agents.export.folder"
local json = require "anyreach.json"
local json_edit = require "anyreach.yaml.json_edit"
local markers = require "anyreach.agents.file.markers"
local owners = require "anyreach.agents.export.owners"
local prompt_files = require "anyreach.agents.export.prompt_files"
local reconcile = require "anyreach.agents.export.reconcile"
local references = require "anyreach.agents.references"
local report = require "anyreach.report"
local secrets = require "anyreach.agents.export.secrets"
local standing = require "anyreach.agents.export.standing"
local tasks = require "anyreach.client.tasks"
local verify = require "anyreach.agents.export.verify"
local yaml_edit = require "anyreach.yaml.edit"
local yaml_text = require "anyreach.yaml.writer"

local export = {}

---@class anyreach.export_result
---@field name string
---@field agent_id string|nil
---@field file string|nil
---@field action "created"|"updated"|"unchanged"|"failed"|"gone"|"removed"|"not_tried"
--- gone: it has a file, and the organisation no longer has it
---@field writes {path: string, text: string}[] files to write, or written
---@field removes string[] files to remove, or removed
---@field notes string[] what the files do not hold, or hold in another form
---@field state anyreach.agent_state|nil what the organisation has
---@field resolver anyreach.resolver|nil of the organisation
---@field renamed_from string|nil the name that its file had
---@field error any of a failure
---@field private entry anyreach.folder_entry|nil
---@field private row anyreach.lock_row|nil
---@field private standing anyreach.standing|nil

---@class anyreach.export_options
---@field agents? string[] names or ids; default all
---@field environment? anyreach.environment whose ids get names, and whose values stay out of the files
---@field inline? boolean prompts stay in the agent files
---@field all_fields? boolean existing files get keys that they do not have
---@field prune_files? boolean files of agents that are gone are removed
---@field check? boolean nothing is written
---@field lock? anyreach.lock of the directory
---@field account? string key of the organisation in the lock
---@field prefer? "ours"|"theirs" whose value counts where file and organisation have changed a field
---@field on_step? fun() called when an agent was read

-- {====== which agents ======

local function new_result(agent)
  return { name = agent.name, agent_id = agent.id, writes = {}, removes = {}, notes = {} }
end

local function sort_by_name(results)
  table.sort(results, function(a, b)
    if a.name ~= b.name then return a.name < b.name end
    return (a.agent_id or "") < (b.agent_id or "")
  end)
  return results
end

-- The agents to export, sorted by name.
local function choose(api, wanted)
  local results, seen = {}, {}
  local function add(agent)
    if not seen[agent.id] then results[#results + 1] = new_result(agent) end
    seen[agent.id] = true
  end
  if wanted then
    for _, agent in ipairs(tasks.map(wanted, function(text) return agent_lookup.find(api, text) end)) do add(agent) end
  else
    for _, agent in ipairs(agent_lookup.all(api)) do add(agent) end
  end
  return sort_by_name(results)
end

local function fail(result, err)
  result.action, result.error = "failed", err
end

-- A file identifies its agent by name.
local function refuse_nameless(results)
  for _, result in ipairs(results) do
    if result.name == "" then
      fail(result, errors.make { kind = "conflict", message = ("the agent %s has no name, by which a file could know "
        .. "it; give it one, or delete it"):format(result.agent_id) })
    end
  end
end

-- Two agents of one name cannot both have a file.
local function refuse_twins(results)
  local ids = {}
  for _, result in ipairs(results) do
    ids[result.name] = ids[result.name] or {}
    table.insert(ids[result.name], result.agent_id)
  end
  for _, result in ipairs(results) do
    local list = ids[result.name]
    if #list > 1 and not result.error then
      fail(result, errors.make { kind = "conflict", message = ("%d agents have the name '%s': %s; rename or delete all "
        .. "but one"):format(#list, result.name, table.concat(list, ", ")) })
    end
  end
end

-- }======

-- {====== what their files are to say ======

-- The keys that a new file gets from the environment.
local function said_of(environment, name)
  local found = {}
  for _, values in pairs(environment and table.pack(environment:values_of(name)) or {}) do
    for key, value in pairs(type(values) == "table" and values or {}) do found[key] = value end
  end
  return found
end

local function new_context(resolver, result, entry, options)
  return {
    resolver = resolver,
    notes = result.notes,
    stem = result.stem,
    has_tags = not (entry and entry.is_json),
    splits = not options.inline and not (entry and entry.is_json),
    only_owned = entry ~= nil and not options.all_fields,
    secrets = options.secrets,
    stands = result.standing and result.standing.stands,
    environment = options.environment,
  }
end

-- What the files say, by path; as far as they can be read here.
local function read_agents(path, options)
  local found = {}
  for _, agent in ipairs((agent_file.collect({ path }, { environment = options.environment }))) do
    found[agent.file] = agent
  end
  return found
end

local function find_standing(api, resolver, result, options)
  local row, agent, state = result.row, options.described and options.described[result.file], result.state
  if not row or not agent or type(agent.name) ~= "string" then return end
  result.standing = standing.find(row, agent, state, resolver, {
    prefer = options.prefer,
    base = function(number)
      local version = api.try.agents.versions.get(state.agent.id, number)
      return type(version) == "table" and type(version.config) == "table" and contents.of_version(version) or nil
    end,
  })
  standing.note(result.standing, result.notes)
end

local function describe_one(api, reader, resolver, result, options)
  local entry = result.entry
  local old = entry and entry.effective or said_of(options.environment, result.name)
  local state = reader:read(result.agent_id, { wants_draft = old.publish == false })
  result.state, result.resolver = state, resolver
  find_standing(api, resolver, result, options)
  local context = new_context(resolver, result, entry, options)
  local shown = result.standing and standing.merged_state(state, result.standing) or state
  result.value = reconcile.agent(context, entry and entry.value, describe.agent(context, shown, old))
  result.renamed_from = entry and entry.value.name ~= result.value.name and entry.value.name or nil
end

local function describe_all(api, results, options)
  local reader = agent_state.reader(api)
  local resolver = references.resolver(api, options.environment and options.environment.ids)
  tasks.each(results, function(result)
    if result.error then return result end
    local ok, err = pcall(describe_one, api, reader, resolver, result, options)
    if not ok then fail(result, err) end
    return result
  end, {
    untried = function(result, ended)
      result.action, result.error, result.not_tried = "not_tried", nil, ended
      return result
    end,
    on_result = options.on_step,
  })
end

-- }======

-- {====== writing ======

local function text_of(entry, value)
  if not entry then return yaml_text.encode(value) end
  if entry.is_json then return json_edit.update(entry.text, value) end
  return yaml_edit.update(entry.text, value, { name = entry.file })
end

local function decide(result, entry, environment)
  if not entry or not json.equal(entry.value, result.value) then
    local value = markers.escape_all(result.value, entry and entry.allowed)
    if not (entry and entry.is_json) then verify.check_texts(result.file, value) end
    table.insert(result.writes, { path = result.file, text = text_of(entry, value) })
    verify.check(result.file, value, result.writes, environment)
  end
  result.action = not entry and "created" or #result.writes > 0 and "updated" or "unchanged"
end

local function decide_all(results, where, environment)
  local good = {}
  for _, result in ipairs(results) do
    if not result.error and not result.not_tried then good[#good + 1] = result end
  end
  owners.refuse_twins(good, where, fail)
  prompt_files.place(good, where)
  for _, result in ipairs(good) do
    local ok, err = true, nil
    if not result.error then ok, err = pcall(decide, result, result.entry, environment) end
    if not ok then fail(result, err) end
  end
end

local function make_directory_of(path)
  local parent = path:match("^(.+)/[^/]*$")
  local ok, message = directory.make(parent or ".")
  if not ok then errors.raise("input", "%s", message) end
end

-- Prompts come first, so that no agent file names a text that is not there.
local function write(result)
  for _, item in ipairs(result.writes) do
    make_directory_of(item.path)
    files.write_file(item.path, item.text)
  end
  for _, path in ipairs(result.removes) do
    local ok, message = os.remove(path)
    if not ok then errors.raise("input", "%s", message) end
  end
end

-- }======

-- How far it is with an agent's files, for the report of a run that is stopped.
local function state_of(result)
  if result.error then return "failed" end
  if result.not_tried then return "not_begun" end
  if #result.writes + #result.removes == 0 then return "unchanged" end
  if result.is_written == nil then return "not_begun" end
  if result.is_written then return "done" end
  return "in_progress", "some of its files may have been written"
end

local function write_all(results)
  report.follow(results, state_of)
  for _, result in ipairs(results) do
    if not result.error and not result.not_tried then
      result.is_written = false
      local ok, err = pcall(write, result)
      result.is_written = true
      if not ok then fail(result, err) end
    end
  end
end

--- Exports agents into a directory.
---@param api anyreach.client
---@param path string of the directory, which is made if need be
---@param options? anyreach.export_options
---@return anyreach.export_result[] sorted by name; then the agents that have files and are gone
function export.run(api, path, options)
  options = options or {}
  local where = folder.read(path, options.environment)
  local results = choose(api, options.agents)
  refuse_nameless(results)
  refuse_twins(results)
  local rows = options.lock and options.lock:rows(options.account) or {}
  owners.choose(api, results, where, rows)
  options.secrets = secrets.collect(where, options.environment, rows)
  if #rows > 0 then options.described = read_agents(path, options) end
  if options.on_start then options.on_start(#results) end
  describe_all(api, results, options)
  decide_all(results, where, options.environment)
  if not options.agents then folder.add_gone(results, where, options.prune_files) end
  if not options.check then write_all(results) end
  return results
end

-- Gives the rows of agents whose files have another name than their rows that name.
local function follow_names(results, by_file, lock, account)
  local names = {}
  for _, result in ipairs(results) do
    local agent = not result.error and result.row and by_file[result.file]
    if agent and agent.name ~= result.row.agent then names[result.row.agent] = agent.name end
  end
  if next(names) then lock:rename(account, names) end
end

local function note_agent(result, agent, lock, account)
  local row, found = lock:get(account, agent.name), result.standing
  local is_same = row and (row.fields and found or #contents.unmet(agent, result.state, result.resolver) == 0)
  if not is_same then return end
  local facts = contents.lock_facts(agent, result.state)
  if standing.is_ahead(found) then facts.files = row.files end
  facts.file = row.file
  facts.fields = standing.fields(row.fields and found or nil, agent, result.state, result.resolver)
  lock:set(account, agent.name, facts)
end

--- Notes in the lock that files and organisation are the same, for the agents that it knows already: which agents a
--- repository owns is for provisioning to say. An agent whose file wants something else is left out: an export
--- does not change what an environment variable holds.
---@param results anyreach.export_result[]
---@param agents anyreach.agent[] as their files describe them now
---@param lock anyreach.lock
---@param account string key of the organisation in the lock
function export.note_in_lock(results, agents, lock, account)
  local by_file = {}
  for _, agent in ipairs(agents) do by_file[agent.file] = agent end
  follow_names(results, by_file, lock, account)
  for _, result in ipairs(results) do
    local agent = not result.error and result.state and by_file[result.file]
    if agent then note_agent(result, agent, lock, account) end
  end
  lock:write()
end

--- How many results there are of each action.
---@param results anyreach.export_result[]
---@return table<string, integer> counts by action, and `total`
function export.count(results)
  local counts = {
    created = 0, updated = 0, unchanged = 0, failed = 0, gone = 0, removed = 0, not_tried = 0, total = #results,
  }
  for _, result in ipairs(results) do counts[result.action] = counts[result.action] + 1 end
  return counts
end

--- The exit code of results: 2 for a check that found something; for failures as errors.exit_code_of says.
---@param results anyreach.export_result[]
---@param is_check boolean?
---@return integer
function export.exit_code(results, is_check)
  local counts = export.count(results)
  return errors.exit_code_of(results) or is_check and counts.created + counts.updated + counts.removed > 0 and 2 or 0
end

return export
