-- What the program reports to people and machines about its work: messages on stderr, data on stdout, and
-- with --json one versioned event a line on stdout.

local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local printable = require("anyreach.text.terminal_text").printable
local progress = require "anyreach.progress"
local redaction = require "anyreach.text.redaction"

local report = {}

local EVENT_VERSION = 1

--- True when results are wanted as JSON events.
---@return boolean
function report.is_json()
  return host.options.json == true
end

--- Prints one event: {"version":1,"event":name, ...}. Bytes that are not valid UTF-8 become U+FFFD.
---@param name string
---@param fields? table
function report.event(name, fields)
  local event = { version = EVENT_VERSION, event = name }
  for key, value in pairs(fields or {}) do event[key] = value end
  io.stdout:write(json.encode(redaction.texts(event), { redact = true, invalid_bytes = "replace" }), "\n")
  io.stdout:flush()
end

local facts_of_run -- what report.of_run was given, or nil

--- Lets the last event of the run say whose organisation it works on.
---@param facts fun(): table|nil fields of that event; nil: the run is over
function report.of_run(facts)
  facts_of_run = facts
end

-- The event that a run ends with.
local function last_event(name, fields, code)
  local event = facts_of_run and facts_of_run() or {}
  for key, value in pairs(fields or {}) do event[key] = value end
  event.exit_code = code
  report.event(name, event)
end

--- Prints the event that a run ends with when no error ends it.
---@param fields table|nil counts and the like
---@param code integer the exit code
function report.summary(fields, code)
  last_event("summary", fields, code)
end

