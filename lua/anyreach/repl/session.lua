-- A session of the prompt: its globals and settings, what was typed and what was sent. It carries entries out,
-- each as a task of its own that Ctrl-C ends; init.lua and prompt.lua read them.

local anyreach = require "anyreach"
local chunk = require "anyreach.repl.chunk"
local color = require "anyreach.text.color"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local observer = require "anyreach.observer"
local observing = require "anyreach.observe"
local operations = require "anyreach.operations"
local target = require "anyreach.repl.target"
local profiles = require "anyreach.account.profiles"
local report = require "anyreach.report"
local text = require "anyreach.repl.display_text"
local trace = require "anyreach.observe.trace"

local MOST_REQUESTS = 1000 -- remembered for :requests
local DEFAULT_COLUMNS, DEFAULT_ROWS = 80, 24

-- What people type who know other prompts.
local WORDS = { help = ":help", ["help()"] = ":help", exit = ":quit", quit = ":quit", ["exit()"] = ":quit",
  ["quit()"] = ":quit" }

-- {====== tasks in the background ======

-- Tasks that entries have started with anyreach.spawn and that go on behind the prompt.
local Background = {}
Background.__index = Background

local LEAST_REMEMBERED = 100 -- tasks, of a list that is worth going through

local function is_cancellation(err)
  return errors.is_error(err) and err.kind == "cancelled"
end

local function is_alive(task)
  local status = task:status()
  return status == "ready" or status == "waiting" or status == "running"
end

-- Takes anyreach.spawn over; a task that fails while nobody waits for it is reported.
local function watch_background(report_error)
  local self = setmetatable({ watched = {}, most = LEAST_REMEMBERED }, Background)
  local spawn = anyreach.spawn
  function anyreach.spawn(...)
    local task
    -- Made before the task, so that it runs before it and notices whatever becomes of it.
    local watcher = host.background(function()
      if not task then return end
      local ok, err = pcall(task.wait, task)
      if not ok and not is_cancellation(err) then report_error(err) end
    end)
    task = spawn(...)
    if #self.watched >= self.most then self:forget_ended() end
    self.watched[#self.watched + 1] = { task = task, watcher = watcher }
    return task
  end
  return self
end

-- The results of tasks that have ended would stay for the whole session. The list is gone through again when it
-- has doubled, so that each task costs the same.
function Background:forget_ended()
  local watched = {}
  for _, pair in ipairs(self.watched) do
    if is_alive(pair.watcher) then watched[#watched + 1] = pair end
  end
  self.watched, self.most = watched, math.max(2 * #watched, LEAST_REMEMBERED)
end

--- The tasks that are alive, in the order in which they were started.
---@return table[]
function Background:alive()
  local alive = {}
  for _, pair in ipairs(self.watched) do
    if is_alive(pair.task) then alive[#alive + 1] = pair.task end
  end
  return alive
end

--- Waits until they all have ended, those that they start meanwhile, too, and all failures have been reported.
function Background:wait()
  repeat
    for _, pair in ipairs(self.watched) do pair.watcher:wait() end
    self:forget_ended()
  until not self.watched[1]
end

--- Ends them all.
function Background:cancel()
  for _, task in ipairs(self:alive()) do
    if task:status() ~= "running" then task:cancel() end
  end
end

-- }======

---@class anyreach.repl.session
---@field environment table the globals
---@field settings { read_only: boolean, time: boolean, trace: false|"on"|"full" }
---@field target anyreach.repl.target
---@field is_over boolean
---@field background table its tasks, waited for or cancelled when the user leaves
---@field has_lost_task? boolean a task in the background has failed, and nobody waited for it
local Session = {}
Session.__index = Session

-- {====== what is shown ======

---@param words string
function Session.write(_, words)
  io.stdout:write(words, "\n")
end

-- A remark on what was done, beside the results.
local function note(words)
  io.stdout:flush()
  io.stderr:write(text.paint("note", words, color.enabled "stderr"), "\n")
end

-- Loaded with the first thing that is shown, so that the prompt is there at once.
local function show()
  return require "anyreach.repl.show"
end

local function show_error(err)
  io.stdout:flush()
  io.stderr:write(show().error(err, { color = color.enabled "stderr" }), "\n")
end

--- How values are shown.
---@return anyreach.repl.show_options
function Session.options()
  local columns, rows = host.terminal_size "stdout"
  return { width = columns or DEFAULT_COLUMNS, height = rows or DEFAULT_ROWS, color = color.enabled "stdout" }
end

-- }======

-- {====== entries ======

local function is_response(value)
  return type(value) == "table" and math.type(value.status) == "integer" and type(value.headers) == "table"
    and value.attempts ~= nil
end

-- A call's second result, how it was answered, is for scripts that ask for it.
local function count_shown(values)
  return values.n == 2 and is_response(values[2]) and 1 or values.n
end

function Session:keep_value(value)
  local environment = self.environment
  if value == nil then return end
  environment._, environment._1, environment._2 = value, environment._, environment._1
end

--- Runs an entry in the task that calls, shows its values, and remembers it. Its errors are raised.
---@param entry string
function Session:evaluate(entry)
  self.latest = entry
  local f, message = chunk.compile(entry, self.environment)
  if not f then error(message, 0) end
  local values = table.pack(f())
  self.past[#self.past + 1] = chunk.source(entry)
  self:keep_value(values[1])
  for i = 1, count_shown(values) do self:write(show().value(values[i], self:options())) end
  local lost = chunk.lost_local(entry)
  if lost then note(("'%s' is gone with the end of its entry: leave out 'local' to keep it."):format(lost)) end
end

--- The entries that went well; where another profile was chosen, its client is `api` from there on.
---@return string[]
function Session:entries()
  return self.past
end

--- The entry before, whatever came of it, or nil.
---@return string|nil
function Session:latest_entry()
  return self.latest
end

-- A misspelt name is nil, and Lua only says what cannot be done with nil.
local function nearest_global(err, environment)
  local name = type(err) == "string" and err:match "attempt to .* a nil value %(global '([%a_][%w_]*)'%)"
  if not name then return nil end
  local lookup = require "anyreach.repl.lookup"
  local names = { "api" }
  lookup.each_raw(environment, math.huge, function(key)
    if type(key) == "string" then names[#names + 1] = key end
  end)
  return operations.nearest(name, names)
end

local function report_failure(err, environment)
  show_error(err)
  local near = nearest_global(err, environment)
  if near then note(("Did you mean '%s'?"):format(near)) end
end

-- Reports tasks that failed meanwhile, except with the error of the entry itself.
function Session:report_background(own_error)
  for _, err in ipairs(self.failures) do
    if not rawequal(err, own_error) then
      self.has_lost_task = true
      note "A background task has failed:"
      show_error(err)
    end
  end
  self.failures = {}
end

local function is_command(line)
  return line:find "^%s*:" ~= nil
end

local function carry_out(self, line)
  if not is_command(line) then return self:evaluate(line) end
  require("anyreach.repl.commands").run(self, line)
end

--- Runs an entry or a command, and reports the outcome.
---@param entry string
---@return boolean|nil ok nil after Ctrl-C
function Session:run(entry)
  local line, started = WORDS[entry:match "^%s*(.-)%s*$"] or entry, host.clock()
  self.is_busy = true
  local ok, outcome = host.run_interruptible(carry_out, self, line)
  self.is_busy = false
  observer.flush()
  if ok == nil then note("Interrupted" .. report.writes(outcome) .. ".") end
  if ok == false then report_failure(outcome, self.environment) end
  self:report_background(outcome)
  if self.settings.time and not is_command(line) then note(("%.1f ms"):format((host.clock() - started) * 1000)) end
  return ok
end

-- }======

-- {====== where it works ======

--- The client that `api` is, made when it is first asked for.
---@return anyreach.client
function Session:client()
  self.api = self.api or anyreach.client()
  return self.api
end

-- From now on `api` is a client for another target, or of another mode.
local function move_to(self, new_target)
  self.api = nil
  self.environment.api = nil
  self.target = new_target
  local is_guarded = new_target.protected and not host.protection_is_lifted()
  self.settings.read_only = host.options["read-only"] == true or self.refuses_writes or is_guarded
end

-- What the command line says of one profile, and what does not hold for another: a profile counts whole.
local PROFILE_OPTIONS = { "profile", "org", "base-url" }

local function set_options(values)
  for _, name in ipairs(PROFILE_OPTIONS) do host.options[name] = values[name] end
end

--- Works with another profile; stays with this one when there is something wrong with the other.
---@param name string
function Session:set_profile(name)
  profiles.get(name)
  local before = {}
  for _, option in ipairs(PROFILE_OPTIONS) do before[option] = host.options[option] end
  local was_lifted = host.protection_is_lifted()
  set_options { profile = name }
  host.lift_protection(false)
  local ok, found = pcall(target.current)
  if not ok then
    set_options(before)
    host.lift_protection(was_lifted)
    error(found, 0)
  end
  move_to(self, found)
  self.past[#self.past + 1] = ("api = anyreach.client{ profile = %q }"):format(name)
  self:write(self:target_text())
end

--- Refuses writes from now on, or allows them, those of a protected profile, too.
---@param wanted boolean
function Session:set_read_only(wanted)
  if not wanted and host.options["read-only"] then
    errors.raise("command_line", "the program was started with --read-only, and stays so")
  end
  host.set_read_only(wanted)
  self.refuses_writes = wanted
  host.lift_protection(not wanted and self.target.protected or false)
  move_to(self, self.target)
end

--- Where this is and what may be done here, in one line or two.
---@return string
function Session:target_text()
  return target.text(self.target, self.settings.read_only)
end

-- }======

-- {====== requests and tasks ======

local function take_request(self, record)
  if self.tracer then self.tracer.take(record) end
  record.request, record.response = nil, nil
  self.sent[#self.sent + 1] = record
  if #self.sent > MOST_REQUESTS then table.remove(self.sent, 1) end
end

--- What was sent so far, oldest first.
---@return anyreach.observing.note[]
function Session:requests()
  observer.flush()
  return self.sent
end

--- Shows requests as they are made, or no longer.
---@param mode false|"on"|"full"
function Session:set_trace(mode)
  self.settings.trace = mode
  self.tracer = mode and trace.new(mode == "full" and mode or "") or nil
  self.consumer.wants_contents = mode == "full"
  observing.watch(self.consumer)
end

--- What runs in the background.
---@return table[] tasks
function Session:tasks()
  return self.background:alive()
end

-- }======

--- Asks the user; what is typed is not remembered.
---@param question string
---@return string|false|nil answer false after Ctrl-C, nil at the end of input
function Session:ask(question)
  local answer = self.front.ask(question)
  return answer and answer:match "^%s*(.-)%s*$"
end

--- Adds an entry to the history, as if it had been typed.
---@param entry string
function Session:remember(entry)
  self.front.remember(entry)
end

--- Ends the session after this entry.
function Session:quit()
  self.is_over = true
end

-- The globals of entries, before those of the program: `type = "x"` must not change what type is to our own
-- code. `api` comes into being when it is first used, so that a session starts without a credential.
local function new_environment(self)
  local environment = setmetatable({}, { __index = _G })
  environment._G = environment
  function environment.help(...)
    self:write(require("anyreach.repl.commands").help(...))
  end
  setmetatable(_G, {
    __index = function(_, name)
      if name == "api" then return self:client() end
    end,
  })
  return environment
end

local session = {}

--- A new session; there is one in a program.
---@param front {ask: fun(question: string): string|false|nil, remember: fun(entry: string)} where entries come from
---@return anyreach.repl.session
function session.new(front)
  local self = setmetatable({ past = {}, sent = {}, failures = {}, is_over = false }, Session)
  self.settings = { read_only = false, time = false, trace = false }
  self.front = front
  self.refuses_writes = false
  self.consumer = { take = function(record) take_request(self, record) end }
  self.background = watch_background(function(err)
    self.failures[#self.failures + 1] = err
    if not self.is_busy then self:report_background() end
  end)
  observing.watch(self.consumer)
  self.environment = new_environment(self)
  self.first_target = target.current()
  move_to(self, self.first_target)
  return self
end

return session
