-- export: an organisation's agents as agent files (scripts/README.md).

local account = require "anyreach.account.identity"
local agent_file = require "anyreach.agents.file"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local export = require "anyreach.agents.export"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local terminal_text = require "anyreach.text.terminal_text"
local progress = require "anyreach.progress"
local reach = require "anyreach.agents.file.reach"
local recipe = require "anyreach.recipe"
local redaction = require "anyreach.text.redaction"
local report = require "anyreach.report"

local json = anyreach.json

local spec = {
  usage = "anyreach run export DIRECTORY [--agent NAME|ID]... [--environment NAME|FILE] [--check]",
  summary = "Writes the organisation's agents as agent files; changes files that are there in place.",
  options = {
    { name = "agent", value = "NAME|ID", many = true, help = "only this agent; may be given again" },
    environment.option,
    reach.option,
    { name = "ours", help = "keep the files' values where both sides have changed a field" },
    { name = "theirs", help = "take the organisation's values also where the files have changed a field" },
    { name = "layout", value = "LAYOUT",
      help = "split: new prompts in prompts/NAME.md (default); inline: in the agent file" },
    { name = "all-fields", help = "add the keys that only the organisation has to files that are there" },
    { name = "only-owned", help = "add none (default)" },
    { name = "prune-files", help = "remove the files of agents that are no more" },
    lock_accounts.option,
    { name = "no-lock", help = "do not note in anyreach.lock that files and organisation are the same" },
    { name = "check", help = "only show what would be written; exit code 2 when there is something" },
  },
  writes = {},
  operands = { name = "a directory for agent files", min = 1, max = 1 },
  notes = [[
Prints one line an agent, with what its file does not hold below it, and a summary. With --quiet only
agents that failed are shown, with --json one event an agent.

Examples:
  anyreach run export agents
  anyreach run export agents --agent "Riverside Dental Scheduler" --check]],
  exit_codes = {
    [0] = "the files are as the organisation",
    [2] = "something is to be written (--check)",
    [6] = "the lock or the profile names another organisation; nothing was written",
    [3] = "a file that is there cannot be read, or there is no such agent; nothing was written",
    [8] = "some agents failed and others did not; when all failed, the code of the first error",
    [11] = "two agents have the same name, or a field was changed both in a file and in the organisation",
  },
}

local layouts = { split = false, inline = true }

local function is_inline(layout)
  local inline = layouts[layout or "split"]
  if inline == nil then arguments.fail(spec, "--layout: expected split or inline, got '%s'", layout) end
  return inline
end

-- {====== what is printed ======

local planned = { created = "create", updated = "update", removed = "remove" }
local planned_words = { created = "to create", updated = "to update", removed = "to remove" }

local function paths_of(result)
  local list = json.array {}
  for _, item in ipairs(result.writes) do list[#list + 1] = item.path end
  for _, path in ipairs(result.removes) do list[#list + 1] = path end
  return list
end

local function print_event(result, is_check)
  report.event("agent", {
    name = result.name,
    agent_id = result.agent_id,
    file = result.file,
    renamed_from = result.renamed_from,
    action = is_check and planned[result.action] or result.action,
    files = paths_of(result),
    notes = json.array(result.notes),
    error = report.error_event(result.error),
  })
end

local function detail(result)
  if result.error then return (tostring(result.error):gsub("%c+", " ")) end
  if result.renamed_from then return ("%s, renamed from '%s'"):format(result.file, result.renamed_from) end
  if result.action == "gone" then return result.file .. "; the organisation has no such agent" end
  local paths = paths_of(result)
  local others = #paths
  for _, path in ipairs(paths) do
    if path == result.file then others = others - 1 end
  end
  if others == 0 then return result.file end
  return ("%s and %d %s"):format(result.file, others, others == 1 and "prompt" or "prompts")
end

local function print_lines(results, is_check)
  local width = terminal_text.column_width(results)
  for _, result in ipairs(results) do
    if not result.not_tried and (not anyreach.options.quiet or result.error) then
      local word = is_check and planned_words[result.action] or result.action
      local line = ("%-9s  %s  %s"):format(word, terminal_text.cell(result.name, width), detail(result))
      print(redaction.printable(line))
      for _, note in ipairs(result.notes) do print("           note: " .. redaction.printable(note)) end
    end
  end
end

-- Prints the counts, and returns them as fields of the summary.
local function summarize(results, is_check)
  local counts = export.count(results)
  local fields = { agents = counts.total }
  local words = {}
  for _, action in ipairs { "created", "updated", "unchanged", "gone", "removed", "failed" } do
    fields[is_check and planned[action] or action] = counts[action]
    if counts[action] > 0 then
      words[#words + 1] = ("%d %s"):format(counts[action], is_check and planned_words[action] or action)
    end
  end
  if counts.not_tried > 0 then
    fields.not_tried = counts.not_tried
    words[#words + 1] = counts.not_tried .. " not tried"
  end
  report.line("%d %s%s%s", counts.total, counts.total == 1 and "agent" or "agents", #words > 0 and ": " or "",
    table.concat(words, ", "))
  return fields
end

-- }======

-- The agents are read anew, from what was written. A variable that is not set may stand in the way.
local function note_in_lock(results, path, opened, here, chosen)
  local ok, agents = pcall(agent_file.read, { path }, { environment = chosen })
  if not ok and not errors.is_error(agents) then error(agents, 0) end
  if not ok then return report.note("the lock is left as it is: %s", tostring(agents)) end
  export.note_in_lock(results, agents, opened, here.key)
end

local function main(given)
  if given.ours and given.theirs then arguments.fail(spec, "--ours and --theirs exclude each other") end
  reach.allow(given.allow_read)
  local api, shown = anyreach.client(), nil
  local opened = not given.no_lock and lock.read(lock.path_in(given[1]))
  report.hold()
  report.follow {}
  local chosen = environment.choose(given.environment, { given[1] }, account.of(api))
  local here = recipe.connect(api)
  if opened then lock_accounts.begin(opened, { api }, given, recipe.confirm) end
  local options = {
    agents = given.agent,
    environment = chosen,
    inline = is_inline(given.layout),
    all_fields = given.all_fields,
    lock = opened or nil,
    account = here.key,
    prefer = given.ours and "ours" or given.theirs and "theirs" or nil,
    prune_files = given.prune_files,
    check = given.check,
    on_start = function(total) shown = progress.start { label = "exporting", total = total } end,
    on_step = function() shown:step() end,
  }
  local results = export.run(api, given[1], options)
  shown:finish()
  if opened and #opened:rows(here.key) > 0 and not given.check then
    note_in_lock(results, given[1], opened, here, chosen)
  end
  if report.is_json() then
    for _, result in ipairs(results) do print_event(result, given.check) end
  else
    print_lines(results, given.check)
  end
  local summary = summarize(results, given.check)
  return export.exit_code(results, given.check), summary, report.agents_failed(results)
end

return recipe.run(spec, main, ...)
