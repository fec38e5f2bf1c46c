-- The API's services and their operations, for documents that specs make of them.

local operations = require "anyreach.operations"

local services = {}

services.names = require("anyreach.openapi.name").services

--- The rows of a service, by name.
---@param service string
---@return table[]
function services.rows(service)
  local rows = {}
  for _, name in ipairs(operations.names()) do
    local row = operations.describe(name)
    if row.service == service then rows[#rows + 1] = row end
  end
  return rows
end

return services
