-- Error objects: what failed, why, and what to do, as fields and as one readable line. C makes them
-- with raw facts (src/lua/answer.c); the words are here, but for those about the connection (src/net/failure.c).

local json = require "anyreach.json"
local printable = require("anyreach.text.terminal_text").printable

local errors = {}

local MOST_OF_A_BODY = 16 * 1024 -- bytes that an error keeps
local SHOWN = { invalid_bytes = "replace" } -- how JSON is encoded for people

---@class anyreach.error
---@field kind string what sort of failure: a key of `errors.exit_codes`, or "http"
---@field message string
---@field where? string "file:line" of the script that called
---@field operation? string Lua name of the operation
---@field method? string
---@field url? string
---@field status? integer HTTP status
---@field detail? any what the server said, as it said it
---@field body? string the start of an answer that is not JSON, without the secrets that this program knows
---@field problems? {path: string, message: string, excerpt?: string}[] of a misuse: everything that is wrong
---@field request_id? string
---@field attempts? integer
---@field retry_after? number seconds
---@field credential? string how the refused credential may be named, such as "ak_1a2b.…"
---@field scopes? string[] one of which the operation takes
---@field own_scopes? string[] that the refused credential has, when they could be asked for
---@field unreachable? boolean no connection could be made
---@field may_have_been_sent? boolean a write may have reached the server although it failed
errors.metatable = { __name = "anyreach.error", __index = {} }

-- error -> the curl command of its request; no field, so that it is not printed with the others.
local commands = setmetatable({}, { __mode = "k" })

local kinds_by_status = {
  [400] = "bad_request",
  [401] = "unauthorized",
  [403] = "forbidden",
  [404] = "not_found",
  [409] = "conflict",
  [422] = "validation",
  [429] = "rate_limited",
}

local reasons = {
  [400] = "bad request",
  [401] = "the credential was refused",
  [403] = "not permitted",
  [404] = "not found",
  [405] = "method not allowed",
  [408] = "request timeout",
  [409] = "conflict",
  [413] = "too large",
  [422] = "not valid",
  [429] = "too many requests",
  [500] = "server error",
  [502] = "bad gateway",
  [503] = "service unavailable",
  [504] = "gateway timeout",
}

-- Exit codes of the program for an error that nobody caught.
errors.exit_codes = {
  input = 3,
  credential = 4,
  unauthorized = 4,
  forbidden = 4,
  rate_limited = 5,
  guard = 6,
  partial = 8,
  replay = 9,
  network = 10,
  timeout = 10,
  tls = 10,
  conflict = 11,
  command_line = 64,
  interrupted = 130,
}

--- The kind of the error that a status is.
---@param status integer
---@return string
function errors.kind_of_status(status)
  if kinds_by_status[status] then return kinds_by_status[status] end
  if status >= 500 then return "server" end
  return status < 400 and "redirect" or "http"
end

-- One entry of a list of problems as several web frameworks send it.
local function problem_text(problem)
  if type(problem) ~= "table" then return tostring(problem) end
  local message = problem.msg or problem.message
  if type(message) ~= "string" then return json.encode(problem, SHOWN) end
  if type(problem.loc) ~= "table" then return message end
  local path = {}
  for i, part in ipairs(problem.loc) do path[i] = tostring(part) end
  return table.concat(path, ".") .. ": " .. message
end

--- The server's own words as one line, whatever JSON type they came in.
---@param detail any
---@return string|nil
function errors.detail_text(detail)
  if detail == nil or detail == json.null or detail == "" then return nil end
  if type(detail) == "string" then return (detail:gsub("%c+", " ")) end
  if json.is_array(detail) then
    local texts = {}
    for i, problem in ipairs(detail) do texts[i] = problem_text(problem) end
    return table.concat(texts, "; ")
  end
  return json.encode(detail, SHOWN)
end

local function reason_of(err)
  if err.status == 401 and err.credential then return ("the credential %s was refused"):format(err.credential) end
  return reasons[err.status] or err.kind == "redirect" and "redirects are not followed"
end

