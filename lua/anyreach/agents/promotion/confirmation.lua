-- A protected profile is written to only when somebody says so: with --yes or --write, or by typing its name
-- on a terminal.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local profiles = require "anyreach.account.profiles"

local confirmation = {}

local function can_ask()
  return host.is_terminal("stdin") and host.is_terminal("stderr") and not host.options.json
end

local function read_name(name)
  io.stderr:write(("the profile '%s' is protected; type its name to write to it: "):format(name))
  return (io.read("l") or ""):match("^%s*(.-)%s*$")
end

--- Asks whether a profile may be written to, if it is protected; without consent an error of kind "guard".
--- Clients that are made afterwards may write.
---@param name string of the profile
---@param is_agreed boolean|nil --yes was given
function confirmation.ask(name, is_agreed)
  local is_open = not profiles.get(name).protected or host.sandbox_url() or host.options.write
  if is_open then return end
  if not is_agreed then
    if not can_ask() then
      errors.raise("guard", "the profile '%s' is protected; --yes lets this run write to it", name)
    elseif read_name(name) ~= name then
      errors.raise("guard", "that is not '%s'; nothing was written", name)
    end
  end
  host.options.write = true
end

return confirmation
