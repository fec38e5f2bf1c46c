-- What a recipe that writes slots does first: makes sure that it is the only one, and completes what an
-- earlier run has begun and not finished, and shows it.

local numbers = require "anyreach.agents.numbers"
local report = require "anyreach.report"
local show = require "anyreach.agents.numbers.show"
local unfinished = require "anyreach.agents.numbers.unfinished"

local finishing = {}

--- Carries steps out and shows them, what was done before a failure too; or only shows them.
---@param steps anyreach.slot_step[]
---@param is_check boolean|nil
---@param perform fun() carries them out
function finishing.run(steps, is_check, perform)
  if is_check then return show.steps(steps) end
  local ok, err = pcall(perform)
  show.steps(steps)
  if not ok then error(err, 0) end
end

--- Keeps other recipes from changing slots of this account until the value is closed. While another does, that
--- is an error of kind "conflict".
---@param api anyreach.client
---@param is_check boolean|nil then nothing is changed, and nothing held
---@return any held to be closed
function finishing.alone(api, is_check)
  return not is_check and unfinished.hold(api) or nil
end

--- Completes what an earlier run has begun on this account, or only shows it.
---@param api anyreach.client
---@param is_check boolean|nil
---@return anyreach.left_over|nil
function finishing.finish_earlier(api, is_check)
  local left = numbers.left_over(api)
  if not left then return nil end
  report.note("completing '%s', which was cut off; 'anyreach run numbers forget' gives it up", left.what)
  for _, change in ipairs(left.changed) do
    report.warn("the %s slot of %s has been changed since, and is left alone", change.slot, change.number)
  end
  finishing.run(left.steps, is_check, function() numbers.complete(api, left) end)
  return left
end

return finishing
