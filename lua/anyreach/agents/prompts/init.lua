-- Prompts from a folder into agents, for the recipe `migrate-prompts` and for scripts: plans first, with
-- everything that is wrong told at once, then writes drafts and publishes them.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local folder = require "anyreach.agents.prompts.folder"
local numbers = require "anyreach.agents.numbers"
local plan = require "anyreach.agents.prompts.plan"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local tasks = require "anyreach.client.tasks"

local prompts = {}

local function fail(kind, problems)
  table.sort(problems, function(a, b) return a.path < b.path end)
  error(errors.make { kind = kind, problems = problems }, 0)
end

--- What brings the prompts of a folder into the agents. Only reads. Everything that is wrong with files,
--- agents or sizes raises one error of kind "input"; newer drafts in the way one of kind "conflict".
---@param api anyreach.client
---@param path string
---@param options? anyreach.prompt_options
---@return anyreach.prompt_plan[] in the order of the files
function prompts.plan(api, path, options)
  options = options or {}
  local problems, conflicts, plans = {}, {}, {}
  local read = folder.read(path, problems)
  local groups = plan.group(read, #read > 0 and agent_lookup.all(api) or {}, problems)
  local made = tasks.map(groups, function(group)
    local published, draft = agent_lookup.in_use(api, group.agent.id)
    if options.on_step then options.on_step() end
    return plan.make(group, published, draft, options, problems, conflicts) or false
  end)
  if #problems > 0 then fail("input", problems) end
  if #conflicts > 0 then fail("conflict", conflicts) end
  for _, one in ipairs(made) do plans[#plans + 1] = one or nil end
  return plans
end

--- The plan's part in the slots: those of the current version go to the one that takes its place.
---@param one anyreach.prompt_plan
---@param phone_numbers table[] as number_state.phone_numbers reads them
---@return anyreach.slot_step[] empty when nothing is to be published
function prompts.publish_steps(one, phone_numbers)
  if not one.publish then return {} end
  local holder = numbers.holder(one.agent, one.draft or {})
  if not one.current then return slot_changes.publish_steps(holder, {}) end
  local current = numbers.holder(one.agent, one.current)
  return slot_changes.publish_steps(holder, slot_changes.hand_over(phone_numbers, current, holder))
end

--- True when a plan writes something.
---@param one anyreach.prompt_plan
---@return boolean
function prompts.is_due(one)
  return one.config ~= nil or one.publish
end

--- Writes the draft of a plan; `draft` is the written one afterwards.
---@param api anyreach.client
---@param one anyreach.prompt_plan
function prompts.write_draft(api, one)
  if not one.config then return end
  local fields = { config = one.config }
  if one.draft then
    api.agents.versions.update(one.agent.id, one.draft.version, fields)
  else
    local version = api.agents.versions.create(one.agent.id, fields)
    one.draft = checked.object("version", version, "agents.versions.create")
  end
end

return prompts
