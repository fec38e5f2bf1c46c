-- Errors for people at the prompt: what failed, why, and what to do.

local errors = require "anyreach.errors"
local text = require "anyreach.repl.text"

-- What to do, by the kind of the error. "%s" is the operation's name.
local ADVICE = {
  unauthorized = "Check the token: 'anyreach doctor' tells what it is and where it comes from.",
  forbidden = "The credential may not do this; another token, or another role, can.",
  credential = "Set ANYREACH_TOKEN, or choose a profile: :profile NAME.",
  rate_limited = "Wait a moment; --rate N keeps below a number of requests a second.",
  network = "Check the address and the connection: 'anyreach doctor'.",
  tls = "Check the certificate: 'anyreach doctor'; --ca-file FILE trusts authorities of your own.",
  timeout = "Try again; --timeout SECONDS allows more time.",
  server = "The server failed; trying again later may help.",
}

-- The same where the operation explains itself.
local OPERATION_ADVICE = {
  usage = "help(api.%s) tells what it takes.",
  validation = "help(api.%s) tells what it takes.",
  bad_request = "help(api.%s) tells what it takes.",
  not_found = "It may be gone, or belong to another organisation: api.%s lists what there is.",
}

local function list_of(operation)
  local name = operation:gsub("[^.]+$", "list")
  return require("anyreach.operations").describe(name) and name
end

-- What a recipe does not declare, and what --read-only forbids, no command allows.
local function guard_advice(err)
  local is_lifted = err.message:find "this session is read%-only" or err.message:find "is protected"
  return is_lifted and ":readonly off allows writes." or nil
end

local function advice(err)
  if err.kind == "guard" then return guard_advice(err) end
  if err.kind == "not_found" then
    local list = err.operation and list_of(err.operation)
    return list and OPERATION_ADVICE.not_found:format(list)
  end
  local about = err.operation and require("anyreach.operations").describe(err.operation) and OPERATION_ADVICE[err.kind]
  return about and about:format(err.operation) or ADVICE[err.kind]
end

local function facts(err)
  local list = {}
  if err.method and err.url then list[1] = err.method .. " " .. err.url end
  if err.request_id then list[#list + 1] = "request " .. err.request_id end
  if (err.attempts or 1) > 1 then list[#list + 1] = ("%d attempts"):format(err.attempts) end
  if err.retry_after then list[#list + 1] = ("try again after %g s"):format(err.retry_after) end
  if err.where and not err.where:find "^%(" then list[#list + 1] = "at " .. err.where end
  return table.concat(list, ", ")
end

-- A message of Lua's that begins with where in the entry it arose.
local function plain_message(err)
  if type(err) == "string" then return err end
  local ok, words = pcall(tostring, err)
  return ok and words or "an error that cannot say what it is"
end

--- An error as text of several lines.
---@param err any what was raised, or returned in place of a result
---@param options? anyreach.repl.show_options
---@return string
local function error_view(err, options)
  local color = options and options.color
  if not errors.is_error(err) then return text.paint("failure", text.lines(plain_message(err)), color) end
  local message = tostring(err.message)
  local head = err.operation and tostring(err.operation) .. ": " .. message or message
  local lines = { text.paint("failure", text.lines(head), color) }
  local function add(line, kind)
    if line and line ~= "" then lines[#lines + 1] = "  " .. text.paint(kind, text.line(line), color) end
  end
  add(facts(err), "note")
  if err.may_have_been_sent then add("It may have been carried out: look before you do it again.", "warning") end
  add(advice(err), "note")
  return table.concat(lines, "\n")
end

return error_view
