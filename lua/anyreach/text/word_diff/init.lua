-- What changed between two texts, word by word. Lines are compared first, then the words of lines that
-- differ, so that a change stays in its place in a long prompt. White space and line breaks are kept:
-- the pieces "same" and "added" make the new text, "same" and "removed" the old one. Pure, and bounded
-- in its work: two texts of a megabyte without anything in common take a second.

local sequence = require "anyreach.text.word_diff.sequence"

local word_diff = {}

---@class anyreach.piece
---@field kind "same"|"removed"|"added"
---@field text string never empty

-- {====== taking texts apart ======

local WORD = "^[%w_'\x80-\xE2\xEA-\xFF]+"
local IDEOGRAPH = "^[\xE3-\xE9][\x80-\xBF]*" -- a character of a script that has no spaces

local patterns = {}
for byte = 0, 255 do
  local char = string.char(byte)
  patterns[byte] = char:find("^[\xE3-\xE9]") and IDEOGRAPH or char:find(WORD) and WORD
    or char:find("^[ \t]") and "^[ \t]+" or "^."
end

--- Words, runs of blanks, line breaks and single other characters.
---@param text string
---@return string[]
function word_diff.split_words(text)
  local list, position = {}, 1
  while position <= #text do
    local _, last = text:find(patterns[text:byte(position)], position)
    list[#list + 1] = text:sub(position, last)
    position = last + 1
  end
  return list
end

--- Lines with their line breaks.
---@param text string
---@return string[]
function word_diff.split_lines(text)
  local list = {}
  for line in text:gmatch("[^\n]*\n?") do
    if line ~= "" then list[#list + 1] = line end
  end
  return list
end

-- }======

-- {====== pieces ======

local function append(pieces, kind, text)
  if text == "" then return end
  local last = pieces[#pieces]
  if last and last.kind == kind then
    last[#last + 1] = text
  else
    pieces[#pieces + 1] = { kind = kind, text }
  end
end

local function append_hunk(pieces, hunk, before, after)
  if hunk.is_same then return append(pieces, "same", table.concat(after, "", hunk.b_first, hunk.b_last)) end
  append(pieces, "removed", table.concat(before, "", hunk.a_first, hunk.a_last))
  append(pieces, "added", table.concat(after, "", hunk.b_first, hunk.b_last))
end

-- The changes between lines that differ.
local function append_words(pieces, before_text, after_text, budget)
  local before, after = word_diff.split_words(before_text), word_diff.split_words(after_text)
  for _, hunk in ipairs(sequence.hunks(before, after, budget)) do append_hunk(pieces, hunk, before, after) end
end

local function close_pieces(pieces)
  for _, piece in ipairs(pieces) do
    piece.text = table.concat(piece)
    for index = #piece, 1, -1 do piece[index] = nil end
  end
  return pieces
end

-- }======

-- {====== making changes easy to read ======

-- A word that happens to be in both between two long changes does not make them easier to read; nor
-- does a space. Line breaks do.
local function is_chance(text, change_before, change_after)
  if text:find("\n", 1, true) then return false end
  if not text:find("[%w\x80-\xFF]") then return true end
  return #text * 2 <= math.min(change_before, change_after)
end

-- The length of the change that begins at an index.
local function change_length(pieces, index)
  local length = 0
  while pieces[index] and pieces[index].kind ~= "same" do
    length = math.max(length, #pieces[index].text)
    index = index + 1
  end
  return length
end

local function new_change()
  return { removed = {}, added = {}, length = 0 }
end

local function add_to_change(change, piece)
  if piece.kind ~= "added" then table.insert(change.removed, piece.text) end
  if piece.kind ~= "removed" then table.insert(change.added, piece.text) end
  change.length = math.max(change.length, #piece.text)
end

local function append_change(pieces, change)
  append(pieces, "removed", table.concat(change.removed))
  append(pieces, "added", table.concat(change.added))
end

-- Joins changes that only chance keeps apart.
local function join_changes(pieces)
  local joined, change = {}, new_change()
  for index, piece in ipairs(pieces) do
    local length_after = change_length(pieces, index + 1)
    local is_between = change.length > 0 and length_after > 0
    if piece.kind ~= "same" or is_between and is_chance(piece.text, change.length, length_after) then
      add_to_change(change, piece)
    else
      append_change(joined, change)
      change = new_change()
      append(joined, "same", piece.text)
    end
  end
  append_change(joined, change)
  return close_pieces(joined)
end

-- }======

--- What changed between two texts.
---@param before string
---@param after string
---@return anyreach.piece[] in the order of the texts; what a change removes comes before what it adds
function word_diff.compare(before, after)
  local budget, pieces = sequence.budget(), {}
  local before_lines, after_lines = word_diff.split_lines(before), word_diff.split_lines(after)
  for _, hunk in ipairs(sequence.hunks(before_lines, after_lines, budget)) do
    if hunk.is_same then
      append_hunk(pieces, hunk, before_lines, after_lines)
    else
      append_words(pieces, table.concat(before_lines, "", hunk.a_first, hunk.a_last),
        table.concat(after_lines, "", hunk.b_first, hunk.b_last), budget)
    end
  end
  return join_changes(close_pieces(pieces))
end

local function count_words(text)
  local _, count = text:gsub("[%w_'\x80-\xFF]+", "")
  return count
end

--- How many words a change removes and adds.
---@param pieces anyreach.piece[]
---@return {removed: integer, added: integer}
function word_diff.count(pieces)
  local counts = { removed = 0, added = 0, same = 0 }
  for _, piece in ipairs(pieces) do counts[piece.kind] = counts[piece.kind] + count_words(piece.text) end
  return { removed = counts.removed, added = counts.added }
end

--- The places that changed, as lines for people: see text/word_diff/render.lua.
---@param pieces anyreach.piece[]
---@param options? anyreach.word_diff_render_options
---@return string[]
function word_diff.render(pieces, options)
  return require("anyreach.text.word_diff.render")(pieces, options)
end

return word_diff
