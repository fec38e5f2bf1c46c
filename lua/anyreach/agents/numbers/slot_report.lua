-- Phone numbers and slot changes as lines for people and as events, for recipes.

local json = require "anyreach.json"
local printable = require("anyreach.text.terminal_text").printable
local report = require "anyreach.report"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slots = require "anyreach.agents.numbers.slots"
local text_width = require "anyreach.text_width"

local slot_report = {}

-- {====== the table ======

local function holder_text(holder)
  if not holder then return "-" end
  local text = slot_changes.name(holder)
  local is_old = holder.newest and holder.newest ~= holder.version
  return is_old and ("%s (newest %d)"):format(text, holder.newest) or text
end

local function trunk_text(number, trunks)
  local id = number.phone_number.trunk_id
  return type(id) == "string" and (trunks[id] or id) or "-"
end

local function pad(text, width)
  return text .. (" "):rep(width - text_width.of(text))
end

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, text in ipairs(row) do widths[column] = math.max(widths[column] or 0, text_width.of(text)) end
  end
  return widths
end

--- The table of which version answers where.
---@param numbers anyreach.number[]
---@param trunks table<string, string> names by id
---@return string[] lines
function slot_report.table(numbers, trunks)
  local rows, lines = { { "NUMBER", "INBOUND", "OUTBOUND", "TRUNK" } }, {}
  for _, number in ipairs(numbers) do
    rows[#rows + 1] = {
      printable(number.number), printable(holder_text(number.inbound)), printable(holder_text(number.outbound)),
      printable(trunk_text(number, trunks)),
    }
  end
  local widths = widths_of(rows)
  for index, row in ipairs(rows) do
    local cells = {}
    for column, text in ipairs(row) do cells[column] = column < #row and pad(text, widths[column]) or text end
    lines[index] = table.concat(cells, "  ")
  end
  return lines
end

-- }======

-- {====== events ======

--- What a slot holds, as a part of an event; a null for nothing.
---@param holder anyreach.holder|nil
function slot_report.holder_event(holder)
  if not holder then return json.null end
  return {
    agent = holder.agent, agent_id = holder.agent_id, agent_version = holder.version,
    agent_version_id = holder.version_id, newest_version = holder.newest,
  }
end

--- Prints a number as an event.
---@param number anyreach.number
---@param trunks table<string, string> names by id
function slot_report.number_event(number, trunks)
  local trunk_id = number.phone_number.trunk_id
  local event = { phone_number = number.number, trunk_id = trunk_id, trunk = trunks[trunk_id] }
  for _, slot in ipairs(slots.names) do event[slot] = slot_report.holder_event(number[slot]) end
  report.event("number", event)
end

local function change_event(change, outcome)
  report.event("slot", {
    phone_number = change.number, slot = change.slot, outcome = outcome,
    from = slot_report.holder_event(change.from), to = slot_report.holder_event(change.to),
  })
end

-- }======

-- {====== changes ======

local OUTCOMES = {
  planned = "to do", done = "done", failed = "failed", may_have_been_done = "may be done",
  not_attempted = "not attempted",
}

local function step_line(step)
  local outcome = step.outcome or "planned"
  if report.is_json() then
    for _, change in ipairs(step.changes) do change_event(change, outcome) end
    return
  end
  for _, change in ipairs(step.changes) do
    report.line("%-13s  %s", OUTCOMES[outcome], slot_changes.describe_change(change))
  end
end

--- Prints what steps do to the slots, with their outcome: a line, or an event, for each slot.
---@param steps anyreach.slot_step[]
function slot_report.steps(steps)
  for _, step in ipairs(steps) do step_line(step) end
end

-- }======

return slot_report
