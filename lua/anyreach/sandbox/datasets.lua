-- Knowledge bases (datasets): the search in them, and their sources: adding them, listing them with the state of
-- their processing, removing them. Stored in "datasets". Every organisation has one from
-- the start, as the documentation says. That they can be listed, and how, is inferred.

local json = require "anyreach.json"
local attachments = require "anyreach.sandbox.attachments"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"
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
    checks.refuse(422, "embedding_model: expected text-embedding-3-small or text-embedding-3-large, got %q", model)
  end
  for _, dimension in ipairs(dimensions) do
    if wanted == nil or wanted == dimension then return dimension end
  end
  checks.refuse(422, "embedding_dimension: %s has %s, got %d", model, table.concat(dimensions, " or "), wanted)
end

---Adds a dataset.
---@param request SandboxRequest
---@param id string
---@param body { name: string, description: any, embedding_model: string?, embedding_dimension: integer? }
---@return table dataset
function datasets.add(request, id, body)
  local model, now = body.embedding_model or DEFAULT_MODEL, request.now()
  local dataset = {
    id = id,
    dataset_id = id,
    organization_id = request.organization,
    name = body.name,
    description = body.description or json.null,
    embedding_model = model,
    embedding_dimension = choose_dimension(model, body.embedding_dimension),
    created_at = now,
    updated_at = now,
  }
  request.store:add("datasets", id, dataset, { organization = request.organization })
  return dataset
end

-- {====== search ======

-- Adds the passages of one ready source, with how near they are.
local function add_passages(found, request, attachment, words, count)
  local source = sources.require(request, attachment.source_id)
  for index, content in ipairs(attachments.cut(sources.text(request, source), attachment.chunking_strategy)) do
    found[#found + 1] = {
      content = content,
      similarity = attachments.similarity(content, words, count),
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
  checks.require_text(request.body.name, "name")
  return datasets.add(request, request.new_id(), request.body)
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
  checks.require_text(body.query, "query")
  if limit < 1 then checks.refuse(422, "results_count: must be at least 1") end
  local words, count = attachments.words(body.query)
  local found = {}
  for attachment in request.store:each("dataset_sources", request.organization, dataset.id) do
    if attachment.status == "ready" then add_passages(found, request, attachment, words, count) end
  end
  return take_first(found, limit)
end

-- {====== the sources of a knowledge base ======

-- The documentation contradicts itself on how they are added; every way it shows is taken here.

local PLACE = "{slug}"

-- The attachment as the API shows it: with its source. The key of the state, `status`, is our choice.
local function present(attachment, source)
  attachment.sources = source
  return attachment
end

-- The same after a look, which may take the processing a step further.
local function look(request, attachment)
  local source = sources.require(request, attachment.source_id)
  sources.look(request, source)
  attachments.advance(request, attachment, source, function() return sources.text(request, source) end)
  return present(attachment, source)
end

-- 409 is our choice.
local function attach(request, dataset, source)
  local attachment = attachments.attach(request, dataset.id, source)
  if not attachment then
    checks.refuse(409, "Source %s is part of knowledge base %s already.", source.id, dataset.id)
  end
  return present(attachment, source)
end

-- The source that an element names, or a new page that it describes.
local function resolve(request, element)
  if not checks.is_object(element) then checks.refuse(422, "body: expected objects such as {\"source_id\": …}") end
  if element.source_id ~= nil then
    checks.require_text(element.source_id, "source_id")
    return sources.require(request, element.source_id)
  end
  if element.type ~= "URL" then
    checks.refuse(422, "body: expected source_id, or type URL with url; a file comes as a form with file and metadata")
  end
  checks.require_text(element.url, "url")
  return sources.add(request, {
    type = "URL", url = element.url, name = element.name or element.url, chunking_strategy = element.chunking_strategy,
  })
end

local function read_metadata(part)
  if not part then return {} end
  local ok, metadata = pcall(json.decode, part.bytes)
  if not ok or not checks.is_object(metadata) then
    checks.refuse(422, "metadata: expected the text of a JSON object")
  end
  return metadata
end

-- A new file from a form, where the guide writes the strategy as a word alone.
local function add_file(request, form)
  local file, metadata = form.file, read_metadata(form.metadata)
  if not file or not file.filename then checks.refuse(422, "file: required but missing") end
  local strategy = metadata.chunking_strategy
  if type(strategy) == "string" then strategy = { method = strategy } end
  return sources.add_complete_file(request, {
    type = "FILE",
    name = metadata.name or file.filename,
    file_name = file.filename,
    chunking_strategy = strategy,
  }, file.bytes)
end

local function has_extension(source, extensions)
  for extension in extensions:gmatch("[^,%s]+") do
    if source.file_extension == extension:lower():gsub("^%.", "") then return true end
  end
  return false
end

-- That source_name matches a part of the name is our choice.
local function matches(source, query)
  return (query.source_name == nil or listing.contains_text(source.name, query.source_name))
    and (query.source_type == nil or source.type == query.source_type)
    and (query.file_extension == nil or has_extension(source, query.file_extension))
end

rules["datasets.sources.list"] = function(request)
  local dataset = attachments.require_dataset(request, request.path.dataset_id)
  local page = listing.envelope(request, "dataset_sources", dataset.id, function(attachment)
    return matches(sources.require(request, attachment.source_id), request.query)
  end)
  for _, attachment in ipairs(page.data) do look(request, attachment) end
  return page
end

-- The answer is a list of what was attached, always: our choice.
rules["datasets.sources.create"] = function(request)
  local dataset = attachments.require_dataset(request, request.path.dataset_id)
  if request.form then return json.array { attach(request, dataset, add_file(request, request.form)) } end
  local attached = json.array {}
  for index, element in ipairs(json.is_array(request.body) and request.body or { request.body }) do
    attached[index] = attach(request, dataset, resolve(request, element))
  end
  return attached
end

rules["datasets.sources.create_by_pattern"] = function(request)
  local dataset, body = attachments.require_dataset(request, request.path.dataset_id), request.body
  local before, after = tostring(body.url_pattern):match("^(.-){slug}(.*)$")
  if not before then checks.refuse(422, "url_pattern: expected an address with %s in it", PLACE) end
  if not body.slugs or #body.slugs == 0 then checks.refuse(422, "slugs: expected at least one") end
  local attached = json.array {}
  for index, slug in ipairs(body.slugs) do
    local source = sources.add(request, { type = "URL", name = before .. slug .. after })
    attached[index] = attach(request, dataset, source)
  end
  return attached
end

rules["datasets.sources.delete"] = function(request)
  local dataset = attachments.require_dataset(request, request.path.dataset_id)
  local id = request.path.dataset_source_id
  local attachment = request.store:get("dataset_sources", request.organization, id)
  if not attachment or attachment.dataset_id ~= dataset.id then
    checks.refuse(404, "Knowledge base %s has no source under %s; expected the id that its list shows.", dataset.id, id)
  end
  attachments.detach(request, attachment)
end

-- }======

datasets.rules = rules

return datasets
