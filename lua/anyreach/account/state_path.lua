-- Where the program keeps what it remembers from run to run: $XDG_STATE_HOME/anyreach, without that
-- variable ~/.local/state/anyreach.

local function root()
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state and state:sub(1, 1) == "/" then return state end
  return home and home:sub(1, 1) == "/" and home .. "/.local/state" or nil
end

--- The path of a file there; nil when there is no such place.
---@param name string
---@return string|nil
local function state_path(name)
  local directory = root()
  return directory and directory .. "/anyreach/" .. name
end

return state_path
