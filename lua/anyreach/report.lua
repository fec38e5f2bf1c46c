-- What the program tells people and machines about its work: messages on stderr, data on stdout, and
-- with --json one versioned event a line on stdout.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"

local report = {}

local EVENT_VERSION = 1

--- True when results are wanted as JSON events.
---@return boolean
function report.is_json()
  return host.options.json == true
end

--- Prints one event: {"version":1,"event":name, ...}.
---@param name string
---@param fields? table
function report.event(name, fields)
  local event = { version = EVENT_VERSION, event = name }
  for key, value in pairs(fields or {}) do event[key] = value end
  io.stdout:write(json.encode(event, { redact = true }), "\n")
  io.stdout:flush()
end

--- Prints a line of progress or advice to stderr, unless --quiet or --json.
---@param format string
function report.note(format, ...)
  if host.options.quiet or report.is_json() then return end
  io.stderr:write(format:format(...), "\n")
end

--- Prints a warning to stderr.
---@param format string
function report.warn(format, ...)
  io.stderr:write("anyreach: warning: ", format:format(...), "\n")
end

-- The facts of an error that a machine may want.
local function error_fields(err)
  if not errors.is_error(err) then return { kind = "script", message = tostring(err) } end
  local fields = {}
  for key, value in pairs(err) do fields[key] = value end
  return fields
end

--- Reports an error that nobody caught.
---@param err any
---@param trace? string a stack trace, shown for plain Lua errors and with --verbose
---@return integer code the exit code that stands for it
function report.failure(err, trace)
  local is_ours = errors.is_error(err)
  local code = errors.exit_code(err)
  if report.is_json() then
    report.event("error", { error = error_fields(err), exit_code = code })
  end
  local where = is_ours and err.where and err.where .. ": " or ""
  io.stdout:flush()
  io.stderr:write("anyreach: ", where, tostring(err), "\n")
  if trace and (host.options.verbose or not is_ours) then io.stderr:write(trace, "\n") end
  return code
end

return report
