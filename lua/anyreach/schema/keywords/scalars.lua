-- Keywords about a value as a whole: type, const, enum, the limits of numbers, and patterns.

local decimal = require "anyreach.schema.decimal"
local evaluation = require "anyreach.schema.evaluation"
local pattern = require "anyreach.schema.pattern"
local values = require "anyreach.schema.values"

local fail = evaluation.fail

local TYPES = {
  string = true, number = true, integer = true, boolean = true, null = true, array = true, object = true,
}

local function compile_type(argument, context)
  local types, allowed = type(argument) == "table" and argument or { argument }, {}
  for _, name in ipairs(types) do
    if not TYPES[name] then context:refuse("the schema is invalid: unknown type %s", tostring(name)) end
    allowed[name] = true
  end
  allowed.opaque = allowed.string
  local place, fact = context.place, { types = types }
  return function(run, value, _, kind)
    if allowed[kind] then return true end
    if kind == "number" and allowed.integer and decimal.is_integer(value) then return true end
    return fail(run, place, value, fact)
  end
end

-- One of the values, or a stand-in for a text that cannot be looked at.
local function compile_choices(choices, context)
  local allowed, place, fact = {}, context.place, { choices = choices }
  for _, choice in ipairs(choices) do allowed[values.key(choice)] = true end
  return function(run, value, _, kind)
    if kind == "opaque" or allowed[values.key(value)] then return true end
    return fail(run, place, value, fact)
  end
end

local function compile_const(argument, context)
  return compile_choices({ argument }, context)
end

-- {====== numbers ======

-- `allows` is given how the number compares with the limit: negative, 0 or positive.
local function limit(words, allows)
  return function(argument, context)
    local place = context.place
    local fact = { expected = words .. " " .. tostring(argument) }
    return function(run, value)
      return value == value and allows(decimal.compare(value, argument)) or fail(run, place, value, fact)
    end
  end
end

local function compile_multiple(argument, context)
  if decimal.compare(argument, 0) <= 0 then context:refuse("the schema is invalid: expected a number above 0") end
  local place, fact = context.place, { expected = "a multiple of " .. tostring(argument) }
  return function(run, value)
    return decimal.is_multiple(value, argument) or fail(run, place, value, fact)
  end
end

-- }======

local function compile_pattern(argument, context)
  local matches = pattern.matcher(argument, context)
  if not matches then return nil end
  local place, fact = context.place, { expected = "text that matches " .. argument }
  return function(run, value)
    return matches(run, value) or fail(run, place, value, fact)
  end
end

local NUMBER, STRING = { "number" }, { "string" }

local function row(name, kinds, argument, compile)
  return { name = name, vocabulary = "validation", kinds = kinds, argument = argument, compile = compile }
end

return {
  row("type", nil, "any", compile_type),
  row("const", nil, "any", compile_const),
  row("enum", nil, "list", compile_choices),
  row("minimum", NUMBER, "number", limit("at least", function(order) return order >= 0 end)),
  row("maximum", NUMBER, "number", limit("at most", function(order) return order <= 0 end)),
  row("exclusiveMinimum", NUMBER, "number", limit("more than", function(order) return order > 0 end)),
  row("exclusiveMaximum", NUMBER, "number", limit("less than", function(order) return order < 0 end)),
  row("multipleOf", NUMBER, "number", compile_multiple),
  row("pattern", STRING, "text", compile_pattern),
}
