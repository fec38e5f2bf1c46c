-- The contents of an agent, in the terms of agent files: what an organisation has and what a file wants, in one
-- form, so that the two can be compared and digested. This is the one place where agents are compared, whether to
-- show what differs, to plan a write, to verify one, or to note in the lock that both sides are the same. Pure.

local agent_state = require "anyreach.agents.state"
local canonical = require "anyreach.text.canonical"
local diff = require "anyreach.text.diff"
local fields = require "anyreach.agents.file.fields"
local generation = require "anyreach.agents.generation"
local json = require "anyreach.json"
local overlay = require "anyreach.text.overlay"
local references = require "anyreach.agents.references"
local slots = require "anyreach.agents.numbers.slots"

local contents = {}

---@class anyreach.contents keys as agent files have them, without `name`; a key about which a side says nothing is
--- absent. `phone_numbers` is number -> slot -> what it holds, as in anyreach.agent_state.
---@field description? string
---@field active? boolean
---@field is_demo? boolean
---@field metadata? table
---@field config? table
---@field instruction_builder_inputs? table
---@field publish? boolean
---@field phone_numbers? table<string, table<string, string>>
---@field deploy_as_sip? boolean

-- {====== of one side ======

local function present(value)
  if value == json.null then return nil end
  return value
end

--- The fields of an agent itself, without those that are null.
---@param agent table as a single read gives it
---@return table
function contents.own(agent)
  local own = {}
  for _, name in ipairs(fields.OWN) do own[name] = present(agent[name]) end
  return own
end

--- What a version holds.
---@param version table with its config
---@return {config: table, instruction_builder_inputs: any}
function contents.of_version(version)
  return { config = version.config, instruction_builder_inputs = present(version.instruction_builder_inputs) }
end

--- What an organisation has.
---@param state anyreach.agent_state
---@return anyreach.contents
function contents.of_state(state)
  local content, version = contents.own(state.agent), state.version
  if version then
    for key, value in pairs(contents.of_version(version)) do content[key] = value end
    content.publish = version.published == true
  end
  content.phone_numbers = next(state.slots) and state.slots or nil
  content.deploy_as_sip = present(state.agent.sip_endpoint) ~= nil
  return content
end

local function wanted_slots(claims)
  local numbers = {}
  for _, claim in ipairs(claims) do
    local number = tostring(claim.number)
    numbers[number] = numbers[number] or {}
    for _, slot in ipairs(slots.of(claim.direction)) do numbers[number][slot] = agent_state.IN_USE end
  end
  return next(numbers) and numbers or nil
end

--- What is wanted of an agent.
---@param wanted anyreach.wanted
---@param state? anyreach.agent_state to compare with: instructions that the platform generates are taken from it
---@param claims? anyreach.number_claim[] in place of the agent's own
---@return anyreach.contents
function contents.of_wanted(wanted, state, claims)
  local content = {}
  for name, value in pairs(wanted.own) do content[name] = value end
  content.config = wanted.config
  if wanted.generate and state and state.version then
    content.config = {}
    for key, value in pairs(wanted.config) do content.config[key] = value end
    content.config.instructions = generation.instructions(state.version)
  end
  content.instruction_builder_inputs = wanted.inputs
  content.publish = wanted.config and wanted.publish or nil
  content.phone_numbers = wanted_slots(claims or wanted.numbers)
  content.deploy_as_sip = wanted.deploy_as_sip or nil
  return content
end

-- }======

