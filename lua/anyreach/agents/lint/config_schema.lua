-- The JSON Schema of agent configurations: from a file, from the API with a credential, or from the cache below
-- $XDG_CACHE_HOME/anyreach, where the last one fetched is kept beside the live documents. It is documented that the
-- API's schema describes the `config` of a version; its shape is not. For the recipe `validate`.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local json = require "anyreach.json"
local directory = require "anyreach.directory"
local disk = require "anyreach.disk"
local live_documents = require "anyreach.openapi.live_documents"
local report = require "anyreach.report"
local settings = require "anyreach.account.settings"

local config_schema = {}

local NAME = "agents.config_schema.json"

-- Failures after which a cached schema is better than none.
local TEMPORARY = { network = true, timeout = true, tls = true, server = true, rate_limited = true, not_found = true }

---@class anyreach.config_schema
---@field schema table
---@field source string its origin, in words

-- {====== the cache ======

local function cache_path(base_url, profile)
  local folder = live_documents.directory(base_url, profile)
  return folder and folder .. "/" .. NAME
end

local function write_cache(path, value)
  if not path or host.sandbox_url() then return end
  local text = json.encode { fetched = os.date("!%Y-%m-%dT%H:%M:%SZ"), schema = value }
  local ok, message = disk.write(path, text, { private = true })
  if not ok then report.warn("the schema could not be cached for offline use: %s", message) end
end

local function read_cache(path)
  if not path or not directory.kind(path) then return nil end
  local ok, cached = pcall(files.read_json, path)
  if not ok or type(cached) ~= "table" or type(cached.schema) ~= "table" then
    report.warn("%s cannot be read; the next run with a credential writes a new one", path)
    return nil
  end
  return { schema = cached.schema, source = ("as fetched %s"):format(tostring(cached.fetched)) }
end

-- }======

local function fetch(api, base_url, path)
  local ok, value = pcall(function() return (api.agents.config_schema()) end)
  if ok then
    write_cache(path, value)
    return { schema = value, source = host.sandbox_url() and "the sandbox's, an approximation" or "of " .. base_url }
  end
  if not errors.is_error(value) or not TEMPORARY[value.kind] then error(value, 0) end
  report.warn("the schema could not be fetched: %s", tostring(value))
  return read_cache(path)
end

--- The schema that was last fetched from the API, or nil.
---@return table|nil
function config_schema.cached()
  local found = read_cache(cache_path(settings.default_base_url()))
  return found and found.schema
end

--- Finds the schema. A file that cannot be read, or a credential that is refused, raises an error.
---@param options {file?: string, offline?: boolean}
---@return anyreach.config_schema|nil nil without any
function config_schema.find(options)
  if options.file then return { schema = files.read_json(options.file), source = options.file } end
  local base_url, profile = settings.default_base_url()
  local path = cache_path(base_url, profile)
  if options.offline then return read_cache(path) end
  local api = live_documents.client()
  if not settings.of(api).token then return read_cache(path) end
  return fetch(api, base_url, path)
end

return config_schema
