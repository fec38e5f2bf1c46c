-- unevaluatedProperties and unevaluatedItems: what no other keyword of the schema, or of those that it
-- combines for the same value, has looked at.

local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local evaluate_part, fail, ALL = evaluation.evaluate_part, evaluation.fail, evaluation.ALL

local function compile_properties(argument, context)
  local node, place = context:node_of(argument), context.place
  local fact = { unknown = true, names = values.names(context.schema.properties or {}) }
  return function(run, value, seen)
    local is_valid = true
    for name in pairs(value) do
      if not seen[name] then
        if argument == false then
          is_valid = fail(run, place, value, fact, name)
        else
          is_valid = evaluate_part(run, node, value, name) and is_valid
        end
        seen[name] = true
      end
    end
    return is_valid
  end
end

local function compile_items(argument, context)
  local node = context:node_of(argument)
  return function(run, value, seen)
    local is_valid = true
    for index = 1, seen[ALL] and 0 or #value do
      if not seen[index] then is_valid = evaluate_part(run, node, value, index) and is_valid end
    end
    seen[ALL] = true
    return is_valid
  end
end

local function row(name, kind, compile)
  return { name = name, vocabulary = "unevaluated", kinds = { kind }, argument = "schema", compile = compile,
    tracks = true, since = 2019 }
end

return {
  row("unevaluatedProperties", "object", compile_properties),
  row("unevaluatedItems", "array", compile_items),
}
