-- Agent files: what they become, and how everything that is wrong with them is told.

local agent_file = require "anyreach.agents.file"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local process = require "helpers.process"

-- The only agent of a YAML file with this text.
local function read(text)
  return agent_file.read({ process.directory_of { ["a.yaml"] = text } })[1]
end

-- The error's text, with the directory left out of it.
local function failure(path, ...)
  local ok, err = pcall(agent_file.read, { path, ... })
  if ok then error("expected an error", 2) end
  expect.truthy(errors.is_error(err))
  expect.equal(err.kind, "input")
  expect.equal(errors.exit_code(err), 3)
  return (tostring(err):gsub(path:gsub("%p", "%%%0") .. "/", ""))
end

local function problem(text)
  return failure(process.directory_of { ["a.yaml"] = text })
end

describe("an agent file", function()
  it("becomes an agent", function()
    local agent = read [[
name: Scheduler
description: Books.
active: false
is_demo: true
metadata: {team: front, tags: []}
config: {instructions: Be kind., tools: []}
phone_numbers:
  - "+15551234567"
  - {number: "+15551230001", direction: outbound}
deploy_as_sip: true
]]
    expect.equal(agent.name, "Scheduler")
    expect.equal(agent.own, { description = "Books.", active = false, is_demo = true,
      metadata = { team = "front", tags = json.array {} } })
    expect.equal(agent.config, { instructions = "Be kind.", tools = json.array {} })
    expect.equal({ agent.generate, agent.publish, agent.deploy_as_sip }, { false, true, true })
    expect.equal({ agent.numbers[1].number, agent.numbers[1].direction }, { "+15551234567", "inbound" })
    expect.equal({ agent.numbers[2].number, agent.numbers[2].direction }, { "+15551230001", "outbound" })
  end)

  it("needs only a name", function()
    local agent = read "name: x"
    expect.equal({ agent.name, agent.own, agent.publish }, { "x", {}, true })
    expect.equal(agent.config, nil)
  end)

  it("may clear the description and the metadata", function()
    expect.equal(read("name: x\ndescription:\nmetadata: null\n").own,
      { description = json.null, metadata = json.null })
  end)

  it("may be JSON, which keeps every value", function()
    local config = '{"a":[],"b":{},"c":1.0,"d":9007199254740993,"e":null}'
    local path = process.directory_of { ["a.json"] = ('{"name":"x","config":%s}'):format(config) }
    expect.equal(json.encode(agent_file.read({ path .. "/a.json" })[1].config), config)
  end)

  it("with generate has a configuration even when it gives none", function()
    local agent = read "name: x\ngenerate: true\ninstruction_builder_inputs: {purpose: Help.}\n"
    expect.equal({ agent.generate, agent.config, agent.inputs }, { true, {}, { purpose = "Help." } })
  end)
end)

describe("a directory", function()
  it("stands for the agent files in it, sorted by name", function()
    local path = process.directory_of {
      ["b.yml"] = "name: B", ["a.json"] = '{"name":"A"}', ["c.yaml"] = "name: C",
      ["_base.yaml"] = "nonsense: 1", [".hidden.yaml"] = "nonsense: 1", ["notes.md"] = "x", ["sub/d.yaml"] = "name: D",
    }
    local names = {}
    for index, agent in ipairs(agent_file.read { path .. "/", path .. "/c.yaml" }) do names[index] = agent.name end
    expect.equal(names, { "A", "B", "C" })
  end)

  it("without any is a problem, as is a path that leads nowhere or to another file", function()
    local path = process.directory_of { ["notes.md"] = "x" }
    local text = failure(path, path .. "/nowhere", path .. "/notes.md")
    expect.contains(text, "3 problems")
    expect.contains(text, "no agent file (.yaml, .yml or .json) is in this directory")
    expect.contains(text, "nowhere: No such file or directory")
    expect.contains(text, "notes.md: expected an agent file that ends in .yaml, .yml or .json")
  end)
end)

