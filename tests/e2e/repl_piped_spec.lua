-- The prompt without a terminal: entries from a pipe, results and nothing else on stdout.

local document = require "helpers.document"
local process = require "helpers.process"

local home = process.directory()
local NOWHERE = ("HOME=%s XDG_STATE_HOME= XDG_CONFIG_HOME= ANYREACH_TOKEN= ANYREACH_BASE_URL= ANYREACH_PROFILE= ")
  :format(home)

-- Gives lines to a session and returns exit code, stdout and stderr.
local function session(lines, ...)
  return process.run(NOWHERE .. process.anyreach("repl", ...), table.concat(lines, "\n") .. "\n")
end

-- The same, where all is to go well; returns stdout.
local function output(lines, ...)
  local code, out, err = session(lines, ...)
  expect.equal({ code, err }, { 0, "" })
  return out
end

local SANDBOX = "--sandbox"

describe("entries from a pipe", function()
  it("print the values of expressions, without prompt and escape sequences", function()
    expect.equal(output { "1 + 1", "= 'x'", "nil", "1, nil, true", "{ b = 1, a = { 2 } }", "return 7" },
      '2\n"x"\nnil\n1\nnil\ntrue\n{ a = { 2 }, b = 1 }\n7\n')
  end)

  it("print nothing for statements, comments and empty lines", function()
    expect.equal(output { "x = 1", "", "  ", "-- nothing", "x = x + 1; y = x", "y" }, "2\n")
  end)

  it("may have several lines, and end at the line that completes them", function()
    expect.equal(output { "for i = 1, 2 do", "  print(i)", "end", "= {", "1", "}", "t = [[a", "b]] c = 2", "#t" },
      "1\n2\n{ 1 }\n3\n")
  end)

  it("may have lines that end with carriage return and line feed", function()
    expect.equal(output { "f = function()\r", "  return 8\r", "end\r", "f()\r", ":json\r" }, "8\n8\n")
  end)

  it("keep the last three values", function()
    expect.equal(output { "'a'", "'b'", "nil", "'c'", "_ .. _1 .. _2" }, '"a"\n"b"\nnil\n"c"\n"cba"\n')
  end)

  it("have globals of their own, so that none of ours can be lost by accident", function()
    expect.equal(output { "type = 'inbound' table, string, io, pairs, next, error, print = nil", "type", "_G.type",
      "{ 1, 2 }", "api.agents.create and 1" }, '"inbound"\n"inbound"\n{ 1, 2 }\n1\n')
  end)

  it("see `help` and `quit` as what people mean by them", function()
    expect.contains(output { "help" }, ":readonly on|off")
    expect.equal(output { "1", "quit", "2" }, "1\n")
    expect.equal(output { "1", "exit()", "2" }, "1\n")
    expect.equal(output { "quit = 3", "quit" }, "")
  end)

  it("print what comes from a server without what a terminal would obey", function()
    local out = output({ 'api.agents.create{ name = "a\\27[31m" }.name' }, SANDBOX)
    expect.equal(out, '"a\\x1B[31m"\n')
  end)

  it("are coloured when that is asked for", function()
    expect.contains(output({ "1" }, "--color=always"), "\27[")
  end)
end)

describe("an error from a pipe", function()
  it("goes to stderr, the session goes on, and the exit code is 1", function()
    local code, out, err = session { "1", "error 'first'", "2", "x x", "nothing.here", "3" }
    expect.equal({ code, out }, { 1, "1\n2\n3\n" })
    expect.equal(err, "(prompt):1: first\n(prompt):1: syntax error near 'x'\n"
      .. "(prompt):1: attempt to index a nil value (global 'nothing')\n")
  end)

  it("of a call says what failed, why and what to do", function()
    local code, _, err = session({ 'api.agents.get("nope")' }, SANDBOX)
    expect.equal(code, 1)
    expect.match(err, "^agents.get: 404 not found: [^\n]*\n  GET http://127.0.0.1:%d+/core/agents/nope[^\n]*\n"
      .. "  It may be gone[^\n]*\n$")
  end)

  it("of a name that is nearly right names the right one", function()
    local _, _, err = session { "apii.agents" }
    expect.contains(err, "Did you mean 'api'?")
  end)

  it("is an entry that the input ends in", function()
    local code, out, err = session { "1", "for i = 1, 2 do" }
    expect.equal({ code, out }, { 1, "1\n" })
    expect.contains(err, "near <eof>")
  end)

  it("is a wait that can never end", function()
    local code, out, err = session { "require('anyreach.host').event():wait()", "2" }
    expect.equal({ code, out }, { 1, "2\n" })
    expect.contains(err, "can never end")
  end)
end)

