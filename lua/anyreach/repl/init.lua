-- The prompt: reads entries from a terminal, with editing and completion, or from a pipe, and lets a session
-- carry them out. From a pipe nothing but results comes out: they go to stdout, errors to stderr, and the
-- session goes on after an error.

local chunk = require "anyreach.repl.chunk"
local color = require "anyreach.text.color"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local session = require "anyreach.repl.session"
local terminal = require "anyreach.terminal"
local text = require "anyreach.repl.text"

local repl = {}

local FAILED = 1 -- exit code of a pipe of which an entry failed
local STDIN, STDOUT = 0, 1
local WIDEST_ORGANIZATION = 24 -- columns of the prompt

-- An entry that needs more lines; a command never does.
local function is_unfinished(entry)
  return not entry:find "^%s*:" and chunk.is_unfinished(entry)
end

-- {====== a terminal ======

local function mark(style, words)
  return color.enabled "stdout" and "\1" .. color.paint("\1" .. words .. "\1", style) .. "\1" or words
end

local function style_of(self)
  if not self.place.protected then return "bold" end
  return self.settings.read_only and "yellow" or "red"
end

-- "production (Riverside Dental, read-only)> "
local function prompt(self)
  local facts, organization = {}, self.place.organization
  facts[1] = organization and text.cut(organization, WIDEST_ORGANIZATION) or nil
  if self.settings.read_only then facts[#facts + 1] = "read-only" end
  local words = self.place.name .. (#facts > 0 and (" (%s)"):format(table.concat(facts, ", ")) or "")
  return mark(style_of(self), text.line(words)) .. "> "
end

local function greet(self)
  if host.options.quiet then return end
  self:write(("anyreach %s at %s"):format(host.version, text.lines(self:place_text())))
  self:write ":help tells what there is; Tab completes; Ctrl-D twice leaves."
end

local CHOICES = {
  w = function(background) background:wait() end,
  c = function(background) background:cancel() end,
}

-- What runs in the background is waited for, or ended, as the user says; ended, too, when nobody is there any
-- more to say so.
local function may_leave(self)
  local count = #self:tasks()
  if count == 0 then return true end
  local answer = self:ask(("%s in the background: wait, cancel or stay? "):format(
    count == 1 and "A task runs" or count .. " tasks run"))
  if answer == nil then answer = "cancel" end
  local choice = CHOICES[(answer or ""):lower():sub(1, 1)]
  if choice then choice(self.background) end
  return choice ~= nil
end

local function new_editor(self, modes)
  local history = require "anyreach.repl.history"
  return terminal.editor {
    history = history.path(),
    keep = history.keeps,
    is_complete = function(entry) return modes.is_asking or not is_unfinished(entry) end,
    complete = function(entry, cursor)
      if modes.is_asking then return nil end
      return require "anyreach.repl.complete"(entry, cursor, self.environment)
    end,
    hint = function(entry, cursor)
      if modes.is_asking or cursor == 0 then return nil end
      return require "anyreach.repl.signature"(entry, cursor, self.environment)
    end,
  }
end

local function take(self, editor, entry)
  if not entry:find "%S" then return end
  editor:add(entry)
  self:run(entry)
end

-- Reads and runs entries until the user leaves: Ctrl-D twice, or :quit.
local function interact(self, editor)
  local is_leaving = false
  while true do
    local entry = editor:read(prompt(self))
    if entry then take(self, editor, entry) end
    if entry == nil and not is_leaving then self:write "Ctrl-D again leaves." end
    local wants_to_leave = self.is_over or entry == nil and is_leaving
    is_leaving = entry == nil and not is_leaving
    if wants_to_leave and may_leave(self) then return end
    self.is_over = false
  end
end

local function on_terminal(script)
  local modes, editor = { is_asking = false }, nil
  local function ask(question)
    modes.is_asking = true
    local answer = editor:read(question)
    modes.is_asking = false
    return answer
  end
  local self = session.new { ask = ask, remember = function(entry) editor:add(entry) end }
  editor = new_editor(self, modes)
  local open <close> = editor -- luacheck: ignore 211
  local redirection <close> = require("anyreach.repl.output").redirect(editor) -- luacheck: ignore 211
  greet(self)
  if script then self:run(":load " .. script) end
  interact(self, editor)
  return 0
end

-- }======

-- {====== a pipe ======

-- The lines of the next entry as one text; nil at the end of input.
local function read_entry()
  local entry
  repeat
    local line = io.read "L"
    if not line then return entry end
    entry = (entry or "") .. line
  until not is_unfinished(entry)
  return (entry:gsub("\r?\n$", ""))
end

local function on_pipe(script)
  local code = 0
  local self = session.new { ask = function() return io.read "l" end, remember = function() end }
  local function take_entry(entry)
    local ok = self:run(entry)
    if ok == nil then errors.raise("interrupted", "interrupted") end
    if not ok then code = FAILED end
  end
  if script then take_entry(":load " .. script) end
  while not self.is_over do
    local entry = read_entry()
    if not entry then break end
    if entry:find "%S" then take_entry(entry) end
  end
  self.background:wait()
  return self.has_lost_task and FAILED or code
end

-- }======

--- Runs a session to its end.
---@param options { script?: string } what is run first
---@return integer code for the program to end with
function repl.run(options)
  local is_interactive = terminal.is_terminal(STDIN) and terminal.is_terminal(STDOUT)
  return (is_interactive and on_terminal or on_pipe)(options.script)
end

return repl
