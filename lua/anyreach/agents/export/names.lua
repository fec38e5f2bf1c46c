-- Names of files for agents. Made of letters, digits and hyphens alone, so that no name that a server
-- sends becomes a path, and that they are good on every file system: in lower case, short, and none of
-- the names that Windows keeps for itself. The same agents get the same names wherever they are exported.

local digest = require "anyreach.digest"

local names = {}

local LENGTH_MAX = 60
local HASH_LENGTH = 8 -- hex digits

local reserved = { con = true, prn = true, aux = true, nul = true, environments = true }
for index = 0, 9 do
  reserved["com" .. index], reserved["lpt" .. index] = true, true
end

--- A name without an extension. What the text has beyond ASCII letters and digits is left out; where that
--- is more than punctuation, a piece of a digest keeps the names of two agents apart.
---@param text string
---@param is_taken fun(stem: string): boolean? of another agent
---@return string
function names.stem(text, is_taken)
  local plain = text:lower():gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")
  local stem = plain:sub(1, LENGTH_MAX):gsub("%-+$", "")
  local is_lossy = stem ~= plain or stem == "" or reserved[stem] or text:find("[\x80-\xFF]") ~= nil
  if stem == "" then stem = "agent" end
  if is_lossy or is_taken(stem) then stem = stem .. "-" .. digest.sha256(text):sub(1, HASH_LENGTH) end
  return stem
end

return names
