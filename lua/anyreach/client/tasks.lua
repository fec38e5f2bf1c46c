-- Several things at once: map, all, race and timeout. Whatever ends one of them early, an error or a
-- cancelled task, also ends what it has started. What is done for an item, or by one of several functions,
-- is labelled with its index (host.place), whichever task does it and in whatever order: so it has the same
-- label in every run, which is how a journal tells equal requests apart.

local host = require "anyreach.host"
local errors = require "anyreach.errors"

local tasks = {}

local DEFAULT_CONCURRENCY = 24 -- what waits for the network hardly works; a server that says 429 is asked less

-- A list of tasks that are cancelled when the variable that holds it goes out of scope.
local group_metatable = {
  __close = function(group)
    for _, task in ipairs(group) do
      if task:status() ~= "running" then task:cancel() end
    end
  end,
}

local function new_group()
  return setmetatable({}, group_metatable)
end

local function check_concurrency(value)
  value = value or host.options.concurrency or DEFAULT_CONCURRENCY
  if math.type(value) ~= "integer" or value < 1 then
    errors.raise("usage", "concurrency: expected an integer of at least 1, got %s", tostring(value))
  end
  return value
end

--- Calls `f(value, index)` for every element of a list, a bounded number at a time, and returns the list
--- of first results in the same order. Once one of them fails no more are started, those under way are
--- cancelled, and its error is raised: the earliest in time, not the one of the lowest index.
--- What is done for an item is labelled with the item's index, not with the worker that takes it.
---@generic T, R
---@param list T[]
---@param f fun(value: T, index: integer): R an operation is called with the value alone
---@param options? {concurrency?: integer} at most this many at a time; default 24, or --concurrency
---@return R[]
function tasks.map(list, f, options)
  local count = #list
  local width = math.min(check_concurrency(options and options.concurrency), count)
  if count == 0 then return {} end
  local call = type(f) == "function" and f or function(value) return f(value) end
  local results, next_index, running, failure = {}, 1, width, nil
  local finished, branch = host.event(), host.branch()
  local function work()
    while next_index <= count and not failure do
      local index = next_index
      next_index = index + 1
      branch:enter(index)
      local ok, result = pcall(call, list[index], index)
      if ok then
        results[index] = result
      else
        failure = failure or { result }
        finished:set()
      end
    end
    running = running - 1
    if running == 0 then finished:set() end
  end
  local group <close> = new_group()
  for i = 1, width do group[i] = branch:spawn(work) end
  finished:wait()
  if failure then error(failure[1], 0) end
  return results
end

--- Calls the functions at once and returns the list of their first results, in order. The error that is
--- raised first, in time, cancels the others and is raised here. What a function does is labelled with its
--- index.
---@param functions (fun(): any)[]
---@return any[]
function tasks.all(functions)
  return tasks.map(functions, function(f) return f() end, { concurrency = math.max(#functions, 1) })
end

--- Calls the functions at once; what the first to end returns or raises is the outcome, and the others
--- are cancelled. What a function does is labelled with its index.
---@param functions (fun(): any)[]
---@return any ...
function tasks.race(functions)
  if #functions == 0 then errors.raise("usage", "anyreach.race: expected at least one function") end
  local finished, branch, outcome = host.event(), host.branch(), nil
  local group <close> = new_group()
  for i, f in ipairs(functions) do
    group[i] = branch:spawn(function()
      branch:enter(i)
      local result = table.pack(pcall(f))
      outcome = outcome or result
      finished:set()
    end)
  end
  finished:wait()
  if not outcome[1] then error(outcome[2], 0) end
  return table.unpack(outcome, 2, outcome.n)
end

--- Calls `f(...)` and returns its results, or raises an error of kind "timeout" when it takes longer;
--- what it was doing is then cancelled.
---@param seconds number
---@param f function
---@return any ...
function tasks.timeout(seconds, f, ...)
  local task <close> = host.spawn(f, ...)
  return task:wait(seconds)
end

return tasks
