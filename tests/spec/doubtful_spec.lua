-- What a person can hardly have meant in an agent file, although it can be read: warnings with their places, and no
-- warning about what is right.

local agent_file = require "anyreach.agents.file"
local environment = require "anyreach.agents.environment"
local json = require "anyreach.json"
local process = require "helpers.process"

-- The warnings about files, with the directory left out of them.
local function warnings_of(files, options)
  local path = process.directory_of(files)
  local _, warnings = agent_file.read({ path .. "/agents" }, options and options(path))
  local lines = {}
  for index, warning in ipairs(warnings) do
    lines[index] = ("%s: %s"):format(warning.path:gsub("^" .. path:gsub("%p", "%%%0") .. "/agents/", ""),
      warning.message)
  end
  return lines
end

local function warnings(text, options)
  return warnings_of({ ["agents/a.yaml"] = text }, options)
end

describe("a mistyped key of the configuration", function()
  it("is a warning with the key that is meant, wherever keys are known", function()
    expect.equal(warnings [[
name: A
config:
  instrctions: Be kind.
  maxToolSteps: 3
  tool: []
  channel_overrides:
    text: {intsructions: x, voice: y}
    emial: {instructions: x}
  abilities: {instrctions: x}
  pre_conversation_workflow: {workflow-id: w}
  voicemail_detection: {beep_detection_treshold: 0.5}
]], {
      "a.yaml:3:3: config.instrctions: unknown key; did you mean 'instructions'?",
      "a.yaml:4:3: config.maxToolSteps: unknown key; did you mean 'max_tool_steps'?",
      "a.yaml:5:3: config.tool: unknown key; did you mean 'tools'?",
      "a.yaml:7:12: config.channel_overrides.text.intsructions: unknown key; did you mean 'instructions'?",
      "a.yaml:8:5: config.channel_overrides.emial: unknown key; did you mean 'email'?",
      "a.yaml:10:31: config.pre_conversation_workflow.workflow-id: unknown key; did you mean 'workflow_id'?",
      "a.yaml:11:25: config.voicemail_detection.beep_detection_treshold: unknown key; did you mean "
        .. "'beep_detection_threshold'?",
    })
    expect.equal(warnings "name: A\nconfig: {tools: [{name: a, description: b, actions: [], requird: [x]}]}\n",
      { "a.yaml:2:57: config.tools[1].requird: unknown key; did you mean 'required'?" })
  end)

  it("is an error where that is wanted, and one line above config is told where it belongs", function()
    local function strict() return { strict = true } end
    expect.raises(function() warnings("name: A\nconfig: {instrctions: x}\n", strict) end,
      "config.instrctions: unknown key; did you mean 'instructions'?")
    expect.raises(function() warnings "name: A\ninstructions: x\n" end,
      "unknown key 'instructions'; it belongs under config")
  end)

  it("is any key but those that are known, near or far: none of these is one", function()
    local config = {}
    for _, key in ipairs { "voice", "model", "interruption", "interruptions", "endpointing", "recording", "language",
      "stt", "llm", "tts", "temperature", "variables", "noise_cancellation", "knowledge_bases", "dataset_ids", "kind",
      "greeting", "instructions", "starting_message", "tools", "channel_overrides", "post_conversation_workflow",
      "turn_detection", "voicemail_detection", "channel_properties", "max_tool_steps", "x_instructions_note" } do
      config[key] = json.null
    end
    local text = json.encode { name = "A", config = config }
    expect.equal(warnings_of { ["agents/a.json"] = text }, {})
    expect.equal(warnings("name: A\nconfig: {tools: [{name: a, description: b, actions: [{tpye: x}], properties: "
      .. "{nmae: {type: string}}}], notes: {instrctions: x}}\n"), {})
  end)

  it("is one that the API's schema does not name either", function()
    local schema = json.decode [[{"$ref": "#/$defs/Config", "$defs": {"Config": {"anyOf": [
      {"properties": {"kind": {"const": "a"}, "tool": {}, "voice": {"$ref": "#/$defs/Voice"}}},
      {"properties": {"models": {"items": {"properties": {"provider": {}}}},
        "map": {"additionalProperties": {"type": "string"}, "properties": {"provider": {}}}}}
    ]}, "Voice": {"allOf": [{"properties": {"provider": {}}}, {"$ref": "#/$defs/Voice"}]}}}]]
    local found = warnings([[
name: A
config: {tool: [], voise: {}, voice: {providr: x}, models: [{providor: y}], map: {providr: z}}
]], function() return { schema = schema } end)
    expect.equal(found, {
      "a.yaml:2:62: config.models[1].providor: unknown key; did you mean 'provider'?",
      "a.yaml:2:39: config.voice.providr: unknown key; did you mean 'provider'?",
    })
    expect.equal(warnings("name: A\nconfig: {voise: {}}\n", function() return { schema = schema } end),
      { "a.yaml:2:10: config.voise: unknown key; did you mean 'voice'?" })
  end)

  it("has its place in the environment when it stands there", function()
    local found = warnings_of({
      ["agents/a.yaml"] = "name: A\n", ["agents/environments/e.yaml"] = "defaults:\n  config:\n    instrctions: x\n",
    }, function(path) return { environment = environment.choose("e", { path .. "/agents" }) } end)
    expect.equal(found, { "environments/e.yaml:3:5: config.instrctions: unknown key; did you mean 'instructions'?" })
  end)
end)

describe("a recipe", function()
  it("prints warnings, and stops at them with --strict", function()
    local path = process.directory_of { ["agents/a.yaml"] = "name: A\nconfig: {instrctions: x}\n" }
    for _, recipe in ipairs { "provision --check", "diff", "validate --offline" } do
      local command = ("%s --sandbox run %s %s/agents"):format(process.quote(process.program), recipe, path)
      local code, text = process.run(command .. " 2>&1")
      expect.contains(text, "agents/a.yaml:2:10: ")
      expect.contains(text, "did you mean 'instructions'?")
      expect.truthy(code ~= 3)
      expect.equal((process.run(command .. " --strict 2>&1")), recipe:find "validate" and 9 or 3)
    end
  end)
end)
