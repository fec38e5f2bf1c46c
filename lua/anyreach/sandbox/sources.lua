-- Sources: files and pages that knowledge bases are made of, and the addresses at which the bytes of files are
-- sent and fetched. Stored in "sources"; what they say is stored as bytes under the same id, for a file when it is
-- uploaded, for a page when it is crawled.
-- A page is crawled when somebody first looks at it (our choice: that it happens later is documented).

local json = require "anyreach.json"
local attachments = require "anyreach.sandbox.attachments"
local checks = require "anyreach.sandbox.checks"
local content_types = require "anyreach.text.content_types"
local listing = require "anyreach.sandbox.listing"
local timestamp = require "anyreach.text.timestamp"

local sources = {}

local SET_BY_SERVICE = {
  id = true, organization_id = true, type = true, file_size = true, file_extension = true, url = true,
  created_at = true, updated_at = true, presigned_url = true, content_type = true,
}

-- {====== the web ======

-- Every address has a page, whose words are those of the address. Nothing is fetched.

local CRAWL_LIMIT = 10 -- documented default of url_crawl_options.limit, the first page included
local LINKS = 2 -- how many pages a crawl finds below the first

local function is_page_address(address)
  return type(address) == "string" and address:find("^[Hh][Tt][Tt][Pp][Ss]?://[%w][%w.:-]*%f[/?#\0][^%s%c]*$") ~= nil
end

local function domain_of(address)
  return address:match("^%a+://([^/?#]+)")
end

-- An address with "fail-crawl" in it cannot be read.
local function is_unreadable(address)
  return address:find("fail-crawl", 1, true) ~= nil
end

-- The page's text, in Markdown.
local function page_text(address)
  local words = address:gsub("^%a+://", ""):gsub("[^%w\128-\255]+", " ")
  return ("# %s\n\nThis page stands in for %s.\n"):format(words, address)
end

-- The addresses that a crawl finds below a page.
local function links_of(address, options)
  local found = {}
  local limit = math.min(LINKS, (options.limit or CRAWL_LIMIT) - 1)
  if options.max_depth and options.max_depth < 1 then return found end
  local base = address:gsub("[?#].*$", ""):gsub("/$", "")
  for number = 1, limit do found[number] = ("%s/page-%d"):format(base, number) end
  return found
end

-- }======

-- {====== addresses of bytes ======

-- As an object store would give them: the address itself is the permission, for a while. They need no credential,
-- and a request that carries one is refused: a client that leaks its credential there is noticed. Stored in
-- "transfers" under the token that the address ends in.

local MICROSECONDS = 1000000
local KINDS = {
  uploads = { seconds = 3600, methods = { PUT = true, POST = true }, allowed = "PUT, POST" },
  downloads = { seconds = 900, methods = { GET = true }, allowed = "GET" },
}

-- Makes an address, of the kind "uploads" or "downloads".
local function open_transfer(request, kind, source_id, content_type)
  local store, now = request.store, request.now()
  local token = request.new_id():gsub("%-", "")
  store:add("transfers", token, {
    kind = kind,
    source_id = source_id,
    content_type = content_type,
    expires_at = timestamp.format(timestamp.parse(now) + KINDS[kind].seconds * MICROSECONDS),
    created_at = now,
  }, { organization = request.organization })
  return ("%s/_sandbox/%s/%s"):format(request.base_url, kind, token)
end

---Whether a path is one of these addresses.
---@param path string
---@return boolean
function sources.is_transfer(path)
  return path:find("^/_sandbox/uploads/") ~= nil or path:find("^/_sandbox/downloads/") ~= nil
end

-- The permission that the address stands for, and its source; 403 when it has expired or never was one.
local function require_permission(store, now, kind, token)
  local organization = store:owner("transfers", token)
  local transfer = store:get("transfers", organization, token)
  local source = transfer and transfer.kind == kind and store:get("sources", organization, transfer.source_id)
  if not source or transfer.expires_at < now() then
    checks.refuse(403, "This address is unknown or has expired.")
  end
  return transfer, source
end

local function check_headers(transfer, kind, headers)
  if headers["authorization"] then
    checks.refuse(400, "This address takes no credential; send the request without Authorization.")
  end
  local content_type = headers["content-type"]
  if kind == "uploads" and content_type and content_type ~= transfer.content_type then
    checks.refuse(403, "Content-Type: expected %s, got %s", transfer.content_type, content_type)
  end
end

local function keep(store, source, bytes)
  store:put_bytes(source.id, bytes)
  source.file_size = #bytes
  store:save("sources", source.id, source)
  return { status = 200, headers = {} }
end

local function give(store, transfer, source)
  local bytes = store:get_bytes(source.id)
  if not bytes then checks.refuse(404, "The bytes of source %s have not arrived.", source.id) end
  return { status = 200, headers = { ["Content-Type"] = transfer.content_type }, body = bytes }
end

---Answers a request to one of these addresses, within a transaction.
---@param store SandboxStore
---@param now fun(): string
---@param call { method: string, path: string, headers: table, body: string }
---@return table answer
function sources.answer_transfer(store, now, call)
  local kind, token = call.path:match("^/_sandbox/(%l+)/(.*)$")
  local rule = KINDS[kind]
  if not rule.methods[call.method] then
    checks.refuse(405, "Method %s is not allowed here; allowed: %s.", call.method, rule.allowed)
  end
  local transfer, source = require_permission(store, now, kind, token)
  check_headers(transfer, kind, call.headers)
  if kind == "uploads" then return keep(store, source, call.body or "") end
  return give(store, transfer, source)
end

-- }======

