-- Environment files: where they are found, how they are merged, and what is wrong with them.

local agent_file = require "anyreach.agents.file"
local environment = require "anyreach.agents.environment"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local process = require "helpers.process"

-- The only agent of a file with this text, in an environment with that text.
local function merged(agent_text, environment_text)
  local path = process.directory_of { ["agents/a.yaml"] = agent_text, ["environments/test.yaml"] = environment_text }
  local chosen = environment.choose("test", { path .. "/agents" })
  return agent_file.read({ path .. "/agents" }, { environment = chosen })[1]
end

-- The error of reading these files with the environment "test", with the directory left out of it.
local function failure(files, paths)
  local path = process.directory_of(files)
  local list = {}
  for index, name in ipairs(paths or { "agents" }) do list[index] = path .. "/" .. name end
  local ok, err = pcall(function()
    return agent_file.read(list, { environment = environment.choose("test", list) })
  end)
  if ok then error("expected an error", 2) end
  expect.equal(errors.exit_code(err), 3)
  return (tostring(err):gsub(path:gsub("%p", "%%%0") .. "/", ""))
end

local function problem(agent_text, environment_text)
  return failure { ["agents/a.yaml"] = agent_text, ["environments/test.yaml"] = environment_text }
end

describe("the merge rule", function()
  it("fills in defaults that the agent file lacks, mapping by mapping", function()
    local agent = merged([[
name: A
description: null
config:
  voice: {name: alloy, language: null}
  levels: [1]
  max_tool_steps: !required how many steps it may take
]], [[
defaults:
  description: Ours.
  active: false
  config:
    voice: {name: echo, speed: 2, language: en}
    levels: [2, 3]
    max_tool_steps: 4
    greeting: Hello.
]])
    expect.equal(agent.own, { description = json.null, active = false })
    expect.equal(agent.config, { voice = { name = "alloy", language = json.null, speed = 2 }, levels = json.array { 1 },
      max_tool_steps = 4, greeting = "Hello." })
  end)

  it("replaces what the overlay of the agent says, and removes what it says is null", function()
    local agent = merged([[
name: A
active: true
config:
  voice: {name: alloy, speed: 2}
  levels: [1, 2]
  greeting: Hello.
  text: gone
  mapped: text
]], [[
agents:
  A:
    active: null
    config:
      voice: {speed: 3, pitch: null}
      levels: [3]
      text: null
      mapped: {a: 1, b: null}
  # Another file.
]])
    expect.equal(agent.own, {})
    expect.equal(agent.config, { voice = { name = "alloy", speed = 3 }, levels = json.array { 3 }, greeting = "Hello.",
      mapped = { a = 1 } })
  end)

  it("may call an agent otherwise, and take it from the file's own name", function()
    expect.equal(merged("name: A\n", "agents: {A: {name: A (staging)}}\n").name, "A (staging)")
  end)

  it("knows tags in both files, a !file being relative to the one it stands in", function()
    local path = process.directory_of {
      ["agents/a.yaml"] = "name: A\nconfig: {one: !file one.md, two: !file one.md, three: !required it}\n",
      ["agents/one.md"] = "agents",
      ["environments/test.yaml"] = "agents: {A: {config: {two: !file one.md, three: !ref number:main}}}\n"
        .. "references: {number: {main: '+15551234567'}, workflow: {Path: !env PATH}}\n",
      ["environments/one.md"] = "environments",
    }
    local chosen = environment.choose("test", { path .. "/agents" })
    local agent = agent_file.read({ path .. "/agents/a.yaml" }, { environment = chosen })[1]
    expect.equal({ agent.config.one, agent.config.two, tostring(agent.config.three) },
      { "agents", "environments", "number:main" })
    expect.equal({ agent.ids.number.main, agent.ids.workflow.Path }, { "+15551234567", os.getenv "PATH" })
    expect.equal(agent.environment, path .. "/environments/test.yaml")
  end)

  it("gives each agent values of its own", function()
    local path = process.directory_of {
      ["agents/a.yaml"] = "name: A\n", ["agents/b.yaml"] = "name: B\n", ["agents/c.json"] = '{"name":"C"}',
      ["environments/test.yaml"] = "defaults: {config: {a: [1]}}\nagents: {C: {config: {b: 2}}}\n",
    }
    local agents = agent_file.read({ path .. "/agents" },
      { environment = environment.choose("test", { path .. "/agents" }) })
    expect.equal(agents[3].config, { a = json.array { 1 }, b = 2 })
    agents[1].config.a[1] = 9
    expect.equal(agents[2].config.a[1], 1)
  end)
end)

