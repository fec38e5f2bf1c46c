-- Lines that report what provisioning did or would do: one line an agent, and a summary. The recipes `provision` and
-- `promote` print them.

local diff_text = require "anyreach.text.diff_text"
local takeovers = require "anyreach.agents.provision.takeovers"
local terminal_text = require "anyreach.text.terminal_text"

local printable = terminal_text.printable

local lines = {}

local PATHS_SHOWN = 4 -- of what differs, on one line

-- Action of a result, or of what is only planned -> the word for it.
local words = {
  created = "created",
  updated = "updated",
  create = "to create",
  update = "to update",
  unchanged = "unchanged",
  failed = "failed",
  not_tried = "not tried",
}

local function paths_text(paths)
  if not paths or #paths == 0 then return "" end
  local shown = table.concat(paths, ", ", 1, math.min(#paths, PATHS_SHOWN))
  if #paths > PATHS_SHOWN then shown = ("%s and %d more"):format(shown, #paths - PATHS_SHOWN) end
  return " (" .. shown .. ")"
end

local function version_name(result)
  return result.version and "version " .. result.version or "new version"
end

-- Whom the slots of a number are taken from; "" when nobody else holds them.
local function taken_text(step, number, agent_id)
  local parts, seen = {}, {}
  for _, slot in ipairs(step.slots or {}) do
    local before = slot.phone_number == number and slot.before
    if before and before.agent_id ~= agent_id and not seen[before.version_id] then
      seen[before.version_id] = true
      parts[#parts + 1] = takeovers.holder_text(before)
    end
  end
  return #parts > 0 and ", taken from " .. table.concat(parts, " and ") or ""
end

local function numbers_text(step, result)
  local parts, is_taken = {}, false
  for index, number in ipairs(step.phone_numbers or {}) do
    local taken = taken_text(step, number, result.agent_id)
    is_taken = is_taken or taken ~= ""
    parts[index] = ("%s %s%s"):format(number, step.direction, taken)
  end
  return table.concat(parts, is_taken and "; " or ", ")
end

-- Action of a step -> its effect in words.
local effects = {
  create_agent = function() return "agent created" end,
  update_agent = function(step) return "agent changed" .. paths_text(step.changes) end,
  create_version = function(_, result) return version_name(result) .. " created" end,
  update_version = function(_, result) return version_name(result) .. " written" end,
  generate = function() return "instructions generated" end,
  publish = function(step, result)
    local numbers = numbers_text(step, result)
    if not step.publishes then return numbers end
    return version_name(result) .. " published" .. (numbers ~= "" and "; " .. numbers or "")
  end,
  deploy_as_sip = function(_, result) return "deployed as " .. (result.sip_address or "SIP") end,
}

local function effect(step, result)
  return effects[step.action](step, result)
end

-- A version, published or a draft, is named once, with what differs.
local function version_effect(step, result)
  local is_new = result.action == "created" or result.action == "create"
  local changes = is_new and "" or paths_text(result.changes)
  if step.action ~= "publish" then return "draft " .. (result.version or "version") .. " written" .. changes end
  local numbers = numbers_text(step, result)
  return version_name(result) .. " published" .. changes .. (numbers ~= "" and "; " .. numbers or "")
end

-- The step that is reported for all that was done to the version: publishing it, else writing it.
local function main_version_step(steps)
  local found
  for _, step in ipairs(steps) do
    if step.action == "publish" and step.publishes then return step end
    if step.action == "create_version" or step.action == "update_version" then found = found or step end
  end
  return found
end

local hidden = { create_agent = true, create_version = true, update_version = true }

-- What becomes of drafts that were not written from here; nil when there are none.
local function drafts_text(result)
  local parts = {}
  if result.draft_used then parts[1] = ("draft %d, not written from here, is used"):format(result.draft_used) end
  local other = result.draft_left_alone
  if other then
    local whose = result.is_own_draft and "the newer draft %d" or "draft %d, not written from here,"
    parts[#parts + 1] = whose:format(other) .. " is left alone"
  end
  return #parts > 0 and table.concat(parts, "; ") or nil
end

local function effects_text(result)
  local parts, main = {}, main_version_step(result.steps)
  for _, step in ipairs(result.steps) do
    if step == main then
      parts[#parts + 1] = version_effect(step, result)
    elseif not hidden[step.action] then
      parts[#parts + 1] = effect(step, result)
    end
  end
  parts[#parts + 1] = drafts_text(result)
  return table.concat(parts, "; ")
end

local function unchanged_text(result)
  local parts = { result.version and "version " .. result.version }
  parts[#parts + 1] = drafts_text(result)
  return table.concat(parts, "; ")
end

local function failed_text(result)
  local parts = { (tostring(result.error):gsub("%c+", " ")) }
  for _, step in ipairs(result.steps) do
    if step.outcome == "done" then parts[#parts + 1] = effect(step, result) end
  end
  if #parts == 1 then return parts[1] end
  return parts[1] .. "; done before: " .. table.concat(parts, ", ", 2)
end

local function fields_text(list)
  local names = {}
  for index = 1, math.min(#list, PATHS_SHOWN) do names[index] = list[index].path end
  if #list > PATHS_SHOWN then names[#names + 1] = ("%d more"):format(#list - PATHS_SHOWN) end
  return table.concat(names, ", ")
end

local function kept_text(kept)
  local since = kept[1].since_version and "version " .. kept[1].since_version or "the last run"
  local by = kept[1].written_by and ("written by '%s'"):format(kept[1].written_by) or "changed in the organisation"
  return ("kept: %s, %s since %s; 'export' takes it into the file, --ours overwrites it"):format(fields_text(kept), by,
    since)
end

-- What the organisation has changed since; nil when that is nothing.
local function drift_text(result)
  local parts, merged, lists = {}, result.merged or {}, { {}, {} }
  for _, kept in ipairs(result.kept or {}) do table.insert(lists[kept.written_by and 2 or 1], kept) end
  for _, list in ipairs(lists) do
    if #list > 0 then parts[#parts + 1] = kept_text(list) end
  end
  if #merged > 0 then
    local text = "merged: %s, changed on both sides; 'export' takes it into the file"
    parts[#parts + 1] = text:format(fields_text(merged))
  end
  return #parts > 0 and table.concat(parts, "; ") or nil
end

local DELETED = "was deleted in the organisation since; made anew"

local function detail_of(result, describe)
  local text = describe(result)
  local parts = { text ~= "" and text or nil }
  local is_new = result.action == "create" or result.action == "created"
  if result.was_deleted and is_new then parts[#parts + 1] = DELETED end
  if result.action ~= "failed" then parts[#parts + 1] = drift_text(result) end
  return table.concat(parts, "; ")
end

local details = {
  created = effects_text,
  updated = effects_text,
  create = effects_text,
  update = effects_text,
  unchanged = unchanged_text,
  failed = failed_text,
  not_tried = function() return "" end,
}

--- One line on a result, or on what is to be done.
---@param result anyreach.provision_result|anyreach.change
---@param name_width? integer of the column of names
---@return string
function lines.line(result, name_width)
  local name = terminal_text.cell(result.name, name_width)
  local line = ("%-9s  %s  %s"):format(words[result.action], name, detail_of(result, details[result.action]))
  return printable(line:match("^.*%S") or "")
end

local DONE = { "created", "updated", "unchanged", "failed" }
local PLANNED = { "create", "update", "unchanged", "failed" }

--- One line on an agent that no file describes any more.
---@param item anyreach.orphan
---@return string
function lines.orphan(item)
  local word = item.action == "delete" and "to delete" or item.action
  local detail = item.error and tostring(item.error):gsub("%c+", " ") or "no file describes it any more"
  return printable(("%-9s  %s  %s"):format(word, terminal_text.cell(item.name), detail))
end

--- What changes in an agent and in the version in use, in lines below that of the agent; none of a new agent.
---@param result anyreach.provision_result|anyreach.change
---@param options? anyreach.diff_text_options
---@return string[]
function lines.differences(result, options)
  if result.action ~= "update" and result.action ~= "updated" then return {} end
  local list = {}
  for _, step in ipairs(result.steps) do
    if step.action == "update_agent" then table.move(step.differences, 1, #step.differences, 1, list) end
  end
  table.move(result.differences, 1, #result.differences, #list + 1, list)
  return diff_text.lines(list, options)
end

--- The counts of all results.
---@param counts table<string, integer> by action, and `total`
---@param is_check boolean? nothing was done
---@return string
function lines.summary(counts, is_check)
  local parts = {}
  for index, action in ipairs(is_check and PLANNED or DONE) do
    parts[index] = ("%d %s"):format(counts[action], words[action])
  end
  if (counts.not_tried or 0) > 0 then parts[#parts + 1] = ("%d not tried"):format(counts.not_tried) end
  local noun = counts.total == 1 and "agent" or "agents"
  return ("%d %s: %s"):format(counts.total, noun, table.concat(parts, ", "))
end

return lines
