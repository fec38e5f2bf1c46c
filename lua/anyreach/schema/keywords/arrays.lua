-- Keywords about arrays: their items.

local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local evaluate_part, fail, ALL = evaluation.evaluate_part, evaluation.fail, evaluation.ALL

local ARRAY = { "array" }

local function compile_prefix(argument, context)
  local nodes = {}
  for index, schema in ipairs(argument) do nodes[index] = context:node_of(schema, index - 1) end
  return function(run, value, seen)
    local is_valid = true
    for index = 1, math.min(#nodes, #value) do
      is_valid = evaluate_part(run, nodes[index], value, index) and is_valid
      if seen then seen[index] = true end
    end
    return is_valid
  end
end

local function compile_items(argument, context)
  local node, first = context:node_of(argument), #(context.schema.prefixItems or {}) + 1
  return function(run, value, seen)
    local is_valid = true
    for index = first, #value do
      is_valid = evaluate_part(run, node, value, index) and is_valid
      if not is_valid and not run.problems then return false end
    end
    if seen and #value >= first then seen[ALL] = true end
    return is_valid
  end
end

-- {====== contains ======

-- How many items fit; notes them as seen.
local function count_fitting(run, node, value, seen)
  local count, problems = 0, run.problems
  run.problems = nil
  for index = 1, #value do
    if evaluate_part(run, node, value, index) then
      count = count + 1
      if seen then seen[index] = true end
    end
  end
  run.problems = problems
  return count
end

local function compile_contains(argument, context)
  local node, place = context:node_of(argument), context.place
  local counts = context.resource.vocabularies.validation and context.schema or {}
  local least, most = counts.minContains or 1, counts.maxContains or math.huge
  return function(run, value, seen)
    local count = count_fitting(run, node, value, seen)
    if count < least then
      return fail(run, place, value,
        { text = ("expected at least %s, got %d"):format(values.counted(least, "fitting item"), count) })
    elseif count > most then
      return fail(run, place, value,
        { text = ("expected at most %s, got %d"):format(values.counted(most, "fitting item"), count) })
    end
    return true
  end
end

-- The work is done by `contains`; this sees to it that the number is one.
local function check_argument() end

-- }======

local function compile_unique(argument, context)
  if not argument then return nil end
  local place = context.place
  return function(run, value)
    local places, is_valid = {}, true
    for index = 1, #value do
      local key = values.key(value[index])
      if places[key] then
        local text = ("the same as item %d, expected different items"):format(places[key])
        is_valid = fail(run, place, value, { text = text }, index)
      end
      places[key] = places[key] or index
    end
    return is_valid
  end
end

local function row(name, vocabulary, argument, compile)
  return { name = name, vocabulary = vocabulary, kinds = ARRAY, argument = argument, compile = compile }
end

return {
  row("prefixItems", "applicator", "schemas", compile_prefix),
  row("items", "applicator", "schema", compile_items),
  row("contains", "applicator", "schema", compile_contains),
  row("minContains", "validation", "count", check_argument),
  row("maxContains", "validation", "count", check_argument),
  row("uniqueItems", "validation", "flag", compile_unique),
}
