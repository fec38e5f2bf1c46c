-- An agent as an agent file describes it: made of what the organisation has, with references in place of ids. What an
-- agent file cannot hold is noted in words, so that nothing is lost silently.

local agent_state = require "anyreach.agents.state"
local json = require "anyreach.json"
local reference = require "anyreach.yaml.reference"
local references = require "anyreach.agents.references"
local slots = require "anyreach.agents.numbers.slots"
local variables = require "anyreach.agents.file.variables"
local yaml = require "anyreach.yaml"

local describe = {}

---@class anyreach.export_context
---@field resolver anyreach.resolver
---@field notes string[] what the file does not hold, or holds in another form
---@field has_tags boolean the file is YAML

local function note(context, format, ...)
  context.notes[#context.notes + 1] = format:format(...)
end

-- {====== phone numbers ======

-- The direction in which slots hold the exported version, or nil.
local function direction_of(held)
  for _, direction in ipairs { "both", "inbound", "outbound" } do
    local holds_all = true
    for _, slot in ipairs(slots.of(direction)) do holds_all = holds_all and held[slot] == agent_state.IN_USE end
    if holds_all then return direction end
  end
end

local function note_other_slots(context, number, held)
  for _, slot in ipairs(slots.names) do
    if held[slot] and held[slot] ~= agent_state.IN_USE then
      note(context, "%s %s is held by %s, which is not the one exported; it is left out", number, slot, held[slot])
    end
  end
end

-- number -> set of the slots that hold the version, of the numbers that a file can name.
local function claims(context, state)
  local found, is_published = {}, state.version and state.version.published == true
  for number, held in pairs(state.slots) do
    note_other_slots(context, number, held)
    if is_published and direction_of(held) then
      found[number] = {}
      for _, slot in ipairs(slots.of(direction_of(held))) do found[number][slot] = agent_state.IN_USE end
    end
  end
  return found
end

-- Takes the slots that an entry of the file claims out of those that are held; false when they are not all held.
local function take(held, direction)
  for _, slot in ipairs(slots.of(direction)) do
    if not held[slot] then return false end
  end
  for _, slot in ipairs(slots.of(direction)) do held[slot] = nil end
  return true
end

-- The number that an entry of a file means, and the direction.
local function read_entry(context, entry)
  local number, direction = entry, "inbound"
  if type(entry) == "table" and not yaml.is_tag(entry) then
    number, direction = entry.number, entry.direction or "inbound"
  end
  if type(number) == "table" and yaml.is_tag(number) then
    local named = number.tag == "!ref" and reference.parse(number.value)
    number = named and context.resolver:id(named.kind, named.name)
      or number.tag == "!env" and variables.value(number)
  end
  return number, direction
end

-- Numbers have names of their own only where an environment file gives them.
local function number_value(context, number)
  local found = context.has_tags and context.resolver:find(number)
  return found and found.name ~= number and found or number
end

local function new_entry(context, number, direction)
  local value = number_value(context, number)
  return direction == "inbound" and value or { number = value, direction = direction }
end

-- The entries of the file that still hold, then the others in the order of the numbers.
local function phone_numbers(context, state, old)
  local found, list, rest = claims(context, state), json.array {}, {}
  for _, entry in ipairs(type(old) == "table" and not yaml.is_tag(old) and old or {}) do
    local number, direction = read_entry(context, entry)
    if number and found[number] and take(found[number], direction) then list[#list + 1] = entry end
  end
  for number, held in pairs(found) do
    if direction_of(held) then rest[#rest + 1] = number end
  end
  table.sort(rest)
  for _, number in ipairs(rest) do list[#list + 1] = new_entry(context, number, direction_of(found[number])) end
  return list
end

-- }======

local function present(value)
  if value == json.null then return nil end
  return value
end

-- The agent's own fields. A value that a new agent has anyway is only written when the file has the key.
local function own_fields(agent, old)
  local metadata = present(agent.metadata)
  local is_empty = metadata == nil or next(metadata) == nil
  local is_demo
  if agent.is_demo == true or old.is_demo ~= nil then is_demo = agent.is_demo == true end
  return {
    description = present(agent.description) or old.description and json.null,
    active = agent.active,
    is_demo = is_demo,
    metadata = (not is_empty or old.metadata ~= nil) and (metadata or json.null) or nil,
  }
end

-- Instructions that the platform generates from the inputs do not belong in the file.
local function version_fields(state, old)
  local version = state.version
  if not version then return {} end
  local config, is_generated = version.config, old.generate == true
  if is_generated and type(config) == "table" then
    config = {}
    for key, value in pairs(version.config) do
      if key ~= "instructions" then config[key] = value end
    end
    if next(config) == nil and old.config == nil then config = nil end
  end
  local publish
  if version.published ~= true then publish = false elseif old.publish ~= nil then publish = true end
  return {
    config = config,
    generate = old.generate,
    instruction_builder_inputs = present(version.instruction_builder_inputs),
    publish = publish,
  }
end

local function note_problems(context, unresolved)
  for _, problem in ipairs(unresolved) do
    note(context, "%s: %s; it is left as it is", problem.path, problem.message)
  end
end

--- What a file is to say about an agent, with references in place of ids where the file can hold them.
---@param context anyreach.export_context
---@param state anyreach.agent_state
---@param old table what the file says already, with tags; {} for a new one
---@return table
function describe.agent(context, state, old)
  local value = {}
  for _, fields in ipairs { own_fields(state.agent, old), version_fields(state, old) } do
    for key, field in pairs(fields) do value[key] = field end
  end
  if context.has_tags then
    local unresolved
    value, unresolved = references.extract(value, context.resolver)
    note_problems(context, unresolved)
  end
  value.name = state.agent.name
  local numbers = phone_numbers(context, state, old.phone_numbers)
  if #numbers > 0 or old.phone_numbers ~= nil then value.phone_numbers = numbers end
  local is_deployed = present(state.agent.sip_endpoint) ~= nil
  if is_deployed or old.deploy_as_sip ~= nil then value.deploy_as_sip = is_deployed end
  local draft = agent_state.newer_draft(state)
  if draft then note(context, "draft %d is newer than what is exported, and is left out", draft) end
  return value
end

return describe