describe("a session from a pipe", function()
  it("remarks that a local is gone, unless its entry uses it", function()
    local code, out, err = session { "local x = 1", "local y = 2; print(y)", "local function f() end" }
    expect.equal({ code, out }, { 0, "2\n" })
    expect.equal(err, "'x' is gone with the end of its entry: leave out 'local' to keep it.\n"
      .. "'f' is gone with the end of its entry: leave out 'local' to keep it.\n")
  end)

  it("starts without a credential, and a call says what is missing", function()
    local code, out, err = session { "1", "api.agents.list()", "help(api.agents.list)" }
    expect.equal(code, 1)
    expect.match(out, "^1\napi.agents.list")
    expect.contains(err, "set ANYREACH_TOKEN")
    expect.contains(err, ":profile NAME")
  end)

  it("does not start with a profile that is not there", function()
    local code, out, err = session({ "1" }, "--profile", "nope")
    expect.equal({ code, out }, { 3, "" })
    expect.contains(err, "no profile 'nope'")
  end)

  it("waits for what runs in the background", function()
    expect.equal(output { "t = anyreach.spawn(function() anyreach.sleep(0.1) print 'late' end)", "'now'" },
      '"now"\nlate\n')
  end)

  it("does not keep what tasks came to that have ended", function()
    expect.equal(output {
      "results = setmetatable({}, { __mode = 'v' })",
      "function f(i) results[i] = {} return results[i] end",
      "for i = 1, 1000 do anyreach.spawn(f, i):wait() end",
      "collectgarbage(); collectgarbage(); count = 0; for _ in pairs(results) do count = count + 1 end",
      "count < 200",
    }, "true\n")
  end)

  it("tells of a background task that failed, once, and exits with 1", function()
    local code, out, err = session { "t = anyreach.spawn(error, 'lost')", "anyreach.sleep(0.05)", "2" }
    expect.equal({ code, out, err }, { 1, "2\n", "A background task has failed:\nlost\n" })
    code, out, err = session { "t = anyreach.spawn(function() anyreach.sleep(0.05) error('late', 0) end)" }
    expect.equal({ code, out, err }, { 1, "", "A background task has failed:\nlate\n" })
    code, out, err = session { "t = anyreach.spawn(function() anyreach.sleep(0.01) error('late', 0) end)",
      "anyreach.sleep(0.01)" }
    expect.equal({ code, out, err }, { 1, "", "A background task has failed:\nlate\n" })
  end)

  it("tells of a background task's error once when the entry waits for it", function()
    local _, _, err = session { "t = anyreach.spawn(error, 'waited for'); t:wait()" }
    expect.equal(err, "waited for\n")
  end)

  it("runs the script of -i first, and the entries see its globals", function()
    local script = process.directory() .. "/init.lua"
    process.write(script, "#!/usr/bin/env anyreach\nlocal mine = 1\nfunction twice(x) return 2 * x + mine - 1 end\n")
    expect.equal(output({ "twice(21)" }, "-i", script), "42\n")
    expect.equal(output({ "twice(21)" }, "--init", script), "42\n")
    local code, out, err = session({ "1" }, "-i", "/nowhere/init.lua")
    expect.equal({ code, out }, { 1, "1\n" })
    expect.contains(err, "/nowhere/init.lua")
  end)

  it("shows what was sent, and with :trace each request", function()
    local code, out, err = session({ "#api.agents.list()", ":trace on", "#api.agents.list()", ":trace off",
      "#api.agents.list()", ":requests 2" }, SANDBOX)
    expect.equal(code, 0)
    expect.match(out, "… 1 before these; :requests 3 shows all\nGET /core/agents 200 [%d.]+ ms\nGET /core/agents 200")
    expect.match(err, "^GET /core/agents 200 [%d.]+ ms\n$")
  end)

  it("tells the time of entries, but not of commands", function()
    local code, out, err = session { ":time on", "1", ":time off", "2" }
    expect.equal({ code, out }, { 0, "The time of each entry is shown.\n1\nTimes are not shown.\n2\n" })
    expect.match(err, "^%d+%.%d ms\n$")
  end)

  it("saves its successful lines as a script that does the same", function()
    local saved = process.directory() .. "/saved.lua"
    local out = output({ 'a = api.agents.create{ name = "Ada" }', "= a.name", "_ .. '!'", ":save " .. saved }, SANDBOX)
    local code, again = process.run(NOWHERE .. process.anyreach(SANDBOX, saved))
    expect.equal({ code, again }, { 0, "Ada!\n" })
    expect.equal(out, '"Ada"\n"Ada!"\n3 entries saved: anyreach --sandbox ' .. saved .. " runs them.\n")
  end)

  it("saves each line for the profile that it was for", function()
    local saved = process.directory() .. "/saved.lua"
    local count = "#api.agents.list()"
    output({ 'a = api.agents.create{ name = "Ada" }', ":profile sandbox-two", count, ":profile sandbox-one", count,
      ":save " .. saved }, SANDBOX)
    local code, again = process.run(NOWHERE .. process.anyreach(SANDBOX, saved))
    expect.equal({ code, again }, { 0, "0\n1\n" })
  end)

  it("remembers nothing of what was piped", function()
    output { "1" }
    expect.equal(process.read(home .. "/.local/state/anyreach/history"), nil)
  end)

  it("shows no secret", function()
    local _, out, err = session({ "anyreach.secret 'the-secret-of-this-spec'", "error(_)", ":json", ":full" })
    expect.falsy((out .. err):find("the-secret-of-this-spec", 1, true))
    expect.contains(out, "[secret]")
  end)
end)

