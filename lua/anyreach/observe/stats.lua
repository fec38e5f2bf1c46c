-- --stats: the sum of all requests, at the end, on stderr.

local core = require "anyreach.client_core"
local errors = require "anyreach.errors"

local stats = {}

--- The value below which a share of the sorted values lies, by the nearest rank.
---@param sorted number[]
---@param share number more than 0, at most 1
---@return number
function stats.percentile(sorted, share)
  return sorted[math.max(1, math.ceil(share * #sorted))]
end

local function counts_text(counts)
  local names, parts = {}, {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = ("%d %s"):format(counts[name], name) end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

local function failure_of(note)
  if note.failure then return note.failure end
  return (note.status < 200 or note.status > 299) and errors.kind_of_status(note.status) or nil
end

local function add_attempt(sum, note)
  sum.connections = sum.connections + note.connections
  sum.bytes_out = sum.bytes_out + note.bytes_out
  sum.bytes_in = sum.bytes_in + note.bytes_in
  if not note.failure then sum.seconds[#sum.seconds + 1] = note.elapsed end
  if note.attempt > 1 then sum.retries = sum.retries + 1 end
end

local function add_request(sum, note)
  sum.requests = sum.requests + 1
  local failure = failure_of(note)
  if failure then sum.failures[failure] = (sum.failures[failure] or 0) + 1 end
end

-- Nothing, unless a server has refused requests for being too many.
local function limits_text()
  local lines = {}
  for i, limit in ipairs(core.limits()) do
    local rate = limit.rate and (", limit about %.1f/s"):format(limit.rate) or ""
    lines[i] = ("\nrefused      %d for too many requests, waited %.1f s%s"):format(limit.refused, limit.closed_for,
      rate)
  end
  return table.concat(lines)
end

local function text(sum)
  local latency = "none"
  if #sum.seconds > 0 then
    table.sort(sum.seconds)
    local function milliseconds(share) return stats.percentile(sum.seconds, share) * 1000 end
    latency = ("p50 %.1f ms, p95 %.1f ms, p99 %.1f ms"):format(milliseconds(0.5), milliseconds(0.95),
      milliseconds(0.99))
  end
  return table.concat({
    ("requests     %d"):format(sum.requests),
    ("failures     %s"):format(counts_text(sum.failures)),
    ("retries      %d"):format(sum.retries),
    ("connections  %d"):format(sum.connections),
    ("bytes        %d out, %d in"):format(sum.bytes_out, sum.bytes_in),
    ("latency      %s"):format(latency),
  }, "\n") .. limits_text()
end

--- Makes the consumer. Latency is that of attempts which got an answer.
---@return anyreach.observing.consumer
function stats.new()
  local sum = { requests = 0, retries = 0, connections = 0, bytes_out = 0, bytes_in = 0, failures = {}, seconds = {} }
  return {
    take = function(note)
      if not note.is_abandoned then add_attempt(sum, note) end
      if not note.is_repeated then add_request(sum, note) end
    end,
    finish = function() io.stderr:write(text(sum), "\n") end,
  }
end

return stats
