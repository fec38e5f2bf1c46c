-- What to say when a value fits none of several alternatives: the problems of the one that was meant,
-- not those of all. An alternative was not meant when it wants another kind of value, or when a
-- constant in it (the tag of a union) differs; of those that are left, the one with the fewest problems.

local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local alternatives = {}

local MEANT, OTHER_TAG, OTHER_KIND = 1, 2, 3

local function is_about_the_value(problem)
  return problem.fact.types ~= nil or problem.fact.choices ~= nil
end

-- The problem that says that the value is of another kind or has another tag, and which.
local function difference(problems, depth)
  for _, problem in ipairs(problems) do
    if problem.depth == depth and (is_about_the_value(problem) or problem.place.keyword == "false") then
      return OTHER_KIND, problem
    end
  end
  for _, problem in ipairs(problems) do
    if problem.depth == depth + 1 and problem.place.keyword == "const" then return OTHER_TAG, problem end
  end
  return MEANT
end

-- One problem for several about the same thing: each of what they expect would do.
local function merged(problems)
  local fact = { types = {}, choices = {} }
  for _, problem in ipairs(problems) do
    if not is_about_the_value(problem) then return nil end
    for part, list in pairs(fact) do
      for _, item in ipairs(problem.fact[part] or {}) do list[#list + 1] = item end
    end
  end
  local copy = {}
  for field, value in pairs(problems[1]) do copy[field] = value end
  copy.fact = fact
  return copy
end

-- The alternatives that differ least: their rank, their problems, and what makes the difference.
local function nearest(found, depth)
  local best, rank = {}, math.huge
  for _, problems in ipairs(found) do
    local this, problem = difference(problems, depth)
    if this < rank then best, rank = {}, this end
    if this == rank then best[#best + 1] = { problems = problems, problem = problem } end
  end
  return rank, best
end

local function is_same_key(best)
  for _, entry in ipairs(best) do
    if entry.problem.keys[entry.problem.depth] ~= best[1].problem.keys[entry.problem.depth] then return false end
  end
  return true
end

local function fewest(best)
  local chosen = best[1]
  for _, entry in ipairs(best) do
    if #entry.problems < #chosen.problems then chosen = entry end
  end
  return chosen.problems
end

local function differences(best)
  local list = {}
  for index, entry in ipairs(best) do list[index] = entry.problem end
  return list
end

-- A union's missing tag is all there is to say about the value.
local function missing_tag(context)
  local discriminator = context.schema.discriminator
  local name = type(discriminator) == "table" and discriminator.propertyName
  if type(name) ~= "string" then return function() return nil end end
  local mapping = type(discriminator.mapping) == "table" and values.names(discriminator.mapping) or nil
  return function(value, kind)
    return kind == "object" and value[name] == nil and { name = name, choices = mapping } or nil
  end
end

-- The same problem with word of the other alternatives, which would do as well.
local function with_count(problems, count)
  if count < 2 then return problems end
  for _, problem in ipairs(problems) do problem.alternatives = count end
  return problems
end

local function chosen_problems(found, depth)
  local rank, best = nearest(found, depth)
  if rank == MEANT then return with_count(fewest(best), #best) end
  local one = is_same_key(best) and merged(differences(best))
  return one and { one } or fewest(best)
end

--- A function that notes why a value fits none of the alternatives, and returns false.
---@param nodes table[]
---@param context anyreach.schema.context
---@return fun(run: anyreach.schema.run, value: any, kind: string): false
function alternatives.explainer(nodes, context)
  local place, tag_of = context.place, missing_tag(context)
  return function(run, value, kind)
    if not run.problems then return false end
    local tag = tag_of(value, kind)
    if tag then return evaluation.fail(run, place, value, { missing = true, choices = tag.choices }, tag.name) end
    local found = {}
    for index, node in ipairs(nodes) do found[index] = evaluation.problems_of(run, node, value, kind) end
    evaluation.add(run, chosen_problems(found, run.depth))
    return false
  end
end

return alternatives
