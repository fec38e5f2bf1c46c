-- What agent files may read: a tag !file leads to files below the repository that its file is in, so that an agent file
-- from elsewhere cannot carry off keys and passwords. Without a repository it is the directory above the one of the
-- agent files, which has the prompts beside them. --allow-read adds directories for the whole run. Links are followed
-- first: where they end counts.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local missing_path = require("anyreach.text.messages").missing_path

local reach = {}

local allowed = {} -- resolved directories
local roots = {} -- resolved directory of files -> what they may read

--- The option of recipes that adds directories.
---@type anyreach.option
reach.option = { name = "allow-read", value = "DIR", many = true,
  help = "!file may also read files below this directory, outside the repository" }

--- Adds directories that all agent files may read.
---@param paths string[]|nil
function reach.allow(paths)
  for _, path in ipairs(paths or {}) do
    local resolved, message = directory.resolved(path)
    if not resolved then errors.raise("input", "%s", missing_path(path, message)) end
    if directory.kind(resolved) ~= "directory" then errors.raise("input", "%s: expected a directory", path) end
    allowed[#allowed + 1] = resolved
  end
end

local function parent_of(path)
  return path:match("^(.+)/[^/]*$") or "/"
end

local function find_root(folder)
  local place = folder
  repeat
    if directory.kind((place == "/" and "" or place) .. "/.git") then return place end
    local is_top = place == "/"
    place = parent_of(place)
  until is_top
  return parent_of(folder:match("^(.+)/environments$") or folder)
end

-- What a file may read: the repository's top directory, or the one above its own.
local function root_of(file)
  local folder = directory.resolved(file:match("^(.*/)") or ".")
  if not folder then return nil end
  roots[folder] = roots[folder] or find_root(folder)
  return roots[folder]
end

--- The directories above a file, from the repository's top (or the one above the file's own) down to its own; none
--- when there is no such directory.
---@param file string
---@return string[] without links
function reach.folders(file)
  local folder, root, list = directory.resolved(file:match("^(.*/)") or "."), root_of(file), {}
  while folder do
    table.insert(list, 1, folder)
    if folder == root or folder == "/" then break end
    folder = parent_of(folder)
  end
  return list
end

local function is_below(path, root)
  return root == "/" or path == root or path:sub(1, #root + 1) == root .. "/"
end

-- The path without links; of one that is not there, the part that is decides.
local function resolve(path)
  local rest = ""
  while true do
    local resolved = directory.resolved(path == "" and "." or path)
    if resolved then return resolved .. rest end
    local parent, name = path:match("^(.-)/*([^/]+)/*$")
    if not name then return nil end
    if parent == "" and path:sub(1, 1) == "/" then parent = "/" end
    path, rest = parent, "/" .. name .. rest
  end
end

--- Why a file may not be read or written by what another one says, or nil.
---@param file string which names it
---@param path string
---@return string|nil problem
function reach.problem(file, path)
  local resolved, root = resolve(path), root_of(file)
  if not resolved or not root or is_below(resolved, root) then return nil end
  for _, extra in ipairs(allowed) do
    if is_below(resolved, extra) then return nil end
  end
  return ("%s: it is outside %s; --allow-read %s permits it"):format(path, root, parent_of(resolved))
end

return reach
