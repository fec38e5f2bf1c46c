-- What can be typed on the command line, for completion: written as functions of the POSIX shell, which
-- bash and zsh read as they are and fish hands to sh. They are:
--
--   _anyreach_candidates WORD…   the words before the cursor and the one at it; prints what may follow
--                                there, a line each: WORD<tab>DESCRIPTION, or :files for file names
--   _anyreach_words KEY          the same for a place: "COMMAND", "COMMAND FIRST-OPERAND", or with the second, too
--   _anyreach_options KEY        the options there
--   _anyreach_values KEY         the values of an option: "COMMAND FIRST-OPERAND --OPTION"
--   _anyreach_takes_value KEY    whether "COMMAND --OPTION" is followed by a value
--   _anyreach_profiles           the profiles that exist when it is called: the program lists them

local command = require "anyreach.cli.commands"
local host = require "anyreach.host"
local live_documents = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local recipe = require "anyreach.recipe"
local topics = require "anyreach.cli.topics"

local completion = {}

local FILES = ":files"
local SHELLS = { "bash", "fish", "zsh" }
local PROFILES = ":profiles"
local FILE_NAMES = { FILE = true, DIR = true, DIRECTORY = true, SCRIPT = true, PATH = true } -- of values
local DESCRIPTION_LENGTH = 70 -- bytes at which a description is cut off, at the end of a word

local CANDIDATES = [=[
_anyreach_profiles() {
  command anyreach profile list 2>/dev/null </dev/null | sed 's/^[* ] \([^ ]*\).*/\1/'
}

_anyreach_candidates() {
  local command='' first='' second='' option='' word=''
  while [ $# -gt 1 ]; do
    word=$1
    shift
    if [ -n "$option" ]; then
      option=''
      continue
    fi
    case $word in
    --*=*) ;;
    -*) if _anyreach_takes_value "$command $word"; then option=$word; fi ;;
    *)
      if [ -z "$command" ]; then
        command=$word
      elif [ -z "$first" ]; then
        first=$word
      else
        second=${second:-$word}
      fi
      ;;
    esac
  done
  if [ -n "$option" ]; then
    _anyreach_values "$command $first $option"
    return
  fi
  case $1 in
  --*=*)
    option=${1%%=*}
    _anyreach_values "$command $first $option" | while IFS= read -r word; do
      if [ "$word" = :files ]; then printf ':files\n'; else printf '%s=%s\n' "$option" "$word"; fi
    done
    ;;
  -*)
    _anyreach_options "$command $first"
    ;;
  *) _anyreach_words "$command${first:+ }$first${second:+ }$second" ;;
  esac
}
]=]

