-- Twins: two agents of one name, made at the same time by runs on two machines, or by one run whose answer was lost.
-- Both runs see both and compute the same: the older one remains, of two of the same age the one with the smaller id.
-- A run deletes only what it has just created itself, and goes on with the one that remains. Lists may lag behind, so a
-- run looks after each create and once more at its end.

local agent_lookup = require "anyreach.agents.lookup"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local report = require "anyreach.report"
local timestamp = require "anyreach.text.timestamp"

local twins = {}

local FEW = 4 -- agents that are looked up one by one; more are found in the list of all
local FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1 -- seconds between looks at the end of a run
local PATIENCE = 6 -- seconds for all of them

-- {====== the rule ======

local function age(agent)
  return type(agent.created_at) == "string" and timestamp.parse(agent.created_at) or math.maxinteger
end

local function is_older(a, b)
  if age(a) ~= age(b) then return age(a) < age(b) end
  return a.id < b.id
end

--- The one of several agents that remains.
---@param agents table[] at least one, in any order
---@return table
function twins.survivor(agents)
  local found = agents[1]
  for _, agent in ipairs(agents) do
    if is_older(agent, found) then found = agent end
  end
  return found
end

-- }======

-- {====== giving way ======

local function delete_own(api, own, other)
  local _, err = api.try.agents.delete(own.id)
  if not errors.is_error(err) or err.kind == "not_found" then
    report.warn("two agents had the name '%s', made at the same time: %s, which this run had made, was deleted; %s, "
      .. "which is older, is used", own.name, own.id, other.id)
    return
  end
  errors.raise("partial", "two agents have the name '%s': %s, which this run has just created, and %s, which is older; "
    .. "the first could not be deleted: %s", own.name, own.id, other.id, tostring(err))
end

-- The agent that remains in place of ours, which is then deleted; nil when ours remains. `rows` are those of its name.
local function give_way(api, own, rows)
  local all = { own }
  for _, row in ipairs(rows) do
    if row.id ~= own.id then all[#all + 1] = row end
  end
  local other = twins.survivor(all)
  if other.id == own.id then return nil end
  delete_own(api, own, other)
  return agent_lookup.by_id(api, other.id)
end

--- Looks for a twin of an agent that was just created.
---@param api anyreach.client
---@param own table the agent
---@return table|nil other the agent that remains in place of ours, which was deleted; nil when ours remains
function twins.look(api, own)
  return give_way(api, own, agent_lookup.named(api, own.name))
end

-- }======

--- Waits a moment for the run that made an agent to write its version, so that two runs do not write it both.
---@param api anyreach.client
---@param agent table
---@param wanted anyreach.wanted
function twins.wait_for(api, agent, wanted)
  local until_when, pause = host.clock() + PATIENCE, FIRST_PAUSE
  while wanted.config and host.clock() + pause < until_when do
    local published = agent_lookup.published(agent_lookup.versions_of(api, agent_lookup.by_id(api, agent.id)))
    if published or not wanted.publish then return end
    host.sleep(pause)
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
end

-- {====== at the end of a run ======

-- Name -> the agents that have it, of those that were created.
local function rows_by_name(api, created)
  local found = {}
  if #created <= FEW then
    for _, item in ipairs(created) do found[item.agent.name] = agent_lookup.named(api, item.agent.name) end
    return found
  end
  for _, row in ipairs(agent_lookup.all(api)) do
    found[row.name] = found[row.name] or {}
    table.insert(found[row.name], row)
  end
  return found
end

local function holds(rows, id)
  for _, row in ipairs(rows) do
    if row.id == id then return true end
  end
  return false
end

---@class anyreach.created_agent
---@field agent table as agents.create returned it

-- Looks at each once. `left` is what the list shows of a name if it still has a twin. Returns those that are to be
-- looked at again: a list that does not show the agent lags behind;
-- and a twin that has to give way may be about to be deleted by the run that made it.
local function look_at_all(api, created, on_lost)
  local by_name, again = rows_by_name(api, created), {}
  for _, item in ipairs(created) do
    local rows = by_name[item.agent.name] or {}
    local is_shown, other = holds(rows, item.agent.id), give_way(api, item.agent, rows)
    item.left = not other and #rows > (is_shown and 1 or 0) and rows or nil
    if other then
      on_lost(item, other)
    elseif item.left or not is_shown then
      again[#again + 1] = item
    end
  end
  return again
end

local function warn_of_left(item)
  local others = {}
  for _, row in ipairs(item.left) do
    if row.id ~= item.agent.id then others[#others + 1] = row.id end
  end
  report.warn("another run made a second agent '%s' at the same time: %s; that run deletes it, unless it was stopped: "
    .. "then delete it yourself", item.agent.name, table.concat(others, ", "))
end

--- Looks again at the agents that a run has created, until lists show them all or patience ends.
---@generic T: anyreach.created_agent
---@param api anyreach.client
---@param created T[]
---@param on_lost fun(item: T, other: table) called when ours was deleted, with the agent that remains
function twins.look_again(api, created, on_lost)
  local until_when, pause = host.clock() + PATIENCE, FIRST_PAUSE
  while #created > 0 do
    local ok, result = pcall(look_at_all, api, created, on_lost)
    if not ok then return report.warn("whether another run made agents of the same names is not known: %s", result) end
    created = result
    if #created == 0 or host.clock() + pause > until_when then break end
    host.sleep(pause)
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
  for _, item in ipairs(created) do
    if item.left then warn_of_left(item) end
  end
end

-- }======

return twins
