local files = require "anyreach.files"
local directory = require "anyreach.directory"
local M = {}
function M.ids(given, account)
  local name = given or account.environment or account.profile
  if not name then return nil end
  local path = name:find("[/.]") and name or "environments/" .. name .. ".yaml"
  if not given and not directory.kind(path) then return nil end
  return (files.read_yaml(path)).references
end
return M
