-- Promotion: agents of one organisation to another. Reads both, plans everything, and writes only when all references
-- are resolved; one agent's conflict does not stop the others. Three versions of an agent matter: what was last
-- promoted (the base), what the source has now, and what the target has now. The lock notes the base by the number of
-- a published version, which can be read again because published versions do not change.

local account = require "anyreach.account.identity"
local adaptation = require "anyreach.agents.promotion.adaptation"
local agent_lookup = require "anyreach.agents.lookup"
local agent_state = require "anyreach.agents.state"
local base = require "anyreach.agents.promotion.base"
local checked = require "anyreach.agents.checked"
local contents = require "anyreach.agents.contents"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local group_write = require "anyreach.agents.group_write"
local json = require "anyreach.json"
local merge = require "anyreach.agents.merge"
local number_state = require "anyreach.agents.numbers.number_state"
local provision = require "anyreach.agents.provision"
local provision_plan = require "anyreach.agents.provision.plan"
local references = require "anyreach.agents.references"
local report = require "anyreach.report"
local slots = require "anyreach.agents.numbers.slots"
local takeovers = require "anyreach.agents.provision.takeovers"
local tasks = require "anyreach.client.tasks"

local promotion = {}

promotion.OTHERS = "which is not promoted" -- who holds numbers that are not taken without being allowed to

---@class anyreach.promotion_sides
---@field source anyreach.client
---@field target anyreach.client
---@field source_ids table|nil ids of the source's environment file
---@field target_ids table|nil
---@field environment? anyreach.environment of the target
---@field lock anyreach.lock
---@field intents anyreach.intents|nil of the target

---@class anyreach.promotion_item
---@field name string
---@field choice anyreach.promotion_choice
---@field row anyreach.lock_row|nil what the lock notes of the last promotion
---@field state anyreach.agent_state what the target has
---@field content table what the source has, in the target's terms
---@field base table|nil what was last promoted, in the target's terms
---@field own table fields of the agent itself, for one that is to be created
---@field numbers {number: string, direction: string}[] that the version gets
---@field replaced table<string, any> path -> value, of what the target's environment file gives
---@field secrets anyreach.secret[]
---@field kept string[] paths of fields that keep what the target has changed
---@field written table what the version holds, or will hold, in the words of the source
---@field there table|nil what the target has, as it came back
---@field action "create"|"update"|"unchanged"|"conflict"|"skipped"|"failed"
---@field conflicts anyreach.merge_conflict[]
---@field differences anyreach.difference[] from what the target has to what it gets
---@field change anyreach.change|nil for provision.apply; nil when there is nothing to be done

---@class anyreach.promotion_options
---@field decide? "ours"|"theirs"|"skip" ours: the source's value; theirs: the target's; skip: leave the agent
---@field publish? boolean default true
---@field check? boolean nothing is waited for
---@field take_numbers? boolean|(fun(change: anyreach.change, taken: anyreach.taken_slot[]): boolean) also from agents
--- that are not promoted

