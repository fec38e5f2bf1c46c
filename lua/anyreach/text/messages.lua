-- Parts of messages: a value in words, and a path that does not exist, with the nearest one that does.

local json = require "anyreach.json"
local operations = require "anyreach.operations"

local messages = {}

local SHOWN_MAX = 40 -- characters of a text

-- A reference (yaml/reference.lua) is known by its metatable's name: texts need nothing of what they speak of.
local function is_reference(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and metatable.__name == "anyreach.reference"
end

--- A value in words: the text "x", a list, the number 5.
---@param value any
---@return string
function messages.value_in_words(value)
  if value == nil or value == json.null then return "nothing" end
  if type(value) == "string" then
    local cut = SHOWN_MAX + 1
    if utf8.len(value) then cut = utf8.offset(value, cut) or #value + 1 end
    if cut <= #value then value = value:sub(1, cut - 1) .. "…" end
    return "the text " .. json.encode(value, { invalid_bytes = "replace" })
  end
  if is_reference(value) then return "the reference " .. tostring(value) end
  if json.is_array(value) then return "a list" end
  if type(value) == "table" then return "a mapping" end
  if type(value) == "number" or json.is_number(value) then return "the number " .. tostring(value) end
  return type(value) == "boolean" and tostring(value) or "a secret"
end

-- The path that was meant, or nil. What is wrong may be a directory further up.
local function nearest(path)
  local directory = require "anyreach.directory" -- which states without files lack
  local parent, name = path:match "^(.*/)([^/]+)/*$"
  if not parent then parent, name = "", path:match "^[^/]*" end
  if parent ~= "" and not directory.kind(parent) then
    local meant = nearest(parent)
    if not meant or meant .. "/" == parent then return meant end -- the parent is there, and a file
    local whole = meant .. "/" .. name
    return directory.kind(whole) and whole or nearest(whole) or meant
  end
  local near = operations.nearest(name, directory.names(parent == "" and "." or parent) or {})
  return near and parent .. near
end

--- What the system says about a path; when nothing is there, with the path that may be meant.
---@param path string
---@param message string such as "agnts: No such file or directory"
---@return string
function messages.missing_path(path, message)
  local meant = not require("anyreach.directory").kind(path) and nearest(path)
  if not meant or meant == path then return message end
  return ("%s; did you mean '%s'?"):format(message, meant)
end

return messages
