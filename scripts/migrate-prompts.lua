-- migrate-prompts: puts a folder of prompts into agents (scripts/README.md).

local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local diff_text = require "anyreach.text.diff_text"
local errors = require "anyreach.errors"
local group_write = require "anyreach.agents.group_write"
local host = require "anyreach.host"
local interrupted = require "anyreach.agents.numbers.interrupted"
local json = require "anyreach.json"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local number_state = require "anyreach.agents.numbers.number_state"
local progress = require "anyreach.progress"
local prompts = require "anyreach.agents.prompts"
local recipe = require "anyreach.recipe"
local record = require "anyreach.agents.prompts.record"
local report = require "anyreach.report"
local slot_report = require "anyreach.agents.numbers.slot_report"
local tasks = require "anyreach.client.tasks"

local spec = {
  usage = "anyreach run migrate-prompts DIRECTORY [--publish] [--update-draft|--leave-draft] [--ours|--theirs] "
    .. "[--keep-line-ends] [--force] [--check]",
  summary = "Puts a folder of Markdown prompts into agents; changes nothing but the prompts.",
  options = {
    { name = "publish", writes = { "agents.versions.publish" },
      help = "publish, to the phone numbers that the current version holds" },
    { name = "update-draft", help = "put the prompt into a newer draft that has other changes" },
    { name = "leave-draft", help = "leave such a draft, and make a new version from the published one" },
    { name = "keep-line-ends", help = "take byte order marks and line ends as they are in the files" },
    { name = "ours", help = "where the organisation has changed a prompt: take the folder's" },
    { name = "theirs", help = "where the organisation has changed a prompt: keep it" },
    lock_accounts.option,
    { name = "force", help = "also prompts that grow or shrink by more than half, or whose field is new" },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.versions.create", "agents.versions.update" },
  operands = { name = "a directory of prompts (.md)", min = 1, max = 1 },
  notes = [[
Each .md file directly in the directory is a prompt, except those whose name begins with "_" or ".".
Front matter names its agent, or else the file's name does (riverside-dental.md: "Riverside Dental"):

  ---
  agent: Riverside Dental Scheduler
  field: channel_overrides.text.instructions
  ---

The default `field` is `instructions`; other keys are ignored, with a warning. Lines between rules that are no
front matter belong to the prompt. A byte order mark is left out, and each line ends with "\n".

All problems are reported at once, before anything is written: no such agent, two files for one prompt, an empty
prompt, a prompt whose size changes by more than half.

The prompt goes into a new draft that otherwise equals the published version. A newer draft that was not written
from here is somebody's work: it is named, and without --update-draft or --leave-draft the agent is left alone.

anyreach.lock in the directory notes what was written; commit it. A prompt that only the organisation has changed
since is kept, and named. Changes of both sides are merged where they do not touch; otherwise the agent is left
alone (exit code 11) without --ours or --theirs.

Examples:
  anyreach run migrate-prompts prompts/ --check
  anyreach run migrate-prompts prompts/ --publish]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something would be done (--check)",
    [3] = "a prompt is wrong or its agent does not exist; nothing was written",
    [6] = "the lock or the profile names another organisation; nothing was written",
    [8] = "some agents were changed and others failed; if all failed, the code of the first error",
    [11] = "a newer draft is in the way, both sides have changed a prompt, or another run is writing",
  },
}

-- {====== showing ======

---@class prompt_result
---@field plan anyreach.prompt_plan
---@field action "written"|"published"|"unchanged"|"failed"|"not_tried"
---@field error any
---@field not_tried any what ended the run before

local ACTIONS = {
  written = "written", published = "published", write = "to write", publish = "to publish", unchanged = "unchanged",
  failed = "failed",
}

local function version_name(plan)
  return plan.draft and "version " .. plan.draft.version or "new version"
end

local function draft_name(plan)
  return plan.draft and "draft " .. plan.draft.version or "new draft"
end

local function unchanged_text(plan)
  return plan.draft and draft_name(plan) .. " holds it" or "version " .. plan.current.version
end

local function failed_text(_, err)
  return (tostring(err):gsub("%c+", " "))
end

local details = {
  written = draft_name, write = draft_name, published = version_name, publish = version_name,
  unchanged = unchanged_text, failed = failed_text,
}

-- What else there is to know about an agent: whose texts count, and what becomes of drafts.
local function note_lines(plan)
  local lines, decision = {}, plan.decision or {}
  local function add(list, format)
    for _, prompt in ipairs(list or {}) do
      lines[#lines + 1] = format:format("config." .. prompt.field, prompt.since)
    end
  end
  for _, prompt in ipairs(decision.kept or {}) do
    local by = prompt.written_by and ("written by '%s'"):format(prompt.written_by) or "changed in the organisation"
    add({ prompt }, "kept: %s, " .. by .. " since version %d; --ours overwrites it")
  end
  add(decision.merged, "merged: %s, changed on both sides since version %d")
  add(decision.overwritten, "overwritten: %s, changed in the organisation since version %d")
  if plan.draft_used then lines[#lines + 1] = ("draft %d, not written from here, is used"):format(plan.draft_used) end
  if plan.draft_left_alone then
    lines[#lines + 1] = ("draft %d, not written from here, is left alone"):format(plan.draft_left_alone)
  end
  return lines
end

local function path_list(list)
  local paths = json.array {}
  for index, prompt in ipairs(list or {}) do paths[index] = "config." .. prompt.field end
  return paths
end

local function file_list(plan)
  local list = json.array {}
  for index, prompt in ipairs(plan.prompts) do list[index] = prompt.file end
  return list
end

-- The version that the texts are in, or go to; nil while that is yet to be created.
local function version_of(result)
  local plan = result.plan
  local is_new = result.action == "write" or result.action == "publish"
  local version = plan.draft or not is_new and plan.current or nil
  return version and version.version
end

local function print_event(result)
  local plan = result.plan
  local decision = plan.decision or {}
  report.event("agent", {
    name = plan.agent.name, agent_id = plan.agent.id, files = file_list(plan), action = result.action,
    agent_version = version_of(result),
    base_version = plan.base and plan.base.version, changes = diff_text.events(plan.differences),
    kept = path_list(decision.kept), merged = path_list(decision.merged),
    overwritten = path_list(decision.overwritten), draft_used = plan.draft_used,
    draft_left_alone = plan.draft_left_alone, error = report.error_event(result.error),
  })
end

local function print_result(result)
  if report.is_json() then return print_event(result) end
  local plan, action = result.plan, result.action
  if result.not_tried then return end
  report.line("%-10s  %s  %s", ACTIONS[action], plan.agent.name, details[action](plan, result.error))
  if action == "failed" then return end
  for _, line in ipairs(note_lines(plan)) do report.line("  %s", line) end
  if action == "unchanged" then return end
  report.lines(diff_text.lines(plan.differences, { color = color.enabled("stdout") }))
end

-- }======

-- {====== doing ======

-- Writes the lock. That it cannot be written stops nothing.
local function write(run)
  local problem = run.record:write()
  if problem and not run.has_warned then
    report.warn("the lock was not written: %s", problem)
    run.has_warned = true
  end
end

-- Notes what was done; it is written soon. A run that is killed before leaves drafts and versions that the next one
-- knows by what they hold.
local function note(run, plan, is_published)
  run.record:note(plan, is_published)
  run.group:soon()
end

local function publish(run, plan)
  if not plan.publish then return end
  interrupted.run(run.api, "migrate-prompts: " .. plan.agent.name, prompts.publish_steps(plan, run.phone_numbers))
  note(run, plan, true)
end

local function apply(run, plan)
  local is_changed = plan.draft ~= nil and prompts.writes_draft(plan)
  prompts.write_draft(run.api, plan)
  plan.is_written = prompts.writes_draft(plan)
  note(run, plan, false)
  if is_changed then run.group:finish() end -- by what it holds now, nobody can tell whose the draft is
  publish(run, plan)
end

local function run_one(run, plan)
  if plan.error then return { plan = plan, action = "failed", error = plan.error } end
  plan.is_begun = prompts.is_due(plan)
  local ok, err = pcall(apply, run, plan)
  if not ok then return { plan = plan, action = "failed", error = err } end
  return { plan = plan, action = not prompts.is_due(plan) and "unchanged" or plan.publish and "published" or "written" }
end

local function check_one(run, plan)
  if plan.error then return { plan = plan, action = "failed", error = plan.error } end
  if not prompts.is_due(plan) then return { plan = plan, action = "unchanged" } end
  slot_report.steps(prompts.publish_steps(plan, run.phone_numbers))
  return { plan = plan, action = plan.publish and "publish" or "write" }
end

-- }======

local function exit_code(results, is_check)
  local due = 0
  for _, result in ipairs(results) do
    local kept = result.plan.decision and result.plan.decision.kept or {}
    if result.action ~= "unchanged" or #kept > 0 then due = due + 1 end
  end
  return errors.exit_code_of(results) or is_check and due > 0 and 2 or 0
end

-- The number of agents for each action.
local function count(results)
  local counts = { agents = #results }
  for _, result in ipairs(results) do counts[result.action] = (counts[result.action] or 0) + 1 end
  return counts
end

-- What has failed, in a sentence.
local function failure(results)
  local list = {}
  for index, result in ipairs(results) do
    list[index] = { name = result.plan.agent.name, error = result.error, not_tried = result.not_tried }
  end
  return report.agents_failed(list)
end

local function plan_all(api, path, options)
  local shown <close> = progress.start { label = "comparing" }
  options.on_step = function() shown:step() end
  return prompts.plan(api, path, options)
end

local function options_of(given)
  if given.update_draft and given.leave_draft then
    arguments.fail(spec, "--update-draft and --leave-draft: expected one of them")
  end
  if given.ours and given.theirs then arguments.fail(spec, "--ours and --theirs: expected one of them") end
  local on_draft = given.update_draft and "update" or given.leave_draft and "leave" or nil
  return {
    publish = given.publish, force = given.force, keep_line_ends = given.keep_line_ends, on_draft = on_draft,
    on_warning = function(file, message) report.warn("%s: %s", file, message) end,
  }
end

-- How far it is with an agent, for the report of a run that is stopped.
local function state_of(item)
  local plan, result = item.plan, item.result
  if result then
    local is_over = result.action == "written" or result.action == "published"
    return is_over and "done" or result.action == "not_tried" and "not_begun" or result.action
  end
  if not plan.is_begun then return "not_begun" end
  return "in_progress", plan.is_written and plan.publish and "a draft was written, and may have been published"
    or plan.is_written and "a draft was written" or "a draft may have been written"
end

-- The agents for report.follow, in the order of their plans.
local function follow(plans)
  local items = {}
  for index, plan in ipairs(plans) do items[index] = { name = plan.agent.name, plan = plan } end
  report.follow(items, state_of)
  return items
end

local function main(given)
  local options = options_of(given)
  if given.check then host.restrict_writes {} end
  report.follow {}
  local api = anyreach.client()
  local opened = lock.read(lock.path_in(given[1]))
  recipe.connect(api)
  lock_accounts.begin(opened, { api }, given, recipe.confirm)
  local left = given.publish and interrupted.complete(api, given.check)
  options.record = record.new(api, opened, given.ours and "ours" or given.theirs and "theirs" or nil)
  local plans = plan_all(api, given[1], options)
  local run = { api = api, record = options.record,
    phone_numbers = given.publish and number_state.phone_numbers(api) or {} }
  local group <close> = group_write.new(function() write(run) end)
  run.group = group
  local shown <close> = progress.start { label = "migrating", total = #plans }
  local followed = given.check and {} or follow(plans)
  local results = tasks.each(plans, function(plan)
    return given.check and check_one(run, plan) or run_one(run, plan)
  end, {
    concurrency = 1,
    untried = function(plan, ended) return { plan = plan, action = "not_tried", not_tried = ended } end,
    is_untouched = function(result) return not result.plan.is_written end,
    is_proof = function(result) return result.action ~= "unchanged" end,
    on_result = function(result, index)
      if followed[index] then followed[index].result = result end
      print_result(result)
      shown:step()
    end,
  })
  group:finish()
  local code = exit_code(results, given.check)
  if code == 0 and given.check and left and #left.steps > 0 then code = 2 end
  return code, count(results), failure(results)
end

return recipe.run(spec, main, ...)
