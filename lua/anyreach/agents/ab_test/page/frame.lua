-- The frame of a plot: scales, ticks, grid and axes. Everything is drawn in one coordinate system of
-- frame.WIDTH units, which the page scales; colours come from the page's style sheet.

local markup = require "anyreach.agents.ab_test.page.markup"

local frame = {}

local e = markup.element

frame.WIDTH = 480
local TOP, RIGHT, BOTTOM = 14, 16, 34 -- around the area of the plot
local LABEL_ROOM = 62 -- for one date below the axis
local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

-- {====== scales ======

--- A function from values to places.
---@param low number
---@param high number more than low
---@param first number place of `low`
---@param last number place of `high`
---@return fun(value: number): number values beyond the ends lie at the ends
function frame.scale(low, high, first, last)
  return function(value)
    local share = math.max(0, math.min(1, (value - low) / (high - low)))
    return first + share * (last - first)
  end
end

--- Round values from `low` to `high`.
---@param low number
---@param high number
---@param most integer of them
---@param least? number smallest distance
---@return number[]
function frame.ticks(low, high, most, least)
  local rough = math.max((high - low) / most, least or 0)
  local power = 10.0 ^ math.floor(math.log(rough, 10))
  local step = 10 * power
  for _, factor in ipairs { 5, 2, 1 } do
    if factor * power >= rough * 0.999 then step = factor * power end
  end
  local ticks = {}
  for index = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do ticks[#ticks + 1] = index * step end
  return ticks
end

-- }======

-- {====== dates ======

--- The days from one date to another, both as "2026-11-23".
---@param from string
---@param to string
---@return integer
function frame.days_between(from, to)
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

-- As many of the dates as there is room for, the last one among them.
local function shown_dates(dates, room)
  local every = math.max(1, math.ceil(#dates / math.max(1, room // LABEL_ROOM)))
  local shown = {}
  for index = #dates, 1, -every do table.insert(shown, 1, dates[index]) end
  return shown
end

-- }======

---@class anyreach.frame
---@field left number
---@field right number
---@field top number
---@field bottom number
---@field height number
---@field parts table[] elements

--- A new frame.
---@param height number
---@param left number room for labels at the left
---@return anyreach.frame
function frame.new(height, left)
  return { left = left, right = frame.WIDTH - RIGHT, top = TOP, bottom = height - BOTTOM, height = height, parts = {} }
end

--- Adds an element.
---@param self anyreach.frame
---@param name string
---@param content table
function frame.add(self, name, content)
  self.parts[#self.parts + 1] = e(name, content)
end

--- Adds a text.
---@param self anyreach.frame
---@param x number
---@param y number
---@param anchor "start"|"middle"|"end"
---@param text string
---@param class? string
function frame.text(self, x, y, anchor, text, class)
  frame.add(self, "text", { x = x, y = y, ["text-anchor"] = anchor, class = class or "label", text })
end

--- Draws lines across at values, with their labels at the left.
---@param self anyreach.frame
---@param y fun(value: number): number
---@param values number[]
---@param format fun(value: number): string
function frame.horizontal_grid(self, y, values, format)
  for _, value in ipairs(values) do
    frame.add(self, "line", { class = "grid", x1 = self.left, x2 = self.right, y1 = y(value), y2 = y(value) })
    frame.text(self, self.left - 8, y(value) + 4.5, "end", format(value))
  end
end

--- Draws lines down at values, with their labels below.
---@param self anyreach.frame
---@param x fun(value: number): number
---@param values number[]
---@param format fun(value: number): string
function frame.vertical_grid(self, x, values, format)
  for _, value in ipairs(values) do
    frame.add(self, "line", { class = "grid", x1 = x(value), x2 = x(value), y1 = self.top, y2 = self.bottom })
    frame.text(self, x(value), self.bottom + 20, "middle", format(value))
  end
end

--- Writes dates below, and returns the scale of dates.
---@param self anyreach.frame
---@param dates string[] sorted
---@return fun(date: string): number
function frame.date_axis(self, dates)
  local first, last = dates[1], dates[#dates]
  local span = math.max(1, frame.days_between(first, last))
  local inset = LABEL_ROOM / 3 -- so that the outer labels do not stick out
  local place = frame.scale(0, span, self.left + inset, self.right - inset)
  local function x(date) return place(#dates == 1 and span / 2 or frame.days_between(first, date)) end
  for _, date in ipairs(shown_dates(dates, self.right - self.left)) do
    frame.add(self, "line", { class = "tick", x1 = x(date), x2 = x(date), y1 = self.bottom, y2 = self.bottom + 5 })
    frame.text(self, x(date), self.bottom + 20, "middle", date_label(date))
  end
  return x
end

--- The whole as an SVG element with a title and a description for those who do not see it.
---@param self anyreach.frame
---@param id string
---@param title string
---@param description string
---@return table element
function frame.finish(self, id, title, description)
  local content = {
    xmlns = "http://www.w3.org/2000/svg", viewBox = ("0 0 %d %d"):format(frame.WIDTH, self.height), role = "img",
    ["aria-labelledby"] = ("%s-title %s-description"):format(id, id),
    e("title", { id = id .. "-title", title }),
    e("desc", { id = id .. "-description", description }),
  }
  table.move(self.parts, 1, #self.parts, #content + 1, content)
  return e("svg", content)
end

return frame
