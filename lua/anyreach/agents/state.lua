-- The state of an agent: what an organisation has of it now, as all recipes read it. That is the agent, the
-- versions that matter, and phone numbers. Only reads; agents/contents.lua puts a state into the terms of agent
-- files.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"
local holder_search = require "anyreach.agents.numbers.holder_search"
local host = require "anyreach.host"
local number_state = require "anyreach.agents.numbers.number_state"
local slots = require "anyreach.agents.numbers.slots"

local agent_state = {}

--- What a slot holds that holds the version of a state.
agent_state.IN_USE = "the version in use"

---@class anyreach.agent_state
---@field agent table|nil as a single read gives it; nil: there is no agent of that name
---@field published table|nil the newest published version
---@field draft table|nil the newest draft, if it is newer than `published`; before that the one that was asked for
---@field other_draft table|nil the newest draft, if that is not `draft`
---@field is_own_draft boolean|nil `draft` is as it was written from here
---@field version table|nil the one of the two that counts as the version in use, with its config
---@field numbers table<string, table> number -> it as the server gave it, of the numbers that were asked for
---@field slots table<string, table<string, string>> number -> slot -> IN_USE, "version 2" or "another agent"; only
--- of claimed numbers, and of those that hold a version of this agent

local MANY = 5 -- agents from which on it is worth listing all agents and all phone numbers once

---@class anyreach.state_reader
---@field private api anyreach.client
---@field search anyreach.holder_search knows the versions that were read
---@field private wanted integer how many agents will be asked for
---@field private listings table<string, table> what is listed -> the task that lists it
local Reader = {}
Reader.__index = Reader

--- A reader of the agents of an organisation. Of many agents the names, and their phone numbers, are listed once, when
--- they are first needed; so an agent that is as it was costs two requests.
---@param api anyreach.client
---@param wanted? integer how many agents will be asked for; default 1
---@return anyreach.state_reader
function agent_state.reader(api, wanted)
  return setmetatable({ api = api, search = holder_search.new(api), wanted = wanted or 1, listings = {} }, Reader)
end

-- Several tasks may ask at once; one of them lists.
function Reader:list_once(what, list, ...)
  self.listings[what] = self.listings[what] or host.spawn(list, self.api, ...)
  return self.listings[what]:wait()
end

function Reader:phone_numbers()
  return self:list_once("phone numbers", number_state.phone_numbers)
end

--- The agent of a name; see agent_lookup.by_name.
---@param name string
---@param known_id? string of the agent that had the name before: a list may lag behind
---@return table|nil agent as a single read gives it
function Reader:by_name(name, known_id)
  local directory = self.wanted >= MANY and self:list_once("agents", agent_lookup.directory, self.wanted) or nil
  return agent_lookup.by_name(self.api, name, known_id, directory)
end

-- The version that counts as the one in use.
local function in_use(published, draft, wants_draft)
  return wants_draft and draft or published or draft
end

--- The number of a draft that is newer than the version in use, or nil.
---@param state anyreach.agent_state
---@return integer|nil
function agent_state.newer_draft(state)
  local draft = state.draft
  return draft and draft.version ~= state.version.version and draft.version or nil
end

