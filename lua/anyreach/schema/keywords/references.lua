-- $ref, $dynamicRef and, in draft 2019-09, $recursiveRef. A dynamic one that begins at a $dynamicAnchor leads to the
-- anchor of the same name in the outermost resource that the evaluation has entered; a recursive one to the outermost
-- resource with $recursiveAnchor.

local evaluation = require "anyreach.schema.evaluation"

local function target_of(reference, context)
  local schema, resource, anchor = context.documents:find(context.resource, reference)
  if schema == nil then
    context:refuse("%s refers to nothing; other documents must be passed in", reference)
  end
  return schema, resource, anchor
end

local function compile_ref(argument, context)
  local schema, resource = target_of(argument, context)
  local node = context.compiler:node(schema, resource, context.place.location)
  return function(run, value, seen, kind)
    return evaluation.evaluate(run, node, value, seen, kind)
  end
end

local function outermost(scope, anchor)
  for _, resource in ipairs(scope) do
    if resource.dynamic[anchor] then return resource.dynamic[anchor], resource end
  end
end

local function compile_dynamic_ref(argument, context)
  local schema, resource, anchor = target_of(argument, context)
  local is_dynamic = anchor and resource.dynamic[anchor] == schema
  if not is_dynamic then return compile_ref(argument, context) end
  local compiler = context.compiler
  compiler:node(schema, resource, context.place.location)
  return function(run, value, seen, kind)
    local found, owner = outermost(run.scope, anchor)
    local node = compiler:node(found or schema, owner or resource, context.place.location)
    compiler:finish()
    return evaluation.evaluate(run, node, value, seen, kind)
  end
end

local function is_recursive(resource)
  return type(resource.root) == "table" and resource.root["$recursiveAnchor"] == true
end

-- To the outermost resource that allows it, if this one does.
local function compile_recursive_ref(argument, context)
  if not is_recursive(context.resource) then return compile_ref(argument, context) end
  local compiler = context.compiler
  return function(run, value, seen, kind)
    local found = context.resource
    for index = #run.scope, 1, -1 do
      if is_recursive(run.scope[index]) then found = run.scope[index] end
    end
    local node = compiler:node(found.root, found, context.place.location)
    compiler:finish()
    return evaluation.evaluate(run, node, value, seen, kind)
  end
end

return {
  { name = "$ref", vocabulary = "core", argument = "text", compile = compile_ref },
  { name = "$dynamicRef", vocabulary = "core", argument = "text", compile = compile_dynamic_ref, since = 2020 },
  { name = "$recursiveRef", vocabulary = "core", argument = "text", compile = compile_recursive_ref,
    since = 2019, till = 2019 },
}
