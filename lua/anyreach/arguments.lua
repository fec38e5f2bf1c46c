-- Command-line arguments of commands and recipes: parsed by a declaration, which --help prints.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local operations = require "anyreach.operations"

local arguments = {}

---@class anyreach.option
---@field name string without the dashes
---@field letter? string
---@field value? string what the value is called; without it the option is a flag
---@field value_is_optional? boolean the value comes after "=", or not at all; then it is true
---@field type? "integer"|"number"|"string"
---@field many? boolean may be given again; the result is a list
---@field writes? string[] of a recipe: operations that it may use to change something when this option is given
---@field help string

---@class anyreach.spec
---@field usage string one line
---@field summary string one line
---@field options? anyreach.option[]
---@field operands? {name: string, min?: integer, max?: integer, commands?: {name: string, help: string}[]} commands:
--- what the first operand may be, for completion and arguments.command
---@field writes? string[] of a recipe: operations that it may use to change something; all others are refused
---@field notes? string further paragraphs of the help
---@field exit_codes? table<integer, string|false> of a recipe: what each means; those of all recipes are added

--- Raises wrong usage of a command (exit 64), with how it is used.
---@param spec anyreach.spec
---@param format string
function arguments.fail(spec, format, ...)
  errors.raise("command_line", "%s\nusage: %s", format:format(...), spec.usage)
end

-- A global option by its name, or a flag by its letter. Those of commands and recipes are taken before we are
-- asked; those of a script are its own, and at the prompt it is too late for them.
local function global_option(name, letter)
  for _, option in ipairs(host.option_rows()) do
    local is_flag = not option.value_name
    if option.name == name or letter and is_flag and option.letter == letter then return option end
  end
end

local function refuse_global(spec, option)
  local script = arg[0] ~= "anyreach" and arg[0]
  arguments.fail(spec, "--%s is an option of the program: put it before %s", option.name, script or "the command")
end

local function find(spec, word)
  local name, value = word:match("^%-%-([^=]+)=(.*)$")
  name = name or word:match("^%-%-(.+)$")
  local letter = not name and word:match("^%-(%a)$")
  for _, option in ipairs(spec.options or {}) do
    if option.name == name or letter and option.letter == letter then return option, value end
  end
  local global = global_option(name, letter)
  if global then refuse_global(spec, global) end
  local names = {}
  for _, option in ipairs(spec.options or {}) do names[#names + 1] = option.name end
  for _, option in ipairs(host.option_rows()) do names[#names + 1] = option.name end
  local near = name and operations.nearest(name, names)
  arguments.fail(spec, "unknown option '%s'%s", word, near and ("; did you mean '--%s'?"):format(near) or "")
end

local function convert(spec, option, value)
  if option.type == "integer" then
    local number = math.tointeger(tonumber(value))
    if not number then arguments.fail(spec, "--%s: expected an integer, got '%s'", option.name, value) end
    return number
  elseif option.type == "number" then
    local number = tonumber(value)
    if not number then arguments.fail(spec, "--%s: expected a number, got '%s'", option.name, value) end
    return number
  end
  return value
end

local function store(given, option, value)
  local key = option.name:gsub("%-", "_")
  if option.many then
    given[key] = given[key] or {}
    table.insert(given[key], value)
  else
    given[key] = value
  end
end

local function option_lines(options)
  local lines, width = {}, 0
  for _, option in ipairs(options) do
    local left = (option.letter and "-" .. option.letter .. ", " or "    ") .. "--" .. option.name
    local value = option.value or option.value_name
    if value then left = left .. (option.value_is_optional and "[=" .. value .. "]" or " " .. value) end
    lines[#lines + 1] = { left, option.help }
    width = math.max(width, #left)
  end
  for i, line in ipairs(lines) do lines[i] = ("  %-" .. width .. "s  %s"):format(line[1], line[2]) end
  return table.concat(lines, "\n")
end

--- The exit codes of a declaration and what they mean, as a paragraph of the help; nil when it names none.
---@param spec anyreach.spec
---@return string|nil
function arguments.exit_codes(spec)
  local codes, lines = {}, {}
  for code, meaning in pairs(spec.exit_codes or {}) do
    if meaning then codes[#codes + 1] = code end
  end
  table.sort(codes)
  for index, code in ipairs(codes) do lines[index] = ("  %3d  %s"):format(code, spec.exit_codes[code]) end
  return #lines > 0 and "Exit codes:\n" .. table.concat(lines, "\n") or nil
end

--- The help text of a declaration.
---@param spec anyreach.spec
---@return string
function arguments.help(spec)
  local parts = { "usage: " .. spec.usage, spec.summary }
  if spec.options and #spec.options > 0 then parts[#parts + 1] = "Options:\n" .. option_lines(spec.options) end
  parts[#parts + 1] = spec.notes
  parts[#parts + 1] = arguments.exit_codes(spec)
  return table.concat(parts, "\n\n") .. "\n"
end

--- The global options as help lines.
---@return string
function arguments.global_options()
  return option_lines(host.option_rows())
end

--- Checks that a word is one of the commands that the operands of a declaration may begin with.
---@param spec anyreach.spec
---@param word string
---@return string word
function arguments.command(spec, word)
  local names = {}
  for index, row in ipairs(spec.operands.commands) do
    if row.name == word then return word end
    names[index] = row.name
  end
  local near = operations.nearest(word, names)
  arguments.fail(spec, "unknown command '%s'; %s", word, near and ("did you mean '%s'?"):format(near)
    or "expected one of " .. table.concat(names, ", "))
end

local function check_operands(spec, operands)
  local rule = spec.operands or { max = 0 }
  if #operands < (rule.min or 0) then arguments.fail(spec, "expected %s", rule.name) end
  if rule.max and #operands > rule.max then
    arguments.fail(spec, "unexpected argument '%s'", operands[rule.max + 1])
  end
end

--- Parses the words after a command or recipe.
---@param spec anyreach.spec
---@param words string[]
---@return table given options by name, with '_' for '-'; the operands at 1, 2, …
function arguments.parse(spec, words)
  local given, index, only_operands = {}, 1, false
  while index <= #words do
    local word = words[index]
    if only_operands or not word:match("^%-.") then
      given[#given + 1] = word
    elseif word == "--" then
      only_operands = true
    else
      local option, value = find(spec, word)
      if not option.value or option.value_is_optional and not value then
        if value then arguments.fail(spec, "--%s takes no value", option.name) end
        value = true
      elseif not value then
        index = index + 1
        value = words[index] or arguments.fail(spec, "--%s needs a value: %s", option.name, option.value)
      end
      store(given, option, value == true or convert(spec, option, value))
    end
    index = index + 1
  end
  check_operands(spec, given)
  return given
end

return arguments
