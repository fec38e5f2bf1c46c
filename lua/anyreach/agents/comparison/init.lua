-- Comparison of agents, by field: what agent files want with what an organisation has, or what two
-- organisations have. Only reads. Ids are compared by what they stand for, so that a name is shown where
-- the organisation has an id.

local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local ahead = require "anyreach.agents.comparison.ahead"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local references = require "anyreach.agents.references"
local tasks = require "anyreach.client.tasks"

local comparison = {}

---@class anyreach.compared
---@field name string
---@field file string|nil
---@field agent_id string|nil in the organisation that is compared with
---@field status "same"|"differs"|"missing"|"extra"|"failed" missing: only the files, or the source, have it;
--- extra: only the organisation that is compared with has it
---@field differences anyreach.difference[] what would change there
---@field ahead "files"|"organization"|"both"|"unknown"|nil who changed something since the lock was written
---@field version integer|nil the version that was compared
---@field draft integer|nil a newer draft, which was not
---@field error any of a failure

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
  return tasks.map(list, function(element)
    local result = f(element)
    if options.on_step then options.on_step() end
    return result
  end)
end

-- {====== contents ======

-- Names in the places of ids, on both sides alike.
local function readable(content, resolver)
  return references.as_text((references.extract(content, resolver)))
end

local function sorted_keys(content)
  local keys = {}
  for key in pairs(content) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--- What differs of what a file wants. Keys at the top that it does not have are never its matter, nor are
--- other numbers.
---@param wanted anyreach.agent_content
---@param actual anyreach.agent_content
---@param exact boolean keys below that the file does not name are differences too
---@return anyreach.difference[]
function comparison.differences_of_file(wanted, actual, exact)
  local found = {}
  for _, key in ipairs(sorted_keys(wanted)) do
    local options = { path = key, exact = exact and key ~= "phone_numbers" }
    local part = diff.compare(wanted[key], actual[key], options)
    table.move(part, 1, #part, #found + 1, found)
  end
  return found
end

-- }======

-- {====== files and an organisation ======

-- The numbers that an agent claims, as they are in this organisation.
local function with_numbers(agent, resolver)
  local copy, claimed = setmetatable({ numbers = {} }, { __index = agent }), {}
  for index, claim in ipairs(agent.numbers) do
    local number = claim.number
    if references.is_reference(number) then number = resolver:id(number.kind, number.name) or number end
    copy.numbers[index] = { number = number, direction = claim.direction }
    claimed[tostring(number)] = true
  end
  return copy, claimed
end

local function compare_file(sides, agent, result)
  local there = agent_lookup.by_name(sides.api, agent.name)
  if not there then
    result.status = "missing"
    return
  end
  local own, claimed = with_numbers(agent, sides.resolver)
  local state = sides.reader:read(there, {
    wants_draft = not agent.publish, claimed = claimed, numbers = #agent.numbers > 0,
  })
  local wanted, actual = agent_state.wanted(own, state), agent_state.content(state)
  result.agent_id, result.draft = there.id, state.draft
  result.version = state.version and state.version.version
  result.differences = comparison.differences_of_file(readable(wanted, sides.resolver),
    readable(actual, sides.resolver), sides.exact)
  result.status = #result.differences > 0 and "differs" or "same"
  if result.status == "differs" then
    local row = sides.locks and sides.locks(agent.file):get(sides.account, agent.name)
    result.ahead = ahead.of(row, agent, state, result.differences)
  end
end

local function ids_of(agents)
  for _, agent in ipairs(agents) do
    if agent.ids then return agent.ids end
  end
end

--- Compares agent files with an organisation.
---@param api anyreach.client
---@param agents anyreach.agent[] from anyreach.agent_file, with their references
---@param options? anyreach.comparison_options
---@return anyreach.compared[] in the order of the agents
function comparison.files(api, agents, options)
  options = options or {}
  local sides = {
    api = api, reader = agent_state.reader(api), resolver = references.resolver(api, ids_of(agents)),
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

-- Numbers belong to one organisation.
local function content_of(side, agent)
  local state = side.reader:read(agent.id, { numbers = false })
  return readable(agent_state.content(state), side.resolver), state
end

local function compare_states(from, to, result)
  if not from.agent or not to.agent then
    result.status = from.agent and "missing" or "extra"
    result.agent_id = to.agent and to.agent.id
    return
  end
  local wanted = content_of(from.side, from.agent)
  local actual, state = content_of(to.side, to.agent)
  result.agent_id, result.draft = to.agent.id, state.draft
  result.version = state.version and state.version.version
  result.differences = diff.compare(wanted, actual, { exact = true })
  result.status = #result.differences > 0 and "differs" or "same"
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
    errors.raise("conflict", "%d agents have the name '%s' in one organisation; rename or delete all but one", #list,
      name)
  end
  return list and list[1]
end

local function new_side(api, ids)
  return { api = api, reader = agent_state.reader(api), resolver = references.resolver(api, ids) }
end

--- Compares the agents of two organisations. Differences are what would change in the second one if it were
--- made like the first.
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
  return each(sorted_keys(names), function(name)
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
  local counts = { same = 0, differs = 0, missing = 0, extra = 0, failed = 0, total = #results }
  for _, result in ipairs(results) do counts[result.status] = counts[result.status] + 1 end
  return counts
end

--- The exit code that stands for results: 2 when something differs and that is asked for; failures as
--- provisioning has them.
---@param results anyreach.compared[]
---@param tells_drift boolean?
---@return integer
function comparison.exit_code(results, tells_drift)
  local counts = comparison.count(results)
  return errors.exit_code_of(results) or tells_drift and counts.same < counts.total and 2 or 0
end

return comparison
