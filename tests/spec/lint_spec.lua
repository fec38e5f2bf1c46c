-- What is said about agent files beyond what makes them unreadable.

local json = require "anyreach.json"
local lint = require "anyreach.agents.lint"
local process = require "helpers.process"

-- The findings as lines, with the directory left out of them.
local function lines_of(path, options)
  local lines = {}
  for index, found in ipairs((lint.run({ path }, options))) do
    local text = ("%s %s %s: %s: %s"):format(found.severity, found.check, found.place, found.path or "", found.message)
    lines[index] = text:gsub(path:gsub("%p", "%%%0") .. "/", "")
  end
  return lines
end

local function findings(text, options)
  return lines_of(process.directory_of { ["a.yaml"] = text }, options)
end

describe("the schema", function()
  local SCHEMA = json.decode [[{
    "type": "object", "additionalProperties": false, "required": ["instructions"],
    "properties": {
      "instructions": {"type": "string"},
      "voice": {"type": "object", "properties": {"speed": {"type": "number", "maximum": 2}}},
      "tools": {"type": "array"},
      "key": {"type": "string", "minLength": 100}
    }
  }]]

  it("is checked with line and column of each problem", function()
    expect.equal(findings("name: A\nconfig:\n  voice:\n    speed: 3\n  instuctions: Be kind.\n", { schema = SCHEMA }), {
      "error schema a.yaml:3:3: config.instructions: required but missing",
      "error schema a.yaml:4:5: config.voice.speed: expected at most 2, got the number 3",
      "error schema a.yaml:5:3: config.instuctions: unknown key 'instuctions'; did you mean 'instructions'?",
    })
  end)

  it("warns of what does not fit a format, or refuses it", function()
    local wanted = json.decode [[
      {"properties": {"hook": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]}}}]]
    local text = "name: A\nconfig: {hook: example.org/hook}\n"
    local message = " a.yaml:2:10: config.hook: expected a URI such as https://example.org/, "
      .. 'got the text "example.org/hook"'
    expect.equal(findings(text, { schema = wanted }), { "warning format" .. message })
    expect.equal(findings(text, { schema = wanted, formats = true }), { "error format" .. message })
    expect.equal(findings("name: A\nconfig: {hook: 'https://example.org/hook'}\n", { schema = wanted }), {})
  end)

  it("leaves out warnings of checks that are switched off, and no errors", function()
    local text = "name: A\nconfig: {instructions: 'Hi {{nme}}, use `look_up`.', tools: [], voice: {speed: 3}}\n"
    expect.equal(#findings(text, { schema = SCHEMA }), 3)
    local lines = findings(text, { schema = SCHEMA, off = { "unknown-tool", "schema" } })
    expect.equal(#lines, 2)
    expect.falsy(table.concat(lines, "\n"):find "unknown%-tool")
    expect.contains(table.concat(lines, "\n"), "error schema")
  end)

  it("lets secrets and references pass as text", function()
    expect.equal(findings("name: A\nconfig: {instructions: x, key: !env {name: PATH, secret: true}}\n",
      { schema = SCHEMA }), {})
    expect.equal(findings("name: A\nconfig: {instructions: x, key: !ref 'dataset:FAQ'}\n", { schema = SCHEMA }), {})
  end)

  it("does not ask for instructions that the platform writes", function()
    local text = "name: A\ngenerate: true\ninstruction_builder_inputs: {purpose: x}\n"
    expect.equal(findings(text, { schema = SCHEMA }), {})
  end)

  it("is checked in faulty files, too, and nothing is said twice", function()
    local text = "name: A\nactive: 1\nconfig:\n  instructions: 5\n  key: !file nowhere.md\n  voice: {speed: 3}\n"
    local lines = findings(text, { schema = SCHEMA })
    expect.equal(#lines, 4)
    expect.contains(lines[1], "error file a.yaml:2:1: : active: expected true or false")
    expect.contains(lines[2], "error file a.yaml:4:3: : config.instructions: ")
    expect.contains(lines[3], "error file a.yaml:5:8: : config.key: ")
    expect.equal(lines[4], "error schema a.yaml:6:11: config.voice.speed: expected at most 2, got the number 3")
  end)

  it("is not asked about configurations that are none", function()
    for _, value in ipairs { "5", "[1]", "!file nowhere.md", "text" } do
      expect.equal({ value, #findings("name: A\nconfig: " .. value .. "\n", { schema = SCHEMA }) }, { value, 1 })
    end
  end)

  it("says nothing about agents without a configuration", function()
    expect.equal(findings("name: A\n", { schema = SCHEMA }), {})
  end)
end)

describe("a faulty file", function()
  it("is told of, and the others are checked", function()
    local path = process.directory_of {
      ["a.yaml"] = "name: A\nconfg: {}\n",
      ["b.yaml"] = "name: B\nconfig: {instructions: 'Hello {{nme}}'}\n",
    }
    expect.equal(lines_of(path, { variables = { "name" } }), {
      "error file a.yaml:2:1: : unknown key 'confg'; did you mean 'config'?",
      "warning unknown-variable b.yaml:2:10: config.instructions: line 1: {{nme}}: no variable of this name is "
        .. "declared; did you mean 'name'?",
    })
  end)

  it("is told of when two describe one agent or claim one number", function()
    local text = "name: A\nconfig: {instructions: x}\nphone_numbers: ['+15551234567']\n"
    local lines = lines_of(process.directory_of { ["a.yaml"] = text, ["b.yaml"] = text })
    expect.equal(#lines, 2)
    expect.contains(lines[1], "the agent 'A' is already described at a.yaml:1:1")
    expect.contains(lines[2], "+15551234567 inbound is already claimed at a.yaml:3:17")
  end)
end)

describe("variables", function()
  it("that nobody declares are told of once a text, with their line", function()
    expect.equal(findings [[
name: A
config:
  instructions: |-
    Hello {{first_name}}.
    {{ first_name | upper }} {{ clinic.name }}
]], {
      "warning unknown-variable a.yaml:3:3: config.instructions: line 1: {{first_name}}: no variable of this name is "
        .. "declared; if calls provide it, say so with --variables first_name",
      "warning unknown-variable a.yaml:3:3: config.instructions: line 2: {{clinic}}: no variable of this name is "
        .. "declared; if calls provide it, say so with --variables clinic",
    })
  end)

  it("may be declared for all agents, by the configuration, or by the text itself", function()
    local text = "name: A\nconfig: {instructions: 'Hello {{name}}', variables: %s}\n"
    expect.equal(findings(text:format "null", { variables = { "name" } }), {})
    expect.equal(findings(text:format "{name: x}"), {})
    expect.equal(findings(text:format "[name]"), {})
    expect.equal(findings(text:format "[{name: name}]"), {})
    expect.equal(findings "name: A\nconfig: {instructions: '{% for day in [1] %}{{ day }}{% endfor %}'}\n", {})
  end)

  it("of message templates are known as the guides tell them", function()
    expect.equal(findings "name: A\nconfig: {channel_properties: {email: {body_template: '{{agent_response}}'}}}\n", {})
    expect.equal(#findings "name: A\nconfig: {channel_properties: {email: {body_template: '{{agent_reply}}'}}}\n", 1)
    expect.equal(#findings "name: A\nconfig: {instructions: '{{agent_response}}'}\n", 1)
  end)

  -- What looks for an end again from each beginning takes hours for these, and run.sh ends it.
  it("that are never closed, and names that never end, take time in proportion", function()
    local name = ("a_"):rep(100000)
    for _, text in ipairs { ("{{"):rep(100000), ("{{ a b"):rep(40000), "`" .. name, name, "use `" .. name,
      ("`a_b` "):rep(20000), ("tool "):rep(40000), ("- `a_b`\n"):rep(20000) } do
      local file = "name: A\nconfig: {instructions: !file a.md, tools: []}\n"
      local path = process.directory_of { ["a.yaml"] = file, ["a.md"] = text }
      lines_of(path)
    end
  end)

  it("that are not closed are told of", function()
    expect.equal(findings "name: A\nconfig: {instructions: 'Hello {{first name'}\n", {
      "warning unclosed-variable a.yaml:2:10: config.instructions: line 1: {{ is not closed by }}",
    })
  end)
end)

describe("a check", function()
  local AGENT = "name: A\nconfig: {instructions: 'Hi {{nme}}, call `look_up` now.', tools: []}\n"

  -- The findings of two files, and how many are switched off.
  local function counts(comment, list, options)
    local path = process.directory_of { ["a.yaml"] = comment .. AGENT, [".anyreach-lint"] = list,
      ["b.yaml"] = AGENT:gsub("A", "B", 1) }
    local found, facts = lint.run({ path }, options)
    return { #found, facts.switched_off }
  end

  it("may be switched off for a run, a file and a directory", function()
    expect.equal(counts(""), { 4, 0 })
    expect.equal(counts("", nil, { off = { "unknown-tool" } }), { 2, 2 })
    expect.equal(counts "# anyreach-lint: off unknown-tool\n", { 3, 1 })
    expect.equal(counts "#anyreach-lint: off unknown-tool,  unknown-variable\r\n", { 2, 2 })
    expect.equal(counts("", "# ours\n\nunknown-tool # named elsewhere\r\nprompt-size\n"), { 2, 2 })
    expect.equal(counts("# anyreach-lint: off unknown-variable\n", "unknown-tool", { off = { "unknown-tool" } }),
      { 1, 3 })
  end)

  it("is not switched off by the text of a prompt", function()
    local text = "name: A\nconfig:\n  instructions: |\n    # anyreach-lint: off unknown-variable\n    {{nme}}\n"
    expect.equal(#findings(text), 1)
  end)

  it("may be switched off in a directory above, up to the top of the repository, and on again below", function()
    local text = "name: A\nconfig:\n  instructions: |\n    {{nme}}\n"
    local off = "unknown-variable\n"
    for _, case in ipairs {
      { { [".anyreach-lint"] = off, [".git/HEAD"] = "" }, 0 },
      { { ["below/.anyreach-lint"] = off }, 0 },
      { { [".anyreach-lint"] = off, [".git/HEAD"] = "", ["below/.anyreach-lint"] = "!unknown-variable\n" }, 1 },
      { { [".anyreach-lint"] = "!unknown-variable\n", ["below/.anyreach-lint"] = off, [".git/HEAD"] = "" }, 0 },
      { { [".anyreach-lint"] = off, ["below/.git/HEAD"] = "" }, 1 },
      { { ["beside/.anyreach-lint"] = off, [".git/HEAD"] = "" }, 1 },
    } do
      for _, name in ipairs { "below/deep/a.yaml", "below/deep/a.json" } do
        local tree = { [name] = name:find("json") and '{"name": "A", "config": {"instructions": "{{nme}}"}}' or text }
        for path, content in pairs(case[1]) do tree[path] = content end
        expect.equal({ name, #lines_of(process.directory_of(tree) .. "/below/deep") }, { name, case[2] })
      end
    end
  end)

  it("that is switched off must exist", function()
    local function refused(...)
      local arguments = { ... }
      return expect.raises(function() counts(table.unpack(arguments, 1, 3)) end)
    end
    local err = refused("# x\n# anyreach-lint: off unknown-tol\n")
    expect.equal(err.kind, "input")
    expect.match(err.message, "/a%.yaml:2: there is no check 'unknown%-tol'; did you mean 'unknown%-tool'%?$")
    expect.match(refused("# anyreach-lint: unknown-tool\n").message, "/a%.yaml:1: expected '# anyreach%-lint: off ")
    expect.match(refused("", "# x\nprompt-sise\n").message,
      "/%.anyreach%-lint:2: there is no check 'prompt%-sise'; did you mean 'prompt%-size'%?$")
    err = refused("", nil, { off = { "xyzzy" } })
    expect.equal(err.kind, "command_line")
    expect.contains(err.message, "--off: there is no check 'xyzzy'; the checks are doubtful, ")
  end)
end)

describe("tools", function()
  local AGENT = [[
name: A
config:
  instructions: %s
  tools:
    - {name: end_call, description: Ends., actions: [], properties: {call_reason: {type: string}}}
]]

  local function tool_findings(prompt)
    return findings(AGENT:format(json.encode(prompt)))
  end

  it("that a prompt names must be attached", function()
    local function unknown(name, hint)
      return ("warning unknown-tool a.yaml:3:3: config.instructions: line 1: '%s' looks like a tool, and no tool of "
        .. "this name is attached%s"):format(name, hint or "")
    end
    expect.equal(tool_findings "Use end_call, then `end_cal`.", { unknown("end_cal", "; did you mean 'end_call'?") })
    expect.equal(tool_findings "Use end_call or {{tools.book}}.", { unknown "book" })
    expect.equal(tool_findings "Use end_call or the book_slot tool.", { unknown "book_slot" })
    expect.equal(tool_findings "Use end_call or the tool book_slot.", { unknown "book_slot" })
  end)

  -- The names that a prompt of an agent with tools is said to name beside end_call.
  local function named(prompt)
    local names = {}
    for index, line in ipairs(tool_findings("end_call.\n" .. prompt)) do
      names[index] = line:match "'([%w_]+)' looks"
    end
    return names
  end

  it("are names that a prompt says to use", function()
    for _, prompt in ipairs {
      "Call `book_slot`.", "Then invoke `book_slot` with the date.", "Always use the `book_slot` tool.",
      "If it is free, you can call the function `book_slot`.", "Find a date using **`book_slot`**.",
      "Run `book_slot(date, time)` first.", "Then trigger\n`book_slot`.", "Calls `book_slot` immediately.",
      "Call either `end_call` or `book_slot`.", "Use `end_call`, `book_slot`, and nothing else.",
      "The `book_slot` tool books.", "Book with the book_slot tool.", "Book with tool book_slot.",
      "## Available tools\n\nUse them.\n\n- `end_call`: ends\n- `book_slot`: books",
      "You have these tools:\n1. **`end_call`** ends\n2. **`book_slot`** books",
      "## Tools\n\n| tool | use |\n|---|---|\n| `end_call` | ends |\n| `book_slot` | books |",
      "Ask the tool called `book_slot`.", "Tool names: `end_call`, `book_slot`",
      "```json\n{}\n```\nCall `book_slot`.", "```\n{{tools.book_slot}}\n```",
    } do
      expect.equal({ prompt, named(prompt) }, { prompt, { "book_slot" } })
    end
    expect.equal(named "Call `a_b`, `c_d` or `e_f`.", { "a_b", "c_d", "e_f" })
  end)

  it("are not whatever else stands in backticks", function()
    for _, prompt in ipairs {
      "Ask for `first_name`.", "Call `end_call` with `user_reason`.", "Call `end_call`. `date_of_birth` is a date.",
      "Set the status to `no_answer`.", "Pass `patient_id` and `visit_type` on.", "It uses, `in_place`, nothing.",
      "Use the `start_date` field.", "Use `start_date` parameters.", "Run with `DRY_RUN`, and use `API_KEY`.",
      "Read `opening_hours.md`.", "Use `opening_hours.md`.", "| `visit_type` | text |", "- `visit_type`: text",
      "## Tools\nUse them.\n## Fields\n- `visit_type`: text", "Tools:\n- `end_call`\n\nFields:\n- `visit_type`",
      "```\ncall `book_slot`\nthe book_slot tool\n```", "~~~yaml\n- `x_y` tool\n```\nthe x_y tool\n~~~",
      "A power tool is no tool at all.", "Nobody calls. `visit_type` is unknown.",
      "What to call\n \n`visit_type`", "Use the field called `visit_type`.",
      "## Tools\n## Fields\n| `visit_type` | text |",
    } do
      expect.equal({ prompt, named(prompt) }, { prompt, {} })
    end
  end)

  it("are looked for only where the file says which there are", function()
    local prompt = "name: A\nconfig: {instructions: 'Call `book_slot`, not {{tools.look_up}}.'%s}\n"
    expect.equal(#findings(prompt:format ""), 0)
    expect.equal(#findings(prompt:format ", tools: []"), 2)
  end)

  it("are not taken for parameters, variables or plain words", function()
    expect.equal(tool_findings "Use `end_call` with `call_reason`; the right tool is `this`. snake_case stays.", {})
    expect.equal(findings(AGENT:format "'`end_call` `first_name`'", { variables = { "first_name" } }), {})
  end)

  it("that no prompt mentions are told of", function()
    expect.equal(tool_findings "Be kind.", {
      "warning unmentioned-tool a.yaml:5:8: config.tools[1].name: the tool 'end_call' is attached, and no prompt "
        .. "mentions it",
    })
    expect.equal(tool_findings "Then END\ncall.", {})
    expect.equal(tool_findings "Then endCall.", {})
    expect.equal(#tool_findings "Then send_calls.", 1)
  end)

  it("may be mentioned on one channel alone", function()
    local text = AGENT:format "Be kind." .. "  channel_overrides: {text: {instructions: Use end_call.}}\n"
    expect.equal(findings(text), {})
  end)
end)

describe("the size of a prompt", function()
  local LONG = ("Be kind to callers. "):rep(40)

  local function git(path, words)
    local settings = "-c user.name=T -c user.email=t@example.invalid"
    local code, _, err = process.run(("git -C %s %s %s"):format(path, settings, words))
    expect.equal({ words, code, code ~= 0 and err or "" }, { words, 0, "" })
  end

  local function committed(files)
    if process.run("command -v git >/dev/null") ~= 0 then skip "git is not there" end
    local path = process.directory_of(files)
    git(path, "init -q")
    git(path, "add .")
    git(path, "commit -q -m first")
    return path
  end

  it("is compared with what git has, and with the file that it stands in", function()
    local path = committed {
      ["agents/a.yaml"] = "name: A\nconfig: {instructions: !file ../prompts/a.md}\n",
      ["agents/b.yaml"] = ("name: B\nconfig: {instructions: %s}\n"):format(LONG),
      ["prompts/a.md"] = LONG,
    }
    expect.equal(lines_of(path .. "/agents"), {})
    process.write(path .. "/prompts/a.md", "Be kind.\n")
    process.write(path .. "/agents/b.yaml", ("name: B\nconfig: {instructions: %s}\n"):format(LONG .. LONG .. LONG))
    expect.equal(lines_of(path .. "/agents"), {
      "warning prompt-size a.yaml:2:10: config.instructions: the prompt has 8 characters; at HEAD it had 800",
      "warning prompt-size b.yaml:2:10: config.instructions: the prompt has 2399 characters; at HEAD it had 799",
    })
  end)

  it("may be compared with another revision", function()
    local path = committed { ["a.yaml"] = ("name: A\nconfig: {instructions: %s}\n"):format(LONG) }
    git(path, "tag before")
    process.write(path .. "/a.yaml", "name: A\nconfig: {instructions: Be kind.}\n")
    git(path, "commit -q -a -m second")
    expect.equal(lines_of(path), {})
    expect.equal(#lines_of(path, { since = "before" }), 1)
    local err = expect.raises(function() lines_of(path, { since = "nowhere" }) end, "git has no revision 'nowhere'")
    expect.equal(err.kind, "input")
    expect.raises(function() lines_of(path, { since = "--output=x" }) end, "expected a revision")
  end)

  it("is not asked for outside of a repository", function()
    expect.equal(findings "name: A\nconfig: {instructions: x}\n", {})
  end)
end)
