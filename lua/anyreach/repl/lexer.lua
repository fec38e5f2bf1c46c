-- The words of Lua source that is still being typed. Nothing is refused: a string or comment without
-- an end goes on to the end of the text and says so, and what is no Lua at all is a symbol.

local lexer = {}

---@class anyreach.repl.token
---@field kind "name"|"keyword"|"number"|"string"|"comment"|"symbol"
---@field text string as in the source
---@field first integer position of its first byte
---@field last integer position of its last byte
---@field content? integer of a string: position of the first byte within the quotes
---@field is_open? boolean of a string or comment: it has no end yet

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then
  true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

local function token(kind, text, first, last)
  return { kind = kind, text = text:sub(first, last), first = first, last = last }
end

local function read_name(text, first)
  local _, last = text:find("^[%w_]+", first)
  local found = token("name", text, first, last)
  if KEYWORDS[found.text] then found.kind = "keyword" end
  return found
end

-- An exponent may have a sign, which would else end the number.
local function read_number(text, first)
  local _, last = text:find("^0[xX][%x.]*[pP]?[+-]?%x*", first)
  if not last then
    _, last = text:find("^[%d.]+", first)
    local _, exponent = text:find("^[eE][+-]?%d+", last + 1)
    last = exponent or last
  end
  return token("number", text, first, last)
end

-- A short string ends at its quote; the end of the line ends it, too, unless it is a backslash.
local function read_string(text, first)
  local quote, at = text:sub(first, first), first + 1
  while true do
    local stop = text:find("[\\\n" .. quote .. "]", at)
    local found = stop and text:sub(stop, stop)
    if found == "\\" then
      at = stop + 2
    else
      local is_closed = found == quote
      local last = is_closed and stop or (stop or #text + 1) - 1
      local read = token("string", text, first, last)
      read.content, read.is_open = first + 1, not is_closed and not stop
      return read
    end
  end
end

-- [[…]] or [==[…]==] of a string or comment whose token begins at `first`; nil when there is none.
local function read_long(kind, text, first, bracket)
  local _, opening, level = text:find("^%[(=*)%[", bracket)
  if not opening then return nil end
  local _, last = text:find("]" .. level .. "]", opening + 1, true)
  local read = token(kind, text, first, last or #text)
  read.content, read.is_open = opening + 1, not last
  return read
end

local function read_comment(text, first)
  local long = read_long("comment", text, first, first + 2)
  if long then return long end
  local stop = text:find("\n", first, true)
  local read = token("comment", text, first, (stop or #text + 1) - 1)
  read.is_open = not stop
  return read
end

local LONG_SYMBOLS = { "^%.%.%.", "^%.%.", "^::", "^[=~<>]=", "^//", "^<<", "^>>" }

local function read_long_symbol(text, first)
  for _, pattern in ipairs(LONG_SYMBOLS) do
    local _, last = text:find(pattern, first)
    if last then return token("symbol", text, first, last) end
  end
end

-- What a token is, by its first byte. A reader that finds something else there returns nil.
local readers = {}
for byte = 0, 255 do
  local c = string.char(byte)
  if c:find "[%a_]" then readers[byte] = { read_name } end
  if c:find "%d" then readers[byte] = { read_number } end
  if c:find "[\"']" then readers[byte] = { read_string } end
  if c:find "[:=~<>/]" then readers[byte] = { read_long_symbol } end
end
readers[("."):byte()] = {
  function(text, first) return text:find("^%d", first + 1) and read_number(text, first) end,
  read_long_symbol,
}
readers[("-"):byte()] = { function(text, first) return text:find("^-", first + 1) and read_comment(text, first) end }
readers[("["):byte()] = { function(text, first) return read_long("string", text, first, first) end }

local function read_token(text, first)
  for _, reader in ipairs(readers[text:byte(first)] or {}) do
    local found = reader(text, first)
    if found then return found end
  end
  return token("symbol", text, first, first)
end

--- All tokens of a text, the last one perhaps open.
---@param text string
---@return anyreach.repl.token[]
function lexer.tokens(text)
  local tokens, at = {}, 1
  while true do
    local first = text:find("%S", at)
    if not first then return tokens end
    local found = read_token(text, first)
    tokens[#tokens + 1] = found
    at = found.last + 1
  end
end

---@param word string
---@return boolean
function lexer.is_keyword(word)
  return KEYWORDS[word] == true
end

--- Whether a name may follow a dot.
---@param word any
---@return boolean
function lexer.is_name(word)
  return type(word) == "string" and word:find "^[%a_][%w_]*$" ~= nil and not KEYWORDS[word]
end

--- The keywords, sorted.
---@return string[]
function lexer.keywords()
  local words = {}
  for word in pairs(KEYWORDS) do words[#words + 1] = word end
  table.sort(words)
  return words
end

return lexer
