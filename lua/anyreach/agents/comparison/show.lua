-- Comparisons as people and as machines read them.

local color = require "anyreach.text.color"
local comparison = require "anyreach.agents.comparison"
local diff_text = require "anyreach.text.diff_text"
local host = require "anyreach.host"
local terminal_text = require "anyreach.text.terminal_text"
local redaction = require "anyreach.text.redaction"
local report = require "anyreach.report"

local show = {}

---@class anyreach.comparison_sides
---@field before string name of the side whose values are shown as removed
---@field after string
---@field extra string what an agent is told to be that only the side `before` has

local function print_event(result)
  report.event("agent", {
    name = result.name,
    file = result.file,
    status = result.status,
    ahead = result.ahead,
    agent_id = result.agent_id,
    agent_version = result.version,
    newer_draft = result.draft,
    differences = diff_text.events(result.differences),
    error = report.error_event(result.error),
  })
end

-- {====== lines ======

local ahead_words = {
  files = "the files are ahead",
  organization = "the organisation is ahead",
  both = "both have changed",
  unknown = "who is ahead is not known: the lock does not tell",
}

local function version_text(result)
  return result.version and "version " .. result.version or nil
end

local details = {
  same = function(result) return { version_text(result) } end,
  differs = function(result) return { version_text(result), ahead_words[result.ahead] } end,
  missing = function(_, sides) return { ("%s has no such agent"):format(sides.before) } end,
  extra = function(_, sides) return { sides.extra } end,
  failed = function(result) return { (tostring(result.error):gsub("%c+", " ")) } end,
}

local function line_of(result, sides, width)
  local parts = details[result.status](result, sides)
  local list = {}
  for index = 1, 2 do list[#list + 1] = parts[index] end
  if result.draft then list[#list + 1] = ("the newer draft %d is not compared"):format(result.draft) end
  local name = terminal_text.cell(result.name, width)
  local line = ("%-7s  %s  %s"):format(result.status, name, table.concat(list, "; "))
  return redaction.printable(line):match("^.*%S") or ""
end

-- Which side the marks, or the colours, stand for.
local function print_legend(sides)
  if color.enabled("stdout") then
    report.note(color.paint("%s", "red") .. " " .. color.paint("%s", "green"), sides.before, sides.after)
  else
    report.note("[-%s-] {+%s+}", sides.before, sides.after)
  end
end

local function print_lines(results, sides, options)
  local width, has_differences = terminal_text.column_width(results), false
  for _, result in ipairs(results) do
    has_differences = has_differences or #result.differences > 0
  end
  if has_differences then print_legend(sides) end
  local render = { color = color.enabled("stdout"), width = host.terminal_size("stdout") }
  for _, result in ipairs(results) do
    local is_shown = result.status ~= "same" or not (options.only_drift or host.options.quiet)
    if is_shown then
      print(line_of(result, sides, width))
      for _, line in ipairs(diff_text.lines(result.differences, render)) do print(line) end
    end
  end
end

-- }======

-- Prints the counts, and returns them as fields of the summary.
local function summarize(results)
  local counts = comparison.count(results)
  local parts = {}
  for _, status in ipairs { "same", "differs", "missing", "extra", "failed" } do
    if counts[status] > 0 or status == "same" then parts[#parts + 1] = counts[status] .. " " .. status end
  end
  report.line("%d %s: %s", counts.total, counts.total == 1 and "agent" or "agents", table.concat(parts, ", "))
  return {
    agents = counts.total, same = counts.same, differs = counts.differs, missing = counts.missing,
    extra = counts.extra, failed = counts.failed,
  }
end

--- Shows the results of a comparison.
---@param results anyreach.compared[]
---@param sides anyreach.comparison_sides
---@param options? {only_drift?: boolean}
---@return table counts of each status
function show.results(results, sides, options)
  options = options or {}
  if report.is_json() then
    for _, result in ipairs(results) do
      if result.status ~= "same" or not options.only_drift then print_event(result) end
    end
  else
    print_lines(results, sides, options)
  end
  return summarize(results)
end

return show
