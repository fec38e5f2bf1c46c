-- Markers in texts, ${NAME} and @@NAME@@ with a name in capitals: other tools replace them, so one that is left is
-- most likely a mistake. Where one is meant, its first sign is doubled in an agent file, $${NAME} and @@@@NAME@@, or
-- its name is in the file's list allow_markers. Texts behind !file are taken as they are. Here are both directions,
-- for the reader and for all that write agent files: read(escape(text, allowed), allowed) is the text. Pure.

local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local markers = {}

-- The pattern captures the signs in front, the rest, and the name. Fewer signs than `escaped` are a marker; an escape
-- adds `sign` to however many there are.
local FORMS = {
  { pattern = "(%$+)({(%u[%u%d_]*)})", sign = "$", escaped = 2 },
  { pattern = "(@@+)((%u[%u%d_]*)@@)", sign = "@@", escaped = 4 },
}

--- The text that a scalar of an agent file stands for, without escapes.
---@param text string
---@param allowed? table<string, any> names of markers that are meant
---@return string
---@return string|nil marker the first one that is neither escaped nor allowed
function markers.read(text, allowed)
  local found
  for _, form in ipairs(FORMS) do
    text = text:gsub(form.pattern, function(signs, rest, name)
      if #signs >= form.escaped then return signs:sub(#form.sign + 1) .. rest end
      if not (allowed and allowed[name]) then found = found or form.sign .. rest end
    end)
  end
  return text, found
end

--- The first marker in a text that is taken as it is.
---@param text string
---@param allowed? table<string, any> names of markers that are meant
---@return string|nil
function markers.find(text, allowed)
  for _, form in ipairs(FORMS) do
    for _, rest, name in text:gmatch(form.pattern) do
      if not (allowed and allowed[name]) then return form.sign .. rest end
    end
  end
end

--- The scalar that stands for a text in an agent file.
---@param text string
---@param allowed? table<string, any> names of markers that are meant
---@return string
function markers.escape(text, allowed)
  for _, form in ipairs(FORMS) do
    text = text:gsub(form.pattern, function(signs, rest, name)
      if #signs < form.escaped and allowed and allowed[name] then return nil end
      return form.sign .. signs .. rest
    end)
  end
  return text
end

local function map_texts(value, change)
  if type(value) == "string" then return change(value) end
  if type(value) ~= "table" or json.is_number(value) or reference.is_reference(value) or yaml.is_tag(value) then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = map_texts(part, change) end
  return copy
end

--- A copy of a value with all its texts escaped, except those in tags.
---@generic T
---@param value T
---@param allowed? table<string, any>
---@return T
function markers.escape_all(value, allowed)
  return map_texts(value, function(text) return markers.escape(text, allowed) end)
end

--- A copy of a value as it is written, with the texts that its scalars stand for; tags stay.
---@generic T
---@param value T
---@param allowed? table<string, any>
---@return T
function markers.read_all(value, allowed)
  return map_texts(value, function(text) return (markers.read(text, allowed)) end)
end

--- The names that the key allow_markers of a file lists, as a set.
---@param value any the mapping of the file
---@return table<string, true>
function markers.allowed(value)
  local names, list = {}, type(value) == "table" and value.allow_markers
  for _, name in ipairs(type(list) == "table" and list or {}) do
    if type(name) == "string" then names[name] = true end
  end
  return names
end

--- Adds a problem for each element of allow_markers that is no name of a marker.
---@param doc anyreach.document
function markers.check(doc)
  local list = doc.value.allow_markers
  if list == nil then return end
  if not json.is_array(list) then
    return doc:problem(doc.value, "allow_markers", "allow_markers: expected a list of names, such as [CLINIC]")
  end
  for index, name in ipairs(list) do
    if type(name) ~= "string" or not name:find("^%u[%u%d_]*$") then
      doc:problem(list, index, "allow_markers[%d]: expected a name in capitals, such as CLINIC", index)
    end
  end
end

return markers
