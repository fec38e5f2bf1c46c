-- Other programs at the prompt: an editor for an entry, a pager for a long text.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local disk = require "anyreach.disk"

local programs = {}

local NOT_FOUND = 127 -- what a shell says of a command that is not there

local function set(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- A new file that only the user may read, with the text in it.
local function temporary_file(text)
  local path = os.tmpname()
  local ok, message = disk.write(path .. ".lua", text, { private = true, sync = false })
  os.remove(path)
  if not ok then errors.raise("input", "%s", message) end
  return path .. ".lua"
end

--- Lets the user change a text in $VISUAL, $EDITOR or vi.
---@param text string
---@return string
function programs.edit(text)
  local editor = set "VISUAL" or set "EDITOR" or "vi"
  local path = temporary_file(text .. "\n")
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

--- Shows a text in $PAGER or less; without a terminal, or without such a program, prints it.
---@param text string
function programs.page(text)
  local pager = host.is_terminal "stdout" and (set "PAGER" or "less -R")
  io.stdout:flush()
  local pipe = pager and io.popen(pager, "w")
  if not pipe then
    io.stdout:write(text, "\n")
    return
  end
  pipe:write(text, "\n")
  local _, how, code = pipe:close()
  if how == "exit" and code == NOT_FOUND then io.stdout:write(text, "\n") end
end

return programs