-- {====== of two sides ======

local function sorted_keys(content)
  local keys = {}
  for key in pairs(content) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function is_exact(key, exact)
  return exact and key ~= "phone_numbers"
end

--- What is written to give `actual` what is wanted: what the file names replaces what is there, null removes it, and
--- all else stays. This is the rule by which agents are compared, too: differences() is what this changes.
---@param wanted anyreach.contents or a part of one
---@param actual table contents, an agent or a version; {} for nothing
---@param exact? boolean keys below the top that `wanted` lacks are removed
---@return table of the keys that `wanted` has
function contents.written(wanted, actual, exact)
  local whole = {}
  for key, value in pairs(wanted) do whole[key] = overlay.apply(value, actual[key], is_exact(key, exact)) end
  return whole
end

--- What would change in `actual` to give it what is wanted: everything that writing it changes. Keys at the top that
--- `wanted` lacks are not compared, nor are phone numbers that it does not name.
---@param wanted anyreach.contents or a part of one
---@param actual table contents, an agent or a version
---@param exact? boolean keys below the top that `wanted` lacks are differences too
---@return anyreach.difference[]
function contents.differences(wanted, actual, exact)
  local found = {}
  for _, key in ipairs(sorted_keys(wanted)) do
    local whole = overlay.apply(wanted[key], actual[key], is_exact(key, exact))
    local part = diff.compare(whole, actual[key], { path = key, exact = true })
    table.move(part, 1, #part, #found + 1, found)
  end
  return found
end

--- What would change in `actual` to make it equal to `wanted`.
---@param wanted anyreach.contents
---@param actual anyreach.contents
---@return anyreach.difference[]
function contents.all_differences(wanted, actual)
  return diff.compare(wanted, actual, { exact = true })
end

--- True for a draft that is what a version made of another one is to be, or is yet to get its inputs: a run that was
--- cut off has left it.
---@param draft table with its config
---@param wanted {config: table, instruction_builder_inputs: any} as of_version gives it
---@return boolean
function contents.is_left(draft, wanted)
  local whole = contents.of_version(draft)
  whole.instruction_builder_inputs = whole.instruction_builder_inputs or wanted.instruction_builder_inputs
  return #contents.all_differences(wanted, whole) == 0
end

--- What a state lacks of what is wanted, phone numbers aside.
---@param wanted anyreach.wanted
---@param state anyreach.agent_state
---@param resolver anyreach.resolver of the references in what is wanted
---@return anyreach.difference[]
function contents.unmet(wanted, state, resolver)
  local resolved = references.substitute(contents.of_wanted(wanted, state, {}), resolver)
  return contents.differences(resolved, contents.of_state(state))
end

-- }======

-- {====== digests, for the lock ======

--- A digest of what is wanted, with references as they are written.
---@param wanted anyreach.wanted
---@return string
function contents.wanted_digest(wanted)
  return canonical.digest(contents.of_wanted(wanted))
end

--- A digest of what an organisation has, without phone numbers: moving a number does not change the agent. Versions
--- are left out for a file that describes none, and values where the file has a secret.
---@param state anyreach.agent_state
---@param wanted anyreach.wanted of the file
---@return string
function contents.state_digest(state, wanted)
  local content = contents.of_state(state)
  content.phone_numbers = nil
  if wanted.config == nil then
    content.config, content.instruction_builder_inputs, content.publish = nil, nil, nil
  end
  return canonical.digest(content, contents.of_wanted(wanted))
end

--- A digest of what a draft holds, by which it is known whether anybody has changed it since. Instructions that the
--- platform generates are left out: they come later.
---@param version table with its config
---@param wanted anyreach.wanted
---@return string
function contents.draft_digest(version, wanted)
  local content = contents.of_version(version)
  if wanted.generate then
    local config = {}
    for key, value in pairs(content.config) do config[key] = value end
    content.config = config
    config.instructions = nil
  end
  return canonical.digest(content)
end

--- What the lock notes of an agent whose file and organisation are the same.
---@param wanted anyreach.wanted with references as they are written
---@param state anyreach.agent_state
---@return anyreach.lock_facts
function contents.lock_facts(wanted, state)
  return {
    agent_id = state.agent.id,
    version = state.version and state.version.version,
    files = contents.wanted_digest(wanted),
    remote = contents.state_digest(state, wanted),
    is_published = state.version and state.version.published == true,
  }
end

-- }======

return contents
