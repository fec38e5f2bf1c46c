-- Misbehaviour on demand: which fault a request meets, and what it does to the answer. Directives
-- come with one request, in the header X-Sandbox-Fault, or as a profile for all of them; they are
-- separated by ";". A profile may have several parts, separated by "|", each with its own choice of requests;
-- a request that several of them hit meets all that they say:
--
--   429 | 500 | 503      refuse before anything is done; with retry-after=TEXT
--   drop                 close the connection without an answer, before anything is done
--   after-commit         with 429, 500, 503 or drop: do the work first
--   truncate             announce the whole answer, send half of it, close
--   invalid              200 with JSON that breaks off
--   latency=MS           wait before answering
--   stale=N              what this request creates is missing from the next N lists
--   stores=WORDS         profile: configurations are stored and shown in other forms (stored_forms.lua)
--   rate=P; seed=N       profile: probability of a request to be hit; makes the choice repeatable
--   limit=N; burst=M     profile: refuse with 429 what is more than N requests a second, beyond a burst of M (1);
--                        with retry-after=TEXT
--   only=PATTERN         profile: operations to hit; "*" stands for any text
--   nth=N                profile: of these requests hit the N-th alone, counted from the start or the last reset

local json = require "anyreach.json"
local operations = require "anyreach.operations"
local stored_forms = require "anyreach.sandbox.stored_forms"

local faults = {}

local MAX_LATENCY_MS = 60000

