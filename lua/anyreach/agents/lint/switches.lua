-- Which warnings are not wanted: --off for a whole run, a file .anyreach-lint for the agent files of its directory and
-- those below, and a comment for one agent file:
--   # anyreach-lint: off unknown-tool, prompt-size
-- A list may take back with "!" what one in a directory above it has switched off; with lists as with .gitignore, the
-- nearest one has the last word.
-- Comments are lost to the parser, so the text is searched, and the comment must begin its line: there it cannot be
-- part of a block scalar, such as a heading of a prompt. Unknown names are refused, for a mistyped one would be
-- silently without effect. Errors are never switched off.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local operations = require "anyreach.operations"
local reach = require "anyreach.agents.file.reach"

local switches = {}

local CHECKS = { "doubtful", "file", "format", "prompt-size", "schema", "unclosed-variable", "unknown-tool",
  "unknown-variable", "unmentioned-tool" }
local LIST = ".anyreach-lint"
local COMMENT = "^#%s*anyreach%-lint:%s*(.-)%s*$"

local is_check = {}
for _, check in ipairs(CHECKS) do is_check[check] = true end

local function add(set, name, kind, place, is_on)
  if not is_check[name] then
    local near = operations.nearest(name, CHECKS)
    errors.raise(kind, "%s: there is no check '%s'%s", place, name, near and ("; did you mean '%s'?"):format(near)
      or "; the checks are " .. table.concat(CHECKS, ", "))
  end
  set[name] = not is_on or nil
end

-- Calls f(line, number) for each line of a text.
local function each_line(text, f)
  local number = 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    f(line:gsub("\r$", ""), number)
  end
end

local function add_comments(set, file)
  local ok, text = pcall(files.read_file, file)
  if not ok then return end -- reported already
  each_line(text, function(line, number)
    local words = line:match(COMMENT)
    if not words then return end
    local place = ("%s:%d"):format(file, number)
    local names = words:match("^off%s+(.+)$")
    if not names then
      errors.raise("input", "%s: expected '# anyreach-lint: off CHECK, ...', got '%s'", place, line)
    end
    for name in names:gmatch("[^,%s]+") do add(set, name, "input", place) end
  end)
end

local function add_list(set, file)
  if not directory.kind(file) then return end
  each_line(files.read_file(file), function(line, number)
    local name = line:gsub("#.*", ""):match("^%s*(.-)%s*$")
    local sign, check = name:match("^(!?)%s*(.*)$")
    if check ~= "" then add(set, check, "input", ("%s:%d"):format(file, number), sign == "!") end
  end)
end

--- Reads what is switched off for agent files. Unknown names raise an error.
---@param paths string[] agent files
---@param off? string[] for all of them
---@return fun(finding: anyreach.finding): boolean is_off
function switches.read(paths, off)
  local everywhere, of_file = {}, {}
  for _, name in ipairs(off or {}) do add(everywhere, name, "command_line", "--off") end
  for _, path in ipairs(paths) do
    of_file[path] = {}
    for _, folder in ipairs(reach.folders(path)) do
      add_list(of_file[path], (folder == "/" and "" or folder) .. "/" .. LIST)
    end
    if not path:find("%.json$") then add_comments(of_file[path], path) end
  end
  return function(finding)
    local own = of_file[finding.file] or {}
    return finding.severity == "warning" and (everywhere[finding.check] or own[finding.check]) or false
  end
end

return switches
