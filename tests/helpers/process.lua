-- Programs as a user runs them, for specs: to their end, or in the background. The program under test
-- is the one of $TEST_BUILD (build). What is started here must be stopped here, or be a variable that is
-- `<close>`, so that a test that fails stops it too; tests/run.sh looks for what was left behind.

local anyreach = require "anyreach"

local process = {}

local WAIT_SECONDS = 60 -- longer than anything here takes on a slow machine under a sanitizer

local function absolute(path)
  return path:sub(1, 1) == "/" and path or os.getenv("PWD") .. "/" .. path
end

process.root = os.getenv("PWD")
-- The build directory as tests/run.sh names it, below the current directory: make takes no path with a space.
process.relative_build = os.getenv "TEST_BUILD" or "build"
process.build = absolute(process.relative_build)
process.program = process.build .. "/anyreach"

--- Quotes a word for the shell.
---@param word string
---@return string
function process.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- "PROGRAM WORD…", quoted.
---@param ... string
---@return string
function process.anyreach(...)
  local words = { process.quote(process.program) }
  for _, word in ipairs { ... } do words[#words + 1] = process.quote(word) end
  return table.concat(words, " ")
end

--- Seconds since some moment, to the hundredth.
---@return number
function process.now()
  return tonumber(process.read("/proc/uptime"):match("^[%d.]+"))
end

---@param path string
---@return string|nil
function process.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

---@param path string
---@param text string
function process.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  assert(file:close())
end

--- The first line that a command prints.
---@param command string
---@return string|nil
function process.first_line(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read("l")
  pipe:close()
  return line
end

--- A new, empty directory; tests/run.sh removes it with all others.
---@return string
function process.directory()
  return assert(process.first_line('mktemp -d "${TEST_DIRECTORY:-/tmp}/anyreach.XXXXXX"'))
end

--- A new directory with these files.
---@param files table<string, string> path, which may have directories in front of the name -> text
---@return string
function process.directory_of(files)
  local path = process.directory()
  for name, text in pairs(files) do
    local parent = name:match("^(.*)/")
    if parent then assert(os.execute("mkdir -p " .. process.quote(path .. "/" .. parent))) end
    process.write(path .. "/" .. name, text)
  end
  return path
end

--- Waits until `check()` gives a true value, and returns it.
---@generic T
---@param what string for the error message when it never does
---@param check fun(): T
---@param seconds? number how long
---@return T
function process.eventually(what, check, seconds)
  local deadline = process.now() + (seconds or WAIT_SECONDS)
  repeat
    local value = check()
    if value then return value end
    anyreach.sleep(0.01)
  until process.now() > deadline
  error("waited in vain for " .. what, 2)
end

--- Runs a shell command to its end.
---@param command string
---@param input? string what it reads; nothing without it
---@return integer code 128 + N when signal N ended it
---@return string stdout
---@return string stderr without the first line of a recipe, which names the organisation
---@return string|nil headline that line
function process.run(command, input)
  local directory = process.directory()
  process.write(directory .. "/in", input or "")
  local _, how, code = os.execute(("cd %s; { %s\n} <%s/in >%s/out 2>%s/err"):format(
    process.quote(process.root), command, directory, directory, directory))
  if how == "signal" then code = 128 + code end
  local headline, rest = process.headline(process.read(directory .. "/err"))
  if headline then return code, process.read(directory .. "/out"), rest, headline end
  return code, process.read(directory .. "/out"), rest
end

--- The first line that a recipe prints to stderr, which names the organisation, and what follows it.
---@param err string
---@return string|nil headline
---@return string rest
function process.headline(err)
  local headline, rest = err:match("^(organisations?: [^\n]*)\n(.*)$")
  return headline, rest or err
end

local Background = {}
Background.__index = Background

-- $1: directory; $2: command. Files appear complete, by renaming; those of the output are there at once.
local START = [[
: >"$1/out" && : >"$1/err"
(eval "exec env $2") </dev/null >"$1/out" 2>"$1/err" &
echo $! >"$1/pid.new" && mv "$1/pid.new" "$1/pid"
wait $!
echo $? >"$1/code.new" && mv "$1/code.new" "$1/code"]]

--- Starts a program in the background.
---@param command string one simple command, after NAME=VALUE settings if need be
---@return table background with wait, signal, stop, output, first_line
function process.start(command)
  local directory = process.directory()
  assert(os.execute(("sh -c %s sh %s %s >/dev/null 2>&1 &"):format(
    process.quote(START), directory, process.quote(command))))
  local self = setmetatable({ directory = directory }, Background)
  self.pid = process.eventually("a process to start", function()
    return tonumber(process.read(directory .. "/pid"))
  end)
  return self
end

---@param name string "INT", "TERM", "KILL", …
function Background:signal(name)
  os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid))
end

--- Waits for the end. Returns the exit code, 128 + N when signal N ended it.
---@return integer
function Background:wait()
  return process.eventually("process " .. self.pid .. " to end", function()
    return tonumber(process.read(self.directory .. "/code"))
  end)
end

---@return boolean
function Background:has_ended()
  return process.read(self.directory .. "/code") ~= nil
end

function Background:stop(signal)
  if not self:has_ended() then self:signal(signal or "INT") end
  return self:wait()
end

function Background:__close()
  self:stop()
end

---@param stream? "out"|"err"
function Background:output(stream)
  return process.read(self.directory .. "/" .. (stream or "out"))
end

--- Waits for the first line of its output.
---@return string
function Background:first_line()
  return process.eventually("a line of output", function()
    if self:has_ended() then
      error("it ended at once: " .. self:output("err"), 0)
    end
    return self:output():match("^([^\n]*)\n")
  end)
end

--- Starts `anyreach sandbox --json`; stop() ends it and tells whether it went well.
---@param ... string more arguments
---@return table background with base_url, description and environment (for a shell) beside
function process.sandbox(...)
  local self = process.start(process.anyreach("sandbox", "--json", ...))
  self.description = anyreach.json.decode(self:first_line())
  self.base_url = self.description.base_url
  self.environment = ("ANYREACH_BASE_URL=%s ANYREACH_TOKEN=ak_sandbox.admin "):format(self.base_url)
  return self
end

return process
