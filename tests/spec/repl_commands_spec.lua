-- The commands of the prompt, on a session that only notes what it is asked to do.

local commands = require "anyreach.repl.commands"
local process = require "helpers.process"
local profiles = require "anyreach.account.profiles"
local save = require "anyreach.repl.save"

-- A session as commands.lua wants it. `written` holds the texts, `done` what was asked for.
local function new_session(fields)
  local session = { environment = {}, settings = {}, written = {}, done = {}, target = {}, first_target = {} }
  for key, value in pairs(fields or {}) do session[key] = value end
  local function noting(name)
    return function(self, argument) self.done[#self.done + 1] = name .. " " .. tostring(argument) end
  end
  for _, name in ipairs { "evaluate", "remember", "quit", "set_profile", "set_read_only", "set_trace" } do
    session[name] = noting(name)
  end
  function session:write(text) self.written[#self.written + 1] = text end
  function session.options() return { width = 80, height = 24 } end
  function session:entries() return self.past or {} end
  function session:latest_entry() return self.latest end
  function session:requests() return self.records or {} end
  function session:tasks() return self.running or {} end
  function session:ask() return self.answer end
  return session
end

-- Runs a line and returns what was written.
local function run(session, line)
  session.written = {}
  commands.run(session, line)
  return table.concat(session.written, "\n")
end

describe("a command", function()
  it("that is unknown is refused with the nearest one", function()
    local err = expect.raises(function() run(new_session(), ":hlep") end, "did you mean ':help'?")
    expect.equal(err.kind, "command_line")
    expect.raises(function() run(new_session(), ":\27[2J") end, "no command ':\\x1B[2J'")
    expect.raises(function() run(new_session(), ":") end, ":help lists them")
  end)

  it("may have blanks around it", function()
    local session = new_session()
    run(session, "  : quit  ")
    expect.equal(session.done, { "quit nil" })
  end)

  it("has a name, a usage that begins with it, a summary and something to run", function()
    for _, row in ipairs(commands.rows) do
      expect.equal(row.usage:sub(1, #row.name + 1), ":" .. row.name)
      expect.truthy(#row.summary > 0 and type(row.run) == "function")
    end
  end)
end)

describe("the last value", function()
  it("is shown in full, as JSON, as YAML and as a table", function()
    local session = new_session { environment = { _ = { name = "Ada", list = anyreach.array { 1 } } } }
    expect.equal(run(session, ":full"), '{ name = "Ada", list = { 1 } }')
    expect.equal(run(session, ":json"), '{\n  "list": [\n    1\n  ],\n  "name": "Ada"\n}')
    expect.contains(run(session, ":yaml"), "name: Ada")
    expect.contains(run(session, ":table"), "name  Ada")
  end)

  it("may be false, and is refused when there is none", function()
    expect.equal(run(new_session { environment = { _ = false } }, ":json"), "false")
    expect.raises(function() run(new_session(), ":full") end, "no last value yet")
    expect.raises(function() run(new_session { environment = { _ = 12 } }, ":table") end, "not a table")
  end)

  it("never shows a secret", function()
    local session = new_session { environment = { _ = { key = anyreach.secret "the-secret-of-this-spec" } } }
    for _, line in ipairs { ":full", ":json", ":table", ":yaml" } do
      expect.contains(run(session, line), "[secret]")
    end
  end)
end)

describe(":readonly", function()
  it("is set, and told", function()
    local session = new_session()
    expect.equal(run(session, ":readonly on"), "Read-only: every write is refused.")
    expect.equal(run(session, ":readonly off"), "Writes are allowed.")
    expect.equal(session.done, { "set_read_only true", "set_read_only false" })
    expect.raises(function() run(session, ":readonly perhaps") end, "expected on or off")
  end)

  it("off wants the name of a protected profile", function()
    local session = new_session { target = { protected = true, profile = "production" }, answer = "yes" }
    expect.contains(run(session, ":readonly off"), "still read-only")
    expect.equal(session.done, {})
    session.answer = nil
    run(session, ":readonly off")
    expect.equal(session.done, {})
    session.answer = "production"
    run(session, ":readonly off")
    expect.equal(session.done, { "set_read_only false" })
  end)

  it("off wants the name of its organisation where that is known", function()
    local facts = { protected = true, profile = "production", organization = "Riverside" }
    local session = new_session { target = facts, answer = "production" }
    expect.contains(run(session, ":readonly off"), "still read-only")
    session.answer = "Riverside"
    run(session, ":readonly off")
    expect.equal(session.done, { "set_read_only false" })
  end)
end)

describe("settings", function()
  it("are on, off or what they are", function()
    local session = new_session()
    expect.equal(run(session, ":time on"), "The time of each entry is shown.")
    expect.equal(session.settings.time, true)
    run(session, ":time off")
    expect.equal(session.settings.time, false)
    expect.equal(run(session, ":trace full"), "Requests are shown in full.")
    expect.equal(run(session, ":trace"), "Requests are not shown.")
    expect.equal(session.done, { "set_trace full" })
    expect.raises(function() run(session, ":trace loud") end, "expected on, off or full")
  end)

  it("measure one expression", function()
    local session = new_session()
    expect.match(run(session, ":time #_ + 1"), "^%d+%.%d ms$")
    expect.equal(session.done, { "evaluate #_ + 1" })
  end)

  it("change the profile, or tell which there are", function()
    local session = new_session { target = { profile = "staging" } }
    run(session, ":profile production")
    expect.equal(session.done, { "set_profile production" })
    expect.equal(run(session, ":profile"), "This is staging; " .. profiles.listed())
  end)
end)

describe(":requests", function()
  local records = {}
  for i = 1, 30 do
    records[i] = { method = "GET", url = ("https://api.anyreach.ai/core/agents/%d"):format(i), status = 200,
      total = 0.0123, elapsed = 0.0123, attempt = 1 }
  end

  it("shows the last ones", function()
    local session = new_session { records = records }
    expect.equal(run(session, ":requests 1"),
      "… 29 before these; :requests 30 shows all\nGET /core/agents/30 200 12.3 ms")
    expect.falsy(run(session, ":requests 30"):find("before these", 1, true))
    expect.equal(#session.written, 30)
    run(session, ":requests")
    expect.equal(#session.written, 21)
  end)

  it("says that there were none, and refuses what is no number", function()
    expect.equal(run(new_session(), ":requests"), "Nothing was sent.")
    expect.raises(function() run(new_session(), ":requests x") end, "expected a number")
  end)
end)

describe(":save", function()
  local past = {
    "a = { 1, 2 }", "#a", "a[1] + _ -- the sum", "print(a)", "api.agents.list()", "for i = 1, 2 do\n  b = i\nend",
  }

  it("writes a script that runs and gives expressions their names", function()
    local path = process.directory() .. "/session.lua"
    local session = new_session { past = past, target = { profile = "other" }, first_target = { profile = "staging" } }
    expect.equal(run(session, ":save " .. path),
      ("6 entries saved: anyreach --profile staging %s runs them."):format(path))
    local script = process.read(path)
    expect.match(script, "^#!/usr/bin/env anyreach\n%-%- Saved .* anyreach %-%-profile staging FILE\n")
    expect.contains(script, "\nlocal api = anyreach.client()\n")
    expect.contains(script, "\n_, _1, _2 = (#a), _, _1\n")
    local code, out = process.run(process.anyreach("--sandbox", path))
    expect.equal(code, 0)
    expect.match(out, "^3\ntable: ")
  end)

  it("does not overwrite but with an exclamation mark", function()
    local path = process.directory() .. "/there.lua"
    process.write(path, "mine")
    local session = new_session { past = past }
    expect.raises(function() run(session, ":save " .. path) end, "':save! " .. path .. "' overwrites it")
    expect.equal(process.read(path), "mine")
    run(session, ":save! " .. path)
    expect.contains(process.read(path), "a = { 1, 2 }")
  end)

  it("refuses to save nothing, or nowhere", function()
    expect.raises(function() run(new_session(), ":save /tmp/x.lua") end, "nothing to save yet")
    expect.raises(function() run(new_session { past = past }, ":save") end, "where to?")
    expect.raises(function() run(new_session { past = past }, ":save /nowhere/x.lua") end, "/nowhere/x.lua")
  end)

  it("has no secret in it", function()
    local kept <const> = anyreach.secret "typed-at-the-prompt"
    expect.contains(save.script { 'c = anyreach.client{ token = "typed-at-the-prompt" }' }, 'token = "[secret]"')
    local short <const> = anyreach.secret "ox"
    expect.contains(save.script { "s = anyreach.secret 'ox'; box = 1" }, "anyreach.secret '[secret]'; box = 1")
    expect.truthy(kept ~= short)
  end)

  it("prints an expression of which nobody speaks later", function()
    expect.contains(save.script { "a.name" }, "\nprint(a.name)\n")
    expect.contains(save.script { "f()" }, "\nf()\n")
    expect.contains(save.script { "f().name" }, "\nprint(f().name)\n")
  end)

  it("keeps a look at a name as a comment, unless an entry speaks of it as the last value", function()
    local lines = save.script { "desk = { name = 'Desk' }", "desk", "print(desk.name)" }
    expect.contains(lines, "\ndesk = { name = 'Desk' }\n-- desk\nprint(desk.name)\n")
    expect.contains(save.script { "desk", "print(_.name)" }, "\n_, _1, _2 = (desk), _, _1\n")
  end)
end)

describe(":load", function()
  it("evaluates a script, without its first line for the shell", function()
    local path = process.directory() .. "/script.lua"
    process.write(path, "#!/usr/bin/env anyreach\nx = 1\n")
    local session = new_session()
    run(session, ":load " .. path)
    expect.equal(session.done, { "evaluate \nx = 1\n" })
    expect.raises(function() run(session, ":load /nowhere.lua") end, "/nowhere.lua")
  end)
end)

describe(":run", function()
  it("refuses an unknown recipe and wrong arguments, and says what there is", function()
    expect.raises(function() run(new_session(), ":run") end, "provision")
    expect.raises(function() run(new_session(), ":run provsion") end, "did you mean 'provision'?")
    expect.raises(function() run(new_session(), ":run provision --chekc") end, "did you mean '--check'?")
    expect.raises(function() run(new_session(), ":run provision 'a b") end, "has no end")
  end)

  it("cuts its arguments as a shell does", function()
    expect.equal(commands.split [[a  "b c" d'e f'g h\ i ""]], { "a", "b c", "de fg", "h i", "" })
    expect.equal(commands.split "", {})
  end)

  it("restricts writes only while the recipe runs", function()
    local sandbox = process.sandbox()
    local code = [[
      local recipe = require "anyreach.recipe"
      local code = recipe.call("provision", { "--check", "scripts/examples/clinic/agents" })
      local agent = anyreach.client().agents.create { name = "written afterwards" }
      print(code, agent.name)]]
    local exit_code, out = process.run(sandbox.environment .. process.anyreach("-e", code))
    expect.equal(exit_code, 0)
    expect.match(out, "2\twritten afterwards\n$")
    sandbox:stop()
  end)
end)

describe("background tasks", function()
  it("are listed and cancelled by their number", function()
    local task = anyreach.spawn(function() anyreach.sleep(60) end)
    local session = new_session { running = { task } }
    expect.match(run(session, ":tasks"), "^1  %a+$")
    expect.raises(function() run(session, ":cancel 2") end, "no task '2'")
    expect.equal(run(session, ":cancel 1"), "Task 1 is cancelled.")
    expect.equal(task:status(), "cancelled")
    expect.equal(run(new_session(), ":tasks"), "Nothing runs in the background.")
  end)
end)
