-- The texts of an agent's configuration that people write: prompts, which the model reads, and templates
-- of messages. Where they stand is what the guides say; a text that is a secret or a reference is left
-- out.

local diff = require "anyreach.text.diff"

local texts = {}

---@class anyreach.lint_text
---@field container table
---@field key string
---@field path string such as "config.channel_overrides.sms.instructions"
---@field text string
---@field is_prompt boolean the model reads it as instructions

local PROMPT, GREETING = "instructions", "starting_message"
local TEMPLATES = { "body_template", "subject_template", "template_wrapper" }

local function add(list, container, key, path)
  local text = container[key]
  if type(text) ~= "string" then return end
  list[#list + 1] =
    { container = container, key = key, path = diff.path(path, key), text = text, is_prompt = key == PROMPT }
end

-- Calls f(entry, path) for each channel of a map, in the order of their names.
local function each_channel(config, name, f)
  local map = config[name]
  if type(map) ~= "table" then return end
  local channels = {}
  for channel in pairs(map) do channels[#channels + 1] = tostring(channel) end
  table.sort(channels)
  for _, channel in ipairs(channels) do
    if type(map[channel]) == "table" then f(map[channel], diff.path("config." .. name, channel)) end
  end
end

--- Prompts and greetings.
---@param config table
---@return anyreach.lint_text[]
function texts.prompts(config)
  local list = {}
  add(list, config, PROMPT, "config")
  add(list, config, GREETING, "config")
  each_channel(config, "channel_overrides", function(override, path)
    add(list, override, PROMPT, path)
    add(list, override, GREETING, path)
  end)
  return list
end

--- Templates of what is sent.
---@param config table
---@return anyreach.lint_text[]
function texts.templates(config)
  local list = {}
  each_channel(config, "channel_properties", function(properties, path)
    for _, key in ipairs(TEMPLATES) do add(list, properties, key, path) end
  end)
  return list
end

--- The attached tools that have a name.
---@param config table
---@return {name: string, tool: table, path: string, container: table, index: integer}[]
function texts.tools(config)
  local list = {}
  for index, tool in ipairs(type(config.tools) == "table" and config.tools or {}) do
    if type(tool) == "table" and type(tool.name) == "string" then
      list[#list + 1] = { name = tool.name, tool = tool, path = diff.path("config.tools", index),
        container = config.tools, index = index }
    end
  end
  return list
end

--- The line of a text on which a byte stands.
---@param text string
---@param position integer
---@return integer
function texts.line(text, position)
  local _, breaks = text:sub(1, position - 1):gsub("\n", "")
  return breaks + 1
end

return texts
