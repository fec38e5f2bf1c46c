-- Reads annotations for lua-language-server: the classes and functions of a file, and what is wrong with
-- its lines. It knows what our files use of the notation, and takes anything else for a mistake.

local annotations = {}

local BUILT_IN = {}
for name in ("any nil boolean string number integer function table lightuserdata"):gmatch("%a+") do
  BUILT_IN[name] = true
end

-- {====== types ======

-- A parser stands at a place in a line. Its functions return nil where the text is no type; names of
-- types that are met are added to `names`.
local Parser = {}
Parser.__index = Parser

-- Goes past a pattern and returns what it has caught; spaces before it do not count.
function Parser:accept(pattern)
  local first, last, caught = self.text:find("^ *(" .. pattern .. ")", self.at)
  if not first then return nil end
  self.at = last + 1
  return caught
end

-- One element, or several with commas between them, up to the closing pattern.
function Parser:list(element, closing)
  if self:accept(closing) then return true end
  repeat
    if not element(self) then return nil end
  until not self:accept(",")
  return self:accept(closing)
end

-- NAME: TYPE, where NAME? says that it may be left out.
function Parser:member()
  return self:accept("[%a_][%w_]*%??:") and self:union()
end

function Parser:fun()
  if not self:list(self.member, "%)") then return nil end
  return not self:accept(":") or self:union()
end

function Parser:named()
  local name = self:accept("[%a_][%w_.]*")
  if not name then return nil end
  self.names[#self.names + 1] = name
  return not self:accept("<") or self:list(self.union, ">")
end

function Parser:primary()
  if self:accept('"[^"]*"') then return true end
  if self:accept("%(") then return self:union() and self:accept("%)") end
  if self:accept("{") then return self:list(self.member, "}") end
  if self:accept("fun%(") then return self:fun() end
  return self:named()
end

function Parser:union()
  repeat
    if not self:primary() then return nil end
    repeat until not self:accept("%[%]")
  until not self:accept("|")
  return true
end

-- Reads the type at the start of a text. Returns it, the names in it and the remark behind it; or nil.
local function read_type(text)
  local parser = setmetatable({ text = text, at = 1, names = {} }, Parser)
  if not parser:union() then return nil end
  local remark = text:sub(parser.at)
  if remark:find("^[^ ]") then return nil end
  return text:sub(1, parser.at - 1), parser.names, remark
end

-- }======

-- {====== lines ======

local Reader = {}
Reader.__index = Reader

function Reader:report(format, ...)
  self.problems[#self.problems + 1] = ("line %d: %s"):format(self.line, format:format(...))
end

-- Reads a type and notes the names in it, which may be defined further down.
function Reader:type(text)
  local found, names = read_type(text)
  if not found then
    self:report("this is no type: %s", text)
    return "any"
  end
  for _, name in ipairs(names) do
    if not BUILT_IN[name] and not self.generics[name] then
      self.used[#self.used + 1] = { name = name, line = self.line }
    end
  end
  return found
end

local TAGS = {}

function TAGS.meta(reader, text)
  if reader.line ~= 1 or text == "" then reader:report("@meta belongs into the first line, with a name") end
end

function TAGS.class(reader, text)
  local name, rest = text:match("^([%w_.]+)(.*)$")
  local parent = rest and rest:match("^ : ([%w_.]+)")
  if not name or rest ~= "" and not parent and rest:sub(1, 1) ~= " " then
    return reader:report("this is no class: %s", text)
  end
  if reader.classes[name] then reader:report("a second class %s", name) end
  if parent then reader:type(parent) end
  reader.class = { name = name, fields = {} }
  reader.classes[name] = reader.class
end

function TAGS.field(reader, text)
  local name, mark, rest = text:match("^([%a_][%w_]*)(%??) (.+)$")
  if not name then name, mark, rest = text:match("^(%[%a+%])(%??) (.+)$") end
  if not name then return reader:report("this is no field: %s", text) end
  if not reader.class then return reader:report("the field %s belongs to no class", name) end
  if reader.class.fields[name] then reader:report("a second field %s", name) end
  reader.class.fields[name] = { optional = mark == "?", type = reader:type(rest) }
end

function TAGS.param(reader, text)
  local name, mark, rest = text:match("^([%a_][%w_]*)(%??) (.+)$")
  if not name then name, mark, rest = text:match("^(%.%.%.)(%??) (.+)$") end
  if not name then return reader:report("this is no parameter: %s", text) end
  table.insert(reader.params, { name = name, optional = mark == "?", type = reader:type(rest) })
end

TAGS["return"] = function(reader, text)
  table.insert(reader.returns, reader:type(text))
end

function TAGS.overload(reader, text)
  if not text:find("^fun%(") then return reader:report("this is no function type: %s", text) end
  table.insert(reader.overloads, reader:type(text))
end

function TAGS.generic(reader, text)
  for name in text:gmatch("[^, ]+") do reader.generics[name] = true end
end

-- What stands above a function belongs to it alone.
function Reader:start_block()
  self.class, self.params, self.returns, self.overloads, self.generics = nil, {}, {}, {}, {}
end

local function names_of(params)
  local names = {}
  for i, param in ipairs(params) do names[i] = param.name end
  return table.concat(names, ", ")
end

function Reader:take_function(prefix, name, arguments)
  local class = self.variables[prefix]
  if not class then return self:report("'%s' is not declared as a class", prefix) end
  local full = class .. "." .. name
  if self.functions[full] then self:report("a second function %s", full) end
  if names_of(self.params) ~= arguments then
    self:report("%s takes (%s), but (%s) are annotated", full, arguments, names_of(self.params))
  end
  self.functions[full] = { params = self.params, returns = self.returns, overloads = self.overloads }
end

function Reader:take_code(line)
  local variable = line:match("^local ([%a_][%w_]*) = {}$")
  local prefix, name, arguments = line:match("^function ([%a_][%w_]*)[.:]([%a_][%w_]*)%((.-)%) end$")
  if variable and self.class then
    self.variables[variable] = self.class.name
  elseif prefix then
    self:take_function(prefix, name, arguments)
  elseif line ~= "" and not line:find("^return [%a_]+$") then
    self:report("neither annotation nor declaration: %s", line)
  end
  self:start_block()
end

function Reader:take_line(line)
  local tag, text = line:match("^%-%-%-@(%a+) ?(.*)$")
  if tag and TAGS[tag] then
    TAGS[tag](self, text)
  elseif tag or line:find("^%-%-%-%S") and not line:find("^%-%-%-+$") then
    self:report("unknown annotation: %s", line)
  elseif not line:find("^%-%-") then
    self:take_code(line)
  end
end

-- }======

--- Reads the text of a file.
---@param text string
---@return { classes: table, functions: table, problems: string[] } classes by name, each with `fields` by
---  name ({optional, type}); functions by the name of their class, a dot and their own, each with params
---  ({name, optional, type}), returns and overloads
function annotations.read(text)
  local reader = setmetatable({
    line = 0, problems = {}, classes = {}, functions = {}, variables = {}, used = {},
  }, Reader)
  reader:start_block()
  for line in (text .. "\n"):gmatch("(.-)\n") do
    reader.line = reader.line + 1
    reader:take_line(line)
  end
  for _, used in ipairs(reader.used) do
    reader.line = used.line
    if not reader.classes[used.name] then reader:report("no class %s", used.name) end
  end
  return { classes = reader.classes, functions = reader.functions, problems = reader.problems }
end

return annotations
