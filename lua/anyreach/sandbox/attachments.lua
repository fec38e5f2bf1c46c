-- What binds sources to knowledge bases (datasets): an attachment is a source as part of one dataset, with
-- an id and a state of processing of its own. Stored in "dataset_sources" under the dataset, with the
-- source's id as alias; datasets are stored in "datasets".

local json = require "anyreach.json"
local passages = require "anyreach.sandbox.passages"
local refusal = require "anyreach.sandbox.refusal"

local attachments = {}

-- Documented states, each with the next one. Every look at an attachment takes one step (our choice).
local NEXT = {
  pending = "converting_to_markdown",
  converting_to_markdown = "chunking",
  chunking = "embedding",
  embedding = "ready",
}

local FAILING_TEXT = "fail-processing" -- a source that holds it cannot be processed

---The dataset of that id; answers 404 when the organisation has none.
---@param id string
---@return table
function attachments.require_dataset(request, id)
  local dataset = request.store:get("datasets", request.organization, id)
  if not dataset then refusal.raise(404, "Knowledge base %s not found.", id) end
  return dataset
end

---@param dataset_id string
---@param source table
---@return table? attachment nil when the source is part of the dataset already
function attachments.attach(request, dataset_id, source)
  local store = request.store
  if store:find("dataset_sources", request.organization, dataset_id, source.id) then return nil end
  local now = store:now()
  local attachment = {
    id = store:new_id(),
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
  attachment.updated_at = request.store:now()
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
    attachment.total_chunks, attachment.processed_chunks = #passages.cut(read_text(), attachment.chunking_strategy), 0
  elseif status == "ready" then
    attachment.processed_chunks = attachment.total_chunks
  end
  save(request, attachment)
end

return attachments
