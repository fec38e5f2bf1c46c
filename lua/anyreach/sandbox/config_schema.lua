-- The JSON Schema of an agent's configuration, as the sandbox serves it, and the light check that
-- configurations meet here. The real schema is served by the real API alone: this one holds what
-- the guides say and is open everywhere else; tests/spec/config_keys_spec.lua compares its keys with those of
-- src/openapi.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"

local config_schema = {}

local array = json.array

local function map_of_channels(definition, of_email)
  local properties = {}
  for _, channel in ipairs { "telephone", "webrtc", "sms", "email", "text" } do
    properties[channel] = { ["$ref"] = "#/$defs/" .. (channel == "email" and of_email or definition) }
  end
  return { type = "object", properties = properties }
end

local DEFINITIONS = {
  ChannelOverride = {
    type = "object",
    description = "How the model is steered differently on one channel.",
    properties = {
      instructions = { type = "string" },
      instructions_mode = {
        type = "string",
        enum = array { "append", "replace" },
        default = "append",
        description = "append joins with one blank line; replace takes these instructions alone.",
      },
      starting_message = { description = "Replaces the greeting." },
      max_tool_steps = { type = "integer", minimum = 1 },
    },
  },
  ChannelProperties = {
    type = "object",
    description = "How answers are delivered on one channel.",
    properties = {
      channel = { type = "string" },
      enabled = { type = "boolean", default = true },
      body_template = { type = "string", default = "{{agent_response}}" },
    },
  },
  EmailProperties = {
    type = "object",
    description = "How answers are delivered by email.",
    properties = {
      channel = { type = "string" },
      enabled = { type = "boolean", default = true },
      body_template = { type = "string" },
      body_format = { type = "string", examples = array { "multipart", "html", "plaintext" } },
      subject_template = { type = "string" },
      default_subject = { type = "string" },
      from_display_name = { type = "string" },
      signature = { type = "string" },
      template_wrapper = { type = "string" },
      include_unsubscribe_footer = { type = "boolean" },
      quote_history = { type = "boolean" },
      cc_reply_policy = { type = "string", examples = array { "conditional", "never", "always" } },
      require_dmarc_pass = { type = "boolean" },
      auto_close_on_conclusion = { type = "boolean" },
    },
  },
  Tool = {
    type = "object",
    description = "Something the agent can do during a conversation.",
    required = array { "name", "description", "actions" },
    properties = {
      name = { type = "string" },
      description = { type = "string" },
      properties = { type = "object", default = {} },
      required = { type = "array", items = { type = "string" }, default = array {} },
      actions = { type = "array", items = { ["$ref"] = "#/$defs/Action" } },
      actions_on_error = { type = "array", items = { ["$ref"] = "#/$defs/Action" }, default = array {} },
      output = { type = array { "string", "null" }, default = json.null },
    },
  },
  Action = {
    type = "object",
    description = "One step of a tool.",
    required = array { "type" },
    properties = {
      type = {
        type = "string",
        description = "Known types; the real API may know more.",
        examples = array {
          "play_message", "play_audio", "stop_audio", "cold_transfer", "warm_transfer", "conference", "dtmf", "wait",
          "hangup", "leave_room", "update_endpointing", "workflow", "knowledge_base",
        },
      },
      condition = { type = "string", description = "The step runs when it holds; empty: always." },
    },
  },
  WorkflowAction = {
    type = "object",
    properties = {
      type = { const = "workflow" },
      workflow_id = { type = "string" },
      workflow_version = { description = "A published version of the workflow." },
      initial_step = { type = "string" },
      condition = { type = "string" },
      reject_on_error = { type = "boolean", default = false },
    },
  },
  VoicemailDetection = {
    type = array { "object", "null" },
    required = array { "beep_detection_threshold", "beep_detection_timeout" },
    properties = {
      beep_detection_threshold = { type = "number", minimum = 0, maximum = 1 },
      beep_detection_timeout = { type = "integer", exclusiveMinimum = 0, description = "Seconds." },
      tool_call_overrides = { type = array { "object", "null" } },
      play_message = { type = array { "object", "null" } },
    },
  },
  TurnDetection = {
    type = "object",
    properties = {
      models = { type = "array", minItems = 1, items = { type = "object" } },
    },
  },
}

local SCHEMA = {
  ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
  title = "AgentConfig (sandbox approximation)",
  description = "What the public guides say about an agent's configuration. It is an approximation made for the "
    .. "sandbox: names it does not list are allowed. The authoritative schema is the one the real API serves.",
  type = "object",
  additionalProperties = true,
  properties = {
    instructions = { type = "string", description = "The system prompt." },
    starting_message = { description = "The greeting; its form is not documented." },
    max_tool_steps = { type = "integer", minimum = 1, description = "Tool calls in one turn." },
    tools = { type = "array", items = { ["$ref"] = "#/$defs/Tool" } },
    channel_overrides = map_of_channels("ChannelOverride"),
    channel_properties = map_of_channels("ChannelProperties", "EmailProperties"),
    pre_conversation_workflow = { ["$ref"] = "#/$defs/WorkflowAction" },
    post_conversation_workflow = { ["$ref"] = "#/$defs/WorkflowAction" },
    voicemail_detection = { ["$ref"] = "#/$defs/VoicemailDetection" },
    turn_detection = { ["$ref"] = "#/$defs/TurnDetection" },
  },
  ["$defs"] = DEFINITIONS,
}

local KINDS = {
  string = function(value) return type(value) == "string" end,
  array = function(value) return json.is_array(value) end,
  object = function(value) return type(value) == "table" and not json.is_array(value) end,
}

local function expect(problems, path, value, kind)
  if KINDS[kind](value) then return true end
  local article = kind == "string" and "a" or "an"
  local problem = value == nil and "required but missing" or ("expected %s %s"):format(article, kind)
  problems[#problems + 1] = path .. ": " .. problem
  return false
end

local function check_tool(problems, path, tool)
  if not expect(problems, path, tool, "object") then return end
  expect(problems, path .. ".name", tool.name, "string")
  expect(problems, path .. ".description", tool.description, "string")
  expect(problems, path .. ".actions", tool.actions, "array")
end

---Answers 422 for a configuration that is certainly wrong: instructions that are no text, and tools
---without the parts that the guides call required. Everything else passes.
---@param config table
function config_schema.check(config)
  local problems = {}
  if config.instructions ~= nil then expect(problems, "config.instructions", config.instructions, "string") end
  if config.tools ~= nil and expect(problems, "config.tools", config.tools, "array") then
    for index, tool in ipairs(config.tools) do check_tool(problems, ("config.tools[%d]"):format(index), tool) end
  end
  if #problems > 0 then checks.refuse(422, "%s", table.concat(problems, "; ")) end
end

config_schema.rules = {
  ["agents.config_schema"] = function() return SCHEMA end,
}

return config_schema
