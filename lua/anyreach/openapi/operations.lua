-- Reads OpenAPI documents into operations, in the shape of operations.describe(): our own documents
-- when the tables are generated, and a service's live document when a user asks for it. Pure: works
-- on what yaml.decode() or json.decode() returned and keeps nothing.
--
-- The extensions (x-lua-name, x-retry and so on) are described in src/gen/README.md. Documents
-- without them are read as well: names follow openapi/name.lua, the rest follows the HTTP method.

local json = require "anyreach.json"
local naming = require "anyreach.openapi.name"
local schemas = require "anyreach.openapi.schema"

local openapi = {}

local METHODS = { "get", "put", "post", "delete", "patch" }
local RETRY = { "safe", "idempotent", "never" }
local PAGING = { "none", "cursor", "offset" }
local MAX_PATH_FIELDS = 8
local MAX_OPERATIONS = 5000

local RETRY_BY_METHOD = { GET = "safe", PUT = "idempotent", DELETE = "idempotent" }

--- What a method promises by RFC 9110.
---@param method string
---@return "safe"|"idempotent"|"never"
function openapi.retry_of_method(method)
  return RETRY_BY_METHOD[method] or "never"
end

local function as_table(value)
  return type(value) == "table" and value or {}
end

local function choice(node, key, choices, default)
  local value = node[key]
  if value == nil then return default end
  for _, known in ipairs(choices) do
    if value == known then return value end
  end
  error(("%s: expected one of %s, got %s"):format(key, table.concat(choices, ", "), tostring(value)), 0)
end

-- Paths

local function check_segment(segment)
  if segment == "." or segment == ".." then error(("a path may not contain %q"):format(segment), 0) end
  if segment:find "}{" then error(("the segment %q has two parameters with nothing between"):format(segment), 0) end
  if segment:gsub("{[^{}]+}", ""):find "[{}]" then
    error(("the segment %q has a brace that opens or closes nothing"):format(segment), 0)
  end
end

-- Parameters may have any name.
local function check_path(path)
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" then error("a path must start with /", 0) end
  if path:find "[?#]" then
    error("what follows ? or # is no part of a path; without it this is another operation's", 0)
  end
  if path:gsub("{[^{}/]*}", "{}"):find("[^%w%-._~!$&'()*+,;=:@/{}]") then
    error("a path may hold only characters that need no escape in a URL", 0)
  end
  if path:find("//", 1, true) then error("a path may not have empty segments", 0) end
  for segment in path:gmatch("[^/]+") do check_segment(segment) end
end

-- Parameters

