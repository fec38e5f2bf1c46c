-- Lists and mappings in block style, for yaml_edit: an entry a line, or more. Values are replaced behind
-- their colon or dash, entries cut out and inserted as whole lines.

local flow = require "anyreach.yaml.edit.flow"
local tree = require "anyreach.yaml.edit.tree"
local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

local block = {}

local INDENT = 2 -- columns

local function indent(lines, indentation)
  local out = {}
  for index, line in ipairs(lines) do out[index] = line == "" and "" or indentation .. line end
  return table.concat(out, "\n")
end

-- {====== values that are replaced ======

-- The style that a new text takes over from the old one.
local function style_for(node)
  if type(node.new) ~= "string" or node.kind ~= "scalar" then return nil end
  if node.style == "literal" or node.style == "folded" then return "literal" end
  if node.new:find("\n", 1, true) or node.style == "plain" then return nil end
  return node.style
end

-- The comment on the line where the value begins.
local function comment_of(text, child)
  local node = child.node
  local is_below = text:sub(child.mark, node.first):find("\n", 1, true)
  if is_below then return text:sub(child.mark + 1, tree.line_end(text, child.mark)):match("^%s+(#.*)$") end
  if node.style == "block" then return nil end
  if node.style == "literal" or node.style == "folded" then
    return text:sub(node.first, node.last):match("^[^\r\n]-%s(#[^\r\n]*)")
  end
  return text:sub(node.last + 1, tree.line_end(text, node.last)):match("^%s+(#.*)$")
end

-- The indentation that a block's lines have, so that those which stay the same are not touched.
local function old_indentation(text, node)
  return node.style == "literal" and text:sub(node.first, node.last):match("\n( +)[^ \r\n]")
end

-- Where blank lines end that follow a place: a block that keeps its line breaks would take them in.
local function behind_blank_lines(text, place)
  local _, blank = text:find("^[ \r\n]*\n", place + 1)
  return blank and tree.line_end(text, blank) or place
end

-- The last byte that a new value takes the place of.
local function stop_of(text, child, body)
  local stop = tree.block_end(text, child)
  return body[#body] == "" and behind_blank_lines(text, stop) or stop
end

-- Writes a value after a colon or dash, in place of the present one.
local function replace(editor, child, column)
  local text, node = editor.text, child.node
  local head, body = yaml_text.node(node.new, style_for(node))
  for _, part in ipairs(node.children or {}) do tree.lose(part.node) end
  if node.anchor then head = "&" .. node.anchor .. (head == "" and "" or " " .. head) end
  local is_one_line = not text:sub(child.mark, node.last):find("\n", 1, true)
  if is_one_line and #body == 0 then
    local is_empty = node.last < node.first
    local _, blanks = text:find("^ +%f[\r\n]", node.first)
    return editor:edit(node.first, is_empty and blanks or node.last, (is_empty and " " or "") .. head)
  end
  local comment = comment_of(text, child)
  local new = (head == "" and "" or " " .. head) .. (comment and " " .. comment or "")
  if #body > 0 then
    local kept = not head:find("|%d") and old_indentation(text, node)
    new = new .. "\n" .. indent(body, kept or (" "):rep(column + INDENT))
  end
  child.stop = stop_of(text, child, body)
  editor:edit(child.mark + 1, child.stop, new)
end

-- }======

-- {====== entries that go ======

-- Takes whole lines out, the break at their end included.
local function remove_lines(editor, child)
  local last = tree.block_end(editor.text, child)
  local stop = editor.text:find("\n", last + 1, true) or last
  editor:edit(tree.line_start(editor.text, child.first), stop, "")
end

local function first_kept(node)
  for _, child in ipairs(node.children) do
    if not child.is_gone then return child end
  end
end

-- Takes out the entries before the first one that stays, where the first is on the line of a dash, as in
-- "- name: x". What stays moves up to the dash; when comments are in between, the dash stays alone.
local function remove_from_dash(editor, node)
  local child, kept = node.children[1], first_kept(node)
  if not editor.text:sub(child.first, kept.first - 1):find("#", 1, true) then
    return editor:edit(child.first, kept.first - 1, "")
  end
  local blanks = editor.text:sub(1, child.first - 1):find(" *$")
  editor:edit(blanks, tree.block_end(editor.text, child), "")
  for index = 2, #node.children do
    if node.children[index] == kept then return end
    remove_lines(editor, node.children[index])
  end
end

local function remove_children(editor, node)
  local first = node.children[1]
  local is_done = first.is_gone and not tree.begins_line(editor.text, first.first)
  if is_done then remove_from_dash(editor, node) end
  for _, child in ipairs(node.children) do
    if child.is_gone then
      tree.lose(child.node)
      if not is_done then remove_lines(editor, child) end
    else
      is_done = false
    end
  end
end

-- }======

-- {====== entries that come ======

-- The child behind which a new entry belongs: the last one, but for keys that have a place in the order.
local function predecessor(node, name)
  local last, before
  for _, child in ipairs(node.children) do
    if not child.is_gone then
      last = child
      if yaml_value.has_rank(name) and yaml_value.is_before(child.name, name) then before = child end
    end
  end
  return before or last
end

local function insert_after(editor, child, lines, column)
  local place = child.stop or tree.block_end(editor.text, child)
  if lines[#lines] == "" then place = behind_blank_lines(editor.text, place) end
  editor:edit(place + 1, place, "\n" .. indent(lines, (" "):rep(column)))
end

local function insert_before(editor, child, lines, column)
  local indentation = (" "):rep(column)
  if tree.begins_line(editor.text, child.first) then
    local place = tree.line_start(editor.text, child.first)
    return editor:edit(place, place - 1, indent(lines, indentation) .. "\n")
  end
  editor:edit(child.first, child.first - 1, indent(lines, indentation):sub(column + 1) .. "\n" .. indentation)
end

local function add_children(editor, node, column)
  for _, addition in ipairs(node.added) do
    local is_entry = node.kind == "map"
    local lines = is_entry and yaml_text.entry(addition.name, addition.value) or yaml_text.element(addition.value)
    local after = addition.after or is_entry and predecessor(node, addition.name)
    if after then
      insert_after(editor, after, lines, column)
    else
      insert_before(editor, first_kept(node), lines, column)
    end
  end
end

-- }======

local function is_restructured(node)
  if #node.added > 0 then return true end
  for _, child in ipairs(node.children) do
    if child.is_gone then return true end
  end
  return false
end

-- Cutting an element out of the line of another dash, or anything beside an entry with "?", is not done.
local function is_awkward(editor, node)
  if not is_restructured(node) then return false end
  local first = node.children[1]
  local is_on_dash = not tree.begins_line(editor.text, first.first)
  return node.is_explicit or node.kind == "list" and first.is_gone and is_on_dash
end

local walk

local function walk_children(editor, node)
  local column = tree.column(editor.text, node.children[1].first)
  for _, child in ipairs(node.children) do
    if not child.is_gone then walk(editor, child, column) end
  end
  remove_children(editor, node)
  add_children(editor, node, column)
end

-- True when the node needs no change, or was changed in place.
local function walk_node(editor, node)
  if node.plan == "keep" then return true end
  node.is_kept_alias = node.plan == "alias" and editor:may_keep_alias(node)
  if node.is_kept_alias then return true end
  if node.plan ~= "parts" then return false end
  if node.style == "flow" then
    flow.walk(editor, node)
  elseif is_awkward(editor, node) then
    return false
  else
    walk_children(editor, node)
  end
  return true
end

function walk(editor, child, column)
  if not walk_node(editor, child.node) then replace(editor, child, column) end
end

--- Changes a whole text.
---@param editor anyreach.yaml_editor
---@param root anyreach.yaml_node with what match.assign noted in it
---@return boolean ok false when it cannot be changed in place
function block.walk_root(editor, root)
  return walk_node(editor, root)
end

return block
