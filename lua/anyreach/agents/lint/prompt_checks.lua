-- Checks of what people write in an agent's configuration: prompts, which the model reads, greetings, and templates
-- of messages. Which keys hold them is what the guides say; a text that is a secret or a reference is left out.
-- Only for anyreach.agents.lint. How the model is told about tools, and which variables the platform fills in, is
-- largely undocumented: hence only warnings.
--
-- A variable {{name}} must be declared, with --variables or under config.variables (a mapping or a list of names;
-- our choice: not documented). Templates also know the documented agent_response, subject and body.
--
-- Which names in a prompt are meant as tools, tool_names.lua says; one in backticks that is nearly that of an attached
-- tool counts wherever it stands. Parameters of attached tools and declared variables are not tools. A configuration
-- without `tools` leaves the published ones as they are, so that nothing is known of them; with an empty list there
-- are none. An attached tool is mentioned when its name occurs anywhere in a prompt, also with spaces, dashes or
-- nothing for underscores.

local diff = require "anyreach.text.diff"
local operations = require "anyreach.operations"
local tool_names = require "anyreach.agents.lint.tool_names"

local prompt_checks = {}

-- {====== texts ======

---@class anyreach.lint_text
---@field container table
---@field key string
---@field path string such as "config.channel_overrides.sms.instructions"
---@field text string
---@field is_prompt boolean the model reads it as instructions

local PROMPT, GREETING = "instructions", "starting_message"
local TEMPLATES = { "body_template", "subject_template", "template_wrapper" }

local function add(list, container, key, path)
  local text = container[key]
  if type(text) ~= "string" then return end
  list[#list + 1] =
    { container = container, key = key, path = diff.path(path, key), text = text, is_prompt = key == PROMPT }
end

-- Calls f(entry, path) for each channel of a map, in the order of their names.
local function each_channel(config, name, f)
  local map = config[name]
  if type(map) ~= "table" then return end
  local channels = {}
  for channel in pairs(map) do channels[#channels + 1] = tostring(channel) end
  table.sort(channels)
  for _, channel in ipairs(channels) do
    if type(map[channel]) == "table" then f(map[channel], diff.path("config." .. name, channel)) end
  end
end

-- Prompts and greetings.
local function prompts_of(config)
  local list = {}
  add(list, config, PROMPT, "config")
  add(list, config, GREETING, "config")
  each_channel(config, "channel_overrides", function(override, path)
    add(list, override, PROMPT, path)
    add(list, override, GREETING, path)
  end)
  return list
end

-- Templates of messages.
local function templates_of(config)
  local list = {}
  each_channel(config, "channel_properties", function(properties, path)
    for _, key in ipairs(TEMPLATES) do add(list, properties, key, path) end
  end)
  return list
end

-- The attached tools that have a name, each as {name, tool, path}.
local function tools_of(config)
  local list = {}
  for index, tool in ipairs(type(config.tools) == "table" and config.tools or {}) do
    if type(tool) == "table" and type(tool.name) == "string" then
      list[#list + 1] = { name = tool.name, tool = tool, path = diff.path("config.tools", index) }
    end
  end
  return list
end

-- The number of the line that holds a byte.
local function line_of(text, position)
  local _, breaks = text:sub(1, position - 1):gsub("\n", "")
  return breaks + 1
end

-- }======

-- {====== variables ======

local IN_TEMPLATES = { "agent_response", "subject", "body" }
local TOOLS = "tools" -- {{tools.NAME}} names a tool

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

--- The names of variables that are declared for one agent.
---@param config table
---@param given string[] for all agents
---@return table<string, boolean>
function prompt_checks.declared_variables(config, given)
  local names = set_of(given)
  local own = type(config.variables) == "table" and config.variables or {}
  for key, value in pairs(own) do
    local name = type(key) == "string" and key or type(value) == "table" and value.name or value
    if type(name) == "string" then names[name] = true end
  end
  return names
end

-- Names that the text itself defines: {% for name in … %}, {% set name = … %}.
local function own_names(text)
  local names = {}
  for word, name in text:gmatch("{%%%-?%s*(%a+)%s+([%a_][%w_]*)") do
    if word == "for" or word == "set" then names[name] = true end
  end
  return names
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function message_for(name, known)
  local near = operations.nearest(name, sorted(known))
  if near then return ("{{%s}}: no variable of this name is declared; did you mean '%s'?"):format(name, near) end
  return ("{{%s}}: no variable of this name is declared; if calls provide it, say so with --variables %s")
    :format(name, name)
end

-- Calls f(position, inside) for each {{…}}; returns the position of one that is not closed, or nil. Takes linear
-- time: the pattern "{{.-}}" would look for the end again from every brace.
local function each_expression(text, f)
  local open = text:find("{{", 1, true)
  while open do
    local close = text:find("}}", open + 2, true)
    if not close then return open end
    f(open, text:sub(open + 2, close - 1))
    open = text:find("{{", close + 2, true)
  end
end

local function check_text(entry, known, report)
  local own, reported = own_names(entry.text), {}
  local open = each_expression(entry.text, function(position, expression)
    local name = expression:match("^%-?%s*([%a_][%w_]*)")
    if name and name ~= TOOLS and not known[name] and not own[name] and not reported[name] then
      reported[name] = true
      report("unknown-variable", entry, ("line %d: %s"):format(line_of(entry.text, position),
        message_for(name, known)))
    end
  end)
  if open then
    report("unclosed-variable", entry, ("line %d: {{ is not closed by }}"):format(line_of(entry.text, open)))
  end
end

--- Checks the variables of a configuration.
---@param config table
---@param known table<string, boolean> from declared_variables
---@param report fun(check: string, where: table, message: string)
function prompt_checks.variables(config, known, report)
  for _, entry in ipairs(prompts_of(config)) do check_text(entry, known, report) end
  local in_templates = set_of(IN_TEMPLATES)
  for name in pairs(known) do in_templates[name] = true end
  for _, entry in ipairs(templates_of(config)) do check_text(entry, in_templates, report) end
end

-- }======

-- {====== tools ======

-- Names that look like those of tools and are something else.
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
  local reported = {}
  tool_names.each(entry.text, function(position, name, is_used)
    if set[name] or others[name] or reported[name] then return end
    local near = operations.nearest(name, list)
    if not near and not is_used then return end
    reported[name] = true
    report("unknown-tool", entry, ("line %d: '%s' looks like a tool, and no tool of this name is attached%s")
      :format(line_of(entry.text, position), name, near and ("; did you mean '%s'?"):format(near) or ""))
  end)
end

local function is_mentioned(name, prompts)
  local pattern = "%f[%w_]" .. name:lower():gsub("%p", function(mark)
    return mark:find("[_-]") and "[_ -]?" or "%" .. mark
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
function prompt_checks.tools(config, known_variables, report)
  local prompts, attached = {}, tools_of(config)
  for _, entry in ipairs(prompts_of(config)) do
    if entry.is_prompt then prompts[#prompts + 1] = entry end
  end
  local others = other_names(attached, known_variables)
  if type(config.tools) == "table" then
    for _, entry in ipairs(prompts) do check_named(entry, attached, others, report) end
  end
  if #prompts == 0 then return end
  for _, entry in ipairs(attached) do
    if not is_mentioned(entry.name, prompts) then
      report("unmentioned-tool", { container = entry.tool, key = "name", path = entry.path .. ".name" },
        ("the tool '%s' is attached, and no prompt mentions it"):format(entry.name))
    end
  end
end

-- }======

return prompt_checks
