-- The JSON Schema of agent configurations: from a file, from the API with a credential, or as it was last
-- fetched, which is kept below $XDG_CACHE_HOME/anyreach (openapi/live_documents.lua). That the schema which the API
-- serves describes `config` of a version is documented; its shape is not.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local json = require "anyreach.json"
local disk = require "anyreach.disk"
local live_documents = require "anyreach.openapi.live_documents"
local report = require "anyreach.report"
local settings = require "anyreach.account.settings"

local config_schema = {}

local NAME = "agents.config_schema.json"

-- Failures after which what was kept is better than nothing.
local PASSING = { network = true, timeout = true, tls = true, server = true, rate_limited = true, not_found = true }

---@class anyreach.config_schema
---@field schema table
---@field source string where it comes from, in words

-- {====== what is kept ======

local function kept_path(base_url, profile)
  local place = live_documents.directory(base_url, profile)
  return place and place .. "/" .. NAME
end

local function keep(path, value)
  if not path or host.sandbox_url() then return end
  local text = json.encode { fetched = os.date("!%Y-%m-%dT%H:%M:%SZ"), schema = value }
  local ok, message = disk.write(path, text, { private = true })
  if not ok then report.warn("the schema was not kept for offline use: %s", message) end
end

local function read_kept(path)
  local file = path and io.open(path, "rb")
  if not file then return nil end
  file:close()
  local ok, kept = pcall(files.read_json, path)
  if not ok or type(kept) ~= "table" or type(kept.schema) ~= "table" then
    report.warn("%s cannot be read; the next run with a credential writes it anew", path)
    return nil
  end
  return { schema = kept.schema, source = ("as fetched %s"):format(tostring(kept.fetched)) }
end

-- }======

local function fetch(api, base_url, path)
  local ok, value = pcall(function() return (api.agents.config_schema()) end)
  if ok then
    keep(path, value)
    return { schema = value, source = host.sandbox_url() and "the sandbox's, an approximation" or "of " .. base_url }
  end
  if not errors.is_error(value) or not PASSING[value.kind] then error(value, 0) end
  report.warn("the schema could not be fetched: %s", tostring(value))
  return read_kept(path)
end

--- Finds the schema. A file that cannot be read, or a credential that is refused, raises an error.
---@param options {file?: string, offline?: boolean}
---@return anyreach.config_schema|nil nil when there is none
function config_schema.find(options)
  if options.file then return { schema = files.read_json(options.file), source = options.file } end
  local base_url, profile = settings.default_base_url()
  local path = kept_path(base_url, profile)
  if options.offline then return read_kept(path) end
  local api = live_documents.client()
  if not settings.of(api).token then return read_kept(path) end
  return fetch(api, base_url, path)
end

return config_schema
