-- generate-instructions: has the platform write an agent's instructions (scripts/README.md).

local agent_lookup = require "anyreach.agents.lookup"
local anyreach = require "anyreach"
local apply = require "anyreach.agents.provision.apply"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local generation = require "anyreach.agents.generation"
local host = require "anyreach.host"
local json = require "anyreach.json"
local plan = require "anyreach.agents.provision.plan"
local recipe = require "anyreach.recipe"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach run generate-instructions AGENT [--inputs FILE] [--again] [--check]",
  summary = "Has the platform write an agent's instructions, waits for them and prints them.",
  options = {
    { name = "inputs", value = "FILE", help = "a YAML or JSON mapping: the inputs of the instruction builder" },
    { name = "again", help = "generate even if the instructions are from the same inputs" },
    { name = "check", help = "only show what would be done; exit code 2 if anything would be" },
  },
  writes = { "agents.versions.create", "agents.versions.update", "agents.versions.generate_instructions" },
  operands = { name = "the name or id of an agent", min = 1, max = 1 },
  notes = [[
Works on the newest draft, or on a new one with the configuration of the published version, which stays as
it is; publish the draft when its instructions are good. Without --inputs the version's own inputs are
used. If the instructions are from the same inputs already, nothing is written; --again generates them
again. The draft's earlier instructions are lost.

Prints the instructions.

Example:
  anyreach run generate-instructions "Riverside Dental After Hours" --inputs after-hours.yaml]],
  exit_codes = {
    [0] = "done, or nothing to do",
    [2] = "something would be done (--check)",
    [3] = "no such agent, no inputs, or a wrong file of inputs",
    [10] = "the network failed, or the generation did not end in time",
    [11] = "two agents have the name, or another run is writing",
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

-- The wanted state: the newest version's configuration, with instructions made of the inputs.
local function wanted_of(agent, newest, inputs)
  local base = without_instructions(newest)
  return {
    name = agent.name, own = {}, config = base and base.config or {}, inputs = inputs, generate = true,
    publish = false, numbers = {}, secrets = {},
  }
end

local function read_state(api, agent)
  local published, draft = agent_lookup.in_use(api, agent)
  return { agent = agent, numbers = {}, published = published, draft = draft }
end

-- The steps, by the rules of provisioning. To generate again, and to wait for a generation under way, the plan is
-- made as if there were no instructions.
local function make_plan(state, inputs, again)
  local newest = state.draft or state.published
  local wanted = wanted_of(state.agent, newest, inputs)
  local known = { agent = state.agent, numbers = {}, published = state.published, draft = state.draft }
  if again or newest and generation.is_running(newest) then
    known.published, known.draft = without_instructions(known.published), without_instructions(known.draft)
  end
  local made = plan.make(wanted, known, { update_draft = true })
  return made.steps, state.draft or #made.steps == 0 and state.published or nil
end

local function show(agent, version, action)
  local text = version and generation.instructions(version)
  if report.is_json() then
    report.event("agent", { name = agent.name, agent_id = agent.id, action = action,
      agent_version = version and version.version, instructions = text })
  elseif text then
    print(text)
  end
end

local STEPS = {
  create_version = "to do  a new draft", update_version = "to do  write the draft's inputs",
  generate = "to do  generate its instructions",
}

local function check(agent, version, steps)
  show(agent, #steps == 0 and version, #steps > 0 and "generate" or "unchanged")
  for _, step in ipairs(steps) do report.line("%s", STEPS[step.action]) end
  if #steps == 0 then return 0, { agents = 1, unchanged = 1 } end
  return 2, { agents = 1, generate = 1 }
end

local function main(given)
  local inputs = given.inputs and read_inputs(given.inputs)
  if given.check then host.restrict_writes {} end
  local api = anyreach.client()
  recipe.connect(api)
  local agent = agent_lookup.find(api, given[1])
  local state = read_state(api, agent)
  inputs = inputs or inputs_of(state.draft or state.published)
  if not inputs then
    errors.raise("input", "agent '%s' has no instruction_builder_inputs; give them with --inputs FILE", agent.name)
  end
  local steps, version = make_plan(state, inputs, given.again)
  if given.check then return check(agent, version, steps) end
  if #steps == 0 then
    report.note("version %d has instructions from these inputs; --again generates them again", version.version)
    show(agent, version, "unchanged")
    return 0, { agents = 1, unchanged = 1 }
  end
  local progress = { api = api, agent = agent, version = version }
  report.note("generating the instructions of '%s'", agent.name)
  apply.run(progress, steps)
  report.note("version %d is a draft with them", progress.version.version)
  show(agent, progress.version, "generated")
  return 0, { agents = 1, generated = 1 }
end

return recipe.run(spec, main, ...)
