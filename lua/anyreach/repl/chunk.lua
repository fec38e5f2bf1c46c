-- Entries as chunks of Lua: an expression returns its values, `= expression` too; in several lines the last
-- one may be an expression. The parser itself says whether an entry goes on.

local chunk = {}

local NAME = "=(prompt)"
local MOST_SPLITS = 200 -- lines from the end at which a last expression may begin

-- As classic Lua prompts have it: `= x` is `x`.
local function without_mark(entry)
  return (entry:gsub("^%s*=%s*", "", 1))
end

local function compile(text, environment)
  return load(text, NAME, "t", environment)
end

local function compile_expression(text, environment)
  return compile("return " .. text, environment)
end

-- Statements, and then lines that are an expression, as they are pasted.
local function compile_last_expression(text, environment)
  local last = #text
  for _ = 1, MOST_SPLITS do
    local head = text:sub(1, last):match "^(.*)\n"
    if not head then return nil end
    local tail = text:sub(#head + 2)
    if tail:find "%S" and compile_expression(tail) and compile(head) then
      return compile(head .. "\nreturn " .. tail, environment)
    end
    last = #head
  end
end

-- Read as a statement, an expression is wrong from its first word on.
local function is_wrong_from_start(message, text)
  local word = message:match "unexpected symbol near '(.*)'$"
  return word ~= nil and text:match("^%s*(.*)$"):sub(1, #word) == word
end

--- An entry as a function; nil and the parser's message when it is none.
---@param entry string
---@param environment table the globals
---@return function|nil
---@return string message
function chunk.compile(entry, environment)
  local text = without_mark(entry)
  local expression, message = compile_expression(text, environment)
  if expression then return expression, "" end
  if text ~= entry then return nil, message end
  local statements, problem = compile(text, environment)
  if problem and not is_wrong_from_start(problem, text) then message = problem end
  return statements or compile_last_expression(text, environment), message
end

local function ends_too_early(message)
  return message:find "<eof>$" ~= nil
end

local TO_CLOSE = "%(to close '[^']+' at line %d+%)"

-- Whether a text that ends too early does so within brackets, a block or a long string: then no last expression
-- can be cut off. A word and a bracket that fits nowhere make the parser say which one it had to close.
local function ends_within(parse, text, message)
  if not ends_too_early(message) then return false end
  if message:find(TO_CLOSE) or message:find "unfinished long" then return true end
  local _, problem = parse(text .. "nil ]")
  return problem ~= nil and problem:find(TO_CLOSE) ~= nil
end

--- Whether more lines are needed: what is wrong with the entry is only that it ends.
---@param entry string
---@return boolean
function chunk.is_unfinished(entry)
  local text = without_mark(entry) .. "\n" -- which a short string cannot hold
  local expression, first = compile_expression(text)
  if expression then return false end
  local statements, second = compile(text)
  if statements or not text:find "%S" then return false end
  if ends_within(compile, text, second) or ends_within(compile_expression, text, first) then return true end
  return (ends_too_early(first) or ends_too_early(second)) and not compile_last_expression(text)
end

--- The same for what may also be a command (":…"), which never needs more lines.
---@param entry string
---@return boolean
function chunk.is_unfinished_entry(entry)
  return not entry:find "^%s*:" and chunk.is_unfinished(entry)
end

--- What the entry is in a script.
---@param entry string
---@return string
function chunk.source(entry)
  return without_mark(entry)
end

--- The name that an entry declares for nothing: `local x = 1`, which is gone with the entry.
---@param entry string
---@return string|nil
function chunk.lost_local(entry)
  local name, rest = entry:match "^%s*local%s+([%a_][%w_]*)(.*)$"
  if name == "function" then name, rest = rest:match "^%s+([%a_][%w_]*)(.*)$" end
  if not name or rest:find("%f[%w_]" .. name .. "%f[^%w_]") then return nil end
  return name
end

return chunk
