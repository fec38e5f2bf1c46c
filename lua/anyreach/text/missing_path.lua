-- Messages on a path that is not there: with the nearest one that is.

local directory = require "anyreach.directory"
local operations = require "anyreach.operations"

-- The path that was meant, or nil. What is wrong may be a directory further up.
local function nearest(path)
  local parent, name = path:match "^(.*/)([^/]+)/*$"
  if not parent then parent, name = "", path:match "^[^/]*" end
  if parent ~= "" and not directory.kind(parent) then
    local meant = nearest(parent)
    if not meant then return nil end
    local whole = meant .. "/" .. name
    return directory.kind(whole) and whole or nearest(whole) or meant
  end
  local near = operations.nearest(name, directory.names(parent == "" and "." or parent) or {})
  return near and parent .. near
end

--- What the system says of a path; when nothing is there, with the path that may be meant.
---@param path string
---@param message string such as "agnts: No such file or directory"
---@return string
return function(path, message)
  local meant = not directory.kind(path) and nearest(path)
  if not meant or meant == path then return message end
  return ("%s; did you mean '%s'?"):format(message, meant)
end
