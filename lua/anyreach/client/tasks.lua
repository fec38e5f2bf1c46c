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

local REFUSALS = 3 -- of permission, with nothing that was permitted, end a run

-- What ends a run, of one error after another: what errors.ends_run() says, and a credential that may do nothing here.
local function new_watch(count)
  local refused, is_permitted = 0, false
  return function(err, is_proof)
    is_permitted = is_permitted or is_proof
    if errors.ends_run(err) then return true end
    if not errors.is_error(err) or err.kind ~= "forbidden" or is_permitted then return false end
    refused = refused + 1
    return refused >= math.min(REFUSALS, count)
  end
end

---@class anyreach.each_options
---@field concurrency? integer as for map
---@field untried fun(value: any, ended: any): any the result for one that was not tried
---@field is_untouched? fun(result: any): boolean nothing was done for it before its error; default: always so
---@field is_proof? fun(result: any): boolean whether one without an error shows that the credential may do this
---@field on_result? fun(result: any, index: integer) called with each

--- Like map, for many objects of which one may fail and the others go on: `f` returns a result, whose `error` is that
--- object's. An error that concerns the whole run ends it: what is under way comes to its end, nothing more is begun,
--- and for what was not tried, or failed by this before anything was done, `untried` makes the result.
---@generic T, R
---@param list T[]
---@param f fun(value: T, index: integer): R
---@param options anyreach.each_options
---@return R[]
function tasks.each(list, f, options)
  local ends, ended = new_watch(#list), nil
  local function is_untouched(result) return not options.is_untouched or options.is_untouched(result) end
  local function work(value, index)
    if ended then return options.untried(value, ended) end
    local result = f(value, index)
    local is_proof = not result.error and (not options.is_proof or options.is_proof(result))
    local is_end = ends(result.error, is_proof)
    if not is_end then return result end
    ended = ended or result.error
    return is_untouched(result) and options.untried(value, ended) or result
  end
  return tasks.map(list, function(value, index)
    local result = work(value, index)
    if options.on_result then options.on_result(result, index) end
    return result
  end, options)
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
