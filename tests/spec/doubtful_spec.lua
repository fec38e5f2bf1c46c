-- What a person can hardly have meant in an agent file, although it can be read: warnings with their places, and no
-- warning about what is right.

local agent_file = require "anyreach.agents.file"
local environment = require "anyreach.agents.environment"
local json = require "anyreach.json"
local process = require "helpers.process"
local yaml_text = require "anyreach.yaml.writer"

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

-- One line in a configuration, and a part of the warning about it.
local DOUBTFUL = {
  { "a: +15551234567", 'an unquoted number is read as an integer; quote the phone number: "+15551234567"' },
  { "transfer_number: 15551234567", 'quote the phone number: "15551234567"' },
  { "a: [+15551234567]", "config.x.a[1]: an unquoted number" },
  { "a: 007", "007 is read as the number 7; quote it if it is no number" },
  { "a: -012", "-012 is read as the number -12" },
  { "a: 0x1F", "0x1F is read as the number 31" },
  { "a: 0o17", "0o17 is read as the number 15" },
  { "a: 12e3", "12e3 is read as the number 12000" },
  { "version: 1.10", "1.10 is read as the number 1.1" },
  { "a: 0.123456789012345678901", "its last digits are lost" },
  { "a: yes", "yes is read as a text; write true, or quote it" },
  { "a: Off", "Off is read as a text; write false, or quote it" },
  { "a: None", "None is read as a text; write null, or quote it" },
  { "a: 1_000", "1_000 is read as a text; write 1000, or quote it" },
  { "a: [name:x]", "a space is missing after 'name:'" },
  { "a: instructions:x", "a space is missing after 'instructions:'" },
  { "a: call #1 desk", 'a comment begins at "#1", and the text ends before it; quote the text' },
  { "a: “Hello”", "the typographic quotes are a part of the text" },
  { "a: foo,", "the comma at the end is a part of the text" },
  { [[a: Hello.\nHow are you?]], [[\n is read as a backslash and an n]] },
  { "a:", "config.x.a: nothing is read as null; write null if that is meant" },
  { "a: {first_name}", "config.x.a.first_name: nothing is read as null; write null if that is meant, or quote" },
  { "a: 1\n    A: 2", "config.x.A: this key and 'a' differ only in how they are spelled" },
  { "b-c: 1\n    b_c: 2", "config.x.b_c: this key and 'b-c' differ only in how they are spelled" },
}

-- Lines about which nothing is said.
local RIGHT = {
  'a: "+15551234567"', "a: '007'", "a: 0", "a: -0", "a: 0.5", "a: 10", "a: 1.5e-7", "a: 1.0", "timeout: 1.50",
  "a: 123456789012345678901234567890", "a: -123456789012345", "a: 1000000", "a: 0.1234567890123456", "a: 12:30",
  "a: 2026-01-01", "a: 2026-01-01T12:30:00Z", "a: 1.2.3", "a: [yes, no]", 'a: "yes"', "a: yes, please", "a: none",
  "a: NONE", "a: true", "a: null",
  "a: ~", "a: https://x.example/a#b", "a: sip:desk@x.example", "a: urn:x:y", "a: null # hang up instead", "a: x # 1",
  "a: C#1", "a: 5 #1", "a: Hello, you", "a: one, two,", 'a: "Hello.\\nYou"', [[pattern: ^\d+\n$]],
  [[a: C:\new folder]], "a: []", "a: {}", "a: {b: 1}", "a: {name: x, Title: y}", "a: !env PATH", "a: |\n      007\n",
  "a: >-\n      yes\n", "a: it's “fine”", "a: 1h", "a: 50%", "a: $5", "a: 555-1234", "a: +1 555 123 4567", "a: 1-800",
}

describe("a value that YAML reads as something else", function()
  local function config(line) return ("name: A\nconfig:\n  x:\n    %s\n"):format(line) end

  it("is a warning, with its place", function()
    for _, case in ipairs(DOUBTFUL) do
      local found = warnings(config(case[1]))
      expect.equal({ case[1], #found }, { case[1], 1 })
      expect.contains(found[1], case[2])
      expect.match(found[1], "^a%.yaml:[45]:%d+: config%.x")
    end
    expect.match(warnings(config "a: call #1 desk")[1], "^a%.yaml:4:8: ")
  end)

  it("is none that is right", function()
    for _, line in ipairs(RIGHT) do
      expect.equal({ line, warnings(config(line)) }, { line, {} })
    end
  end)

  it("is told in environments, too, and once where it is merged into several places", function()
    local found = warnings_of({
      ["agents/a.yaml"] = "name: A\nconfig: {a: &x {b: 007}, c: {<<: *x}}\n", ["agents/b.yaml"] = "name: B\n",
      ["agents/environments/e.yaml"] = "defaults:\n  config:\n    zip: 01234\n",
    }, function(path) return { environment = environment.choose("e", { path .. "/agents" }) } end)
    expect.equal(found, {
      "environments/e.yaml:3:10: defaults.config.zip: 01234 is read as the number 1234; quote it if it is no number",
      "a.yaml:2:20: config.a.b: 007 is read as the number 7; quote it if it is no number",
    })
  end)

  it("is nowhere in what the program itself writes", function()
    local words = { "a", "Hello", ",", "“", "”", "‘", "\\n", " ", "#1", " #1", "yes", "None", "007", "1_000",
      "+15551234567", "1e3", ".", "0x1F", "{", "é", "日", "…", "»" }
    local made = { lists = json.array {}, numbers = json.decode "[12345678901234567890, 1e21, 0.1, 1e-7, 100, 2e300]",
      nothing = json.null, transfer_number = "+15551234567", version = "1.10" }
    math.randomseed(9)
    for index = 1, 3000 do
      local text = {}
      for part = 1, math.random(4) do text[part] = words[math.random(#words)] end
      made["key" .. index] = table.concat(text)
      made.lists[index] = table.concat(text)
    end
    expect.equal(warnings(yaml_text.encode { name = "A", config = made }), {})
  end)

  it("is nowhere in the examples", function()
    local _, found = agent_file.read { "scripts/examples/clinic/agents" }
    expect.equal(found, {})
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
