-- Variables in prompts, greetings and templates: {{name}} is looked up among the names that are certain.
-- Which variables the platform fills in is documented for message templates alone (agent_response,
-- subject, body); all others must be declared, with --variables or under config.variables (a mapping or
-- a list of names; our choice: not documented). Hence only warnings.

local operations = require "anyreach.operations"
local texts = require "anyreach.agents.lint.texts"

local variables = {}

local IN_TEMPLATES = { "agent_response", "subject", "body" }
local TOOLS = "tools" -- {{tools.NAME}} names a tool: see anyreach.lint.tools

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

--- The names that are declared, for one agent.
---@param config table
---@param given string[] for all agents
---@return table<string, boolean>
function variables.declared(config, given)
  local names = set_of(given)
  local own = type(config.variables) == "table" and config.variables or {}
  for key, value in pairs(own) do
    local name = type(key) == "string" and key or type(value) == "table" and value.name or value
    if type(name) == "string" then names[name] = true end
  end
  return names
end

-- Names that the text gives itself: {% for name in … %}, {% set name = … %}.
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

-- Calls f(position, inside) for each {{…}}; returns where one begins that is not closed, or nil. Looks at
-- each character once: the pattern "{{.-}}" would look for the end again from every brace.
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
  local own, told = own_names(entry.text), {}
  local open = each_expression(entry.text, function(position, expression)
    local name = expression:match("^%-?%s*([%a_][%w_]*)")
    if name and name ~= TOOLS and not known[name] and not own[name] and not told[name] then
      told[name] = true
      report("unknown-variable", entry, ("line %d: %s"):format(texts.line(entry.text, position),
        message_for(name, known)))
    end
  end)
  if open then
    report("unclosed-variable", entry, ("line %d: {{ is not closed by }}"):format(texts.line(entry.text, open)))
  end
end

--- Checks the variables of a configuration.
---@param config table
---@param known table<string, boolean> from variables.declared
---@param report fun(check: string, where: table, message: string)
function variables.check(config, known, report)
  for _, entry in ipairs(texts.prompts(config)) do check_text(entry, known, report) end
  local in_templates = set_of(IN_TEMPLATES)
  for name in pairs(known) do in_templates[name] = true end
  for _, entry in ipairs(texts.templates(config)) do check_text(entry, in_templates, report) end
end

return variables
