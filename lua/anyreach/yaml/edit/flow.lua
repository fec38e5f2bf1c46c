-- Lists and mappings between brackets and braces, for yaml_edit: their parts are changed in place; when one
-- comes or goes, the whole is written anew on one line, from the parts' own words where they stay the same.

local tree = require "anyreach.yaml.edit.tree"
local yaml_text = require "anyreach.yaml.writer"
local yaml_value = require "anyreach.yaml.value"

local flow = {}

local function is_empty(node)
  return node.last < node.first
end

-- True when a part, or a part of it, cannot be changed in place.
local function must_be_written_anew(node)
  if #node.added > 0 then return true end
  for _, child in ipairs(node.children) do
    local part = child.node
    if child.is_gone or part.plan == "replace" and is_empty(part) then return true end
  end
  return false
end

local function is_unchanged(editor, node)
  if node.plan == "alias" then
    node.is_kept_alias = editor:may_keep_alias(node)
    return node.is_kept_alias
  end
  return yaml_value.same(node.data, node.new) and not node.has_alias and not is_empty(node)
end

local function part_text(editor, child)
  if is_unchanged(editor, child.node) then return editor.text:sub(child.node.first, child.node.last) end
  tree.lose(child.node)
  return yaml_text.inline(child.node.new)
end

-- The parts that stay, in their order, each followed by the new ones that belong behind it; those of a
-- mapping come last.
local function part_texts(editor, node)
  local texts = {}
  local function add(name, text)
    texts[#texts + 1] = name and yaml_text.inline_entry(name, text) or text
  end
  local function add_new(after)
    for _, addition in ipairs(node.added) do
      if addition.after == after then add(addition.name, yaml_text.inline(addition.value)) end
    end
  end
  if node.kind == "list" then add_new(nil) end
  for _, child in ipairs(node.children) do
    if child.is_gone then
      tree.lose(child.node)
    elseif child.is_merge then
      texts[#texts + 1] = "<<: " .. editor.text:sub(child.node.first, child.node.last)
    else
      add(child.name, part_text(editor, child))
      if node.kind == "list" then add_new(child) end
    end
  end
  if node.kind == "map" then add_new(nil) end
  return texts
end

local function rewrite(editor, node)
  local inner = table.concat(part_texts(editor, node), ", ")
  local text = node.kind == "list" and "[" .. inner .. "]" or "{" .. inner .. "}"
  editor:edit(node.first, node.last, (node.anchor and "&" .. node.anchor .. " " or "") .. text)
end

local function style_for(node)
  return node.kind == "scalar" and type(node.new) == "string" and node.style ~= "plain" and node.style or nil
end

local function walk_part(editor, node)
  if node.plan == "keep" then return end
  if node.plan == "alias" and is_unchanged(editor, node) then return end
  if node.plan == "parts" then return flow.walk(editor, node) end
  for _, child in ipairs(node.children or {}) do tree.lose(child.node) end
  local anchor = node.anchor and "&" .. node.anchor .. " " or ""
  editor:edit(node.first, node.last, anchor .. yaml_text.inline(node.new, style_for(node)))
end

--- Changes a node in flow style whose plan is "parts".
---@param editor anyreach.yaml_editor
---@param node anyreach.yaml_node
function flow.walk(editor, node)
  if must_be_written_anew(node) then return rewrite(editor, node) end
  for _, child in ipairs(node.children) do walk_part(editor, child.node) end
end

return flow
