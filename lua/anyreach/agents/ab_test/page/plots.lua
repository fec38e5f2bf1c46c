-- The plots of an experiment: the rates with their intervals, the difference day by day with its confidence
-- sequence, and the conversations so far. Each is an SVG element. Series differ in colour and in dashes. Everything is
-- drawn in one coordinate system of WIDTH units, which the page scales; colours come from the style sheet.

local markup = require "anyreach.agents.ab_test.page.markup"
local presentation = require "anyreach.agents.ab_test.presentation"
local text_width = require "anyreach.text_width"

local plots = {}

local e = markup.element

local WIDTH = 480
local TOP, RIGHT, BOTTOM = 14, 16, 34 -- around the area of the plot
local LABEL_ROOM = 62 -- width of one date below the axis
local ROW_HEIGHT = 44
local DASHES = { "none", "7 4", "2 3", "10 3 2 3" }
local MOST_MARKED = 31 -- points that still get a mark each
local NAME_COLUMNS = 14 -- of a name beside the plot
local HEIGHT, LARGE_HEIGHT = 320, 512
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

-- {====== scales ======

-- A function from values to coordinates.
local function scale(low, high, first, last)
  return function(value)
    local share = math.max(0, math.min(1, (value - low) / (high - low)))
    return first + share * (last - first)
  end
end

--- Round values from `low` to `high`, for an axis.
---@param low number
---@param high number
---@param most integer of them
---@param least? number smallest distance
---@return number[]
function plots.ticks(low, high, most, least)
  local rough = math.max((high - low) / most, least or 0)
  local power = 10.0 ^ math.floor(math.log(rough, 10))
  local step = 10 * power
  for _, factor in ipairs { 5, 2, 1 } do
    if factor * power >= rough * 0.999 then step = factor * power end
  end
  local list = {}
  for index = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do list[#list + 1] = index * step end
  return list
end

-- }======

-- {====== dates ======

--- The days from one date to another, both as "2026-11-23".
---@param from string
---@param to string
---@return integer
function plots.days_between(from, to)
  local function noon(date)
    local year, month, day = date:match "^(%d+)-(%d+)-(%d+)"
    return os.time { year = year, month = month, day = day, hour = 12 }
  end
  return (noon(to) - noon(from) + 43200) // 86400
end

-- "23 Nov"
local function date_label(date)
  local _, month, day = date:match "^(%d+)-(%d+)-(%d+)"
  return ("%d %s"):format(day, MONTHS[tonumber(month)])
end

-- As many of the dates as fit, always with the last one.
local function shown_dates(dates, room)
  local every = math.max(1, math.ceil(#dates / math.max(1, room // LABEL_ROOM)))
  local shown = {}
  for index = #dates, 1, -every do table.insert(shown, 1, dates[index]) end
  return shown
end

-- }======

-- {====== the frame of a plot ======

---@class anyreach.frame
---@field left number
---@field right number
---@field top number
---@field bottom number
---@field height number
---@field parts table[] elements

-- `left` is the room for labels at the left.
local function new_frame(height, left)
  return { left = left, right = WIDTH - RIGHT, top = TOP, bottom = height - BOTTOM, height = height, parts = {} }
end

local function add(self, name, content)
  self.parts[#self.parts + 1] = e(name, content)
end

local function add_text(self, x, y, anchor, text, class)
  add(self, "text", { x = x, y = y, ["text-anchor"] = anchor, class = class or "label", text })
end

-- Draws lines across at values, with their labels at the left.
local function horizontal_grid(self, y, values, format)
  for _, value in ipairs(values) do
    add(self, "line", { class = "grid", x1 = self.left, x2 = self.right, y1 = y(value), y2 = y(value) })
    add_text(self, self.left - 8, y(value) + 4.5, "end", format(value))
  end
end

-- Draws lines down at values, with their labels below.
local function vertical_grid(self, x, values, format)
  for _, value in ipairs(values) do
    add(self, "line", { class = "grid", x1 = x(value), x2 = x(value), y1 = self.top, y2 = self.bottom })
    add_text(self, x(value), self.bottom + 20, "middle", format(value))
  end
end

-- Writes dates below, and returns the scale of dates.
local function date_axis(self, dates)
  local first, last = dates[1], dates[#dates]
  local span = math.max(1, plots.days_between(first, last))
  local inset = LABEL_ROOM / 3 -- so that the outer labels do not stick out
  local at = scale(0, span, self.left + inset, self.right - inset)
  local function x(date) return at(#dates == 1 and span / 2 or plots.days_between(first, date)) end
  for _, date in ipairs(shown_dates(dates, self.right - self.left)) do
    add(self, "line", { class = "tick", x1 = x(date), x2 = x(date), y1 = self.bottom, y2 = self.bottom + 5 })
    add_text(self, x(date), self.bottom + 20, "middle", date_label(date))
  end
  return x
end

-- The plot as an SVG element, with a title and a description for screen readers.
local function finish(self, id, title, description)
  local content = {
    xmlns = "http://www.w3.org/2000/svg", viewBox = ("0 0 %d %d"):format(WIDTH, self.height), role = "img",
    ["aria-labelledby"] = ("%s-title %s-description"):format(id, id),
    e("title", { id = id .. "-title", title }),
    e("desc", { id = id .. "-description", description }),
  }
  table.move(self.parts, 1, #self.parts, #content + 1, content)
  return e("svg", content)
end

-- }======

--- The dashes of a series.
---@param index integer
---@return string
function plots.dashes(index)
  return DASHES[(index - 1) % #DASHES + 1]
end

--- The class of a series, which gives it its colour.
---@param index integer
---@return string
function plots.class(index)
  return "series-" .. (index - 1) % 6 + 1
end

local function short(name)
  return text_width.of(name) <= NAME_COLUMNS and name or text_width.cut(name, NAME_COLUMNS - 1) .. "…"
end

local function percent(value) return ("%g %%"):format(math.floor(value * 1000 + 0.5) / 10) end

local function points(value)
  return value == 0 and "0" or markup.minus(("%+g"):format(math.floor(value * 1000 + 0.5) / 10))
end

-- {====== rates ======

local function rate_bounds(variants)
  local low, high = 1, 0
  for _, variant in ipairs(variants) do
    low, high = math.min(low, variant.rate.low), math.max(high, variant.rate.high)
  end
  local margin = math.max(0.02, (high - low) * 0.1)
  return math.max(0, low - margin), math.min(1, high + margin)
end

local function rate_row(self, x, y, variant, index)
  local rate, class = variant.rate, plots.class(index)
  add_text(self, self.left - 10, y + 4.5, "end", short(variant.name), "name")
  add(self, "line", { class = "interval " .. class, x1 = x(rate.low), x2 = x(rate.high), y1 = y, y2 = y })
  for _, place in ipairs { x(rate.low), x(rate.high) } do
    add(self, "line", { class = "interval " .. class, x1 = place, x2 = place, y1 = y - 5, y2 = y + 5 })
  end
  add(self, "circle", { class = "mark " .. class, cx = x(rate.estimate), cy = y, r = 5.5 })
  add_text(self, x(rate.estimate), y - 11, "middle", presentation.percent(rate.estimate), "value")
end

local function rate_description(variants)
  local parts = {}
  for index, variant in ipairs(variants) do
    parts[index] = ("%s: %s, 95 %% interval %s"):format(variant.name, presentation.percent(variant.rate.estimate),
      presentation.percent_range(variant.rate))
  end
  return table.concat(parts, "; ") .. "."
end

--- The rates of the variants that have one.
---@param variants anyreach.ab_variant[]
---@return table|nil element nil when none has
function plots.rates(variants)
  local shown, indices = {}, {}
  for index, variant in ipairs(variants) do
    if variant.rate then shown[#shown + 1], indices[#indices + 1] = variant, index end
  end
  if #shown == 0 then return nil end
  local self = new_frame(#shown * ROW_HEIGHT + 62, 132)
  local low, high = rate_bounds(shown)
  local x = scale(low, high, self.left, self.right)
  vertical_grid(self, x, plots.ticks(low, high, 6), percent)
  for row, variant in ipairs(shown) do
    rate_row(self, x, self.top + (row - 0.35) * ROW_HEIGHT, variant, indices[row])
  end
  return finish(self, "rates", "Rate of each variant, with its 95 % interval", rate_description(shown))
end

-- }======

-- {====== lines ======

local function path_of(list, x, y, value)
  local parts = {}
  for index, item in ipairs(list) do
    parts[index] = ("%s%.1f %.1f"):format(index == 1 and "M" or "L", x(item.date), y(value(item)))
  end
  return table.concat(parts)
end

local function draw_line(self, list, x, y, value, index)
  local class = plots.class(index)
  add(self, "path", { class = "line " .. class, d = path_of(list, x, y, value),
    ["stroke-dasharray"] = plots.dashes(index) })
  for position, item in ipairs(list) do
    if #list <= MOST_MARKED or position == #list then
      add(self, "circle", { class = "mark " .. class, cx = x(item.date), cy = y(value(item)), r = 3 })
    end
  end
end

local function dates_of(list)
  local dates = {}
  for index, item in ipairs(list) do dates[index] = item.date end
  return dates
end

-- }======

-- {====== differences ======

-- The looks at a comparison, each with its date.
local function looks_of(days, name)
  local looks = {}
  for _, day in ipairs(days) do
    local look = day.looks[name]
    if look then looks[#looks + 1] = { date = day.date, estimate = look.estimate, low = look.low, high = look.high } end
  end
  return looks
end

-- The first intervals are so wide that they would flatten all that follows; they run out of the plot.
local function difference_bounds(looks)
  local low, high = 0, 0
  for index, look in ipairs(looks) do
    low, high = math.min(low, look.estimate), math.max(high, look.estimate)
    if index > #looks // 4 then low, high = math.min(low, look.low), math.max(high, look.high) end
  end
  local margin = (high - low) * 0.06
  return math.max(-1, low - margin), math.min(1, high + margin)
end

local function draw_band(self, looks, x, y, index)
  local upper, lower = {}, {}
  for position, look in ipairs(looks) do
    upper[position] = ("%.1f %.1f"):format(x(look.date), y(look.high))
    lower[#looks + 1 - position] = ("%.1f %.1f"):format(x(look.date), y(look.low))
  end
  local class = plots.class(index)
  add(self, "path", { class = "band " .. class,
    d = "M" .. table.concat(upper, "L") .. "L" .. table.concat(lower, "L") .. "Z" })
  for _, key in ipairs { "low", "high" } do
    add(self, "path", { class = "edge " .. class, d = path_of(looks, x, y, function(look) return look[key] end) })
  end
end

local function draw_decision(self, comparison, x)
  if not comparison.decided then return end
  local place = x(comparison.decided)
  local is_right = place > (self.left + self.right) / 2
  add(self, "line", { class = "decision", x1 = place, x2 = place, y1 = self.top, y2 = self.bottom })
  add_text(self, place + (is_right and -6 or 6), self.top + 11, is_right and "end" or "start",
    comparison.verdict == "moved" and "changed" or "decided", "value")
end

--- The difference of a variant to the first one, day by day.
---@param comparison anyreach.ab_comparison
---@param days anyreach.ab_day[]
---@param index integer of the variant
---@param is_large boolean
---@return table|nil element nil before the first look
function plots.difference(comparison, days, index, is_large)
  local looks = looks_of(days, comparison.name)
  if #looks == 0 then return nil end
  local self = new_frame(is_large and LARGE_HEIGHT or HEIGHT, 52)
  local low, high = difference_bounds(looks)
  local y = scale(low, high, self.bottom, self.top)
  horizontal_grid(self, y, plots.ticks(low, high, 8), points)
  local x = date_axis(self, dates_of(looks))
  draw_band(self, looks, x, y, index)
  add(self, "line", { class = "zero", x1 = self.left, x2 = self.right, y1 = y(0), y2 = y(0) })
  draw_line(self, looks, x, y, function(look) return look.estimate end, index)
  draw_decision(self, comparison, x)
  return finish(self, "difference-" .. index, ("'%s' against '%s', in percentage points"):format(comparison.name,
    comparison.against), ("On %s the difference is %s. Zero is %s all intervals so far."):format(looks[#looks].date,
    markup.minus(presentation.difference(comparison)), comparison.verdict == "undecided" and "inside" or "not inside"))
end

-- }======

-- {====== conversations ======

--- The conversations so far, day by day.
---@param variants anyreach.ab_variant[]
---@param days anyreach.ab_day[]
---@return table|nil element nil without any
function plots.conversations(variants, days)
  local most = 0
  for _, variant in ipairs(variants) do most = math.max(most, variant.conversations) end
  if most == 0 then return nil end
  local self = new_frame(260, 52)
  local y = scale(0, most * 1.05, self.bottom, self.top)
  horizontal_grid(self, y, plots.ticks(0, most * 1.05, 6, 1), presentation.count)
  local x, parts = date_axis(self, dates_of(days)), {}
  for index, variant in ipairs(variants) do
    draw_line(self, days, x, y, function(day) return day.counts[variant.name] end, index)
    parts[index] = ("%s %s"):format(variant.name, presentation.count(variant.conversations))
  end
  local description = "In all: " .. table.concat(parts, ", ") .. "."
  return finish(self, "conversations", "Conversations so far, by day", description)
end

-- }======

return plots
