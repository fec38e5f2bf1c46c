-- Compares agents field by field: agent files with an organisation, or two organisations. Only reads. Ids are
-- compared by what they refer to, and shown by name. Where files and organisation differ, the digests in the lock
-- say which side has changed since they were last the same.

local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local contents = require "anyreach.agents.contents"
local errors = require "anyreach.errors"
local references = require "anyreach.agents.references"
local tasks = require "anyreach.client.tasks"

local comparison = {}

---@class anyreach.compared
---@field name string
---@field file string|nil
---@field agent_id string|nil in the organisation that is compared with
---@field status "same"|"differs"|"missing"|"extra"|"failed"|"not_tried"
--- missing: only the files, or the first organisation, have
--- it; extra: only the organisation that is compared with has it
---@field differences anyreach.difference[] what would change there
---@field ahead "files"|"organization"|"both"|"unknown"|nil which side has changed since the lock was written
---@field version integer|nil the version that was compared
---@field newer_draft integer|nil a draft that was not
---@field error any of a failure
---@field not_tried any what ended the run before this agent was compared

---@class anyreach.comparison_options
---@field exact? boolean keys that the files do not name are differences too
---@field account? string key of the organisation in the lock
---@field locks? fun(file: string): anyreach.lock
---@field from_ids? table<string, table<string, string>> of the first organisation: kind -> name -> id
---@field to_ids? table<string, table<string, string>> of the second one
---@field on_start? fun(count: integer)
---@field on_step? fun()

local function each(list, f, options)
  if options.on_start then options.on_start(#list) end
  return tasks.each(list, f, {
    untried = function(element, ended)
      local name, file = element, nil
      if type(element) == "table" then name, file = element.name, element.file end
      return { name = name, file = file, status = "not_tried", differences = {}, not_tried = ended }
    end,
    on_result = options.on_step,
  })
end

-- {====== files and an organisation ======

-- Digests leave secrets out.
local function are_all_secret(differences)
  for _, difference in ipairs(differences) do
    if getmetatable(difference.after) ~= "secret" then return false end
  end
  return true
end

-- Which side has changed since both were last the same. They differ now: so if the files are as they were, it was the
-- organisation.
local function side_ahead(row, agent, state, differences)
  if not row or not row.files or not row.remote or are_all_secret(differences) then return "unknown" end
  if row.files == contents.wanted_digest(agent) then return "organization" end
  return row.remote == contents.state_digest(state, agent) and "files" or "both"
end

local function fill_result(result, state, differences)
  result.agent_id, result.newer_draft = state.agent.id, agent_state.newer_draft(state)
  result.version = state.version and state.version.version
  result.differences = differences
  result.status = #differences > 0 and "differs" or "same"
end

local function compare_file(sides, agent, result)
  local there = sides.reader:by_name(agent.name)
  if not there then
    result.status = "missing"
    return
  end
  local claims = references.claims(agent, sides.resolver)
  local row = sides.locks and sides.locks(agent.file):get(sides.account, agent.name)
  local state = sides.reader:read(there, {
    wants_draft = not agent.publish, draft = row and row.draft, claims = claims, slots = #claims > 0,
  })
  local wanted = references.readable(contents.of_wanted(agent, state, claims), sides.resolver)
  local actual = references.readable(contents.of_state(state), sides.resolver)
  fill_result(result, state, contents.differences(wanted, actual, sides.exact))
  if result.status == "differs" then result.ahead = side_ahead(row, agent, state, result.differences) end
end

--- Compares agent files with an organisation.
---@param api anyreach.client
---@param agents anyreach.agent[] with their references
---@param options? anyreach.comparison_options
---@return anyreach.compared[] in the order of the agents
function comparison.files(api, agents, options)
  options = options or {}
  local sides = {
    api = api, reader = agent_state.reader(api, #agents),
    resolver = references.resolver(api, references.ids_of(agents)),
    exact = options.exact or false, account = options.account, locks = options.locks,
  }
  return each(agents, function(agent)
    local result = { name = agent.name, file = agent.file, differences = {} }
    local ok, err = pcall(compare_file, sides, agent, result)
    return ok and result or { name = agent.name, file = agent.file, differences = {}, status = "failed", error = err }
  end, options)
end

-- }======

-- {====== two organisations ======

-- Phone numbers belong to one organisation.
local function state_of(side, agent)
  return side.reader:read(agent.id, { slots = false })
end

local function readable_content(side, state)
  return references.readable(contents.of_state(state), side.resolver)
end

local function compare_states(from, to, result)
  if not from.agent or not to.agent then
    result.status = from.agent and "missing" or "extra"
    result.agent_id = to.agent and to.agent.id
    return
  end
  local wanted = readable_content(from.side, state_of(from.side, from.agent))
  local state = state_of(to.side, to.agent)
  fill_result(result, state, contents.all_differences(wanted, readable_content(to.side, state)))
end

local function agents_by_name(api)
  local found = {}
  for _, agent in ipairs(agent_lookup.all(api)) do
    found[agent.name] = found[agent.name] or {}
    table.insert(found[agent.name], agent)
  end
  return found
end

local function check_unique(list, name)
  if list and #list > 1 then
    errors.raise("conflict", "%d agents have the name '%s' in one organisation; rename or delete all but one",
      #list, name)
  end
  return list and list[1]
end

local function sorted_names(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function new_side(api, ids)
  return { api = api, reader = agent_state.reader(api), resolver = references.resolver(api, ids) }
end

--- Compares the agents of two organisations. Differences are what would change in the second one to make it like
--- the first.
---@param from anyreach.client
---@param to anyreach.client
---@param options? anyreach.comparison_options
---@return anyreach.compared[] sorted by name
function comparison.organizations(from, to, options)
  options = options or {}
  local sides = { new_side(from, options.from_ids), new_side(to, options.to_ids) }
  local from_agents, to_agents = agents_by_name(from), agents_by_name(to)
  local names = {}
  for name in pairs(from_agents) do names[name] = true end
  for name in pairs(to_agents) do names[name] = true end
  return each(sorted_names(names), function(name)
    local result = { name = name, differences = {} }
    local ok, err = pcall(function()
      compare_states({ side = sides[1], agent = check_unique(from_agents[name], name) },
        { side = sides[2], agent = check_unique(to_agents[name], name) }, result)
    end)
    if not ok then result.status, result.error = "failed", err end
    return result
  end, options)
end

-- }======

--- How many results there are of each status.
---@param results anyreach.compared[]
---@return table<string, integer> counts by status, and `total`
function comparison.count(results)
  local counts = { same = 0, differs = 0, missing = 0, extra = 0, failed = 0, not_tried = 0, total = #results }
  for _, result in ipairs(results) do counts[result.status] = counts[result.status] + 1 end
  return counts
end

--- The exit code of results: 2 when something differs and `tells_drift` is set; for failures as
--- errors.exit_code_of says.
---@param results anyreach.compared[]
---@param tells_drift boolean?
---@return integer
function comparison.exit_code(results, tells_drift)
  local counts = comparison.count(results)
  return errors.exit_code_of(results) or tells_drift and counts.same < counts.total and 2 or 0
end

return comparison