---The source of that id; answers 404 when the organisation has none.
---@param id string
---@return table
function sources.require(request, id)
  local source = request.store:get("sources", request.organization, id)
  if not source then checks.refuse(404, "Source %s not found.", id) end
  return source
end

---What a source says. Its upload or crawl must be complete.
---@return string
function sources.text(request, source)
  return checks.clean_utf8(request.store:get_bytes(source.id))
end

local function save(request, source)
  source.updated_at = request.now()
  request.store:save("sources", source.id, source)
end

-- Fields that the schema leaves open in some bodies (our choice: 422).
local function check(source)
  checks.require_text(source.name, "name")
  for _, name in ipairs { "domain", "description" } do
    if source[name] ~= json.null and type(source[name]) ~= "string" then
      checks.refuse(422, "%s: expected a string or null", name)
    end
  end
  if source.chunking_strategy ~= json.null and not checks.is_object(source.chunking_strategy) then
    checks.refuse(422, "chunking_strategy: expected an object such as {\"method\": \"structure_based\"}")
  end
end

-- {====== creation ======

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

-- The caller's own id, or a new one. 409 is our choice.
local function choose_id(request, wanted)
  if wanted == nil then return request.new_id() end
  if not wanted:find(UUID) then checks.refuse(422, "id: expected a UUID, got %q", wanted) end
  if request.store:is_taken("sources", wanted) then checks.refuse(409, "id %s is in use already.", wanted) end
  return wanted
end

local function describe_file(source, name)
  local extension = name:match("%.(%w+)$")
  source.file_extension = extension and extension:lower()
  -- That other kinds are refused is our choice: not documented.
  if not content_types[source.file_extension] then
    checks.refuse(422, "name: %q is not the name of a csv, json, md, pdf or txt file", name)
  end
end

local function describe_page(source, address)
  if not is_page_address(address) then checks.refuse(422, "name: %q is no valid URL", tostring(address)) end
  source.url = address
  if source.domain == json.null then source.domain = domain_of(address) end
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
  local now = request.now()
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
  for _, address in ipairs(links_of(source.url, options)) do
    local page = sources.add(request,
      { type = "URL", name = address, domain = source.domain, chunking_strategy = source.chunking_strategy })
    attach_to_all(request, page, options)
  end
end

---Crawls a page that has not been yet. Call it before showing a source.
---@param source table
function sources.look(request, source)
  if source.type ~= "URL" or source.file_upload_status ~= "PENDING" then return end
  if is_unreadable(source.url) then
    source.file_upload_status = "FAILED"
  else
    source.file_upload_status = "COMPLETE"
    request.store:put_bytes(source.id, page_text(source.url))
    if source.url_crawl_options then add_found_pages(request, source) end
  end
  save(request, source)
end

-- }======

-- The answer to a creation: a file's says where its bytes go.
local function with_upload(request, source)
  if source.type == "FILE" then
    source.content_type = content_types[source.file_extension]
    source.presigned_url = open_transfer(request, "uploads", source.id, source.content_type)
  end
  return source
end

-- 400 for what has not arrived is our choice, and so is it for a page, which the service itself completes.
local function check_upload_status(request, source, status)
  if status == nil then return end
  if source.type == "URL" then checks.refuse(400, "Source %s is a page; only files are uploaded.", source.id) end
  if status == "COMPLETE" and not request.store:get_bytes(source.id) then
    checks.refuse(400, "The bytes of source %s have not arrived; send them to its presigned_url first.", source.id)
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
  checks.copy_fields(source, body, SET_BY_SERVICE)
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
    checks.refuse(404, "The bytes of source %s have not arrived.", source.id)
  end
  local content_type = content_types[source.file_extension or "md"]
  return { download_url = open_transfer(request, "downloads", source.id, content_type) }
end

sources.rules = rules

return sources
