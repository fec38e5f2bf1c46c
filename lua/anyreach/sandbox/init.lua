-- The sandbox: an emulator of the API as one function from a request to an answer. The HTTP server
-- (src/sandbox/server.c) calls it; tests call it directly.
--
-- A request goes through: control routes, route (404, 405), fault, credential (401), scope (403),
-- query and body (422), and then the rule of its operation, all within one transaction that is
-- committed before the answer is given. A rule takes the request below and returns the value of the
-- answer, or refuses; it returns nothing for an answer without a body. Options may follow the value:
-- `status` where an operation has more than one, `stream` for text that goes out piece by piece.

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local access = require "anyreach.sandbox.access"
local clean_text = require "anyreach.sandbox.clean_text"
local datasets = require "anyreach.sandbox.datasets"
local documents = require "anyreach.sandbox.openapi"
local faults = require "anyreach.sandbox.faults"
local multipart = require "anyreach.sandbox.multipart"
local phone_numbers = require "anyreach.sandbox.phone_numbers"
local query = require "anyreach.sandbox.query"
local refusal = require "anyreach.sandbox.refusal"
local RequestLog = require "anyreach.sandbox.request_log"
local Store = require "anyreach.sandbox.store"
local transfers = require "anyreach.sandbox.transfers"
local trunks = require "anyreach.sandbox.trunks"

-- Modules whose `rules` answer the operations.
local FAMILIES = {
  "admin",
  "agent_assist",
  "agents",
  "campaign_configurations",
  "campaign_settings",
  "campaigns",
  "config_schema",
  "contacts",
  "conversations",
  "dataset_sources",
  "datasets",
  "email_domains",
  "organization_pats",
  "phone_numbers",
  "publishing",
  "sources",
  "text_turns",
  "trunks",
  "versions",
  "web_widgets",
  "workflow_executions",
}

---@class SandboxRequest
---@field store table the documents; everything a rule reads and writes
---@field staleness table what lists do not show yet
---@field organization string? id of the caller's organisation; nil when the operation is public
---@field token table? the caller's credential (access.lua); nil when the operation is public
---@field path table<string, string> path parameters
---@field query table<string, any> query parameters, in their declared types
---@field body any decoded body, nil when there is none
---@field form table<string, SandboxFormPart>? the parts of a body that is a form
---@field base_url string where the caller reaches the sandbox

local rules = {}
for _, family in ipairs(FAMILIES) do
  for name, rule in pairs(require("anyreach.sandbox." .. family).rules) do rules[name] = rule end
end

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
  return answer_json(status, { detail = clean_text.utf8(detail) })
end

local function answer_success(operation, value, options)
  local status = options and options.status or operation.success_status
  if operation.answer_kind == "none" or value == nil then return { status = status, headers = {} } end
  if operation.answer_kind == "json" then return answer_json(status, value) end
  return {
    status = status,
    headers = { ["Content-Type"] = "text/plain; charset=utf-8" },
    body = value,
    stream = options and options.stream,
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

local function read_query(operation, text)
  local texts = query.parse(text)
  local problems = operations.check(operation.name, "query", texts)
  if problems then refusal.raise_problems(problems) end
  return query.convert(texts, operation.query_fields)
end

-- The status of malformed JSON and of a foreign content type is our choice.
local function decode_body(headers, text)
  local content_type = headers["content-type"]
  if content_type and not content_type:lower():find("^%s*application/json%s*;?") then
    refusal.raise(422, "body: expected Content-Type application/json, got %s", content_type)
  end
  local ok, value = pcall(json.decode, text)
  if not ok then refusal.raise(422, "body: %s", tostring(value)) end
  return value
end

local function decode_form(headers, text)
  local form, problem = multipart.parse(headers["content-type"], text)
  if not form then refusal.raise(422, "body: %s", problem) end
  return form
end

-- The decoded body, or else the parts of a form. A body sent to an operation that takes none is ignored.
local function read_body(operation, headers, text)
  if not operation.body then return nil end
  if text == nil or text == "" then
    if operation.body_required then refusal.raise(422, "body: required but missing") end
    return nil
  end
  if operation.multipart and multipart.is_form(headers["content-type"]) then
    return nil, decode_form(headers, text)
  end
  local value = decode_body(headers, text)
  local problems = operations.check(operation.name, "body", value)
  if problems then refusal.raise_problems(problems) end
  return value
end

local function check_path(values)
  for _, value in pairs(values) do
    if not utf8.len(value) then refusal.raise(404, "Not found: the path is not UTF-8.") end
  end
end

-- }======

local Sandbox = {}
Sandbox.__index = Sandbox

-- What a new organisation has: its trunks and, on the first of them, its numbers; a knowledge base.
local function seed(store)
  for _, organization in ipairs(access.organizations) do
    for _, trunk in ipairs(organization.trunks) do trunks.add(store, organization.id, trunk) end
    for _, number in ipairs(organization.phone_numbers) do
      phone_numbers.add(store, organization.id, number, organization.trunks[1].id)
    end
    for _, dataset in ipairs(organization.datasets) do datasets.add(store, organization.id, dataset.id, dataset) end
  end
end

-- A public operation takes no credential, and refuses none.
local function admit(sandbox, operation, headers)
  if operation.public then return nil, nil end
  local token, organization = access.authenticate(headers, sandbox.store)
  access.check_scopes(token, operation)
  return token, organization
