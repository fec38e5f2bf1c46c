-- anyreach help: the overview, and what is known of a command, recipe, operation or namespace.

local arguments = require "anyreach.arguments"
local command = require "anyreach.command"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local operations = require "anyreach.operations"

local spec = {
  usage = "anyreach help [COMMAND | RECIPE | OPERATION | NAMESPACE | operations]",
  summary = "Explains a command, a recipe or an operation.",
  operands = { name = "at most one topic", max = 1 },
}

local WIDTH = 80 -- of a line of prose
local RECIPE_PREFIX = "scripts/"

local function recipe_names()
  local names = {}
  for _, file in ipairs(host.embedded_names(RECIPE_PREFIX)) do
    names[#names + 1] = file:sub(#RECIPE_PREFIX + 1):match("^([^/]+)%.lua$")
  end
  return names
end

local function command_lines()
  local lines = {}
  for _, name in ipairs(command.names()) do
    lines[#lines + 1] = ("  %-10s %s"):format(name, command.get(name).spec.summary)
  end
  return table.concat(lines, "\n")
end

local function overview()
  return ([[
anyreach: provision, change and explore Anyreach agents with Lua.

usage: anyreach [OPTIONS] SCRIPT.lua [ARGUMENTS]    run a script ("-": standard input)
       anyreach [OPTIONS] -e CODE [ARGUMENTS]       run Lua code
       anyreach [OPTIONS] run RECIPE [ARGUMENTS]    run a bundled recipe, or a script
       anyreach [OPTIONS] COMMAND [ARGUMENTS]

Commands:
%s

Recipes: %s

Options:
%s

The credential is in ANYREACH_TOKEN (ak_… or pat_…); a pat_ token also needs ANYREACH_ORG_ID.
Try it without one:  anyreach --sandbox -e 'print(anyreach.client().agents.create{ name = "Ada" }.id)'
]]):format(command_lines(), table.concat(recipe_names(), ", "), arguments.global_options())
end

local function type_text(schema)
  if #schema.types == 7 then return "any" end
  local names = {}
  for _, name in ipairs(schema.types) do
    if name ~= "string" or not schema.choices then names[#names + 1] = name end
  end
  for _, choice in ipairs(schema.choices or {}) do names[#names + 1] = choice end
  local text = table.concat(names, "|")
  return schema.items and text .. " of " .. type_text(schema.items) or text
end

local function field_lines(title, fields, lines)
  if #fields == 0 then return end
  lines[#lines + 1] = title
  for _, field in ipairs(fields) do
    local notes = {}
    if field.required then notes[#notes + 1] = "required" end
    if field.schema.default_json then notes[#notes + 1] = "default " .. field.schema.default_json end
    if field.unverified then notes[#notes + 1] = "not verified" end
    local note = #notes > 0 and " (" .. table.concat(notes, ", ") .. ")" or ""
    lines[#lines + 1] = ("  %-22s %s%s"):format(field.name, type_text(field.schema), note)
    if field.summary then lines[#lines + 1] = (" "):rep(25) .. field.summary end
  end
  lines[#lines + 1] = ""
end

local function signature(operation)
  local names = {}
  for i, field in ipairs(operation.path_fields) do names[i] = field.name end
  if #operation.query_fields > 0 or operation.body then names[#names + 1] = "{ … }" end
  return ("api.%s(%s)"):format(operation.name, table.concat(names, ", "))
end

-- Breaks a paragraph into lines.
local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function operation_help(operation)
  local lines = {
    signature(operation),
    ("%s %s"):format(operation.method, operation.path),
    "",
    wrap(operation.summary, WIDTH),
  }
  if operation.description then lines[#lines + 1] = "\n" .. wrap(operation.description, WIDTH) end
  lines[#lines + 1] = ""
  field_lines("Path:", operation.path_fields, lines)
  field_lines("Query:", operation.query_fields, lines)
  if operation.body then
    field_lines("Body:", operation.body.fields or {}, lines)
    local items = operation.body.items
    field_lines("Each element, when the body is a list:", items and items.fields or {}, lines)
    if operation.body.exactly_one_of then
      lines[#lines + 1] = "Exactly one of: " .. table.concat(operation.body.exactly_one_of, ", ")
    end
    if operation.body.open then lines[#lines + 1] = "The body may have further fields: they are not all documented." end
  end
  if operation.scopes then lines[#lines + 1] = "Scopes (one is enough): " .. table.concat(operation.scopes, ", ") end
  if operation.paging ~= "none" then
    lines[#lines + 1] = "All pages: for row in api." .. operation.name:gsub("%.list$", ".each") .. "(…) do … end"
  end
  if operation.unverified then lines[#lines + 1] = "Inferred, not read in the docs: may differ." end
  if operation.source then lines[#lines + 1] = "Source: " .. operation.source end
  return table.concat(lines, "\n") .. "\n"
end

local function operation_list(prefix)
  local lines = {}
  for _, name in ipairs(operations.names()) do
    if prefix == "" or name:sub(1, #prefix + 1) == prefix .. "." then
      local operation = operations.describe(name)
      lines[#lines + 1] = ("  %-38s %s"):format(name, operation.summary)
    end
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or nil
end

local function recipe_help(name)
  for _, known in ipairs(recipe_names()) do
    if known == name then return require("anyreach.recipe").help(name) end
  end
end

local function command_help(name)
  for _, known in ipairs(command.names()) do
    if known == name then return arguments.help(command.get(name).spec) end
  end
end

local function refuse(topic)
  local names = operations.names()
  for _, name in ipairs(command.names()) do names[#names + 1] = name end
  for _, name in ipairs(recipe_names()) do names[#names + 1] = name end
  local near = operations.nearest(topic, names)
  errors.raise("command_line", "no help for '%s'%s", topic, near and ("; did you mean '%s'?"):format(near)
    or ": expected a command, a recipe or an operation")
end

local function text_for(topic)
  if not topic then return overview() end
  if topic == "operations" then return operation_list("") end
  topic = topic:gsub("^api%.", "")
  local operation = operations.describe(topic)
  return command_help(topic) or recipe_help(topic) or operation and operation_help(operation)
    or operation_list(topic) or refuse(topic)
end

local function run(given)
  io.stdout:write(text_for(given[1]))
end

return { spec = spec, run = run }
