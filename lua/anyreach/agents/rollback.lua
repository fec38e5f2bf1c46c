-- Going back to an earlier version of an agent. A published version cannot be changed, and whatever asks for an agent
-- without a version gets the newest published one; so the earlier version is copied to a new one, which is published to
-- the slots that the current one holds. For the recipe `rollback`.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local contents = require "anyreach.agents.contents"
local creation = require "anyreach.agents.creation"
local errors = require "anyreach.errors"
local number_state = require "anyreach.agents.numbers.number_state"
local numbers = require "anyreach.agents.numbers"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slots = require "anyreach.agents.numbers.slots"
local timestamp = require "anyreach.text.timestamp"

local rollback = {}

---@class anyreach.rollback
---@field agent table
---@field target table the version to go back to, with its config
---@field current table the version in use, with its config
---@field newest integer number of the newest version
---@field draft table|nil a draft that equals the target already and only needs to be published
---@field draft_left_alone integer|nil number of the newest draft, if it is newer than the current version and not used
---@field differences anyreach.difference[] from the current version to the target
---@field is_back boolean the current version equals the target already
---@field holder anyreach.holder the version that will be in use; its number comes when it is created
---@field changes anyreach.slot_change[]
---@field left_alone anyreach.slot_change[] slots that hold other versions of the agent

-- {====== which version ======

-- When a version came into use, in microseconds. The fields are not documented; a server without the time of
-- publication may have that of creation.
local function published_at(version)
  for _, name in ipairs { "published_at", "created_at" } do
    local text = version[name]
    local time = type(text) == "string" and timestamp.parse(text)
    if time then return time end
  end
end

-- The version that was in use at a time: the newest of those that were published by then.
local function at_time(agent, versions, text)
  local time, earliest = timestamp.parse(text), nil
  for _, version in ipairs(versions) do
    local published = version.published == true and published_at(version)
    if published and published <= time then return version end
    if published then earliest = math.min(earliest or published, published) end
  end
  errors.raise("input", "agent '%s' had no published version at %s; %s", agent.name, text,
    earliest and "its first one is of " .. timestamp.format(earliest) or "the server gives no times for its versions")
end

local function numbered(agent, versions, number)
  local version = agent_lookup.numbered(versions, number)
  if not version then
    errors.raise("input", "agent '%s' has no version %d; its newest is %d", agent.name, number, versions[1].version)
  elseif version.published ~= true then
    errors.raise("input", "version %d of agent '%s' is a draft, and was never in use", number, agent.name)
  end
  return version
end

--- True for a text that names a version or a time.
---@param text string
---@return boolean
function rollback.is_target(text)
  return text:find("^%d+$") ~= nil and math.tointeger(tonumber(text)) ~= nil or timestamp.parse(text) ~= nil
end

local function find_target(agent, versions, text)
  local number = text:find("^%d+$") and math.tointeger(tonumber(text))
  if number then return numbered(agent, versions, number) end
  return at_time(agent, versions, text)
end

-- }======

-- {====== the plan ======

-- The differences from one version to another.
local function compare(before, after)
  return contents.all_differences(contents.of_version(after), contents.of_version(before))
end

-- A draft after the current version that equals the target, or is yet to get its inputs: an interrupted run has left
-- it.
local function find_draft(api, agent, versions, current, target)
  for _, version in ipairs(versions) do
    if version.version <= current.version then return nil end
    local draft = agent_lookup.with_config(api, agent.id, version)
    if contents.is_left(draft, contents.of_version(target)) then return draft end
  end
end

local function draft_left_alone(versions, used)
  for _, version in ipairs(versions) do
    if version.published == true then return nil end
    if not used or version.version ~= used.version then return version.version end
  end
end

-- The slots that hold versions of the agent other than the one that gives up its own.
local function other_slots(phone_numbers, versions, current)
  local ids, list = {}, {}
  for _, version in ipairs(versions) do ids[checked.version_id(version)] = version end
  ids[current.id] = nil
  for _, phone_number in ipairs(phone_numbers) do
    for _, slot in ipairs(slots.names) do
      local version = ids[slots.version_id(phone_number, slot)]
      if version then list[#list + 1] = { number = phone_number.phone_number, slot = slot, version = version } end
    end
  end
  return list
end

-- The slots of the current version go to the one that replaces it; those of other versions only with `all_slots`.
local function plan_slots(plan, phone_numbers, versions, all_slots)
  local from = numbers.holder(plan.agent, plan.current)
  plan.changes = plan.is_back and {} or slot_changes.hand_over(phone_numbers, from, plan.holder)
  plan.left_alone = {}
  for _, other in ipairs(other_slots(phone_numbers, versions, plan.current)) do
    local list = all_slots and plan.changes or plan.left_alone
    list[#list + 1] = {
      number = other.number, slot = other.slot, from = numbers.holder(plan.agent, other.version), to = plan.holder,
    }
  end
end

--- Plans to take an agent back to an earlier version. Only reads.
---@param api anyreach.client
---@param agent table
---@param to string the number of a version, or a time in ISO 8601
---@param options? {all_slots?: boolean} also those that hold other versions of the agent
---@return anyreach.rollback
function rollback.plan(api, agent, to, options)
  local versions = agent_lookup.versions(api, agent.id)
  local current = agent_lookup.with_config(api, agent.id, agent_lookup.published(versions))
  if not current then errors.raise("input", "agent '%s' has no published version to go back from", agent.name) end
  local target = agent_lookup.with_config(api, agent.id, find_target(agent, versions, to))
  local plan = {
    agent = agent, target = target, current = current, newest = versions[1].version,
    differences = compare(current, target),
  }
  plan.is_back = #plan.differences == 0
  plan.draft = not plan.is_back and find_draft(api, agent, versions, current, target) or nil
  plan.draft_left_alone = draft_left_alone(versions, plan.draft)
  plan.holder = numbers.holder(agent, plan.is_back and current or plan.draft or {})
  plan_slots(plan, number_state.phone_numbers(api), versions, options and options.all_slots)
  return plan
end

--- The steps that publish the version and hand it the slots. While the version is yet to be created, they are only for
--- showing.
---@param plan anyreach.rollback
---@return anyreach.slot_step[] empty when nothing needs to be done
function rollback.steps(plan)
  if plan.is_back then return slot_changes.steps(plan.changes) end
  return slot_changes.publish_steps(plan.holder, plan.changes)
end

-- }======

--- Creates the version that the slots go to, unless it exists.
---@param api anyreach.client
---@param plan anyreach.rollback
function rollback.create_version(api, plan)
  if plan.is_back then return end
  if not plan.holder.version then
    local version = creation.version(api, plan.agent.id, { base_version = plan.target.version },
      { newest = plan.newest, config = plan.target.config })
    plan.holder.version = version.version
    plan.holder.version_id = checked.version_id(version)
  end
  creation.keep_inputs(api, plan.agent.id, plan.holder.version, plan.target.instruction_builder_inputs)
end

return rollback
