-- What promotes one agent: its version in the target's terms, merged with what the target has, as steps of
-- provisioning. Three versions count: what was last promoted (the base), what the source has now, and what
-- the target has now. Pure; anyreach.promotion reads what it needs.

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"
local merge = require "anyreach.agents.promotion.merge"
local provision_plan = require "anyreach.agents.provision.plan"

local OWN_FIELDS = require "anyreach.agents.file.own_fields"

local plan = {}

---@class anyreach.promotion_item
---@field name string
---@field choice anyreach.promotion_choice
---@field state anyreach.remote what the target has
---@field content table what the source has, in the target's terms
---@field base table|nil what was last promoted, in the target's terms
---@field own table fields of the agent itself, for one that is to be created
---@field numbers {number: string, direction: string}[] that the version gets
---@field action "create"|"update"|"unchanged"|"conflict"|"skipped"
---@field conflicts anyreach.merge_conflict[]
---@field differences anyreach.difference[] from what the target has to what it gets
---@field change anyreach.change|nil for provision.apply; nil when there is nothing to be done

---@class anyreach.promotion_options
---@field decide? "ours"|"theirs"|"skip" ours: the source's value; theirs: the target's; skip: leave the agent
---@field publish? boolean default true

--- The fields of an agent itself that a new one gets.
---@param agent table of the source
---@return table
function plan.own_fields(agent)
  local own = {}
  for _, name in ipairs(OWN_FIELDS) do
    if agent[name] ~= json.null then own[name] = agent[name] end
  end
  return own
end

local function content_of(version)
  return { config = version.config, instruction_builder_inputs = version.instruction_builder_inputs }
end

local function compare(wanted, present)
  return diff.compare(wanted, present, { exact = true })
end

-- What the target has of a version: the published one, else a draft that nothing was published after.
local function present_content(state)
  local version = state.published or state.draft
  return version and content_of(version)
end

local function inputs_of(content)
  local inputs = content.instruction_builder_inputs
  if inputs == json.null then return nil end
  return inputs
end

-- The wanted state of the agent, as provisioning has it.
local function wanted_of(item, content, options)
  return {
    name = item.name, own = item.state.agent and {} or item.own, config = content.config or {},
    inputs = inputs_of(content), generate = false, publish = options.publish ~= false, numbers = item.numbers,
    deploy_as_sip = false, secrets = {},
  }
end

-- A draft in the target is somebody's work, unless its configuration is the one that is to be written: then
-- an earlier run was cut off.
local function without_other_draft(state, config)
  local draft = state.draft
  if draft and #compare(config, draft.config) > 0 then draft = nil end
  return { agent = state.agent, published = state.published, draft = draft, numbers = state.numbers }
end

local function make_change(item, content, options)
  local wanted = wanted_of(item, content, options)
  local state = without_other_draft(item.state, wanted.config)
  local made = provision_plan.make(wanted, state, { exact = true })
  item.action = #made.steps == 0 and "unchanged" or state.agent and "update" or "create"
  item.change = {
    name = item.name, agent = wanted, remote = state, steps = made.steps, changes = made.changes,
    draft = made.version, version = made.version and made.version.version, action = item.action,
  }
end

local preferences = { ours = "source", theirs = "target" }

--- Completes an item: merges, and finds the steps.
---@param item anyreach.promotion_item
---@param options anyreach.promotion_options
function plan.complete(item, options)
  local present, merged = present_content(item.state), item.content
  item.conflicts, item.differences = {}, {}
  if present then
    merged, item.conflicts = merge.run(item.base, item.content, present, preferences[options.decide])
    item.differences = compare(merged, present)
  end
  if #item.conflicts > 0 and not preferences[options.decide] then
    item.action = options.decide == "skip" and "skipped" or "conflict"
  else
    make_change(item, merged, options)
  end
end

return plan
