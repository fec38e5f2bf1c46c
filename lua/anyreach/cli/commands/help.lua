-- anyreach help: the overview, topics, and what we know about a command, recipe, operation or namespace.

local arguments = require "anyreach.arguments"
local command = require "anyreach.cli.commands"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local operations = require "anyreach.operations"
local summaries = require "anyreach.cli.summaries"
local topics = require "anyreach.cli.topics"

local spec = {
  usage = "anyreach help [TOPIC | COMMAND | RECIPE | OPERATION | NAMESPACE | operations]",
  summary = "Explains a topic, a command, a recipe or an operation.",
  operands = { name = "at most one topic", max = 1 },
}

-- "  name    summary" for each of a list.
local function summary_lines(list)
  local width, lines = 0, {}
  for _, listed in ipairs(list) do width = math.max(width, #listed.name) end
  for i, listed in ipairs(list) do lines[i] = ("  %-" .. width .. "s  %s"):format(listed.name, listed.summary) end
  return table.concat(lines, "\n")
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
]]):format(summary_lines(summaries.commands), summary_lines(summaries.recipes),
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
]]):format(summary_lines(summaries.recipes))
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

local function is_listed(list, name)
  for _, listed in ipairs(list) do
    if listed.name == name then return true end
  end
end

local function recipe_help(name)
  return is_listed(summaries.recipes, name) and require("anyreach.recipe").help(name)
end

local function command_help(name)
  if name == "run" then return run_help() end
  return is_listed(summaries.commands, name) and arguments.help(command.get(name).spec)
end

local function refuse(topic)
  local names = operations.names()
  names[#names + 1] = "run"
  for _, listed in ipairs(summaries.commands) do names[#names + 1] = listed.name end
  for _, listed in ipairs(summaries.recipes) do names[#names + 1] = listed.name end
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
    color = require("anyreach.text.color").enabled "stdout",
  })
end

-- What has this name among ours: a command and a topic may share one.
local function own_text(name)
  local texts = {}
  for _, text_of in ipairs { command_help, recipe_help, topic_text } do texts[#texts + 1] = text_of(name) or nil end
  return texts[1] and table.concat(texts, "\n")
end

local function operation_text(topic)
  require("anyreach.openapi.live_documents").use_default()
  if topic == "operations" then return operation_list("") end
  local operation = operations.describe(topic)
  return operation and require("anyreach.openapi.help").text(operation) or operation_list(topic)
end

local function text_for(topic)
  if not topic then return overview() end
  topic = topic:gsub("^api%.", "")
  return own_text(topic) or operation_text(topic) or refuse(topic)
end

local function run(given)
  io.stdout:write(text_for(given[1]))
end

return { spec = spec, run = run }
