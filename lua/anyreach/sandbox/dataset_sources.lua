-- The sources of a knowledge base: adding, listing with the state of their processing, removing.
-- The documentation contradicts itself on how they are added; every way it shows is taken here.

local json = require "anyreach.json"
local attachments = require "anyreach.sandbox.attachments"
local fields = require "anyreach.sandbox.fields"
local listing = require "anyreach.sandbox.listing"
local refusal = require "anyreach.sandbox.refusal"
local sources = require "anyreach.sandbox.sources"

local dataset_sources = {}

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

-- {====== adding ======

-- 409 is our choice.
local function attach(request, dataset, source)
  local attachment = attachments.attach(request, dataset.id, source)
  if not attachment then
    refusal.raise(409, "Source %s is part of knowledge base %s already.", source.id, dataset.id)
  end
  return present(attachment, source)
end

-- The source that an element names, or a new page that it describes.
local function resolve(request, element)
  if not fields.is_object(element) then refusal.raise(422, "body: expected objects such as {\"source_id\": …}") end
  if element.source_id ~= nil then
    fields.require_text(element.source_id, "source_id")
    return sources.require(request, element.source_id)
  end
  if element.type ~= "URL" then
    refusal.raise(422, "body: expected source_id, or type URL with url; a file comes as a form with file and metadata")
  end
  fields.require_text(element.url, "url")
  return sources.add(request, {
    type = "URL", url = element.url, name = element.name or element.url, chunking_strategy = element.chunking_strategy,
  })
end

local function read_metadata(part)
  if not part then return {} end
  local ok, metadata = pcall(json.decode, part.bytes)
  if not ok or not fields.is_object(metadata) then
    refusal.raise(422, "metadata: expected the text of a JSON object")
  end
  return metadata
end

-- A new file from a form, where the guide writes the strategy as a word alone.
local function add_file(request, form)
  local file, metadata = form.file, read_metadata(form.metadata)
  if not file or not file.filename then refusal.raise(422, "file: required but missing") end
  local strategy = metadata.chunking_strategy
  if type(strategy) == "string" then strategy = { method = strategy } end
  return sources.add_complete_file(request, {
    type = "FILE",
    name = metadata.name or file.filename,
    file_name = file.filename,
    chunking_strategy = strategy,
  }, file.bytes)
end

-- }======

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

local rules = {}

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
  if not before then refusal.raise(422, "url_pattern: expected an address with %s in it", PLACE) end
  if not body.slugs or #body.slugs == 0 then refusal.raise(422, "slugs: expected at least one") end
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
    refusal.raise(404, "Knowledge base %s has no source under %s; expected the id that its list shows.", dataset.id, id)
  end
  attachments.detach(request, attachment)
end

dataset_sources.rules = rules

return dataset_sources
