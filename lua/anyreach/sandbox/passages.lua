-- Texts in passages, and how near a passage is to a question. The real service compares embeddings; here
-- words are compared, so that the same question always gets the same answer. Pure functions.

local passages = {}

local DEFAULT_SIZE = 1000
local LARGEST_SIZE = 1000000
local PIECES_MAXIMUM = 10000 -- of one text; the rest is left out

-- Pieces of at most `size` characters.
local function cut_fixed(pieces, text, size)
  local start = 1
  while start <= #text and #pieces < PIECES_MAXIMUM do
    local stop = utf8.offset(text, size + 1, start) or #text + 1
    pieces[#pieces + 1] = text:sub(start, stop - 1)
    start = stop
  end
end

-- Paragraphs, and pieces of those that are too long.
local function cut_by_structure(pieces, text, size)
  for paragraph in (text .. "\n\n"):gmatch("(.-)\r?\n\r?\n") do
    if paragraph:find("%S") then cut_fixed(pieces, paragraph, size) end
  end
end

local function read_strategy(strategy)
  if type(strategy) ~= "table" then return nil, DEFAULT_SIZE end -- null
  local size = math.type(strategy.chunk_size) == "integer" and strategy.chunk_size or DEFAULT_SIZE
  return strategy.method, math.max(1, math.min(size, LARGEST_SIZE))
end

---Cuts a text into passages without overlap. How many there may be, and how large, is our choice.
---@param text string UTF-8
---@param strategy any a source's chunking_strategy; every method but structure_based means a fixed size
---@return string[]
function passages.cut(text, strategy)
  local method, size = read_strategy(strategy)
  local pieces = {}
  if method == "structure_based" then cut_by_structure(pieces, text, size) else cut_fixed(pieces, text, size) end
  return pieces
end

---The set of a text's words, upper and lower case being the same.
---@param text string
---@return table<string, boolean> words
---@return integer count
function passages.words(text)
  local words, count = {}, 0
  for word in text:lower():gmatch("[%w\128-\255]+") do
    if not words[word] then words[word], count = true, count + 1 end
  end
  return words, count
end

---How near a text is to a question: the cosine of their sets of words, to four decimals.
---@param text string
---@param question_words table<string, boolean>
---@param question_count integer
---@return number from 0 (no word shared) to 1
function passages.similarity(text, question_words, question_count)
  local words, count = passages.words(text)
  local shared = 0
  for word in pairs(words) do
    if question_words[word] then shared = shared + 1 end
  end
  if shared == 0 then return 0 end
  return math.floor(shared / math.sqrt(count * question_count) * 10000 + 0.5) / 10000
end

return passages
