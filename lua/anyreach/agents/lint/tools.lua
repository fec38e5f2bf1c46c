-- Tools and the prompts that speak of them. A prompt names a tool
--   as {{tools.NAME}};
--   as `NAME` in backticks, when NAME holds an underscore;
--   as "the NAME tool" or "tool NAME", when NAME holds an underscore.
-- Parameters of attached tools and declared variables are no tools. An attached tool is mentioned when its
-- name stands anywhere in a prompt, also with spaces or dashes for underscores. How the model is told of
-- tools is not documented, and a tool may do without being mentioned: hence only warnings.

local operations = require "anyreach.operations"
local texts = require "anyreach.agents.lint.texts"

local tools = {}

-- Patterns of a place and a name; but for the first one the name must hold an underscore.
local NAMINGS = {
  "(){{%-?%s*tools%.([%w_-]+)",
  "()`([%a][%w_-]*)`",
  "()%f[%w_]([%a][%w_]*)%s+[Tt]ool%f[%W]",
  "()%f[%w][Tt]ool%s+([%a][%w_]*)",
}

-- Calls f(position, name) for each tool that a text names, once each.
local function each_named(text, f)
  local seen = {}
  for index, naming in ipairs(NAMINGS) do
    for position, name in text:gmatch(naming) do
      local is_name = index == 1 or name:find("_", 1, true)
      if is_name and not seen[name] then
        seen[name] = true
        f(position, name)
      end
    end
  end
end

-- Names that look like tools and are something else.
local function other_names(attached, known_variables)
  local names = setmetatable({}, { __index = known_variables })
  for _, entry in ipairs(attached) do
    for name in pairs(type(entry.tool.properties) == "table" and entry.tool.properties or {}) do names[name] = true end
  end
  return names
end

local function names_of(attached)
  local list, set = {}, {}
  for index, entry in ipairs(attached) do
    list[index], set[entry.name] = entry.name, true
  end
  return list, set
end

local function check_named(entry, attached, others, report)
  local list, set = names_of(attached)
  each_named(entry.text, function(position, name)
    if set[name] or others[name] then return end
    local near = operations.nearest(name, list)
    report("unknown-tool", entry, ("line %d: '%s' looks like a tool, and no tool of this name is attached%s")
      :format(texts.line(entry.text, position), name, near and ("; did you mean '%s'?"):format(near) or ""))
  end)
end

local function is_mentioned(name, prompts)
  local pattern = "%f[%w_]" .. name:lower():gsub("%p", function(mark)
    return mark:find("[_-]") and "[_ -]" or "%" .. mark
  end) .. "%f[^%w_]"
  for _, entry in ipairs(prompts) do
    if entry.text:lower():gsub("%s+", " "):find(pattern) then return true end
  end
  return false
end

--- Checks the tools of a configuration.
---@param config table
---@param known_variables table<string, boolean>
---@param report fun(check: string, where: table, message: string)
function tools.check(config, known_variables, report)
  local prompts, attached = {}, texts.tools(config)
  for _, entry in ipairs(texts.prompts(config)) do
    if entry.is_prompt then prompts[#prompts + 1] = entry end
  end
  local others = other_names(attached, known_variables)
  for _, entry in ipairs(prompts) do check_named(entry, attached, others, report) end
  if #prompts == 0 then return end
  for _, entry in ipairs(attached) do
    if not is_mentioned(entry.name, prompts) then
      report("unmentioned-tool", { container = entry.tool, key = "name", path = entry.path .. ".name" },
        ("the tool '%s' is attached, and no prompt mentions it"):format(entry.name))
    end
  end
end

return tools
