-- The program as a user runs it: commands, options, scripts, exit codes, and what it prints where.

local json = require "anyreach.json"
local process = require "helpers.process"

local directory = process.directory()
local program = process.anyreach()

local function script(name, text)
  process.write(directory .. "/" .. name, text)
  return directory .. "/" .. name
end

local function run(...)
  return process.run(process.anyreach(...))
end

-- Runs, and expects exit code and a part of stderr.
local function fails(code, part, ...)
  local actual, out, err = run(...)
  expect.equal(actual, code)
  expect.contains(err, part)
  return out, err
end

describe("the command line", function()
  it("says its version and its help", function()
    local code, out, err = run "--version"
    expect.equal({ code, err }, { 0, "" })
    expect.match(out, "^anyreach %d+%.%d+%.%d+\n$")
    expect.equal(run "--help", 0)
    expect.equal(run "help", 0)
  end)

  it("without anything shows help and is wrong usage", function()
    expect.equal((process.run(program)), 64)
  end)

  it("refuses an unknown option with a suggestion", function()
    fails(64, "unknown option '--sandbx'; did you mean '--sandbox'?", "--sandbx", "x.lua")
    fails(64, "unknown option '-z'", "-z")
    fails(64, "did you mean '--concurrency'?", "--concurency=4", "-e", "x()")
    fails(64, "unknown option '-e'", "doctor", "-e", "x()")
    fails(64, "unknown option '--sandbx'; did you mean '--sandbox'?", "run", "--sandbx", "provision")
  end)

  it("refuses an unknown command, recipe or file with a suggestion", function()
    fails(64, "did you mean 'sandbox'?", "sandbocks")
    fails(64, "did you mean 'call'?", "cal")
    fails(64, "neither a command nor a file", "nowhere.lua")
    fails(64, "did you mean 'provision'?", "run", "provison")
    fails(64, "which recipe", "run")
    fails(64, "no help for 'agent'; did you mean 'agents'?", "help", "agent")
  end)

  it("explains run, as it does any command", function()
    local code, out = run("help", "run")
    expect.equal(code, 0)
    expect.match(out, "^usage: anyreach .* run RECIPE .*\n  provision +Creates")
    for _, option in ipairs { "-h", "--help" } do expect.equal({ run("run", option) }, { 0, out, "" }) end
    expect.match(select(2, run("run", "-h", "provision")), "^usage: anyreach run provision ")
  end)

  it("refuses a value that does not fit", function()
    fails(64, "--timeout: expected a number of more than 0, got '0'", "--timeout=0", "-e", "")
    fails(64, "--timeout: expected a number", "--timeout", "soon", "-e", "")
    fails(64, "--concurrency: expected an integer", "--concurrency=1.5", "-e", "")
    fails(64, "--color: expected auto, always or never", "--color=blue", "-e", "")
    fails(64, "--timeout needs a value", "--timeout")
    fails(64, "--quiet takes no value", "--quiet=yes", "-e", "")
    fails(64, "--base-url: expected a value", "--base-url=", "-e", "")
    fails(64, "--prot", "sandbox", "--prot", "8787")
    fails(64, "--port: expected 1 to 65535", "sandbox", "--port", "99999")
  end)

  it("takes each option of a command in either form", function()
    expect.equal({ run("--timeout", "5", "-e", "print(anyreach.options.timeout)") }, { 0, "5\n", "" })
    expect.equal({ run("--timeout=5", "-eprint(anyreach.options.timeout)") }, { 0, "5\n", "" })
    expect.equal({ run("-q", "-e", "print(anyreach.options.quiet)") }, { 0, "true\n", "" })
  end)

  it("takes its own options behind a command, too, flags also by their letters", function()
    expect.equal({ run("--sandbox", "call", "agents.list", "-q") }, { 0, "[]\n", "" })
    expect.equal({ run("call", "agents.list", "--sandbox", "--quiet") }, { 0, "[]\n", "" })
    expect.match(select(2, run("doctor", "-h")), "^usage: anyreach doctor")
    expect.match(select(2, run("doctor", "--version")), "^anyreach %d+%.%d+%.%d+\n$")
    expect.contains(select(3, run("run", "--sandbox", "provision", "nowhere")), "nowhere")
  end)
end)

