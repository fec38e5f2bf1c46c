-- Waiting for work that goes on after the answer: `api.email_domains.verify.wait(id)`. How each kind of
-- work is followed is described with its operation (x-wait in src/openapi): what to poll, where the state is,
-- and which states mean running and failed. Everything else means finished.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local member = require("anyreach.client.client").member

local waiting = {}

local DEFAULT_TIMEOUT = 300 -- seconds
local FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5 -- seconds between two looks
local OPTIONS = { "timeout", "started", "on_progress" }

---@class anyreach.wait_options
---@field timeout? number seconds; default 300
---@field started? any the answer of the call that started the work, where a list is polled
---@field on_progress? fun(state: string, seconds: number) called after every look that finds it running

--- How the work that an operation starts is followed, or nil when it starts none. Looking must change nothing,
--- whatever a document says: what writes is not followed.
---@param name string
---@return table|nil
function waiting.rule(name)
  local operation = operations.describe(name)
  local rule = operation and operation.wait
  local poll = rule and operations.describe(rule.poll)
  return poll and not poll.writes and rule or nil
end

local function contains(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then return true end
  end
  return false
end

-- The value at a dotted path of fields, or nil.
local function at(value, path)
  for field in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[field]
  end
  return value
end

-- What the server reports about a failure: the reason beside the state, else the state itself.
local function reason(object, path, state)
  local beside = at(object, path:match("^(.*)%.[^.]+$") or "")
  if type(beside) ~= "table" then return state end
  return errors.detail_text(beside.error or beside.message or beside.reason or beside.detail) or state
end

--- How far an object's work is.
---@param rule table
---@param object any
---@return "running"|"failed"|"finished"|nil progress nil when no field says
---@return string|nil state in the server's word; of a failure its reason, when one is given
function waiting.progress(rule, object)
  for _, path in ipairs(rule.state) do
    local state = at(object, path)
    if type(state) == "string" then
      local word = state:lower()
      local progress = contains(rule.running, word) and "running" or contains(rule.failed, word) and "failed"
      return progress or "finished", progress == "failed" and reason(object, path, state) or state
    end
  end
end

--- Looks again and again, less and less often, until the work is finished.
---@param what string names the work in errors
---@param look fun(): string, any, string? returns progress, the object, and its state
---@param options? anyreach.wait_options
---@return any object
function waiting.poll(what, look, options)
  local timeout = options and options.timeout or DEFAULT_TIMEOUT
  local on_progress = options and options.on_progress
  local start, pause = host.clock(), FIRST_PAUSE
  while true do
    local progress, object, state = look()
    if progress == "finished" then return object end
    if progress == "failed" then errors.raise("failed", "%s failed: %s", what, state or "no reason given") end
    local elapsed = host.clock() - start
    if elapsed >= timeout then
      errors.raise("timeout", "%s is not finished after %g seconds (%s)", what, timeout, state or "state unknown")
    end
    if on_progress then on_progress(state or "running", elapsed) end
    host.sleep(math.min(pause, timeout - elapsed + 0.01))
    pause = math.min(pause * 1.5, LONGEST_PAUSE)
  end
end

-- The values by which rows are recognised as belonging to the work, or nil: all do.
local function wanted_ids(rule, started)
  local ids = {}
  for _, item in ipairs(json.is_array(started) and started or { started }) do
    for _, field in ipairs(rule.match or {}) do
      if type(item) == "table" and type(item[field]) == "string" then ids[item[field]] = true end
    end
  end
  return next(ids) and ids or nil
end

local function belongs(rule, row, ids)
  if type(row) ~= "table" then return false end
  if not ids then return true end
  for _, field in ipairs(rule.match) do
    if ids[row[field]] then return true end
  end
  return false
end

-- The progress of several rows together: one that failed decides, then one that runs.
local function rows_progress(rule, rows, ids)
  if ids and #rows == 0 then return "running", "not listed yet" end
  local running
  for _, row in ipairs(rows) do
    local progress, state = waiting.progress(rule, row)
    if progress == "failed" then return "failed", ("%s (%s)"):format(state, row.id or row.name or "?") end
    if progress ~= "finished" then running = state or "state unknown" end
  end
  return running and "running" or "finished", running
end

local function look_at_rows(rule, each, path, ids)
  return function()
    local rows = json.array {}
    for row in each(table.unpack(path)) do
      if belongs(rule, row, ids) then rows[#rows + 1] = row end
    end
    local progress, state = rows_progress(rule, rows, ids)
    return progress, rows, state
  end
end

-- Without a state the work is finished when the field that it writes is there.
local function look_at_object(rule, get, path)
  return function()
    local object = get(table.unpack(path))
    local progress, state = waiting.progress(rule, object)
    if not progress then progress = rule.result and at(object, rule.result) and "finished" or "running" end
    return progress, object, state
  end
end

local function check_names(what, options)
  for name in pairs(options) do
    if not contains(OPTIONS, name) then
      local near = operations.nearest(tostring(name), OPTIONS)
      errors.raise("usage", "%s: unknown option '%s'; %s", what, tostring(name),
        near and ("did you mean '%s'?"):format(near) or "expected " .. table.concat(OPTIONS, ", "))
    end
  end
end

--- Raises what is wrong with the options of a wait.
---@param what string names the wait
---@param options any
---@return anyreach.wait_options
function waiting.check_options(what, options)
  if type(options) ~= "table" then errors.raise("usage", "%s: expected a table of options", what) end
  check_names(what, options)
  local timeout, on_progress = options.timeout, options.on_progress
  if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
    errors.raise("usage", "%s: timeout: expected seconds, not negative, got %s", what, tostring(timeout))
  end
  if on_progress ~= nil and type(on_progress) ~= "function" then
    errors.raise("usage", "%s: on_progress: expected a function, got a %s", what, type(on_progress))
  end
  return options
end

-- `verify:wait(id)` has the operation itself as its first argument.
local function is_operation(value)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == "anyreach.operation"
end

local function split_arguments(what, path_count, ...)
  local arguments = table.pack(...)
  if arguments.n > path_count + 1 then
    errors.raise("usage", "%s: at most %d arguments are taken, got %d", what, path_count + 1, arguments.n)
  end
  local options = arguments[path_count + 1]
  if options == nil then options = {} end
  return table.move(arguments, 1, path_count, 1, {}), waiting.check_options(what, options)
end

--- Makes the `wait` of an operation: wait(path values…[, options]) -> the finished object, or the rows.
--- Raises an error of kind "failed" or "timeout".
---@param api anyreach.client
---@param name string
---@return fun(...): any
function waiting.bind(api, name)
  local rule, what = waiting.rule(name), name .. ".wait"
  local path_count = #operations.describe(rule.poll).path_fields
  local function wait(...)
    local path, options = split_arguments(what, path_count, ...)
    if rule.rows then
      local each = member(api, rule.poll:gsub("%.list$", ".each"))
      return waiting.poll(what, look_at_rows(rule, each, path, wanted_ids(rule, options.started)), options)
    end
    return waiting.poll(what, look_at_object(rule, member(api, rule.poll), path), options)
  end
  return function(first, ...)
    if is_operation(first) then return wait(...) end
    return wait(first, ...)
  end
end

return waiting