local function add_problems(problems, name, found)
  for _, problem in ipairs(found) do
    problems[#problems + 1] = { path = ("%s: %s"):format(name, problem.path), message = problem.message }
  end
end

local function fail_if_any(problems)
  if #problems > 0 then error(errors.make { kind = "input", problems = problems }, 0) end
end

-- {====== which agents ======

---@class anyreach.promotion_choice
---@field agent table of the source
---@field version table the version to promote, with its configuration
---@field version_ids table<string, true> of all versions of the agent

local function ids_of(versions)
  local ids = {}
  for _, version in ipairs(versions) do
    if version.id then ids[version.id] = true end
  end
  return ids
end

local function choose(api, agent, number)
  local versions = agent_lookup.versions_of(api, agent, true)
  local version = number and agent_lookup.numbered(versions, number) or not number and agent_lookup.published(versions)
  if not version then
    return nil, number and ("there is no version %d"):format(number) or "no version is published"
  elseif version.published ~= true then
    return nil, ("version %d is a draft; only published versions are promoted, for they do not change"):format(number)
  end
  return { agent = agent, version = agent_lookup.with_config(api, agent.id, version), version_ids = ids_of(versions) }
end

--- The agents of some words, "NAME" or "NAME@VERSION".
---@param api anyreach.client of the source
---@param words string[]
---@param problems {path: string, message: string}[] to which problems are added
---@return anyreach.promotion_choice[] in the order of the words
function promotion.named(api, words, problems)
  local chosen, seen = {}, {}
  for _, word in ipairs(words) do
    local name, number = agent_lookup.split(word)
    local agent = agent_lookup.find(api, name)
    local one, problem = choose(api, agent, number)
    if one and seen[agent.id] then one, problem = nil, "the agent is named twice" end
    seen[agent.id] = true
    if not one then problems[#problems + 1] = { path = agent.name, message = problem } end
    chosen[#chosen + 1] = one
  end
  return chosen
end

--- All agents with a published version.
---@param api anyreach.client of the source
---@return anyreach.promotion_choice[] sorted by name
---@return string[] left_out names of agents without one
function promotion.all(api)
  local agents, chosen, left_out = agent_lookup.all(api), {}, {}
  table.sort(agents, function(a, b) return a.name < b.name end)
  local found = tasks.map(agents, function(agent) return choose(api, agent) or false end)
  for index, one in ipairs(found) do
    if one then chosen[#chosen + 1] = one else left_out[#left_out + 1] = agents[index].name end
  end
  return chosen, left_out
end

-- }======

-- {====== reading ======

local function last_promotion(sides, choice)
  return sides.lock:promotion(account.learn(sides.source).key, account.learn(sides.target).key, choice.agent.name)
end

-- The version that was last promoted, in the target's terms; nil when the lock notes none, or notes another agent.
local function read_base(sides, translator, choice, target_agent)
  local row = last_promotion(sides, choice)
  if not row or not row.from_version or not target_agent or row.agent_id ~= target_agent.id then return nil end
  if row.from_agent_id and row.from_agent_id ~= choice.agent.id then return nil end
  if row.from_version == choice.version.version then
    return (translator:value(contents.of_version(choice.version)))
  end
  local version, err = sides.source.try.agents.versions.get(choice.agent.id, row.from_version)
  if errors.is_error(err) then
    if err.kind == "not_found" then return nil end
    error(err, 0)
  end
  return (translator:value(contents.of_version(checked.object("whole_version", version, "agents.versions.get"))))
end

local function read_state(reader, sides, choice)
  local row = last_promotion(sides, choice)
  local name = choice.agent.name
  local known_id = row and row.agent_id or sides.intents and sides.intents:id(name)
  local state = reader:find(name, { known_id = known_id, draft = row and row.draft })
  local draft = state.draft
  state.is_own_draft = draft and row and row.draft == draft.version and row.agent_id == state.agent.id
    and row.draft_digest == contents.draft_digest(draft, { generate = false }) or nil
  return state
end

local function read_item(sides, reader, translator, choice)
  local state = read_state(reader, sides, choice)
  return {
    name = choice.agent.name, choice = choice, state = state, numbers = {}, replaced = {}, secrets = {},
    row = last_promotion(sides, choice),
    kept = {}, base = read_base(sides, translator, choice, state.agent),
  }
end

-- }======

-- {====== phone numbers ======

local function add_number_problem(problems, item, number, format, ...)
  problems[#problems + 1] = { path = ("%s: %s"):format(item.name, number), message = format:format(...) }
end

-- The direction in which a number of the source holds some version of an agent, or nil.
local function direction_of(phone_number, version_ids)
  local held = {}
  for _, slot in ipairs(slots.names) do
    if version_ids[slots.version_id(phone_number, slot)] then held[#held + 1] = slot end
  end
  return #held == 2 and "both" or held[1]
end

local function check_claim(claimed, item, number, direction, problems)
  for _, slot in ipairs(slots.of(direction)) do
    local key = number .. " " .. slot
    if claimed[key] then
      add_number_problem(problems, item, number, "its %s slot is already claimed by '%s'", slot, claimed[key])
    end
    claimed[key] = claimed[key] or item.name
  end
end

-- Adds one number to an item.
local function claim(item, number, direction, by_number, problems)
  if not by_number[number] then
    return add_number_problem(problems, item, number, "the target has no such number; say which one is meant in its "
      .. "environment file, as references: {number: {\"%s\": NUMBER}}", number)
  end
  item.state.numbers[number] = by_number[number]
  table.insert(item.numbers, { number = number, direction = direction })
end

local function claim_all(item, phone_numbers, by_number, translator, claimed, problems)
  for _, phone_number in ipairs(phone_numbers) do
    local direction = direction_of(phone_number, item.choice.version_ids)
    if direction then
      local number, problem = translator:number(phone_number.phone_number)
      if number then
        check_claim(claimed, item, number, direction, problems)
        claim(item, number, direction, by_number, problems)
      else
        add_number_problem(problems, item, phone_number.phone_number, "%s", problem)
      end
    end
  end
end

-- Gives each item the numbers that reach its agent in the source, as numbers of the target, in the same directions.
-- `phone_numbers` holds those of all phone numbers of `source` and `target`.
local function claim_numbers(items, phone_numbers, translator, problems)
  local by_number, claimed = {}, {}
  for _, phone_number in ipairs(phone_numbers.target) do by_number[phone_number.phone_number] = phone_number end
  for _, item in ipairs(items) do
    claim_all(item, phone_numbers.source, by_number, translator, claimed, problems)
  end
end

-- }======

-- {====== merging ======

-- What the target has of a version: the published one, else a draft of somebody else.
local function present_version(state)
  return state.published or not state.is_own_draft and state.draft or nil
end

local function present_content(state)
  local version = present_version(state)
  return version and contents.of_version(version)
end

-- A version that holds something else.
local function version_with(version, content)
  local copy = {}
  for key, value in pairs(version) do copy[key] = value end
  copy.config, copy.instruction_builder_inputs = content.config, content.instruction_builder_inputs
  return copy
end

local function inputs_of(content)
  local inputs = content.instruction_builder_inputs
  if inputs == json.null then return nil end
  return inputs
end

---@return anyreach.wanted
local function wanted_of(item, content, options)
  return {
    name = item.name, own = item.state.agent and {} or item.own, config = content.config or {},
    inputs = inputs_of(content), generate = false, publish = options.publish ~= false, numbers = item.numbers,
    deploy_as_sip = false, secrets = item.secrets,
  }
end

-- A draft in the target is somebody's work, unless it was written from here, or is what is to be written: then an
-- earlier run was cut off. One of our own is in the words in which it was written.
local function without_other_draft(state, content, draft_fields)
  local draft, other, is_own = state.draft, nil, state.is_own_draft
  if is_own then
    draft = version_with(draft, base.as_written(contents.of_version(draft), draft_fields, content, state.agent.id))
  elseif draft and #contents.all_differences(content, contents.of_version(draft)) > 0 then
    draft, other = nil, draft
  end
  return { agent = state.agent, published = state.published, draft = draft, other_draft = other or state.other_draft,
    is_own_draft = is_own, numbers = state.numbers }
end

-- All of a version is promoted, and the draft that is left may be written to.
local OF_PLANS = { exact = true, update_draft = true, allow_empty_instructions = true }

local function make_change(item, content, options)
  local wanted = wanted_of(item, content, options)
  local version = { config = wanted.config, instruction_builder_inputs = wanted.inputs }
  local state = without_other_draft(item.state, version, item.row and item.row.draft_fields)
  local made = provision_plan.make(wanted, state, OF_PLANS)
  item.action = #made.steps == 0 and "unchanged" or state.agent and "update" or "create"
  item.change = {
    name = item.name, agent = wanted, remote = state, steps = made.steps, changes = made.changes,
    differences = made.differences, draft = made.version, version = made.version and made.version.version,
    action = item.action, agent_id = state.agent and state.agent.id, draft_used = made.draft_used,
    draft_left_alone = made.draft_left_alone,
    plan_for = function(other) -- the agent's own fields are not promoted to one that is there
      wanted.own = {}
      return provision_plan.make(wanted, without_other_draft(other, version), OF_PLANS)
    end,
  }
end

local preferences = { ours = "source", theirs = "target" }

-- The paths of what stays as the target has it, though the source has another value, and no choice was made.
local function kept_paths(item, merged)
  local seen, kept = {}, {}
  for _, conflict in ipairs(item.conflicts) do seen[conflict.path] = true end
  for _, path in ipairs(diff.paths(contents.all_differences(item.content, merged))) do
    if not seen[path] then kept[#kept + 1] = path end
  end
  return kept
end

-- Merges, and finds the steps.
local function complete(item, options)
  local present, merged = present_content(item.state), item.content
  item.conflicts, item.differences = {}, {}
  if present then
    merged, item.conflicts = merge.run(item.base, item.content, present, preferences[options.decide])
    item.differences = contents.all_differences(merged, present)
    item.kept = kept_paths(item, merged)
  elseif item.state.is_own_draft then
    item.differences = contents.all_differences(merged, contents.of_version(item.state.draft))
  end
  item.written = merged
  if #item.conflicts > 0 and not preferences[options.decide] then
    item.action = options.decide == "skip" and "skipped" or "conflict"
  else
    make_change(item, merged, options)
  end
end

-- }======

-- {====== planning ======

-- In the target agents are identified by name alone.
local function check_names(chosen, problems)
  local ids = {}
  for _, choice in ipairs(chosen) do
    local name, id = choice.agent.name, choice.agent.id
    if ids[name] then
      local message = ("two agents have this name: %s, %s; rename one"):format(ids[name], id)
      problems[#problems + 1] = { path = name, message = message }
    end
    ids[name] = id
  end
end

-- Agents that this run creates are referred to before they exist.
local function expect_agents(items, resolver)
  for _, item in ipairs(items) do
    if not item.state.agent and resolver:lacks("agent", item.name) then resolver:expect("agent", item.name) end
  end
end

-- The source's content in the target's terms, with what its environment file says.
local function convert_item(item, sides, translator, resolver, problems)
  local found
  item.content, found = translator:value(contents.of_version(item.choice.version))
  add_problems(problems, item.name, found)
  if not item.state.agent then
    item.own, found = translator:value(contents.own(item.choice.agent))
    add_problems(problems, item.name, found)
  end
  local all = {}
  for key, value in pairs(item.own or {}) do all[key] = value end
  for key, value in pairs(item.content) do all[key] = value end
  item.replaced, item.secrets = adaptation.overlay(sides.environment, item.name, all, resolver, problems)
  adaptation.keep_secrets(item.name, all, present_content(item.state), item.replaced, problems)
  item.own = item.own and contents.own(all)
  item.content = contents.of_version(all)
end

-- The version that the target has holds this in the words in which it was written.
local function read_as_written(item, content)
  local state, version = item.state, present_version(item.state)
  item.there = contents.of_version(version)
  local key = version == state.published and "published" or "draft"
  state[key] = version_with(version, content)
end

-- What source and target have in common, with the same environment.
local function complete_base(item, sides)
  local present, agent = present_content(item.state), item.state.agent
  if not present then return end
  if not item.base then
    item.base = base.of_files(sides.lock:get(account.learn(sides.target).key, item.name), present, agent.id)
  else
    local fields = item.row.fields
    item.base = base.with_given(item.base, item.replaced, fields, present, agent.id)
    adaptation.keep_secrets(item.name, item.base, present, item.replaced)
    read_as_written(item, base.as_written(present, fields, item.base, agent.id))
  end
end

local function convert(items, sides, translator, resolver, problems)
  for _, item in ipairs(items) do
    convert_item(item, sides, translator, resolver, problems)
    complete_base(item, sides)
  end
end

-- Numbers are taken from agents that are not promoted only when that is allowed.
local function check_takeovers(reader, items, options)
  local changes = {}
  for _, item in ipairs(items) do changes[#changes + 1] = item.change end
  takeovers.check(reader.search, changes, options.take_numbers, promotion.OTHERS)
  for _, item in ipairs(items) do
    if item.change and item.change.error then item.action = "failed" end
  end
end

-- What an interrupted run may have created is looked for before it counts as missing.
local function look_for_interrupted(sides, chosen, options)
  if not sides.intents then return end
  local names = {}
  for _, choice in ipairs(chosen) do
    if not last_promotion(sides, choice) then names[#names + 1] = choice.agent.name end
  end
  sides.intents:await(sides.target, names, options.check)
end

--- What promotes agents. Only reads. References that cannot be resolved in the target raise one error of kind "input"
--- that lists them all.
---@param sides anyreach.promotion_sides
---@param chosen anyreach.promotion_choice[]
---@param options anyreach.promotion_options|{numbers?: boolean, on_step?: fun()} on_step: one more was read
---@return anyreach.promotion_item[] in the order of the choice
function promotion.plan(sides, chosen, options)
  local resolver = references.resolver(sides.target, sides.target_ids)
  local translator = references.translator(references.resolver(sides.source, sides.source_ids), resolver)
  local reader, problems = agent_state.reader(sides.target, #chosen), {}
  check_names(chosen, problems)
  fail_if_any(problems)
  look_for_interrupted(sides, chosen, options)
  local items = tasks.map(chosen, function(choice)
    local item = read_item(sides, reader, translator, choice)
    if options.on_step then options.on_step() end
    return item
  end)
  expect_agents(items, resolver)
  convert(items, sides, translator, resolver, problems)
  if options.numbers then
    local phone_numbers =
      { source = number_state.phone_numbers(sides.source), target = number_state.phone_numbers(sides.target) }
    claim_numbers(items, phone_numbers, translator, problems)
  end
  fail_if_any(problems)
  for _, item in ipairs(items) do
    complete(item, options)
    if item.change then item.change.resolver = resolver end
  end
  check_takeovers(reader, items, options)
  return items
end

-- }======

-- {====== writing ======

-- What is noted of the version's values; what was written is read again. A value that gave way to the target's stays
-- noted as it was.
local function fields_of(sides, item, agent_id, number)
  local there = #item.change.steps == 0 and item.there
    or contents.of_version(agent_lookup.version(sides.target, agent_id, number))
  local fields = base.note(item.written, item.replaced, there, agent_id)
  for _, path in ipairs(fields and item.kept or {}) do
    fields[path] = item.row and item.row.fields and item.row.fields[path]
  end
  return fields and next(fields) and fields or nil
end

local function note_promoted(sides, item, progress)
  local from, to = account.learn(sides.source).key, account.learn(sides.target).key
  local agent_id, number = progress.agent.id, progress.version.version
  local ok, fields = pcall(fields_of, sides, item, agent_id, number)
  sides.lock:set_promotion(from, to, item.name, {
    from_agent_id = item.choice.agent.id, from_version = item.choice.version.version,
    agent_id = agent_id, version = number, fields = ok and fields or nil,
  })
  if not ok then report.warn("%s: what came back of what was written is not noted: %s", item.name, tostring(fields)) end
end

-- Notes an agent that was created, or a draft, before anything else happens to it: the next run takes what is not noted
-- for somebody else's.
local function note_begun(sides, item, agent, version)
  local facts = { agent_id = agent.id, from_agent_id = item.choice.agent.id }
  if version then
    facts.draft, facts.draft_digest = version.version, contents.draft_digest(version, { generate = false })
    facts.draft_fields = base.note(item.written, {}, contents.of_version(version), agent.id)
  end
  sides.lock:set_promoted_draft(account.learn(sides.source).key, account.learn(sides.target).key, item.name, facts)
end

-- Writes the lock; returns why it cannot be written.
local function write_lock(sides)
  local ok, err = pcall(sides.lock.write, sides.lock)
  if ok then return nil end
  return errors.is_error(err) and err or error(err, 0)
end

--- Carries out what was planned, and notes in the lock what was created, drafted and published. That the lock cannot be
--- written stops nothing: an agent that was promoted is one all the same.
---@param sides anyreach.promotion_sides
---@param items anyreach.promotion_item[] those with a change are carried out
---@param options anyreach.promotion_options|anyreach.run_options
---@return anyreach.provision_result[] of the items with a change, in their order
---@return anyreach.error|nil problem why the lock does not note all of it
function promotion.apply(sides, items, options)
  local changes, by_change, of_change = {}, {}, {}
  for _, item in ipairs(items) do
    if item.change then
      changes[#changes + 1] = item.change
      by_change[#changes], of_change[item.change] = item, item
    end
  end
  local index, problem = 0, nil
  local group <close> = group_write.new(function() problem = write_lock(sides) or problem end)
  local function begun(change, agent, version)
    note_begun(sides, of_change[change], agent, version)
    group:wait()
  end
  local results = provision.apply(sides.target, changes, {
    intents = sides.intents,
    on_step = options.on_step,
    on_created = function(change, agent)
      if options.on_created then options.on_created(change, agent) end
      begun(change, agent)
    end,
    on_draft = begun,
    on_applied = options.publish ~= false and function(change, progress)
      note_promoted(sides, of_change[change], progress)
      group:soon()
    end or nil,
    on_result = function(result)
      index = index + 1
      if options.on_result then options.on_result(result, by_change[index]) end
    end,
  })
  group:finish()
  if sides.intents then sides.intents:finish() end
  return results, problem
end

-- }======

return promotion
