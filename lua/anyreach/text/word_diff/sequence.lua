-- What two lists have in common, in order: the shortest edit script by Myers' algorithm, as long as it
-- is cheap to find, else the parts between elements that occur once on both sides (patience). The work
-- is bounded by a budget that the caller may share among several comparisons; when it is used up, what
-- is left counts as different. Pure; elements are compared by ==.

local sequence = {}

local MAX_EDITS = 600 -- of one search: it takes memory with the square of it
local MAX_DEPTH = 12 -- of searches between elements that occur once

---@class anyreach.diff_budget
---@field steps integer what may still be spent; a step is a comparison of two elements

--- A budget for comparisons: four million steps take less than a second.
---@param steps? integer
---@return anyreach.diff_budget
function sequence.budget(steps)
  return { steps = steps or 4000000 }
end

-- One comparison of a[a_first..a_last] with b[b_first..b_last]. `matches[i] = j` collects pairs.
local compare_range

-- {====== Myers ======

-- Follows the furthest path back to its start, and notes the pairs on it. Rows hold the x reached on
-- each diagonal k with d edits, at (k + d) / 2 + 1.
local function note_path(matches, rows, range, d, x, y)
  while x > 0 or y > 0 do
    local previous_x, previous_y = 0, 0
    if d > 0 then
      local row, k = rows[d - 1], x - y
      local i = (k + d) // 2 + 1
      local is_insertion = k == -d or (k ~= d and row[i - 1] < row[i])
      previous_x = is_insertion and row[i] or row[i - 1]
      previous_y = previous_x - (is_insertion and k + 1 or k - 1)
    end
    while x > previous_x and y > previous_y do
      matches[range.a_first + x - 1] = range.b_first + y - 1
      x, y = x - 1, y - 1
    end
    x, y, d = previous_x, previous_y, d - 1
  end
end

-- The row of d edits, and the end when it is reached.
local function next_row(a, b, range, row, d, budget)
  local next, n, m = {}, range.a_last - range.a_first + 1, range.b_last - range.b_first + 1
  local a_offset, b_offset = range.a_first, range.b_first
  for i = 1, d + 1 do
    local k = 2 * (i - 1) - d
    local is_insertion = i == 1 or (i ~= d + 1 and row[i - 1] < row[i])
    local x = d == 0 and 0 or is_insertion and row[i] or row[i - 1] + 1
    local y, start = x - k, x
    while x < n and y < m and a[a_offset + x] == b[b_offset + y] do x, y = x + 1, y + 1 end
    budget.steps = budget.steps - (x - start) - 1
    next[i] = x
    if x >= n and y >= m then return next, true end
  end
  return next, false
end

-- Notes the pairs of the shortest edit script; false when it is too long or too expensive.
local function shortest(matches, a, b, range, budget)
  local rows = {}
  for d = 0, MAX_EDITS do
    if budget.steps <= 0 then return false end
    local row, is_end = next_row(a, b, range, rows[d - 1], d, budget)
    rows[d] = row
    if is_end then
      note_path(matches, rows, range, d, range.a_last - range.a_first + 1, range.b_last - range.b_first + 1)
      return true
    end
  end
  return false
end

-- }======