-- {====== directives ======

local function number_setter(name, minimum, maximum)
  return function(fault, value)
    local number = tonumber(value)
    if not number or number < minimum or number > maximum then
      return ("expected a number from %g to %g"):format(minimum, maximum)
    end
    fault[name] = number
  end
end

local function integer_setter(name)
  return function(fault, value)
    local number = math.tointeger(tonumber(value))
    if not number or number < 0 then return "expected a whole number" end
    fault[name] = number
  end
end

local function text_setter(name)
  return function(fault, value)
    if value == "" then return "expected a value" end
    fault[name] = value
  end
end

local function forms_setter(fault, value)
  local words, problem = stored_forms.parse(value)
  fault.stores = words
  return problem
end

local function outcome_setter(outcome, status)
  return function(fault)
    if fault.outcome then return "a request can meet one of 429, 500, 503, drop, truncate, invalid" end
    fault.outcome, fault.status = outcome, status
  end
end

local refuse_429 = outcome_setter("refuse", 429)

local function limit_setter(fault, value)
  return number_setter("limit", 0.001, 1e6)(fault, value) or refuse_429(fault)
end

-- takes_value: written word=value. profile: not for a single request.
local DIRECTIVES = {
  { word = "429", set = outcome_setter("refuse", 429) },
  { word = "500", set = outcome_setter("refuse", 500) },
  { word = "503", set = outcome_setter("refuse", 503) },
  { word = "drop", set = outcome_setter("drop") },
  { word = "truncate", set = outcome_setter("truncate") },
  { word = "invalid", set = outcome_setter("invalid") },
  { word = "after-commit", set = function(fault) fault.after_commit = true end },
  { word = "retry-after", takes_value = true, set = text_setter("retry_after") },
  { word = "latency", takes_value = true, set = number_setter("latency", 0, MAX_LATENCY_MS) },
  { word = "stale", takes_value = true, set = integer_setter("stale") },
  { word = "stores", takes_value = true, profile = true, set = forms_setter },
  { word = "rate", takes_value = true, profile = true, set = number_setter("rate", 0, 1) },
  { word = "seed", takes_value = true, profile = true, set = integer_setter("seed") },
  { word = "limit", takes_value = true, profile = true, set = limit_setter },
  { word = "burst", takes_value = true, profile = true, set = number_setter("burst", 1, 1e6) },
  { word = "only", takes_value = true, profile = true, set = text_setter("only") },
  { word = "nth", takes_value = true, profile = true, set = integer_setter("nth") },
}

local function find_directive(word, is_profile)
  for _, directive in ipairs(DIRECTIVES) do
    if directive.word == word and (is_profile or not directive.profile) then return directive end
  end
end

local function valid_words(is_profile)
  local words = {}
  for _, directive in ipairs(DIRECTIVES) do
    if is_profile or not directive.profile then
      words[#words + 1] = directive.word .. (directive.takes_value and "=…" or "")
    end
  end
  return table.concat(words, ", ")
end

local function unknown(word, is_profile)
  local words = {}
  for _, directive in ipairs(DIRECTIVES) do words[#words + 1] = directive.word end
  local near = operations.nearest(word, words)
  local hint = near and find_directive(near, is_profile) and ("; did you mean %q?"):format(near) or ""
  return ("unknown fault %q%s (valid: %s)"):format(word, hint, valid_words(is_profile))
end

-- In one pass, however many spaces there are: "^%s*(.-)%s*$" would take their square.
local function trim(text)
  return text:match("^%s*(.*%S)") or ""
end

-- Returns a message when the directive is wrong.
local function apply(fault, text, is_profile)
  local word, value = text:match("^([^=]*)=%s*(.*)$")
  word = word and trim(word)
  local directive = find_directive(word or text, is_profile)
  if not directive then return unknown(word or text, is_profile) end
  if directive.takes_value and not value then return ("fault %q: expected %s=VALUE"):format(text, text) end
  if value and not directive.takes_value then return ("fault %q: %s takes no value"):format(text, word) end
  local problem = directive.set(fault, value)
  return problem and ("fault %q: %s"):format(text, problem)
end

local function contradiction(fault)
  local fails = fault.status or fault.outcome == "drop"
  if fault.after_commit and not fails then
    return 'fault "after-commit": needs 429, 500, 503 or drop beside it'
  end
  if fault.retry_after and not fault.status then
    return 'fault "retry-after": needs 429, 500 or 503 beside it'
  end
  if fault.burst and not fault.limit then return 'fault "burst": needs limit beside it' end
end

---Reads directives.
---@param text string
---@param is_profile boolean? allows rate, seed, only and nth
---@return table? fault
---@return string? message when it is malformed
function faults.parse(text, is_profile)
  local fault, count = {}, 0
  for part in text:gmatch("[^;]+") do
    part = trim(part)
    if part ~= "" then
      count = count + 1
      local problem = apply(fault, part, is_profile)
      if problem then return nil, problem end
    end
  end
  if count == 0 then return nil, "no fault named (valid: " .. valid_words(is_profile) .. ")" end
  local problem = contradiction(fault)
  if problem then return nil, problem end
  return fault
end

-- }======

-- {====== profiles ======

local Profile = {}
Profile.__index = Profile

local function new_part(text)
  local fault, problem = faults.parse(text, true)
  if not fault then error("sandbox: fault profile: " .. problem, 0) end
  local escaped = (fault.only or "*"):gsub("[^%w*]", "%%%0"):gsub("%*", ".*")
  return { fault = fault, pattern = "^" .. escaped .. "$", state = fault.seed or 0, count = 0 }
end

---@param text string directives, in parts separated by "|"
---@param clock (fun(): number)? seconds, for limits
---@return table profile
function faults.profile(text, clock)
  local parts = {}
  for part in text:gmatch("[^|]+") do parts[#parts + 1] = new_part(part) end
  if #parts == 0 then parts[1] = new_part(text) end
  return setmetatable({ parts = parts, clock = clock or os.clock }, Profile)
end

-- The next number in [0, 1) of SplitMix64: repeatable, and out of the way of math.random.
local function draw(part)
  part.state = part.state + 0x9e3779b97f4a7c15
  local value = part.state
  value = (value ~ (value >> 30)) * 0xbf58476d1ce4e5b9
  value = (value ~ (value >> 27)) * 0x94d049bb133111eb
  return ((value ~ (value >> 31)) >> 11) / (1 << 53)
end

---Counts requests from the beginning again.
function Profile:reset()
  for _, part in ipairs(self.parts) do part.count, part.tokens = 0, nil end
end

-- A bucket that a limit fills, and every request that it admits takes from.
local function admits(part, now)
  local most = part.fault.burst or 1
  part.tokens = math.min(most, (part.tokens or most) + (now - (part.filled_at or now)) * part.fault.limit)
  part.filled_at = now
  if part.tokens < 1 then return false end
  part.tokens = part.tokens - 1
  return true
end

local function choose(part, operation, clock)
  if not (operation or ""):find(part.pattern) then return nil end
  part.count = part.count + 1
  if part.fault.nth and part.count ~= part.fault.nth then return nil end
  if part.fault.rate and draw(part) >= part.fault.rate then return nil end
  if part.fault.limit and admits(part, clock()) then return nil end
  return part.fault
end

local function both(first, second)
  local fault = {}
  for _, one in ipairs { first, second } do
    for word, value in pairs(one) do fault[word] = value end
  end
  return fault
end

---The fault that a request of this operation meets, or nil.
---@param operation string? nil for a request that no operation serves
---@return table? fault
function Profile:choose(operation)
  local found
  for _, part in ipairs(self.parts) do
    local fault = choose(part, operation, self.clock)
    found = found and fault and both(found, fault) or fault or found
  end
  return found
end

-- }======

-- {====== what a fault does ======

---True when the request must not be carried out.
---@param fault table?
function faults.prevents(fault)
  if not fault or fault.after_commit then return false end
  return fault.outcome == "refuse" or fault.outcome == "drop"
end

-- Replaces the answer; `body` is nil for an answer without one.
local OUTCOMES = {
  refuse = function(fault)
    local headers = { ["Content-Type"] = "application/json", ["Retry-After"] = fault.retry_after }
    local body = json.encode { detail = "Fault asked for by the caller." }
    return { status = fault.status, headers = headers, body = body }
  end,
  drop = function()
    return { fault = "drop" }
  end,
  truncate = function(_, answer)
    if not answer.body then return { fault = "drop" } end
    answer.fault = "truncate"
    return answer
  end,
  invalid = function(_, answer)
    local body = answer.body and answer.body:sub(1, -2) or ""
    return { status = 200, headers = { ["Content-Type"] = "application/json" }, body = body ~= "" and body or "{" }
  end,
}

---The answer as the fault leaves it.
---@param fault table?
---@param answer table? nil when the request was not carried out
---@return table answer
function faults.apply(fault, answer)
  if not fault then return answer end
  if fault.outcome then answer = OUTCOMES[fault.outcome](fault, answer) end
  if fault.latency then answer.delay = fault.latency / 1000 end
  return answer
end

-- }======

-- {====== staleness ======

local Staleness = {}
Staleness.__index = Staleness

---Keeps count of what lists do not show yet.
function faults.staleness()
  return setmetatable({ left = {} }, Staleness)
end

---@param documents { collection: string, id: string }[]
---@param lists integer number of lists that miss them
function Staleness:hide(documents, lists)
  for _, document in ipairs(documents) do
    self.left[document.collection .. "/" .. document.id] = lists
  end
end

---Called once a list for every document it comes across.
---@return boolean
function Staleness:hides(collection, id)
  local key = collection .. "/" .. id
  local left = self.left[key]
  if not left then return false end
  self.left[key] = left > 1 and left - 1 or nil
  return left > 0
end

-- }======

return faults
