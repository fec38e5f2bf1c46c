-- diff: what differs between agent files and an organisation, or two organisations (scripts/README.md).

local account = require "anyreach.account.identity"
local agent_file = require "anyreach.agents.file"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local comparison = require "anyreach.agents.comparison"
local directory = require "anyreach.directory"
local environment = require "anyreach.agents.environment"
local lock = require "anyreach.agents.lock"
local orphans = require "anyreach.agents.orphans"
local progress = require "anyreach.progress"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local show = require "anyreach.agents.comparison.show"

local spec = {
  usage = "anyreach run diff FILE|DIRECTORY... | --from PROFILE --to PROFILE [--exit-code]",
  summary = "Shows what differs between agent files and the organisation, or between two organisations.",
  options = {
    { name = "against", value = "PROFILE", help = "compare the files with the organisation of this profile" },
    { name = "from", value = "PROFILE", help = "compare the agents of this profile's organisation …" },
    { name = "to", value = "PROFILE", help = "… with those of this one" },
    environment.option,
    { name = "exact", help = "keys that a file does not name are differences too" },
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
  local api, open = client(given.against), lock.opener()
  local chosen = environment.choose(given.environment, given, account.of(api))
  local agents = agent_file.read(given, { environment = chosen })
  local options = progress_options {
    exact = given.exact,
    account = account.of(api).key,
    open_lock = open,
    locks = function(file) return open(lock.path_beside(file)) end,
  }
  for _, agent in ipairs(agents) do options.locks(agent.file) end
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
  local options = progress_options { from_ids = ids_of(from), to_ids = ids_of(to) }
  local results = comparison.organizations(from, to, options)
  options.finish()
  return results, { before = given.to, after = given.from, extra = given.from .. " has no such agent" }
end

local function main(given)
  check(given)
  local compare = given.from and compare_organizations or compare_files
  local results, sides = compare(given)
  local summary = show.results(results, sides, { only_drift = given.only_drift })
  return comparison.exit_code(results, given.exit_code), summary, report.agents_failed(results)
end

return recipe.run(spec, main, ...)
