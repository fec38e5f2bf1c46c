-- anyreach api: what operations there are, what one of them takes, and what the live API has changed.

local arguments = require "anyreach.arguments"
local json = require "anyreach.json"
local live_documents = require "anyreach.openapi.live_documents"
local operations = require "anyreach.operations"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach api list [FILTER] | show OPERATION | update [--dry-run]",
  summary = "Lists the operations of the API, explains one, or adopts what the API has changed.",
  options = {
    { name = "dry-run", help = "update: only show what is new, changed or gone" },
  },
  operands = { name = "list, show or update", min = 1, max = 2 },
  notes = [[
list lists the operations whose name, method, path or summary contains FILTER; with --json as one object.
show explains an operation: its fields, scopes and source, with an example in Lua and one with curl.
update fetches /SERVICE/openapi.json of each service with the credential, compares it with the known
operations, and keeps it in $XDG_CACHE_HOME/anyreach/openapi for later runs against the same address. A
service that does not answer is reported; the exit code is then 8, or that of the error if none answers.

  anyreach api list web_widgets
  anyreach api show agents.versions.publish
  anyreach api update --dry-run]],
}

-- {====== list ======

local function matches(operation, filter)
  for _, key in ipairs { "name", "method", "path", "summary" } do
    if operation[key]:lower():find(filter, 1, true) then return true end
  end
  return false
end

local function chosen(filter)
  local list = {}
  for _, name in ipairs(operations.names()) do
    local operation = operations.describe(name)
    if matches(operation, filter) then list[#list + 1] = operation end
  end
  return list
end

local function print_json(list)
  local entries = json.array {}
  for i, operation in ipairs(list) do
    entries[i] = {
      name = operation.name,
      method = operation.method,
      path = operation.path,
      service = operation.service,
      scopes = operation.scopes or json.null,
      unverified = operation.unverified,
    }
  end
  io.stdout:write(json.encode { operations = entries }, "\n")
end

local function list(filter)
  live_documents.use_default()
  local found = chosen((filter or ""):lower())
  if report.is_json() then return print_json(found) end
  local width = 0
  for _, operation in ipairs(found) do width = math.max(width, #operation.name) end
  for _, operation in ipairs(found) do
    io.stdout:write(("%-" .. math.min(width, 60) .. "s  %-6s %s\n"):format(operation.name, operation.method,
      operation.path))
  end
  if #found == 0 then report.note("no operation contains '%s'", filter) end
end

-- }======

local function show(name)
  live_documents.use_default()
  if not name then arguments.fail(spec, "api show: which operation? 'anyreach api list' lists them") end
  name = name:gsub("^api%.", "")
  local operation = operations.describe(name)
  if operation then
    io.stdout:write(require("anyreach.openapi.help").text(operation))
    return
  end
  local near = operations.nearest(name, operations.names())
  arguments.fail(spec, "api show: no operation '%s'%s", name, near and ("; did you mean '%s'?"):format(near)
    or "; 'anyreach api list' lists them")
end

local ACTIONS = {
  list = list,
  show = show,
  update = function(_, given) return require("anyreach.openapi.update").run { dry_run = given.dry_run } end,
}

local function run(given)
  local action = ACTIONS[given[1]]
  if not action then
    local near = operations.nearest(given[1], { "list", "show", "update" })
    arguments.fail(spec, "api: unknown action '%s'%s", given[1], near and ("; did you mean '%s'?"):format(near) or "")
  end
  if given[2] and given[1] == "update" then arguments.fail(spec, "unexpected argument '%s'", given[2]) end
  if given.dry_run and given[1] ~= "update" then arguments.fail(spec, "--dry-run is for 'api update'") end
  return action(given[2], given)
end

return { spec = spec, run = run }
