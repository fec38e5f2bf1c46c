-- The session as a script: its entries, in order, so that running the file does again what was done.

local errors = require "anyreach.errors"
local redact = require "anyreach.redact"

local save = {}

-- Whether the entry can stand in a script as it is: `a = 1` can, the expression `a.name` cannot.
local function is_statement(entry)
  return load(entry, "=entry", "t") ~= nil
end

local function mentions(entries, first, name)
  for i = first, #entries do
    if entries[i]:find("%f[%w_]" .. name .. "%f[^%w_]") then return true end
  end
  return false
end

-- A look at what a name stands for; `print` would say no more of a table than where it is.
local function is_name(entry)
  return entry:find "^%s*[%a_][%w_]*%s*$" ~= nil
end

-- An expression's value was printed, and then was `_`, which later entries may speak of.
local function script_line(entries, i)
  local entry = entries[i]
  local is_expression = load("return " .. entry, "=entry", "t") ~= nil
  local closing = entry:find("--", 1, true) and "\n)" or ")"
  if is_expression and mentions(entries, i + 1, "_[12]?") then
    return ("_, _1, _2 = (%s%s, _, _1"):format(entry, closing)
  end
  if is_expression and is_name(entry) then return "-- " .. entry end
  return is_statement(entry) and entry or "print(" .. entry .. closing
end

-- A short secret is one only where it is all of a text, as between quotes.
local function without_secrets(script)
  return redact((script:gsub("([\"'])([^\"'\n]*)%1", function(quote, text) return quote .. redact(text) .. quote end)))
end

--- The script; where a secret stood in it, "[secret]" does.
---@param entries string[] that went well
---@param profile? string with which they did
---@return string
function save.script(entries, profile)
  local option = profile and " --profile " .. profile or ""
  local lines = {
    "#!/usr/bin/env anyreach",
    ("-- Saved from the prompt, %s. Run it with: anyreach%s FILE"):format(os.date "%Y-%m-%d", option),
    "local api = anyreach.client()",
    "",
  }
  for i = 1, #entries do lines[#lines + 1] = script_line(entries, i) end
  return without_secrets(table.concat(lines, "\n") .. "\n")
end

--- Writes the script to a file that is not there yet.
---@param path string
---@param entries string[]
---@param options {profile?: string, overwrite?: boolean}
---@return integer count of the entries
function save.write(path, entries, options)
  if #entries == 0 then errors.raise("command_line", "there is nothing to save yet: no entry went well") end
  local existing = not options.overwrite and io.open(path, "rb")
  if existing then
    existing:close()
    errors.raise("input", "%s is there already: ':save! %s' overwrites it", path, path)
  end
  local file, message = io.open(path, "wb")
  if not file then errors.raise("input", "%s", message) end
  local ok, problem = file:write(save.script(entries, options.profile))
  if ok then ok, problem = file:close() end
  if not ok then errors.raise("input", "%s: %s", path, problem) end
  return #entries
end

return save
