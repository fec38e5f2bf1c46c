-- Plans what is to be done for an agent's version: which version is the one to use, and the steps that write it. What
-- is written is the published configuration with what the file names laid over it (agents/contents.lua). A draft that
-- was not written from here is somebody's work: it is neither changed nor published, unless it is exactly what would
-- be written. Pure.

local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local generation = require "anyreach.agents.generation"
local json = require "anyreach.json"

local version_plan = {}

---@class anyreach.version_plan
---@field steps anyreach.step[]
---@field version table|nil the one to use; nil when it is yet to be created
---@field differences anyreach.difference[] from the version in use to the one that will be
---@field base_version integer|nil the version that these are the differences from
---@field draft_used integer|nil number of a draft that was not written from here and is published, or written to
---@field draft_left_alone integer|nil number of a newer draft that is neither changed nor published
---@field is_own_draft boolean|nil that draft was written from here
---@field content table what the version to use holds, or will hold: config, instruction_builder_inputs

-- {====== what is to be written ======

local NOTHING = { config = {} }

local function without_instructions(config)
  local copy = {}
  for key, value in pairs(config or {}) do
    if key ~= "instructions" then copy[key] = value end
  end
  return copy
end

local function with_instructions(config, instructions)
  local copy = without_instructions(config)
  copy.instructions = instructions
  return copy
end

-- What a file says of a version. All of it with `exact`: a file without inputs has none then.
local function content_of(wanted, options)
  local inputs = wanted.inputs
  if inputs == nil and options.exact then inputs = json.null end
  return { config = wanted.config, instruction_builder_inputs = inputs }
end

-- What a version will hold that is made from a base. Without a text, instructions that the platform generates are
-- not there.
local function target_of(wanted, base, options, instructions)
  local content, below = content_of(wanted, options), contents.of_version(base or NOTHING)
  if wanted.generate then
    content.config = with_instructions(content.config, instructions)
    below.config = without_instructions(below.config)
  end
  local whole = contents.written(content, below, options.exact)
  if content.instruction_builder_inputs == nil then
    whole.instruction_builder_inputs = below.instruction_builder_inputs
  end
  return contents.of_version(whole)
end

local function all_differences(target, version)
  return contents.all_differences(target, contents.of_version(version or NOTHING))
end

local function is_same_inputs(wanted, version, options)
  local content = { instruction_builder_inputs = content_of(wanted, options).instruction_builder_inputs }
  return #contents.differences(content, contents.of_version(version), options.exact) == 0
end

-- What writing would change in a version. Generated instructions may be any, but must be there.
local function changes_to(wanted, version, options)
  local found = all_differences(target_of(wanted, version, options, generation.instructions(version)), version)
  if wanted.generate and not generation.instructions(version) then
    table.insert(found, 1, { path = "config.instructions", change = "added" })
  end
  return found
end

-- }======

-- {====== drafts ======

-- True for a draft that may be changed.
local function is_ours(state, options)
  return state.draft ~= nil and (state.is_own_draft or options.update_draft) == true
end

-- The version whose fields a new content keeps.
local function base_of(wanted, state, options)
  local keeps_draft = is_ours(state, options) and (options.update_draft or not wanted.publish)
  if keeps_draft then return state.draft end
  return state.published
end

-- True when a draft is what would be written now. Generated instructions may be any, if they were made from the same
-- inputs.
local function is_as_written(wanted, draft, base, options)
  local instructions = wanted.generate and is_same_inputs(wanted, draft, options) and generation.instructions(draft)
  if wanted.generate and not instructions then return false end
  return #all_differences(target_of(wanted, base, options, instructions or nil), draft) == 0
end

-- }======

-- {====== the version to use, when there is one ======

-- The draft comes before the published version where nothing is to be published.
local function find_unpublished(wanted, state, options)
  local list = { is_ours(state, options) and state.draft or false, state.published or false, state.draft or false }
  for _, version in ipairs(list) do
    if version and #changes_to(wanted, version, options) == 0 then return version end
    if version and version == state.draft and is_ours(state, options) then return nil end
  end
end

-- A draft that is as it would be written was left by a run that was cut off, whoever wrote it; publishing it loses
-- nobody's fields.
local function find_published(wanted, state, options)
  if options.always_publish then return nil end
  local published, draft = state.published, state.draft
  if published and #changes_to(wanted, published, options) == 0 then return published end
  return draft and is_as_written(wanted, draft, base_of(wanted, state, options), options) and draft or nil
end

-- }======

