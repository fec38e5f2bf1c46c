-- anyreach help: the overview, topics, and what we know about a command, recipe, operation or namespace.

local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local command = require "anyreach.cli.commands"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local live_documents = require "anyreach.openapi.live_documents"
local operation_help = require "anyreach.openapi.help"
local operations = require "anyreach.operations"
local recipe = require "anyreach.recipe"
local topics = require "anyreach.cli.topics"

local spec = {
  usage = "anyreach help [TOPIC | COMMAND | RECIPE | OPERATION | NAMESPACE | operations]",
  summary = "Explains a topic, a command, a recipe or an operation.",
  operands = { name = "at most one topic", max = 1 },
}

-- "  name    summary" for each name.
local function summary_lines(names, spec_of)
  local width, lines = 0, {}
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for i, name in ipairs(names) do
    lines[i] = ("  %-" .. width .. "s  %s"):format(name, spec_of(name).summary)
  end
  return table.concat(lines, "\n")
end

local function command_spec(name)
  return command.get(name).spec
end

-- Names with commas, on lines that are no longer than the others.
local function list_text(names)
  return (table.concat(names, ", "):gsub(("."):rep(80) .. "%S* ", "%0\n  "):gsub(" \n", "\n"))
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

Recipes:
%s

Options:
%s

Topics: %s

'anyreach help NAME' explains a command, a recipe, an operation or a topic; start with 'anyreach help tutorial'.

The credential is in ANYREACH_TOKEN (ak_… or pat_…), where a pat_ token also needs ANYREACH_ORG_ID, or in
a profile: 'anyreach help profiles'.
Try it without one:  anyreach --sandbox -e 'print(anyreach.client().agents.create{ name = "Ada" }.id)'
]]):format(summary_lines(command.names(), command_spec), summary_lines(recipe.names(), recipe.spec),
    arguments.global_options(), list_text(topics.names()))
end

local function run_help()
  return ([[
usage: anyreach [OPTIONS] run RECIPE [ARGUMENTS]
       anyreach [OPTIONS] run SCRIPT.lua [ARGUMENTS]

Runs a bundled recipe by its name, or a script by its path.

Recipes:
%s

'anyreach help RECIPE' explains one. Words after a script's name belong to the script: global options go before it.
]]):format(summary_lines(recipe.names(), recipe.spec))
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
  for _, known in ipairs(recipe.names()) do
    if known == name then return recipe.help(name) end
  end
end

local function command_help(name)
  if name == "run" then return run_help() end
  for _, known in ipairs(command.names()) do
    if known == name then return arguments.help(command_spec(name)) end
  end
end

local function refuse(topic)
  local names = operations.names()
  names[#names + 1] = "run"
  for _, name in ipairs(command.names()) do names[#names + 1] = name end
  for _, name in ipairs(recipe.names()) do names[#names + 1] = name end
  for _, name in ipairs(topics.names()) do names[#names + 1] = name end
  for _, name in ipairs(operations.names()) do names[#names + 1] = name:match "^(.*)%." end
  local near = operations.nearest(topic, names)
  errors.raise("command_line", "no help for '%s'%s", topic, near and ("; did you mean '%s'?"):format(near)
    or ": expected a topic, a command, a recipe or an operation; 'anyreach help' lists them")
end

local function topic_text(name)
  local blocks = topics.get(name)
  if not blocks then return nil end
  return require("anyreach.text.markdown_text").write(blocks, {
    width = host.terminal_size "stdout",
    color = color.enabled "stdout",
  })
end

-- What has this name among ours: a command and a topic may share one.
local function own_text(name)
  local texts = {}
  for _, text_of in ipairs { command_help, recipe_help, topic_text } do texts[#texts + 1] = text_of(name) end
  return texts[1] and table.concat(texts, "\n")
end

local function text_for(topic)
  if not topic then return overview() end
  if topic == "operations" then return operation_list("") end
  topic = topic:gsub("^api%.", "")
  local operation = operations.describe(topic)
  return own_text(topic) or operation and operation_help.text(operation) or operation_list(topic) or refuse(topic)
end

local function run(given)
  live_documents.use_default()
  io.stdout:write(text_for(given[1]))
end

return { spec = spec, run = run }
