-- Keywords about arrays: their items.

local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local evaluate_part, fail, ALL = evaluation.evaluate_part, evaluation.fail, evaluation.ALL

local ARRAY = { "array" }

-- A list without elements in a schema that was not read from JSON may not be marked; `items` is a schema then.
local function is_list(value)
  return value ~= nil and values.kind(value) == "array"
end

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

-- All items from one on.
local function compile_rest(argument, context, first)
  local node = context:node_of(argument)
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

local function compile_items(argument, context)
  return compile_rest(argument, context, #(context.schema.prefixItems or {}) + 1)
end

-- Before draft 2020-12 `items` was what `prefixItems` is now, if it held a list.
local function compile_older_items(argument, context)
  if is_list(argument) then return compile_prefix(argument, context) end
  return compile_rest(argument, context, 1)
end

local function compile_additional(argument, context)
  local before = context.schema.items
  return is_list(before) and compile_rest(argument, context, #before + 1) or nil
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
  local year = context.resource.dialect.year
  local counts = year >= 2019 and context.resource.vocabularies.validation and context.schema or {}
  local least, most = counts.minContains or 1, counts.maxContains or math.huge
  return function(run, value, seen)
    local count = count_fitting(run, node, value, year >= 2020 and seen or nil)
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

local function row(name, vocabulary, argument, compile, years)
  return { name = name, vocabulary = vocabulary, kinds = ARRAY, argument = argument, compile = compile,
    since = years and years.since, till = years and years.till }
end

return {
  row("prefixItems", "applicator", "schemas", compile_prefix, { since = 2020 }),
  row("items", "applicator", "schema", compile_items, { since = 2020 }),
  row("items", "applicator", "schema or schemas", compile_older_items, { till = 2019 }),
  row("additionalItems", "applicator", "schema", compile_additional, { till = 2019 }),
  row("contains", "applicator", "schema", compile_contains),
  row("minContains", "validation", "count", check_argument, { since = 2019 }),
  row("maxContains", "validation", "count", check_argument, { since = 2019 }),
  row("uniqueItems", "validation", "flag", compile_unique),
}
