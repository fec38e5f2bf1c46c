-- The sandbox: an emulator of the API as one function from a request to an answer. The HTTP server
-- (src/sandbox) calls it in a Lua state of its own; tests call it directly.
--
-- A request goes through: control routes, route (404, 405), fault, credential (401), scope (403), query and
-- body (422), and then the rule of its operation (rules.lua), all within one transaction that is committed
-- before the answer is given. Everything but the rule is here, or in modules that only this one uses.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local access = require "anyreach.sandbox.access"
local accounts = require "anyreach.account.sandbox"
local checks = require "anyreach.sandbox.checks"
local datasets = require "anyreach.sandbox.datasets"
local faults = require "anyreach.sandbox.faults"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local reader = require "anyreach.sandbox.request_reader"
local rules = require "anyreach.sandbox.rules"
local sources = require "anyreach.sandbox.sources"
local SqliteStore = require "anyreach.sandbox.sqlite_store"
local trunks = require "anyreach.sandbox.trunks"

local described = {}
local function describe_operation(name)
  described[name] = described[name] or operations.describe(name)
  return described[name]
end

-- {====== answers ======

local function answer_json(status, value)
  return { status = status, headers = { ["Content-Type"] = "application/json" }, body = json.encode(value) }
end

local function answer_refusal(status, detail)
  return answer_json(status, { detail = checks.clean_utf8(detail) })
end

-- What the rules answered, as HTTP.
local function write_answer(operation, answered)
  local status, value = answered.status, answered.value
  if operation.answer_kind == "none" or value == nil then return { status = status, headers = {} } end
  if operation.answer_kind == "json" then return answer_json(status, value) end
  return {
    status = status,
    headers = { ["Content-Type"] = "text/plain; charset=utf-8" },
    body = value,
    stream = answered.stream,
  }
end

-- }======

