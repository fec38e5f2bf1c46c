-- Knowledge bases (datasets) and the search in them. Stored in "datasets". Every organisation has one from
-- the start, as the documentation says. That they can be listed, and how, is inferred.

local json = require "anyreach.json"
local attachments = require "anyreach.sandbox.attachments"
local fields = require "anyreach.sandbox.fields"
local listing = require "anyreach.sandbox.listing"
local passages = require "anyreach.sandbox.passages"
local refusal = require "anyreach.sandbox.refusal"
local sources = require "anyreach.sandbox.sources"

local datasets = {}

local DEFAULT_MODEL = "text-embedding-3-small"
local DEFAULT_RESULTS = 5

-- The documented models with their dimensions, the default first.
local DIMENSIONS = {
  ["text-embedding-3-small"] = { 768, 1536 },
  ["text-embedding-3-large"] = { 3072 },
}

-- That others are refused, and with 422, is our choice.
local function choose_dimension(model, wanted)
  local dimensions = DIMENSIONS[model]
  if not dimensions then
    refusal.raise(422, "embedding_model: expected text-embedding-3-small or text-embedding-3-large, got %q", model)
  end
  for _, dimension in ipairs(dimensions) do
    if wanted == nil or wanted == dimension then return dimension end
  end
  refusal.raise(422, "embedding_dimension: %s has %s, got %d", model, table.concat(dimensions, " or "), wanted)
end

---Adds a dataset.
---@param organization string
---@param id string
---@param body { name: string, description: any, embedding_model: string?, embedding_dimension: integer? }
---@return table dataset
function datasets.add(store, organization, id, body)
  local model, now = body.embedding_model or DEFAULT_MODEL, store:now()
  local dataset = {
    id = id,
    dataset_id = id,
    organization_id = organization,
    name = body.name,
    description = body.description or json.null,
    embedding_model = model,
    embedding_dimension = choose_dimension(model, body.embedding_dimension),
    created_at = now,
    updated_at = now,
  }
  store:add("datasets", id, dataset, { organization = organization })
  return dataset
end

-- {====== search ======

-- Adds the passages of one ready source, with how near they are.
local function add_passages(found, request, attachment, words, count)
  local source = sources.require(request, attachment.source_id)
  for index, content in ipairs(passages.cut(sources.text(request, source), attachment.chunking_strategy)) do
    found[#found + 1] = {
      content = content,
      similarity = passages.similarity(content, words, count),
      chunk_index = index - 1,
      dataset_source_id = attachment.id,
      source_id = source.id,
      source_name = source.name,
      place = #found,
    }
  end
end

local function is_nearer(first, second)
  if first.similarity ~= second.similarity then return first.similarity > second.similarity end
  return first.place < second.place
end

-- The nearest passages; `place` kept the order of equals.
local function take_first(found, limit)
  table.sort(found, is_nearer)
  local results = json.array {}
  for index = 1, math.min(limit, #found) do
    found[index].place = nil
    results[index] = found[index]
  end
  return results
end

-- }======

local function is_any()
  return true
end

local rules = {}

rules["datasets.list"] = function(request)
  return listing.envelope(request, "datasets", nil, is_any)
end

rules["datasets.create"] = function(request)
  fields.require_text(request.body.name, "name")
  return datasets.add(request.store, request.organization, request.store:new_id(), request.body)
end

rules["datasets.delete"] = function(request)
  local dataset = attachments.require_dataset(request, request.path.dataset_id)
  for attachment in request.store:each("dataset_sources", request.organization, dataset.id) do
    attachments.detach(request, attachment)
  end
  request.store:remove("datasets", request.organization, dataset.id)
  return { message = ("Knowledge base %s was deleted."):format(dataset.id) }
end

-- A bare list and its keys are our choice. That no passage is too far away to be shown is documented.
rules["datasets.query"] = function(request)
  local dataset, body = attachments.require_dataset(request, request.path.dataset_id), request.body
  local limit = body.results_count or DEFAULT_RESULTS
  fields.require_text(body.query, "query")
  if limit < 1 then refusal.raise(422, "results_count: must be at least 1") end
  local words, count = passages.words(body.query)
  local found = {}
  for attachment in request.store:each("dataset_sources", request.organization, dataset.id) do
    if attachment.status == "ready" then add_passages(found, request, attachment, words, count) end
  end
  return take_first(found, limit)
end

datasets.rules = rules

return datasets
