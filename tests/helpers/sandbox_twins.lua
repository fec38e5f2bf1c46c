-- Sandboxes over several stores that are asked the same: what they answer must be the same, byte by byte.

local asking = require "helpers.sandbox"
local json = require "anyreach.json"
local Sequence = require "anyreach.sandbox.sequence"
local store = require "anyreach.sandbox.store"

local twins = {}
local new = asking.new -- which a spec may replace by twins.new

-- What rules call. An iterator of `each` and `each_with` yields as well.
local METHODS = {
  "add", "save", "set_alias", "remove", "get", "find", "is_taken", "owner", "each", "each_with", "put_bytes",
  "get_bytes", "remove_bytes",
}

local function with_yields(f)
  return function(...)
    coroutine.yield()
    return f(...)
  end
end

--- A store in tables whose every method waits before it answers, as one that reads from the network would.
function twins.yielding_store(seed)
  local self = store.new(Sequence.new(nil, seed))
  for _, name in ipairs(METHODS) do
    local method = self[name]
    self[name] = with_yields(function(...)
      local result = method(...)
      return type(result) == "function" and with_yields(result) or result
    end)
  end
  return self
end

-- Runs f in a coroutine to its end; returns what it returned, and how often it waited.
local function run(f, ...)
  local thread, waits = coroutine.create(f), 0
  local results = table.pack(coroutine.resume(thread, ...))
  while coroutine.status(thread) == "suspended" do
    waits = waits + 1
    results = table.pack(coroutine.resume(thread))
  end
  if not results[1] then error(debug.traceback(thread, tostring(results[2])), 0) end
  return results[2], waits
end

-- Without the order of an object's fields, which is another in each encoding.
local function comparable(answer)
  local ok, body = pcall(json.decode, answer.body or "")
  return { answer.status or json.null, answer.headers or {}, ok and body or answer.body or json.null,
    answer.fault or json.null, answer.delay or json.null, answer.stream or json.null }
end

local Twins = {}

function Twins:handle(method, path, ...)
  local answer = self.box:handle(method, path, ...)
  local expected = comparable(answer)
  for name, other in pairs(self.others) do
    local got, waits = run(other.handle, other, method, path, ...)
    self.waits = self.waits + waits
    if not json.equal(comparable(got), expected) then
      error(("%s %s over %s:\n  %s\ninstead of\n  %s"):format(method, path, name, json.encode(comparable(got)),
        json.encode(expected)), 2)
    end
  end
  self.asked = self.asked + 1
  return answer
end

-- The store of the first, whose clock moves those of all.
local function shared_store(box, others)
  local sequence = {}
  function sequence.now()
    for _, other in pairs(others) do other.store.sequence:now() end
    return box.store.sequence:now()
  end
  function sequence.continue_after(_, time)
    for _, other in pairs(others) do other.store.sequence:continue_after(time) end
    box.store.sequence:continue_after(time)
  end
  return setmetatable({ sequence = setmetatable(sequence, { __index = box.store.sequence }) }, { __index = box.store })
end

--- A sandbox over SQLite, beside two over tables, of which one waits; each request goes to all of them. It has the
--- fields of the first one, and `asked` and `waits`: the numbers of requests and of waits of the stores.
function twins.new(options)
  options = options or {}
  local seed = options.seed or "spec"
  local box = new(options)
  local others = { tables = asking.sandbox_over(store.new(Sequence.new(nil, seed)), options) }
  others["tables that wait"] = run(asking.sandbox_over, twins.yielding_store(seed), options)
  return setmetatable({ box = box, others = others, asked = 0, waits = 0, store = shared_store(box, others) }, {
    __index = function(_, name) return Twins[name] or box[name] end,
  })
end

--- Runs f in a coroutine; returns what it returned, and how often it waited.
twins.run = run

return twins
