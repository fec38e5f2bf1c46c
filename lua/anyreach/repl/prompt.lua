-- The prompt on a terminal: reads entries with editing, completion and a history, and lets a session carry them
-- out. While an entry is typed, what tasks in the background print goes above it.

local chunk = require "anyreach.repl.chunk"
local color = require "anyreach.text.color"
local directory = require "anyreach.directory"
local disk = require "anyreach.disk"
local host = require "anyreach.host"
local redact = require("anyreach.text.redaction").text
local session = require "anyreach.repl.session"
local terminal = require "anyreach.terminal"
local text = require "anyreach.repl.display_text"
local user_paths = require "anyreach.account.user_paths"

local prompt = {}

local WIDEST_ORGANIZATION = 24 -- columns of the prompt

-- {====== history ======

-- Signs of a credential in an entry, in lower case.
local CREDENTIALS = {
  "%f[%w_]ak_[%w.-]", "%f[%w_]pat_[%w.-]", "%f[%w_]secret%s*[(\"'%[]", "authorization", "%f[%w_]bearer%s",
  "password%s*=", "api_key%s*=", "token%s*=%s*[\"'%[]",
}

--- Whether an entry may be remembered: not when it seems to hold a credential.
---@param entry string
---@return boolean
function prompt.keeps(entry)
  if redact(entry) ~= entry then return false end
  local lower = entry:lower()
  for _, pattern in ipairs(CREDENTIALS) do
    if lower:find(pattern) then return false end
  end
  return true
end

-- The file of the history, made for the user alone when it is not there; nil when it cannot be.
local function history_path()
  local path = user_paths.state "history"
  if not path then return nil end
  local kind = directory.kind(path)
  if kind == "file" or (not kind and disk.write(path, "", { private = true })) then return path end
  return nil
end

-- }======

-- {====== output above the entry ======

-- It goes there by whole lines; what has no end of line yet waits for it, or for the entry's end.

local function texts_of(...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  return texts
end

-- What is replaced, to be put back.
local function replacing(file_methods)
  local write_file, write, print_plainly = file_methods.write, io.write, print
  return setmetatable({}, {
    __close = function()
      file_methods.write, io.write, _G.print = write_file, write, print_plainly -- luacheck: ignore 122
    end,
  }), write_file, print_plainly
end

-- Writes to the editor by whole lines. Returns also what writes the rest, when no entry is typed any more.
local function line_writer(editor, write_file)
  local pending = ""
  local function write_above(printed)
    local lines, rest = (pending .. printed):match "^(.*\n)(.-)$"
    pending = rest or pending .. printed
    if lines then editor:print(lines) end
  end
  local function write_pending()
    local left = pending
    pending = ""
    if left ~= "" then write_file(io.stdout, left) end
  end
  return write_above, write_pending
end

-- Lets print, io.write, io.stdout and io.stderr write above the line of an editor, until what is returned is
-- closed.
local function redirect(editor)
  local file_methods = getmetatable(io.stdout).__index
  local redirection, write_file, print_plainly = replacing(file_methods)
  local write_above, write_pending = line_writer(editor, write_file)

  function file_methods.write(file, ...)
    if file ~= io.stdout and file ~= io.stderr then return write_file(file, ...) end
    if not editor:is_reading() then
      write_pending()
      return write_file(file, ...)
    end
    write_above(table.concat { ... })
    return file
  end
  function io.write(...) -- luacheck: ignore 122
    return io.output():write(...)
  end
  function _G.print(...)
    if editor:is_reading() then return write_above(table.concat(texts_of(...), "\t") .. "\n") end
    write_pending()
    print_plainly(...)
  end
  return redirection
end

-- }======

local function mark(style, words)
  return color.enabled "stdout" and "\1" .. color.paint("\1" .. words .. "\1", style) .. "\1" or words
end

local function style_of(self)
  if not self.target.protected then return "bold" end
  return self.settings.read_only and "yellow" or "red"
end

-- "production (Riverside Dental, read-only)> "
local function prompt_text(self)
  local facts, organization = {}, self.target.organization
  facts[1] = organization and text.cut(organization, WIDEST_ORGANIZATION) or nil
  if self.settings.read_only then facts[#facts + 1] = "read-only" end
  local words = self.target.name .. (#facts > 0 and (" (%s)"):format(table.concat(facts, ", ")) or "")
  return mark(style_of(self), text.line(words)) .. "> "
end

local function greet(self)
  if host.options.quiet then return end
  self:write(("anyreach %s at %s"):format(host.version, text.lines(self:target_text())))
  self:write ":help lists the commands; Tab completes; Ctrl-D twice leaves."
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
  return terminal.editor {
    history = history_path(),
    keep = prompt.keeps,
    is_complete = function(entry) return modes.is_asking or not chunk.is_unfinished_entry(entry) end,
    complete = function(entry, cursor)
      if modes.is_asking then return nil end
      return require("anyreach.repl.completion").at(entry, cursor, self.environment)
    end,
    hint = function(entry, cursor)
      if modes.is_asking or cursor == 0 then return nil end
      return require("anyreach.repl.call").signature(entry, cursor, self.environment)
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
    local entry = editor:read(prompt_text(self))
    if entry then take(self, editor, entry) end
    if entry == nil and not is_leaving then self:write "Ctrl-D again leaves." end
    local wants_to_leave = self.is_over or entry == nil and is_leaving
    is_leaving = entry == nil and not is_leaving
    if wants_to_leave and may_leave(self) then return end
    self.is_over = false
  end
end

--- Runs a session on a terminal until the user leaves.
---@param script? string what is run first
---@return integer code for the program to end with
function prompt.run(script)
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
  local redirection <close> = redirect(editor) -- luacheck: ignore 211
  greet(self)
  if script then self:run(":load " .. script) end
  interact(self, editor)
  return 0
end

return prompt
