-- What we know about the functions of `anyreach`, for completion and help: read from the annotations that
-- editors are given (src/gen/prelude.lua), which are embedded in the program.

local host = require "anyreach.host"

local library = {}

---@class anyreach.repl.parameter
---@field name string
---@field type string
---@field text string what it is, or ""

---@class anyreach.repl.function
---@field name string as it is called: "anyreach.map", "task:wait"
---@field parameters string[]
---@field known anyreach.repl.parameter[]
---@field returns string[]
---@field text string what it does

---@class anyreach.repl.class
---@field fields anyreach.repl.parameter[]

local SOURCE = "src/gen/prelude.lua"

-- The type ends at a space outside brackets that follows no colon: "{ a?: integer, b: string } what it is".
local function split_type(text)
  local depth = 0
  for at, c in text:gmatch "()([{}<>() ])" do
    local is_end = c == " " and depth == 0 and text:sub(at - 1, at - 1) ~= ":"
    if is_end then return text:sub(1, at - 1), text:sub(at + 1) end
    if c ~= " " then depth = depth + (c:find "[{<(]" and 1 or -1) end
  end
  return text, ""
end

local function parameter(text)
  local name, rest = text:match "^([%w_.]+%??)%s+(.*)$"
  local kind, note = split_type(rest or "")
  return { name = name or text, type = kind, text = note }
end

local function take_annotation(entry, tag, rest)
  if tag == "param" then
    table.insert(entry.known, parameter(rest))
  elseif tag == "return" then
    table.insert(entry.returns, rest)
  end
end

-- A comment above a function, without its annotations as text and with them as fields.
local function read_comment(lines)
  local entry, text = { known = {}, returns = {} }, {}
  for _, line in ipairs(lines) do
    local tag, rest = line:match "^%-%-%-@(%a+)%s*(.*)$"
    if tag then take_annotation(entry, tag, rest) else text[#text + 1] = line:match "^%-%-%-?%s?(.*)$" end
  end
  entry.text = table.concat(text, "\n")
  return entry
end

--- The entry of a function whose comment and head are given as source lines.
---@param comment string[] lines that begin with "---" or "--"
---@param name string
---@param parameters string as in the source: "a, b, ..."
---@return anyreach.repl.function
function library.entry(comment, name, parameters)
  local entry = read_comment(comment)
  entry.name, entry.parameters = name, {}
  for parameter_name in parameters:gmatch "[%w_.]+" do table.insert(entry.parameters, parameter_name) end
  return entry
end

-- The name by which scripts call a function: the table of the class anyreach.json is `json` in the source.
local function full_name(name, classes)
  local holder = name:match "^([%w_]+)%."
  return holder and classes["anyreach." .. holder] and "anyreach." .. name or name
end

-- Classes and functions of the source.
local function read(source)
  local functions, classes, comment, class = {}, {}, {}, nil
  for line in source:gmatch "[^\n]*" do
    local class_name = line:match "^%-%-%-@class ([%w_.]+)"
    local field = line:match "^%-%-%-@field (.*)$"
    local name, parameters = line:match "^function ([%w_.:]+)%((.-)%) end$"
    if class_name then
      class = { fields = {} }
      classes[class_name] = class
    elseif field and class then
      table.insert(class.fields, parameter(field))
    elseif name then
      name = full_name(name, classes)
      functions[name] = library.entry(comment, name, parameters)
    end
    if line:find "^%-%-" and not class_name and not field then comment[#comment + 1] = line else comment = {} end
  end
  return { functions = functions, classes = classes }
end

local loaded
local function all()
  loaded = loaded or read(host.embedded_text(SOURCE))
  return loaded
end

--- A function by its name, or nil.
---@param name string "anyreach.map", "task:wait"
---@return anyreach.repl.function|nil
function library.get(name)
  return all().functions[name]
end

--- A class by its name, or nil.
---@param name string
---@return anyreach.repl.class|nil
function library.class(name)
  return all().classes[name]
end

--- The names of functions and fields directly below a prefix: "anyreach." or "task:".
---@param prefix string
---@return string[] sorted
function library.names(prefix)
  local names = {}
  for name in pairs(all().functions) do
    local rest = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or "."
    if not rest:find "[.:]" then names[#names + 1] = rest end
  end
  local class = library.class(prefix:sub(1, -2))
  for _, field in ipairs(class and class.fields or {}) do names[#names + 1] = (field.name:gsub("%?$", "")) end
  table.sort(names)
  return names
end

--- The fields of the table that a function's parameter is, or nil.
---@param entry anyreach.repl.function
---@param position integer
---@return anyreach.repl.parameter[]|nil
function library.fields(entry, position)
  local known
  for _, candidate in ipairs(entry.known) do
    if candidate.name:gsub("%?$", "") == entry.parameters[position] then known = candidate end
  end
  if not known then return nil end
  local class = library.class(known.type)
  if class then return class.fields end
  local inline, fields = known.type:match "^{%s*(.-)%s*}$", {}
  if not inline then return nil end
  for name, kind in inline:gmatch "([%w_]+%??):%s*([^,]+)" do
    fields[#fields + 1] = { name = name, type = kind, text = "" }
  end
  return fields
end

return library
