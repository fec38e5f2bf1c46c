-- anyreach api update: compares the documents that the API serves with the operations we know, says what
-- is new, changed or gone, and keeps the documents for later runs. That each service serves its own at
-- /SERVICE/openapi.json is documented; whether to everybody is not, so the credential goes along.

local core = require "anyreach.client_core"
local document = require "anyreach.openapi.document"
local errors = require "anyreach.errors"
local given_names = require "anyreach.openapi.given_names"
local host = require "anyreach.host"
local json = require "anyreach.json"
local live_documents = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local report = require "anyreach.report"
local settings = require "anyreach.account.settings"

local update = {}

local MAX_LINES = 20 -- shown of what changed in one operation
local EXIT_PARTIAL = errors.exit_codes.partial

---@class anyreach.api_update.findings what a service's document says that we did not know
---@field service string
---@field new table[] rows
---@field changed {row: table, lines: string[]}[]
---@field gone table[] rows
---@field refused anyreach.openapi.refusal[]
---@field overruled string[] what the document says of writing and repeating, and is not believed
---@field elsewhere? string the host that the document says it is for

-- {====== one operation ======

-- What a caller would notice of a change, as short lines: parameters, body and answer, field by field. Summaries
-- are not compared.

local function type_text(schema)
  local names = { table.unpack(schema.types) }
  table.sort(names)
  return table.concat(names, "|")
end

local function list_text(list)
  return list and table.concat(list, "|") or "anything"
end

local function value_text(value)
  return value == nil and "none" or tostring(value)
end

-- Of two facts that are true, false or not set.
local function is_other(a, b)
  return (a == true) ~= (b == true)
end

local function note(lines, path, format, ...)
  lines[#lines + 1] = path .. ": " .. format:format(...)
end

local compare_fields -- schemas and fields hold each other

local FACTS = { "default_json", "minimum", "maximum", "min_length" }

local function compare_schemas(lines, path, old, new)
  if not old or not new then
    if old then note(lines, path, "gone") elseif new then note(lines, path, "new") end
    return
  end
  if type_text(old) ~= type_text(new) then
    note(lines, path, "type now %s, was %s", type_text(new), type_text(old))
  end
  if list_text(old.choices) ~= list_text(new.choices) then
    note(lines, path, "now one of %s, was %s", list_text(new.choices), list_text(old.choices))
  end
  for _, fact in ipairs(FACTS) do
    if old[fact] ~= new[fact] then
      note(lines, path, "%s now %s, was %s", fact:gsub("_json", ""):gsub("_", " "), value_text(new[fact]),
        value_text(old[fact]))
    end
  end
  if is_other(old.open, new.open) then
    note(lines, path, new.open and "now takes further fields" or "no longer takes further fields")
  end
  compare_fields(lines, path, old.fields or {}, new.fields or {})
  if old.items or new.items then compare_schemas(lines, path .. "[]", old.items, new.items) end
end

local function by_name(fields)
  local map = {}
  for _, field in ipairs(fields) do map[field.name] = field end
  return map
end

function compare_fields(lines, path, old, new)
  local old_by_name, new_by_name = by_name(old), by_name(new)
  for _, field in ipairs(old) do
    if not new_by_name[field.name] then note(lines, path .. "." .. field.name, "gone") end
  end
  for _, field in ipairs(new) do
    local place, other = path .. "." .. field.name, old_by_name[field.name]
    if not other then
      note(lines, place, field.required and "new, required" or "new")
    else
      if is_other(other.required, field.required) then
        note(lines, place, field.required and "now required" or "no longer required")
      end
      compare_schemas(lines, place, other.schema, field.schema)
    end
  end
end

--- The differences from one row to another of the same operation. `old` is from operations.describe(),
--- whose schemas are trees: so the work has an end, however a document's schemas hold each other.
---@param old table
---@param new table
---@return string[]
function update.compare(old, new)
  local lines = {}
  for i, field in ipairs(new.path_fields) do
    compare_schemas(lines, "path." .. field.name, old.path_fields[i].schema, field.schema)
  end
  compare_fields(lines, "query", old.parameters, new.parameters)
  compare_schemas(lines, "body", old.body, new.body)
  if is_other(old.body_required, new.body_required) then
    note(lines, "body", new.body_required and "now required" or "no longer required")
  end
  if old.answer_kind ~= new.answer_kind then
    note(lines, "answer", "now %s, was %s", new.answer_kind, old.answer_kind)
  end
  compare_schemas(lines, "answer", old.answer, new.answer)
  if is_other(old.public, new.public) then
    note(lines, "credential", new.public and "no longer needed" or "now needed")
  end
  return lines
end

-- }======

-- {====== finding out ======

local function key_of(method, path)
  return method .. " " .. path:gsub("{[^/]*}", "{}")
end

-- What the table has of the service and the document has not.
local function gone_rows(service, reading)
  local present, gone = {}, {}
  for _, entry in ipairs(reading.merged) do present[key_of(entry.row.method, entry.row.path)] = true end
  for _, refusal in ipairs(reading.refused) do present[key_of(refusal.method, refusal.path)] = true end
  for _, name in ipairs(operations.names()) do
    local row = operations.describe(name)
    if row.service == service and not present[key_of(row.method, row.path)] then gone[#gone + 1] = row end
  end
  return gone
end

local function compare_reading(service, reading)
  local findings = { service = service, new = {}, changed = {}, gone = gone_rows(service, reading),
    refused = reading.refused, overruled = live_documents.overruled(reading) }
  for _, entry in ipairs(reading.merged) do
    local lines = entry.known and update.compare(entry.known, entry.row)
    if not lines then
      table.insert(findings.new, entry.row)
    elseif #lines > 0 then
      table.insert(findings.changed, { row = entry.row, lines = lines })
    end
  end
  return findings
end

-- `given` grows by the names of the service.
local function update_service(api, base_url, service, place, given)
  local url = ("%s/%s/openapi.json"):format(base_url, service)
  local value = document.decode(core.fetch(api, url, true), url)
  local reading = live_documents.read(value, url, service, given)
  given_names.add(given, reading.merged)
  local findings = compare_reading(service, reading)
  findings.elsewhere = live_documents.other_host(value)
  if place then
    live_documents.define(reading)
    given_names.keep(place, reading.merged)
    live_documents.save(place, service, value)
  end
  return findings
end

-- }======

-- {====== saying it ======

local function operation_text(row)
  return ("%s (%s %s)"):format(row.name, row.method, row.path)
end

local function print_changed(change)
  print("  changed  " .. operation_text(change.row))
  for i, line in ipairs(change.lines) do
    if i > MAX_LINES then
      print(("             … and %d more"):format(#change.lines - MAX_LINES))
      break
    end
    print("             " .. line)
  end
end

local function print_findings(findings)
  local count = #findings.new + #findings.changed + #findings.gone
  print(("%s: %s"):format(findings.service, count == 0 and "as known"
    or ("%d new, %d changed, %d gone"):format(#findings.new, #findings.changed, #findings.gone)))
  for _, row in ipairs(findings.new) do print("  new      " .. operation_text(row)) end
  for _, change in ipairs(findings.changed) do print_changed(change) end
  for _, row in ipairs(findings.gone) do print("  gone     " .. operation_text(row)) end
  for _, refusal in ipairs(findings.refused) do
    print(("  refused  %s %s: %s"):format(refusal.method, refusal.path, refusal.reason))
  end
  for _, text in ipairs(findings.overruled) do print("  kept     " .. text) end
  if findings.elsewhere then
    print(("  note     it is for %s; calls go to the client's address"):format(findings.elsewhere:gsub("%c", "?")))
  end
end

local function facts(row)
  return { name = row.name, method = row.method, path = row.path }
end

local function print_event(findings, keep)
  local event = { service = findings.service, kept = keep, new = json.array {}, changed = json.array {},
    gone = json.array {}, refused = json.array(findings.refused), overruled = json.array(findings.overruled) }
  for i, row in ipairs(findings.new) do event.new[i] = facts(row) end
  for i, row in ipairs(findings.gone) do event.gone[i] = facts(row) end
  for i, change in ipairs(findings.changed) do
    event.changed[i] = facts(change.row)
    event.changed[i].changes = json.array(change.lines)
  end
  report.event("service", event)
end

local function print_failure(service, err)
  if report.is_json() then
    report.event("service_failed", { service = service, message = tostring(err) })
  else
    io.stderr:write(("anyreach: %s: %s\n"):format(service, tostring(err)))
  end
end

-- }======

--- Compares, and unless it is a dry run keeps what was fetched. In a run with --sandbox nothing is kept,
--- because its address ends with it.
---@param options {dry_run?: boolean}
---@return integer exit code
function update.run(options)
  local api, base_url, profile = live_documents.client(), settings.default_base_url()
  local keep = not options.dry_run and not host.sandbox_url()
  local directory = not host.sandbox_url() and live_documents.directory(base_url, profile)
  if keep and not directory then errors.raise("input", "no directory for caches: set XDG_CACHE_HOME or HOME") end
  local given, place = directory and given_names.load(directory) or {}, keep and directory
  local failed, code = 0, 0
  for _, service in ipairs(live_documents.services) do
    local ok, result = pcall(update_service, api, base_url, service, place, given)
    if not ok then
      failed = failed + 1
      code = code == 0 and errors.exit_code(result) or code
      print_failure(service, result)
    elseif report.is_json() then
      print_event(result, keep)
    else
      print_findings(result)
    end
  end
  if failed == #live_documents.services then return code end
  return failed > 0 and EXIT_PARTIAL or 0
end

return update
