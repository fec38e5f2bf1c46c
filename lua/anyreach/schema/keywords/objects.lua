-- Keywords about objects: their properties and their names.

local evaluation = require "anyreach.schema.evaluation"
local pattern = require "anyreach.schema.pattern"
local values = require "anyreach.schema.values"

local evaluate, evaluate_part, fail = evaluation.evaluate, evaluation.evaluate_part, evaluation.fail

local OBJECT = { "object" }

-- {====== properties ======

local function compile_properties(argument, context)
  local nodes = {}
  for _, name in ipairs(values.names(argument)) do nodes[name] = context:node_of(argument[name], name) end
  return function(run, value, seen)
    local is_valid = true
    for name in pairs(value) do
      local node = nodes[name]
      if node then
        is_valid = evaluate_part(run, node, value, name) and is_valid
        if not is_valid and not run.problems then return false end
        if seen then seen[name] = true end
      end
    end
    return is_valid
  end
end

local function pattern_nodes(argument, context)
  local rows = {}
  for _, text in ipairs(values.names(argument)) do
    local matches = pattern.matcher(text, context)
    rows[#rows + 1] = matches and { matches = matches, node = context:node_of(argument[text], text) }
  end
  return rows
end

local function compile_patterns(argument, context)
  local rows = pattern_nodes(argument, context)
  return function(run, value, seen)
    local is_valid = true
    for name in pairs(value) do
      for _, entry in ipairs(rows) do
        if entry.matches(run, name) then
          is_valid = evaluate_part(run, entry.node, value, name) and is_valid
          if seen then seen[name] = true end
        end
      end
    end
    return is_valid
  end
end

local function always()
  return true
end

-- A function that tells whether properties or patternProperties beside it name a property. A pattern that
-- is skipped may name any.
local function namer(context)
  local named, matchers = context.schema.properties or {}, {}
  for text in pairs(context.schema.patternProperties or {}) do
    matchers[#matchers + 1] = pattern.matcher(text, context) or always
  end
  return function(run, name)
    if named[name] ~= nil then return true end
    for _, matches in ipairs(matchers) do
      if matches(run, name) then return true end
    end
    return false
  end
end

local function compile_additional(argument, context)
  local node, is_named, place = context:node_of(argument), namer(context), context.place
  local fact = { unknown = true, names = values.names(context.schema.properties or {}) }
  return function(run, value, seen)
    local is_valid = true
    for name in pairs(value) do
      if not is_named(run, name) then
        if argument == false then
          is_valid = fail(run, place, value, fact, name)
        else
          is_valid = evaluate_part(run, node, value, name) and is_valid
        end
        if seen then seen[name] = true end
      end
    end
    return is_valid
  end
end

-- }======

-- {====== names ======

local function compile_names(argument, context)
  local node, place = context:node_of(argument), context.place
  return function(run, value)
    local is_valid = true
    for name in pairs(value) do
      if run.problems then
        for _, problem in ipairs(evaluation.problems_of(run, node, name, "string")) do
          is_valid = fail(run, place, value, { name_problem = problem }, name)
        end
      else
        is_valid = evaluate(run, node, name, nil, "string") and is_valid
      end
    end
    return is_valid
  end
end

local function compile_required(argument, context)
  local place, fact = context.place, { missing = true }
  return function(run, value)
    local is_valid = true
    for _, name in ipairs(argument) do
      if value[name] == nil then is_valid = fail(run, place, value, fact, name) end
    end
    return is_valid
  end
end

local function compile_dependent_required(argument, context)
  local place = context.place
  return function(run, value)
    local is_valid = true
    for given, names in pairs(argument) do
      for _, name in ipairs(value[given] ~= nil and names or {}) do
        if value[name] == nil then is_valid = fail(run, place, value, { missing = true, because = given }, name) end
      end
    end
    return is_valid
  end
end

local function compile_dependent_schemas(argument, context)
  local nodes = {}
  for name, schema in pairs(argument) do nodes[name] = context:node_of(schema, name) end
  return function(run, value, seen, kind)
    local is_valid = true
    for name, node in pairs(nodes) do
      if value[name] ~= nil then is_valid = evaluate(run, node, value, seen, kind) and is_valid end
    end
    return is_valid
  end
end

-- Before draft 2019-09 these two were one.
local function compile_dependencies(argument, context)
  local schemas, names = {}, {}
  for name, part in pairs(argument) do
    if values.kind(part) == "array" then names[name] = part else schemas[name] = part end
  end
  local check_names = compile_dependent_required(names, context)
  local check_schemas = compile_dependent_schemas(schemas, context)
  return function(run, value, seen, kind)
    local has_names = check_names(run, value)
    return check_schemas(run, value, seen, kind) and has_names
  end
end

-- }======

local function row(name, vocabulary, argument, compile, years)
  return { name = name, vocabulary = vocabulary, kinds = OBJECT, argument = argument, compile = compile,
    since = years and years.since, till = years and years.till }
end

return {
  row("required", "validation", "names", compile_required),
  row("properties", "applicator", "schema map", compile_properties),
  row("patternProperties", "applicator", "schema map", compile_patterns),
  row("additionalProperties", "applicator", "schema", compile_additional),
  row("propertyNames", "applicator", "schema", compile_names),
  row("dependentSchemas", "applicator", "schema map", compile_dependent_schemas, { since = 2019 }),
  row("dependentRequired", "validation", "name lists", compile_dependent_required, { since = 2019 }),
  row("dependencies", "applicator", "dependencies", compile_dependencies, { till = 2019 }),
}
