-- The words of a command's arguments, as a shell cuts them: at blanks, but not within quotes.

local errors = require "anyreach.errors"

-- One piece of a word, from `at` on: its text, and where the next one begins.
local function piece(line, at)
  local quote = line:match("^[\"']", at)
  if quote then
    local stop = line:find(quote, at + 1, true)
    if not stop then errors.raise("command_line", "the quote %s has no end", quote) end
    return line:sub(at + 1, stop - 1), stop + 1
  elseif line:sub(at, at) == "\\" then
    return line:sub(at + 1, at + 1), at + 2
  end
  local stop = line:find("[%s\"'\\]", at) or #line + 1
  return line:sub(at, stop - 1), stop
end

---@param line string
---@return string[]
return function(line)
  local words, at = {}, line:find "%S"
  while at do
    local parts = {}
    while at <= #line and not line:find("^%s", at) do
      parts[#parts + 1], at = piece(line, at)
    end
    words[#words + 1] = table.concat(parts)
    at = line:find("%S", at)
  end
  return words
end
