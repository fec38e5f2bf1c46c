-- The commands of the prompt, as rows: each is a line that begins with ":". What they need of a session
-- (session.lua): environment, settings, target, write, options, evaluate, entries, latest_entry, requests,
-- remember, tasks, ask, quit, set_profile, set_read_only, set_trace.

local disk = require "anyreach.disk"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local help = require "anyreach.repl.help"
local host = require "anyreach.host"
local json = require "anyreach.json"
local library = require "anyreach.repl.library"
local operations = require "anyreach.operations"
local profiles = require "anyreach.account.profiles"
local recipe = require "anyreach.recipe"
local save = require "anyreach.repl.save"
local show = require "anyreach.repl.show"
local table_view = require "anyreach.repl.table_view"
local text = require "anyreach.repl.display_text"
local trace = require "anyreach.observe.trace"

local commands = {}

local PAGE = [[
Type Lua. An expression prints its value, which is then _; the two before it are
_1 and _2.

  api.agents.list()          a call is checked before anything is sent
  a = api.agents.get "…"     assign without `local` to keep it: a.name
  for a in api.agents.each() do print(a.name) end
  help(api.agents.create)    its fields, an example, its source in the docs

A list of similar objects is shown as a table, a long text by its beginning;
:full shows all. A failed call gives advice; api.try.agents.get(id)
returns nil and the error instead.

Tab completes names, operations, their fields and values, and paths of files; it
sends nothing. Ctrl-R searches what was typed before. Ctrl-C stops what is
running and keeps the session; Ctrl-D twice, or :quit, leaves.

%s
:help WORD explains an operation, a command or a function; a part of its name is
enough.]]

---@class anyreach.repl.command
---@field name string without the colon
---@field usage string
---@field summary string one line
---@field details? string what else there is to know, in whole sentences
---@field run fun(session: table, rest: string, forced: boolean): any `rest` is what follows the name, trimmed
---@field complete? fun(before: string[]): string[], boolean? the words that may follow those, and whether
--- files may, too
---@field takes? "path"|"lua" what its argument is, for completion

local REQUESTS_SHOWN = 20

