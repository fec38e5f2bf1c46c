-- What we know about an operation, as text for `anyreach help` and `anyreach api show`: signature, fields,
-- scopes, where it was read, and how it is called from Lua and with curl.

local examples = require "anyreach.openapi.examples"
local wrap = require("anyreach.text.terminal_text").wrap

local operation_help = {}

local WIDTH = 80 -- of a line of prose
local INDENT = (" "):rep(25) -- of what a field is

local function indented(text)
  return INDENT .. wrap(text, WIDTH - #INDENT):gsub("\n", "\n" .. INDENT)
end

local function type_text(schema)
  if #schema.types == 7 then return "any" end
  local names = {}
  for _, name in ipairs(schema.types) do
    if name ~= "string" or not schema.choices then names[#names + 1] = name end
  end
  for _, choice in ipairs(schema.choices or {}) do names[#names + 1] = choice:gsub("%c", "?") end
  local text = table.concat(names, "|")
  return schema.items and text .. " of " .. type_text(schema.items) or text
end

local function add_fields(lines, title, fields)
  if #fields == 0 then return end
  lines[#lines + 1] = title
  for _, field in ipairs(fields) do
    local notes = {}
    if field.required then notes[#notes + 1] = "required" end
    if field.place and field.place ~= "query" then notes[#notes + 1] = "sent as a " .. field.place end
    if field.wire_name then notes[#notes + 1] = "named " .. field.wire_name .. " there" end
    if field.schema.default_json then notes[#notes + 1] = "default " .. field.schema.default_json end
    if field.unverified then notes[#notes + 1] = "not verified" end
    local note = #notes > 0 and " (" .. table.concat(notes, ", ") .. ")" or ""
    lines[#lines + 1] = ("  %-22s %s%s"):format(field.name, type_text(field.schema), note)
    if field.summary then lines[#lines + 1] = indented(field.summary) end
  end
  lines[#lines + 1] = ""
end

local function add_body(lines, body)
  add_fields(lines, "Body:", body.fields or {})
  add_fields(lines, "Each element, when the body is a list:", body.items and body.items.fields or {})
  if body.exactly_one_of then
    lines[#lines + 1] = "Exactly one of: " .. table.concat(body.exactly_one_of, ", ")
  end
  if body.open then lines[#lines + 1] = "The body may have further fields: not all are documented." end
end

local function add_notes(lines, operation)
  if operation.public then lines[#lines + 1] = "Takes no credential." end
  if operation.scopes then lines[#lines + 1] = "Scopes (one is enough): " .. table.concat(operation.scopes, ", ") end
  if operation.paging ~= "none" then
    lines[#lines + 1] = "All pages: for row in api." .. operation.name:gsub("%.list$", ".each") .. "(…) do … end"
  end
  if operation.wait then lines[#lines + 1] = "Wait for its work: api." .. operation.name .. ".wait(…)" end
  if operation.unverified then lines[#lines + 1] = "Inferred, not documented: may differ." end
  if operation.source then lines[#lines + 1] = "Source: " .. operation.source end
end

--- How the operation is called: api.agents.get(agent_id).
---@param operation table from operations.describe
---@return string
function operation_help.signature(operation)
  local names = {}
  for i, field in ipairs(operation.path_fields) do names[i] = field.name end
  if #operation.parameters > 0 or operation.body then names[#names + 1] = "{ … }" end
  return ("api.%s(%s)"):format(operation.name, table.concat(names, ", "))
end

--- All that we know about it.
---@param operation table from operations.describe
---@return string
function operation_help.text(operation)
  local lines = {
    operation_help.signature(operation),
    ("%s %s"):format(operation.method, operation.path),
    "",
    wrap(operation.summary, WIDTH),
  }
  if operation.description then lines[#lines + 1] = "\n" .. wrap(operation.description, WIDTH) end
  lines[#lines + 1] = ""
  add_fields(lines, "Path:", operation.path_fields)
  add_fields(lines, "Parameters:", operation.parameters)
  if operation.body then add_body(lines, operation.body) end
  add_notes(lines, operation)
  lines[#lines + 1] = "\nIn Lua:\n  " .. examples.lua(operation):gsub("\n", "\n  ")
  lines[#lines + 1] = "\nWith curl:\n  " .. examples.curl(operation):gsub("\n", "\n  ")
  return table.concat(lines, "\n") .. "\n"
end

return operation_help
