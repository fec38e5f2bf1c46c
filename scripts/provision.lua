-- provision: brings agents to the state that agent files describe (scripts/README.md).

local account = require "anyreach.account.identity"
local agent_file = require "anyreach.agents.file"
local anyreach = require "anyreach"
local config_schema = require "anyreach.agents.lint.config_schema"
local color = require "anyreach.text.color"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local events = require "anyreach.agents.provision.events"
local host = require "anyreach.host"
local json = require "anyreach.json"
local lock_accounts = require "anyreach.agents.lock_accounts"
local lines = require "anyreach.agents.provision.lines"
local locking = require "anyreach.agents.provision.locking"
local progress = require "anyreach.progress"
local provision = require "anyreach.agents.provision"
local reach = require "anyreach.agents.file.reach"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local takeovers = require "anyreach.agents.provision.takeovers"
local terminal_text = require "anyreach.text.terminal_text"

local spec = {
  usage = "anyreach run provision FILE|DIRECTORY... [--environment NAME|FILE] [--check] [--exact] [options]",
  summary = "Creates and updates agents from agent files; writes only what differs.",
  options = {
    environment.option,
    agent_file.strict_option,
    reach.option,
    { name = "check", help = "only show what would be done; exit code 2 when there is something" },
    { name = "exact", help = "the file is everything: what it does not name is removed" },
    { name = "always-publish", help = "write and publish without comparing first" },
    { name = "take-numbers", help = "take phone numbers also from agents that no given file describes" },
    { name = "update-draft", help = "write to the newest draft, though it was not written from here" },
    { name = "allow-empty-instructions", help = "also where the version answers calls" },
    lock_accounts.option,
    { name = "ours", help = "write fields that the organisation has changed since, too" },
    { name = "theirs", help = "keep the organisation's value of fields that both sides have changed" },
    { name = "no-lock", help = "do not note in anyreach.lock what was written" },
    { name = "lenient", help = "only warn when the organisation has other values than were written to it" },
    { name = "prune", value = "ORGANISATION", writes = { "agents.delete" },
      help = "delete agents that the lock names and no file describes; takes the organisation's name or id" },
  },
  writes = {
    "agents.create", "agents.delete", "agents.update", "agents.deploy_as_sip",
    "agents.versions.create", "agents.versions.update",
    "agents.versions.generate_instructions", "agents.versions.publish",
  },
  operands = { name = "agent files (.yaml, .yml, .json), or directories of them", min = 1 },
  notes = [[
A directory stands for the agent files in it, except those whose name starts with "_" or ".".
What a file does not name stays as it is in the organisation. Prints one line an agent, below it what
changes, and a summary; with --quiet only the agents that failed, with --json one event an agent.

A draft that was not written from here is left alone, and a number is taken from an agent that no given
file describes only with --take-numbers, or when you say yes at a terminal.

A field that only the organisation has changed since the lock was written is kept and named. One that both
sides have changed is merged where the changes do not meet; otherwise its agent fails.

Example, against the built-in sandbox:
  anyreach --sandbox=/tmp/sandbox.db run provision scripts/examples/clinic/agents]],
  exit_codes = {
    [0] = "all agents are as wanted",
    [2] = "something is to be done, or a field is kept that the organisation has changed (--check)",
    [3] = "a file is wrong, or a reference leads nowhere; nothing was written",
    [6] = "refused: --read-only, a protected profile, the name after --prune, another organisation than the profile's "
      .. "or the lock's; nothing was written",
    [8] = "some agents failed and others did not; when all failed, the code of the first error",
    [11] = "two agents have the name, an agent that no file describes holds a number, another value is there than was "
      .. "written, or another run is writing",
  },
}

