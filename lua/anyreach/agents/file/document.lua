-- One file of agent files as it was read: its value, and where in the file each part of it is, so that a problem
-- can be reported with file, line and column. JSON files have no positions inside; there the message alone names
-- the part. Problems with files are gathered as {path = place, message =} and raised as one error; a place is
-- "file:line:column", or "file" where no more is known. What is only doubtful is gathered beside them, in the list's
-- field `warnings`.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local yaml = require "anyreach.yaml"

---@class anyreach.document
---@field file string
---@field value any
---@field secrets anyreach.secret[] what its tags took from the environment and no output may show
---@field references {reference: anyreach.reference, place: string, path: string}[] that its tags name
---@field environment string|nil the environment file whose values were merged into it
---@field plain table how plain scalars of YAML are spelled: container -> key -> see yaml.decode
---@field text string|nil of the file, if it is YAML
---@field lines string[]|nil of the text, where that is looked at
---@field problems anyreach.problems shared by all documents of one reading
---@field allowed_markers table<string, true>|nil names of markers that are meant where they stand
local Document = {}
Document.__index = Document

---@class anyreach.problem
---@field path string its place
---@field message string
---@field excerpt string|nil lines of the file

---@class anyreach.problems : anyreach.problem[]
---@field warnings anyreach.problem[]|nil

local document = {}

local function parse_yaml(text, path)
  local value, positions, plain = files.decode_yaml(text, { name = path, plain = true })
  return value, positions, plain, text
end

local function parse_json(text, path)
  local ok, value = pcall(json.decode, text)
  if not ok then errors.raise("input", "%s: %s", path, value) end
  return value
end

-- The extensions of agent files, and how each is read.
local parsers = { yaml = parse_yaml, yml = parse_yaml, json = parse_json }

-- {====== problems ======

--- Adds a problem to a list.
---@param list table[]
---@param place string
---@param format string
function document.add_problem(list, place, format, ...)
  list[#list + 1] = { path = place, message = format:format(...) }
end

--- Adds a warning to the warnings of a list of problems.
---@param list anyreach.problems
---@param place string
---@param format string
function document.add_warning(list, place, format, ...)
  list.warnings = list.warnings or {}
  document.add_problem(list.warnings, place, format, ...)
end

--- Sorts problems by file, in the order in which they were read, then by line.
---@param list anyreach.problem[]
---@param files_read string[]
function document.sort_problems(list, files_read)
  local order, keys = {}, {}
  for index, file in ipairs(files_read) do order[file] = order[file] or index end
  for _, problem in ipairs(list) do
    local file, line = problem.path:match("^(.-):(%d+):%d+$")
    keys[problem] = { order[file or problem.path] or 0, tonumber(line) or 0, problem.message }
  end
  table.sort(list, function(a, b)
    for part = 1, 3 do
      if keys[a][part] ~= keys[b][part] then return keys[a][part] < keys[b][part] end
    end
    return false
  end)
end

--- Raises one error of kind "input" that lists the problems, if there are any.
---@param list {path: string, message: string}[]
---@param files_read string[] in the order in which their problems are listed
function document.raise_problems(list, files_read)
  if #list == 0 then return end
  document.sort_problems(list, files_read)
  error(errors.make { kind = "input", problems = list }, 0)
end

-- }======

---@param file string
---@return string|nil extension if it is one that agent files have
function document.extension(file)
  local extension = file:match("%.(%w+)$")
  return parsers[extension] and extension
end

-- The readers begin their messages with the file, and with the place when they know it.
local function unreadable(file, err)
  if err.problems then return err.problems[1] end
  local message = err.message
  if message:sub(1, #file) ~= file then return { path = "", message = message } end
  local rest = message:sub(#file + 1)
  local place = rest:match("^:%d+:%d+") or ""
  return { path = file .. place, message = (rest:sub(#place + 1):gsub("^: ", "")) }
end

--- A document of a value that was not read from a file.
---@param value table
---@param file string that problems name
---@param problems anyreach.problems to which problems are added
---@return anyreach.document
function document.of(value, file, problems)
  return setmetatable({ file = file, value = value, positions = {}, plain = {}, secrets = {}, references = {},
    problems = problems }, Document)
end

--- Reads a file. If that fails, the reason is added to the problems and the result is nil.
---@param file string with the extension of an agent file
---@param problems table[] to which problems are added
---@return anyreach.document|nil
function document.read(file, problems)
  local ok, text = pcall(files.read_file, file)
  if ok then return document.parse(file, text, problems) end
  if not errors.is_error(text) then error(text, 0) end
  problems[#problems + 1] = unreadable(file, text)
end

--- Reads the text of a file, which need not be there. If that fails, the reason is added to the problems and the result
--- is nil.
---@param file string with the extension of an agent file
---@param bytes string
---@param problems table[] to which problems are added
---@return anyreach.document|nil
function document.parse(file, bytes, problems)
  local ok, value, positions, plain, text = pcall(parsers[document.extension(file)], bytes, file)
  if not ok then
    if not errors.is_error(value) then error(value, 0) end
    problems[#problems + 1] = unreadable(file, value)
    return nil
  end
  return setmetatable({
    file = file,
    value = value,
    positions = positions or {},
    plain = plain or {},
    text = text,
    secrets = {},
    references = {},
    problems = problems,
  }, Document)
end

-- What we know about where a key or element is; `file` is set when that is another file.
local function position(self, container, key)
  local places = self.positions[container]
  return places and (places[key or 0] or places[0]) or {}
end

--- Where a key or element is, or the container itself when no key is given.
---@param container table
---@param key? string|integer
---@return string "file:line:column", or "file" where that is not known
function Document:place(container, key)
  local place = position(self, container, key)
  local file = place.file or self.file
  return place.line and ("%s:%d:%d"):format(file, place.line, place.column) or file
end

--- The file that a value comes from: the document's own, or the one that Document:take copied it from.
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

--- Sets a key to a copy of the value that a container of another document has under it. Its places stay in the
--- file that they are from.
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

--- Adds a problem with a key or element.
---@param container any
---@param key string|integer|nil
---@param format string
function Document:problem(container, key, format, ...)
  document.add_problem(self.problems, self:place(container, key), format, ...)
end

--- Adds a warning about a key or element.
---@param container any
---@param key string|integer|nil
---@param format string
function Document:warning(container, key, format, ...)
  document.add_warning(self.problems, self:place(container, key), format, ...)
end

--- Adds a warning about a place in the document's own file.
---@param place {line: integer, column: integer}
---@param format string
function Document:warning_at(place, format, ...)
  document.add_warning(self.problems, ("%s:%d:%d"):format(self.file, place.line, place.column), format, ...)
end

--- Adds a problem with the value at a path such as "config.tools[1].name", unless it is a tag that could not be
--- resolved: that is a problem already.
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