-- {====== stderr ======

local held -- lines that wait for the first one, or nil

--- Lets notes and warnings wait for the first line of the run, which header() prints.
function report.hold()
  held = held or {}
end

local function write_line(text)
  if held then
    held[#held + 1] = text
    return
  end
  progress.hide()
  io.stderr:write(text, "\n")
end

--- Prints what was held.
function report.release()
  local lines = held or {}
  held = nil
  for _, text in ipairs(lines) do write_line(text) end
end

--- Prints the first line of a run to stderr, with --json too, unless --quiet; then what was held.
---@param text string
function report.header(text)
  local lines = held
  held = nil
  if not host.options.quiet then write_line(printable(text)) end
  held = lines
  report.release()
end

-- }======

-- The format is ours and may hold colours; the values may be anybody's words.
local function fill(is_line, format, ...)
  local values = table.pack(...)
  for index = 1, values.n do
    if type(values[index]) == "string" then values[index] = printable(values[index], is_line) end
  end
  return format:format(table.unpack(values, 1, values.n))
end

--- Prints a line of results to stdout, unless --quiet or --json. Control characters in the values are shown.
---@param format string
function report.line(format, ...)
  if host.options.quiet or report.is_json() then return end
  progress.print(fill(true, format, ...))
end

--- Prints lines of results that are fit for a terminal already, and may be in colour.
---@param lines string[]
function report.lines(lines)
  if host.options.quiet or report.is_json() then return end
  for _, line in ipairs(lines) do progress.print(line) end
end

--- Prints a line of progress or advice to stderr, unless --quiet or --json; the values as in report.line.
---@param format string
function report.note(format, ...)
  if host.options.quiet or report.is_json() then return end
  write_line(fill(false, format, ...))
end

--- Prints a warning to stderr; the values as in report.line.
---@param format string
function report.warn(format, ...)
  write_line("anyreach: warning: " .. fill(false, format, ...))
end

--- Reports on stderr what has failed, in one line.
---@param sentence string
function report.failed(sentence)
  io.stdout:flush()
  report.release()
  write_line("anyreach: " .. sentence)
end

local function failed_text(count, total, first)
  local failed = ("the agent '%s' failed"):format(first.name)
  if total > 1 then
    failed = ("%d of %d agents failed%s '%s'"):format(count, total, count > 1 and ", the first" or ":", first.name)
  end
  return failed .. ": " .. tostring(first.error)
end

--- How many agents have failed, and why the first one did, or what ended the run, in a sentence; nil when none has.
---@param results {name: string, error: any, not_tried: any}[] not_tried: what ended the run
---@return string|nil
function report.agents_failed(results)
  local count, first, untried, ended = 0, nil, 0, nil
  for _, result in ipairs(results) do
    if result.not_tried then untried, ended = untried + 1, ended or result.not_tried end
    if result.error then count, first = count + 1, first or result end
  end
  local parts = {}
  if ended then
    parts[1] = ("the run ended, with %d of %d agents not tried: %s"):format(untried, #results, tostring(ended))
  end
  if first then parts[#parts + 1] = failed_text(count, #results, first) end
  if #parts == 0 then return nil end
  return redaction.printable(table.concat(parts, "; "):gsub("%s*\n%s*", "; "))
end

-- The facts of an error that a machine may want.
local function error_fields(err)
  if not errors.is_error(err) then return { kind = "script", message = tostring(err) } end
  local fields = {}
  for key, value in pairs(err) do fields[key] = value end
  return fields
end

--- An error as a part of an event; nothing for none.
---@param err any
---@return table|nil
function report.error_event(err)
  if err == nil then return nil end
  local event = { message = tostring(err), exit_code = errors.exit_code(err) }
  if errors.is_error(err) then
    event.kind, event.status, event.operation = err.kind, err.status, err.operation
    event.request_id, event.may_have_been_sent = err.request_id, err.may_have_been_sent
  end
  return event
end

--- Reports an error that nobody caught.
---@param err any
---@param trace? string a stack trace, shown for plain Lua errors and with --verbose
---@return integer code the exit code that stands for it
function report.failure(err, trace)
  local is_ours = errors.is_error(err)
  local code = errors.exit_code(err)
  if report.is_json() then
    last_event("error", { error = error_fields(err) }, code)
  end
  local where = is_ours and err.where and err.where .. ": " or ""
  io.stdout:flush()
  report.release()
  write_line("anyreach: " .. where .. tostring(err))
  if trace and (host.options.verbose or not is_ours) then io.stderr:write(trace, "\n") end
  return code
end

--- What was written until something was stopped: "; 3 writes were applied; 1 may have been: POST /core/agents".
---@param tally {applied: integer, open: integer, texts: string[]} writes answered well, and given up under way
---@return string
function report.writes(tally)
  local parts = {}
  if tally.applied > 0 then
    parts[1] = ("; %d %s applied"):format(tally.applied, tally.applied == 1 and "write was" or "writes were")
  end
  if tally.open > 0 then
    local more = tally.open > #tally.texts and (" and %d more"):format(tally.open - #tally.texts) or ""
    local verb = #parts > 0 and "may have been" or
      (tally.open == 1 and "write" or "writes") .. " may have been applied"
    parts[#parts + 1] = ("; %d %s: %s%s"):format(tally.open, verb, table.concat(tally.texts, ", "), more)
  end
  return table.concat(parts)
end

-- {====== how far a run has come, for when it is stopped ======

---@alias anyreach.work_state "done"|"unchanged"|"failed"|"in_progress"|"not_begun"

local MOST_NAMES = 20 -- of the agents in one state

-- The states in the order in which they are told, how they are told, and whether the agents are named.
local STATES = {
  { state = "done", words = "done", is_named = true },
  { state = "in_progress", words = "in progress", is_named = true },
  { state = "failed", words = "failed", is_named = true },
  { state = "unchanged", words = "unchanged" },
  { state = "not_begun", words = "not begun" },
}

local followed -- what report.follow was given, or nil

--- Lets the report of a run that is stopped tell how far it has come with each agent. An empty list: the run has not
--- written anything yet. Nil: it is over, or is not about agents.
---@param list {name: string}[]|nil
---@param state_of? fun(item: any): anyreach.work_state, string? the state, and what may have been done in words
function report.follow(list, state_of)
  followed = list and { list = list, state_of = state_of }
end

-- The agents by state, each {name, state, note}; nil when none is followed.
local function followed_agents()
  if not followed then return nil end
  local agents = json.array {}
  for index, item in ipairs(followed.list) do
    local state, words = followed.state_of(item)
    agents[index] = { name = item.name, state = state, note = words }
  end
  return agents
end

local function names_of(agents)
  local names = {}
  for index = 1, math.min(#agents, MOST_NAMES) do
    local agent = agents[index]
    local note = agent.note and (" (%s)"):format(agent.note) or ""
    names[index] = printable(("'%s'%s"):format(agent.name, note), true)
  end
  local more = #agents > MOST_NAMES and (" and %d more"):format(#agents - MOST_NAMES) or ""
  return redaction.text(table.concat(names, ", ")) .. more
end

-- "; of 3 agents: 1 done, 2 not begun; …", and a line for each state whose agents are named.
local function agents_text(agents)
  if #agents == 0 then return "; nothing was written; run the same command again" end
  local counts, lines = {}, {}
  for _, kind in ipairs(STATES) do
    local members = {}
    for _, agent in ipairs(agents) do
      if agent.state == kind.state then members[#members + 1] = agent end
    end
    if #members > 0 then counts[#counts + 1] = ("%d %s"):format(#members, kind.words) end
    if #members > 0 and kind.is_named then lines[#lines + 1] = ("\n  %s: %s"):format(kind.words, names_of(members)) end
  end
  return ("; of %d %s: %s; run the same command again to complete it%s"):format(#agents,
    #agents == 1 and "agent" or "agents", table.concat(counts, ", "), table.concat(lines))
end

-- What a stopped run has done: by agent where they are followed, else by request.
local function stopped_text(agents, tally)
  local has_written = tally.applied + tally.open > 0
  if not agents or #agents == 0 and has_written then return report.writes(tally) end
  return agents_text(agents)
end

-- }======

--- Reports that the run was stopped before its end: by a signal, or by its deadline.
---@param is_deadline boolean
---@param tally {applied: integer, open: integer, texts: string[]} writes answered well, and given up under way
---@return integer code the exit code
function report.stopped(is_deadline, tally)
  local code = is_deadline and errors.exit_codes.timeout or errors.exit_codes.interrupted
  local message = is_deadline and ("stopped: the run took longer than --deadline %g"):format(host.options.deadline)
    or "interrupted"
  local agents = followed_agents()
  if report.is_json() then
    last_event("error", {
      error = { kind = is_deadline and "timeout" or "interrupted", message = message },
      writes_applied = tally.applied,
      writes_open = json.array(tally.texts),
      agents = agents,
    }, code)
  end
  io.stdout:flush()
  report.release()
  io.stderr:write("anyreach: ", message, stopped_text(agents, tally), "\n")
  return code
end

return report
