-- Help at the prompt: help(x) for a value, `:help WORD` for a name or a part of one, `:api TEXT` for a
-- search over all operations. Its texts come from the operations and from the comments above the functions.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local json = require "anyreach.json"
local library = require "anyreach.repl.library"
local literal = require "anyreach.repl.literal"
local lookup = require "anyreach.repl.lookup"
local operation_help = require "anyreach.openapi.help"
local operations = require "anyreach.operations"
local text = require "anyreach.repl.display_text"

local help = {}

-- {====== functions ======

-- The lines of comment directly above the definition of a function of Lua.
local function comment_above(f)
  local facts = debug.getinfo(f, "S")
  local own, path = facts.source:match "^=%[anyreach%] (.*)$", facts.source:match "^@(.*)$"
  local source = own and host.embedded_text(own)
  if path and directory.kind(path) == "file" then source = files.read_file(path) end
  local lines, number = {}, 0
  for line in ((source or "") .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number >= facts.linedefined then break end
    local comment = line:match "^%s*(%-%-.*)$"
    if comment then lines[#lines + 1] = comment else lines = {} end
  end
  return lines
end

local function parameters_of(f)
  local facts, names = debug.getinfo(f, "u"), {}
  for i = 1, facts.nparams do names[i] = debug.getlocal(f, i) end
  if facts.isvararg then names[#names + 1] = "..." end
  return table.concat(names, ", ")
end

local function entry_text(entry)
  local lines = { ("%s(%s)"):format(entry.name, table.concat(entry.parameters, ", ")), "" }
  if entry.text ~= "" then
    lines[#lines + 1] = entry.text
    lines[#lines + 1] = ""
  end
  for _, parameter in ipairs(entry.known) do
    lines[#lines + 1] = ("  %-12s %s  %s"):format(parameter.name, parameter.type, parameter.text):gsub("%s+$", "")
    local class = library.class(parameter.type)
    for _, field in ipairs(class and class.fields or {}) do
      lines[#lines + 1] = ("    %-16s %s  %s"):format(field.name, field.type, field.text):gsub("%s+$", "")
    end
  end
  for _, returned in ipairs(entry.returns) do lines[#lines + 1] = "  returns " .. returned end
  return text.lines(table.concat(lines, "\n"):gsub("\n+$", ""))
end

-- The name of a function in a table of ours, or in one within it.
local function library_name(f, holder, prefix)
  for _, name in ipairs(library.names(prefix .. ".")) do
    local value, full = rawget(holder, name), prefix .. "." .. name
    if rawequal(value, f) then return full end
    local inner = type(value) == "table" and library.class(full) and library_name(f, value, full)
    if inner then return inner end
  end
end

local function function_text(f)
  local entry = library.get(library_name(f, require "anyreach", "anyreach") or "")
  if entry then return entry_text(entry) end
  if debug.getinfo(f, "S").what == "C" then
    return "A function of Lua's own or of a library in C: https://www.lua.org/manual/5.4/ has Lua's."
  end
  local comment = comment_above(f)
  local shown = entry_text(library.entry(comment, "function", parameters_of(f)))
  return shown .. "\n" .. text.line(literal.short(f))
end

-- }======

-- {====== lists ======

-- The beginning of a text, to its first full stop.
local function first_sentence(words)
  return (words:gsub("\n", " "):match "^(.-%.) %u" or words:gsub("\n", " "))
end

--- Names and what they are, in two columns.
---@param rows {[1]: string, [2]: string}[]
---@return string
function help.rows(rows)
  local widest, lines = 0, {}
  for _, row in ipairs(rows) do widest = math.max(widest, text.width(row[1])) end
  for i, row in ipairs(rows) do
    lines[i] = ("  %s  %s"):format(text.pad(row[1], widest), text.line(row[2])):gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end

local function operation_rows(names)
  local rows = {}
  for i, name in ipairs(names) do rows[i] = { name, operations.describe(name).summary } end
  return rows
end

local function names_below(prefix)
  local names = {}
  for _, name in ipairs(operations.names()) do
    if prefix == "" or name:sub(1, #prefix + 1) == prefix .. "." then names[#names + 1] = name end
  end
  return names
end

local function namespace_text(prefix)
  local title = "api" .. (prefix == "" and "" or "." .. prefix) .. ": its operations"
  return title .. "\n" .. help.rows(operation_rows(names_below(prefix)))
end

local function library_text(prefix)
  local rows = {}
  for _, name in ipairs(library.names(prefix .. ".")) do
    local entry = library.get(prefix .. "." .. name)
    if entry then
      rows[#rows + 1] = { ("%s(%s)"):format(name, table.concat(entry.parameters, ", ")), first_sentence(entry.text) }
    end
  end
  return prefix .. "\n" .. help.rows(rows)
end

-- }======

-- {====== help(x) ======

local function value_text(value)
  if errors.is_error(value) then
    local words = require("anyreach.repl.show").error(value)
    return words .. (value:curl() and "\n  err:curl() is the curl command of the request." or "")
  end
  local words = literal.short(value)
  if words then return ("%s: a %s"):format(words, type(value)) end
  local count = #literal.entries(value)
  return json.is_array(value) and "A list of " .. text.counted(count, "element")
    or "A table of " .. text.counted(count, "entry"):gsub("entrys", "entries")
end

--- What there is to say about a value that is no string.
---@param value any
---@return string
function help.value(value)
  local thing = lookup.of_value(value)
  if thing.kind == "operation" then return (operation_help.text(operations.describe(thing.name)):gsub("\n$", "")) end
  if thing.kind == "namespace" then return namespace_text(thing.name) end
  if thing.kind == "library" then return library_text(thing.name) end
  return type(value) == "function" and function_text(value) or value_text(value)
end

-- }======

-- {====== by name ======

local function exact_text(word)
  local name = word:gsub("^api%.", "")
  local operation = operations.describe(name)
  if operation then return (operation_help.text(operation):gsub("\n$", "")) end
  if #names_below(name) > 0 then return namespace_text(name) end
  local entry = library.get(word) or library.get("anyreach." .. word)
  if entry then return entry_text(entry) end
  if library.class(word) and #library.names(word .. ".") > 0 then return library_text(word) end
end

-- Everything that has the word in its name: operations and functions.
local function names_with(word)
  local found = {}
  word = word:lower()
  for _, name in ipairs(operations.names()) do
    local holds = name:lower():find(word, 1, true)
    if holds then found[#found + 1] = { "api." .. name, operations.describe(name).summary } end
  end
  for _, name in ipairs(library.names "anyreach.") do
    local entry = name:lower():find(word, 1, true) and library.get("anyreach." .. name)
    if entry then found[#found + 1] = { "anyreach." .. name, first_sentence(entry.text) } end
  end
  return found
end

--- That nothing has this name, with the nearest one.
---@param word string
---@return string
function help.refusal(word)
  local near = operations.nearest(word, operations.names())
  return near and ("Nothing is called '%s'; did you mean '%s'?"):format(text.line(word), near)
    or ("Nothing is called '%s'; :api TEXT searches the summaries, too."):format(text.line(word))
end

--- What there is to say about a name of an operation or a function, or about a part of one; nil when no name
--- holds it.
---@param word string
---@return string|nil
function help.topic(word)
  local exact = exact_text(word)
  if exact then return exact end
  local found = names_with(word)
  if #found == 1 then return exact_text(found[1][1]) end
  if #found > 1 then return help.rows(found) end
  return nil
end

local function matches(operation, word)
  for _, key in ipairs { "name", "path", "summary" } do
    if operation[key]:lower():find(word, 1, true) then return true end
  end
  return false
end

--- The operations whose name, path or summary holds a text; all without one.
---@param word? string
---@return string
function help.search(word)
  local found = {}
  for _, name in ipairs(operations.names()) do
    local operation = operations.describe(name)
    if not word or matches(operation, word:lower()) then found[#found + 1] = { "api." .. name, operation.summary } end
  end
  if #found == 1 then return exact_text(found[1][1]) end
  return #found > 0 and help.rows(found) or help.refusal(word)
end

-- }======

return help
