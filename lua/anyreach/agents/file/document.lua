-- One file of agent files as it was read: its value, and where in the file each part of it stands, so
-- that a problem can be told with file, line and column. JSON files have no places inside; there the
-- message alone names the part.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

---@class anyreach.document
---@field file string
---@field value any
---@field secrets anyreach.secret[] what its tags took from the environment and must not be shown
---@field references {reference: anyreach.reference, place: string, path: string}[] that its tags name
---@field environment string|nil the environment file that has had its say
---@field problems {path: string, message: string}[] shared by all documents of one reading
local Document = {}
Document.__index = Document

local document = {}

--- The extensions of agent files, and how each is read.
document.readers = { yaml = files.read_yaml, yml = files.read_yaml, json = files.read_json }

---@param file string
---@return string|nil extension one that agent files have
function document.extension(file)
  local extension = file:match("%.(%w+)$")
  return document.readers[extension] and extension
end

-- The readers begin their messages with the file, and with the place when they know it.
local function unreadable(file, message)
  if message:sub(1, #file) ~= file then return { path = "", message = message } end
  local rest = message:sub(#file + 1)
  local place = rest:match("^:%d+:%d+") or ""
  return { path = file .. place, message = (rest:sub(#place + 1):gsub("^: ", "")) }
end

--- Reads a file; one that cannot be read is a problem and gives nil.
---@param file string with the extension of an agent file
---@param problems table[] to which problems are added
---@return anyreach.document|nil
function document.read(file, problems)
  local ok, value, positions = pcall(document.readers[document.extension(file)], file)
  if not ok then
    if not errors.is_error(value) then error(value, 0) end
    problems[#problems + 1] = unreadable(file, value.message)
    return nil
  end
  return setmetatable({
    file = file,
    value = value,
    positions = positions or {},
    secrets = {},
    references = {},
    problems = problems,
  }, Document)
end

-- What is known of where a key or element stands; `file` is in it when that is another one.
local function position(self, container, key)
  local places = self.positions[container]
  return places and (places[key or 0] or places[0]) or {}
end

--- Where a key or element stands, or a container itself when no key is given.
---@param container table
---@param key? string|integer
---@return string "file:line:column", or "file" where that is not known
function Document:place(container, key)
  local place = position(self, container, key)
  local file = place.file or self.file
  return place.line and ("%s:%d:%d"):format(file, place.line, place.column) or file
end

--- The file that a value comes from: the document's, or the one that it was taken over from.
---@param container table
---@return string
function Document:file_of(container)
  return position(self, container).file or self.file
end

-- A copy of a value of another document, with its places.
local function adopt(self, other, value)
  if type(value) ~= "table" or json.is_number(value) then return value end
  local copy, places = setmetatable({}, getmetatable(value)), {}
  for key, place in pairs(other.positions[value] or { [0] = {} }) do
    places[key] = { file = place.file or other.file, line = place.line, column = place.column }
  end
  for key, part in pairs(value) do copy[key] = adopt(self, other, part) end
  self.positions[copy] = places
  return copy
end

--- Sets a key to a copy of what another document has under it in a container of its own. Places are told in
--- the file that they are from.
---@param container table
---@param key string
---@param other anyreach.document
---@param from table
function Document:take(container, key, other, from)
  local place = position(other, from, key)
  self.positions[container] = self.positions[container] or { [0] = {} }
  self.positions[container][key] = { file = place.file or other.file, line = place.line, column = place.column }
  container[key] = adopt(self, other, from[key])
end

--- Notes a problem with a key or element.
---@param container any
---@param key string|integer|nil
---@param format string
function Document:problem(container, key, format, ...)
  table.insert(self.problems, { path = self:place(container, key), message = format:format(...) })
end

--- Notes a problem with the value at a path such as "config.tools[1].name". A tag there that could not
--- be resolved is a problem already.
---@param path string
---@param message string
function Document:problem_at(path, message)
  local container, key, value = self.value, nil, self.value
  for segment in path:gmatch("[^.%[%]]+") do
    if type(value) ~= "table" then break end
    container, key = value, math.tointeger(tonumber(segment)) or segment
    value = container[key]
  end
  if type(value) ~= "table" or not yaml.is_tag(value) then self:problem(container, key, "%s: %s", path, message) end
end

--- A value in words for a message.
document.describe = require("anyreach.text.messages").value_in_words

return document
