-- numbers: shows and changes which version answers where (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local arguments = require "anyreach.arguments"
local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local interrupted = require "anyreach.agents.numbers.interrupted"
local number_state = require "anyreach.agents.numbers.number_state"
local numbers = require "anyreach.agents.numbers"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slot_report = require "anyreach.agents.numbers.slot_report"
local slots = require "anyreach.agents.numbers.slots"

local spec = {
  usage = "anyreach run numbers [list | assign NUMBER AGENT[@VERSION] | clear NUMBER | move FROM TO | swap A B "
    .. "| forget] [--direction SLOTS] [--check]",
  summary = "Shows which version answers where; assigns, clears, moves and swaps phone numbers.",
  options = {
    { name = "direction", value = "SLOTS",
      help = "inbound, outbound or both; default inbound to assign, else both" },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.versions.publish" },
  operands = {
    name = "a command and its operands",
    commands = {
      { name = "list", help = "show which version answers where" },
      { name = "assign", help = "give a number to an agent" },
      { name = "clear", help = "take a number from whoever holds it" },
      { name = "move", help = "move what one number holds to another" },
      { name = "swap", help = "swap what two numbers hold" },
      { name = "forget", help = "give up what an interrupted run has left" },
    },
  },
  notes = [[
A number has two slots: inbound holds the version that answers calls to it, outbound the one that calls
from it. A number goes to the agent's newest published version, or to the version that you name; a draft
gets no number.

Changes that take several requests are noted in $XDG_STATE_HOME/anyreach first. The next run of `numbers`
that changes something completes an interrupted run, and if it is the same `swap` it ends there; `forget`
gives the interrupted run up. A completed swap swaps back when you run it again; all other commands write
nothing the second time.

Examples:
  anyreach run numbers
  anyreach run numbers assign +15551234567 "Riverside Dental Scheduler"
  anyreach run numbers assign +15551234567 "Riverside Dental Scheduler@3" --direction both
  anyreach run numbers swap +15551230001 +15551230002 --check]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something would be done (--check)",
    [3] = "no such number, agent or version, or the version is a draft",
    [8] = "some requests succeeded and one failed; the error lists them",
    [11] = "two agents have the name, a slot does not hold what was written, or another run is at work",
  },
}

-- {====== the table ======

-- A credential may see numbers but not trunks; then their ids are shown.
local function trunk_names(api)
  local names = {}
  local ok, err = pcall(function()
    for _, trunk in ipairs(checked.list("trunk", api.trunks.each(), "trunks.list")) do names[trunk.id] = trunk.name end
  end)
  if not ok and not (errors.is_error(err) and err.kind == "forbidden") then error(err, 0) end
  return names
end

local function list(api)
  local all, trunks = number_state.read(api), trunk_names(api)
  if report.is_json() then
    for _, number in ipairs(all) do slot_report.number_event(number, trunks) end
  else
    for _, line in ipairs(slot_report.table(all, trunks)) do print(line) end
  end
  local left = interrupted.read(api)
  if left then report.warn("'%s' was interrupted; run it again to complete it", left.what) end
  return 0, { command = "list", numbers = #all }
end

-- }======

-- {====== changes ======

-- The end of a command: of what it has done, or would do, and of what an interrupted one had left.
local function ending(what, lists, is_check)
  local count, requests = 0, 0
  for _, steps in ipairs(lists) do
    requests = requests + #steps
    for _, step in ipairs(steps) do count = count + #step.changes end
  end
  if requests == 0 then report.line("nothing to do") end
  return is_check and requests > 0 and 2 or 0, { command = what, slots = count, requests = requests }
end

local function change(api, what, is_check, find_changes)
  local left = interrupted.complete(api, is_check)
  if left and left.what == what then return ending(what, { left.steps }, is_check) end
  local steps = slot_changes.steps(find_changes())
  if is_check then slot_report.steps(steps) else interrupted.run(api, what, steps) end
  return ending(what, { left and left.steps or {}, steps }, is_check)
end

-- }======

-- {====== commands ======

local function check_number(word)
  if not word:find("^%+%d+$") then
    arguments.fail(spec, "expected a phone number such as +15551234567, got '%s'", word)
  end
  return word
end

local commands = {}

commands.list = { operands = {}, run = list, writes = false }

commands.assign = {
  operands = { "NUMBER", "AGENT[@VERSION]" },
  default_direction = "inbound",
  changes = function(api, words, direction)
    local agent, version = agent_lookup.split(words[2])
    return numbers.assign(api, check_number(words[1]), agent, version, direction)
  end,
}

commands.clear = {
  operands = { "NUMBER" },
  changes = function(api, words, direction)
    return numbers.clear(api, check_number(words[1]), direction)
  end,
}

commands.move = {
  operands = { "FROM", "TO" },
  changes = function(api, words, direction)
    return numbers.move(api, check_number(words[1]), check_number(words[2]), direction)
  end,
}

-- A swap is the same whichever number is named first.
commands.swap = {
  operands = { "A", "B" },
  is_symmetric = true,
  changes = function(api, words, direction)
    return numbers.swap(api, check_number(words[1]), check_number(words[2]), direction)
  end,
}

commands.forget = {
  operands = {},
  run = function(api)
    interrupted.forget(api)
    return 0, { command = "forget" }
  end,
}

local function operands_of(command, given)
  local words = table.move(given, 2, #given, 1, {})
  if #words ~= #command.operands then
    local expected = table.concat(command.operands, " ")
    arguments.fail(spec, "'%s' takes %s", given[1], expected == "" and "nothing more" or expected)
  end
  return words
end

local function direction_of(command, given)
  local direction = given.direction or command.default_direction or "both"
  if slots.of(direction) then return direction end
  arguments.fail(spec, "--direction: expected %s, got '%s'", table.concat(slots.directions, ", "), direction)
end

local function describe(command, name, words, direction)
  local sorted = table.move(words, 1, #words, 1, {})
  if command.is_symmetric then table.sort(sorted) end
  return ("%s %s --direction %s"):format(name, table.concat(sorted, " "), direction)
end

-- }======

local function main(given)
  local name = arguments.command(spec, given[1] or "list")
  local command = commands[name]
  local words, direction = operands_of(command, given), direction_of(command, given)
  if given.check then host.restrict_writes {} end
  local api = anyreach.client()
  recipe.connect(api, { writes = command.writes })
  if command.run then return command.run(api) end
  return change(api, describe(command, name, words, direction), given.check, function()
    return command.changes(api, words, direction)
  end)
end

return recipe.run(spec, main, ...)
