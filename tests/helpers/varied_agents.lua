-- Many agents of all kinds, for specs that must lose nothing: made of a seed, in an organisation of the
-- sandbox, with what is hard to write into files and read back.

local json = require "anyreach.json"

local varied_agents = {}

local TEXTS = {
  "", " ", "\n", "no", "Yes", "null", "~", "0x1F", "1e3", "1_000", "12:30:00", "2024-02-30", "- a", "# b", "a: b",
  "'", '"', "{{name}}", "tab\there", " leading", "trailing ", "two\n\nparagraphs\n", "ends twice\n\n",
  "\n\nbegins late", "a\r\nb\r\n", "carriage\r", "日本語の予約を確認します。", "Grüße, 😀 and \u{200D}", "\u{2028}",
  "%s %d", "\\n", "!ref x", "&a *b", "@at", "`x`", "|", ">", "[", "{}", "…", "\u{FEFF}bom", "\u{7F}",
  "- - -\n---\n...\n",
}

-- Behind !file these are a warning.
local MARKERS = { "${NAME}", "$${NAME} and @@CITY@@", "@@@@CITY@@", "@@@A@@ $$${B}", "$ ${name} @@" }

local KEYS = { "key", "no", "a.b", "", "1", "ключ", "with space", "#", "null", "key: x", "-", "UPPER", "[0]" }

local Maker = {}
Maker.__index = Maker

local function pick(list)
  return list[math.random(#list)]
end

local scalars = {
  function() return math.random(8) == 1 and pick(MARKERS) or pick(TEXTS) end,
  function() return json.null end,
  function() return math.random(0, 1) == 1 end,
  function() return math.random(-1000, 1000) end,
  function() return pick { math.maxinteger, math.mininteger, 9007199254740993, 0, -1 } end,
  function() return pick { 0.1, 1.5, 1e300, -2.5e-7, 1e21, 3.0 } end,
  function() return json.number "123456789012345678901234567890" end,
  function(self) return pick(self.ids) end,
}

function Maker:value(depth)
  local kind = math.random(10)
  if kind <= 7 or depth > 3 then return scalars[math.random(#scalars)](self) end
  if kind == 8 then
    local list = json.array {}
    for index = 1, math.random(0, 3) do list[index] = self:value(depth + 1) end
    return list
  end
  local object = {}
  for _ = 1, math.random(0, 3) do object[pick(KEYS)] = self:value(depth + 1) end
  return object
end

local function prompt(index)
  local lines = { "# Role " .. index, "" }
  for line = 1, index % 40 do lines[#lines + 1] = ("%d. Say %s to the caller, then wait."):format(line, pick(TEXTS)) end
  return table.concat(lines, "\n") .. pick { "", "\n", "\n\n", " " }
end

local function tools(count)
  local list = json.array {}
  for index = 1, count do
    list[index] = {
      name = "tool_" .. index, description = pick(TEXTS), properties = {}, required = json.array {},
      actions = json.array { { type = "hangup", condition = pick(TEXTS) } },
    }
  end
  return list
end

function Maker:config(index)
  if index % 10 == 0 then return {} end
  local config = { instructions = prompt(index), tools = tools(index % 3), extra = self:value(0), empty = {} }
  if index % 4 == 0 then config.dataset_ids = json.array { pick(self.ids), pick(self.ids) } end
  if index % 5 == 0 then config.channel_overrides = { sms = { instructions = prompt(7) } } end
  if index % 7 == 0 then config.handoff = { agent_id = self.first_agent } end
  if index % 9 == 0 then config.instructions = pick(TEXTS) end
  return config
end

local NAMES = { "Agent", "日本", "../../etc/x", "CON", "!!!", ("long "):rep(60) }

local function own_fields(self, index)
  local fields = { name = ("%s %d"):format(pick(NAMES), index) }
  if index % 2 == 0 then fields.description = pick(TEXTS) end
  if index % 3 == 0 then fields.metadata = { team = pick(TEXTS), deep = self:value(1) } end
  if index % 6 == 0 then fields.active = false end
  if index % 8 == 0 then fields.is_demo = true end
  return fields
end

-- A stub, a draft, a published version, or one with a newer draft.
local function add_versions(self, agent, index)
  local api = self.api
  if index % 20 == 19 then return end
  local version = api.agents.versions.create(agent.id, { config = self:config(index) })
  if index % 11 == 0 then
    api.agents.versions.update(agent.id, version.version, { instruction_builder_inputs = { purpose = pick(TEXTS) } })
  end
  if index % 13 == 12 then return end
  api.agents.versions.publish(agent.id, version.version, self.numbers[index])
  if index % 17 == 0 then api.agents.versions.create(agent.id, { config = { instructions = "Newer draft." } }) end
end

--- Makes agents.
---@param api anyreach.client
---@param count integer
---@param given {ids: string[], numbers: table<integer, table>} ids to be referred to; index of an agent -> the
--- body that publishes it to numbers
function varied_agents.make(api, count, given)
  local self = setmetatable({ api = api, ids = given.ids, numbers = given.numbers }, Maker)
  math.randomseed(5)
  for index = 1, count do
    local agent = api.agents.create(own_fields(self, index))
    self.first_agent = self.first_agent or agent.id
    add_versions(self, agent, index)
  end
end

return varied_agents
