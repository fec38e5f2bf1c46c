-- Operations that come while the program runs: from the document that --openapi names, and from the
-- documents of the API's own services, which `anyreach api update` keeps below
--
--   $XDG_CACHE_HOME/anyreach/openapi/HOST/SERVICE.json        ($HOME/.cache without XDG_CACHE_HOME)
--   $XDG_CACHE_HOME/anyreach/openapi/HOST/profiles/NAME/SERVICE.json        for a profile
--
-- with the names that were given (given_names.lua), those of --openapi among them. A client brings in what is kept for
-- its address and profile; a run that makes none pays nothing. There is one operation table for the program: with
-- clients of several addresses, what was read last counts, and what --openapi says counts before all.

local directory = require "anyreach.directory"
local host = require "anyreach.host"

local live_documents = {}

--- The services of the API, each with a document of its own at /SERVICE/openapi.json.
live_documents.services = require("anyreach.openapi.name").services

local MAX_WARNINGS = 5 -- for one document

local own -- {document, name, given} of --openapi, read
local used = {} -- directories whose documents are in the table

-- {====== documents into the table ======

---@class anyreach.openapi.reading
---@field merged anyreach.openapi.merged[]
---@field refused anyreach.openapi.refusal[] operations that cannot be bound

--- Reads a decoded document against what is known. Changes nothing.
---@param value table
---@param name string what it is called in messages
---@param service? string whose document it is
---@param given? anyreach.openapi.given names that were given before
---@return anyreach.openapi.reading
function live_documents.read(value, name, service, given)
  local errors = require "anyreach.errors"
  local place = require("anyreach.openapi.document").place
  local ok, found, refused = pcall(require("anyreach.openapi.operations").read, place(value, service))
  if not ok then errors.raise("input", "%s: %s", name, found) end
  return { merged = require("anyreach.openapi.document").rows(found, given), refused = refused }
end

-- The row with schemas that say nothing, for one whose own are more than the table takes.
local function described_less(row)
  local less = {}
  for key, value in pairs(row) do less[key] = value end
  less.answer, less.body = nil, row.body and { types = row.body.types, open = true }
  return less
end

--- Puts what was read into the operation table; what it cannot take is added to the refused.
---@param reading anyreach.openapi.reading
function live_documents.define(reading)
  local define = require("anyreach.operations").define
  local rows, by_name, less = {}, {}, {}
  for i, entry in ipairs(reading.merged) do
    rows[i] = entry.row
    by_name[entry.row.name] = entry.row
  end
  for i, problem in ipairs(define(rows)) do less[i] = described_less(by_name[problem.name]) end
  for _, problem in ipairs(define(less)) do
    local row = by_name[problem.name]
    table.insert(reading.refused, { method = row.method, path = row.path, reason = problem.reason })
  end
end

--- What a reading says and is not believed, a sentence each.
---@param reading anyreach.openapi.reading
---@return string[]
function live_documents.overruled(reading)
  local list = {}
  for _, entry in ipairs(reading.merged) do
    local row = entry.row
    for _, text in ipairs(entry.overruled) do
      list[#list + 1] = ("%s (%s %s): %s"):format(row.name, row.method, row.path, text)
    end
  end
  return list
end

local function define_own()
  if not own then return end
  local reading = live_documents.read(own.document, own.name, nil, own.given)
  live_documents.define(reading)
  return reading
end

-- }======

-- {====== what is kept ======

--- Where the documents of an address are kept; nil when no directory for caches.
---@param base_url string
---@param profile? string its name
---@return string|nil
function live_documents.directory(base_url, profile)
  local name = base_url:gsub("^%a+://", ""):lower():gsub("[^%w.:-]", "_"):gsub("^%.", "_")
  return require("anyreach.account.user_paths").cache("openapi/" .. name .. (profile and "/profiles/" .. profile or ""))
end

--- Keeps a service's document for later runs.
---@param place string of live_documents.directory
---@param service string
---@param value table the decoded document
function live_documents.save(place, service, value)
  local errors = require "anyreach.errors"
  local text = require("anyreach.json").encode(value)
  local ok, message = require("anyreach.disk").write(place .. "/" .. service .. ".json", text, { private = true })
  if not ok then errors.raise("input", "%s", message) end
end

local function load_kept(path, service, given)
  local value = require("anyreach.openapi.document").decode(require("anyreach.files").read_file(path), path)
  live_documents.define(live_documents.read(value, path, service, given))
end

-- A file that cannot be used is no reason not to run.
local function load_directory(place)
  local given = require("anyreach.openapi.given_names").load(place)
  for _, service in ipairs(live_documents.services) do
    local path = place .. "/" .. service .. ".json"
    if directory.kind(path) then
      local ok, problem = pcall(load_kept, path, service, given)
      if not ok then
        require("anyreach.report").warn("%s; 'anyreach api update' writes the file anew", tostring(problem))
      end
    end
  end
end

--- Brings in what is kept for an address.
---@param base_url string
---@param profile? string its name
function live_documents.use(base_url, profile)
  local place = base_url ~= host.sandbox_url() and live_documents.directory(base_url, profile)
  if not place or used[place] then return end
  used[place] = true
  if directory.kind(place) ~= "directory" then return end
  load_directory(place)
  define_own()
end

--- The same for the address that clients have by default: for commands that describe the
--- operations without calling them. An address that cannot be is for a client to refuse.
function live_documents.use_default()
  local ok, base_url, profile = pcall(require("anyreach.account.settings").default_base_url)
  if ok then live_documents.use(base_url, profile) end
end

--- Makes a client that knows what is kept for its address and profile: `anyreach.client` of scripts.
---@param options? anyreach.client_options
---@return anyreach.client
function live_documents.client(options)
  local api = require("anyreach.client.client").new(options)
  local settings = require("anyreach.account.settings").of(api)
  live_documents.use(settings.base_url, settings.profile and settings.profile.name)
  return api
end

-- }======

-- {====== --openapi ======

-- The credential goes along to the client's own address, if there is one; nowhere else.
local function fetch(url)
  local core = require "anyreach.client_core"
  local api, base_url = live_documents.client(), require("anyreach.account.settings").default_base_url()
  if url:sub(1, #base_url + 1) == base_url .. "/" then
    local ok, text = pcall(core.fetch, api, url, true)
    if ok then return text end
    local is_missing = type(text) == "table" and text.kind == "credential"
    if not is_missing then error(text, 0) end
  end
  return (core.fetch(api, url, false))
end

local function warn(name, texts, more)
  local report = require "anyreach.report"
  for i = 1, math.min(#texts, MAX_WARNINGS) do report.warn("%s: %s", name, texts[i]) end
  if #texts > MAX_WARNINGS then report.warn("%s: %d more %s", name, #texts - MAX_WARNINGS, more) end
end

local function warn_of(name, reading)
  local refused = {}
  for i, refusal in ipairs(reading.refused) do
    refused[i] = ("%s %s cannot be bound: %s"):format(refusal.method, refusal.path, refusal.reason)
  end
  warn(name, refused, "operations cannot be bound")
  warn(name, live_documents.overruled(reading), "statements are not believed")
end

-- The names given before, and a function that keeps those of a reading. Where nothing can be kept, names depend on
-- the document alone, as nothing else was read.
local function own_names()
  local ok, base_url, profile = pcall(require("anyreach.account.settings").default_base_url)
  local place = ok and base_url ~= host.sandbox_url() and live_documents.directory(base_url, profile)
  if not place then return {}, function() end end
  local given_names = require "anyreach.openapi.given_names"
  return given_names.load(place), function(reading) pcall(given_names.keep, place, reading.merged) end
end

--- Whether the document says that it is served from another host than the client's, which calls go to.
---@param value table
---@return string|nil host
function live_documents.other_host(value)
  local ok, base_url = pcall(require("anyreach.account.settings").default_base_url)
  local named = require("anyreach.openapi.document").host(value)
  if not ok or not named or host.sandbox_url() then return nil end
  return named ~= base_url:match("^%a+://([^/]+)"):lower() and named or nil
end

local function load_own(source)
  local document, report = require "anyreach.openapi.document", require "anyreach.report"
  local is_url = source:find("^%a[%w+.-]*://")
  local text = is_url and fetch(source) or require("anyreach.files").read_file(source)
  local given, keep = own_names()
  own = { document = document.decode(text, source), name = source, given = given }
  local elsewhere = live_documents.other_host(own.document)
  if elsewhere then
    report.warn("%s: it is for %s; calls go to the client's address", source, elsewhere:gsub("%c", "?"))
  end
  local reading = define_own()
  keep(reading)
  warn_of(source, reading)
end

--- A program that begins with the operations of a document. For src/program/host.c.
---@param program function
---@param source string a file's name, or a URL
---@return function
function live_documents.with_document(program, source)
  return function(...)
    load_own(source)
    return program(...)
  end
end

-- }======

return live_documents