describe("a script", function()
  it("finds its arguments, all of them, as arg and as ...", function()
    local path = script("arguments.lua", "print(arg[0], #arg, ...)")
    expect.equal({ run(path, "a b", "--timeout", "-x", "") },
      { 0, path .. "\t4\ta b\t--timeout\t-x\t\n", "" })
    expect.equal({ run("run", path, "--json") }, { 0, path .. "\t1\t--json\n", "" })
    expect.equal({ run("-e", "print(#arg, ...)", "--", "-x") }, { 0, "1\t-x\n", "" })
  end)

  it("that is a recipe says where the program's options go, and shows its help", function()
    local path = script("own_recipe.lua", [[
      return require "anyreach.recipe".run({ usage = "own", summary = "Does nothing." }, function() end, ...)]])
    fails(64, "--concurrency is an option of the program: put it before " .. path, path, "--concurrency", "1")
    fails(64, "--quiet is an option of the program: put it before " .. path, "run", path, "-q")
    for _, option in ipairs { "-h", "--help" } do
      expect.equal({ run(path, option) }, { 0, "usage: own\n\nDoes nothing.\n", "" })
    end
    expect.equal((run("--concurrency", "1", path)), 0)
  end)

  it("requires modules beside it, from wherever it is run", function()
    script("sibling.lua", "return { name = ... }")
    local path = script("requiring.lua", "print(require('sibling').name)")
    expect.equal({ process.run("cd / && " .. process.anyreach(path)) }, { 0, "sibling\n", "" })
    local code = process.run(("cd %s && %s"):format(directory, process.anyreach("/dev/null")))
    expect.equal(code, 0)
  end)

  it("does not take a module from the working directory", function()
    os.execute("mkdir -p " .. directory .. "/elsewhere")
    local path = script("elsewhere/main.lua", "require 'sibling'")
    local code, _, err = process.run(("cd %s && %s"):format(directory, process.anyreach(path)))
    expect.equal(code, 1)
    expect.contains(err, "module 'sibling' not found")
  end)

  it("can be a file with a shebang, or standard input, or -e", function()
    local interpreter = directory .. "/anyreach" -- the kernel ends a shebang's path at a space
    local path = script("shebang", "#!" .. interpreter .. "\nprint('shebang', ...)\n")
    os.execute(("chmod +x %s && ln -s %s %s"):format(path, process.quote(process.program), interpreter))
    expect.equal({ process.run(path .. " x") }, { 0, "shebang\tx\n", "" })
    expect.equal({ process.run(program .. " - x", "print('input', ...)") }, { 0, "input\tx\n", "" })
    expect.equal({ run("-e", "print(_VERSION)") }, { 0, "Lua 5.4\n", "" })
  end)

  it("gives its exit code", function()
    expect.equal((run("-e", "return 2")), 2)
    expect.equal((run("-e", "return 'text'")), 0)
    expect.equal((run("-e", "return 256")), 1)
    expect.equal((run("-e", "os.exit(3)")), 3)
  end)

  it("that fails ends with 1, the message and a stack trace", function()
    local _, err = fails(1, "failing.lua:2: oops", script("failing.lua", "local function f()\nerror 'oops' end\nf()"))
    expect.contains(err, "stack traceback")
    expect.contains(err, "failing.lua:3: in main chunk")
    fails(1, "syntax.lua:1: syntax error near 'x'", script("syntax.lua", "x x"))
    fails(1, "table: 0x", "-e", "error({})")
    fails(1, "nil", "-e", "error()")
    fails(1, "stack overflow", "-e", "local function f() return 1 + f() end f()")
  end)

  it("that uses no memory's worth too much fails alone", function()
    fails(1, "too large", "-e", "string.rep('x', 1 << 62)")
  end)
end)

