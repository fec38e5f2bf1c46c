-- One evaluation of a value by a compiled schema: where in the value it is, what was wrong so far, and
-- how much work it has done. The work is bounded, so that no schema and no value can run without end.
--
-- A node is a compiled schema: lists of checks by the kind of value that they apply to. A check is a
-- function (run, value, seen, kind) -> boolean. `seen` is nil, or the set of names and indices of the
-- value that schemas have evaluated, for unevaluatedProperties and unevaluatedItems.

local errors = require "anyreach.errors"
local values = require "anyreach.schema.values"

local evaluation = {}

local FRAMES_MAX = 4000 -- schemas within schemas; a value has at most 512 levels
local STEPS_MAX = 10 * 1000 * 1000 -- some seconds
local STEPS_A_SECOND = 4 * 1000 * 1000 -- to count work that is not made of steps
local PROBLEMS_MAX = 1000

--- In a set of what was evaluated: everything was.
evaluation.ALL = {}

---@class anyreach.schema.raw_problem a problem before it is put into words
---@field depth integer how many keys lead to it
---@field keys any[] the keys
---@field container table|nil that holds the value
---@field place {keyword: string, location: string} the keyword that it breaks
---@field value any
---@field fact table what was expected; see anyreach.schema.words

---@class anyreach.schema.run
---@field problems anyreach.schema.raw_problem[]|nil nil while only the verdict counts
---@field depth integer
---@field keys any[]
---@field containers table[]
---@field scope anyreach.schema.resource[] the resources entered, outermost first
---@field frames integer
---@field steps integer

---@return anyreach.schema.run
function evaluation.start()
  return { problems = {}, depth = 0, keys = {}, containers = {}, scope = {}, frames = 0, steps = 0 }
end

local function count_step(run, node)
  run.steps, run.frames = run.steps + 1, run.frames + 1
  if run.steps > STEPS_MAX then
    errors.raise("input", "%s: checking against this schema takes too long", node.location)
  elseif run.frames > FRAMES_MAX then
    errors.raise("input", "%s: the schema refers to itself without end, or the value is nested too deeply",
      node.location)
  end
end

--- Counts work that was not done in steps.
---@param run anyreach.schema.run
---@param seconds number
function evaluation.count_seconds(run, seconds)
  run.steps = run.steps + seconds * STEPS_A_SECOND
end

local function run_checks(run, node, value, seen, kind)
  local checks, is_valid = node.checks[kind], true
  for index = 1, #checks do
    if not checks[index](run, value, seen, kind) then
      is_valid = false
      if not run.problems or checks[index] == node.first then return false end
    end
  end
  return is_valid
end

local function merge(seen, more)
  for key in pairs(more) do seen[key] = true end
end

--- Evaluates a value by a node.
---@param run anyreach.schema.run
---@param node table
---@param value any
---@param seen? table
---@param kind? string when it is known
---@return boolean is_valid
function evaluation.evaluate(run, node, value, seen, kind)
  count_step(run, node)
  local scope, size = run.scope, #run.scope
  local enters = scope[size] ~= node.resource
  if enters then scope[size + 1] = node.resource end
  local own = node.tracks and {} or seen
  local is_valid = run_checks(run, node, value, own, kind or values.kind(value))
  if seen and own ~= seen and is_valid then merge(seen, own) end
  if enters then scope[size + 1] = nil end
  run.frames = run.frames - 1
  return is_valid
end

--- Evaluates a part of a value.
---@param run anyreach.schema.run
---@param node table
---@param container table
---@param key string|integer
---@return boolean is_valid
function evaluation.evaluate_part(run, node, container, key)
  local depth = run.depth + 1
  run.depth, run.keys[depth], run.containers[depth] = depth, key, container
  local is_valid = evaluation.evaluate(run, node, container[key])
  run.depth = depth - 1
  return is_valid
end

--- Tries a node for its verdict alone.
---@return boolean is_valid
function evaluation.try(run, node, value, seen, kind)
  local problems, own = run.problems, seen and {}
  run.problems = nil
  local is_valid = evaluation.evaluate(run, node, value, own, kind)
  run.problems = problems
  if is_valid and own then merge(seen, own) end
  return is_valid
end

--- What is wrong with a value by a node.
---@return anyreach.schema.raw_problem[]
function evaluation.problems_of(run, node, value, kind)
  local problems = run.problems
  run.problems = {}
  evaluation.evaluate(run, node, value, nil, kind)
  local found = run.problems
  run.problems = problems
  return found
end

--- Takes over problems that were found aside.
---@param run anyreach.schema.run
---@param problems anyreach.schema.raw_problem[]
function evaluation.add(run, problems)
  local room = PROBLEMS_MAX - #run.problems
  table.move(problems, 1, math.min(#problems, room), #run.problems + 1, run.problems)
end

--- Notes a problem with a value, or with a part of it when a key is given.
---@param run anyreach.schema.run
---@param place {keyword: string, location: string}
---@param value any
---@param fact table
---@param key? string|integer
---@return false
function evaluation.fail(run, place, value, fact, key)
  if not run.problems or #run.problems >= PROBLEMS_MAX then return false end
  local depth = run.depth
  local keys = table.move(run.keys, 1, depth, 1, {})
  local container = run.containers[depth]
  if key ~= nil then
    depth, container = depth + 1, value
    keys[depth], value = key, value[key]
  end
  table.insert(run.problems, {
    depth = depth, keys = keys, container = depth > 0 and container or nil, place = place, value = value, fact = fact,
  })
  return false
end

return evaluation
