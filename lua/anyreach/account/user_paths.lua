-- Where the user's files of this program are, by the XDG Base Directory Specification: a variable that is unset,
-- or no absolute path, counts as its default below $HOME. Makes nothing.

local user_paths = {}

local function path_of(variable, default, name)
  local root, home = os.getenv(variable), os.getenv "HOME"
  if root and root:sub(1, 1) == "/" then return root .. "/anyreach/" .. name end
  return home and home:sub(1, 1) == "/" and ("%s/%s/anyreach/%s"):format(home, default, name) or nil
end

--- What a person wrote: $XDG_CONFIG_HOME/anyreach/NAME, or ~/.config/anyreach/NAME.
---@param name string
---@return string|nil path nil without an absolute HOME
function user_paths.config(name)
  return path_of("XDG_CONFIG_HOME", ".config", name)
end

--- What the program remembers from run to run: $XDG_STATE_HOME/anyreach/NAME, or ~/.local/state/anyreach/NAME.
---@param name string
---@return string|nil path nil without an absolute HOME
function user_paths.state(name)
  return path_of("XDG_STATE_HOME", ".local/state", name)
end

--- What can be fetched again: $XDG_CACHE_HOME/anyreach/NAME, or ~/.cache/anyreach/NAME.
---@param name string
---@return string|nil path nil without an absolute HOME
function user_paths.cache(name)
  return path_of("XDG_CACHE_HOME", ".cache", name)
end

return user_paths
