-- Files that note what a recipe is about to do, written before the request that does it, so that another run can
-- complete what an interrupted one began. A file that cannot be read is an error, never taken for none: the run
-- would begin anew what was done by half.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"

local state_file = {}

--- The value of a state file, or nil when there is no file. Anything but a valid value raises an error of kind
--- "input".
---@param path string
---@param is_valid fun(value: any): boolean
---@param expected string what was expected, for the message
---@return any
function state_file.read(path, is_valid, expected)
  if not directory.kind(path) then return nil end
  local value = files.read_json(path)
  if is_valid(value) then return value end
  errors.raise("input", "%s: expected %s", path, expected)
end

return state_file
