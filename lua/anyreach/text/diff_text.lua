-- Differences with their values, for people and for --json: short values on one line, long texts word by
-- word. A secret is never shown, nor is the value that it is compared with: neither one from a file, nor
-- what by its name is one.

local json = require "anyreach.json"
local redaction = require "anyreach.text.redaction"
local words = require "anyreach.text.word_diff"

local diff_text = {}

local LONG = 60 -- bytes from which a text is compared by words
local VALUE_MAX = 400 -- characters shown of any other value
local HIDDEN = "[secret]"

---@class anyreach.diff_text_options : anyreach.word_diff_render_options
---@field indent? integer columns; default 2

-- {====== values ======

local function holds_secret(value)
  if getmetatable(value) == "secret" then return true end
  if type(value) ~= "table" then return false end
  for _, part in pairs(value) do
    if holds_secret(part) then return true end
  end
  return false
end

-- True when the names of a path say that its value is a secret.
local function is_secret_place(path, value)
  local name
  for part in path:gmatch("[%w_%-]*[%a_][%w_%-]*") do
    if name and redaction.hides_all_below(name) then return true end
    name = part
  end
  return name ~= nil and redaction.hides(name, value)
end

local function is_secret(difference)
  local path, before, after = difference.path, difference.before, difference.after
  return holds_secret(before) or holds_secret(after)
    or before ~= nil and is_secret_place(path, before) or after ~= nil and is_secret_place(path, after)
end

-- What is shown of a value: of references and the like their text, and no secrets in it.
local function plain(value)
  if type(value) == "string" then return redaction.text(value) end
  if type(value) ~= "table" then return value end
  local metatable = getmetatable(value)
  if metatable and metatable.__tostring then return tostring(value) end
  local copy = json.is_array(value) and json.array {} or {}
  for key, part in pairs(value) do copy[key] = redaction.hides(key, part) and HIDDEN or plain(part) end
  return copy
end

local function shorten(text)
  local cut = utf8.offset(text, VALUE_MAX + 1)
  if cut and cut <= #text then return text:sub(1, cut - 1) .. "…" end
  return text
end

local function value_text(value)
  return shorten(redaction.printable(json.encode(plain(value), { redact = true, invalid_bytes = "replace" })))
end

-- }======

local function is_long(difference)
  local before, after = difference.before, difference.after
  if type(before) ~= "string" or type(after) ~= "string" then return false end
  if not utf8.len(before) or not utf8.len(after) then return false end -- as JSON they are fit to be shown
  return #before > LONG or #after > LONG or before:find("\n", 1, true) ~= nil or after:find("\n", 1, true) ~= nil
end

local function word_counts(counts)
  local parts = {}
  if counts.removed > 0 then parts[#parts + 1] = ("%d removed"):format(counts.removed) end
  if counts.added > 0 then parts[#parts + 1] = ("%d added"):format(counts.added) end
  return #parts > 0 and "words: " .. table.concat(parts, ", ") or "only white space and signs"
end

local function add_words(lines, difference, left, options)
  local pieces = words.compare(redaction.text(difference.before), redaction.text(difference.after))
  lines[#lines + 1] = ("%s%s changed (%s)"):format(left, difference.path, word_counts(words.count(pieces)))
  local width = options.width and options.width - #left
  local render = { color = options.color, context = options.context, width = width }
  for _, line in ipairs(words.render(pieces, render)) do lines[#lines + 1] = left .. line end
end

local sentences = {
  added = function(difference) return "added: " .. value_text(difference.after) end,
  removed = function(difference) return "removed; it was " .. value_text(difference.before) end,
  changed = function(difference)
    return ("changed from %s to %s"):format(value_text(difference.before), value_text(difference.after))
  end,
}

--- Differences as lines, with the values before and after.
---@param differences anyreach.difference[] from text/diff.lua
---@param options? anyreach.diff_text_options
---@return string[] lines
function diff_text.lines(differences, options)
  options = options or {}
  local lines, left = {}, (" "):rep(options.indent or 2)
  for _, difference in ipairs(differences) do
    local path = redaction.printable(difference.path)
    if is_secret(difference) then
      lines[#lines + 1] = ("%s%s %s: %s"):format(left, path, difference.change, HIDDEN)
    elseif is_long(difference) then
      add_words(lines, difference, left, options)
    else
      lines[#lines + 1] = ("%s%s %s"):format(left, path, sentences[difference.change](difference))
    end
  end
  return lines
end

local function pieces_event(pieces)
  local list = json.array {}
  for index, piece in ipairs(pieces) do list[index] = { kind = piece.kind, text = piece.text } end
  return list
end

-- One difference as a value for JSON.
local function event(difference)
  local before, after = difference.before, difference.after
  local fields = { path = difference.path, change = difference.change }
  if is_secret(difference) then
    fields.secret = true
  elseif is_long(difference) then
    fields.words = pieces_event(words.compare(redaction.text(before), redaction.text(after)))
  else
    fields.before, fields.after = plain(before), plain(after)
  end
  return fields
end

--- Differences as a list for an event of --json: each has `path` and `change`, and either `before` and
--- `after`, or `words` (the pieces of anyreach.word_diff), or `secret`.
---@param differences anyreach.difference[]
---@return table[] a JSON array
function diff_text.events(differences)
  local list = json.array {}
  for index, difference in ipairs(differences) do list[index] = event(difference) end
  return list
end

--- A value as it may be shown.
---@param path string its place
---@param value any
---@return any
function diff_text.value(path, value)
  if holds_secret(value) or value ~= nil and is_secret_place(path, value) then return HIDDEN end
  return plain(value)
end

return diff_text