end

-- What addresses of our own begin with: the host that the caller has reached us by.
local function address_of(headers)
  local host = headers["host"]
  return "http://" .. (host and host:find("^[%w.:%[%]-]+$") and host or "127.0.0.1")
end

local function answer_operation(sandbox, operation, call)
  local token, organization = admit(sandbox, operation, call.headers)
  check_path(call.values)
  local query_values = read_query(operation, call.query)
  local body, form = read_body(operation, call.headers, call.body)
  local value, options = rules[operation.name] {
    store = sandbox.store,
    staleness = sandbox.staleness,
    organization = organization,
    token = token,
    path = call.values,
    query = query_values,
    body = body,
    form = form,
    base_url = address_of(call.headers),
  }
  return answer_success(operation, value, options)
end

-- Refusals become answers; any other error is a defect of a rule and goes to the caller.
local function carry_out(sandbox, action)
  local ok, answer = sandbox.store:transaction(action)
  if ok then return answer end
  if refusal.is(answer) then return answer_refusal(answer.status, answer.detail) end
  error(answer, 0)
end

local function choose_fault(sandbox, operation, headers)
  local text = headers["x-sandbox-fault"]
  if text then return faults.parse(text) end
  return sandbox.profile and sandbox.profile:choose(operation)
end

local function answer_with_fault(sandbox, fault, operation, call)
  if faults.prevents(fault) then return faults.apply(fault, nil) end
  local answer = carry_out(sandbox, function() return answer_operation(sandbox, operation, call) end)
  if fault and fault.stale then sandbox.staleness:hide(sandbox.store.created, fault.stale) end
  return faults.apply(fault, answer)
end

local function answer_transfer(sandbox, call)
  return carry_out(sandbox, function() return transfers.answer(sandbox.store, call) end)
end

local function answer_document(sandbox, call, document)
  return carry_out(sandbox, function()
    access.authenticate(call.headers, sandbox.store)
    return answer_json(200, document)
  end)
end

-- An operation that came from a document of the user's.
local function answer_ruleless(name, method, path)
  return answer_refusal(404, ("The sandbox has no rule for %s (%s %s)."):format(name, method, path))
end

local function answer_call(sandbox, call)
  if transfers.is_address(call.path) then return answer_transfer(sandbox, call) end
  local document = documents.document(call.method, call.path)
  if document then return answer_document(sandbox, call, document) end
  local name, values = operations.match(call.method, call.path)
  if not name then return answer_unroutable(call.method, call.path, values) end
  if not rules[name] then return answer_ruleless(name, call.method, call.path) end
  local fault, problem = choose_fault(sandbox, name, call.headers)
  if problem then return answer_refusal(400, "X-Sandbox-Fault: " .. problem), name end
  call.values = values
  return answer_with_fault(sandbox, fault, describe_operation(name), call), name
end

-- {====== control routes: ours, without a credential ======

local function list_requests(sandbox)
  local answer = answer_json(200, sandbox.log:list())
  answer.headers["X-Total-Count"] = tostring(sandbox.log.total)
  return answer
end

local function reset(sandbox)
  local ok, message = sandbox.store:transaction(function()
    sandbox.store:clear()
    seed(sandbox.store)
  end)
  if not ok then error(message, 0) end
  sandbox.log, sandbox.staleness = RequestLog.new(), faults.staleness()
  return { status = 204, headers = {} }
end

local CONTROLS = {
  ["/_sandbox/requests"] = { method = "GET", answer = list_requests },
  ["/_sandbox/reset"] = { method = "POST", answer = reset },
}

local function answer_control(sandbox, method, path)
  local control = CONTROLS[path]
  if not control then return answer_refusal(404, ("No such path: %s"):format(path)) end
  if control.method ~= method then
    return answer_refusal(405, ("Method %s is not allowed here; allowed: %s."):format(method, control.method))
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
  if path:find("^/_sandbox/") and not transfers.is_address(path) then return answer_control(self, method, path) end
  local call = { method = method, path = path, query = query_text, headers = headers, body = body }
  local answer, operation = answer_call(self, call)
  self.log:add {
    method = method,
    path = clean_text.utf8(path),
    query = clean_text.utf8(query_text),
    status = answer.status or json.null,
    operation = operation or json.null,
  }
  return answer
end

---The organisations and credentials, as `anyreach sandbox --json` announces them.
---@param base_url string?
---@return table
function Sandbox.describe(_, base_url)
  local organizations = json.array {}
  for _, organization in ipairs(access.organizations) do
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

---Closes the store; the sandbox is of no use afterwards.
function Sandbox:close()
  self.store:close()
end

local sandbox = {}

---@param options { file: string?, seed: string?, faults: string? }? file keeps the state; seed makes
---  ids and clock repeatable; faults is a profile (see faults.lua)
---@return table sandbox with handle, describe and close
function sandbox.new(options)
  options = options or {}
  local profile = options.faults and faults.profile(options.faults)
  local store = Store.open(options.file, options.seed)
  local self = setmetatable({
    store = store, profile = profile, staleness = faults.staleness(), log = RequestLog.new(),
  }, Sandbox)
  if store:is_empty() then reset(self) end
  return self
end

return sandbox
