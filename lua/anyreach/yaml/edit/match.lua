-- Which node of a YAML text becomes which value, for yaml/edit/init.lua. Entries are matched by their keys;
-- elements of lists by what they are, then by their name or id, then by what else they have in common, as one that
-- was renamed has, then by their order, so that a comment stays with what it speaks of.

local yaml_value = require "anyreach.yaml.value"

local match = {}

local MAX_PAIRS = 250000 -- comparisons; longer lists are matched by order alone

-- {====== lists ======

local function identity(value)
  if yaml_value.kind(value) ~= "map" then return nil end
  local name = value.name ~= nil and value.name or value.id
  return type(name) == "string" and name or nil
end

local function has_same_identity(a, b)
  local name = identity(a)
  return name ~= nil and name == identity(b)
end

-- Of another name, but with something else that is the same: an element that was renamed.
local function is_renamed(a, b)
  if not identity(a) or not identity(b) then return false end
  for key, value in pairs(a) do
    if key ~= "name" and key ~= "id" and b[key] ~= nil and yaml_value.same(value, b[key]) then return true end
  end
  return false
end

-- Two elements that are paired only because they are at the same position.
local function may_replace(a, b)
  return not (identity(a) and identity(b)) or identity(a) == identity(b)
end

-- The lengths of the longest common subsequences of the tails of two ranges.
local function lengths_of_tails(old, new, is_equal)
  local lengths = {}
  for i = old.last + 1, old.first, -1 do
    lengths[i] = {}
    for j = new.last + 1, new.first, -1 do
      if i > old.last or j > new.last then
        lengths[i][j] = 0
      elseif is_equal(old.list[i], new.list[j]) then
        lengths[i][j] = lengths[i + 1][j + 1] + 1
      else
        lengths[i][j] = math.max(lengths[i + 1][j], lengths[i][j + 1])
      end
    end
  end
  return lengths
end

-- Calls `found(i, j)` for each pair of a longest common subsequence, and `gap(old, new)` for the ranges
-- between them.
local function walk_common(old, new, is_equal, found, gap)
  local size = (old.last - old.first + 1) * (new.last - new.first + 1)
  if size > MAX_PAIRS then return gap(old, new) end
  local lengths = lengths_of_tails(old, new, is_equal)
  local i, j, from_i, from_j = old.first, new.first, old.first, new.first
  while i <= old.last and j <= new.last do
    if is_equal(old.list[i], new.list[j]) then
      gap({ list = old.list, first = from_i, last = i - 1 }, { list = new.list, first = from_j, last = j - 1 })
      found(i, j)
      i, j = i + 1, j + 1
      from_i, from_j = i, j
    elseif lengths[i + 1][j] >= lengths[i][j + 1] then
      i = i + 1
    else
      j = j + 1
    end
  end
  gap({ list = old.list, first = from_i, last = old.last }, { list = new.list, first = from_j, last = new.last })
end

-- Pairs of indices, ascending: partner[i] = j.
local function align(old_list, new_list)
  local partner = {}
  local function found(i, j) partner[i] = j end
  local function by_order(old, new)
    for offset = 0, math.min(old.last - old.first, new.last - new.first) do
      local i, j = old.first + offset, new.first + offset
      if may_replace(old.list[i], new.list[j]) then partner[i] = j end
    end
  end
  local function by_likeness(old, new)
    walk_common(old, new, is_renamed, found, by_order)
  end
  local function by_identity(old, new)
    walk_common(old, new, has_same_identity, found, by_likeness)
  end
  local first, old_last, new_last = 1, #old_list, #new_list
  while first <= old_last and first <= new_last and yaml_value.same(old_list[first], new_list[first]) do
    found(first, first)
    first = first + 1
  end
  while old_last >= first and new_last >= first and yaml_value.same(old_list[old_last], new_list[new_last]) do
    found(old_last, new_last)
    old_last, new_last = old_last - 1, new_last - 1
  end
  walk_common({ list = old_list, first = first, last = old_last }, { list = new_list, first = first, last = new_last },
    yaml_value.same, found, by_identity)
  return partner
end

-- }======

local function match_list(node, new)
  local partner, taken = align(node.data, new), {}
  local owner = {} -- index in `new` -> child
  for index, child in ipairs(node.children) do
    local j = partner[index]
    child.is_gone = j == nil
    if j then
      taken[j], owner[j] = true, child
      match.assign(child.node, new[j])
    end
  end
  node.added = {}
  local after
  for j = 1, #new do
    after = owner[j] or after
    if not taken[j] then table.insert(node.added, { after = after, value = new[j] }) end
  end
end

-- {====== mappings ======

-- The anchored nodes that a merge key names; nil when it says something else than aliases.
local function merge_targets(node)
  local aliases, targets = node.kind == "list" and node.children or { { node = node } }, {}
  for index, child in ipairs(aliases) do
    local target = child.node.kind == "alias" and child.node.target
    if not target or target.is_expanded or yaml_value.kind(target.new) ~= "map" then return nil end
    targets[index] = target
  end
  return targets
end

-- The entries that a mapping gets from its merge key once its anchors have become what they are to be; nil when there
-- is none, or when it would bring in what is not to be there. Anchors precede their aliases, so their new values are
-- known.
local function merged_entries(node, new)
  local merge
  for _, child in ipairs(node.children) do merge = child.is_merge and child or merge end
  local targets, entries = merge and merge_targets(merge.node), {}
  if not targets then return nil end
  for index = #targets, 1, -1 do
    for key, value in pairs(targets[index].new) do entries[key] = value end
  end
  for key in pairs(entries) do
    if new[key] == nil then return nil end
  end
  return entries, merge
end

local function keep_merge(merge)
  merge.node.plan = "keep"
  for _, child in ipairs(merge.node.children or { { node = merge.node } }) do child.node.is_kept_alias = true end
end

local function match_map(node, new)
  local entries, merge = merged_entries(node, new)
  local known = {}
  for _, child in ipairs(node.children) do
    if child.is_merge then
      child.is_gone = merge == nil
    else
      known[child.name] = true
      child.is_gone = new[child.name] == nil
      if not child.is_gone then match.assign(child.node, new[child.name]) end
    end
  end
  if merge then keep_merge(merge) end
  node.added = {}
  for _, key in ipairs(yaml_value.keys(new)) do
    local is_merged = entries and entries[key] ~= nil and yaml_value.same(entries[key], new[key])
    if not known[key] and not is_merged then table.insert(node.added, { name = key, value = new[key] }) end
  end
end

-- }======

local function has_kept_child(node)
  for _, child in ipairs(node.children) do
    if not child.is_gone then return true end
  end
  return false
end

-- What to do with a container: its parts are looked at one by one where both values are of its kind.
local function plan_of_container(node, new)
  if yaml_value.kind(node.data) ~= node.kind or yaml_value.kind(new) ~= node.kind then return nil end
  if next(node.data) == nil or next(new) == nil then return nil end
  local match_children = node.kind == "list" and match_list or match_map
  match_children(node, new)
  return has_kept_child(node) and "parts" or "replace"
end

--- Notes in a node and all below it what they are to become: `new`, the value; `plan`, which is "keep",
--- "replace", "parts" or "alias"; in children `is_gone`, in containers `added`.
---@param node anyreach.yaml_node
---@param new any
function match.assign(node, new)
  node.new = new
  if node.kind == "alias" then
    node.plan = "alias"
    return
  end
  local plan = node.children and not node.is_markless and plan_of_container(node, new)
  local may_stay = yaml_value.same(node.data, new) and not node.has_alias
  node.plan = plan or may_stay and "keep" or "replace"
end

return match
