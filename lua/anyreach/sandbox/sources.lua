-- Sources: files and pages that knowledge bases are made of. Stored in "sources"; what they say is stored
-- as bytes under the same id, for a file when it is uploaded, for a page when it is crawled.
-- A page is crawled when somebody first looks at it (our choice: that it happens later is documented).

local json = require "anyreach.json"
local attachments = require "anyreach.sandbox.attachments"
local content_types = require "anyreach.text.content_types"
local clean_text = require "anyreach.sandbox.clean_text"
local fields = require "anyreach.sandbox.fields"
local listing = require "anyreach.sandbox.listing"
local pages = require "anyreach.sandbox.pages"
local refusal = require "anyreach.sandbox.refusal"
local transfers = require "anyreach.sandbox.transfers"

local sources = {}

local SET_BY_SERVICE = {
  id = true, organization_id = true, type = true, file_size = true, file_extension = true, url = true,
  created_at = true, updated_at = true, presigned_url = true, content_type = true,
}

---The source of that id; answers 404 when the organisation has none.
---@param id string
---@return table
function sources.require(request, id)
  local source = request.store:get("sources", request.organization, id)
  if not source then refusal.raise(404, "Source %s not found.", id) end
  return source
end

---What a source says. Its upload or crawl must be complete.
---@return string
function sources.text(request, source)
  return clean_text.utf8(request.store:get_bytes(source.id))
end

local function save(request, source)
  source.updated_at = request.store:now()
  request.store:save("sources", source.id, source)
end

-- Fields that the schema leaves open in some bodies (our choice: 422).
local function check(source)
  fields.require_text(source.name, "name")
  for _, name in ipairs { "domain", "description" } do
    if source[name] ~= json.null and type(source[name]) ~= "string" then
      refusal.raise(422, "%s: expected a string or null", name)
    end
  end
  if source.chunking_strategy ~= json.null and not fields.is_object(source.chunking_strategy) then
    refusal.raise(422, "chunking_strategy: expected an object such as {\"method\": \"structure_based\"}")
  end
end

-- {====== creation ======

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

-- The caller's own id, or a new one. 409 is our choice.
local function choose_id(request, wanted)
  if wanted == nil then return request.store:new_id() end
  if not wanted:find(UUID) then refusal.raise(422, "id: expected a UUID, got %q", wanted) end
  if request.store:is_taken("sources", wanted) then refusal.raise(409, "id %s is in use already.", wanted) end
  return wanted
end

local function describe_file(source, name)
  local extension = name:match("%.(%w+)$")
  source.file_extension = extension and extension:lower()
  -- That other kinds are refused is our choice: not documented.
  if not content_types[source.file_extension] then
    refusal.raise(422, "name: %q is not the name of a csv, json, md, pdf or txt file", name)
  end
end

local function describe_page(source, address)
  if not pages.is_address(address) then refusal.raise(422, "name: %q is no valid URL", tostring(address)) end
  source.url = address
  if source.domain == json.null then source.domain = pages.domain(address) end
end

local function check_datasets(request, options)
  for _, dataset_id in ipairs(options and options.add_to_datasets or {}) do
    attachments.require_dataset(request, dataset_id)
  end
end

-- A dataset that has been deleted since is left out.
local function attach_to_all(request, source, options)
  for _, dataset_id in ipairs(options and options.add_to_datasets or {}) do
    if request.store:get("datasets", request.organization, dataset_id) then
      attachments.attach(request, dataset_id, source)
    end
  end
end

---Adds a source. The guide gives a page's address under `url` beside a name, the reference as the name.
---@param element { type: string, name: string, url: string?, file_name: string? } and other fields
---@return table source
function sources.add(request, element)
  local store, options = request.store, element.url_crawl_options
  check_datasets(request, options)
  local now = store:now()
  local source = {
    id = choose_id(request, element.id),
    organization_id = request.organization,
    type = element.type,
    name = element.name,
    domain = element.domain or json.null,
    file_upload_status = "PENDING",
    chunking_strategy = element.chunking_strategy or json.null,
    file_size = element.file_size or json.null,
    description = element.description or json.null,
    url_crawl_options = options,
    created_at = now,
    updated_at = now,
  }
  check(source)
  if source.type == "URL" then
    describe_page(source, element.url or element.name)
  else
    describe_file(source, element.file_name or element.name)
  end
  store:add("sources", source.id, source, { organization = request.organization })
  attach_to_all(request, source, options)
  return source
end

---Adds a file whose bytes are here already.
---@return table source
function sources.add_complete_file(request, element, bytes)
  local source = sources.add(request, element)
  source.file_upload_status, source.file_size = "COMPLETE", #bytes
  request.store:put_bytes(source.id, bytes)
  request.store:save("sources", source.id, source)
  return source
end

-- }======

