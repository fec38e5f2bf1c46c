-- What binds sources to knowledge bases (datasets): an attachment is a source as part of one dataset, with
-- an id and a state of processing of its own. Stored in "dataset_sources" under the dataset, with the
-- source's id as alias; datasets are stored in "datasets".
-- And the passages that a source is cut into, with how near each is to a question.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"

local attachments = {}

-- Documented states, each with the next one. Every look at an attachment takes one step (our choice).
local NEXT = {
  pending = "converting_to_markdown",
  converting_to_markdown = "chunking",
  chunking = "embedding",
  embedding = "ready",
}

local FAILING_TEXT = "fail-processing" -- a source that holds it cannot be processed

-- {====== passages ======

-- The real service compares embeddings; here words are compared, so that the same question always gets the same
-- answer.

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
function attachments.cut(text, strategy)
  local method, size = read_strategy(strategy)
  local pieces = {}
  if method == "structure_based" then cut_by_structure(pieces, text, size) else cut_fixed(pieces, text, size) end
  return pieces
end

---The set of a text's words, upper and lower case being the same.
---@param text string
---@return table<string, boolean> words
---@return integer count
function attachments.words(text)
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
function attachments.similarity(text, question_words, question_count)
  local words, count = attachments.words(text)
  local shared = 0
  for word in pairs(words) do
    if question_words[word] then shared = shared + 1 end
  end
  if shared == 0 then return 0 end
  return math.floor(shared / math.sqrt(count * question_count) * 10000 + 0.5) / 10000
end

-- }======

---The dataset of that id; answers 404 when the organisation has none.
---@param id string
---@return table
function attachments.require_dataset(request, id)
  local dataset = request.store:get("datasets", request.organization, id)
  if not dataset then checks.refuse(404, "Knowledge base %s not found.", id) end
  return dataset
end

---@param dataset_id string
---@param source table
---@return table? attachment nil when the source is part of the dataset already
function attachments.attach(request, dataset_id, source)
  local store = request.store
  if store:find("dataset_sources", request.organization, dataset_id, source.id) then return nil end
  local now = request.now()
  local attachment = {
    id = request.new_id(),
    source_id = source.id,
    dataset_id = dataset_id,
    chunking_strategy = source.chunking_strategy,
    status = "pending",
    total_chunks = json.null,
    processed_chunks = json.null,
    created_at = now,
    updated_at = now,
  }
  store:add("dataset_sources", attachment.id, attachment,
    { organization = request.organization, parent = dataset_id, alias = source.id })
  return attachment
end

---@param attachment table
function attachments.detach(request, attachment)
  request.store:remove("dataset_sources", request.organization, attachment.id)
end

---All attachments of a source, in every dataset.
---@param source_id string
---@return table[]
function attachments.of_source(request, source_id)
  local found, store, organization = {}, request.store, request.organization
  for dataset in store:each("datasets", organization) do
    found[#found + 1] = store:find("dataset_sources", organization, dataset.id, source_id)
  end
  return found
end

local function save(request, attachment)
  attachment.updated_at = request.now()
  request.store:save("dataset_sources", attachment.id, attachment)
end

---Begins the processing anew, with the source's strategy.
function attachments.restart(request, attachment, source)
  attachment.chunking_strategy = source.chunking_strategy
  attachment.status, attachment.total_chunks, attachment.processed_chunks = "pending", json.null, json.null
  save(request, attachment)
end

local function next_status(attachment, source, read_text)
  if source.file_upload_status == "FAILED" then return "failed" end
  if source.file_upload_status ~= "COMPLETE" then return "pending" end
  if attachment.status == "pending" and read_text():find(FAILING_TEXT, 1, true) then return "failed" end
  return NEXT[attachment.status]
end

---Takes the next step of the processing, if one is left. It waits for the bytes of a file.
---@param attachment table
---@param source table
---@param read_text fun(): string gives what a complete source says
function attachments.advance(request, attachment, source, read_text)
  if not NEXT[attachment.status] then return end
  local status = next_status(attachment, source, read_text)
  if status == attachment.status then return end
  attachment.status = status
  if status == "embedding" then
    attachment.total_chunks = #attachments.cut(read_text(), attachment.chunking_strategy)
    attachment.processed_chunks = 0
  elseif status == "ready" then
    attachment.processed_chunks = attachment.total_chunks
  end
  save(request, attachment)
end

return attachments
