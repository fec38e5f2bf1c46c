-- Makes a client: checks its options and hands them, with what account/settings.lua finds out, to C. It
-- knows the operations that are in the table; scripts and commands get theirs from openapi/live_documents.lua,
-- which adds those of the live API. When the server has refused something with 403, src/lua/call.c asks here, once
-- for each client, what its credential may do.

local core = require "anyreach.client_core"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local settings = require "anyreach.account.settings"

local client = {}

local DEFAULT_TIMEOUT = 60 -- seconds
local DEFAULT_CONNECT_TIMEOUT = 10 -- seconds
local DEFAULT_STALL_TIMEOUT = 30 -- seconds
local DEFAULT_RETRIES = 4
local DEFAULT_MAX_WAIT = 300 -- seconds

local option_types = {
  profile = { "string" },
  token = { "string", "userdata" },
  organization = { "string" },
  base_url = { "string" },
  timeout = { "number" },
  connect_timeout = { "number" },
  stall_timeout = { "number" },
  retries = { "number" },
  max_wait = { "number" },
  rate = { "number" },
  ca_file = { "string" },
  headers = { "table" },
}

local option_names = {}
for name in pairs(option_types) do option_names[#option_names + 1] = name end
table.sort(option_names)

local function check_options(options)
  local problems = {}
  for name, value in pairs(options) do
    local types = option_types[name]
    if not types then
      local near = operations.nearest(tostring(name), option_names)
      local hint = near and ('; did you mean "%s"?'):format(near)
        or "; expected one of " .. table.concat(option_names, ", ")
      problems[#problems + 1] = { path = tostring(name), message = "unknown option" .. hint }
    elseif type(value) ~= types[1] and type(value) ~= types[2] then
      problems[#problems + 1] =
        { path = name, message = ("expected a %s, got a %s"):format(types[1], type(value)) }
    end
  end
  table.sort(problems, function(a, b) return a.path < b.path end)
  if #problems > 0 then
    error(errors.make { kind = "usage", operation = "anyreach.client", problems = problems }, 0)
  end
end

local function check_headers(headers)
  for name, value in pairs(headers or {}) do
    if type(name) ~= "string" or not name:match("^[%w%-]+$") then
      errors.raise("usage", "headers: '%s' is not a header name", name)
    elseif type(value) ~= "string" and type(value) ~= "userdata" then
      errors.raise("usage", "headers.%s: expected a string, got a %s", name, type(value))
    end
  end
  return headers
end

local function check_seconds(name, value)
  value = tonumber(value)
  if not value or value <= 0 or value > 86400 then
    errors.raise("usage", "%s: expected seconds, more than 0 and at most 86400", name)
  end
  return value
end

local function check_retries(value)
  if math.type(value) ~= "integer" or value < 0 or value > 100 then
    errors.raise("usage", "retries: expected an integer from 0 to 100, got %s", tostring(value))
  end
  return value
end

local function check_rate(value)
  if value and (value <= 0 or value ~= value) then
    errors.raise("usage", "rate: expected requests a second, more than 0, got %s", tostring(value))
  end
  return value
end

---@class anyreach.client_options
---@field profile? string its name in the config file; default --profile, or ANYREACH_PROFILE
---@field token? string|anyreach.secret
---@field organization? string sent as X-Anyreach-Org
---@field base_url? string
---@field timeout? number seconds for a whole request; default 60, or --timeout
---@field connect_timeout? number seconds; default 10
---@field stall_timeout? number seconds without a byte, whole ones; default 30
---@field retries? integer how often a request that may be repeated is, after a failure; default 4, or --retries
---@field max_wait? number seconds in all that a request waits while the server refuses it for too many requests;
--- default 300, or --max-wait
---@field rate? number requests a second, for all clients of the same server; default no limit, or --rate
---@field ca_file? string certificate authorities to trust instead of the system's
---@field headers? table<string, string> sent with every request

-- Libcurl says itself what is wrong with a file; a pipe it would wait for.
local function check_file(path)
  local kind, what = directory.kind(path or "")
  if kind == "other" then errors.raise("input", "%s: expected a file, this is %s", path, what) end
  return path
end

-- What holds for each request of the client: the options' values, else the command line's, else ours.
local function limits_of(options)
  local line = host.options
  return {
    timeout = check_seconds("timeout", options.timeout or line.timeout or DEFAULT_TIMEOUT),
    connect_timeout = check_seconds("connect_timeout", options.connect_timeout or DEFAULT_CONNECT_TIMEOUT),
    stall_timeout = check_seconds("stall_timeout", options.stall_timeout or DEFAULT_STALL_TIMEOUT),
    retries = check_retries(options.retries or line.retries or DEFAULT_RETRIES),
    max_wait = check_seconds("max_wait", options.max_wait or line["max-wait"] or DEFAULT_MAX_WAIT),
    is_silent = line.quiet or line.json or nil,
    rate = check_rate(options.rate or line.rate),
    ca_file = check_file(options.ca_file or line["ca-file"]),
    http2 = line.http2,
    headers = check_headers(options.headers),
  }
end

--- Makes a client. `token`, `organization` and `base_url` come from the options, else from the command
--- line, else from the profile that is named, else from ANYREACH_TOKEN, ANYREACH_ORG_ID and
--- ANYREACH_BASE_URL, else from the default profile. The client of a protected profile refuses writes,
--- unless --write is given.
---@param options? anyreach.client_options
---@return anyreach.client
function client.new(options)
  options = options or {}
  if type(options) ~= "table" then
    errors.raise("usage", "anyreach.client: expected a table of options, got a %s", type(options))
  end
  check_options(options)
  local native = limits_of(options)
  local found = settings.find(options)
  for _, name in ipairs { "base_url", "organization", "token" } do native[name] = found[name] end
  native.profile = found.profile and found.profile.name
  native.is_protected = found.profile and found.profile.protected and not host.sandbox_url()
  local api = core.new(native)
  settings.keep(api, found)
  return api
end

--- What a dotted name means below a client: "agents.versions.get" is api.agents.versions.get.
---@param api anyreach.client
---@param name string
---@return any
function client.member(api, name)
  local value = api
  for part in name:gmatch("[^.]+") do value = value[part] end
  return value
end

-- {====== what its credential may do ======

local ASKING = "admin.members.my_scopes"

local asked = setmetatable({}, { __mode = "k" }) -- client -> the task that asks

-- A flat list of texts, as the documentation says; anything else says nothing.
local function ask(api)
  local list = core.internal(api).try.admin.members.my_scopes()
  if not json.is_array(list) then return nil end
  for _, scope in ipairs(list) do
    if type(scope) ~= "string" then return nil end
  end
  table.sort(list)
  return list
end

--- Adds to an error of kind "forbidden" the scopes that the credential has, when they can be had.
---@param err anyreach.error
---@param api anyreach.client that was refused
function client.add_scopes(err, api)
  if err.operation == ASKING then return end
  asked[api] = asked[api] or host.spawn(ask, api)
  local list = asked[api]:wait()
  if list then errors.add_own_scopes(err, list) end
end

-- }======

return client
