-- api.request{ method, path, query, body, headers }: any request, through the same engine as the bindings, for
-- what is not bound. The path is taken from the host's root and must be encoded already.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local encode = require("anyreach.text.percent").encode

local request = {}

request.methods = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" }

local is_method = {}
for _, method in ipairs(request.methods) do is_method[method] = true end

local option_names = { method = true, path = true, query = true, body = true, headers = true }

local function query_text(name, value)
  if math.type(value) == "float" and value % 1 == 0 then value = ("%d"):format(value) end
  if type(value) == "table" and not json.is_array(value) then value = json.encode(value) end
  if type(value) == "string" or type(value) == "number" or type(value) == "boolean" then
    return encode(name) .. "=" .. encode(tostring(value))
  end
  errors.raise("usage", "request: query.%s: expected a string, number, boolean or table, got a %s", name, type(value))
end

--- "?a=1&b=2", names sorted, an array as a repeated name; "" when there is nothing.
---@param query? table<string, any>
---@return string
function request.query(query)
  local names, parts = {}, {}
  for name in pairs(query or {}) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = query[name]
    for _, item in ipairs(json.is_array(value) and value or { value }) do
      parts[#parts + 1] = query_text(name, item)
    end
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

local function check_path(path)
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" then
    errors.raise("usage", 'request: path: expected a string that starts with "/", such as "/core/agents"')
  end
  if path:find("[^%w%-%._~!$&'()*+,;=:@/%%]") then
    errors.raise("usage", "request: path: %q holds a character that must be percent-encoded", path)
  end
  for segment in (path .. "/"):gmatch("([^/]*)/") do
    if segment == "." or segment == ".." or segment:lower():match("^%%2e") then
      errors.raise("usage", "request: path: %q must not hold '.' or '..' as a segment", path)
    end
  end
end

local function check(options)
  if type(options) ~= "table" then
    errors.raise("usage", "request: expected a table {method, path, query, body, headers}")
  end
  for name in pairs(options) do
    if not option_names[name] then
      errors.raise("usage", "request: unknown field '%s'; expected method, path, query, body, headers", tostring(name))
    end
  end
  check_path(options.path)
  if options.query ~= nil and type(options.query) ~= "table" then
    errors.raise("usage", "request: query: expected a table, got a %s", type(options.query))
  end
  local method = options.method
  if method ~= nil and not is_method[method] then
    errors.raise("usage", "request: method: expected one of %s, got %q", table.concat(request.methods, ", "),
      tostring(method))
  end
  if method == "HEAD" and options.body ~= nil then errors.raise("usage", "request: body: HEAD takes none") end
end

--- Makes `api.request` from the native call.
---@param raw fun(method: string, target: string, body: any, headers?: table): any, table
---@return fun(options: {method?: string, path: string, query?: table, body?: any, headers?: table}): any, table
function request.bind(raw)
  return function(options)
    check(options)
    return raw(options.method or "GET", options.path .. request.query(options.query), options.body, options.headers)
  end
end

return request
