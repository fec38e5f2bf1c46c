-- What an organisation holds, as plain values, and what it must hold after a plan: for property tests that prove that
-- the events of a plan tell everything that a run does. Agents go by their names, which must be unique; a slot holds
-- "NAME@VERSION".

local diff = require "anyreach.text.diff"
local json = require "anyreach.json"

local planned_state = {}

-- {====== reading ======

local OWN = { "description", "active", "is_demo", "metadata" }

local function present(value)
  if value == json.null then return nil end
  return value
end

local function read_versions(api, agent, holders)
  local versions = {}
  for version in api.agents.versions.each(agent.id) do
    holders[version.id] = ("%s@%d"):format(agent.name, version.version)
    versions[version.version] = {
      published = version.published, config = version.config,
      instruction_builder_inputs = present(version.instruction_builder_inputs),
    }
  end
  return versions
end

local function read_agent(api, id, holders)
  local whole = api.agents.get(id)
  local agent = { own = {}, is_deployed = present(whole.sip_endpoint) ~= nil }
  for _, name in ipairs(OWN) do agent.own[name] = present(whole[name]) end
  agent.versions = read_versions(api, whole, holders)
  return whole.name, agent
end

--- Everything in an organisation that recipes can change.
---@param api anyreach.client
---@return table
function planned_state.read(api)
  local state, holders = { agents = {}, slots = {} }, {}
  for row in api.agents.each() do
    local name, agent = read_agent(api, row.id, holders)
    assert(not state.agents[name], name .. " is there twice")
    state.agents[name] = agent
  end
  for row in api.phone_numbers.each() do
    for _, slot in ipairs { "inbound", "outbound" } do
      local id = present(row[slot .. "_agent_version_id"])
      state.slots[row.phone_number .. " " .. slot] = id and (holders[id] or "unknown") or nil
    end
  end
  return state
end

-- }======

