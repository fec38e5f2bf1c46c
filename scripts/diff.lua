-- diff: what differs between agent files and an organisation, or two organisations (scripts/README.md).

local account = require "anyreach.account.identity"
local agent_file = require "anyreach.agents.file"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local color = require "anyreach.text.color"
local comparison = require "anyreach.agents.comparison"
local config_schema = require "anyreach.agents.lint.config_schema"
local diff_text = require "anyreach.text.diff_text"
local directory = require "anyreach.directory"
local environment = require "anyreach.agents.environment"
local host = require "anyreach.host"
local lock = require "anyreach.agents.lock"
local lock_accounts = require "anyreach.agents.lock_accounts"
local orphans = require "anyreach.agents.orphans"
local progress = require "anyreach.progress"
local reach = require "anyreach.agents.file.reach"
local recipe = require "anyreach.recipe"
local redaction = require "anyreach.text.redaction"
local report = require "anyreach.report"
local terminal_text = require "anyreach.text.terminal_text"

local spec = {
  usage = "anyreach run diff FILE|DIRECTORY... | --from PROFILE --to PROFILE [--exit-code]",
  summary = "Shows what differs between agent files and the organisation, or between two organisations.",
  options = {
    { name = "against", value = "PROFILE", help = "compare the files with the organisation of this profile" },
    { name = "from", value = "PROFILE", help = "compare the agents of this profile's organisation …" },
    { name = "to", value = "PROFILE", help = "… with those of this one" },
    environment.option,
    agent_file.strict_option,
    reach.option,
    { name = "exact", help = "the file is everything: what it does not name would be removed" },
    { name = "only-drift", help = "show only agents that differ" },
    { name = "exit-code", help = "exit with 2 when something differs" },
  },
  writes = {},
  operands = { name = "agent files (.yaml, .yml, .json), or directories of them" },
  notes = [[
Shows the fields that differ, long texts word by word: [-what the organisation has-] {+what the files
say+}. What the files do not name is not compared. Who is ahead, the files or the organisation, is told
by the file anyreach.lock, which `provision` writes and you commit. An agent that the lock names, and no
file describes any more, is shown as extra.

Examples:
  anyreach run diff agents
  anyreach run diff agents --only-drift --exit-code --against production
  anyreach run diff --from staging --to production]],
  exit_codes = {
    [0] = "compared",
    [2] = "something differs (--exit-code)",
    [3] = "a file is wrong, or the lock, or a profile",
    [8] = "some agents could not be compared; when none could, the code of the first error",
    [11] = "two agents have the same name",
  },
}

local function check(given)
  if (given.from == nil) ~= (given.to == nil) then arguments.fail(spec, "--from and --to belong together") end
  if given.from and (given[1] or given.against or given.environment) then
    arguments.fail(spec, "expected agent files, or --from and --to, not both")
  end
  if not given.from and not given[1] then arguments.fail(spec, "expected agent files, or --from and --to") end
end

local function client(profile)
  return anyreach.client(profile and { profile = profile } or {})
end

-- How far it is, shown while a comparison works.
local function progress_options(options)
  local shown
  options.on_start = function(count) shown = progress.start { label = "comparing", total = count } end
  options.on_step = function() shown:step() end
  options.finish = function()
    if shown then shown:finish() end
  end
  return options
end

-- Agents that were provisioned from the directories and have no file any more.
local function add_orphans(results, api, paths, agents, options)
  for _, path in ipairs(paths) do
    if directory.kind(path) == "directory" then
      local there = options.open_lock(lock.path_in(path))
      for _, orphan in ipairs(orphans.find(api, there, options.account, agents)) do
        results[#results + 1] = { name = orphan.name, agent_id = orphan.agent_id, status = "extra", differences = {} }
      end
    end
  end
end

local function compare_files(given)
  report.hold()
  local api, open, opened = client(given.against), lock.opener()
  local chosen = environment.choose(given.environment, given, account.of(api))
  local agents = agent_file.load(given, given, { environment = chosen, schema = config_schema.cached() })
  local options = progress_options {
    exact = given.exact,
    open_lock = open,
    locks = function(file) return open(lock.path_beside(file)) end,
  }
  for _, agent in ipairs(agents) do options.locks(agent.file) end
  options.account = recipe.connect(api).key
  for _, found in pairs(opened) do lock_accounts.adopt(found, api) end
  local results = comparison.files(api, agents, options)
  add_orphans(results, api, given, agents, options)
  options.finish()
  return results, { before = "the organisation", after = "the files", extra = "no file describes it any more" }
end

-- Things that cannot be looked up have their names from the environment file of the profile.
local function ids_of(api)
  local chosen = environment.choose(nil, nil, account.of(api))
  return chosen and chosen.ids
end

local function compare_organizations(given)
  local from, to = client(given.from), client(given.to)
  recipe.connect(to, { source = from })
  local options = progress_options { from_ids = ids_of(from), to_ids = ids_of(to) }
  local results = comparison.organizations(from, to, options)
  options.finish()
  return results, { before = given.to, after = given.from, extra = given.from .. " has no such agent" }
end

-- {====== what is printed ======

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
    newer_draft = result.newer_draft,
    differences = diff_text.events(result.differences),
    error = report.error_event(result.error),
  })
end

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
  if result.newer_draft then list[#list + 1] = ("the newer draft %d is not compared"):format(result.newer_draft) end
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
    local is_shown = not result.not_tried
      and (result.status ~= "same" or not (options.only_drift or host.options.quiet))
    if is_shown then
      print(line_of(result, sides, width))
      for _, line in ipairs(diff_text.lines(result.differences, render)) do print(line) end
    end
  end
end

-- Prints the counts, and returns them as fields of the summary.
local function summarize(results)
  local counts = comparison.count(results)
  local parts = {}
  for _, status in ipairs { "same", "differs", "missing", "extra", "failed" } do
    if counts[status] > 0 or status == "same" then parts[#parts + 1] = counts[status] .. " " .. status end
  end
  if counts.not_tried > 0 then parts[#parts + 1] = counts.not_tried .. " not tried" end
  report.line("%d %s: %s", counts.total, counts.total == 1 and "agent" or "agents", table.concat(parts, ", "))
  return {
    agents = counts.total, same = counts.same, differs = counts.differs, missing = counts.missing,
    extra = counts.extra, failed = counts.failed, not_tried = counts.not_tried > 0 and counts.not_tried or nil,
  }
end

-- Prints the results of a comparison, and returns the fields of the summary.
local function show(results, sides, options)
  if report.is_json() then
    for _, result in ipairs(results) do
      if result.status ~= "same" or not options.only_drift then print_event(result) end
    end
  else
    print_lines(results, sides, options)
  end
  return summarize(results)
end

-- }======

local function main(given)
  check(given)
  local compare = given.from and compare_organizations or compare_files
  local results, sides = compare(given)
  local summary = show(results, sides, { only_drift = given.only_drift })
  return comparison.exit_code(results, given.exit_code), summary, report.agents_failed(results)
end

return recipe.run(spec, main, ...)
