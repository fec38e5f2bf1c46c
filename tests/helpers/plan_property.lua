-- What property tests of plans have in common: --check writes nothing; the state after a run is the state before with
-- what the events of --check say; the run tells the same as its plan; and the second run writes nothing. A spec makes
-- random organisations and commands, and each_seed repeats it.
-- luacheck: read globals expect

local planned_state = require "helpers.planned_state"
local random_organization = require "helpers.random_organization"
local random_value = require "helpers.random_value"

local plan_property = {}

-- {====== what a run tells ======

-- How a run went, which its plan cannot know.
local OUTCOMES = { outcome = true, instructions = true, sip_address = true }

-- What a plan cannot know of an agent or a version that is yet to be created.
local NEW = { agent_id = true, agent_version = true, agent_version_id = true, version = true, version_id = true,
  started_at = true }

-- A value of a run, without what its plan could not know.
local function known_before(planned, value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, one in pairs(value) do
    local before = type(planned) == "table" and planned[key] or nil
    if not OUTCOMES[key] and not (NEW[key] and before == nil) then copy[key] = known_before(before, one) end
  end
  return copy
end

local EVENTS = { agent = true, slot = true, step = true, conclusion = true }

-- The events about agents and slots, without what a run calls otherwise than its plan; those of agents by name, because
-- a run may show them in another order.
local function told(events)
  local agents, others = {}, {}
  for _, event in ipairs(events) do
    if EVENTS[event.event] then
      local one, list = {}, event.event == "agent" and agents or others
      for key, value in pairs(event) do one[key] = value end
      one.error = event.error and event.error.message
      if event.event == "agent" then one.action = nil end
      list[#list + 1] = one
    end
  end
  table.sort(agents, function(a, b) return a.name < b.name end)
  return table.move(others, 1, #others, #agents + 1, agents)
end

local function check_told(plan, done)
  local planned, ran = told(plan), told(done)
  expect.equal(known_before(planned, ran), known_before(planned, planned))
end

-- }======

---@class plan_property.options
---@field api? anyreach.client of the organisation that is written to; default that of `staging`
---@field source? anyreach.client of another one, which must stay as it is
---@field again? string[]|false words of the second run; false: there is none

local DUE, PARTIAL, CONFLICT, INPUT = 2, 8, 11, 3
local CODES = { [0] = true, [DUE] = true, [PARTIAL] = true, [CONFLICT] = true, [INPUT] = true }

--- The words of a command and its options in one list.
---@param words string[]
---@param options string[]
---@return string[]
function plan_property.words(words, options)
  return table.move(options, 1, #options, #words + 1, table.move(words, 1, #words, 1, {}))
end

local function run(box, words, ...)
  return box:events(table.unpack(plan_property.words(words, { ... })))
end

-- Code 0 says that nothing is to be done, and what is to be done makes it another one.
local function check_code(code, is_due, text)
  if not CODES[code] or is_due and code == 0 then error(("exit code %d: %s"):format(code, text), 0) end
end

--- Runs a command with --check, then without, then again, and compares the organisation with what was told.
---@param box table of helpers.organizations
---@param words string[]
---@param options? plan_property.options
---@return table[] plan its events
---@return table expected the state after it
---@return table before the state before it
function plan_property.check(box, words, options)
  options = options or {}
  local api, source = options.api or box.first, options.source
  local before, source_before = planned_state.read(api), source and planned_state.read(source)
  box:writes()
  local plan, code, text = run(box, words, "--check")
  expect.equal(box:writes(), {})
  local expected = planned_state.after(before, plan)
  check_code(code, #planned_state.differences(before, expected) > 0, text)

  local done = run(box, words)
  expect.equal(planned_state.differences(expected, planned_state.read(api)), {})
  check_told(plan, done)
  if source then expect.equal(planned_state.differences(source_before, planned_state.read(source)), {}) end

  if options.again ~= false then
    box:writes()
    run(box, options.again or words)
    expect.equal(box:writes(), {})
  end
  return plan, expected, before
end

-- "7" or "1-200" as the first and the last seed.
local function given_seeds(variable)
  local first, last = (os.getenv(variable) or ""):match "^(%d+)%-?(%d*)$"
  return math.tointeger(first), math.tointeger(tonumber(last) or first)
end

--- Runs a check with seeds from 1, or with those that an environment variable names: "7" or "1-200". Failures name
--- theirs.
---@param variable string
---@param count integer
---@param check fun(random: random_organization)
function plan_property.each_seed(variable, count, check)
  local first, last = given_seeds(variable)
  for seed = first or 1, last or count do
    local one = random_organization.new((select(2, random_value.generator(seed))))
    local ok, err = xpcall(check, debug.traceback, one)
    if not ok then error(("%s=%d: %s"):format(variable, seed, err), 0) end
  end
end

return plan_property
