-- Promotion: agents of one organisation to another. Reads both, plans everything, and writes only when all
-- references are resolved; one agent's conflict does not stop the others. What was promoted stands in the
-- lock, by the number of a version, which can be read again because published versions do not change.

local account = require "anyreach.account.identity"
local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local claims = require "anyreach.agents.promotion.claims"
local errors = require "anyreach.errors"
local number_state = require "anyreach.agents.numbers.number_state"
local plan = require "anyreach.agents.promotion.plan"
local provision = require "anyreach.agents.provision"
local references = require "anyreach.agents.references"
local remap = require "anyreach.agents.promotion.remap"
local tasks = require "anyreach.client.tasks"

local promotion = {}

---@class anyreach.promotion_sides
---@field source anyreach.client
---@field target anyreach.client
---@field source_ids table|nil ids of the source's environment file
---@field target_ids table|nil
---@field lock anyreach.lock

local function add_problems(problems, name, found)
  for _, problem in ipairs(found) do
    problems[#problems + 1] = { path = ("%s: %s"):format(name, problem.path), message = problem.message }
  end
end

local function fail_if_any(problems)
  if #problems > 0 then error(errors.make { kind = "input", problems = problems }, 0) end
end

-- {====== reading ======

local function last_promotion(sides, choice)
  return sides.lock:promotion(account.of(sides.source).key, account.of(sides.target).key, choice.agent.name)
end

-- The version that was last promoted, in the target's terms; nil when the lock knows of none, or when one of
-- the agents is not the one that it knows.
local function read_base(sides, converter, choice, target_agent)
  local row = last_promotion(sides, choice)
  if not row or not target_agent or row.agent_id ~= target_agent.id then return nil end
  if row.from_agent_id and row.from_agent_id ~= choice.agent.id then return nil end
  local version, err = sides.source.try.agents.versions.get(choice.agent.id, row.from_version)
  if errors.is_error(err) then
    if err.kind == "not_found" then return nil end
    error(err, 0)
  end
  return (converter:value(remap.content(checked.object("whole_version", version, "agents.versions.get"))))
end

local function read_state(sides, choice)
  local api, row = sides.target, last_promotion(sides, choice)
  local agent = agent_lookup.by_name(api, choice.agent.name, row and row.agent_id)
  local state = { agent = agent, numbers = {} }
  if agent then state.published, state.draft = agent_lookup.in_use(api, agent.id) end
  return state
end

local function read_item(sides, converter, choice)
  local state = read_state(sides, choice)
  return {
    name = choice.agent.name, choice = choice, state = state, numbers = {},
    base = read_base(sides, converter, choice, state.agent),
  }
end

-- }======

-- {====== planning ======

-- In the target the name alone tells agents apart.
local function check_names(chosen, problems)
  local ids = {}
  for _, choice in ipairs(chosen) do
    local name, id = choice.agent.name, choice.agent.id
    if ids[name] then
      local message = ("two agents have this name: %s, %s; rename one"):format(ids[name], id)
      problems[#problems + 1] = { path = name, message = message }
    end
    ids[name] = id
  end
end

-- Agents that this run creates are referred to before they are there.
local function expect_agents(items, resolver)
  for _, item in ipairs(items) do
    if not item.state.agent and resolver:lacks("agent", item.name) then resolver:expect("agent", item.name) end
  end
end

local function convert(items, converter, problems)
  for _, item in ipairs(items) do
    local found
    item.content, found = converter:value(remap.content(item.choice.version))
    add_problems(problems, item.name, found)
    if not item.state.agent then
      item.own, found = converter:value(plan.own_fields(item.choice.agent))
      add_problems(problems, item.name, found)
    end
  end
end

--- What promotes agents. Only reads. Everything that cannot be resolved in the target raises one error of
--- kind "input".
---@param sides anyreach.promotion_sides
---@param chosen anyreach.promotion_choice[]
---@param options anyreach.promotion_options|{numbers?: boolean, on_step?: fun()} on_step: one more was read
---@return anyreach.promotion_item[] in the order of the choice
function promotion.plan(sides, chosen, options)
  local resolver = references.resolver(sides.target, sides.target_ids)
  local converter = remap.new(references.resolver(sides.source, sides.source_ids), resolver)
  local problems = {}
  check_names(chosen, problems)
  fail_if_any(problems)
  local items = tasks.map(chosen, function(choice)
    local item = read_item(sides, converter, choice)
    if options.on_step then options.on_step() end
    return item
  end)
  expect_agents(items, resolver)
  convert(items, converter, problems)
  if options.numbers then
    local phone_numbers =
      { source = number_state.phone_numbers(sides.source), target = number_state.phone_numbers(sides.target) }
    claims.add(items, phone_numbers, converter, problems)
  end
  fail_if_any(problems)
  for _, item in ipairs(items) do
    plan.complete(item, options)
    if item.change then item.change.resolver = resolver end
  end
  return items
end

-- }======

-- {====== writing ======

-- Returns the error when that cannot be written.
local function note_in_lock(sides, item, result)
  local from, to = account.of(sides.source).key, account.of(sides.target).key
  sides.lock:set_promotion(from, to, item.name, {
    from_agent_id = item.choice.agent.id, from_version = item.choice.version.version,
    agent_id = result.agent_id, version = result.version,
  })
  local ok, err = pcall(sides.lock.write, sides.lock)
  if ok then return nil end
  return errors.is_error(err) and err or error(err, 0)
end

--- Carries out what was planned, and notes in the lock what was published. That the lock cannot be written
--- stops nothing: an agent that was promoted is one all the same.
---@param sides anyreach.promotion_sides
---@param items anyreach.promotion_item[] those with a change are carried out
---@param options anyreach.promotion_options|anyreach.run_options
---@return anyreach.provision_result[] of the items with a change, in their order
---@return anyreach.error|nil problem why the lock does not note all of it
function promotion.apply(sides, items, options)
  local changes, by_change = {}, {}
  for _, item in ipairs(items) do
    if item.change then
      changes[#changes + 1] = item.change
      by_change[#changes] = item
    end
  end
  local index, problem = 0, nil
  local results = provision.apply(sides.target, changes, {
    on_step = options.on_step,
    on_result = function(result)
      index = index + 1
      if not result.error and options.publish ~= false then
        problem = note_in_lock(sides, by_change[index], result) or problem
      end
      if options.on_result then options.on_result(result, by_change[index]) end
    end,
  })
  return results, problem
end

-- }======

return promotion
