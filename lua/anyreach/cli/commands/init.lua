-- The program's commands: each is a module here that returns {spec, run}. `run` gets what the spec's
-- options and operands were given; a command that reads its words by itself has `raw = true` and gets
-- them as they are. Its result is the exit code.

local arguments = require "anyreach.arguments"
local host = require "anyreach.host"

local command = {}

local PREFIX = "lua/anyreach/cli/commands/"

---@class anyreach.command
---@field spec anyreach.spec
---@field raw? boolean
---@field run fun(given: table): integer?

--- The names of all commands, sorted.
---@return string[]
function command.names()
  local names = {}
  for _, file in ipairs(host.embedded_names(PREFIX)) do
    local name = file:sub(#PREFIX + 1):match("^([^/]+)%.lua$")
    if name and name ~= "init" then names[#names + 1] = name end
  end
  return names
end

--- A command by its name.
---@param name string
---@return anyreach.command
function command.get(name)
  return require("anyreach.cli.commands." .. name)
end

--- Runs a command with its words, or prints its help when --help is among them.
---@param name string
---@param words string[]
---@return integer|nil exit code
function command.run(name, words)
  local found = command.get(name)
  if host.options.help and name ~= "help" then
    io.stdout:write(arguments.help(found.spec))
    return 0
  end
  return found.run(found.raw and words or arguments.parse(found.spec, words))
end

return command