describe("README.md", function()
  it("shows a session as it is", function()
    local shown = document.blocks(process.read(process.root .. "/README.md"), "The prompt", "code")[1].text
    local entries = {}
    local expected = (shown .. "\n"):gsub("sandbox %(Sandbox One%)> ([^\n]*)\n", function(entry)
      entries[#entries + 1] = entry
      return ""
    end)
    local code, out = process.run(("cd %s && { %s %s 2>&1; }"):format(process.directory(), NOWHERE,
      process.anyreach("repl", SANDBOX)), table.concat(entries, "\n"))
    expect.equal({ #entries, code, out }, { 5, 1, expected })
  end)
end)

describe("read-only", function()
  it("is switched on and off", function()
    local code, out, err = session({ ":readonly on", 'api.agents.create{ name = "A" }', ":readonly off",
      'api.agents.create{ name = "A" }.name' }, SANDBOX)
    expect.equal(code, 1)
    expect.equal(out, 'Read-only: every write is refused.\nWrites are allowed.\n"A"\n')
    expect.match(err, "this session is read%-only\n  :readonly off allows writes.\n$")
  end)

  it("stays when the command line says so", function()
    local code, out, err = session({ ":readonly off", 'api.agents.create{ name = "A" }' }, SANDBOX, "--read-only")
    expect.equal({ code, out }, { 1, "" })
    expect.contains(err, "started with --read-only")
    expect.match(err, "this run is read%-only\n$")
  end)

  it("of a protected profile is lifted by its organisation's name, and only for it", function()
    local organizations = require "helpers.organizations"
    local servers <close> = organizations.start()
    local code, out, err = process.run(servers.environment .. " " .. process.anyreach("repl", "--profile", "guarded",
      "--org", "0a000000-0000-4000-8000-000000000002"), table.concat({ 'api.agents.create{ name = "A" }',
      ":readonly off", "yes", ":readonly off", "0a000000-0000-4000-8000-000000000002",
      'api.agents.create{ name = "B" }.name', ":readonly on", 'api.agents.create{ name = "C" }', ":readonly off",
      "0a000000-0000-4000-8000-000000000002", ":profile staging", 'api.agents.create{ name = "D" }.name',
      ":profile guarded", 'api.agents.create{ name = "E" }' }, "\n"))
    expect.equal(code, 1)
    expect.contains(out, "still read-only")
    expect.contains(err, "the profile 'guarded' is protected")
    local function names(api)
      local list = {}
      for agent in api.agents.each() do list[#list + 1] = agent.name end
      return list
    end
    expect.equal({ names(servers.second), names(servers.first) }, { { "B" }, { "D" } })
  end)
end)

describe("a signal", function()
  -- Starts a session that prints "ready" and then waits for input that does not come.
  local function start(entry)
    local fifo = process.directory() .. "/fifo"
    assert(os.execute("mkfifo " .. fifo))
    local program = process.start(NOWHERE .. "sh -c " .. process.quote(
      ("exec 3<>%s; echo %s >&3; exec %s <%s"):format(fifo, process.quote(entry), process.anyreach("repl"), fifo)))
    program:first_line()
    return program
  end

  it("ends a session that waits for input, or runs an entry", function()
    for _, entry in ipairs { "print 'ready'", "print 'ready' io.stdout:flush() while true do pcall(error) end" } do
      for _, name in ipairs { "INT", "TERM" } do
        local program = start(entry)
        program:signal(name)
        expect.equal({ program:wait(), program:output() }, { 130, "ready\n" })
      end
    end
  end)
end)