-- The parameters of an operation: its own, and those of its path that it does not repeat.
local function parameters_of(reader, path_node, node)
  local list, seen = {}, {}
  for _, source in ipairs { as_table(node.parameters), as_table(path_node.parameters) } do
    for _, parameter in ipairs(source) do
      parameter = schemas.resolve(reader, parameter)
      schemas.check_name(parameter.name, "a parameter")
      local key = tostring(parameter["in"]) .. " " .. parameter.name
      if not seen[key] then list[#list + 1] = parameter end
      seen[key] = true
    end
  end
  return list
end

local function is_json(kind)
  local plain = kind:lower():match "^[^;%s]*"
  return plain == "*/*" or plain == "application/json" or plain == "text/json" or plain:find "%+json$" ~= nil
end

local function is_multipart(kind)
  return kind:lower():find "^multipart/" ~= nil
end

local function is_urlencoded(kind)
  return kind:lower():find "^application/x%-www%-form%-urlencoded" ~= nil
end

local function is_any(kind)
  return kind ~= ""
end

-- The schema of the first content type that fits, or nil; the type; what else is said of it.
local function content_schema(content, fits)
  local first
  for kind, media in pairs(as_table(content)) do
    if type(kind) == "string" and type(media) == "table" and fits(kind) and (not first or kind < first) then
      first = kind
    end
  end
  if first then return content[first].schema or {}, first, content[first] end
end

-- Beside "form" and, in paths and headers, "simple", which are the defaults.
-- https://spec.openapis.org/oas/v3.1.0#style-values
local STYLES = {
  path = { label = true, matrix = true },
  query = { deepObject = true, spaceDelimited = true, pipeDelimited = true },
  header = {},
  cookie = {},
}

-- Headers that are the program's own: the specification ignores the first three as parameters as well.
local OWN_HEADERS = { accept = true, ["content-type"] = true, authorization = true, host = true,
  ["content-length"] = true, ["transfer-encoding"] = true, connection = true, ["x-anyreach-org"] = true }

-- A parameter that is described by a content type travels as JSON text.
local function read_parameter(reader, parameter)
  local json_node = content_schema(parameter.content, is_json)
  local node = parameter.schema or json_node or {}
  local field = schemas.read_field(reader, parameter.name, parameter, node, parameter.required)
  local place, style = parameter["in"], parameter.style
  if place ~= "path" then field.place = place end
  if STYLES[place][style] then field.style = style end
  if type(parameter.explode) == "boolean" then field.explode = parameter.explode and "yes" or "no" end
  if json_node then
    local copy = { json_text = true }
    for key, value in pairs(field.schema) do copy[key] = value end
    field.schema = copy
  end
  return field
end

local function path_fields(reader, path, parameters)
  local by_name, fields = {}, {}
  for _, parameter in ipairs(parameters) do
    if parameter["in"] == "path" then by_name[parameter.name] = parameter end
  end
  for name in path:gmatch("{([^}]*)}") do
    if not by_name[name] and reader.is_ours then error(("the path parameter {%s} is not described"):format(name), 0) end
    local described = by_name[name] or { name = name, ["in"] = "path", schema = { type = { "string", "integer" } } }
    fields[#fields + 1] = read_parameter(reader, described)
    fields[#fields].required = true
  end
  if #fields > MAX_PATH_FIELDS then
    error(("more than %d path parameters"):format(MAX_PATH_FIELDS), 0)
  end
  return fields
end

local function is_own(parameter)
  return parameter["in"] == "header" and OWN_HEADERS[parameter.name:lower()]
end

-- Those of query, headers and cookies. A call takes them in one table with the fields of the body: of two with the
-- same name the later one is called by its place, too.
local function parameter_fields(reader, parameters)
  local fields, taken = {}, {}
  for _, place in ipairs { "query", "header", "cookie" } do
    for _, parameter in ipairs(parameters) do
      if parameter["in"] == place and not is_own(parameter) then
        local field = read_parameter(reader, parameter)
        if taken[field.name] then field.name, field.wire_name = place .. "_" .. field.name, field.name end
        taken[field.name] = true
        fields[#fields + 1] = field
      end
    end
  end
  return fields
end

-- Bodies and answers

local function is_file(field)
  local value = field.schema
  return value.format == "binary" or value.items and value.items.format == "binary"
end

-- The names of the fields that hold files, sorted, or nil.
local function file_fields(form)
  local names = {}
  for _, field in ipairs(form.fields or {}) do
    if is_file(field) then names[#names + 1] = field.name end
  end
  table.sort(names)
  return #names > 0 and names or nil
end

local function read_json_body(reader, content, row)
  local node, kind = content_schema(content, is_json)
  if not node then return false end
  row.body, row.body_kind = schemas.read(reader, node), "json"
  local is_usual = kind == "*/*" or kind:lower():find "^application/json"
  row.content_type = not is_usual and schemas.clean(kind) or nil
  local form = content_schema(content, is_multipart)
  row.multipart = form and file_fields(schemas.read(reader, form))
  return true
end

local function read_multipart_body(reader, content, row)
  local node = content_schema(content, is_multipart)
  if not node then return false end
  row.body, row.body_kind = schemas.read(reader, node), "multipart"
  row.multipart = file_fields(row.body)
  return true
end

-- Fields of which the document says that their parts have names in brackets keep that.
local function read_urlencoded_body(reader, content, row)
  local node, _, media = content_schema(content, is_urlencoded)
  if not node then return false end
  row.body, row.body_kind = schemas.read(reader, node), "urlencoded"
  local fields = {}
  for i, field in ipairs(row.body.fields or {}) do
    local encoding = as_table(as_table(media.encoding)[field.name])
    local copy = {}
    for key, value in pairs(field) do copy[key] = value end
    if encoding.style == "deepObject" then copy.style = "deepObject" end
    fields[i] = copy
  end
  local copy = {}
  for key, value in pairs(row.body) do copy[key] = value end
  copy.fields = #fields > 0 and fields or nil
  row.body = copy
  return true
end

local function read_raw_body(_, content, row)
  local node, kind = content_schema(content, is_any)
  if not node then return false end
  row.body, row.body_kind = { types = { "string" } }, "raw"
  row.content_type = kind:find("*", 1, true) and "application/octet-stream" or schemas.clean(kind)
  return true
end

-- Sets what the row says of the body, by the first of its kinds that can be written best.
local function read_body(reader, node, row)
  row.body_required = false
  if not node.requestBody then return end
  reader.is_request = not reader.is_ours -- ours say of no field that only an answer has it
  local body = schemas.resolve(reader, node.requestBody)
  row.body_required = body.required == true
  for _, read_kind in ipairs { read_json_body, read_urlencoded_body, read_multipart_body, read_raw_body } do
    if read_kind(reader, body.content, row) then return end
  end
  row.body, row.body_kind = schemas.read(reader, {}), "json" -- nothing is said of it
end

-- The lowest success that is described, as status and node.
local function success_of(responses)
  local best
  for key in pairs(responses) do
    local text = tostring(key)
    if text:find("^2%d%d$") and (not best or text < best) then best = text end
  end
  if best then return tonumber(best), responses[best] end
  return nil, responses["2XX"] or responses.default
end

-- The content types that fit, as the header Accept takes them, or nil.
local function accepted(content, fits)
  local list = {}
  for kind in pairs(as_table(content)) do
    if type(kind) == "string" and fits(kind) then list[#list + 1] = schemas.clean(kind) end
  end
  table.sort(list)
  return #list > 0 and table.concat(list, ", ") or nil
end

-- JSON is decoded; of anything else a call returns the bytes.
local function read_answer(reader, node, row)
  reader.is_request = false
  local status, response = success_of(as_table(node.responses))
  row.success_status, row.answer_kind = status or 200, "none"
  if type(response) ~= "table" then return status end
  local content = schemas.resolve(reader, response).content
  local answer = content_schema(content, is_json)
  if answer then
    row.answer, row.answer_kind = schemas.read(reader, answer), "json"
    local accept = accepted(content, is_json)
    row.accept = accept ~= "application/json" and accept ~= "*/*" and accept or nil
  elseif content_schema(content, is_any) then
    row.answer, row.answer_kind = { types = { "string" } }, "text"
    local accept = accepted(content, is_any)
    row.accept = accept ~= "text/plain" and accept or nil
  end
  return status
end

-- Operations

local function has(fields, name)
  for _, field in ipairs(fields) do
    if field.name == name then return true end
  end
  return false
end

local function guess_paging(method, query)
  if method ~= "GET" then return "none" end
  if has(query, "cursor") then return "cursor" end
  return has(query, "limit") and has(query, "offset") and "offset" or "none"
end

-- A field of the body keeps its name, and a parameter of the same name is called by its place, too.
local function part_names(parameters, body)
  for _, parameter in ipairs(parameters) do
    if not parameter.wire_name and has(body and body.fields or {}, parameter.name) then
      parameter.name, parameter.wire_name = parameter.place .. "_" .. parameter.name, parameter.name
    end
  end
end

-- The names that the operation may have, the best first.
local function names_of(reader, place)
  local node, list = place.node, {}
  local stated = node["x-lua-name"]
  if naming.is_spelled(stated) then
    list = { stated, naming.behind_service(place.path:match("^/([^/{]+)") or "api", stated) }
  elseif stated ~= nil and reader.is_ours then
    error(("%q is not a name that Lua can spell"):format(tostring(stated)), 0)
  end
  local id = schemas.text(node, "operationId")
  for _, name in ipairs(naming.candidates(reader.outline, place.method, place.path, id)) do list[#list + 1] = name end
  return list
end

-- node[key] as a list of strings, or nil.
local function texts(node, key)
  local list = node[key]
  if list == nil then return nil end
  if not json.is_array(list) then error(key .. ": expected a list of texts", 0) end
  for _, text in ipairs(list) do
    if type(text) ~= "string" then error(key .. ": expected a list of texts", 0) end
  end
  return { table.unpack(list) }
end

-- How to wait for the work that the operation starts; src/gen/README.md explains the fields.
local function wait_of(node)
  local wait = node["x-wait"]
  if wait == nil then return nil end
  if type(wait) ~= "table" or type(wait.poll) ~= "string" then
    error("x-wait: expected an object that names the operation to poll", 0)
  end
  for _, key in ipairs { "state", "running", "failed", "match" } do texts(wait, key) end
  return wait
end

-- `security: []` on an operation takes the document's credential away.
local function is_public(node)
  return type(node.security) == "table" and #node.security == 0
end

local function host_of(source)
  local url = as_table(as_table(source.servers)[1]).url
  return type(url) == "string" and url:match "^%a[%w+.-]*:/?/?([^/?#]*)" or type(url) == "string"
    and url:match "^//([^/?#]*)" or nil, url
end

-- Calls go to the client's address alone: what the document itself is served from is taken for that.
local function refuse_other_servers(reader, path_node, node)
  local own = host_of(reader.document)
  for _, source in ipairs { node, path_node } do
    local host, url = host_of(source)
    if host and host ~= own then error("it is served elsewhere, at " .. schemas.clean(url), 0) end
  end
end

local function read_operation(reader, place)
  local node, method, path = place.node, place.method, place.path
  local row = {
    names = names_of(reader, place),
    method = method,
    path = path,
    service = path:match("^/([^/{]+)"),
    description = schemas.text(node, "description"),
    source = schemas.text(node, "x-source"),
    path_fields = path_fields(reader, path, place.parameters),
    parameters = parameter_fields(reader, place.parameters),
    scopes = texts(node, "x-scopes"),
    id_alias = schemas.text(node, "x-id-alias"),
    retry = choice(node, "x-retry", RETRY, openapi.retry_of_method(method)),
    public = is_public(node),
    unverified = node["x-unverified"] == true,
    wait = wait_of(node),
  }
  refuse_other_servers(reader, place.path_node, node)
  row.service = row.service or "api"
  row.operation_id = schemas.text(node, "operationId") or row.names[1]
  row.summary = schemas.text(node, "summary") or row.description or (method .. " " .. path)
  read_body(reader, node, row)
  local status = read_answer(reader, node, row)
  row.paging = choice(node, "x-pagination", PAGING, guess_paging(method, row.parameters))
  row.writes = method ~= "GET"
  if node["x-writes"] ~= nil then row.writes = node["x-writes"] == true end
  row.writes_when = schemas.text(node, "x-writes-when")
  row.stated = {
    summary = schemas.text(node, "summary") ~= nil,
    retry = node["x-retry"] ~= nil,
    paging = node["x-pagination"] ~= nil,
    writes = node["x-writes"] ~= nil,
    public = type(node.security) == "table",
    success_status = status ~= nil,
    answer = row.answer_kind ~= "none" or status == 204,
  }
  part_names(row.parameters, row.body)
  return row
end

-- A path's description may be a reference.
local function path_node_of(reader, node)
  if type(node) ~= "table" or node["$ref"] == nil then return node end
  local ok, target = pcall(schemas.resolve, reader, node)
  return ok and target or node
end

-- Every operation of the document with its position, in a fixed order.
local function places_of(reader, document)
  local places = {}
  for path, path_node in pairs(document.paths) do
    path_node = path_node_of(reader, path_node)
    for _, method in ipairs(METHODS) do
      local node = as_table(path_node)[method]
      if type(node) == "table" then
        if #places == MAX_OPERATIONS then
          error(("the OpenAPI document has more than %d operations"):format(MAX_OPERATIONS), 0)
        end
        places[#places + 1] = { path = path, method = method:upper(), node = node, path_node = path_node }
      end
    end
  end
  table.sort(places, function(a, b)
    if a.path ~= b.path then return a.path < b.path end
    return a.method < b.method
  end)
  return places
end

local function check_document(document)
  if type(document) ~= "table" or json.is_array(document) then
    error("an OpenAPI document must be an object", 0)
  end
  if type(document.openapi) ~= "string" or not document.openapi:find("^3%.") then
    error("expected an OpenAPI document of version 3", 0)
  end
  if type(document.paths) ~= "table" then error("the OpenAPI document has no paths", 0) end
end

-- `stated` records what the document itself says about an operation, where the row holds a default
-- otherwise: a document without our extensions does not know better than we do.

---@class anyreach.openapi.refusal an operation that cannot be bound
---@field method string
---@field path string
---@field reason string

-- Runs a step for one operation; what it raises makes the operation a refused one.
local function attempt(reader, place, step)
  reader.resolving, reader.depth, reader.is_request = {}, 0, false
  local ok, problem = pcall(step, reader, place)
  if ok then return true end
  table.insert(reader.refused, { method = place.method, path = schemas.clean(tostring(place.path)), reason = problem })
  return false
end

local function outline_step(reader, place)
  check_path(place.path)
  place.parameters = parameters_of(reader, place.path_node, place.node)
  naming.note(reader.outline, place.method, place.path, place.parameters)
end

local function read_step(reader, place)
  local row = read_operation(reader, place)
  for _, name in ipairs(row.names) do
    if not row.name and not reader.taken[name] then row.name = name end
  end
  local other = reader.taken[row.names[1]]
  if not row.name or other and reader.is_ours and place.node["x-lua-name"] then
    error(("the name %s belongs to %s %s"):format(row.names[1], other.method, other.path), 0)
  end
  reader.taken[row.name] = row
  table.insert(reader.operations, row)
end

--- Reads a document. An operation that cannot be bound does not affect the others: it
--- is returned among the refused. Raises a message when the document as a whole is not one.
---@param document table
---@param is_ours? boolean an operation whose x-lua-name cannot be had is refused, not named otherwise
---@return table[] operations sorted by name; `names` are the names that each may have, the best first
---@return anyreach.openapi.refusal[] refused
---@return table<string, table> schemas those of the document that were used, by their $ref
function openapi.read(document, is_ours)
  check_document(document)
  local reader = { document = document.origin or document, schemas = {}, steps = 0, depth = 0,
    outline = naming.new_outline(), taken = {}, operations = {}, refused = {}, is_ours = is_ours }
  local outlined = {}
  for _, place in ipairs(places_of(reader, document)) do
    if attempt(reader, place, outline_step) then table.insert(outlined, place) end
  end
  for _, place in ipairs(outlined) do attempt(reader, place, read_step) end
  table.sort(reader.operations, function(a, b) return a.name < b.name end)
  return reader.operations, reader.refused, reader.schemas
end

return openapi
