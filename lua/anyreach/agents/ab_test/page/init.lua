-- The status of an experiment as one page: no scripts, nothing from the network, light and dark, for a screen, a phone
-- or paper. Tables have what the plots show. The page is HTML and well-formed XML.

local files = require "anyreach.files"
local markup = require "anyreach.agents.ab_test.page.markup"
local plots = require "anyreach.agents.ab_test.page.plots"
local presentation = require "anyreach.agents.ab_test.presentation"

local page = {}

local e = markup.element

-- {====== tables ======

local function cells(name, values, class)
  local row = {}
  for index, value in ipairs(values) do row[index] = e(name, { class = class and class[index], value }) end
  return row
end

local function heading_row(values)
  local row = {}
  for index, value in ipairs(values) do row[index] = e("th", { scope = "col", value }) end
  return e("thead", { e("tr", row) })
end

-- A row whose first cell is its heading.
local function body_row(values, classes)
  local row = cells("td", table.move(values, 2, #values, 1, {}), classes)
  table.insert(row, 1, e("th", { scope = "row", values[1] }))
  return e("tr", row)
end

local function table_of(class, headings, rows)
  return e("div", { class = "scroll", e("table", { class = class, heading_row(headings), e("tbody", rows) }) })
end

local function mean(interval, unit)
  return interval and ("%.1f%s"):format(interval.estimate, unit) or "–"
end

local function variants_table(result)
  local rows = {}
  for index, variant in ipairs(result.variants) do
    local rate = variant.rate
    rows[index] = body_row({
      variant.name, presentation.count(variant.conversations), presentation.count(variant.callers),
      presentation.count(variant.successes),
      rate and presentation.percent(rate.estimate) or "–", rate and presentation.percent_range(rate) or "–",
      mean(variant.duration, " s"), mean(variant.turns, ""),
    }, { [5] = "range" })
  end
  return table_of("variants", { "Variant", "Conversations", "Callers", "Successes", "Rate", "95 % interval",
    "Mean duration", "Mean turns" }, rows)
end

-- For each day the conversations of each variant so far, and the differences with their intervals.
local function days_table(result)
  local headings, rows = { "Day" }, {}
  for _, variant in ipairs(result.variants) do headings[#headings + 1] = variant.name end
  for _, comparison in ipairs(result.comparisons) do
    headings[#headings + 1] = ("%s − %s"):format(comparison.name, comparison.against)
    headings[#headings + 1] = "Interval"
  end
  for index, day in ipairs(result.days) do
    local values = { day.date }
    for _, variant in ipairs(result.variants) do values[#values + 1] = presentation.count(day.counts[variant.name]) end
    for _, comparison in ipairs(result.comparisons) do
      local look = day.looks[comparison.name]
      values[#values + 1] = look and markup.minus(presentation.points(look.estimate)) or "–"
      values[#values + 1] = look and markup.minus(presentation.points_range(look)) or "–"
    end
    rows[index] = body_row(values)
  end
  return table_of("days", headings, rows)
end

-- What each slot of the experiment held before it, holds for it, and has since its end.
local function slots_table(state)
  local headings, rows = { "Number", "Slot", "Before", "In the experiment" }, {}
  if state.ended then headings[5] = "Since its end" end
  for index, slot in ipairs(presentation.slots(state)) do
    local values = { slot.number, slot.slot, slot.before, slot.variant }
    values[5] = slot.after
    rows[index] = body_row(values)
  end
  return table_of("slots", headings, rows)
end

-- }======

-- {====== parts ======

local function header(view)
  local state = view.state
  return e("header", {
    e("h1", { state.experiment }),
    e("p", { class = "subtitle", ("%s, %s · %s · success: %s"):format(state.agent.name, state.direction,
      presentation.phase(state), view.success) }),
  })
end

local function verdict(result, outlook)
  local content = { class = "verdict " .. result.verdict, e("strong", { presentation.verdict(result) }) }
  for _, comparison in ipairs(result.comparisons) do
    local figures = markup.minus(presentation.difference(comparison))
    content[#content + 1] = e("p", { ("%s: %s."):format(presentation.comparison(comparison), figures) })
  end
  content[#content + 1] = outlook and e("p", { class = "outlook", outlook }) or nil
  return e("div", content)
end

local function figure(title, caption, plot, legend)
  if not plot then return markup.raw "" end
  return e("figure", { e("figcaption", { e("h2", { title }), e("p", { class = "caption", caption }) }),
    legend or markup.raw "", plot })
end

local function legend(variants)
  local items = { class = "legend" }
  for index, variant in ipairs(variants) do
    items[index] = e("li", {
      e("svg", { viewBox = "0 0 28 10", ["aria-hidden"] = "true", xmlns = "http://www.w3.org/2000/svg",
        e("path", { class = "line " .. plots.class(index), ["stroke-dasharray"] = plots.dashes(index), d = "M1 5H27" }),
      }),
      variant.name,
    })
  end
  return e("ul", items)
end

local function all_plots(result)
  local content = { class = "plots" }
  for index, comparison in ipairs(result.comparisons) do
    local caption = ("In percentage points. The band holds the true difference on all days with a probability of "
      .. "%g %%; once zero lies outside, the verdict is final."):format((1 - comparison.alpha) * 100)
    local title = ("'%s' against '%s', day by day"):format(comparison.name, comparison.against)
    content[#content + 1] = figure(title, caption,
      plots.difference(comparison, result.days, index + 1, #result.comparisons == 1))
  end
  content[#content + 1] = figure("Rates", "Share of successes, with the 95 % interval of one look.",
    plots.rates(result.variants))
  content[#content + 1] = figure("Conversations so far", "Those that have ended and count.",
    plots.conversations(result.variants, result.days), legend(result.variants))
  return e("div", content)
end

local METHOD = "Conversations of one caller count as one cluster. Verdicts come from a confidence sequence (a normal "
  .. "mixture boundary), so they hold however often this page is looked at; the probability of a false one is at most "
  .. "%g over the whole experiment. The variants differ in their numbers: the comparison is as good as the callers "
  .. "of these numbers are alike."

local function notes(view)
  local items = { class = "notes" }
  for _, line in ipairs(presentation.left_out(view)) do items[#items + 1] = e("li", { line }) end
  items[#items + 1] = e("li", { METHOD:format(view.alpha) })
  return e("section", { e("h2", { "Notes" }), e("ul", items) })
end

-- }======

--- The page.
---@param view anyreach.ab_view
---@return string html
function page.make(view)
  local result = view.result
  local head = e("head", {
    e("meta", { charset = "utf-8" }),
    e("meta", { name = "viewport", content = "width=device-width, initial-scale=1" }),
    e("title", { view.state.experiment .. ": " .. presentation.verdict(result) }),
    e("style", { markup.raw(markup.STYLE) }),
  })
  local main = { header(view), verdict(result, presentation.outlook(view)),
    e("section", { e("h2", { "Variants" }), variants_table(result) }) }
  if #result.days > 0 then
    main[#main + 1] = all_plots(result)
    main[#main + 1] = e("section", { e("h2", { "Day by day" }),
      e("p", { class = "caption",
        "Conversations so far, and the differences with the intervals that hold on all days." }),
      days_table(result) })
  end
  main[#main + 1] = e("section", { e("h2", { "Numbers" }), slots_table(view.state) })
  main[#main + 1] = notes(view)
  local html = e("html", { lang = "en", xmlns = "http://www.w3.org/1999/xhtml", head, e("body", { e("main", main) }) })
  return "<!DOCTYPE html>\n" .. tostring(html) .. "\n"
end

--- Writes the page to a file.
---@param path string
---@param view anyreach.ab_view
function page.write(path, view)
  files.write_file(path, page.make(view))
end

return page
