-- GET /SERVICE/openapi.json: the document of a service, made of the operation table. That each service
-- serves one is documented; that it takes a credential, whatever its scopes, is our choice.

local operations = require "anyreach.operations"
local write = require "anyreach.openapi.write"

local openapi = {}

local function rows_of(service)
  local rows = {}
  for _, name in ipairs(operations.names()) do
    local row = operations.describe(name)
    if row.service == service then rows[#rows + 1] = row end
  end
  return rows
end

--- The document that the path names, or nil when it names none.
---@param method string
---@param path string
---@return table|nil
function openapi.document(method, path)
  local service = method == "GET" and path:match("^/([%w-]+)/openapi%.json$")
  local rows = service and rows_of(service) or {}
  return #rows > 0 and write.document("Anyreach " .. service .. " service, as the sandbox knows it", rows) or nil
end

return openapi