-- {====== writing it ======

local function append(list, value)
  list[#list + 1] = value
end

-- Generated instructions stay valid as long as the inputs are the same.
local function instructions_to_keep(wanted, state, options)
  local versions = {}
  if is_ours(state, options) then append(versions, state.draft) end
  append(versions, state.published)
  for _, version in ipairs(versions) do
    local text = generation.instructions(version)
    if text and is_same_inputs(wanted, version, options) then return text end
  end
end

-- The differences of one key, from a version to what is written into it. That instructions go to be generated anew
-- is told by that step.
local function differences_of(key, target, base, is_generated)
  local found = {}
  for _, difference in ipairs(diff.compare(target[key], contents.of_version(base or NOTHING)[key],
    { path = key, exact = true })) do
    if not (is_generated and difference.path == "config.instructions") then append(found, difference) end
  end
  return found
end

-- A new version has no inputs; those of the base are kept.
local function add_new_version(steps, target, base, is_generated)
  local number = base and base.version
  append(steps, { action = "create_version", fields = { config = target.config }, base_version = number,
    differences = differences_of("config", target, base, is_generated) })
  local inputs = target.instruction_builder_inputs
  if inputs ~= nil then
    append(steps, { action = "update_version", fields = { instruction_builder_inputs = inputs }, base_version = number,
      differences = differences_of("instruction_builder_inputs", target, base) })
  end
end

-- The fields of the draft that are still to be written, and what they change; nil when there are none. Instructions
-- that are to be generated anew are cleared first, so that after an interruption the old ones are not taken for new.
local function fields_for_draft(target, draft, options, is_generated)
  local due, differences = {}, {}
  local is_stale = is_generated and generation.instructions(draft) ~= nil
  for _, key in ipairs { "config", "instruction_builder_inputs" } do
    local found = differences_of(key, target, draft, is_generated)
    local is_due = #found > 0 or options.always_publish or key == "config" and is_stale
    if is_due then due[key] = target[key] end
    table.move(found, 1, #found, #differences + 1, differences)
  end
  return next(due) and due or nil, differences
end

-- Inputs cannot be taken away from a draft; a new version has none.
local function can_write_to(draft, target)
  return target.instruction_builder_inputs ~= nil or contents.of_version(draft).instruction_builder_inputs == nil
end

local function update_draft(steps, target, draft, options, generate)
  local due, differences = fields_for_draft(target, draft, options, generate)
  if due then
    append(steps, { action = "update_version", fields = due, base_version = draft.version, differences = differences })
  end
  return not due and generation.is_running(draft)
end

-- Adds the steps; returns the content that they write, and the draft that it is written to, if any.
local function write(steps, wanted, state, options)
  local kept = wanted.generate and instructions_to_keep(wanted, state, options) or nil
  local generate, base, is_running = wanted.generate and not kept, base_of(wanted, state, options), false
  local target = target_of(wanted, base, options, kept)
  local draft = is_ours(state, options) and can_write_to(state.draft, target) and state.draft or nil
  if draft then
    is_running = update_draft(steps, target, draft, options, generate)
  else
    add_new_version(steps, target, base, generate)
  end
  if generate then append(steps, { action = "generate", start = not is_running }) end
  return target, draft
end

-- }======

-- What is in use now, or would be if drafts counted.
local function version_before(wanted, state, options)
  if not wanted.publish and is_ours(state, options) then return state.draft end
  return state.published or is_ours(state, options) and state.draft or nil
end

-- What becomes of drafts that were not written from here.
local function note_drafts(result, wanted, state)
  local draft, version = state.draft, result.version
  local is_used = draft and version and version.version == draft.version
  if is_used and not state.is_own_draft and (wanted.publish or #result.steps > 0) then
    result.draft_used = draft.version
  end
  local other = state.other_draft or not is_used and draft or nil
  if other then
    result.draft_left_alone, result.is_own_draft = other.version, other == draft and state.is_own_draft or nil
  end
end

local function without_generated(differences, steps)
  local last = steps[#steps]
  if not last or last.action ~= "generate" then return differences end
  local rest = {}
  for _, difference in ipairs(differences) do
    if difference.path ~= "config.instructions" then append(rest, difference) end
  end
  return rest
end

--- Plans a version.
---@param wanted anyreach.wanted with a config
---@param state anyreach.agent_state
---@param options anyreach.provision_options
---@return anyreach.version_plan
function version_plan.make(wanted, state, options)
  local result = { steps = {}, differences = {} }
  local find = wanted.publish and find_published or find_unpublished
  result.version = find(wanted, state, options)
  if result.version then
    result.content = contents.of_version(result.version)
  else
    result.content, result.version = write(result.steps, wanted, state, options)
  end
  local before = version_before(wanted, state, options)
  if before then
    result.base_version = before.version
    result.differences = without_generated(all_differences(result.content, before), result.steps)
  end
  note_drafts(result, wanted, state)
  return result
end

return version_plan