describe("the tag !file", function()
  it("is the text of a file beside the agent file, without one line break at its end", function()
    local path = process.directory_of {
      ["agents/a.yaml"] = "name: x\nconfig: {a: !file ../p/one.md, b: [!file ../p/two.md]}\n"
        .. "metadata: {c: !file three.md}",
      ["p/one.md"] = "one\n\n", ["p/two.md"] = "two\r\n", ["agents/three.md"] = "é",
    }
    local agent = agent_file.read({ path .. "/agents/a.yaml" })[1]
    expect.equal(agent.config, { a = "one\n", b = json.array { "two" } })
    expect.equal(agent.own.metadata, { c = "é" })
  end)

  it("names the place of a file that cannot be used", function()
    local path = process.directory_of {
      ["a.yaml"] = "name: x\nconfig:\n  instructions: !file missing.md\n  b: !file p\n  c: !file bad.md\n"
        .. "  d: !file [x]\n",
      ["p/x"] = "", ["bad.md"] = "\xff",
    }
    local text = failure(path)
    expect.contains(text, "a.yaml:3:17: config.instructions: missing.md: No such file or directory")
    expect.contains(text, "a.yaml:4:6: config.b: p: expected a file, this is a directory")
    expect.contains(text, "a.yaml:5:6: config.c: bad.md: expected text in UTF-8")
    expect.contains(text, "a.yaml:6:6: config.d: expected the path of a text file after !file")
  end)
end)

