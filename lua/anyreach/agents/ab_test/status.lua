-- The status of an experiment: reads the conversations of its variants' versions since the start and analyses them.

local analysis = require "anyreach.agents.ab_test.analysis"
local conversations = require "anyreach.agents.ab_test.conversations"
local errors = require "anyreach.errors"
local experiment_state = require "anyreach.agents.ab_test.experiment_state"
local report = require "anyreach.report"
local timestamp = require "anyreach.text.timestamp"

local status = {}

---@class anyreach.ab_view what the presentations show
---@field state anyreach.ab_state
---@field result anyreach.ab_result
---@field elsewhere integer conversations over other numbers, which were left out
---@field lift number
---@field alpha number
---@field success string what counts as success, in words

--- The state of an experiment. One that was never started is an error of kind "input", one of another
--- organisation of kind "conflict".
---@param api anyreach.client
---@param experiment anyreach.experiment
---@return anyreach.ab_state
function status.require_state(api, experiment)
  local state = experiment_state.read(experiment.file)
  if not state then
    errors.raise("input", "the experiment '%s' was not started: no %s", experiment.name,
      experiment_state.path(experiment.file))
  end
  experiment_state.check_account(api, state)
  if state.question ~= experiment.question then
    report.warn("%s asks a different question than when the experiment began; a verdict on a question that was "
      .. "chosen after looking may be false more often than alpha says", experiment.file)
  end
  return state
end

local function set_of(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

local function sources_of(state, match_numbers)
  local sources, names = {}, {}
  for index, variant in ipairs(state.variants) do
    names[index] = variant.name
    if variant.version_id then
      sources[#sources + 1] = {
        variant = variant.name,
        filter = { agent_version_id = variant.version_id },
        numbers = match_numbers and set_of(variant.phone_numbers) or nil,
      }
    end
  end
  return sources, names
end

--- Reads and analyses.
---@param api anyreach.client
---@param experiment anyreach.experiment
---@param options? {most?: integer}
---@return anyreach.ab_view
function status.read(api, experiment, options)
  local state = status.require_state(api, experiment)
  local sources, names = sources_of(state, experiment.match_numbers)
  local read = conversations.read(api, sources, {
    from = state.started_at,
    to = state.concluded_at or timestamp.format(os.time() * 1000000),
    caller = experiment.caller,
    outcome = experiment.outcome,
    most = options and options.most,
  })
  return {
    state = state,
    result = analysis.run(names, read.observations, experiment),
    elsewhere = read.elsewhere,
    lift = experiment.lift,
    alpha = experiment.alpha,
    success = experiment.success,
  }
end

return status