describe("an error that nobody catches", function()
  local sandbox = process.sandbox()

  local function evaluate(code, environment)
    return process.run("env " .. sandbox.environment .. (environment or "") .. " " .. process.anyreach("-e", code))
  end

  it("has an exit code of its own", function()
    local cases = {
      { 4, "anyreach.client().agents.list()", "ANYREACH_TOKEN=ak_unknown", "401 the credential ak_… was refused" },
      { 4, "anyreach.client().agents.create{name='x'}", "ANYREACH_TOKEN=ak_sandbox.viewer", "403 not permitted" },
      { 4, "anyreach.client().agents.list()", "ANYREACH_TOKEN=", "name a profile, or try --sandbox" },
      { 4, "anyreach.client().agents.list()", "ANYREACH_TOKEN=pat_sandbox", "needs an organisation" },
      { 1, "anyreach.client().agents.get('none')", "", "404 not found" },
      { 1, "anyreach.client().agents.create{nmae='x'}", "", 'did you mean "name"?' },
      { 10, "anyreach.client().agents.list()", "ANYREACH_BASE_URL=http://127.0.0.1:1", "connect" },
      { 3, "anyreach.read_json('/none.json')", "", "/none.json" },
      { 5, "anyreach.client{retries=0, headers={['X-Sandbox-Fault']='429'}}.agents.list()", "",
        "429 too many requests" },
      { 10, "anyreach.client{retries=0, headers={['X-Sandbox-Fault']='drop'}}.agents.list()", "", "agents.list" },
      { 10, "anyreach.client{retries=0, headers={['X-Sandbox-Fault']='latency=900'}, timeout=.1}.agents.list()", "",
        "timed out" },
    }
    for _, case in ipairs(cases) do
      local code, out, err = evaluate(case[2], case[3])
      expect.equal({ code, out }, { case[1], "" })
      expect.contains(err, case[4])
    end
  end)

  it("sent nothing when it was misuse, or a person's token without organisation", function()
    local before = process.first_line("curl -s " .. sandbox.base_url .. "/_sandbox/requests | wc -c")
    evaluate("anyreach.client().agents.create{nmae='x'}")
    evaluate("anyreach.client().agents.list()", "ANYREACH_TOKEN=pat_sandbox")
    evaluate("anyreach.client().agents.get('..')")
    expect.equal(process.first_line("curl -s " .. sandbox.base_url .. "/_sandbox/requests | wc -c"), before)
  end)

  it("is one event with --json", function()
    local code, out = process.run("env " .. sandbox.environment .. process.anyreach("--json", "-e",
      "anyreach.client().agents.get('none')"))
    local event = json.decode(out)
    expect.equal({ code, event.version, event.event, event.exit_code, event.error.status },
      { 1, 1, "error", 1, 404 })
  end)

  it("never shows the credential", function()
    local token = "ak_key.canary-1234567890"
    local commands = {
      process.anyreach("-e", "anyreach.client().agents.list()"),
      process.anyreach("--verbose", "-e", "anyreach.client().agents.list()"),
      process.anyreach("--json", "-e", "anyreach.client().agents.list()"),
      process.anyreach("--base-url", "http://127.0.0.1:1", "-e", "anyreach.client().agents.list()"),
      process.anyreach("--base-url", "x", "-e", "anyreach.client().agents.list()"),
      process.anyreach("-e", "error(anyreach.client())"),
      process.anyreach("-e", "error(tostring(anyreach.env('ANYREACH_TOKEN', {secret = true})))"),
      process.anyreach("-e", "local s = anyreach.env('ANYREACH_TOKEN', {secret = true}) error('x ' .. s .. ' y')"),
      process.anyreach("-e", "anyreach.client().agents.get(anyreach.env('ANYREACH_TOKEN', {secret = true}), 1)"),
      process.anyreach("-e", "anyreach.client{token = anyreach.env('ANYREACH_TOKEN') .. '\\n'}.agents.list()"),
      process.anyreach("call", "agents.list"),
      process.anyreach("call", "agents.lst"),
      process.anyreach("call", "agents.create", "--json", "--nmae", "x"),
      process.anyreach("--sandbox", "-e", "error(anyreach.client())"),
    }
    for _, command in ipairs(commands) do
      local code, out, err = process.run("env " .. sandbox.environment .. "ANYREACH_TOKEN=" .. token .. " " .. command)
      expect.truthy(code ~= 0)
      expect.equal((out .. err):find("canary", 1, true), nil)
    end
  end)

  sandbox:stop()
end)

