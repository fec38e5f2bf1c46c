-- The prompt in a real terminal, keystroke by keystroke: what stands on the screen, and what was sent.

local organizations = require "helpers.organizations"
local process = require "helpers.process"
local terminal = require "helpers.terminal"
local wire = require "helpers.wire"

terminal.is_needed()

local COLUMNS, ROWS = 100, 30
local VERSION = anyreach.version
local GREETING = ":help lists the commands; Tab completes; Ctrl-D twice leaves."

local servers = organizations.start()
local url = servers.sandbox.base_url
local place = ("anyreach %s at %s "):format(VERSION, url)

-- Starts a session; `settings` are NAME=VALUE words, the others arguments.
local function start_with(settings, ...)
  local command = ("%s NO_COLOR=1 %s %s"):format(servers.environment, settings, process.anyreach("repl", ...))
  return terminal.start(command, { columns = COLUMNS, rows = ROWS })
end

local function start(...)
  local t = start_with("", "--profile", "staging", ...)
  local ok, problem = pcall(t.wait_for, t, "staging>")
  if ok then return t end
  t:stop()
  error(problem, 0)
end

-- Without the greeting.
local function start_quietly()
  return start "--quiet"
end

-- Types lines, and Enter after each.
local function type_lines(t, ...)
  for _, line in ipairs { ... } do t:text(line):keys "Enter" end
end

-- Types entries, and waits after each until it has been carried out.
local function enter(t, ...)
  for _, entry in ipairs { ... } do
    type_lines(t, entry)
    t:wait_until("the next prompt", function() return t:screen():find "%f[^\n\0][^\n]*[%w)]>$" end)
  end
end

local function leave(t)
  t:keys("C-d", "C-d")
  return t:wait()
end

describe("a session", function()
  it("greets with its version, where it works, and how to get help", function()
    local t <close> = start()
    t:wait_for_screen(place .. "(profile staging)", GREETING, "staging>")
    expect.equal(leave(t), 0)
  end)

  it("with --sandbox needs nothing, and names its organisation", function()
    local t <close> = start_with("", "--sandbox")
    t:wait_for "\nsandbox (Sandbox One)>"
    expect.match(t:screen(), "^anyreach [%d.]+ at http://127.0.0.1:%d+ %(Sandbox One%)\n")
  end)

  it("starts without a credential, and says what to do", function()
    local t <close> = start_with "ANYREACH_BASE_URL=https://api.example.com"
    t:wait_for_screen(("anyreach %s at https://api.example.com, without a credential"):format(VERSION),
      "Set ANYREACH_TOKEN before the start, or choose a profile: :profile NAME", GREETING, "api.example.com>")
    enter(t, ":profile staging", "#api.agents.list()")
    t:wait_for "staging> #api.agents.list()\n0\nstaging>"
  end)

  it("starts read-only with a protected profile, and says how to change that", function()
    local t <close> = start_with("", "--profile", "guarded")
    t:wait_for_screen(place .. "(profile guarded), read-only",
      "Every write is refused; :readonly off allows them.", GREETING, "guarded (read-only)>")
  end)

  it("runs the script of -i first", function()
    local script = process.directory() .. "/init.lua"
    process.write(script, "answer = 42 print 'from the script'")
    local t <close> = start("--quiet", "-i", script)
    enter(t, "answer")
    t:wait_for_screen("from the script", "staging> answer", "42", "staging>")
  end)

  it("is left with Ctrl-D twice, and not with one before something else", function()
    local t <close> = start_quietly()
    t:keys "C-d"
    t:wait_for_screen("staging>", "Ctrl-D again leaves.", "staging>")
    enter(t, "1")
    t:wait_for_screen("staging>", "Ctrl-D again leaves.", "staging> 1", "1", "staging>")
    t:keys "C-d"
    t:wait_until("a second hint", function() return select(2, t:screen():gsub("again leaves", "")) == 2 end)
    t:keys "C-d"
    expect.equal(t:wait(), 0)
  end)

  it("is left with :quit, quit and exit", function()
    for _, word in ipairs { ":quit", "quit", "exit()" } do
      local t <close> = start_quietly()
      type_lines(t, word)
      expect.equal(t:wait(), 0)
    end
  end)

  it("ends at once when it is told to terminate, at the prompt and in an entry", function()
    for _, entry in ipairs { "1", "while true do pcall(error) end" } do
      local t <close> = start_quietly()
      type_lines(t, entry)
      t:wait_for(entry)
      t:signal "TERM"
      expect.equal(t:wait(), 130)
    end
  end)
end)