describe("what must not be deployed", function()
  it("is a required value that nobody gives", function()
    expect.equal(problem("name: A\nconfig:\n  voice: !required the voice\n", "agents: {}\n"),
      "agents/a.yaml:3:10: config.voice: a value is required here: the voice; environments/test.yaml gives none")
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {voice: !required the voice}\n" }
    expect.raises(function() agent_file.read { path } end,
      "config.voice: a value is required here: the voice; choose an environment that gives it")
  end)

  it("is a marker that was not replaced, unless it is behind !file, where it is a warning", function()
    local path = process.directory_of {
      ["a.yaml"] = "name: A\ndescription: for ${CLINIC}\nconfig:\n  instructions: !file p.md\n  b: [x@@CITY_2@@]\n"
        .. "  c: ${lower} $HOME {{CLINIC}} @@\n",
      ["b.yaml"] = "name: B\nconfig:\n  instructions: !file p.md\n",
      ["p.md"] = "Say ${OPENING} and $${ONE}.",
    }
    local text = tostring(expect.raises(function() agent_file.read { path } end, "2 problems"))
    expect.contains(text, "a.yaml:2:1: description: the marker ${CLINIC} was not replaced; if it is meant, write "
      .. "$${CLINIC}, or name it in allow_markers")
    expect.contains(text, "a.yaml:5:7: config.b[1]: the marker @@CITY_2@@ was not replaced")
    local agents, warnings = agent_file.read { path .. "/b.yaml" }
    expect.equal(agents[1].config.instructions, "Say ${OPENING} and $${ONE}.")
    expect.equal(warnings, { { path = path .. "/b.yaml:3:3", message = "config.instructions: the marker ${OPENING} was "
      .. "not replaced; name it in allow_markers if it is meant" } })
    expect.raises(function() agent_file.read({ path .. "/b.yaml" }, { strict = true }) end, "the marker ${OPENING}")
  end)

  it("is no marker that is escaped, or allowed in the file or the environment", function()
    local agent = merged("name: A\ndescription: $${CLINIC} ${A} ${B}\nallow_markers: [A]\n",
      "allow_markers: [B]\nagents: {A: {config: {x: '@@@@CITY@@ @@A@@ $$${B}'}}}\n")
    expect.equal({ agent.own.description, agent.config.x }, { "${CLINIC} ${A} ${B}", "@@CITY@@ @@A@@ $${B}" })
    expect.contains(problem("name: A\nallow_markers: [a b, 1]\n", "allow_markers: X\n"),
      "environments/test.yaml:1:1: allow_markers: expected a list of names")
    expect.contains(problem("name: A\nallow_markers: [a b, 1]\n", ""),
      "agents/a.yaml:2:17: allow_markers[1]: expected a name in capitals")
  end)

  it("is a variable that is not set, told in the file that names it", function()
    expect.equal(problem("name: A\n", "agents:\n  A:\n    description: !env ANYREACH_SPEC_UNSET\n"),
      "environments/test.yaml:3:18: description: the environment variable ANYREACH_SPEC_UNSET is not set")
  end)
end)

