-- The nodes of a YAML text with their positions, for the editor: what yaml.events returns, as a tree, beside the
-- values that yaml.decode makes of them.

local yaml = require "anyreach.yaml"

local tree = {}

---@class anyreach.yaml_node
---@field kind "scalar"|"list"|"map"|"alias"
---@field first integer where it begins, its tag and anchor included
---@field last integer where it ends: no blank line or comment behind it is part of it
---@field style "plain"|"single"|"double"|"literal"|"folded"|"block"|"flow"
---@field tag string|nil
---@field anchor string|nil
---@field target anyreach.yaml_node|nil of an alias
---@field key anyreach.yaml_node|nil of a value whose key has an anchor: the key
---@field data any the value
---@field children anyreach.yaml_child[]|nil of a list or mapping
---@field has_alias boolean|nil there is an alias in it
---@field is_explicit boolean|nil a mapping with an entry of the form "? key"
---@field is_markless boolean|nil a mapping with an entry that has no colon

---@class anyreach.yaml_child
---@field node anyreach.yaml_node
---@field name string|nil its key, in a mapping
---@field first integer where it begins: its key, or its dash
---@field mark integer|nil its colon or dash, in block style
---@field is_merge boolean|nil its key is the merge key <<, whose value has no data

-- {====== from events ======

-- Where a literal or folded block ends: empty lines behind it belong to it only when it keeps them.
local function block_scalar_end(text, event)
  local body = text:sub(event.first, event.last)
  local keeps = body:match("^[^\n]*"):gsub("%s#.*$", ""):find("+", 1, true)
  local trimmed = keeps and body:gsub("\r?\n$", "") or body:match("^.*[^\r\n]") or ""
  return event.first + #trimmed - 1
end

local function new_node(text, event)
  local is_block = event.style == "literal" or event.style == "folded"
  return {
    kind = event.kind,
    first = event.first,
    last = is_block and block_scalar_end(text, event) or event.last,
    style = event.style,
    tag = event.tag,
    anchor = event.anchor,
    text = event.value,
  }
end

-- The dash of an item: the nearest one before it with nothing but blanks and dashes before it on its line.
local function find_dash(text, first)
  for place = first - 1, 1, -1 do
    local is_dash = text:byte(place) == 0x2D
    if is_dash and text:sub(tree.line_start(text, place), place):find("^[ %-]*$") then return place end
  end
end

-- The colon behind a key, and whether the entry is one of the form "? key".
local function find_colon(text, key)
  local _, colon = text:find("^%s*:", key.last + 1)
  local is_below = colon and text:sub(key.last + 1, colon):find("\n", 1, true)
  local is_marked = text:sub(tree.line_start(text, key.first), key.first - 1):find("%?%s*$")
  return colon, is_below ~= nil or is_marked ~= nil
end

-- "[a: b]" is a list with a mapping in it that has no braces, and whose end is not reported.
local function ends_with_child(text, node)
  return node.style == "block" or node.kind == "map" and text:byte(node.first) ~= 0x7B and not node.tag
    and not node.anchor
end

local Reader = {}
Reader.__index = Reader

function Reader:next()
  self.index = self.index + 1
  return self.events[self.index]
end

function Reader:child_of_map(node, event)
  local key = new_node(self.text, event)
  if key.anchor then key.data, key.new, self.anchors[key.anchor] = key.text, key.text, key end
  local child = { name = key.text, node = self:node(self:next()), first = key.first }
  child.is_merge = key.text == "<<" and key.style == "plain"
  if key.anchor then child.node.key = key end
  if node.style == "block" then
    local colon, is_explicit = find_colon(self.text, key)
    child.mark, node.is_explicit = colon, node.is_explicit or is_explicit
    node.is_markless = node.is_markless or not colon
    self.is_odd = self.is_odd or not colon and child.node.last >= child.node.first
    -- libyaml finds such a value where the next line begins.
    if not colon then child.node.first, child.node.last = key.last + 1, key.last end
  end
  return child
end

function Reader:child_of_list(node, event)
  local item = self:node(event)
  local dash = node.style == "block" and find_dash(self.text, item.first) or nil
  self.is_odd = self.is_odd or node.style == "block" and not dash
  return { node = item, first = dash or item.first, mark = dash }
end

function Reader:container(node)
  local read = node.kind == "map" and self.child_of_map or self.child_of_list
  node.children = {}
  local event = self:next()
  while event.kind ~= "end" do
    local child = read(self, node, event)
    node.has_alias = node.has_alias or child.node.kind == "alias" or child.node.has_alias
    table.insert(node.children, child)
    event = self:next()
  end
  local final = node.children[#node.children]
  node.last = final and ends_with_child(self.text, node) and final.node.last or event.last
end

function Reader:node(event)
  local node = new_node(self.text, event)
  if node.kind == "alias" then node.target = self.anchors[node.text] end
  if node.kind == "list" or node.kind == "map" then self:container(node) end
  if node.anchor then self.anchors[node.anchor] = node end
  if node.kind == "alias" then table.insert(self.aliases, node) end
  return node
end

-- }======

local function attach(node, value)
  node.data = value
  if yaml.is_tag(value) and node.kind ~= "alias" then value = value.value end
  for index, child in ipairs(node.children or {}) do
    if not child.is_merge then attach(child.node, value[child.name or index]) end
  end
end

--- The tree of a text; nil when there is no document in it, or when it is unclear where its entries
--- begin: a carriage return alone ends a line for libyaml, and "? key" may have no colon.
---@param text string
---@param value any what yaml.decode makes of it
---@return anyreach.yaml_node|nil root
---@return anyreach.yaml_node[] aliases all of them
function tree.parse(text, value)
  local reader = setmetatable({
    text = text,
    events = yaml.events(text),
    index = 0,
    anchors = {},
    aliases = {},
  }, Reader)
  local event = reader:next()
  if not event then return nil, {} end
  local root = reader:node(event)
  if reader.is_odd then return nil, {} end
  attach(root, value)
  return root, reader.aliases
end

-- {====== lines ======

--- Where the line begins that holds a place.
---@param text string
---@param place integer
---@return integer
function tree.line_start(text, place)
  while place > 1 and text:byte(place - 1) ~= 0x0A do place = place - 1 end
  return place
end

--- The last byte of the line that holds a place, its break left out; the place before it begins, when it is
--- empty.
---@param text string
---@param place integer
---@return integer
function tree.line_end(text, place)
  local stop = text:find("\n", math.max(place, 1), true) or #text + 1
  return text:byte(stop - 1) == 0x0D and stop - 2 or stop - 1
end

--- True when only blanks precede a position on its line.
---@param text string
---@param place integer
---@return boolean
function tree.begins_line(text, place)
  return text:sub(tree.line_start(text, place), place - 1):find("^ *$") ~= nil
end

--- How many characters precede a position on its line.
---@param text string
---@param place integer
---@return integer
function tree.column(text, place)
  return utf8.len(text, tree.line_start(text, place), math.max(place - 1, 0)) or 0
end

--- Where a child of a block ends with all that is its own: the comment on its last line, and comments below
--- that are indented further than it is itself.
---@param text string
---@param child anyreach.yaml_child
---@return integer the last byte of its last line
function tree.block_end(text, child)
  local column, last = tree.column(text, child.first), child.node.last
  -- A block that keeps its line breaks ends with an empty line, behind this break.
  if text:byte(last) ~= 0x0A then last = tree.line_end(text, last) end
  local place = last
  while true do
    local _, stop, blanks, mark = text:find("^\r?\n( *)([^\n]?)", place + 1)
    if not stop then return last end
    if mark == "#" and #blanks > column then
      last = tree.line_end(text, stop)
      place = last
    elseif (mark == "" or mark == "\r") and stop < #text then
      place = tree.line_end(text, stop + 1)
    else
      return last
    end
  end
end

-- }======

--- Says of a node and all below it that they are not in the new text.
---@param node anyreach.yaml_node
function tree.lose(node)
  node.is_lost = true
  if node.key then node.key.is_lost = true end
  for _, child in ipairs(node.children or {}) do tree.lose(child.node) end
end

return tree
