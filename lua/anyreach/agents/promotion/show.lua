-- Promotion for people and as events: what each agent gets, and where both sides have changed a field.

local color = require "anyreach.text.color"
local diff_text = require "anyreach.text.diff_text"
local json = require "anyreach.json"
local report = require "anyreach.report"
local text = require "anyreach.agents.provision.text"

local show = {}

-- The line of provisioning, and where the version comes from.
local function line_of(item, result)
  return ("%s (from version %d)"):format(text.line(result), item.choice.version.version)
end

-- {====== conflicts ======

local function difference(path, before, after)
  local change = before == nil and "added" or after == nil and "removed" or "changed"
  return { path = path, change = change, before = before, after = after }
end

-- What one side has done to the fields since the base; or where there is none, what it would do to the target.
local function side_differences(item, side)
  local list = {}
  for index, conflict in ipairs(item.conflicts) do
    local before = conflict.target
    if item.base then before = conflict.base end
    list[index] = difference(conflict.path, before, conflict[side])
  end
  return list
end

local function side_lines(item, side, heading)
  report.line("  %s", heading)
  local options = { indent = 4, color = color.enabled("stdout") }
  report.lines(diff_text.lines(side_differences(item, side), options))
end

local function conflict_lines(item, options)
  if not item.base then return side_lines(item, "source", ("from %s to %s:"):format(options.to, options.from)) end
  side_lines(item, "source", options.from .. ":")
  side_lines(item, "target", options.to .. ":")
end

local function conflict_events(item)
  local list = json.array {}
  for index, conflict in ipairs(item.conflicts) do
    local path, event = conflict.path, { path = conflict.path }
    for _, side in ipairs { "base", "source", "target" } do event[side] = diff_text.value(path, conflict[side]) end
    list[index] = event
  end
  return list
end

-- }======

-- {====== items ======

local function difference_lines(item)
  report.lines(diff_text.lines(item.differences, { color = color.enabled("stdout") }))
end

local function print_event(item, action, result)
  local change = result or item.change or {}
  report.event("agent", {
    name = item.name, from_agent_id = item.choice.agent.id, from_version = item.choice.version.version,
    action = action, agent_id = change.agent_id or item.state.agent and item.state.agent.id,
    agent_version = change.version, changes = diff_text.events(item.differences),
    conflicts = conflict_events(item), error = report.error_event(result and result.error),
  })
end

local sentences = {
  conflict = "both have changed %s; decide with --ours, --theirs or --skip",
  skipped = "both have changed %s",
}

local function count_fields(item)
  return #item.conflicts == 1 and "a field" or #item.conflicts .. " fields"
end

--- Shows what is planned for an agent.
---@param item anyreach.promotion_item
---@param options {from: string, to: string} names of the profiles
function show.plan(item, options)
  if report.is_json() then return print_event(item, item.action) end
  local sentence = sentences[item.action]
  if sentence then
    report.line("%-9s  %s  " .. sentence, item.action, item.name, count_fields(item))
    return conflict_lines(item, options)
  end
  report.line("%s", line_of(item, item.change))
  difference_lines(item)
end

--- Shows what has become of an agent.
---@param item anyreach.promotion_item
---@param result anyreach.provision_result
function show.result(item, result)
  if report.is_json() then return print_event(item, result.action, result) end
  report.line("%s", line_of(item, result))
  if result.action == "updated" then difference_lines(item) end
end

-- }======

local order = { "created", "updated", "create", "update", "unchanged", "conflict", "skipped", "failed" }

local words = { create = "to create", update = "to update", conflict = "in conflict" }

-- Publishing alone moves no number: what calls reach is still the version before.
local function note_numbers(items, options)
  if options.numbers or options.publish == false then return end
  for _, item in ipairs(items) do
    if item.action == "update" then
      return report.note("phone numbers stay with the versions that they have; 'anyreach run numbers' shows and moves "
        .. "them")
    end
  end
end

--- Shows how many agents there were of each kind, and returns it.
---@param items anyreach.promotion_item[]
---@param results table<anyreach.promotion_item, anyreach.provision_result>
---@param options anyreach.promotion_options|{numbers?: boolean}
---@return table counts by action, and `agents`
function show.summary(items, results, options)
  local counts, parts = {}, {}
  for _, item in ipairs(items) do
    local action = results[item] and results[item].action or item.action
    counts[action] = (counts[action] or 0) + 1
  end
  for _, action in ipairs(order) do
    if counts[action] then parts[#parts + 1] = ("%d %s"):format(counts[action], words[action] or action) end
  end
  report.line("%d %s: %s", #items, #items == 1 and "agent" or "agents", table.concat(parts, ", "))
  note_numbers(items, options)
  counts.agents = #items
  return counts
end

return show
