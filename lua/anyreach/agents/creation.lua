-- Creating agents and versions so that nothing is created twice. The API has no key by which a server could recognise a
-- repetition, and an answer can be lost, or refuse what was carried out all the same. So before anything is sent again,
-- and before a failure counts, this looks at what is there. All recipes create here. What two machines have created at
-- the same time is for agents/twins.lua.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local core = require "anyreach.client_core"
local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local stored_form = require "anyreach.agents.stored_form"

local creation = {}

local MAX_REFUSALS = 30 -- "too many requests" in a row that one create bears, as other requests do
local LOOKS = 3 -- after a lost answer, because lists may lag
local PAUSE = 0.25 -- seconds before the second look; twice as long before the third

-- {====== sending and looking ======

local singles = setmetatable({}, { __mode = "k" }) -- client -> the same client that repeats no create by itself

local function once(api)
  if type(api) ~= "userdata" then return api, 0 end
  singles[api] = singles[api] or core.once(api)
  return singles[api], core.retries(api)
end

local function is_refusal(err)
  return err.status == 429 or err.status == 503 and err.retry_after ~= nil
end

--- True when the server may have carried out what failed.
---@param err any
---@return boolean
function creation.is_open(err)
  return errors.is_error(err) and (err.may_have_been_sent or is_refusal(err) or err.kind == "answer")
end

-- A refusal that names no time is borne for a while, longer each time.
local function pause_after(err, refusals)
  if (err.retry_after or 0) > 0 then return end -- the next request waits at the throttle
  host.sleep(math.min(4, 0.25 * 2 ^ (refusals // 4)))
end

-- Finds what a failed create has made, or nil. A server that refuses has most likely done nothing, so one look is
-- enough; a lost answer is worth some patience.
local function look_for(err, look)
  local pause = PAUSE
  for attempt = 1, is_refusal(err) and 1 or LOOKS do
    if attempt > 1 then
      host.sleep(pause)
      pause = pause * 2
    end
    local ok, found = pcall(look)
    if not ok then
      if errors.is_error(found) and found.kind == "conflict" then error(found, 0) end
      return nil -- what failed first says more
    end
    if found then return found end
  end
end

-- Sends a create, and again after a refusal when `look` finds nothing. Returns what was created, and true when the
-- answer said something else.
local function create(api, send, look)
  local single, retries = once(api)
  local refusals = 0
  while true do
    local ok, result = pcall(send, single)
    if ok then return result, false end
    if not creation.is_open(result) then error(result, 0) end
    local found = look_for(result, look)
    if found then return found, true end
    refusals = refusals + 1
    result.attempts = refusals
    if not is_refusal(result) or retries == 0 or refusals > MAX_REFUSALS then error(result, 0) end
    pause_after(result, refusals)
  end
end

-- }======

--- Creates an agent. No agent had the name when that was looked up last. An agent of the name that is there after an
-- answer that said otherwise is taken; two of them are an error of kind "conflict".
---@param api anyreach.client
---@param fields table as for agents.create
---@param before? fun() called before each request
---@return table agent
---@return boolean found the agent was found, and may not be as it was to be created
function creation.agent(api, fields, before)
  return create(api, function(single)
    if before then before() end
    return checked.object("agent", single.agents.create(fields), "agents.create")
  end, function()
    return agent_lookup.by_name(api, fields.name)
  end)
end

-- {====== versions ======

-- A version by number; nil when there is none.
local function get_version(api, agent_id, number)
  local version, err = api.try.agents.versions.get(agent_id, number)
  if not errors.is_error(err) then return checked.object("whole_version", version, "agents.versions.get") end
  if err.kind == "not_found" or err.kind == "validation" or err.kind == "bad_request" then return nil end
  error(err, 0)
end

-- The drafts after a number, oldest first. A list may lag behind, a single read does not.
local function drafts_after(api, agent_id, number)
  local list, newest = {}, number
  for _, version in ipairs(agent_lookup.versions(api, agent_id)) do
    if version.version > number then
      newest = math.max(newest, version.version)
      table.insert(list, 1, agent_lookup.with_config(api, agent_id, version))
    end
  end
  local next_version = get_version(api, agent_id, newest + 1)
  while next_version do
    list[#list + 1] = next_version
    next_version = get_version(api, agent_id, next_version.version + 1)
  end
  return list
end

-- A server may add defaults.
local function is_copy(version, config)
  return version.published ~= true and #diff.compare(config, version.config) == 0
end

---@class anyreach.version_creation
---@field newest integer number of the newest version that is known; 0 for none
---@field config table that the version is to have

--- Creates a version; a masked secret in its configuration is an error of kind "conflict". After an answer that said
--- otherwise, the oldest draft that is newer than those known, and has the same configuration, is taken.
---@param api anyreach.client
---@param agent_id string
---@param fields table as for agents.versions.create
---@param expected anyreach.version_creation
---@return table version
function creation.version(api, agent_id, fields, expected)
  if fields.config then stored_form.check_unmasked(fields.config) end
  return (create(api, function(single)
    return checked.object("version", single.agents.versions.create(agent_id, fields), "agents.versions.create")
  end, function()
    for _, version in ipairs(drafts_after(api, agent_id, expected.newest)) do
      if is_copy(version, expected.config) then return version end
    end
  end))
end

--- Gives a draft that was made of another version its inputs of the instruction builder, unless they came with it:
--- creating from a configuration takes none, and whether creating from a version copies them is the server's choice.
---@param api anyreach.client
---@param agent_id string
---@param number integer of the draft
---@param inputs any of the other version
function creation.keep_inputs(api, agent_id, number, inputs)
  if inputs == nil or inputs == json.null then return end
  local present = agent_lookup.version(api, agent_id, number).instruction_builder_inputs
  if json.equal(present, inputs) then return end
  api.agents.versions.update(agent_id, number, { instruction_builder_inputs = inputs })
end

-- }======

return creation