-- {====== the steps of a request ======

local METHODS = { "GET", "POST", "PUT", "PATCH", "DELETE" }

local function allowed_methods(path)
  local allowed = {}
  for _, method in ipairs(METHODS) do
    if operations.match(method, path) then allowed[#allowed + 1] = method end
  end
  return table.concat(allowed, ", ")
end

local function answer_unroutable(method, path, reason)
  if reason ~= "method" then return answer_refusal(404, ("No such path: %s"):format(path)) end
  local allowed = allowed_methods(path)
  local answer = answer_refusal(405, ("Method %s is not allowed here; allowed: %s."):format(method, allowed))
  answer.headers["Allow"] = allowed
  return answer
end

local function check_path(values)
  for _, value in pairs(values) do
    if not utf8.len(value) then checks.refuse(404, "Not found: the path is not UTF-8.") end
  end
end

-- }======

local Sandbox = {}
Sandbox.__index = Sandbox

-- What addresses of our own begin with: the host that the caller has reached us by.
local function address_of(headers)
  local host = headers["host"]
  return "http://" .. (host and host:find("^[%w.:%[%]-]+$") and host or "127.0.0.1")
end

-- What rules learn beside the store.
local function context_of(sandbox, caller, headers)
  local sequence = sandbox.store.sequence
  return {
    now = function() return sequence:now() end,
    new_id = function() return sequence:id() end,
    is_hidden = function(collection, id) return sandbox.staleness:hides(collection, id) end,
    caller = caller,
    base_url = address_of(headers),
  }
end

-- What a new organisation has: its trunks and, on the first of them, its numbers; a knowledge base.
local function seed(sandbox)
  for _, organization in ipairs(accounts.organizations) do
    local request = rules.request(sandbox.store, context_of(sandbox, { organization = organization.id }, {}))
    for _, trunk in ipairs(organization.trunks) do trunks.add(request, trunk) end
    for _, number in ipairs(organization.phone_numbers) do
      phone_numbers.add(request, number, organization.trunks[1].id)
    end
    for _, dataset in ipairs(organization.datasets) do datasets.add(request, dataset.id, dataset) end
  end
end

-- A public operation takes no credential, and refuses none.
local function admit(sandbox, operation, headers)
  if operation.public then return nil end
  local caller = access.authenticate(headers, sandbox.store, context_of(sandbox, nil, headers).now)
  access.check_scopes(caller, operation)
  return caller
end

-- Versions, one or a list of them, as a server shows that has forms of its own.
local function show_versions(words, value)
  if type(value) ~= "table" then return end
  local stored_forms = require "anyreach.sandbox.stored_forms"
  if value.config ~= nil then value.config = stored_forms.shown(words, value.config) end
  for _, version in ipairs(value) do show_versions(words, version) end
end

local function answer_operation(sandbox, operation, call, words)
  local caller = admit(sandbox, operation, call.headers)
  check_path(call.values)
  local query = reader.query(operation, call.query)
  local body, form = reader.body(operation, call.headers, call.body)
  if words and type(body) == "table" and type(body.config) == "table" then
    body.config = require("anyreach.sandbox.stored_forms").stored(words, body.config)
  end
  local asked = { path = call.values, query = query, body = body, form = form }
  local answered = rules.answer(operation, asked, sandbox.store, context_of(sandbox, caller, call.headers))
  if words then show_versions(words, answered.value) end
  return write_answer(operation, answered)
end

-- Refusals become answers; any other error is a defect of a rule and goes to the caller.
local function carry_out(sandbox, method, action)
  local ok, answer = sandbox.store:transaction(action, method == "GET")
  if ok then return answer end
  if checks.is_refusal(answer) then return answer_refusal(answer.status, answer.detail) end
  error(answer, 0)
end

local function choose_fault(sandbox, operation, headers)
  local text = headers["x-sandbox-fault"]
  if text then return faults.parse(text) end
  return sandbox.profile and sandbox.profile:choose(operation)
end

local function answer_with_fault(sandbox, fault, operation, call)
  if faults.prevents(fault) then return faults.apply(fault, nil) end
  local answer = carry_out(sandbox, call.method, function()
    return answer_operation(sandbox, operation, call, fault and fault.stores)
  end)
  if fault and fault.stale then sandbox.staleness:hide(sandbox.store.created, fault.stale) end
  return faults.apply(fault, answer)
end

local function answer_transfer(sandbox, call)
  return carry_out(sandbox, call.method, function()
    return sources.answer_transfer(sandbox.store, context_of(sandbox, nil, call.headers).now, call)
  end)
end

-- {====== the documents of the services ======

local function rows_of(service)
  local rows = {}
  for _, name in ipairs(operations.names()) do
    local row = operations.describe(name)
    if row.service == service then rows[#rows + 1] = row end
  end
  return rows
end

-- GET /SERVICE/openapi.json: a document made of the operation table, or nil when the path names none. That
-- each service serves one is documented; that it takes a credential, whatever its scopes, is our choice.
local function find_document(method, path)
  local service = method == "GET" and path:match("^/([%w-]+)/openapi%.json$")
  local rows = service and rows_of(service) or {}
  if #rows == 0 then return nil end
  local openapi = require "anyreach.openapi.write"
  return openapi.document("Anyreach " .. service .. " service, as the sandbox knows it", rows)
end

local function answer_document(sandbox, call, document)
  return carry_out(sandbox, call.method, function()
    access.authenticate(call.headers, sandbox.store, context_of(sandbox, nil, call.headers).now)
    return answer_json(200, document)
  end)
end

-- }======

-- An operation that came from a document of the user's.
local function answer_ruleless(name, method, path)
  return answer_refusal(404, ("The sandbox has no rule for %s (%s %s)."):format(name, method, path))
end

local function answer_call(sandbox, call)
  if sources.is_transfer(call.path) then return answer_transfer(sandbox, call) end
  local document = find_document(call.method, call.path)
  if document then return answer_document(sandbox, call, document) end
  local name, values = operations.match(call.method, call.path)
  if not name then return answer_unroutable(call.method, call.path, values) end
  if not rules.has(name) then return answer_ruleless(name, call.method, call.path) end
  local fault, problem = choose_fault(sandbox, name, call.headers)
  if problem then return answer_refusal(400, "X-Sandbox-Fault: " .. problem), name end
  call.values = values
  return answer_with_fault(sandbox, fault, describe_operation(name), call), name
end

-- {====== control routes: ours, without a credential ======

local LOG_MAXIMUM = 10000
local LOG_BYTES = 4096 -- of a method, a path or a query

-- The last requests, in a ring.
local function new_log()
  return { entries = {}, total = 0 }
end

-- Bytes of any kind, as a string that JSON can hold.
local function loggable(text)
  return checks.clean_utf8(text:sub(1, LOG_BYTES))
end

local function add_to_log(log, entry)
  log.entries[log.total % LOG_MAXIMUM + 1] = entry
  log.total = log.total + 1
end

local function list_log(log)
  local list = json.array {}
  for position = math.max(0, log.total - LOG_MAXIMUM), log.total - 1 do
    list[#list + 1] = log.entries[position % LOG_MAXIMUM + 1]
  end
  return list
end

local function list_requests(sandbox)
  local answer = answer_json(200, list_log(sandbox.log))
  answer.headers["X-Total-Count"] = tostring(sandbox.log.total)
  return answer
end

local function reset(sandbox)
  local answer = carry_out(sandbox, "POST", function()
    sandbox.store:clear()
    seed(sandbox)
    return { status = 204, headers = {} }
  end)
  if answer.status ~= 204 then return answer end
  sandbox.log, sandbox.staleness = new_log(), faults.staleness()
  if sandbox.profile then sandbox.profile:reset() end
  return answer
end

local CONTROLS = {
  ["/_sandbox/requests"] = { method = "GET", answer = list_requests },
  ["/_sandbox/reset"] = { method = "POST", answer = reset, changes = true },
}

local function answer_control(sandbox, method, path, headers)
  local control = CONTROLS[path]
  if not control then return answer_refusal(404, ("No such path: %s"):format(path)) end
  if control.method ~= method then
    return answer_refusal(405, ("Method %s is not allowed here; allowed: %s."):format(method, control.method))
  end
  -- A web page can have a browser send a POST here, but not with this header.
  if control.changes and not headers.authorization then
    return answer_refusal(401, "The header Authorization is missing; here its value does not matter.")
  end
  return control.answer(sandbox)
end

-- }======

---Answers one request. Raises only for a defect of the rules.
---@param method string
---@param path string as it came, still percent-encoded
---@param query_text string without the question mark
---@param headers table<string, string> names in lower case
---@param body string?
---@return table answer status, headers, body or nil, delay (seconds) or nil, stream or nil,
---  fault nil, "drop" or "truncate"
function Sandbox:handle(method, path, query_text, headers, body)
  if path:find("^/_sandbox/") and not sources.is_transfer(path) then
    return answer_control(self, method, path, headers)
  end
  local call = { method = method, path = path, query = query_text, headers = headers, body = body }
  local answer, operation = answer_call(self, call)
  add_to_log(self.log, {
    method = loggable(method),
    path = loggable(path),
    query = loggable(query_text),
    status = answer.status or json.null,
    operation = operation or json.null,
  })
  return answer
end

---The organisations and credentials, as `anyreach sandbox --json` announces them.
---@param base_url string?
---@return table
function Sandbox.describe(_, base_url)
  local organizations = json.array {}
  for _, organization in ipairs(accounts.organizations) do
    organizations[#organizations + 1] = {
      id = organization.id,
      name = organization.name,
      phone_numbers = json.array(organization.phone_numbers),
      trunks = json.array(organization.trunks),
      datasets = json.array(organization.datasets),
    }
  end
  return { base_url = base_url, organizations = organizations, tokens = access.describe_tokens() }
end

---Closes the store. The sandbox must not be used afterwards.
function Sandbox:close()
  self.store:close()
end

local sandbox = {}

---@param options { file: string?, seed: string?, faults: string?, clock: (fun(): number)?, store: SandboxStore? }?
---  file keeps the state; seed makes ids and clock repeatable; faults is a profile (see faults.lua), whose limits go by
---  clock, in seconds; store stands in for SQLite, and must have what one made by `store.new` has
---@return table sandbox with handle, describe and close
function sandbox.new(options)
  options = options or {}
  local profile = options.faults and faults.profile(options.faults, options.clock)
  local store = options.store or SqliteStore.open(options.file, options.seed)
  local self = setmetatable({
    store = store, profile = profile, staleness = faults.staleness(), log = new_log(),
  }, Sandbox)
  local answer = store:is_empty() and reset(self)
  if answer and answer.status ~= 204 then error(json.decode(answer.body).detail, 0) end
  return self
end

return sandbox
