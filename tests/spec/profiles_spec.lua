-- Profiles: which one counts, what it gives a client, what a protected one refuses, and that a token goes
-- nowhere but to the wire.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local config = process.directory()
local path = config .. "/anyreach/config.yaml"
assert(os.execute("mkdir -p " .. config .. "/anyreach"))

local server <close> = wire.start()
local GET = "anyreach.client().agents.get('x')"

local function write(text, mode)
  process.write(path, text)
  assert(os.execute(("chmod %s %s"):format(mode or "600", path)))
end

-- Runs code in a program of its own, with this config file and environment.
local function evaluate(environment, code, ...)
  return process.run(("env XDG_CONFIG_HOME=%s %s %s -e %s"):format(config, environment, process.anyreach(...),
    process.quote(code)))
end

-- Expects exit code and a part of stderr, and that nothing was sent.
local function fails(exit_code, part, environment, code, ...)
  local actual, out, err = evaluate(environment, code, ...)
  expect.contains(err, part)
  expect.equal(actual, exit_code)
  expect.equal(server:requests(), {})
  expect.falsy((out .. err):find("canary", 1, true))
end

local function profile(fields)
  return ("profiles: {one: {base_url: '%s', %s}}"):format(server.base_url, fields)
end

local function expect_sent(part)
  local requests = server:requests()
  expect.equal(#requests, 1)
  expect.contains(requests[1], part)
end

describe("a profile", function()
  it("gives base URL, token and organisation", function()
    write(profile "token: pat_canary, organization: org-1")
    expect.equal(evaluate("", GET, "--profile", "one"), 0)
    local request = server:requests()[1]
    expect.contains(request, "Authorization: Bearer pat_canary\r\n")
    expect.contains(request, "X-Anyreach-Org: org-1\r\n")
  end)

  it("that is named counts whole: the environment's credential does not count beside it", function()
    write(profile "token: ak_canary")
    local other = "ANYREACH_TOKEN=ak_environment ANYREACH_BASE_URL=http://127.0.0.1:1 ANYREACH_ORG_ID=org-environment"
    for _, case in ipairs {
      { other, GET, "--profile=one" },
      { other .. " ANYREACH_PROFILE=one", GET },
      { other, "anyreach.client{profile='one'}.agents.get('x')" },
      { other .. " ANYREACH_PROFILE=none", GET, "--profile=one" },
    } do
      expect.equal(evaluate(table.unpack(case)), 0)
      local request = server:requests()[1]
      expect.contains(request, "Bearer ak_canary\r\n")
      expect.falsy(request:find("environment", 1, true))
    end
  end)

  it("gives way to the command line, and to what the script says", function()
    write(profile "token: pat_canary, organization: org-1")
    expect.equal(evaluate("", GET, "--profile=one", "--org=org-2"), 0)
    expect_sent "X-Anyreach-Org: org-2\r\n"
    expect.equal(evaluate("", "anyreach.client{organization='org-3'}.agents.get('x')", "--profile=one"), 0)
    expect_sent "X-Anyreach-Org: org-3\r\n"
  end)

  it("without a credential says so when one is needed", function()
    write(profile "organization: org-1")
    fails(4, "give the profile 'one' a token, token_env or token_command", "ANYREACH_TOKEN=ak_x", GET, "--profile=one")
  end)

  it("with a personal token and no organisation is refused", function()
    write(profile "token: pat_canary")
    fails(4, "give the profile 'one' an organization, or use --org", "", GET, "--profile=one")
  end)

  it("that is not there is an error, with the nearest name or all of them", function()
    write(profile "token: ak_canary")
    fails(3, "no profile 'onr' in " .. path .. "; did you mean 'one'?", "ANYREACH_TOKEN=ak_x", GET, "--profile=onr")
    fails(3, "there is one", "ANYREACH_TOKEN=ak_x ANYREACH_PROFILE=staging", GET)
    fails(3, "; there are one, sandbox-one, sandbox-two", "", GET, "--sandbox", "--profile=nope")
    fails(3, "no profile 'staging'", "ANYREACH_TOKEN=ak_x", "anyreach.client{profile='staging'}")
    os.remove(path)
    fails(3, "'anyreach profile add' makes one", "", GET, "--profile=one")
  end)
end)

describe("the default profile", function()
  local function write_default() write("default: one\n" .. profile "token: pat_canary, organization: org-1") end

  it("counts when nothing else says where to or as whom", function()
    write_default()
    expect.equal(evaluate("", GET), 0)
    expect_sent "Bearer pat_canary\r\n"
    expect.equal(evaluate("ANYREACH_TOKEN= ANYREACH_PROFILE=", GET), 0)
    expect_sent "Bearer pat_canary\r\n"
    expect.equal(evaluate("ANYREACH_ORG_ID=org-2", GET), 0)
    expect_sent "X-Anyreach-Org: org-2\r\n"
  end)

  it("never lends its credential to another address, nor its organisation to another credential", function()
    write_default()
    expect.equal(evaluate("ANYREACH_TOKEN=ak_x ANYREACH_BASE_URL=" .. server.base_url, GET), 0)
    local request = server:requests()[1]
    expect.contains(request, "Bearer ak_x\r\n")
    expect.falsy(request:find("org-1", 1, true))
    fails(4, "needs a credential", "", GET, "--base-url", server.base_url)
    fails(4, "needs a credential", "ANYREACH_BASE_URL=" .. server.base_url, GET)
    fails(4, "needs a credential", "", ("anyreach.client{base_url='%s'}.agents.get('x')"):format(server.base_url))
    evaluate("", ("anyreach.client{token='ak_y', base_url='%s'}.agents.get('x')"):format(server.base_url))
    expect.falsy(server:requests()[1]:find("org-1", 1, true))
  end)

  it("that is wrong does not matter to a run that does not ask for it", function()
    write("default: [")
    fails(0, "", "ANYREACH_TOKEN=ak_x", "anyreach.client()")
    fails(0, "", "", "anyreach.client().agents.list()", "--sandbox")
  end)
end)

describe("a token", function()
  it("comes from a variable", function()
    write(profile "token_env: CANARY_TOKEN")
    expect.equal(evaluate("CANARY_TOKEN=ak_canary", GET, "--profile=one"), 0)
    expect_sent "Bearer ak_canary\r\n"
    for _, environment in ipairs { "", "CANARY_TOKEN=" } do
      fails(4, "profile 'one': the environment variable CANARY_TOKEN (token_env) is not set", environment, GET,
        "--profile=one")
    end
  end)

  it("comes from a command that no shell reads, or one for the shell, run once", function()
    write(profile([[token_command: [printf, '%s\n', "ak_$HOME';*"] ]]))
    expect.equal(evaluate("", GET, "--profile=one"), 0)
    expect_sent "Bearer ak_$HOME';*\r\n"
    write(profile([[token_command: 'echo run >>"$CONFIG/runs"; printf ak_%s "$(echo canary)"']]))
    expect.equal(evaluate("CONFIG=" .. config, GET .. GET, "--profile=one"), 0)
    expect.equal(process.read(config .. "/runs"), "run\n")
    expect.equal(#server:requests(), 2)
  end)

  it("of a command that fails, or prints something else, is not used, and never shown", function()
    for command, part in pairs {
      ["'echo sorry >&2; echo ak_canary; exit 3'"] = "sorry\nanyreach: profile 'one': token_command failed with exit "
        .. "code 3",
      ["'echo ak_canary; kill -9 $$'"] = "token_command was ended by signal 9",
      ["'true'"] = "token_command gave no token",
      ["'printf \"ak_canary\\nak_canary\\n\"'"] = "token_command gave something that is not a token",
      ["[/no/such/program]"] = "token_command failed with exit code 127",
    } do
      write(profile("token_command: " .. command))
      fails(4, part, "", GET, "--profile=one")
    end
  end)

  it("in a file that others can read is refused; without a token in it such a file is fine", function()
    for _, mode in ipairs { "640", "604" } do
      write(profile "token: ak_canary", mode)
      fails(4, "it holds a token, and other users can read it (mode 0" .. mode
        .. "); 'chmod 600 " .. path .. "' fixes that",
        "", GET, "--profile=one")
    end
    write(profile "token_env: CANARY_TOKEN", "644")
    expect.equal(evaluate("CANARY_TOKEN=ak_x", GET, "--profile=one"), 0)
    expect.equal(#server:requests(), 1)
  end)

  it("is not asked for from a file that others can write", function()
    write(profile "token_command: [printf, ak_canary]", "620")
    fails(4, "other users can write to it (mode 0620)", "", GET, "--profile=one")
  end)
end)

describe("a config file", function()
  local function refuses(text, ...)
    write(text)
    for _, part in ipairs { ... } do fails(3, part, "", GET, "--profile=one") end
  end

  it("is refused with everything that is wrong with it, in its place, and never a value", function()
    refuses([[
defualt: one
profiles:
  one:
    tokn: ak_canary
    token_env: ak_canary.x
    protected: "canary"
  two: ak_canary
  three/four: {}
  five: {token: ak_canary, token_command: [canary]}
]],
      ":1:", "unknown key 'defualt'; did you mean 'default'?",
      ":4:", "one: unknown key 'tokn'; did you mean 'token'?",
      "one.token_env: expected the name of an environment variable",
      ":6:", "one.protected: expected true or false",
      "two: expected a mapping with any of base_url, environment",
      "'three/four' cannot be a profile's name",
      "five: one of token, token_command is enough")
  end)

  it("is refused when it is no mapping, or the default is none of its profiles", function()
    refuses("ak_canary", "expected a mapping with default and profiles")
    refuses("profiles: [one]", "expected a mapping of names to profiles")
    refuses("default: on\nprofiles: {one: {}}", "default: no profile 'on'; did you mean 'one'?")
    refuses("default: {}\nprofiles: {one: {}}", "default: expected the name of a profile")
    refuses("profiles: {one: {token: 'ak_canary", path .. ":1:")
    refuses("profiles: {one: {token_command: []}}", "expected a list of words, or a text for /bin/sh")
    refuses("profiles: {one: {token: 5}}", "one.token: expected a text")
  end)

  it("may be empty, or hold comments alone", function()
    for _, text in ipairs { "", "# nothing yet\n", "profiles: {}\n" } do
      write(text)
      fails(4, "set ANYREACH_TOKEN to an ak_… or pat_… token, name a profile, or", "", GET)
    end
  end)

  it("is looked for below HOME without XDG_CONFIG_HOME", function()
    local home = process.directory()
    assert(os.execute(("mkdir -p %s/.config && cp -r %s/anyreach %s/.config"):format(home, config, home)))
    process.write(home .. "/.config/anyreach/config.yaml", profile "token: ak_canary")
    expect.equal(process.run(("env -u XDG_CONFIG_HOME HOME=%s %s -e %s"):format(home,
      process.anyreach "--profile=one", process.quote(GET))), 0)
    expect_sent "Bearer ak_canary\r\n"
  end)
end)

describe("a protected profile", function()
  local CREATE = "anyreach.client().agents.create{name='x'}"
  local CREATE_AS_ONE = "anyreach.client{profile='one'}.agents.create{name='x'}"

  it("reads, and refuses every write before the first byte", function()
    write(profile "token: ak_canary, protected: true")
    expect.equal(evaluate("", GET, "--profile=one"), 0)
    expect.equal(#server:requests(), 1)
    for _, code in ipairs {
      CREATE,
      "anyreach.client().request{method='POST', path='/core/agents', body={}}",
      "anyreach.client().sources.upload('/etc/passwd')",
      "anyreach.client{profile='one', headers={}}.agents.delete('x')",
      "anyreach.client{token='ak_x'}.agents.delete('x')",
    } do
      fails(6, "the profile 'one' is protected; --write lets it write", "", code, "--profile=one")
    end
  end)

  -- All that a script can reach. One that is after more has the credential, and can run another program.
  it("stays protected whatever a script writes where", function()
    write(profile "token: ak_canary, protected: true")
    for _, way in ipairs {
      "anyreach.options.write = true",
      "rawset(anyreach.options, 'write', true)",
      "getmetatable(anyreach.options).__index.write = true",
      "debug.getmetatable(anyreach.options).__index.write = true",
      "debug.setmetatable(anyreach.options, { __index = { write = true } })",
      "host.options.write = true",
      "host.options = { write = true }",
      "package.loaded['anyreach.host'] = setmetatable({ options = { write = true } }, { __index = host })",
      "host.protection_is_lifted = function() return true end",
      "host.lift_protection(true)",
      "pcall(host.lift_protection, true)",
      "coroutine.wrap(host.lift_protection)(true)",
      "anyreach.map({ true }, host.lift_protection)",
      "anyreach.spawn(host.lift_protection, true):wait()",
      "setmetatable({}, { __gc = function() host.lift_protection(true) end }) collectgarbage()",
      "load('require \\'anyreach.host\\'.lift_protection(true)', '=scripts/promote.lua')()",
      "debug.sethook(function() pcall(host.lift_protection, true) end, 'c')",
      "host.set_read_only(false)",
      "local scope <close> = host.guard_scope()",
    } do
      fails(6, "the profile 'one' is protected; --write lets it write", "",
        ("local host = require 'anyreach.host' pcall(function() %s end) %s"):format(way, CREATE_AS_ONE))
      expect.equal({ way, #server:requests() }, { way, 0 })
    end
  end)

  it("writes with --write, unless the run is read-only", function()
    write(profile "token: ak_canary, protected: true")
    expect.equal(evaluate("", CREATE, "--profile=one", "--write"), 0)
    expect.equal(#server:requests(), 1)
    fails(6, "this run is read-only", "", CREATE, "--profile=one", "--write", "--read-only")
  end)

  it("does not bind clients of others in the same run", function()
    write(("profiles: {one: {protected: true}, two: {base_url: '%s', token: ak_x}}"):format(server.base_url))
    local code = "anyreach.client{profile='one'} anyreach.client{profile='two'}.agents.create{name='x'}"
    expect.equal(evaluate("", code), 0)
    expect.equal(#server:requests(), 1)
  end)
end)

describe("with --sandbox", function()
  local ACCOUNT = "print(anyreach.json.encode(require('anyreach.account.identity').of(anyreach.client())))"

  it("its two organisations are profiles", function()
    os.remove(path)
    local _, out = evaluate("",
      "for _, name in ipairs(require('anyreach.account.profiles').names()) do print(name) end",
      "--sandbox")
    expect.equal(out, "sandbox-one\nsandbox-two\n")
    local _, second = evaluate("", ACCOUNT, "--sandbox", "--profile=sandbox-two")
    expect.equal(json.decode(second), {
      organization = "0a000000-0000-4000-8000-000000000002",
      organization_name = "Sandbox Two",
      profile = "sandbox-two",
      protected = false,
      read_only = false,
    })
    fails(3, "no profile 'sandbox-one'", "", "anyreach.client{profile='sandbox-one'}")
  end)

  it("a profile's real credential stays here, no command is run, and nothing is protected", function()
    write(profile "token: pat_canary, organization: org-1, protected: true")
    local code = "anyreach.client().agents.create{name='x'} " .. ACCOUNT
    local exit_code, out, err = evaluate("", code, "--sandbox", "--profile=one", "--trace=full")
    expect.equal(exit_code, 0)
    expect.falsy((out .. err):find("canary", 1, true))
    expect.falsy((out .. err):find("org-1", 1, true))
    expect.contains(out, "Sandbox One")
    write(profile "token_command: 'false'")
    expect.equal(evaluate("", code, "--sandbox", "--profile=one"), 0)
    expect.equal(server:requests(), {})
  end)
end)

describe("an account", function()
  local function account_of(environment, options)
    local _, out, err = evaluate(environment, "print(anyreach.json.encode(require('anyreach.account.identity').of("
      .. "anyreach.client" .. (options or "{}") .. ")))")
    expect.equal(err, "")
    return json.decode(out)
  end

  it("is what its profile says of it, before anything is asked", function()
    write([[
profiles:
  one: {token: pat_x, organization: org-1, organization_name: Clinic, protected: true, environment: production}]])
    expect.equal(account_of("", "{profile='one'}"), { organization = "org-1", organization_name = "Clinic",
      profile = "one", protected = true, read_only = true, environment = "production" })
  end)

  it("is of a client, and of nothing else", function()
    expect.raises(function() require("anyreach.account.identity").of {} end, "expected a client, got a table")
  end)
end)

describe("the operations that 'api update' keeps", function()
  it("are those of the profile", function()
    local cache = process.directory()
    local document = [[{"openapi": "3.0.3", "paths": {"/core/parrots": {"get": {}}}}]]
    server:answer { body = document }
    write(profile "token: ak_x")
    local environment = "XDG_CACHE_HOME=" .. cache
    local list = "local ok = pcall(function() return anyreach.client().parrots end) print(ok)"
    expect.equal(process.run(("env XDG_CONFIG_HOME=%s %s %s"):format(config, environment,
      process.anyreach("--profile=one", "api", "update"))), 0)
    local _, out = evaluate(environment, list, "--profile=one")
    expect.equal(out, "true\n")
    local _, other = evaluate(environment .. " ANYREACH_BASE_URL=" .. server.base_url, list)
    expect.equal(other, "false\n")
    server:answer { body = "{}" }
    server:requests()
  end)
end)