-- {====== crawling ======

local function add_found_pages(request, source)
  local options = source.url_crawl_options
  for _, address in ipairs(pages.links(source.url, options)) do
    local page = sources.add(request,
      { type = "URL", name = address, domain = source.domain, chunking_strategy = source.chunking_strategy })
    attach_to_all(request, page, options)
  end
end

---Crawls a page that has not been yet. Call it before showing a source.
---@param source table
function sources.look(request, source)
  if source.type ~= "URL" or source.file_upload_status ~= "PENDING" then return end
  if pages.is_unreadable(source.url) then
    source.file_upload_status = "FAILED"
  else
    source.file_upload_status = "COMPLETE"
    request.store:put_bytes(source.id, pages.text(source.url))
    if source.url_crawl_options then add_found_pages(request, source) end
  end
  save(request, source)
end

-- }======

-- The answer to a creation: a file's tells where its bytes go.
local function with_upload(request, source)
  if source.type == "FILE" then
    source.content_type = content_types[source.file_extension]
    source.presigned_url = transfers.open(request, "uploads", source.id, source.content_type)
  end
  return source
end

-- 400 for what has not arrived is our choice, and so is it for a page, which the service itself completes.
local function check_upload_status(request, source, status)
  if status == nil then return end
  if source.type == "URL" then refusal.raise(400, "Source %s is a page; only files are uploaded.", source.id) end
  if status == "COMPLETE" and not request.store:get_bytes(source.id) then
    refusal.raise(400, "The bytes of source %s have not arrived; send them to its presigned_url first.", source.id)
  end
end

local rules = {}

-- The form of the answer is that of the other lists of this service: our choice.
rules["sources.list"] = function(request)
  local page = listing.envelope(request, "sources", nil, function() return true end)
  for _, source in ipairs(page.data) do sources.look(request, source) end
  return page
end

rules["sources.create"] = function(request)
  local created = json.array {}
  for index, element in ipairs(request.body) do
    created[index] = with_upload(request, sources.add(request, element))
  end
  return created
end

rules["sources.get"] = function(request)
  local source = sources.require(request, request.path.source_id)
  sources.look(request, source)
  return source
end

-- That a changed strategy lets every knowledge base process the source again is documented.
rules["sources.update"] = function(request)
  local source, body = sources.require(request, request.path.source_id), request.body
  check_upload_status(request, source, body.file_upload_status)
  fields.copy(source, body, SET_BY_SERVICE)
  check(source)
  save(request, source)
  if body.chunking_strategy ~= nil then
    for _, attachment in ipairs(attachments.of_source(request, source.id)) do
      attachments.restart(request, attachment, source)
    end
  end
  return source
end

rules["sources.delete"] = function(request)
  local source = sources.require(request, request.path.source_id)
  for _, attachment in ipairs(attachments.of_source(request, source.id)) do
    attachments.detach(request, attachment)
  end
  request.store:remove_bytes(source.id)
  request.store:remove("sources", request.organization, source.id)
end

-- 404 for a file without bytes is our choice; a page is given as Markdown, our choice as well.
rules["sources.download_url"] = function(request)
  local source = sources.require(request, request.path.source_id)
  sources.look(request, source)
  if not request.store:get_bytes(source.id) then
    refusal.raise(404, "The bytes of source %s have not arrived.", source.id)
  end
  local content_type = content_types[source.file_extension or "md"]
  return { download_url = transfers.open(request, "downloads", source.id, content_type) }
end

sources.rules = rules

return sources