-- {====== lines ======

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function shorten(text)
  text = text:gsub("[%c:]+", " "):match("^(.-)%. %u") or text:gsub("[%c:]+", " ")
  if #text <= DESCRIPTION_LENGTH then return text end
  return text:sub(1, DESCRIPTION_LENGTH):gsub("%s+%S*$", "") .. "…"
end

local function line(word, description)
  return word .. (description and "\t" .. shorten(description) or "")
end

-- A function that prints, for its argument, the lines that belong to it. `cases` are {pattern, lines};
-- `common` is printed whatever the argument is. The line PROFILES alone stands for all profiles.
local function lines_function(name, cases, common)
  local out = { name .. "() {" }
  if common then out[#out + 1] = "  printf '%s\\n' " .. common end
  out[#out + 1] = '  case $1 in'
  for _, case in ipairs(cases) do
    local words = {}
    for i, text in ipairs(case[2]) do words[i] = quote(text) end
    local action = #words > 0 and "printf '%s\\n' " .. table.concat(words, " ") .. " " or ""
    if case[2][1] == PROFILES then action = "_anyreach_profiles " end
    out[#out + 1] = ("  %s) %s;;"):format(case[1], action)
  end
  out[#out + 1] = "  esac\n}\n"
  return table.concat(out, "\n")
end

-- }======

-- {====== words ======

local function operation_lines()
  local list = {}
  for _, name in ipairs(operations.names()) do list[#list + 1] = line(name, operations.describe(name).summary) end
  return list
end

local function command_lines()
  local list = { line("run", "Runs a bundled recipe, or a script.") }
  for _, name in ipairs(command.names()) do list[#list + 1] = line(name, command.get(name).spec.summary) end
  return list
end

local function recipe_lines()
  local list = {}
  for _, name in ipairs(recipe.names()) do list[#list + 1] = line(name, recipe.spec(name).summary) end
  return list
end

local function topic_lines()
  local list = {}
  for _, name in ipairs(topics.names()) do list[#list + 1] = line(name, topics.title(name)) end
  return list
end

local function join(...)
  local list = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #list + 1, list) end
  return list
end

-- What the words of a recipe begin with, where it declares that.
local function recipe_cases()
  local cases = {}
  for _, name in ipairs(recipe.names()) do
    local list, operands = {}, recipe.spec(name).operands
    for _, row in ipairs(operands and operands.commands or {}) do list[#list + 1] = line(row.name, row.help) end
    if #list > 0 then cases[#cases + 1] = { quote("run " .. name), list } end
  end
  return cases
end

local function word_cases()
  local commands, recipes, all = command_lines(), recipe_lines(), operation_lines()
  return join(recipe_cases(), {
    { "''", join(commands, { FILES }) },
    { "call|'api show'", all },
    { "help", join(commands, recipes, topic_lines(), { line("operations", "Lists all operations.") }, all) },
    { "run", join(recipes, { FILES }) },
    { "recipes", recipes },
    { "api", { line("list", "Lists the operations."), line("show", "Explains an operation."),
      line("update", "Adopts what the API has changed.") } },
    { "profile", { line("add", "Adds a profile."), line("list", "Lists the profiles."),
      line("show", "Shows the settings of a profile."), line("test", "Asks the API about its credential."),
      line("use", "Makes a profile the default.") } },
    { "'profile show'|'profile test'|'profile use'", { PROFILES } },
    { "completion", SHELLS },
    { "'api '*|'call '*|'completion '*|'help '*|'profile '*|'recipes '*|sandbox*|doctor*", {} },
    { "*", { FILES } },
  })
end

-- }======

-- {====== options and values ======

local function option_lines(options)
  local list = {}
  for _, option in ipairs(options or {}) do
    if option.name:find("^%l") then list[#list + 1] = line("--" .. option.name, option.help) end
  end
  return list
end

-- The fields that a call can give: of the query, then of the body.
local function fields_of(operation)
  return join(operation.parameters, operation.body and operation.body.fields or {})
end

local function field_lines(operation)
  local list = {}
  for _, field in ipairs(fields_of(operation)) do
    list[#list + 1] = line("--" .. field.name, field.summary)
  end
  return list
end

local function option_cases()
  local cases = {}
  for _, name in ipairs(operations.names()) do
    local list = join(field_lines(operations.describe(name)), option_lines(command.get("call").spec.options))
    cases[#cases + 1] = { quote("call " .. name), list }
  end
  for _, name in ipairs(recipe.names()) do
    cases[#cases + 1] = { quote("run " .. name), option_lines(recipe.spec(name).options) }
  end
  for _, name in ipairs(command.names()) do
    cases[#cases + 1] = { quote(name .. " ") .. "*", option_lines(command.get(name).spec.options) }
  end
  return cases
end

local function value_lines(schema)
  if schema.items then return value_lines(schema.items) end
  local list = { table.unpack(schema.choices or {}) }
  for _, name in ipairs(schema.types) do
    if name == "boolean" and #schema.types <= 2 then list = join(list, { "true", "false" }) end
  end
  return list
end

-- What may follow a declared option, by what its value is called: words, profiles, files, or nothing we know.
local function option_value_lines(name)
  if name == "WHEN" then return { "always", "auto", "never" } end
  if name == "PROFILE" then return { PROFILES } end
  if name == name:lower() then return { name } end
  for word in name:gmatch "%u+" do
    if FILE_NAMES[word] then return { FILES } end
  end
  return {}
end

local function add_option_values(cases, prefix, options)
  for _, option in ipairs(options or {}) do
    local name = option.value or option.value_name
    if name then cases[#cases + 1] = { prefix .. quote(" --" .. option.name), option_value_lines(name) } end
  end
end

local function value_cases()
  local cases = {}
  for _, name in ipairs(operations.names()) do
    for _, field in ipairs(fields_of(operations.describe(name))) do
      local list = value_lines(field.schema)
      if #list > 0 then cases[#cases + 1] = { quote(("call %s --%s"):format(name, field.name)), list } end
    end
  end
  for _, name in ipairs(command.names()) do
    add_option_values(cases, quote(name .. " ") .. "*", command.get(name).spec.options)
  end
  for _, name in ipairs(recipe.names()) do
    add_option_values(cases, quote("run " .. name), recipe.spec(name).options)
  end
  add_option_values(cases, "*", host.option_rows())
  cases[#cases + 1] = { "'call '*", {} }
  cases[#cases + 1] = { "*", { FILES } }
  return cases
end

-- Patterns of "COMMAND --OPTION": fields of a call, and options that are declared with a value.
local function value_patterns()
  local flags, patterns = {}, {}
  for _, option in ipairs(command.get("call").spec.options) do
    if not option.value then flags[#flags + 1] = quote("call --" .. option.name) end
  end
  local function add(prefix, options)
    for _, option in ipairs(options or {}) do
      local takes = (option.value or option.value_name) and not option.value_is_optional
      if takes then patterns[#patterns + 1] = prefix .. quote(" --" .. option.name) end
      if takes and option.letter then patterns[#patterns + 1] = prefix .. quote(" -" .. option.letter) end
      if not takes and option.value_name == nil and prefix == "*" then
        flags[#flags + 1] = quote("call --" .. option.name)
      end
    end
  end
  add("*", host.option_rows())
  for _, name in ipairs(command.names()) do add(name, command.get(name).spec.options) end
  for _, name in ipairs(recipe.names()) do add("run", recipe.spec(name).options) end
  return flags, patterns
end

local function takes_value_function()
  local flags, patterns = value_patterns()
  return ([[
_anyreach_takes_value() {
  case $1 in
  %s|'call --sandbox') return 1 ;;
  'call --'*|%s) return 0 ;;
  esac
  return 1
}
]]):format(table.concat(flags, "|"), table.concat(patterns, "|"))
end

-- }======

local function global_options()
  local words = {}
  for i, text in ipairs(option_lines(host.option_rows())) do words[i] = quote(text) end
  return table.concat(words, " ")
end

--- The functions that list what may be typed.
---@return string
function completion.functions()
  live_documents.use_default()
  return table.concat({
    lines_function("_anyreach_words", word_cases()),
    lines_function("_anyreach_options", option_cases(), global_options()),
    lines_function("_anyreach_values", value_cases()),
    takes_value_function(),
    CANDIDATES,
  }, "\n")
end

return completion