describe("an entry", function()
  it("prints its values; an assignment prints nothing", function()
    local t <close> = start_quietly()
    enter(t, "x = 20", "x + 1, 'two'", "= x", "nil", "_ + 1")
    t:wait_for_screen("staging> x = 20", "staging> x + 1, 'two'", "21", '"two"', "staging> = x", "20",
      "staging> nil", "nil", "staging> _ + 1", "21", "staging>")
  end)

  it("goes on in further lines until it is complete, and comes back whole", function()
    local t <close> = start_quietly()
    type_lines(t, "for i = 1, 2 do", "print(i)", "end")
    t:wait_until("the results", function() return t:screen():find "\n1\n2\nstaging>$" end)
    t:keys("C-l", "Up")
    t:wait_until("the entry again", function()
      return t:screen():find "^staging> for i = 1, 2 do\n[ .>]*print%(i%)\n[ .>]*end$"
    end)
    t:keys "Enter"
    t:wait_until("the results again", function() return t:screen():find "end\n1\n2\nstaging>$" end)
  end)

  it("may be pasted with many lines, and runs once", function()
    local t <close> = start_quietly()
    t:paste "total = 0\nfor i = 1, 4 do\n\ttotal = total + i\nend\ntotal"
    t:wait_until("the paste", function() return t:screen():find "\n[ .>]*total$" end)
    t:keys "Enter"
    t:wait_until("the sum", function() return t:screen():find "\n10\nstaging>$" end)
    expect.falsy(t:screen():find("error", 1, true))
  end)

  it("may hold any UTF-8", function()
    local t <close> = start_quietly()
    enter(t, 'x = "Grüße, 日本語"', "x, utf8.len(x)")
    t:wait_for '"Grüße, 日本語"\n10\nstaging>'
  end)

  it("survives a change of the window's size", function()
    local t <close> = start_quietly()
    t:text "1 + 1"
    t:wait_for "staging> 1 + 1"
    t:resize(60, 20)
    t:text " + 40"
    t:keys "Enter"
    t:wait_for "\n42\nstaging>"
  end)

  it("that declares a local is told that it is lost", function()
    local t <close> = start_quietly()
    enter(t, "local x = 1")
    t:wait_for_screen("staging> local x = 1", "'x' is gone with the end of its entry: leave out 'local' to keep it.",
      "staging>")
  end)

  it("that fails leaves the session as it was", function()
    local t <close> = start_quietly()
    enter(t, "x = 1", "error 'no'", "x")
    t:wait_for_screen("staging> x = 1", "staging> error 'no'", "(prompt):1: no", "staging> x", "1", "staging>")
  end)
end)

