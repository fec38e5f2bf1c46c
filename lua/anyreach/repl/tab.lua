-- What Tab does with the candidates for what stands before the cursor. Pure.

local text_width = require "anyreach.text_width"

local tab = {}

local GAP = 2 -- columns between two candidates of a listing
local ROWS_FOR_OTHERS = 4 -- of a screen with a listing: the entry, its hint

-- The longest beginning that all candidates share, never ending within a character.
local function common_prefix(candidates)
  local prefix = candidates[1].text
  for _, candidate in ipairs(candidates) do
    local length = 0
    while length < #prefix and prefix:byte(length + 1) == candidate.text:byte(length + 1) do length = length + 1 end
    prefix = prefix:sub(1, length)
  end
  while not utf8.len(prefix) do prefix = prefix:sub(1, -2) end
  return prefix
end

-- Names that are longer than the last part of a path or a dotted name are shown by that part.
local function shown(candidate)
  return candidate.label or candidate.text
end

--- Candidates in columns, read from the top down. Of more than a screen the first are shown, and how many
--- there are.
---@param candidates anyreach.repl.candidate[]
---@param columns integer of the terminal
---@param height integer rows of the terminal
---@return string
function tab.listing(candidates, columns, height)
  local width = 0
  for _, candidate in ipairs(candidates) do width = math.max(width, text_width.of(shown(candidate))) end
  local across = math.max(1, (columns + GAP - 1) // (width + GAP))
  local rows = (#candidates + across - 1) // across
  local room = math.max(1, height - ROWS_FOR_OTHERS)
  local lines = {}
  for row = 1, math.min(rows, room) do
    local parts = {}
    for index = row, #candidates, rows do
      local name = shown(candidates[index])
      local is_last = index + rows > #candidates
      parts[#parts + 1] = is_last and name or name .. (" "):rep(width + GAP - text_width.of(name))
    end
    lines[row] = table.concat(parts)
  end
  if rows > room then lines[room] = ("… of %d: a letter more makes them fewer"):format(#candidates) end
  return table.concat(lines, "\n")
end

--- How the entry changes, or what is listed: one candidate is taken with its suffix; of several what they
--- share, and when that adds nothing, at the second time, a list of them.
---@param completion anyreach.repl.completion|nil
---@param cursor integer bytes before the cursor
---@param again boolean the key before was Tab, too
---@param columns integer of the terminal
---@param rows integer of the terminal
---@return integer length bytes before the cursor that give way
---@return string|nil insert
---@return string|nil listing
function tab.edit(completion, cursor, again, columns, rows)
  local candidates = completion and completion.candidates or {}
  if #candidates == 0 then return 0 end
  local length = math.max(0, cursor - completion.from + 1)
  if #candidates == 1 then return length, candidates[1].text .. (candidates[1].suffix or "") end
  local prefix = common_prefix(candidates)
  if #prefix > length then return length, prefix end
  if again then return 0, nil, tab.listing(candidates, columns, rows) end
  return length, #prefix == length and prefix or nil
end

return tab