describe("the tag !env", function()
  it("is the value of a variable", function()
    expect.equal(read("name: x\nconfig: {path: !env PATH}\n").config, { path = os.getenv("PATH") })
  end)

  it("makes a secret on request", function()
    local agent = read "name: x\nconfig: {path: !env {name: PATH, secret: true}}\n"
    expect.equal(tostring(agent.config.path), "[secret]")
    expect.truthy(agent.config.path:equals(os.getenv("PATH")))
    expect.equal(#agent.secrets, 1)
  end)

  it("names the place of a variable that is missing, and of misuse", function()
    local text = problem [[
name: !env ANYREACH_SPEC_UNSET
config:
  b: !env {name: PATH, secert: true}
  c: !env {name: PATH, secret: yes}
  d: !env []
  e: !fiel x
]]
    expect.contains(text, "5 problems")
    expect.contains(text, "a.yaml:1:7: name: the environment variable ANYREACH_SPEC_UNSET is not set")
    expect.contains(text, "a.yaml:3:6: config.b: !env: unknown key 'secert'; did you mean 'secret'?")
    expect.contains(text, 'a.yaml:4:6: config.c: !env: secret: expected true or false, got the text "yes"')
    expect.contains(text, "a.yaml:5:6: config.d: expected the name of a variable after !env")
    expect.contains(text, "a.yaml:6:6: config.e: unknown tag !fiel; did you mean !file?")
  end)
end)

describe("the tag !env with a type", function()
  -- What a variable with this text becomes, as JSON, or the error.
  local function typed(text, words)
    local path = process.directory_of {
      ["a.yaml"] = "name: x\nconfig: {a: !env {name: ANYREACH_SPEC_V" .. words .. "}}\n",
      ["s.lua"] = 'local v = anyreach.agent_files.load(...)[1].config.a\nprint(anyreach.json.encode { v })\n' }
    local command = ("ANYREACH_SPEC_V=%s %s"):format(process.quote(text),
      process.anyreach("run", path .. "/s.lua", path .. "/a.yaml"))
    local code, out, err = process.run(command)
    return code == 0 and out:match("^%[(.*)%]\n$") or err
  end

  it("is a number, a flag, or any JSON", function()
    for _, case in ipairs { { "3", ", type: number", "3" }, { "-0.5e3", ", type: number", "-500.0" },
      { "123456789012345678901", ", type: number", "123456789012345678901" }, { "true", ", type: boolean", "true" },
      { "false", ", type: boolean", "false" }, { '{"a":[1,null]}', ", type: json", '{"a":[1,null]}' },
      { "3", ", type: text", '"3"' }, { "3", "", '"3"' }, { "", ", default: 4, type: number", "4" },
      { "", ", default: x", '"x"' }, { "", ", type: json, default: [a]", '["a"]' }, { "y", ", default: x", '"y"' } } do
      expect.equal({ case[1], case[2], typed(case[1], case[2]) }, { case[1], case[2], case[3] })
    end
  end)

  it("is told with its place when it is none, without its value", function()
    for _, case in ipairs { { "three", ", type: number", "ANYREACH_SPEC_V is not a number" },
      { "yes", ", type: boolean", "ANYREACH_SPEC_V is not true or false" }, { "{", ", type: json", "is not JSON" },
      { "1", ", type: nubmer", "unknown type the text \"nubmer\"; did you mean 'number'?" },
      { "", ", type: number, default: x", "!env: default: expected a number, got the text \"x\"" },
      { "1", ", type: number, secret: true", "a secret is text and has no default" },
      { "1", ", defualt: x", "unknown key 'defualt'; did you mean 'default'?" } } do
      local said = typed(case[1], case[2])
      expect.contains(said, "a.yaml:2:13: config.a: ")
      expect.contains(said, case[3])
      expect.falsy(said:find("three", 1, true))
    end
  end)
end)

describe("the tag !ref", function()
  it("is a reference, and known by the agent with its place", function()
    local agent = read [[
name: x
config: {tools: [], dataset: !ref dataset:Clinic FAQ}
phone_numbers: [!ref number:main, {number: !ref number:other, direction: both}]
]]
    expect.equal(tostring(agent.config.dataset), "dataset:Clinic FAQ")
    expect.equal({ tostring(agent.numbers[1].number), tostring(agent.numbers[2].number) },
      { "number:main", "number:other" })
    expect.equal(#agent.references, 3)
  end)

  it("is told when it is none, or stands where it cannot", function()
    local text = problem [[
name: !ref agent:x
metadata: !ref agent:x
config: {a: !ref FAQ, b: !ref datset:x, tools: !ref dataset:x, c: !ref [x]}
phone_numbers: [!ref agent:x]
]]
    expect.contains(text, "7 problems")
    expect.contains(text, "a.yaml:1:1: name: expected text, got the reference agent:x")
    expect.contains(text, "a.yaml:2:1: metadata: expected a mapping, got the reference agent:x")
    expect.contains(text, "a.yaml:3:13: config.a: !ref: expected KIND:NAME, such as dataset:Clinic FAQ")
    expect.contains(text, "a.yaml:3:26: config.b: !ref: unknown kind 'datset'; did you mean 'dataset'?")
    expect.contains(text, "a.yaml:3:41: config.tools: expected an array")
    expect.contains(text, "a.yaml:3:67: config.c: !ref: expected KIND:NAME")
    expect.contains(text, "a.yaml:4:17: phone_numbers[1]: expected a reference such as number:main, got agent:x")
  end)
end)

describe("a wrong agent file", function()
  it("is told with line and column, all problems at once, of all files", function()
    local path = process.directory_of {
      ["a.yaml"] = "nmae: x\nactive: yes\nconfig: []\n",
      ["b.yaml"] = "name: [\n",
      ["c.json"] = '{"name": 5}',
    }
    expect.equal(failure(path), [[
6 problems
  a.yaml:1:1: name: required but missing
  a.yaml:1:1: unknown key 'nmae'; did you mean 'name'?
  a.yaml:2:1: active: expected true or false, got the text "yes"
  a.yaml:3:1: config: expected a mapping, got a list
  b.yaml:1:7: the [ is not closed
      1 | name: [
        |       ^
  c.json: name: expected text, got the number 5; quote it]])
  end)

  it("has a name that is text and not empty", function()
    expect.contains(problem "name: 5", "a.yaml:1:1: name: expected text, got the number 5; quote it")
    expect.contains(problem "name: true", "name: expected text, got true; quote it")
    expect.contains(problem "name: '  '", "name: expected a name, this one is empty")
    expect.contains(problem "name:", "name: expected text, got nothing")
    expect.contains(problem "- name: x", "expected a mapping with the key 'name', got a list")
    expect.contains(problem "", "expected a mapping with the key 'name', got nothing")
    expect.contains(problem "!file x", "expected a mapping with the key 'name'")
  end)

  it("has phone numbers that YAML does not read as text, or that are none", function()
    local text = problem [[
name: x
config: {}
phone_numbers:
  - +15551234567
  - "555 1234"
  - {number: +15551230001, direction: inbuond}
  - {direction: both, numbr: 1}
  - "+12345678901234567"
]]
    expect.contains(text, 'a.yaml:4:5: phone_numbers[1]: an unquoted number is read as an integer; '
      .. 'quote the phone number: "+15551234567"')
    expect.contains(text, 'a.yaml:5:5: phone_numbers[2]: expected an E.164 number such as "+15551234567", '
      .. 'got the text "555 1234"')
    expect.contains(text, 'a.yaml:6:6: phone_numbers[3].number: an unquoted number is read as an integer')
    expect.contains(text, "phone_numbers[3].direction: unknown direction the text \"inbuond\"; did you mean 'inbound'?")
    expect.contains(text, "a.yaml:7:5: phone_numbers[4].number: required but missing")
    expect.contains(text, "phone_numbers[4]: unknown key 'numbr'; did you mean 'number'?")
    expect.contains(text, "a.yaml:8:5: phone_numbers[5]: expected an E.164 number")
  end)

  it("says things that cannot stand together", function()
    expect.contains(problem "name: x\ngenerate: true\nconfig: {instructions: y}\n",
      "a.yaml:3:10: config.instructions: generate writes the instructions; leave out the one or the other")
    expect.contains(problem "name: x\ngenerate: true\n",
      "a.yaml:2:1: generate: instructions are written from instruction_builder_inputs; give these too")
    expect.contains(problem 'name: x\nphone_numbers: ["+15551234567"]\n',
      "a.yaml:2:1: phone_numbers: this takes a version; give config, or generate")
    expect.contains(problem "name: x\nconfig: {}\npublish: false\ndeploy_as_sip: true\n",
      "a.yaml:4:1: deploy_as_sip: this takes a published version, and publish is false")
  end)

  it("has a configuration whose known parts are wrong", function()
    local text = problem [[
name: x
config:
  instructions: 5
  starting_message: !file missing.md
  tools:
    - {name: a, description: b, actions: []}
    - {name: !env ANYREACH_SPEC_UNSET, description: 7, actions: []}
]]
    expect.contains(text, "4 problems")
    expect.contains(text, "a.yaml:3:3: config.instructions: expected a string")
    expect.contains(text, "a.yaml:4:21: config.starting_message: missing.md: No such file")
    expect.contains(text, "a.yaml:7:14: config.tools[2].name: the environment variable")
    expect.contains(text, "a.yaml:7:40: config.tools[2].description: expected a string, got a number")
  end)

  it("holds a number that JSON cannot", function()
    expect.contains(problem "name: x\nconfig: {a: [.nan]}\n", "a.yaml:2:14: config.a[1]: expected a number that JSON")
  end)

  it("that aliases would make explode is refused where it has become too much, with its place", function()
    local lines = { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" }
    for i = 1, 9 do lines[i + 1] = ("a%d: &a%d [%s]"):format(i, i, (("*a" .. i - 1 .. ", "):rep(10):sub(1, -3))) end
    expect.equal(problem(table.concat(lines, "\n")):match("^[^\n]*"),
      "a.yaml:5:45: the aliases expand to more than 100000 values")
  end)

  it("gives a key twice", function()
    expect.equal(problem "name: x\nactive: true\nname: y\n",
      'a.yaml:3:1: the key "name" is already given in line 1\n    3 | name: y\n      | ^')
  end)

  it("shows only the start of a long text", function()
    local text = problem("name: x\nactive: " .. ("é"):rep(1000))
    expect.contains(text, ("é"):rep(40) .. "…")
    expect.falsy(text:find(("é"):rep(41), 1, true))
  end)
end)

describe("several agent files", function()
  it("must not describe one agent", function()
    local path = process.directory_of { ["a.yaml"] = "name: x", ["b.yaml"] = "active: true\nname: x\n" }
    expect.equal(failure(path), "b.yaml:2:1: name: the agent 'x' is already described at a.yaml:1:1")
  end)

  it("must not claim one direction of a number", function()
    local path = process.directory_of {
      ["a.yaml"] = 'name: a\nconfig: {}\nphone_numbers: [{number: "+15551234567", direction: both}]',
      ["b.yaml"] = 'name: b\nconfig: {}\nphone_numbers: [{number: "+15551234567", direction: outbound}]',
      ["c.yaml"] = 'name: c\nconfig: {}\n'
        .. 'phone_numbers: ["+15551230001", {number: "+15551230001", direction: outbound}]',
    }
    expect.equal(failure(path),
      "b.yaml:3:17: phone_numbers: +15551234567 outbound is already claimed at a.yaml:3:17")
  end)
end)

describe("the clinic of the examples", function()
  it("can be read", function()
    local agents = agent_file.read { "scripts/examples/clinic/agents" }
    expect.equal(#agents, 3)
    expect.contains(agents[3].config.instructions, "You are the scheduler of Riverside Dental")
  end)
end)
