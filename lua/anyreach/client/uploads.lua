-- Functions of the client that are made of several operations. Each entry takes the client and returns
-- the function of that name.

local digest = require "anyreach.digest"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local form = require "anyreach.client.form"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local waiting = require "anyreach.client.waiting"

local composites = {}

local UPLOAD_OPTIONS = { "name", "chunking_strategy", "dataset_id", "timeout", "on_progress" }

local function is_upload_option(name)
  for _, known in ipairs(UPLOAD_OPTIONS) do
    if name == known then return true end
  end
  return false
end

-- Raises what is wrong, also what would show only after the bytes have been sent.
local function check_upload(path, options)
  if type(path) ~= "string" then
    errors.raise("usage", "sources.upload: expected the path of a file, got a %s", type(path))
  elseif type(options) ~= "table" then
    errors.raise("usage", "sources.upload: expected a table of options, got a %s", type(options))
  end
  for name in pairs(options) do
    if not is_upload_option(name) then
      errors.raise("usage", "sources.upload: unknown option '%s'; expected %s", tostring(name),
        table.concat(UPLOAD_OPTIONS, ", "))
    end
  end
  if options.dataset_id ~= nil and type(options.dataset_id) ~= "string" then
    errors.raise("usage", "sources.upload: dataset_id: expected a string, got a %s", type(options.dataset_id))
  end
  waiting.check_options("sources.upload", { timeout = options.timeout, on_progress = options.on_progress })
end

-- {====== one source for one content ======

-- Sources take an id that the client makes. It follows from what is uploaded, so that a second upload of the same
-- finds the source of the first. That reading a source by its id works, and what the service does with an id that is
-- in use or that it does not take, is not documented: nothing here fails because of it, at worst a second source is
-- made, as without an id.

-- The organisation is part of the id, because two of them may upload the same; nil when nothing tells it.
local function organization_of(api)
  local account = identity.of(api)
  if account.organization then return account.organization end
  local ok, learned = pcall(identity.learn, api)
  return ok and learned.organization or nil
end

-- A UUID of version 8, which is for ids that an application derives as it likes.
local function uuid_of(text)
  local hex = digest.sha256(text)
  local variant = ("%x"):format(8 | tonumber(hex:sub(17, 17), 16) & 3)
  return ("%s-%s-8%s-%s%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), variant, hex:sub(18, 20),
    hex:sub(21, 32))
end

-- The id of the source, by organisation, name and content, and the chunking strategy if one is asked for. None for
-- what the creation will refuse anyway.
local function id_of(api, name, bytes, strategy)
  local is_misuse = type(name) ~= "string" or strategy ~= nil and type(strategy) ~= "table"
  if is_misuse or identity.of(api).read_only then return nil end
  local organization = organization_of(api)
  if not organization then return nil end
  return uuid_of(json.encode(json.array {
    "anyreach source", organization, name, digest.sha256(bytes), strategy or json.null,
  }))
end

-- The source of that id or nil, and whether the answer can be relied on: without it no id is sent, because a source
-- that is there already would be taken for one that was created here.
local function find(api, id)
  local source, err = api.try.sources.get(id)
  if type(source) == "table" and source.id == id then return source, true end
  return nil, errors.is_error(err) and err.status == 404
end

-- }======

-- Raises an error of what was to be done with a source, which is deleted first, or said to remain.
local function fail(api, id, err)
  local is_deleted, problem = pcall(api.sources.delete, id)
  if not errors.is_error(err) then error(err, 0) end
  if is_deleted or errors.is_error(problem) and problem.status == 404 then
    err.message = err.message .. "; the source that was created for it was deleted"
  else
    err.message = ("%s; the source %s, which was created for it, remains: %s"):format(err.message, id,
      errors.is_error(problem) and problem.message or tostring(problem))
  end
  error(err, 0)
end

local function check_created(source, path)
  for _, name in ipairs { "id", "presigned_url" } do
    if type(source) ~= "table" or type(source[name]) ~= "string" then
      errors.raise("answer", "sources.upload: the server gave no %s for %s", name, path)
    end
  end
end

-- Creates the source and returns it with the address its bytes go to.
local function create_source(api, path, fields)
  local ok, created = pcall(api.sources.create, json.array { fields })
  if not ok then
    local may_exist = fields.id and errors.is_error(created) and created.may_have_been_sent
    if may_exist and find(api, fields.id) then fail(api, fields.id, created) end
    error(created, 0)
  end
  local source = json.is_array(created) and created[1] or created
  local is_complete, err = pcall(check_created, source, path)
  if is_complete then return source end
  local id = type(source) == "table" and type(source.id) == "string" and source.id
  if id then fail(api, id, err) end
  error(err, 0)
end

local function send(api, path, bytes, source)
  local content_type = type(source.content_type) == "string" and source.content_type or form.content_type(path)
  require("anyreach.client_core").upload(api, source.presigned_url, bytes, content_type)
  return api.sources.update(source.id, { file_upload_status = "COMPLETE" })
end

-- The complete source of a file, and whether it was there before. One whose upload was broken off is made anew: the
-- address for its bytes is told only when a source is created.
local function provide_source(api, path, options)
  local bytes, name = files.read_file(path), options.name or form.base_name(path)
  local id = id_of(api, name, bytes, options.chunking_strategy)
  local found, is_sure
  if id then found, is_sure = find(api, id) end
  if not is_sure then id = nil end
  if found and found.file_upload_status == "COMPLETE" then return found, true end
  if found then api.sources.delete(id) end
  local source = create_source(api, path, {
    id = id,
    type = "FILE",
    name = name,
    chunking_strategy = options.chunking_strategy or { method = "structure_based" },
    file_size = #bytes,
  })
  local ok, complete = pcall(send, api, path, bytes, source)
  if not ok then fail(api, source.id, complete) end
  return complete, false
end

local function is_attached(api, dataset_id, source_id)
  for attachment in api.datasets.sources.each(dataset_id) do
    if attachment.source_id == source_id then return true end
  end
  return false
end

local function attach(api, source_id, is_old, options)
  local limits = { timeout = options.timeout, on_progress = options.on_progress, started = { source_id = source_id } }
  if not is_old or not is_attached(api, options.dataset_id, source_id) then
    local attached = api.datasets.sources.create(options.dataset_id, json.array { { source_id = source_id } })
    if json.is_array(attached) then limits.started = attached end
  end
  api.datasets.sources.create.wait(options.dataset_id, limits)
end

--- sources.upload(path[, options]): creates a source, sends the file's bytes to the address that the server
--- gives for them (without the credential), and marks it complete; the same content under the same name is one
--- source, which is found again. With `dataset_id` the source is also attached to that knowledge base and waited for
--- until it is processed. When the bytes cannot be sent, the source is deleted.
composites["sources.upload"] = function(api)
  return function(path, options)
    if options == nil then options = {} end
    check_upload(path, options)
    local source, is_old = provide_source(api, path, options)
    if options.dataset_id then attach(api, source.id, is_old, options) end
    return source
  end
end

return composites
