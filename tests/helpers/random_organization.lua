-- Random content of an organisation, and what others do in it, for property tests that prove that a plan tells
-- everything a run does. The same seed gives the same.

local json = require "anyreach.json"

local random_organization = {}

random_organization.NAMES = { "Desk", "Night", "Sales", "Billing", "Intake", "日本" }
random_organization.LONG = "You are the receptionist of the clinic.\n\nBook appointments, and be brief and kind to all "
  .. "who call.\n"

local KEYS = { "voice", "a.b", "nested", "zone", "empty", "instructions", "max_tool_steps", "[0]" }
local LONG = random_organization.LONG
local TEXTS = { "alloy", "echo", "", " ", "no", "日本語", LONG, LONG:gsub("kind", "warm"), LONG .. "Never guess.\n",
  (LONG:gsub("\n", "\r\n")) }

---@class random_organization
---@field random fun(low: integer, high: integer): integer
local Organization = {}
Organization.__index = Organization

---@param random fun(low: integer, high: integer): integer
---@return random_organization
function random_organization.new(random)
  return setmetatable({ random = random }, Organization)
end

-- {====== random content ======

function Organization:pick(list)
  return list[self.random(1, #list)]
end

function Organization:chance(percent)
  return self.random(1, 100) <= percent
end

local function scalar(self)
  return self:pick { self:pick(TEXTS), self:pick(TEXTS), self.random(-3, 3), 0.5, true, false }
end

function Organization:mapping(depth)
  local value = {}
  for _ = 1, self.random(0, 3) do
    value[self:pick { "x", "y", "z" }] = depth > 0 and self:chance(40) and self:mapping(depth - 1) or scalar(self)
  end
  return value
end

local function tools(self)
  local list = json.array {}
  for index = 1, self.random(0, 3) do
    list[index] = { name = self:pick { "end_call", "book", "ask" }, description = self:pick(TEXTS),
      actions = json.array {} }
    if self:chance(50) then list[index].output = self:pick(TEXTS) end
    for step = 1, self.random(0, 2) do
      local condition = self:chance(50) and self:pick(TEXTS) or nil
      list[index].actions[step] = { type = self:pick { "hangup", "wait" }, condition = condition }
    end
  end
  return list
end

local function plain_list(self)
  local list = json.array {}
  for index = 1, self.random(0, 3) do list[index] = self:chance(20) and json.null or scalar(self) end
  return list
end

local function value_of(self, key)
  if key == "instructions" then return self:pick(TEXTS) end
  if key == "max_tool_steps" then return self.random(1, 4) end
  if key == "empty" then return self:pick { {}, json.array {}, json.null } end
  if key == "nested" then return self:mapping(2) end
  return self:chance(20) and plain_list(self) or scalar(self)
end

--- A configuration; one of a file may remove keys.
---@param is_file boolean|nil
---@return table
function Organization:config(is_file)
  local value = {}
  for _ = 1, self.random(0, 6) do
    local key = self:pick(KEYS)
    local may_be_null = is_file and key ~= "instructions" and key ~= "max_tool_steps"
    value[key] = may_be_null and self:chance(20) and json.null or value_of(self, key)
  end
  if self:chance(60) then value.tools = tools(self) end
  if self:chance(80) then value.instructions = self:pick { LONG, "Be kind." } end
  return value
end

--- Fields of an agent itself.
---@return table
function Organization:own()
  local fields = {}
  if self:chance(50) then fields.description = self:pick(TEXTS) end
  if self:chance(30) then fields.active = self:chance(50) end
  if self:chance(30) then fields.is_demo = self:chance(50) end
  if self:chance(50) then fields.metadata = self:mapping(2) end
  return fields
end

-- }======

-- {====== what is there ======

--- An agent by its name, or nil.
---@param api anyreach.client
---@param name string
---@return table|nil
function random_organization.find(api, name)
  for agent in api.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

--- The phone numbers of an organisation, sorted.
---@param api anyreach.client
---@return string[]
function random_organization.phone_numbers(api)
  local list = {}
  for row in api.phone_numbers.each() do list[#list + 1] = row.phone_number end
  table.sort(list)
  return list
end

-- }======

-- {====== what others do in the organisation ======

local function add_version(self, api, agent, numbers)
  local versions = api.agents.versions
  local version = versions.create(agent.id, { config = self:config() })
  if self:chance(30) then
    versions.update(agent.id, version.version, { instruction_builder_inputs = self:mapping(1) })
  end
  if self:chance(40) then return end
  local direction = self:pick { "inbound", "outbound", "both" }
  versions.publish(agent.id, version.version,
    self:chance(50) and { phone_numbers = { self:pick(numbers) }, direction = direction } or nil)
end

-- Changes the newest version, if it is a draft.
local function edit_draft(self, api, agent)
  local versions = api.agents.versions
  local version = versions.each(agent.id)()
  if version and not version.published then
    versions.update(agent.id, version.version, { config = self:config() })
  end
end

--- Agents are made, and given versions and drafts; drafts are changed.
---@param api anyreach.client
---@param numbers string[] that versions may get
function Organization:disturb(api, numbers)
  for _, name in ipairs(random_organization.NAMES) do
    local agent = random_organization.find(api, name)
    if self:chance(50) then
      if not agent then
        local fields = self:own()
        fields.name = name
        agent = api.agents.create(fields)
      end
      if self:chance(30) then edit_draft(self, api, agent) end
      for _ = 1, self.random(0, 2) do add_version(self, api, agent, numbers) end
    end
  end
end

-- }======

return random_organization