-- {====== patience ======

-- element -> its index when it occurs once in list[first..last], false when more often.
local function places(list, first, last)
  local found = {}
  for index = first, last do
    local element = list[index]
    if found[element] == nil then found[element] = index else found[element] = false end
  end
  return found
end

-- Pairs {i, j} of elements that occur once on both sides, in the order of `a`.
local function unique_pairs(a, b, range, budget)
  budget.steps = budget.steps - (range.a_last - range.a_first) - (range.b_last - range.b_first)
  local in_a, in_b = places(a, range.a_first, range.a_last), places(b, range.b_first, range.b_last)
  local pairs_found = {}
  for index = range.a_first, range.a_last do
    local element = a[index]
    if in_a[element] and in_b[element] then pairs_found[#pairs_found + 1] = { index, in_b[element] } end
  end
  return pairs_found
end

-- How many of the piles end before place `j`, by bisection.
local function piles_before(piles, j)
  local low, high = 0, #piles
  while low < high do
    local middle = (low + high + 1) // 2
    if piles[middle][2] < j then low = middle else high = middle - 1 end
  end
  return low
end

-- The longest sublist of pairs that rises on both sides.
local function longest_rising(list)
  local piles = {}
  for _, pair in ipairs(list) do
    local count = piles_before(piles, pair[2])
    pair.before = piles[count]
    piles[count + 1] = pair
  end
  local rising, pair = {}, piles[#piles]
  for index = #piles, 1, -1 do
    rising[index], pair = pair, pair.before
  end
  return rising
end

local function compare_between_anchors(matches, a, b, range, budget, depth)
  local anchors = depth < MAX_DEPTH and budget.steps > 0 and longest_rising(unique_pairs(a, b, range, budget)) or {}
  if #anchors == 0 then return end
  local a_first, b_first = range.a_first, range.b_first
  for _, anchor in ipairs(anchors) do
    matches[anchor[1]] = anchor[2]
    compare_range(matches, a, b,
      { a_first = a_first, a_last = anchor[1] - 1, b_first = b_first, b_last = anchor[2] - 1 }, budget, depth + 1)
    a_first, b_first = anchor[1] + 1, anchor[2] + 1
  end
  compare_range(matches, a, b,
    { a_first = a_first, a_last = range.a_last, b_first = b_first, b_last = range.b_last }, budget, depth + 1)
end

-- }======

-- Notes what both begin with and end with, and narrows the range to what is between.
local function trim(matches, a, b, range)
  while range.a_first <= range.a_last and range.b_first <= range.b_last
    and a[range.a_first] == b[range.b_first] do
    matches[range.a_first] = range.b_first
    range.a_first, range.b_first = range.a_first + 1, range.b_first + 1
  end
  while range.a_first <= range.a_last and range.b_first <= range.b_last
    and a[range.a_last] == b[range.b_last] do
    matches[range.a_last] = range.b_last
    range.a_last, range.b_last = range.a_last - 1, range.b_last - 1
  end
end

function compare_range(matches, a, b, range, budget, depth)
  trim(matches, a, b, range)
  if range.a_first > range.a_last or range.b_first > range.b_last then return end
  if shortest(matches, a, b, range, budget) then return end
  compare_between_anchors(matches, a, b, range, budget, depth)
end

--- Which elements of two lists belong together: both sides rise.
---@generic T
---@param a T[]
---@param b T[]
---@param budget anyreach.diff_budget
---@return table<integer, integer> matches index in `a` -> index in `b`
function sequence.matches(a, b, budget)
  local matches = {}
  compare_range(matches, a, b, { a_first = 1, a_last = #a, b_first = 1, b_last = #b }, budget, 0)
  return matches
end

---@class anyreach.hunk a run of elements that match, or a change of some elements to others
---@field is_same boolean
---@field a_first integer
---@field a_last integer a_first - 1 when nothing of `a` belongs to it
---@field b_first integer
---@field b_last integer

-- The hunk that begins at a[i] and b[j].
local function hunk_at(matches, a_count, b_count, i, j)
  local is_same = matches[i] == j
  local a_last, b_last = i - 1, j - 1
  if is_same then
    while a_last < a_count and matches[a_last + 1] == b_last + 1 do a_last, b_last = a_last + 1, b_last + 1 end
  else
    while a_last < a_count and not matches[a_last + 1] do a_last = a_last + 1 end
    b_last = (matches[a_last + 1] or b_count + 1) - 1
  end
  return { is_same = is_same, a_first = i, a_last = a_last, b_first = j, b_last = b_last }
end

--- The hunks of two lists, from the first element to the last.
---@generic T
---@param a T[]
---@param b T[]
---@param budget anyreach.diff_budget
---@return anyreach.hunk[]
function sequence.hunks(a, b, budget)
  local matches, hunks, i, j = sequence.matches(a, b, budget), {}, 1, 1
  while i <= #a or j <= #b do
    local hunk = hunk_at(matches, #a, #b, i, j)
    hunks[#hunks + 1] = hunk
    i, j = hunk.a_last + 1, hunk.b_last + 1
  end
  return hunks
end

return sequence
