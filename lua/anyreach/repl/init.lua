-- The REPL: on a terminal a prompt (prompt.lua), from a pipe entry after entry without one. From a pipe nothing
-- but results comes out: they go to stdout, errors to stderr, and the session goes on after an error.

local chunk = require "anyreach.repl.chunk"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local session = require "anyreach.repl.session"

local repl = {}

local FAILED = 1 -- exit code of a pipe of which an entry failed

-- {====== a pipe ======

-- The lines of the next entry as one text; nil at the end of input.
local function read_entry()
  local entry
  repeat
    local line = io.read "L"
    if not line then return entry end
    entry = (entry or "") .. line
  until not chunk.is_unfinished_entry(entry)
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
  local is_interactive = host.is_terminal "stdin" and host.is_terminal "stdout"
  return is_interactive and require("anyreach.repl.prompt").run(options.script) or on_pipe(options.script)
end

return repl
