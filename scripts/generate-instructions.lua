-- generate-instructions: has the platform write an agent's instructions (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local apply = require "anyreach.agents.provision.apply"
local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local events = require "anyreach.agents.provision.events"
local generation = require "anyreach.agents.generation"
local host = require "anyreach.host"
local json = require "anyreach.json"
local plan = require "anyreach.agents.provision.plan"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach run generate-instructions AGENT [--inputs FILE] [--again] [--update-draft] [--check]",
  summary = "Has the platform write an agent's instructions, waits for them and prints them.",
  options = {
    { name = "inputs", value = "FILE", help = "a YAML or JSON mapping: the inputs of the instruction builder" },
    { name = "again", help = "generate even if the instructions are from the same inputs" },
    { name = "update-draft", help = "write into the newest draft, though somebody else has written it" },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.versions.create", "agents.versions.update", "agents.versions.generate_instructions" },
  operands = { name = "the name or id of an agent", min = 1, max = 1 },
  notes = [[
Makes a new draft with the configuration of the published version, which stays as it is; publish the draft when
its instructions are good. Without --inputs the version's own inputs are used. If the instructions are from the
same inputs already, nothing is written; --again generates them again, and the earlier ones are lost.

A draft that an earlier run has left, with nothing changed since but its instructions, is used. Any other newer
draft is somebody's work: it is left alone, unless --update-draft has the instructions go there.

Prints the instructions.

Example:
  anyreach run generate-instructions "Riverside Dental After Hours" --inputs after-hours.yaml]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something would be done (--check)",
    [3] = "no such agent, no inputs, or a wrong file of inputs",
    [10] = "the network failed, or the generation did not end in time",
    [11] = "there is only somebody's draft, two agents have the name, or another run is writing",
  },
}

local function read_inputs(file)
  if not document.extension(file) then
    errors.raise("input", "%s: expected a file that ends in .yaml, .yml or .json", file)
  end
  local problems = {}
  local doc = document.read(file, problems)
  document.raise_problems(problems, { file })
  local inputs = doc.value
  if type(inputs) ~= "table" or json.is_array(inputs) or next(inputs) == nil then
    errors.raise("input", "%s: expected a mapping with inputs, got %s", file, document.describe(inputs))
  end
  return inputs
end

local function inputs_of(version)
  local inputs = version and version.instruction_builder_inputs
  return type(inputs) == "table" and next(inputs) ~= nil and inputs or nil
end

local function without_instructions(version)
  if not version then return nil end
  local copy, config = {}, {}
  for key, value in pairs(version) do copy[key] = value end
  for key, value in pairs(type(version.config) == "table" and version.config or {}) do config[key] = value end
  config.instructions = nil
  copy.config = config
  return copy
end

-- The inputs of a version that is made of the published one: the keys that the file names replace its own.
local function merged_inputs(inputs, published)
  local wanted = { instruction_builder_inputs = inputs }
  return contents.written(wanted, contents.of_version(published)).instruction_builder_inputs
end

-- True for a draft that an earlier run has left: nothing but the instructions is new in it, and these were made from
-- the same inputs, or are still to come.
local function is_left(draft, published, inputs)
  if not published then return false end
  local before, after = without_instructions(published), without_instructions(draft)
  local is_same = #diff.compare(after.config, before.config, { exact = true }) == 0
  local own = inputs_of(draft)
  local has_same_inputs = own ~= nil and (not inputs or json.equal(own, merged_inputs(inputs, published)))
  return is_same and (has_same_inputs or not own and not generation.instructions(draft))
end

local function read_state(api, agent, inputs, update_draft)
  local published, draft = agent_lookup.in_use(api, agent)
  local may_use = draft and (update_draft or is_left(draft, published, inputs))
  if draft and not may_use and not published then
    errors.raise("conflict", "agent '%s' has no published version, and version %d is somebody's draft; --update-draft "
      .. "has the instructions go there", agent.name, draft.version)
  end
  return { agent = agent, numbers = {}, published = published, draft = may_use and draft or nil,
    other_draft = not may_use and draft or nil }
end

-- The wanted state: the version's configuration, with instructions made of the inputs.
local function wanted_of(agent, version, inputs)
  local base = without_instructions(version)
  return {
    name = agent.name, own = {}, config = base and base.config or {}, inputs = inputs, generate = true,
    publish = false, numbers = {}, secrets = {},
  }
end

-- The plan, by the rules of provisioning. To generate again, and to wait for a generation under way, it is made as if
-- there were no instructions.
local function make_plan(state, inputs, again)
  local newest = state.draft or state.published
  local wanted = wanted_of(state.agent, newest, inputs)
  local known = {}
  for key, value in pairs(state) do known[key] = value end
  if again or newest and generation.is_running(newest) then
    known.published, known.draft = without_instructions(known.published), without_instructions(known.draft)
  end
  local made = plan.make(wanted, known, { update_draft = true })
  made.version = state.draft or #made.steps == 0 and state.published or nil
  return made
end

local function show(agent, made, version, action)
  local text = action ~= "generate" and version and generation.instructions(version) or nil
  if report.is_json() then
    report.event("agent", { name = agent.name, agent_id = agent.id, action = action,
      agent_version = version and version.version, instructions = text, steps = events.steps(made.steps),
      draft_used = made.draft_used, draft_left_alone = made.draft_left_alone })
  elseif text then
    print(text)
  end
end

-- What a step does to which version and field.
local effects = {
  create_version = function(step) return ("a new draft, from version %d"):format(step.base_version or 0) end,
  update_version = function(_, name)
    return ("write instruction_builder_inputs of %s"):format(name)
  end,
  generate = function(_, name) return ("generate config.instructions of %s"):format(name) end,
}

local function note_drafts(made)
  if made.draft_left_alone then
    report.note("draft %d, not written from here, is left alone", made.draft_left_alone)
  end
end

local function check(agent, made)
  local name = made.version and "draft " .. made.version.version or "the new draft"
  show(agent, made, made.version, #made.steps > 0 and "generate" or "unchanged")
  for _, step in ipairs(made.steps) do report.line("to do  %s", effects[step.action](step, name)) end
  if #made.steps == 0 then return 0, { agents = 1, unchanged = 1 } end
  return 2, { agents = 1, generate = 1 }
end

local function main(given)
  local inputs = given.inputs and read_inputs(given.inputs)
  if given.check then host.restrict_writes {} end
  local api = anyreach.client()
  recipe.connect(api)
  local agent = agent_lookup.find(api, given[1])
  local state = read_state(api, agent, inputs, given.update_draft)
  inputs = inputs or inputs_of(state.draft or state.published)
  if not inputs then
    errors.raise("input", "agent '%s' has no instruction_builder_inputs; give them with --inputs FILE", agent.name)
  end
  local made = make_plan(state, inputs, given.again)
  local version = made.version
  note_drafts(made)
  if given.check then return check(agent, made) end
  if #made.steps == 0 then
    report.note("version %d has instructions from these inputs; --again generates them again", version.version)
    show(agent, made, version, "unchanged")
    return 0, { agents = 1, unchanged = 1 }
  end
  local progress = { api = api, agent = agent, version = version }
  report.note("generating the instructions of '%s'", agent.name)
  apply.run(progress, made.steps)
  report.note("version %d is a draft with them", progress.version.version)
  show(agent, made, progress.version, "generated")
  return 0, { agents = 1, generated = 1 }
end

return recipe.run(spec, main, ...)