-- {====== differences ======

-- The keys of a path: tools[2]["a.b"].c
local function keys_of(path)
  local keys, position = {}, 1
  while position <= #path do
    local name, last = path:match("^%.?([%a_][%w_%-]*)()", position)
    if not name then name, last = path:match("^%[(%d+)%]()", position) end
    if name then
      keys[#keys + 1] = math.tointeger(tonumber(name)) or name
    else
      last = position + 1
      repeat last = assert(path:find('"%]', last), path) + 2 until pcall(json.decode, path:sub(position, last - 1))
      keys[#keys + 1] = json.decode(path:sub(position + 1, last - 2))
    end
    position = last
  end
  return keys
end

local function text_after(words)
  local parts = {}
  for _, piece in ipairs(words) do
    if piece.kind ~= "removed" then parts[#parts + 1] = piece.text end
  end
  return table.concat(parts)
end

local function copy(value)
  if value == nil then return nil end
  return json.decode(json.encode(value))
end

-- Puts one difference of an event into a value.
local function apply_difference(value, difference)
  assert(not difference.secret, "a secret cannot be predicted")
  local keys, place = keys_of(difference.path), value
  for index = 1, #keys - 1 do place = assert(place[keys[index]], difference.path) end
  local after = difference.words and text_after(difference.words) or difference.after
  if difference.change == "removed" then after = nil end
  place[keys[#keys]] = copy(after)
end

-- Elements of lists are removed from their ends.
local function apply_differences(value, differences)
  for _, difference in ipairs(differences or {}) do
    if difference.change ~= "removed" then apply_difference(value, difference) end
  end
  for index = #(differences or {}), 1, -1 do
    if differences[index].change == "removed" then apply_difference(value, differences[index]) end
  end
  return value
end

-- }======

-- {====== steps ======

local function newest(agent)
  local last = 0
  for number in pairs(agent.versions) do last = math.max(last, number) end
  return last
end

local function base_of(agent, step)
  local base = step.base_version and assert(agent.versions[step.base_version], "an unknown base_version")
  return copy(base or { config = {} })
end

local function check_content(told, version)
  for _, key in ipairs { "config", "instruction_builder_inputs" } do
    assert(#diff.compare(told[key], version[key], { exact = true }) == 0, "other differences are told")
  end
end

local GENERATED = "(generated)"

local steps = {}

function steps.create_agent(work, step)
  local own = apply_differences({}, step.differences)
  own.name = nil
  -- What the sandbox gives to a new agent.
  work.agent = { own = { active = true, is_demo = false, metadata = {} }, is_deployed = false, versions = {} }
  for key, value in pairs(own) do work.agent.own[key] = value end
  assert(not work.state.agents[work.name], "an agent of that name is there")
  work.state.agents[work.name] = work.agent
end

function steps.update_agent(work, step)
  apply_differences(work.agent.own, step.differences)
end

function steps.create_version(work, step)
  local content = apply_differences(base_of(work.agent, step), step.differences)
  work.number, work.created = newest(work.agent) + 1, true
  work.agent.versions[work.number] = { published = false, config = content.config }
end

-- After a creation it writes what that cannot take, else into the draft that it starts from.
function steps.update_version(work, step)
  local content = apply_differences(base_of(work.agent, step), step.differences)
  if work.created then
    work.agent.versions[work.number].instruction_builder_inputs = content.instruction_builder_inputs
    return
  end
  work.number = step.base_version
  content.published = false
  work.agent.versions[work.number] = content
end

-- What the platform writes cannot be predicted.
function steps.generate(work)
  local number = work.number or work.event.agent_version
  work.agent.versions[number].config.instructions = GENERATED
end

function steps.publish(work, step)
  local number = work.number or work.event.agent_version
  local version = work.agent.versions[number]
  if step.differences then
    check_content(apply_differences(base_of(work.agent, step), step.differences), version)
  end
  version.published = true
  for _, slot in ipairs(step.slots or {}) do
    local key = slot.phone_number .. " " .. slot.slot
    local before = slot.before ~= json.null and ("%s@%d"):format(slot.before.agent, slot.before.agent_version) or nil
    assert(work.before.slots[key] == before, key .. " holds something else")
    work.state.slots[key] = ("%s@%d"):format(work.name, number)
  end
end

function steps.deploy_as_sip(work)
  work.agent.is_deployed = true
end

-- }======

-- {====== events ======

-- "NAME@VERSION" of what a slot holds. What is yet to be created has no number.
local function holder_name(holder)
  if not holder or holder == json.null then return nil end
  if not holder.agent then return "unknown" end
  return ("%s@%s"):format(holder.agent, holder.agent_version or "new")
end

local readers = {}

-- Gives a number to a new version that events of slots have named before.
local function number_new(work, number)
  for key, holder in pairs(work.state.slots) do
    if holder == work.name .. "@new" then work.state.slots[key] = ("%s@%d"):format(work.name, number) end
  end
end

-- Of `migrate-prompts`: a draft that is there is changed or published, else a new version is made.
local function read_prompts(work)
  local event, versions = work.event, work.agent.versions
  if event.action ~= "write" and event.action ~= "publish" then return end
  local number = event.agent_version or newest(work.agent) + 1
  assert(not (versions[number] or {}).published, "a published version cannot be changed")
  versions[number] = apply_differences(base_of(work.agent, event), event.changes)
  versions[number].published = event.action == "publish"
  number_new(work, number)
end

-- A draft that the plan changes or publishes is named, and the newest other one, if nothing was published after it.
local function check_drafts(work, used)
  local event, versions, number = work.event, work.agent.versions, newest(work.agent)
  if number > 0 and number == used then number = number - 1 end
  local is_left = number > 0 and not versions[number].published
  assert(event.draft_used == used, "another draft is used")
  assert(event.draft_left_alone == (is_left and number or nil), "another draft is left alone")
end

-- Of `rollback`: a copy of the earlier version is made, or is there as a draft, and published. If the current version
-- equals the earlier one, only slots change.
local function read_rollback(work)
  local event, versions = work.event, work.agent.versions
  if event.action ~= "roll_back" then return end
  local number = event.agent_version or newest(work.agent) + 1
  check_drafts(work, number ~= event.from_version and event.agent_version or nil)
  check_content(apply_differences(copy(versions[event.from_version]), event.changes), versions[event.to_version])
  if number ~= event.from_version then
    assert(not (versions[number] or {}).published, "a published version cannot be changed")
    versions[number] = copy(versions[event.to_version])
  end
  number_new(work, number)
end

-- Of `provision`, `promote` and `generate-instructions`, whose events have steps; of `migrate-prompts`, `rollback` and
-- `deploy-sip`.
function readers.agent(work)
  local event = work.event
  if event.action == "failed" then return end
  if event.action == "deploy" then return steps.deploy_as_sip(work) end
  if event.to_version then return read_rollback(work) end
  if not event.steps then return read_prompts(work) end
  for _, step in ipairs(event.steps) do assert(steps[step.action], step.action)(work, step) end
end

-- Of `numbers`, `migrate-prompts` and `rollback`.
function readers.slot(work)
  local event = work.event
  local key = event.phone_number .. " " .. event.slot
  assert(work.state.slots[key] == holder_name(event.from), key .. " holds something else")
  work.state.slots[key] = holder_name(event.to)
end

-- Of `ab-test start`: a version for each variant is made, and published on the variant's numbers.
function readers.step(work)
  local event, variants = work.event, work.state.variants
  work.name, work.agent = event.agent, work.state.agents[event.agent]
  if event.action == "create" then
    steps.create_version(work, event)
    local version = work.agent.versions[work.number]
    version.instruction_builder_inputs = copy(work.agent.versions[event.base_version].instruction_builder_inputs)
    variants[event.variant] = work.number
  else
    work.number = event.agent_version or variants[event.variant]
    steps.publish(work, event)
  end
end

-- Of `ab-test conclude`: the winner's version, or a copy of it, gets slots, or they go back to what they held.
function readers.conclusion(work)
  local event, agent = work.event, work.state.agents[work.event.agent]
  local number = event.agent_version or newest(agent) + 1
  if event.base_version then agent.versions[number] = copy(agent.versions[event.base_version]) end
  for _, slot in ipairs(event.slots) do
    local key = slot.phone_number .. " " .. slot.slot
    assert(work.state.slots[key] == holder_name(slot.before), key .. " holds something else")
    work.state.slots[key] = holder_name(slot.after)
  end
  work.name = event.agent
  number_new(work, number)
end

-- }======

--- The state after a plan, from the state before and the plan's events alone.
---@param before table from planned_state.read()
---@param events table[] of `--check --json`
---@return table
function planned_state.after(before, events)
  local state = { agents = {}, slots = {}, variants = {} }
  for name, agent in pairs(before.agents) do
    local versions = {}
    for number, version in pairs(agent.versions) do versions[number] = copy(version) end
    state.agents[name] = { own = copy(agent.own), is_deployed = agent.is_deployed, versions = versions }
  end
  for key, holder in pairs(before.slots) do state.slots[key] = holder end
  for _, event in ipairs(events) do
    local work = { state = state, before = before, event = event, name = event.name, agent = state.agents[event.name] }
    if readers[event.event] then readers[event.event](work) end
  end
  return state
end

-- Lists of versions are compared by number.
local function comparable(state)
  local agents = {}
  for name, agent in pairs(state.agents) do
    local versions = {}
    for number, version in pairs(agent.versions) do versions["version " .. number] = version end
    agents[name] = { own = agent.own, is_deployed = agent.is_deployed, versions = versions }
  end
  return { agents = agents, slots = state.slots }
end

-- Puts what the platform has generated into what was expected.
local function fill_generated(expected, actual)
  for name, agent in pairs(expected.agents) do
    local versions = actual.agents[name] and actual.agents[name].versions or {}
    for number, version in pairs(agent.versions) do
      local config = versions[number] and versions[number].config or {}
      local is_text = type(config.instructions) == "string" and config.instructions ~= ""
      if version.config.instructions == GENERATED and is_text then
        version.config.instructions = config.instructions
      end
    end
  end
end

--- What one state has other than another one, in words.
---@param expected table
---@param actual table
---@return string[]
function planned_state.differences(expected, actual)
  local list = {}
  fill_generated(expected, actual)
  for _, found in ipairs(diff.compare(comparable(expected), comparable(actual), { exact = true })) do
    local before, after = found.before, found.after
    list[#list + 1] = ("%s: %s instead of %s"):format(found.path, before == nil and "nothing" or json.encode(before),
      after == nil and "nothing" or json.encode(after))
  end
  return list
end

return planned_state
