-- What is remembered of what was typed: where, and what not.

local directory = require "anyreach.directory"
local disk = require "anyreach.disk"
local redact = require "anyreach.redact"
local user_paths = require "anyreach.account.user_paths"

local history = {}

-- Signs of a credential in an entry, in lower case.
local CREDENTIALS = {
  "%f[%w_]ak_[%w.-]", "%f[%w_]pat_[%w.-]", "%f[%w_]secret%s*[(\"'%[]", "authorization", "%f[%w_]bearer%s",
  "password%s*=", "api_key%s*=", "token%s*=%s*[\"'%[]",
}

--- Whether an entry may be remembered: not when it seems to hold a credential.
---@param entry string
---@return boolean
function history.keeps(entry)
  if redact(entry) ~= entry then return false end
  local lower = entry:lower()
  for _, pattern in ipairs(CREDENTIALS) do
    if lower:find(pattern) then return false end
  end
  return true
end

--- The file, made for the user alone when it is not there; nil when it cannot be.
---@return string|nil
function history.path()
  local path = user_paths.state "history"
  if not path then return nil end
  if not directory.kind(path) and not disk.write(path, "", { private = true }) then return nil end
  return path
end

return history