describe("values on the screen", function()
  it("are tables with aligned columns, bounded tables, folded texts and errors with advice", function()
    servers:reset()
    servers.first.agents.create { name = "Ada" }
    servers.first.agents.create { name = "Grace Hopper" }
    local t <close> = start_quietly()
    enter(t, "api.agents.list()")
    t:wait_until("a table", function()
      return t:screen():find("\nname +id +active[^\n]*\n[- ]+\n"
        .. "Grace Hopper  [-%x]+  true[^\n]*\nAda           [-%x]+  true")
    end)
    t:keys "C-l"
    enter(t, "{ 1, anyreach.null, anyreach.secret 'hush', nested = { deep = {} } }")
    t:wait_for "{ 1, anyreach.null, [secret], nested = { deep = {} } }\nstaging>"
    t:keys "C-l"
    enter(t, "('line\\n'):rep(80)")
    t:wait_for "… 400 characters, 81 lines; :full shows all\nstaging>"
    t:keys "C-l"
    enter(t, "api.agents.get 'nope'")
    t:wait_for("staging> api.agents.get 'nope'\nagents.get: 404 not found: Agent nope not found.\n  GET " .. url
      .. "/core/agents/nope")
    t:wait_for "It may be gone, or belong to another organisation: api.agents.list lists those that exist.\nstaging>"
  end)

  it("are coloured, errors in red, unless NO_COLOR is set", function()
    local t <close> = start_with("NO_COLOR=", "--profile", "staging", "--quiet")
    t:wait_for "staging>"
    enter(t, "'text'", "error 'no'")
    t:wait_for "(prompt):1: no"
    local screen = t:screen(true)
    expect.match(screen, '\27%[32m"text"')
    expect.match(screen, "\27%[31m%(prompt%):1: no")
    local plain <close> = start_quietly()
    enter(plain, "'text'", "error 'no'")
    plain:wait_for "(prompt):1: no"
    expect.falsy(plain:screen(true):find "\27%[3%d")
  end)
end)

describe("the prompt", function()
  it("warns in colour of a protected profile, more so when it may be written", function()
    local organization = "0a000000-0000-4000-8000-000000000002"
    local t <close> = start_with("NO_COLOR=", "--profile", "guarded", "--org", organization, "--quiet")
    t:wait_for "guarded (0a000000-0000-4000-8000…, read-only)>"
    expect.match(t:screen(true), "\27%[33mguarded %(")
    type_lines(t, ":readonly off")
    t:wait_for("'guarded' is protected. Type the name of its organisation, '" .. organization)
    type_lines(t, organization)
    t:wait_for "Writes are allowed.\nguarded (0a000000-0000-4000-8000…)>"
    expect.match(t:screen(true), "\27%[31mguarded %(")
  end)

  it("stays read-only when the answer is wrong, or Ctrl-C", function()
    local t <close> = start_with("", "--profile", "guarded", "--quiet")
    t:wait_for "guarded (read-only)>"
    type_lines(t, ":readonly off")
    t:wait_for "Type its name to allow writes:"
    type_lines(t, "yes")
    t:wait_for "That is not the name: still read-only.\nguarded (read-only)>"
    t:keys "C-l"
    type_lines(t, ":readonly off")
    t:wait_for "Type its name to allow writes:"
    t:keys "C-c"
    t:wait_for "still read-only.\nguarded (read-only)>"
  end)

  it("follows :profile and :readonly", function()
    local t <close> = start_quietly()
    enter(t, ":profile production", ":readonly on", ":profile guarded")
    t:wait_for_screen("staging> :profile production", url .. " (profile production)", "production> :readonly on",
      "Read-only: every write is refused.", "production (read-only)> :profile guarded",
      url .. " (profile guarded), read-only", "Every write is refused; :readonly off allows them.",
      "guarded (read-only)>")
  end)
end)

