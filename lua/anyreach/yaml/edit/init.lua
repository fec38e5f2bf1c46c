-- Gives a YAML text a new value where it differs from what it says, and leaves everything else as a person
-- wrote it: comments, blank lines, the order of keys, quotes, anchors. What cannot be changed in place is
-- written anew, as little of it as possible: an element, an entry, a list between brackets.
--
-- A comment above an entry stays when the entry goes; the one on its own line goes with it.

local block = require "anyreach.yaml.edit.block"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local match = require "anyreach.yaml.edit.match"
local tree = require "anyreach.yaml.edit.tree"
local yaml = require "anyreach.yaml"
local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

local yaml_edit = {}

---@class anyreach.yaml_editor
---@field text string
---@field line_break string
---@field edits {first: integer, last: integer, text: string, order: integer}[]
---@field expanded table<anyreach.yaml_node, true> anchors whose aliases are to be written out
local Editor = {}
Editor.__index = Editor

--- Puts a text in the place of the bytes from `first` to `last`, which is first - 1 to insert before them.
---@param first integer
---@param last integer
---@param text string
function Editor:edit(first, last, text)
  text = self.line_break == "\n" and text or text:gsub("\n", self.line_break)
  table.insert(self.edits, { first = first, last = last, text = text, order = #self.edits })
end

--- True when an alias still stands for what is wanted in its place.
---@param node anyreach.yaml_node
---@return boolean
function Editor:may_keep_alias(node)
  local target = node.target
  return target.new ~= nil and not self.expanded[target] and yaml_value.same(node.new, target.new)
end

local function is_before(a, b)
  if a.first ~= b.first then return a.first < b.first end
  if a.last ~= b.last then return a.last < b.last end
  return a.order < b.order
end

--- The text with all edits made.
---@return string
function Editor:result()
  table.sort(self.edits, is_before)
  local parts, place = {}, 1
  for _, edit in ipairs(self.edits) do
    parts[#parts + 1] = self.text:sub(place, edit.first - 1)
    parts[#parts + 1] = edit.text
    place = edit.last + 1
  end
  parts[#parts + 1] = self.text:sub(place)
  return table.concat(parts)
end

-- The anchor of an alias that stays, when the anchor itself goes.
local function lost_anchor(aliases)
  for _, alias in ipairs(aliases) do
    if alias.is_kept_alias and not alias.is_lost and alias.target.is_lost then return alias.target end
  end
end

-- One attempt; nil when the root cannot be changed in place. `expanded` holds where the anchors begin whose
-- aliases are to be written out, and gets another when an alias turns out to have lost its anchor.
local function attempt(text, line_break, old, value, expanded)
  local root, aliases = tree.parse(text, old)
  if not root then return nil end
  local editor = setmetatable({ text = text, line_break = line_break, edits = {}, expanded = {} }, Editor)
  for _, alias in ipairs(aliases) do
    if expanded[alias.target.first] then
      editor.expanded[alias.target], alias.target.is_expanded = true, true
    end
  end
  match.assign(root, value)
  if not block.walk_root(editor, root) then return nil end
  local lost = lost_anchor(aliases)
  if lost then expanded[lost.first] = true end
  return editor:result(), lost ~= nil
end

local function edit_in_place(text, line_break, value)
  local old, expanded = yaml.decode(text), {}
  local edited, is_wanting
  repeat
    edited, is_wanting = attempt(text, line_break, old, value, expanded)
  until not is_wanting
  return edited
end

local function says(text, value)
  local ok, again = pcall(yaml.decode, text)
  return ok and yaml_value.same(again, value)
end

-- The comments and blank lines that a text begins with. A carriage return alone ends a line, too; then
-- nothing is kept.
local function opening(text)
  local stop = 0
  for line, after in text:gmatch("([^\n]*)\n()") do
    if line:find("%S") and not line:find("^%s*#") then break end
    stop = after - 1
  end
  local found = text:sub(1, stop)
  return says(found, json.null) and found or ""
end

-- The line break that most lines end with.
local function line_break_of(text)
  local _, breaks = text:gsub("\n", "")
  local _, of_windows = text:gsub("\r\n", "")
  return of_windows * 2 > breaks and "\r\n" or "\n"
end

-- Without the line break at its end, unless that means something in a block there.
local function without_last_break(text, value)
  local shorter = text:gsub("\r?\n$", "")
  return says(shorter, value) and shorter or text
end

--- Gives a YAML text a new value. The result, read again, is that value; a text that says it already is
--- returned as it is. A text that is not YAML raises an error of kind "input".
---@param text string
---@param value any as yaml_text.encode takes it
---@param options? {name?: string} what the text is called in messages
---@return string
---@return boolean is_new nothing of it could be changed in place: all of it was written anew
function yaml_edit.update(text, value, options)
  local ok, old = pcall(yaml.decode, text, { name = options and options.name or "YAML" })
  if not ok then errors.raise("input", "%s", old) end
  if yaml_value.same(old, value) then return text, false end
  local mark = text:match("^\u{FEFF}") or ""
  local line_break, base = line_break_of(text), text:sub(#mark + 1)
  local is_broken_off = base ~= "" and not base:find("\n$")
  if is_broken_off then base = base .. line_break end
  local edited = edit_in_place(base, line_break, value)
  local is_new = not edited or not says(edited, value)
  if is_new then edited = opening(base) .. yaml_text.encode(value):gsub("\n", line_break) end
  return mark .. (is_broken_off and without_last_break(edited, value) or edited), is_new
end

return yaml_edit