describe("a wrong environment", function()
  it("is told with its places, all problems at once", function()
    local text = problem("name: A\n", [[
refs: {}
defaults: {name: x}
references:
  datset: {}
  workflow: {Intake: 5, Other: ""}
  agent: []
agents: {A: 1}
]])
    expect.contains(text, "7 problems")
    expect.contains(text, "environments/test.yaml:1:1: unknown key 'refs'; expected one of agents, allow_markers, ")
    expect.contains(text, "environments/test.yaml:2:12: defaults.name: agents have names of their own")
    expect.contains(text, "environments/test.yaml:4:3: references: unknown key 'datset'; did you mean 'dataset'?")
    expect.contains(text, "environments/test.yaml:5:14: references.workflow.Intake: expected the text of an id, got "
      .. "the number 5")
    expect.contains(text, "environments/test.yaml:6:3: references.agent: expected a mapping, got a list")
    expect.contains(text, "environments/test.yaml:7:10: agents.A: expected a mapping, got the number 1")
  end)

  it("speaks of an agent that no file describes", function()
    expect.equal(problem("name: Scheduler\n", "agents:\n  Schedular: {active: true}\n"),
      "environments/test.yaml:2:3: agents: no agent file describes 'Schedular'; did you mean 'Scheduler'?")
  end)

  it("is none when an agent is described beside the files that were given", function()
    local files = {
      ["agents/a.yaml"] = "name: A\n", ["agents/b.yaml"] = "name: B\n",
      ["environments/test.yaml"] = "agents: {A: {}, B: {}, C: {}}\n",
    }
    expect.equal(failure(files, { "agents/a.yaml" }),
      "environments/test.yaml:1:24: agents: no agent file describes 'C'")
  end)

  it("makes an agent wrong in the environment's own words", function()
    expect.equal(problem("name: A\nactive: true\n", "agents:\n  A:\n    active: yes\n"),
      'environments/test.yaml:3:5: active: expected true or false, got the text "yes"')
  end)

  it("is no mapping, or no file that can be read", function()
    expect.contains(problem("name: A\n", "- x\n"), "expected a mapping with agents, defaults, references, got a list")
    expect.contains(problem("name: A\n", "a: [\n"), "environments/test.yaml:1:4: the [ is not closed")
    expect.raises(function() environment.read "notes.md" end, "expected an environment file that ends in .yaml")
  end)
end)

describe("an environment", function()
  local path = process.directory_of {
    ["agents/a.yaml"] = "name: A\n", ["agents/environments/near.yaml"] = "", ["environments/far.yml"] = "",
    ["environments/production.yaml"] = "references: {agent: {A: x}}\n",
  }
  local agents = path .. "/agents"

  it("is found beside the agent files or above their directory, or by its path", function()
    expect.equal(environment.find("near", { agents }), agents .. "/environments/near.yaml")
    expect.equal(environment.find("near", { agents .. "/a.yaml" }), agents .. "/environments/near.yaml")
    expect.equal(environment.find("far", { agents .. "/" }), path .. "/environments/far.yml")
    expect.equal(environment.find("x/y.yaml", { agents }), "x/y.yaml")
  end)

  it("that is not there is refused with the nearest name", function()
    local err = expect.raises(function() environment.find("prodution", { agents }) end, "no environment 'prodution'")
    expect.contains(tostring(err), "did you mean 'production'?")
    expect.contains(tostring(err), agents .. "/environments or " .. path .. "/environments")
  end)

  it("is the profile's when none is asked for, or the one called like it, if it is there", function()
    local paths = { agents }
    expect.equal(environment.choose(nil, paths, { environment = "production" }).ids, { agent = { A = "x" } })
    expect.equal(environment.choose(nil, paths, { profile = "production" }).ids, { agent = { A = "x" } })
    expect.equal(environment.choose(nil, {}, { profile = "other" }), nil)
    expect.equal(environment.choose("far", paths, { profile = "production" }).ids, {})
    expect.raises(function() environment.choose(nil, paths, { environment = "gone" }) end, "no environment 'gone'")
  end)

  it("that nobody chose is said, and needed on a protected profile that is written to", function()
    local words = "no environment is chosen; there are files for far, near, production: "
    for _, recipe in ipairs { "provision --check", "diff", "validate --offline" } do
      local _, out, err = process.run(("%s --sandbox run %s %s"):format(process.quote(process.program), recipe, agents))
      expect.contains(out .. err, words)
      _, out, err = process.run(("%s --sandbox run %s %s --environment none"):format(process.quote(process.program),
        recipe, agents))
      expect.falsy((out .. err):find("no environment", 1, true))
    end
    local protected = { profile = "other", protected = true }
    local err = expect.raises(function() environment.choose(nil, { agents }, protected, true) end,
      "the profile 'other' is protected, and " .. words)
    expect.equal(errors.exit_code(err), 6)
    expect.equal(environment.choose("none", { agents }, protected, true), nil)
    expect.equal(environment.choose(nil, { process.directory() }, protected, true), nil)
  end)
end)
