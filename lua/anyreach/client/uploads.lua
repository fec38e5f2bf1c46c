-- Functions of the client that are made of several operations. Each entry takes the client and returns
-- the function of that name.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local form = require "anyreach.client.form"
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

-- Creates the source and returns it with the address its bytes go to.
local function create_source(api, path, bytes, options)
  local created = api.sources.create(json.array {
    {
      type = "FILE",
      name = options.name or form.base_name(path),
      chunking_strategy = options.chunking_strategy or { method = "structure_based" },
      file_size = #bytes,
    },
  })
  local source = json.is_array(created) and created[1] or created
  for _, name in ipairs { "id", "presigned_url" } do
    if type(source) ~= "table" or type(source[name]) ~= "string" then
      errors.raise("answer", "sources.upload: the server gave no %s for %s", name, path)
    end
  end
  return source
end

--- sources.upload(path[, options]): creates a source, sends the file's bytes to the address that the server
--- gives for them (without the credential), and marks it complete. With `dataset_id` the source is also
--- attached to that knowledge base and waited for until it is processed.
composites["sources.upload"] = function(api)
  return function(path, options)
    if options == nil then options = {} end
    check_upload(path, options)
    local bytes = files.read_file(path)
    local source = create_source(api, path, bytes, options)
    local content_type = type(source.content_type) == "string" and source.content_type or form.content_type(path)
    require("anyreach.client_core").upload(api, source.presigned_url, bytes, content_type)
    local complete = api.sources.update(source.id, { file_upload_status = "COMPLETE" })
    if options.dataset_id then
      local attached = api.datasets.sources.create(options.dataset_id, json.array { { source_id = source.id } })
      local limits = { timeout = options.timeout, on_progress = options.on_progress }
      limits.started = json.is_array(attached) and attached or { source_id = source.id }
      api.datasets.sources.create.wait(options.dataset_id, limits)
    end
    return complete
  end
end

return composites
