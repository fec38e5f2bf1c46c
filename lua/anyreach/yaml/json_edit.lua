-- Gives a JSON text a new value: written anew with two blanks of indentation, each object's keys in the
-- order that they have in the text, new ones behind them.

local errors = require "anyreach.errors"
local json = require "anyreach.json"
local tree = require "anyreach.yaml.edit.tree"
local yaml_value = require "anyreach.yaml.value"

local json_edit = {}

local INDENT = "  "

-- JSON is nearly YAML. Where it is not, or is not even JSON, the order of the keys is not known.
local function read_tree(text)
  local ok, value = pcall(json.decode, text)
  if not ok then return nil end
  local is_yaml, root = pcall(tree.parse, text, value)
  return is_yaml and root or nil
end

-- The keys of a mapping: those of the node in its order, then the others.
local function ordered_keys(value, node)
  local keys, known = {}, {}
  for _, child in ipairs(node and node.children or {}) do
    if child.name and value[child.name] ~= nil and not known[child.name] then
      keys[#keys + 1], known[child.name] = child.name, child.node
    end
  end
  for _, key in ipairs(yaml_value.keys(value)) do
    if not known[key] then keys[#keys + 1] = key end
  end
  return keys, known
end

local write

local function write_map(value, node, indentation)
  local keys, nodes = ordered_keys(value, node)
  local parts, inner = {}, indentation .. INDENT
  for index, key in ipairs(keys) do
    parts[index] = inner .. json.encode(key) .. ": " .. write(value[key], nodes[key], inner)
  end
  return "{\n" .. table.concat(parts, ",\n") .. "\n" .. indentation .. "}"
end

local function write_list(value, node, indentation)
  local parts, inner = {}, indentation .. INDENT
  local children = node and node.kind == "list" and node.children or {}
  for index = 1, #value do
    parts[index] = inner .. write(value[index], children[index] and children[index].node, inner)
  end
  return "[\n" .. table.concat(parts, ",\n") .. "\n" .. indentation .. "]"
end

function write(value, node, indentation)
  local kind = yaml_value.kind(value)
  if kind == "tag" then
    errors.raise("usage", "JSON has no tags: %s cannot be written", (yaml_value.tag(value)))
  elseif kind == "scalar" then
    return json.encode(value)
  elseif next(value) == nil then
    return kind == "list" and "[]" or "{}"
  end
  return (kind == "list" and write_list or write_map)(value, node, indentation)
end

--- A JSON text of a value, with the keys in the order of an earlier text.
---@param text string "" when there is none
---@param value any
---@return string
function json_edit.update(text, value)
  return write(value, read_tree(text), "") .. "\n"
end

return json_edit
