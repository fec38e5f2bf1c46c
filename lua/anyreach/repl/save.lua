-- The session as a script: its entries, in order, so that running the file does again what was done.

local errors = require "anyreach.errors"
local files = require "anyreach.files"
local host = require "anyreach.host"
local redact = require("anyreach.text.redaction").text

local save = {}

-- Whether the entry can be used in a script as it is: `a = 1` can, the expression `a.name` cannot.
local function is_statement(entry)
  return load(entry, "=entry", "t") ~= nil
end

-- The place of the last entry that speaks of the values before it; 0 without one.
local function last_mention(entries)
  for i = #entries, 1, -1 do
    if entries[i]:find "%f[%w_]_[12]?%f[^%w_]" then return i end
  end
  return 0
end

-- A look at what a name stands for; `print` would say no more of a table than where it is.
local function is_name(entry)
  return entry:find "^%s*[%a_][%w_]*%s*$" ~= nil
end

-- An expression's value was printed, and then was `_`, which later entries may speak of.
local function script_line(entry, is_spoken_of)
  local is_expression = load("return " .. entry, "=entry", "t") ~= nil
  local closing = entry:find("--", 1, true) and "\n)" or ")"
  if is_expression and is_spoken_of then
    return ("_, _1, _2 = (%s%s, _, _1"):format(entry, closing)
  end
  if is_expression and is_name(entry) then return "-- " .. entry end
  return is_statement(entry) and entry or "print(" .. entry .. closing
end

-- A short secret is one only where it is all of a text, as between quotes.
local function without_secrets(script)
  return redact((script:gsub("([\"'])([^\"'\n]*)%1", function(quote, text) return quote .. redact(text) .. quote end)))
end

--- How the script is run where the session began: what was tried in the sandbox stays there.
---@param profile string|nil with which the session began
---@param path string of the script
---@return string
function save.command(profile, path)
  local words, sandbox = { "anyreach" }, host.options.sandbox
  if sandbox then
    words[#words + 1] = sandbox:find "^[%w._/-]+$" and "--sandbox=" .. sandbox or "--sandbox"
  end
  if profile then words[#words + 1] = "--profile " .. profile end
  words[#words + 1] = path
  return table.concat(words, " ")
end

--- The script, with "[secret]" in place of secrets.
---@param entries string[] that went well
---@param profile? string with which the session began
---@return string
function save.script(entries, profile)
  local lines = {
    "#!/usr/bin/env anyreach",
    ("-- Saved from the prompt, %s. Run it with: %s"):format(os.date "%Y-%m-%d", save.command(profile, "FILE")),
    "local api = anyreach.client()",
    "",
  }
  local last = last_mention(entries)
  for i, entry in ipairs(entries) do lines[#lines + 1] = script_line(entry, i < last) end
  return without_secrets(table.concat(lines, "\n") .. "\n")
end

--- Writes the script to a file that is not there yet.
---@param path string
---@param entries string[]
---@param options {profile?: string, overwrite?: boolean}
---@return integer count of the entries
function save.write(path, entries, options)
  if #entries == 0 then errors.raise("command_line", "there is nothing to save yet: no entry has succeeded") end
  local existing = not options.overwrite and io.open(path, "rb")
  if existing then
    existing:close()
    errors.raise("input", "%s exists already: ':save! %s' overwrites it", path, path)
  end
  files.write_file(path, save.script(entries, options.profile))
  return #entries
end

return save