local function print_event(result)
  report.event("agent", {
    name = result.name,
    file = result.file,
    action = result.action,
    agent_id = result.agent_id,
    agent_version = result.version,
    changes = json.array(result.changes),
    steps = events.steps(result.steps),
    draft_used = result.draft_used,
    draft_left_alone = result.draft_left_alone,
    sip_address = result.sip_address,
    kept = json.array(result.kept or {}),
    merged = json.array(result.merged or {}),
    was_deleted = result.was_deleted,
    error = report.error_event(result.error),
  })
end

local function summary_of(counts, is_check)
  return {
    agents = counts.total,
    [is_check and "create" or "created"] = is_check and counts.create or counts.created,
    [is_check and "update" or "updated"] = is_check and counts.update or counts.updated,
    unchanged = counts.unchanged,
    failed = counts.failed,
    not_tried = counts.not_tried > 0 and counts.not_tried or nil,
  }
end

-- The function that prints a result in the way that was asked for.
local function printer(agents)
  if report.is_json() then return print_event end
  local width = terminal_text.column_width(agents)
  local render = { color = color.enabled("stdout"), width = host.terminal_size("stdout") }
  return function(result)
    if anyreach.options.quiet and result.action ~= "failed" or result.not_tried then return end
    progress.print(lines.line(result, width))
    report.lines(lines.differences(result, render))
  end
end

-- Somebody at a terminal is asked; without one nothing is taken.
local function ask_for_numbers(change, taken)
  return recipe.confirm(takeovers.question(change.name, taken)) == true
end

local function print_pruned(pruned)
  for _, item in ipairs(pruned) do
    if report.is_json() then
      report.event("agent", { name = item.name, action = item.action, agent_id = item.agent_id,
        error = report.error_event(item.error) })
    elseif item.error or not anyreach.options.quiet then
      progress.print(lines.orphan(item))
    end
  end
end

local function preferred(given)
  if given.ours and given.theirs then errors.raise("command_line", "--ours and --theirs: give one of them") end
  return given.ours and "ours" or given.theirs and "theirs" or nil
end

local function main(given)
  if given.check then host.restrict_writes {} end
  report.hold()
  report.follow {}
  local api = anyreach.client()
  local chosen = environment.choose(given.environment, given, account.of(api), true)
  local agents = agent_file.load(given, given, { environment = chosen, schema = config_schema.cached() })
  local locks <close> = locking.start(api, agents, given)
  locks:connect(recipe.connect(api), recipe.confirm)
  local shown
  local results = provision.run(api, agents, {
    check = given.check,
    exact = given.exact,
    always_publish = given.always_publish,
    take_numbers = given.take_numbers or not given.check and ask_for_numbers,
    update_draft = given.update_draft,
    allow_empty_instructions = given.allow_empty_instructions,
    on_start = function(count, is_check)
      if shown then shown:finish() end
      shown = progress.start { label = is_check and "comparing" or "provisioning", total = count }
    end,
    on_step = function() shown:step() end,
    known = function(agent) return locks:row(agent) end,
    prompt_row = function(agent) return locks:prompt_row(agent) end,
    known_agents = locks:known_agents(),
    owner = function(agent_id) return locks:owner(agent_id) end,
    prefer = preferred(given),
    lenient = given.lenient,
    intents = locks.intents,
    known_draft = function(agent) return locks:known_draft(agent) end,
    on_created = function(change, agent)
      recipe.note(api, agent)
      locks:created(change, agent)
    end,
    on_draft = function(change, agent, version) locks:drafted(change, agent, version) end,
    on_applied = function(change, state) locks:applied(change, state) end,
    on_result = printer(agents),
  })
  shown:finish()
  local code = provision.exit_code(results)
  local pruned = locks:prune(code == 0 or given.check)
  print_pruned(pruned)
  local counts = provision.count(results)
  report.line("%s", lines.summary(counts, given.check))
  locks:write()
  table.move(pruned, 1, #pruned, #results + 1, results)
  return locking.exit_code(code, pruned), summary_of(counts, given.check), report.agents_failed(results)
end

return recipe.run(spec, main, ...)