local function status_message(err)
  local reason = reason_of(err)
  local parts = { err.status .. (reason and " " .. reason or "") }
  local detail = errors.detail_text(err.detail)
  parts[#parts + 1] = detail and err.scopes and detail:gsub("%.$", "") or detail
  if (err.retry_after or 0) >= 1 then
    parts[#parts] = parts[#parts]:gsub("%.$", "")
    parts[#parts + 1] = ("the server asks to wait %.0f s; --max-wait says how long a request waits in all"):format(
      err.retry_after)
  end
  if err.scopes then parts[#parts + 1] = "it takes one of the scopes " .. table.concat(err.scopes, ", ") end
  return table.concat(parts, ": ")
end

--- Adds to an error of kind "forbidden" what its credential may do.
---@param err anyreach.error
---@param own_scopes string[]
function errors.add_own_scopes(err, own_scopes)
  err.own_scopes = own_scopes
  err.message = ("%s; the credential%s has %s"):format(err.message, err.credential and " " .. err.credential or "",
    #own_scopes > 0 and table.concat(own_scopes, ", ") or "none")
end

local function problems_message(problems)
  local lines = {}
  for i, problem in ipairs(problems) do
    local line = problem.path == "" and problem.message or problem.path .. ": " .. problem.message
    lines[i] = problem.excerpt and line .. "\n" .. problem.excerpt or line
  end
  if #lines == 1 then return lines[1] end
  for i, line in ipairs(lines) do lines[i] = line:gsub("\n", "\n  ") end
  return #lines .. " problems\n  " .. table.concat(lines, "\n  ")
end

-- What a server said, without the secrets that it repeated.
local function without_secrets(value)
  if type(value) == "string" then return require("anyreach.text.redaction").text(value) end
  if type(value) ~= "table" or json.is_number(value) then return value end
  for key, item in pairs(value) do value[key] = without_secrets(item) end
  return value
end

-- Takes over what the failed request was, while its secrets are known.
local function take_request(fields)
  commands[fields] = require("anyreach.text.curl").command(fields.sent)
  fields.detail = without_secrets(fields.detail)
  fields.body = fields.body and without_secrets(fields.body):sub(1, MOST_OF_A_BODY)
  fields.message = without_secrets(fields.message)
  fields.url = without_secrets(fields.url)
  fields.request_id = without_secrets(fields.request_id)
  fields.sent = nil
end

--- Completes a table of fields to an error object.
---@param fields table with `sent`, what the request was, if there was one
---@return anyreach.error
function errors.make(fields)
  if fields.sent then take_request(fields) end
  if not fields.kind then fields.kind = fields.status and errors.kind_of_status(fields.status) or "script" end
  if not fields.message then
    fields.message = fields.problems and problems_message(fields.problems) or status_message(fields)
  end
  return setmetatable(fields, errors.metatable)
end

--- The curl command that sends the request again that failed, with the credential as $ANYREACH_TOKEN, or
--- nil when there was none.
---@return string|nil
function errors.metatable.__index:curl()
  return commands[self]
end

--- Raises an error of a kind.
---@param kind string
---@param format string as for string.format
function errors.raise(kind, format, ...)
  error(errors.make { kind = kind, message = format:format(...) }, 0)
end

---@param value any
---@return boolean
function errors.is_error(value)
  return getmetatable(value) == errors.metatable
end

local OF_THE_RUN = { credential = true, unauthorized = true, tls = true }

--- True for an error that concerns everything that a run does, and not one object: the credential, the way to the
--- server, or a server that accepts nothing more, however long it is waited for.
---@param value any
---@return boolean
function errors.ends_run(value)
  if not errors.is_error(value) then return false end
  local is_over = value.kind == "rate_limited" and (value.attempts or 1) > 1
  return OF_THE_RUN[value.kind] or value.unreachable or is_over or false
end

local function returned(ok, ...)
  if ok then return ... end
  local err = ...
  if errors.is_error(err) and err.kind ~= "usage" then return nil, err end
  error(err, 0)
end

--- A function that returns nil and the error where `f` raises what the world did; misuse still raises.
---@param f function
---@return function
function errors.trying(f)
  return function(...) return returned(pcall(f, ...)) end
end

--- The exit code that stands for an uncaught error.
---@param err any
---@return integer
function errors.exit_code(err)
  return errors.is_error(err) and errors.exit_codes[err.kind] or 1
end

--- The exit code that stands for results of which some have failed, or were not tried because the run ended:
--- "partial", or when that is true of all, the code of what ended the run, else of the first one's error.
---@param results {error: any, not_tried: any}[]
---@return integer|nil nil when none has failed
function errors.exit_code_of(results)
  local count, first, ended = 0, nil, nil
  for _, result in ipairs(results) do
    if result.error or result.not_tried then
      count, first, ended = count + 1, first or result.error, ended or result.not_tried
    end
  end
  if count == 0 then return nil end
  return count == #results and errors.exit_code(ended or first) or errors.exit_codes.partial
end

function errors.metatable.__tostring(err)
  local text = err.operation and err.operation .. ": " .. err.message or err.message
  local facts = {}
  if err.method and err.url then facts[1] = err.method .. " " .. err.url end
  if err.request_id then facts[#facts + 1] = "request " .. err.request_id end
  if err.may_have_been_sent then facts[#facts + 1] = "it may have been carried out" end
  return printable(#facts > 0 and text .. " (" .. table.concat(facts, ", ") .. ")" or text)
end

return errors