describe("Tab", function()
  it("completes parameters and their values, and sends nothing", function()
    servers:reset()
    servers.first.agents.create { name = "Ada" }
    local function sent() return #servers.first.request { path = "/_sandbox/requests" } end
    expect.equal(sent(), 1)
    local t <close> = start_quietly()
    t:text "api.agents.versions.publish(id, 1, {dir"
    t:keys "Tab"
    t:wait_for "staging> api.agents.versions.publish(id, 1, {direction ="
    t:wait_for_cursor(#'staging> api.agents.versions.publish(id, 1, {direction = ', 0)
    t:text '"in'
    t:keys "Tab"
    t:wait_for 'staging> api.agents.versions.publish(id, 1, {direction = "inbound"'
    t:keys "C-u"
    for _, text in ipairs {
      "ap", "api.", "api.agents.ve", "api.agents.list().", "api.agents.list()[1].", "api.try.agents.ge", "anyreach.ma",
      "for a in api.agents.each() do a.", 'anyreach.client { profile = "', ":prof", ":profile ", ":run provision --",
      'anyreach.read_file("/', "api.agents.get(", "_.", "",
    } do
      t:text(text)
      t:keys("Tab", "Tab", "C-u")
    end
    t:keys "C-l"
    t:wait_for_screen "staging>"
    expect.equal(sent(), 1)
    enter(t, "#api.agents.list()")
    expect.equal(sent(), 2)
  end)

  it("completes globals, fields of live values, methods, files, recipes and commands", function()
    local directory = process.directory()
    process.write(directory .. "/unmistakable.yaml", "")
    local t <close> = start_quietly()
    enter(t, "customer = { first_name = 'Ada' }")
    for typed, completed in pairs {
      ["custo"] = "customer", ["customer.fi"] = "customer.first_name",
      ["api.agents.versions.pub"] = "api.agents.versions.publish",
      ["anyreach.read_yaml('" .. directory .. "/unm"] = "anyreach.read_yaml('" .. directory .. "/unmistakable.yaml'",
      [":run prov"] = ":run provision", [":run provision --chec"] = ":run provision --check", [":reado"] = ":readonly ",
    } do
      t:text(typed)
      t:keys "Tab"
      t:wait_for("staging> " .. completed:gsub(" +$", ""))
      t:keys "C-u"
    end
  end)

  it("lists what there is when it is pressed again, and the line stays", function()
    local t <close> = start_quietly()
    t:text "api.agents.versions."
    t:keys("Tab", "Tab")
    t:wait_for_screen("compare                each                   get                    publish",
      "create                 generate_instructions  list                   update",
      "staging> api.agents.versions.")
  end)

  it("completes no answer to a question", function()
    local t <close> = start_with("", "--profile", "guarded", "--quiet")
    type_lines(t, ":readonly off")
    t:wait_for "Type its name to allow writes:"
    t:text "ap"
    t:keys "Tab"
    type_lines(t, "i")
    t:wait_for "allow writes: api\nThat is not the name"
  end)
end)

describe("the hint", function()
  it("shows what a call takes while it is typed, and goes with the entry", function()
    local t <close> = start_quietly()
    t:text "api.agents.versions.publish(a.id, 1, {"
    t:wait_for "publish(agent_id, version, { direction, phone_numbers"
    t:text " direction = 'both'"
    t:wait_for "<direction: "
    t:keys "C-c"
    t:wait_until("an empty line", function() return t:screen():find ">$" end)
    enter(t, "1")
    t:wait_until("the hint to go", function() return not t:screen():find("phone_numbers", 1, true) end)
    t:wait_for "\nstaging> 1\n1\nstaging>"
  end)
end)

describe("Ctrl-C", function()
  it("drops the line that is typed", function()
    local t <close> = start_quietly()
    t:text "os.exit(9)"
    t:keys "C-c"
    t:wait_until("an empty line", function() return t:screen():find ">$" end)
    enter(t, "1")
    t:wait_for "\n1\nstaging>"
  end)

  it("stops a loop, a wait, and a loop that catches all errors, and keeps the session", function()
    local t <close> = start_quietly()
    enter(t, "kept = 7")
    for _, entry in ipairs {
      "while true do end", "while true do pcall(error) end", "anyreach.sleep(1000)",
      "coroutine.wrap(function() while true do end end)()",
    } do
      t:keys "C-l"
      type_lines(t, entry)
      t:wait_for(entry)
      t:keys "C-c"
      t:wait_for "Interrupted.\nstaging>"
    end
    t:keys "C-l"
    enter(t, "kept")
    t:wait_for "\n7\nstaging>"
  end)

  it("stops a call, and says what may have been carried out", function()
    local server <close> = wire.start()
    server:reply "stall"
    local t <close> = start_with(("ANYREACH_TOKEN=ak_1.x ANYREACH_BASE_URL=%s"):format(server.base_url), "--quiet")
    t:wait_for "127.0.0.1>"
    type_lines(t, "api.agents.create{ name = 'Ada' }")
    process.eventually("the request", function() return server:count() == 1 end)
    t:keys "C-c"
    t:wait_for "Interrupted; 1 write may have been applied: POST /core/agents.\n127.0.0.1>"
    enter(t, "'still here'")
    t:wait_for '"still here"\n127.0.0.1>'
  end)

  it("leaves background tasks alone", function()
    local t <close> = start_quietly()
    enter(t, "task = anyreach.spawn(anyreach.sleep, 1000)")
    type_lines(t, "anyreach.sleep(1000)")
    t:wait_for "staging> anyreach.sleep(1000)"
    t:keys "C-c"
    t:wait_for "Interrupted."
    enter(t, ":tasks")
    t:wait_for "1  waiting"
    enter(t, ":cancel 1", ":tasks")
    t:wait_for "Task 1 is cancelled.\nstaging> :tasks\nNothing runs in the background."
  end)
end)

describe("a background task", function()
  it("writes above the line that is typed, whatever it writes with", function()
    local t <close> = start_quietly()
    local gate = process.directory() .. "/gate"
    enter(t, ("gate = '%s'"):format(gate))
    enter(t, "function opened() while not io.open(gate) do anyreach.sleep(0.01) end end")
    enter(t, "t = anyreach.spawn(function() opened() print('printed', 1) io.write('wr', 'itten\\n') "
      .. "io.stderr:write('to stderr\\n') end)")
    t:keys "C-l"
    t:text "half of an en"
    t:wait_for_screen "staging> half of an en"
    process.write(gate, "")
    t:wait_for_screen("printed 1", "written", "to stderr", "staging> half of an en")
    t:keys "C-u"
    enter(t, "'whole'")
    t:wait_for '\n"whole"\nstaging>'
  end)

  it("that fails is told about above the line", function()
    local t <close> = start_quietly()
    enter(t, "t = anyreach.spawn(function() anyreach.sleep(0.2) error('lost', 0) end)")
    t:text "typing"
    t:wait_for "A background task has failed:\nlost\nstaging> typing"
  end)

  it("goes on while the prompt waits, calls included", function()
    local t <close> = start_quietly()
    enter(t, "t = anyreach.spawn(function() anyreach.sleep(0.1) print(#api.agents.list() .. ' agents') end)")
    t:wait_until("the answer", function() return t:screen():find "\n%d+ agents\nstaging>$" end)
  end)

  it("keeps no session alive whose terminal is gone", function()
    local t <close> = start_with("sh -c 'trap \"\" HUP; exec \"$@\"' sh", "--profile", "staging")
    t:wait_for "staging>"
    local pid = t:pid()
    enter(t, "t = anyreach.spawn(anyreach.sleep, 1000)")
    t:stop()
    process.eventually("the program to end", function()
      return not os.execute(("kill -0 %d 2>/dev/null"):format(pid))
    end, 10)
  end)

  it("is waited for, cancelled, or kept when the session is left, as the user says", function()
    for answer, ending in pairs { wait = "finished", cancel = "" } do
      local t <close> = start_quietly()
      enter(t, "t = anyreach.spawn(function() anyreach.sleep(0.5) print 'finished' end)")
      type_lines(t, ":quit")
      t:wait_for "A task runs in the background: wait, cancel or stay?"
      enter(t, "stay")
      t:wait_for "stay? stay\nstaging>"
      enter(t, "t2 = anyreach.spawn(anyreach.sleep, 0.2)")
      type_lines(t, ":quit")
      t:wait_for "2 tasks run in the background: wait, cancel or stay?"
      type_lines(t, answer)
      expect.equal(t:wait(), 0)
      expect.equal(t:screen():match "finished$" or "", ending)
    end
  end)
end)

describe("history", function()
  local file = servers.directory .. "/state/anyreach/history"

  it("is saved for the user alone, without credentials, and is there in the next session", function()
    os.remove(file)
    local t <close> = start_quietly()
    enter(t, "remembered = 1")
    type_lines(t, "for i = 1, 1 do", "lines = i")
    enter(t, "end", "c = anyreach.client{ token = 'ak_1.hidden' }", "s = anyreach.secret 'hush'")
    t:keys "Up"
    t:wait_until("the entry before the secret ones", function()
      return t:screen():find "\n[ .>]*lines = i\n[ .>]*end$"
    end)
    t:keys "C-c"
    expect.equal(leave(t), 0)
    expect.equal(process.first_line("stat -c %a " .. file), "600")
    expect.falsy(process.read(file):find "hidden" or process.read(file):find "hush")

    local again <close> = start_quietly()
    again:keys("Up", "Up")
    again:wait_for "staging> remembered = 1"
    again:keys("C-c", "C-r")
    again:text "lines"
    again:keys("Enter")
    enter(again, "lines")
    again:wait_for "\n1\nstaging>"
  end)
end)

describe("commands", function()
  it(":edit opens the last entry in the editor, and runs what it became", function()
    local editor = process.directory() .. "/editor"
    process.write(editor, "#!/bin/sh\nsed -i s/wrong/40/ \"$1\"\n")
    assert(os.execute("chmod +x " .. editor))
    local t <close> = start_with("VISUAL=" .. editor, "--profile", "staging", "--quiet")
    enter(t, "wrong + 2", ":edit")
    t:wait_for "staging> :edit\n40 + 2\n42\nstaging>"
    t:keys "Up"
    t:wait_until("the changed entry in the history", function() return t:screen():find "staging> 40 %+ 2$" end)
  end)

  it(":edit runs nothing when nothing was changed, or the editor fails", function()
    for editor, words in pairs { ["true"] = "Nothing was changed", ["false"] = "failed with exit code 1" } do
      local t <close> = start_with("VISUAL=" .. editor, "--profile", "staging", "--quiet")
      enter(t, "print 'once'", ":edit")
      t:wait_for(words)
      expect.equal(select(2, t:screen():gsub("\nonce", "")), 1)
    end
  end)

  it(":page shows the last value in the pager", function()
    local t <close> = start_with("PAGER='sed s/^/page:/'", "--profile", "staging", "--quiet")
    enter(t, "{ 1, 2 }", ":page")
    t:wait_for "staging> :page\npage:{ 1, 2 }\nstaging>"
  end)

  it(":save writes a script that does the same again", function()
    servers:reset()
    local saved = process.directory() .. "/saved.lua"
    local t <close> = start_quietly()
    enter(t, "a = api.agents.create{ name = 'Saved' }", "a.name", "nothing.here", ":save " .. saved)
    t:wait_for "2 entries saved"
    local code, out = process.run(servers.environment .. " " .. process.anyreach("--profile", "staging", saved))
    expect.equal({ code, out }, { 0, "Saved\n" })
    expect.equal(#servers.first.agents.list(), 2)
  end)

  it(":trace and :requests show what is sent", function()
    local t <close> = start_quietly()
    enter(t, ":trace on", "#api.agents.list() >= 0", ":requests")
    t:wait_until("both", function()
      return t:screen():find "\nGET /core/agents 200 [%d.]+ ms\n" and t:screen():find ":requests\nGET /core/agents 200"
    end)
  end)

  it(":help, help(x) and :api explain", function()
    local t <close> = start_quietly()
    enter(t, "help(api.agents.versions.publish)")
    t:wait_for "Source: /telephony/assigning-agents-to-numbers"
    t:keys "C-l"
    enter(t, ":api number")
    t:wait_for "api.phone_numbers.list       List the phone numbers of the organisation."
    t:keys "C-l"
    enter(t, ":hlep")
    t:wait_for "there is no command ':hlep'; did you mean ':help'?\nstaging>"
  end)

  it(":run runs a recipe, or shows its help", function()
    local t <close> = start_quietly()
    enter(t, ":run validate /nowhere")
    t:wait_for "validate ended with exit code 3."
    t:keys "C-l"
    enter(t, ":run validate --help")
    t:wait_for "anyreach run validate agents/ --offline --strict"
  end)
end)

servers:stop()