describe("anyreach call", function()
  local sandbox = process.sandbox()

  local function call(words, input)
    return process.run("env " .. sandbox.environment .. program .. " call " .. words, input)
  end

  it("prints the answer as JSON", function()
    local code, out = call "agents.create --name 'Riverside Dental Scheduler' --active true"
    local agent = json.decode(out)
    expect.equal({ code, agent.name, agent.active }, { 0, "Riverside Dental Scheduler", true })
    local id = agent.agent_id or agent.id
    local config = script("config.json", '{"config":{"tools":[],"seed":9007199254740993}}')
    code, out = call("agents.versions.create " .. id .. " -d @" .. config)
    expect.equal({ code, json.decode(out).config }, { 0, { tools = json.array {}, seed = 9007199254740993 } })
    code, out = call("agents.versions.create " .. id .. " -d @-", '{"base_version":1}')
    expect.equal({ code, json.decode(out).version }, { 0, 2 })
    expect.equal((call("agents.delete " .. id)), 0)
  end)

  it("prints every page, a row a line", function()
    for i = 1, 5 do call("agents.create --name paged-" .. i) end
    local code, out = call "agents.list --limit 2 --each"
    expect.equal({ code, select(2, out:gsub("\n", "")) }, { 0, 5 })
    code = process.run("env " .. sandbox.environment .. program .. " call agents.list --limit 2 --each | head -n 1")
    expect.equal(code, 0)
  end)

  it("takes misuse as wrong usage", function()
    local cases = {
      ["agents.create --nmae x"] = 'did you mean "name"?',
      ["agents.create"] = "name: required but missing",
      ["agents.lits"] = "did you mean 'agents.list'?",
      ["agents.get"] = "agent_id: required but missing",
      ["agents.get a b"] = "unexpected argument 'b'",
      ["agents.create --name"] = "--name needs a value",
      ["agents.create -d '{'"] = "--data",
      [""] = "which operation?",
    }
    for words, part in pairs(cases) do
      local code, out, err = call(words)
      expect.equal({ code, out }, { 64, "" })
      expect.contains(err, part)
    end
  end)

  it("leaves other errors their codes", function()
    expect.equal((call "agents.get none"), 1)
    expect.equal((call "agents.list --base-url http://127.0.0.1:1"), 10)
    expect.equal((call "agents.versions.create x -d @/none.json"), 3)
  end)

  sandbox:stop()
end)

describe("output", function()
  it("that nobody reads any more is no failure", function()
    local code, out, err = process.run(process.anyreach("-e", "for i = 1, 1e5 do print(i) end") .. " | head -n 1")
    expect.equal({ code, out, err }, { 0, "1\n", "" })
  end)

  it("that cannot be written is one", function()
    local code, _, err = process.run(process.anyreach("-e", "print 'x'") .. " >/dev/full")
    expect.equal(code, 1)
    expect.contains(err, "standard output")
  end)

  it("that is closed is never a file of the script", function()
    local path = process.directory() .. "/file"
    local code = ([[
      local file = io.open(%q, "w")
      print "stray"
      io.stdout:flush()
      io.stderr:write "stray"
      file:write "own"
      file:close()]]):format(path)
    local status = process.run(process.anyreach("-e", code) .. " <&- >&- 2>&-")
    expect.equal({ status, process.read(path) }, { 1, "own" })
    local out
    status, out = process.run(process.anyreach("--sandbox", "-e", "print(#io.read 'a')") .. " <&-")
    expect.equal({ status, out }, { 0, "0\n" })
  end)

  it("of a script is data alone: everything else goes to stderr", function()
    local _, out = run("-e", "error 'x'")
    expect.equal(out, "")
  end)
end)
