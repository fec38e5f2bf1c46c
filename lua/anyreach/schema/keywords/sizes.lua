-- Keywords about how many characters, items or keys a value has.

local evaluation = require "anyreach.schema.evaluation"
local values = require "anyreach.schema.values"

local function characters(text)
  return utf8.len(text) or #text
end

local function items(list)
  return #list
end

local function keys(object)
  local count = 0
  for _ in pairs(object) do count = count + 1 end
  return count
end

local function compile_least(noun, size_of)
  return function(argument, context)
    local place, expected = context.place, "expected at least " .. values.counted(argument, noun)
    return function(run, value)
      local size = size_of(value)
      return size >= argument or evaluation.fail(run, place, value, { text = ("%s, got %d"):format(expected, size) })
    end
  end
end

local function compile_most(noun, size_of)
  return function(argument, context)
    local place, expected = context.place, "expected at most " .. values.counted(argument, noun)
    return function(run, value)
      local size = size_of(value)
      return size <= argument or evaluation.fail(run, place, value, { text = ("%s, got %d"):format(expected, size) })
    end
  end
end

local function row(name, kind, compile)
  return { name = name, vocabulary = "validation", kinds = { kind }, argument = "count", compile = compile }
end

return {
  row("minLength", "string", compile_least("character", characters)),
  row("maxLength", "string", compile_most("character", characters)),
  row("minItems", "array", compile_least("item", items)),
  row("maxItems", "array", compile_most("item", items)),
  row("minProperties", "object", compile_least("key", keys)),
  row("maxProperties", "object", compile_most("key", keys)),
}
