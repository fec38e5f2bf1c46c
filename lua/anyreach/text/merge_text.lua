-- Three-way merge of texts: what each side has changed since the base is taken, first by lines, then by words. A merge
-- is clean when something that neither side has changed stands between the changes of the two; else there is none.
-- Pure.

local sequence = require "anyreach.text.word_diff.sequence"
local word_diff = require "anyreach.text.word_diff"

-- The changes from a base: {first, last, a list of what is there instead}; last is first - 1 where something is added.
local function changes_from(base, side, budget)
  local found = {}
  for _, hunk in ipairs(sequence.hunks(base, side, budget)) do
    if not hunk.is_same then
      found[#found + 1] = { first = hunk.a_first, last = hunk.a_last,
        text = table.concat(side, "", hunk.b_first, hunk.b_last) }
    end
  end
  return found
end

local function is_same_change(a, b)
  return a.first == b.first and a.last == b.last and a.text == b.text
end

-- True when the base has something between two changes that separates them.
local function are_apart(a, b, base, is_separator)
  local earlier, later = a, b
  if later.first < earlier.first or later.first == earlier.first and later.last < earlier.last then
    earlier, later = later, earlier
  end
  for index = earlier.last + 1, later.first - 1 do
    if is_separator(base[index]) then return true end
  end
  return false
end

-- The changes of both sides in the order of the base; nil when two of them meet.
local function join(ours, theirs, base, is_separator)
  local all = table.move(ours, 1, #ours, 1, {})
  for _, change in ipairs(theirs) do
    local is_new = true
    for _, other in ipairs(ours) do
      if is_same_change(change, other) then
        is_new = false
      elseif not are_apart(change, other, base, is_separator) then
        return nil
      end
    end
    if is_new then all[#all + 1] = change end
  end
  table.sort(all, function(a, b) return a.first < b.first end)
  return all
end

local function apply(base, changes)
  local parts, position = {}, 1
  for _, change in ipairs(changes) do
    parts[#parts + 1] = table.concat(base, "", position, change.first - 1)
    parts[#parts + 1] = change.text
    position = change.last + 1
  end
  parts[#parts + 1] = table.concat(base, "", position)
  return table.concat(parts)
end

local function merge_by(split, is_separator, base, ours, theirs)
  local budget, elements = sequence.budget(), split(base)
  local changes = join(changes_from(elements, split(ours), budget), changes_from(elements, split(theirs), budget),
    elements, is_separator)
  return changes and apply(elements, changes)
end

local function is_any() return true end

local function is_word(text) return text:find("[%w\x80-\xFF]") ~= nil end

--- The text with the changes of both sides, or nil when they meet. What has no white space, such as an address or the
--- name of a model, is one word.
---@param base string
---@param ours string
---@param theirs string
---@return string|nil
return function(base, ours, theirs)
  if ours == theirs or theirs == base then return ours end
  if ours == base then return theirs end
  return merge_by(word_diff.split_lines, is_any, base, ours, theirs)
    or base:find("%s") and merge_by(word_diff.split_words, is_word, base, ours, theirs)
    or nil
end