-- {====== by name, to be written to ======

local function get_number(api, number)
  local phone_number, err = api.try.phone_numbers.get(number)
  if not errors.is_error(err) then return checked.object("phone_number", phone_number, "phone_numbers.get") end
  if err.kind ~= "not_found" then error(err, 0) end
  errors.raise("input", "the organisation has no phone number %s; 'anyreach call phone_numbers.list --each' lists "
    .. "them", number)
end

local function list_by_number(api)
  local by_number = {}
  for _, phone_number in ipairs(number_state.phone_numbers(api)) do
    by_number[phone_number.phone_number] = phone_number
  end
  return by_number
end

-- A number as the list has it, or else as a single read gives it.
function Reader:number(number)
  local listed = self.wanted >= MANY and self:list_once("numbers", list_by_number)[number]
  return listed or get_number(self.api, number)
end

---@class anyreach.find_options
---@field known_id? string of the agent, when it was written before: a list may lag behind
---@field agent? table as a single read gives it: then it is not looked for
---@field claims? anyreach.number_claim[] whose numbers are read as well
---@field versions? boolean false: versions are not read
---@field wants_draft? boolean the newest draft counts as the version in use
---@field draft? integer the number of a draft that counts before newer ones

--- The state of the agent of a name, with the configs of both versions. Two agents of that name, or a number that
--- the organisation does not have, raise an error.
---@param name string
---@param options? anyreach.find_options
---@return anyreach.agent_state without slots
function Reader:find(name, options)
  options = options or {}
  local state = { agent = options.agent or self:by_name(name, options.known_id), numbers = {}, slots = {} }
  for _, claim in ipairs(options.claims or {}) do
    state.numbers[claim.number] = state.numbers[claim.number] or self:number(claim.number)
  end
  if state.agent and options.versions ~= false then
    local versions
    state.published, state.draft, state.other_draft, versions =
      agent_lookup.in_use(self.api, state.agent, options.draft)
    self.search:note(state.agent, versions)
    state.version = in_use(state.published, state.draft, options.wants_draft)
  end
  return state
end

--- The state of an agent that was just written, with one version: lists may lag behind.
---@param agent_id string
---@param number integer|nil of the version
---@return anyreach.agent_state without slots
function Reader:read_back(agent_id, number)
  return {
    agent = agent_lookup.by_id(self.api, agent_id),
    version = number and agent_lookup.version(self.api, agent_id, number),
    numbers = {},
    slots = {},
  }
end

-- }======

-- {====== to be compared or exported ======

-- What a slot holds, in words; nil when it is empty, or does not concern this agent.
local function holder(version_id, version, numbers_by_id, is_claimed)
  if not version_id then return nil end
  if version and version_id == version.id then return agent_state.IN_USE end
  if numbers_by_id[version_id] then return "version " .. numbers_by_id[version_id] end
  return is_claimed and "another agent" or nil
end

function Reader:slots_of(version, versions, claimed)
  local numbers_by_id, found = {}, {}
  for _, other in ipairs(versions) do
    if other.id then numbers_by_id[other.id] = other.version end
  end
  for _, phone_number in ipairs(self:phone_numbers()) do
    local held = {}
    for _, slot in ipairs(slots.names) do
      local version_id, is_claimed = slots.version_id(phone_number, slot), claimed[phone_number.phone_number]
      held[slot] = holder(version_id, version, numbers_by_id, is_claimed)
    end
    if next(held) then found[phone_number.phone_number] = held end
  end
  return found
end

local function numbers_of(claims)
  local claimed = {}
  for _, claim in ipairs(claims or {}) do claimed[tostring(claim.number)] = true end
  return claimed
end

---@class anyreach.state_options
---@field wants_draft? boolean the newest draft counts as the version in use
---@field draft? integer the number of a draft that counts before newer ones
---@field claims? anyreach.number_claim[] whose slots matter whoever holds them
---@field slots? boolean false: phone numbers are not read

--- The state of an agent with the slots that it holds; only the version in use has its config.
---@param agent string|table its id, or what a single read gave
---@param options? anyreach.state_options
---@return anyreach.agent_state
function Reader:read(agent, options)
  options = options or {}
  if type(agent) == "string" then agent = agent_lookup.by_id(self.api, agent) end
  local versions = agent_lookup.versions_of(self.api, agent, options.slots ~= false)
  local published, draft = agent_lookup.published(versions), agent_lookup.draft(versions, options.draft)
  local version = in_use(published, draft, options.wants_draft)
  return {
    agent = agent,
    published = published,
    draft = draft,
    version = agent_lookup.with_config(self.api, agent.id, version),
    numbers = {},
    slots = options.slots == false and {} or self:slots_of(version, versions, numbers_of(options.claims)),
  }
end

-- }======

return agent_state
