-- `format`, which is an annotation unless the caller asks for more (anyreach.schema.formats).

local evaluation = require "anyreach.schema.evaluation"
local formats = require "anyreach.schema.formats"

local function compile_format(argument, context)
  local format = context.compiler.options.formats and formats[argument]
  if not format then return nil end
  local place, fact = context.place, { expected = format.words }
  return function(run, value)
    return format.fits(value) or evaluation.fail(run, place, value, fact)
  end
end

return {
  { name = "format", vocabulary = "format-annotation", kinds = { "string" }, argument = "text",
    compile = compile_format },
}
