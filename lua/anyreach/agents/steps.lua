-- Steps that are carried out one after the other: each is marked with its outcome, so that after a failure, or when
-- the program is stopped, it can be told what was done, what may have been done, and what was not attempted.

local errors = require "anyreach.errors"

local steps = {}

--- Carries out steps in their order. One that fails raises its error; all are marked in any case.
---@param list table[] each gets `outcome`: done, failed, may_have_been_done or not_attempted; while it is carried out,
--- and for ever in a program that is stopped then, in_progress
---@param perform fun(step: table)
function steps.run(list, perform)
  for _, step in ipairs(list) do step.outcome = "not_attempted" end
  for _, step in ipairs(list) do
    step.outcome = "in_progress"
    local ok, err = pcall(perform, step)
    if not ok then
      local is_open = errors.is_error(err) and err.may_have_been_sent
      step.outcome = is_open and "may_have_been_done" or "failed"
      error(err, 0)
    end
    step.outcome = "done"
  end
end

local order = { "done", "may_have_been_done", "not_attempted" }

-- The lines of the three lists, without those that are empty.
local function lines_of(list, describe)
  local lines = {}
  for _, outcome in ipairs(order) do
    local texts = {}
    for _, step in ipairs(list) do
      if step.outcome == outcome then texts[#texts + 1] = describe(step) end
    end
    if #texts > 0 then lines[#lines + 1] = ("  %s: %s"):format(outcome:gsub("_", " "), table.concat(texts, "; ")) end
  end
  return table.concat(lines, "\n")
end

--- The error that stands for steps that could not all be carried out: one of kind "partial" that lists them
--- when something was done before the failure, else the failure itself.
---@param list table[] marked by steps.run
---@param err any what it raised
---@param describe fun(step: table): string
---@return any
function steps.failure(list, err, describe)
  for _, step in ipairs(list) do
    if step.outcome == "done" then
      return errors.make { kind = "partial", message = tostring(err) .. "\n" .. lines_of(list, describe) }
    end
  end
  return err
end

--- The error that stands for a failure after something was done: one of kind "partial" that tells both.
---@param done string what was done, in words
---@param err any what was raised then
---@return anyreach.error
function steps.failure_after(done, err)
  return errors.make { kind = "partial", message = ("%s\n  done: %s"):format(tostring(err), done) }
end

return steps
