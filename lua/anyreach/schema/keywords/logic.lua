-- Keywords that combine schemas for the same value: allOf, anyOf, oneOf, not, if.

local alternatives = require "anyreach.schema.alternatives"
local evaluation = require "anyreach.schema.evaluation"

local evaluate, try, fail = evaluation.evaluate, evaluation.try, evaluation.fail

local function nodes_of(schemas, context)
  local nodes = {}
  for index, schema in ipairs(schemas) do nodes[index] = context:node_of(schema, index - 1) end
  if #nodes == 0 then context:refuse("the schema is invalid: expected at least one schema") end
  return nodes
end

local function compile_all(argument, context)
  local nodes = nodes_of(argument, context)
  return function(run, value, seen, kind)
    local is_valid = true
    for index = 1, #nodes do
      is_valid = evaluate(run, nodes[index], value, seen, kind) and is_valid
      if not is_valid and not run.problems then return false end
    end
    return is_valid
  end
end

-- All alternatives are tried when what they evaluate counts.
local function compile_any(argument, context)
  local nodes = nodes_of(argument, context)
  local explain = alternatives.explainer(nodes, context)
  return function(run, value, seen, kind)
    local is_valid = false
    for index = 1, #nodes do
      if try(run, nodes[index], value, seen, kind) then
        is_valid = true
        if not seen then return true end
      end
    end
    return is_valid or explain(run, value, kind)
  end
end

local function compile_one(argument, context)
  local nodes, place = nodes_of(argument, context), context.place
  local explain = alternatives.explainer(nodes, context)
  return function(run, value, seen, kind)
    local count = 0
    for index = 1, #nodes do
      if try(run, nodes[index], value, seen, kind) then count = count + 1 end
    end
    if count == 1 then return true end
    if count == 0 then return explain(run, value, kind) end
    return fail(run, place, value,
      { text = ("fits %d of %d alternatives, expected exactly one"):format(count, #nodes) })
  end
end

local function compile_not(argument, context)
  local node, place, fact = context:node_of(argument), context.place, { text = "it is what it must not be" }
  return function(run, value, _, kind)
    return not try(run, node, value, nil, kind) or fail(run, place, value, fact)
  end
end

local function branch(name, context)
  if context.schema[name] == nil then return nil end
  local place = { keyword = name, location = context.documents:location(context.schema, name) }
  return context.compiler:node(context.schema[name], context.resource, place.location)
end

local function compile_if(argument, context)
  local condition, yes, no = context:node_of(argument), branch("then", context), branch("else", context)
  return function(run, value, seen, kind)
    local node = no
    if try(run, condition, value, seen, kind) then node = yes end
    return not node or evaluate(run, node, value, seen, kind)
  end
end

local function row(name, argument, compile, since)
  return { name = name, vocabulary = "applicator", argument = argument, compile = compile, since = since }
end

return {
  row("allOf", "schemas", compile_all),
  row("anyOf", "schemas", compile_any),
  row("oneOf", "schemas", compile_one),
  row("not", "schema", compile_not),
  row("if", "schema", compile_if, 2018),
}
