-- A program in a real terminal, for specs: tmux draws the screen and sends the keys. Each terminal is a
-- tmux server of its own, with its socket in a directory of its own; stop() ends it and what runs in it.

local anyreach = require "anyreach"
local process = require "helpers.process"

local terminal = {}

local WAIT_SECONDS = 20
local POLL_SECONDS = 0.01

-- Nothing of the user's settings; the pane stays when the program has ended, so that it can be looked at.
local SETTINGS = table.concat({
  "start-server",
  "set -g status off",
  "set -g remain-on-exit on",
  "set -gq remain-on-exit-format ''",
  "set -g history-limit 20000",
  "set -s escape-time 0",
}, " \\; ")

--- Skips the test, or outside of tests the rest of the file, where no terminal can be opened.
function terminal.is_needed()
  if os.execute("script -qec true /dev/null </dev/null >/dev/null 2>&1") then return end
  skip "no terminal can be opened here; is /dev/pts mounted?"
end

--- Runs a shell command to its end in a terminal of script(1); skips the test where there is none.
---@param command string
---@return integer code
---@return string output stdout and stderr together, with the line ends of a terminal
function terminal.run(command)
  terminal.is_needed()
  return process.run("SHELL=/bin/sh script -qec " .. process.quote(command) .. " /dev/null")
end

local Terminal = {}
Terminal.__index = Terminal

local function tmux_of(directory)
  return ("cd %s && env LC_ALL=C.UTF-8 SHELL=/bin/sh tmux -u -S %s -f /dev/null "):format(
    process.quote(process.root), process.quote(directory .. "/tmux"))
end

-- $1: directory; $2: command. What tmux tells of a program's end may come late or never; a shell waits for it.
local START = [[
trap : INT QUIT
sh -c 'echo $$ >"$1/pid.new" && mv "$1/pid.new" "$1/pid"; eval "exec env $2"' sh "$1" "$2"
echo $? >"$1/code.new" && mv "$1/code.new" "$1/code"
]]

---@class helpers.terminal.options
---@field columns? integer 80 without it
---@field rows? integer 24 without it

--- Starts a command in a new terminal; stop() ends it, and so does the end of a variable that is `<close>`.
---@param command string for the shell: one simple command, after NAME=VALUE settings if need be
---@param options? helpers.terminal.options
---@return table terminal
function terminal.start(command, options)
  options = options or {}
  local directory = process.directory()
  local self = setmetatable({ directory = directory, tmux_command = tmux_of(directory) }, Terminal)
  local shell = ("exec sh -c %s sh %s %s"):format(
    process.quote(START), process.quote(directory), process.quote(command))
  self:tmux(("%s \\; new-session -d -x %d -y %d %s"):format(
    SETTINGS, options.columns or 80, options.rows or 24, process.quote(shell)))
  return self
end

--- Runs a command of tmux, already quoted for the shell, and returns what it prints.
---@param arguments string
---@return string
function Terminal:tmux(arguments)
  local pipe = assert(io.popen(self.tmux_command .. arguments .. " 2>&1"))
  local output = pipe:read("a")
  if not pipe:close() then error("tmux " .. arguments .. ": " .. output, 2) end
  return output
end

--- Presses keys, by their names in tmux: "Enter", "Tab", "C-c", "M-b", "Up", "Home", "BSpace", …
---@param ... string
---@return table self
function Terminal:keys(...)
  local words = {}
  for index, name in ipairs { ... } do words[index] = process.quote(name) end
  self:tmux("send-keys " .. table.concat(words, " "))
  return self
end

--- Types a text, character by character.
---@param text string
---@return table self
function Terminal:text(text)
  self:tmux("send-keys -l -- " .. process.quote(text))
  return self
end

--- Pastes a text: bracketed when the program has asked for that, else as if it were typed; with a carriage
--- return for each line's end, as terminals do.
---@param text string
---@return table self
function Terminal:paste(text)
  local file = self.directory .. "/pasted"
  process.write(file, text)
  self:tmux(("load-buffer %s \\; paste-buffer -p -d"):format(process.quote(file)))
  return self
end

local function trimmed(text)
  return (text:gsub("[ \t]+\n", "\n"):gsub("\n+$", ""))
end

--- What is on the screen, without blanks at the ends of lines and empty lines at the end.
---@param escapes? boolean with escape sequences for colours and the like
---@return string
function Terminal:screen(escapes)
  return trimmed(self:tmux("capture-pane -p" .. (escapes and " -e" or "")))
end

--- What has been on the screen since the start, lines that were broken at the edge made whole.
---@return string
function Terminal:history()
  return trimmed(self:tmux("capture-pane -p -J -S -"))
end

--- Where the cursor is, counted from 0.
---@return integer column
---@return integer row
function Terminal:cursor()
  local column, row = self:tmux("display-message -p '#{cursor_x} #{cursor_y}'"):match("(%d+) (%d+)")
  return tonumber(column), tonumber(row)
end

--- Waits until `check()` gives a true value, and returns it. The error message shows the screen.
---@generic T
---@param what string
---@param check fun(): T
---@param seconds? number
---@return T
function Terminal:wait_until(what, check, seconds)
  local deadline = process.now() + (seconds or WAIT_SECONDS)
  while true do
    local value = check()
    if value then return value end
    if process.now() > deadline then
      error(("waited in vain for %s; the screen:\n%s"):format(what, self:screen()), 2)
    end
    anyreach.sleep(POLL_SECONDS)
  end
end

--- Waits until a text is on the screen; returns the screen.
---@param text string plain
---@param seconds? number
---@return string
function Terminal:wait_for(text, seconds)
  return self:wait_until(("%q"):format(text), function()
    local screen = self:screen()
    return screen:find(text, 1, true) and screen
  end, seconds)
end

--- Waits until the screen holds these lines and no others.
---@param ... string
function Terminal:wait_for_screen(...)
  local expected = table.concat({ ... }, "\n")
  self:wait_until("this screen:\n" .. expected .. "\n", function() return self:screen() == expected end)
end

--- Waits until the cursor is in this place, counted from 0.
---@param column integer
---@param row integer
function Terminal:wait_for_cursor(column, row)
  local at
  local function is_there()
    local x, y = self:cursor()
    at = ("%d, %d"):format(x, y)
    return x == column and y == row
  end
  local ok, problem = pcall(self.wait_until, self, ("the cursor at %d, %d"):format(column, row), is_there)
  if not ok then error(("%s\nthe cursor is at %s"):format(problem, at), 2) end
end

---@param columns integer
---@param rows integer
function Terminal:resize(columns, rows)
  self:tmux(("resize-window -x %d -y %d"):format(columns, rows))
end

local function number_in(path)
  local text = process.read(path)
  return text and tonumber(text)
end

--- The process in the terminal.
---@return integer
function Terminal:pid()
  return self:wait_until("a process", function() return number_in(self.directory .. "/pid") end)
end

---@param name string "TERM", "INT", "HUP", …
function Terminal:signal(name)
  os.execute(("kill -%s %d"):format(name, self:pid()))
end

--- Waits for the program's end, and returns its exit code, 128 + N when signal N ended it.
---@return integer
function Terminal:wait()
  return self:wait_until("the program to end", function() return number_in(self.directory .. "/code") end)
end

--- Hangs up: ends the terminal, and the program if that has not ended.
function Terminal:stop()
  os.execute(self.tmux_command .. "kill-server 2>/dev/null")
  process.eventually("tmux to end", function()
    return not os.execute(self.tmux_command .. "has-session 2>/dev/null")
  end)
end

Terminal.__close = Terminal.stop

return terminal