-- {====== words of a line ======

-- One piece of a word, from `at` on: its text, and where the next one begins.
local function piece(line, at)
  local quote = line:match("^[\"']", at)
  if quote then
    local stop = line:find(quote, at + 1, true)
    if not stop then errors.raise("command_line", "the quote %s has no end", quote) end
    return line:sub(at + 1, stop - 1), stop + 1
  elseif line:sub(at, at) == "\\" then
    return line:sub(at + 1, at + 1), at + 2
  end
  local stop = line:find("[%s\"'\\]", at) or #line + 1
  return line:sub(at, stop - 1), stop
end

--- The words of a command's arguments, as a shell cuts them: at blanks, but not within quotes.
---@param line string
---@return string[]
function commands.split(line)
  local words, at = {}, line:find "%S"
  while at do
    local parts = {}
    while at <= #line and not line:find("^%s", at) do
      parts[#parts + 1], at = piece(line, at)
    end
    words[#words + 1] = table.concat(parts)
    at = line:find("%S", at)
  end
  return words
end

-- }======

-- {====== other programs ======

local NOT_FOUND = 127 -- what a shell says of a command that is not there

local function set(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- A new file that only the user may read, with the text in it.
local function temporary_file(words)
  local path = os.tmpname()
  local ok, message = disk.write(path .. ".lua", words, { private = true, sync = false })
  os.remove(path)
  if not ok then errors.raise("input", "%s", message) end
  return path .. ".lua"
end

-- Lets the user change a text in $VISUAL, $EDITOR or vi.
local function edit_text(words)
  local editor = set "VISUAL" or set "EDITOR" or "vi"
  local path = temporary_file(words .. "\n")
  io.stdout:flush()
  local _, how, code = os.execute(editor .. " " .. quoted(path))
  local ok, changed = pcall(files.read_file, path)
  os.remove(path)
  if code ~= 0 then
    errors.raise("input", "the editor, %s, %s %d: nothing is run", editor,
      how == "signal" and "was ended by signal" or "failed with exit code", code)
  elseif not ok then
    error(changed, 0)
  end
  return (changed:gsub("\n+$", ""))
end

-- Shows a text in $PAGER or less; without a terminal, or without such a program, prints it.
local function page_text(words)
  local pager = host.is_terminal "stdout" and (set "PAGER" or "less -R")
  io.stdout:flush()
  local pipe = pager and io.popen(pager, "w")
  if not pipe then
    io.stdout:write(words, "\n")
    return
  end
  pipe:write(words, "\n")
  local _, how, code = pipe:close()
  if how == "exit" and code == NOT_FOUND then io.stdout:write(words, "\n") end
end

-- }======

-- {====== the last value ======

local function last_value(session)
  local value = session.environment._
  if value == nil then errors.raise("command_line", "there is no last value yet: _ is nil") end
  return value
end

local function shown_in_full(session)
  local options = session:options()
  options.full = true
  return show.value(last_value(session), options)
end

local function encoded(session, options)
  local ok, encoding = pcall(json.encode, last_value(session), options)
  if not ok then errors.raise("command_line", "%s", encoding:gsub("^.-:%d+: ", "")) end
  return encoding
end

local function as_json(session)
  return text.lines(encoded(session, { indent = 2, redact = true }))
end

-- By way of JSON, which puts "[secret]" for what YAML refuses to write.
local function as_yaml(session)
  local value = json.decode(encoded(session, { redact = true }))
  return text.lines((require("anyreach.yaml.writer").encode(value):gsub("\n$", "")))
end

local function as_table(session)
  local options = session:options()
  options.full = true
  local rows = table_view.forced_rows(last_value(session))
  local shown = rows and table_view.text(rows, options)
  if not shown then errors.raise("command_line", "the last value is not a table with entries: :full shows it") end
  return shown
end

-- }======

-- {====== settings ======

local function on_or_off(word, usage)
  if word == "on" then return true end
  if word == "off" then return false end
  errors.raise("command_line", "expected on or off, got '%s': %s", text.line(word), usage)
end

-- A protected profile is opened by somebody who types whose data it is, not by a reflex.
local function confirm_writes(session)
  local target = session.target
  if not target.protected then return true end
  local answer = session:ask(("'%s' is protected. Type %s to allow writes: "):format(target.profile,
    target.organization and ("the name of its organisation, '%s',"):format(target.organization) or "its name"))
  if answer == (target.organization or target.profile) then return true end
  session:write "That is not the name: still read-only."
  return false
end

local function set_read_only(session, rest)
  if rest == "" then
    session:write(session.settings.read_only and "Read-only: every write is refused." or "Writes are allowed.")
    return
  end
  local wanted = on_or_off(rest, ":readonly on|off")
  if wanted or confirm_writes(session) then
    session:set_read_only(wanted)
    session:write(wanted and "Read-only: every write is refused." or "Writes are allowed.")
  end
end

local function set_profile(session, rest)
  if rest ~= "" then return session:set_profile(rest) end
  local profile = session.target.profile
  session:write(("%s; %s"):format(profile and "This is " .. profile or "No profile is used", profiles.listed()))
end

local function set_time(session, rest)
  if rest == "on" or rest == "off" or rest == "" then
    if rest ~= "" then session.settings.time = rest == "on" end
    session:write(session.settings.time and "The time of each entry is shown." or "Times are not shown.")
    return
  end
  local started = host.clock()
  session:evaluate(rest)
  session:write(text.line(("%.1f ms"):format((host.clock() - started) * 1000)))
end

local TRACES = { on = "on", off = false, full = "full" }

local function set_trace(session, rest)
  local mode = rest == "" and session.settings.trace or TRACES[rest]
  if rest ~= "" and mode == nil then
    errors.raise("command_line", "expected on, off or full, got '%s': :trace on|off|full", text.line(rest))
  end
  if rest ~= "" then session:set_trace(mode) end
  session:write(not mode and "Requests are not shown." or mode == "full" and "Requests are shown in full."
    or "Each request is shown.")
end

-- }======

-- {====== what was done ======

local function show_requests(session, rest)
  local records, most = session:requests(), rest == "" and REQUESTS_SHOWN or math.tointeger(tonumber(rest))
  if not most or most < 1 then errors.raise("command_line", "expected a number: :requests [N]") end
  if #records == 0 then return session:write "Nothing was sent." end
  local first = math.max(#records - most + 1, 1)
  if first > 1 then
    session:write(("… %s before these; :requests %d shows all"):format(text.count(first - 1), #records))
  end
  for i = first, #records do session:write(text.line(trace.line(records[i]))) end
end

local function save_entries(session, rest, forced)
  if rest == "" then errors.raise("command_line", "where to? :save FILE") end
  local profile = session.first_target.profile
  local count = save.write(rest, session:entries(), { profile = profile, overwrite = forced })
  session:write(("%s saved: %s runs them."):format(text.counted(count, "entry", "entries"),
    text.line(save.command(profile, rest))))
end

local function edit(session)
  local entry = session:latest_entry() or ""
  local changed = edit_text(entry)
  if changed == entry then return session:write "Nothing was changed: nothing is run." end
  if not changed:find "%S" then return session:write "Nothing was left in it: nothing is run." end
  session:remember(changed)
  session:write(text.lines(changed))
  session:evaluate(changed)
end

local function load_file(session, rest)
  if rest == "" then errors.raise("command_line", "which file? :load FILE") end
  local source = files.read_file(rest):gsub("^#[^\n]*", "")
  session:evaluate(source)
end

-- }======

-- {====== recipes and tasks ======

local function run_recipe(session, rest)
  local given = commands.split(rest)
  if not given[1] then errors.raise("command_line", "which recipe? %s", table.concat(recipe.names(), ", ")) end
  if given[2] == "--help" then return session:write((recipe.help(given[1]):gsub("\n$", ""))) end
  local code = recipe.call(given[1], table.move(given, 2, #given, 1, {}))
  if code ~= 0 then session:write(("%s ended with exit code %d."):format(given[1], code)) end
end

-- Recipes; behind one its options, and first of all the commands that it has, else files.
local function recipe_candidates(before)
  if #before == 0 then return recipe.names() end
  local is_known, spec = pcall(recipe.spec, before[1])
  if not is_known then return {} end
  local list, rows = {}, #before == 1 and spec.operands and spec.operands.commands or {}
  for _, row in ipairs(rows) do list[#list + 1] = row.name end
  for _, option in ipairs(spec.options or {}) do list[#list + 1] = "--" .. option.name end
  return list, #rows == 0
end

local function show_tasks(session)
  local tasks = session:tasks()
  if #tasks == 0 then return session:write "Nothing runs in the background." end
  for i, task in ipairs(tasks) do session:write(("%d  %s"):format(i, task:status())) end
end

local function cancel_task(session, rest)
  local tasks, number = session:tasks(), math.tointeger(tonumber(rest))
  local task = number and tasks[number]
  if not task then errors.raise("command_line", "no task '%s': :tasks lists them", text.line(rest)) end
  task:cancel()
  session:write(("Task %d is cancelled."):format(number))
end

-- }======

local function topics()
  local names = operations.names()
  for _, name in ipairs(library.names "anyreach.") do names[#names + 1] = "anyreach." .. name end
  for _, row in ipairs(commands.rows) do names[#names + 1] = ":" .. row.name end
  return names
end

local function one_of(...)
  local list = { ... }
  return function() return list end
end

-- Prints what a function makes of the session.
local function printing(make)
  return function(session, rest) session:write(make(session, rest)) end
end

---@type anyreach.repl.command[]
commands.rows = {
  { name = "help", usage = ":help [WORD]", summary = "this page, or help on a name or a part of one",
    complete = topics,
    run = printing(function(_, rest)
      if rest == "" then return commands.help() end
      return commands.help(rest)
    end) },
  { name = "api", usage = ":api [TEXT]", summary = "the operations whose name, path or summary contains TEXT",
    run = printing(function(_, rest) return help.search(rest ~= "" and rest or nil) end) },
  { name = "full", usage = ":full", summary = "the last value with nothing left out", run = printing(shown_in_full),
    details = "A text of several lines is shown line by line; what a terminal would obey stays escaped." },
  { name = "json", usage = ":json", summary = "the last value as JSON", run = printing(as_json) },
  { name = "yaml", usage = ":yaml", summary = "the last value as YAML", run = printing(as_yaml) },
  { name = "table", usage = ":table", summary = "the last value as a table", run = printing(as_table) },
  { name = "page", usage = ":page", summary = "the last value in full, in $PAGER or less",
    run = function(session) page_text(shown_in_full(session)) end },
  { name = "readonly", usage = ":readonly on|off", summary = "refuse every write before it is sent",
    details = "A protected profile starts read-only. To allow writes there, the name of its\norganisation must "
      .. "be typed. What --read-only on the command line refuses stays\nrefused.",
    complete = one_of("on", "off"), run = set_read_only },
  { name = "profile", usage = ":profile [NAME]", summary = "work with another profile", run = set_profile,
    details = "`api` is another client from then on; values of the old one stay as they are.",
    complete = function() return profiles.names() end },
  { name = "time", usage = ":time on|off|EXPRESSION", summary = "show how long each entry, or this one, takes",
    takes = "lua", complete = one_of("on", "off"), run = set_time },
  { name = "trace", usage = ":trace on|off|full", summary = "show each request as it is made", run = set_trace,
    complete = one_of("on", "off", "full") },
  { name = "requests", usage = ":requests [N]", summary = "the last requests that were sent", run = show_requests },
  { name = "save", usage = ":save FILE", summary = "this session as a script; :save! overwrites",
    details = "Entries that failed, and commands, are left out. An expression whose value a\n"
      .. "later entry uses is assigned to _ there, too; others are printed, except a mere name,\n"
      .. "which becomes a comment. It contains no secrets.",
    takes = "path", run = save_entries },
  { name = "edit", usage = ":edit", summary = "the last entry in $VISUAL or $EDITOR; then it is run", run = edit },
  { name = "load", usage = ":load FILE", summary = "run a script in this session", takes = "path", run = load_file },
  { name = "run", usage = ":run RECIPE [ARGUMENTS]", summary = "run a bundled recipe", complete = recipe_candidates,
    details = "'anyreach recipes NAME' explains it. It writes only what it declares, also here.",
    run = run_recipe },
  { name = "tasks", usage = ":tasks", summary = "what runs in the background", run = show_tasks },
  { name = "cancel", usage = ":cancel N", summary = "end a background task", run = cancel_task },
  { name = "quit", usage = ":quit", summary = "leave", run = function(session) session:quit() end },
}

--- A command by its name, or nil.
---@param name string
---@return anyreach.repl.command|nil
function commands.find(name)
  for _, row in ipairs(commands.rows) do
    if row.name == name then return row end
  end
end

local function refuse(name)
  local names = {}
  for i, row in ipairs(commands.rows) do names[i] = row.name end
  local near = operations.nearest(name, names)
  errors.raise("command_line", "there is no command ':%s'%s", text.line(name),
    near and ("; did you mean ':%s'?"):format(near) or "; :help lists them")
end

--- Carries out a line that begins with ":". What is wrong with it is raised.
---@param session table
---@param line string
function commands.run(session, line)
  local name, mark, rest = line:match "^%s*:%s*([%a_]*)(!?)%s*(.-)%s*$"
  local row = commands.find(name) or refuse(line:match "^%s*:%s*(%S*)")
  row.run(session, rest, mark == "!")
end

-- {====== help ======

local function command_text(word)
  local name = word:match "^:?(%a+)$"
  local row = name and commands.find(name)
  if not row then return nil end
  return ("%s\n\n%s%s"):format(row.usage, row.summary, row.details and "\n" .. row.details or "")
end

local function page()
  local rows = {}
  for i, row in ipairs(commands.rows) do rows[i] = { row.usage, row.summary } end
  return PAGE:format(help.rows(rows) .. "\n")
end

local function topic(word)
  local is_command = word:find "^:" ~= nil
  return not is_command and help.topic(word) or command_text(word) or help.refusal(word)
end

--- What `help(x)` and `:help WORD` say: without arguments the page with the commands; of a string what has that
--- name, or a part of it; of any other value what it is.
---@param ... any
---@return string
function commands.help(...)
  if select("#", ...) == 0 then return page() end
  local about = ...
  return type(about) == "string" and topic(about) or help.value(about)
end

-- }======

return commands
