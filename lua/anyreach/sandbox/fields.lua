-- Bodies whose schema is open, because the documentation does not list their fields: what a caller
-- sends is kept under the name it was sent with, except fields that only the service sets.

local json = require "anyreach.json"
local refusal = require "anyreach.sandbox.refusal"

local fields = {}

---Copies the fields of a body into a document. Answers 422 for a field that the service sets (our
---choice).
---@param document table
---@param body table<string, any>
---@param set_by_service table<string, boolean>
function fields.copy(document, body, set_by_service)
  for name, value in pairs(body) do
    if set_by_service[name] then refusal.raise(422, "%s: set by the service; leave it out", name) end
    document[name] = value
  end
end

---Answers 422 unless a text that identifies something is there and not empty (our choice: which
---fields are required is not documented).
---@param value any
---@param name string
function fields.require_text(value, name)
  if type(value) ~= "string" or value == "" then refusal.raise(422, "%s: required but missing", name) end
end

---True for a JSON object.
function fields.is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

return fields
