-- anyreach profile: listing, showing, choosing, testing and adding profiles. No token is ever shown. Terminals
-- are those of tmux.

local json = require "anyreach.json"
local process = require "helpers.process"
local wire = require "helpers.wire"

local server <close> = wire.start()
local directory = process.directory()
local path = directory .. "/anyreach/config.yaml"

local function environment()
  return ("env XDG_CONFIG_HOME=%s STAGING_TOKEN=ak_env.canary "):format(directory)
end

local function run(input, ...)
  local code, out, err = process.run(environment() .. process.anyreach(...), input)
  expect.falsy((out .. err):find("canary", 1, true))
  return code, out, err
end

local function write(text)
  assert(os.execute("mkdir -p " .. directory .. "/anyreach"))
  process.write(path, text)
  assert(os.execute("chmod 600 " .. path))
end

local function mode_of(file)
  return process.first_line("stat -c %a " .. file)
end

local FILE = [[
# Ours.
default: staging
profiles:
  staging: # try things here
    token_env: STAGING_TOKEN
    organization: org-1
  production:
    token: "ak_file.canary"
    organization_name: Riverside Dental
    protected: true
]]

describe("anyreach profile list", function()
  it("shows each profile in a line, and which one is in use", function()
    write(FILE)
    local code, out = run(nil, "profile", "list")
    expect.equal({ code, out }, { 0, "  production  Riverside Dental  config file     protected\n"
      .. "* staging     org-1             $STAGING_TOKEN\n" })
    expect.match(select(2, run(nil, "--profile=production", "profile", "list")), "^%* production")
  end)

  it("is an event for each with --json", function()
    local _, out = run(nil, "profile", "list", "--json")
    local events = {}
    for line in out:gmatch("[^\n]+") do events[#events + 1] = json.decode(line) end
    expect.equal(#events, 2)
    expect.equal(events[2], { version = 1, event = "profile", name = "staging", organization = "org-1",
      token_source = "$STAGING_TOKEN", protected = false, is_default = true, is_in_use = true })
  end)

  it("says how to make one when there is none", function()
    os.remove(path)
    local code, out, err = run(nil, "profile", "list")
    expect.equal({ code, out }, { 0, "" })
    expect.contains(err, "'anyreach profile add NAME' makes one")
  end)
end)

describe("anyreach profile show", function()
  it("tells what a profile says, and never its token", function()
    write(FILE)
    local _, out = run(nil, "profile", "show", "production")
    expect.equal(out, "name               production\norganization_name  Riverside Dental\n"
      .. "token              from config file\nprotected          true; --write lets it write\n")
    expect.match(select(2, run(nil, "profile", "show")), "^name +staging, in use, the default\n")
  end)

  it("refuses a profile that is not there", function()
    local code, _, err = run(nil, "profile", "show", "prodction")
    expect.equal(code, 3)
    expect.contains(err, "did you mean 'production'?")
  end)

  it("without any in use says what counts", function()
    write "profiles: {}"
    local code, _, err = run(nil, "profile", "show")
    expect.equal(code, 0)
    expect.contains(err, "no profile is in use")
  end)
end)

describe("anyreach profile use", function()
  it("changes the default and nothing else", function()
    write(FILE)
    expect.equal((run(nil, "profile", "use", "production")), 0)
    expect.equal(process.read(path), (FILE:gsub("default: staging", "default: production")))
    expect.equal(mode_of(path), "600")
  end)

  it("leaves a link to the file a link", function()
    assert(os.execute(("mv %s %s/mine.yaml && ln -s %s/mine.yaml %s"):format(path, directory, directory, path)))
    expect.equal((run(nil, "profile", "use", "staging")), 0)
    expect.equal(process.read(directory .. "/mine.yaml"), FILE)
    expect.equal(process.first_line("readlink " .. path), directory .. "/mine.yaml")
    os.remove(path)
    write(FILE)
  end)

  it("refuses one that is not in the file, and a missing name", function()
    expect.equal((run(nil, "profile", "use", "staing")), 3)
    expect.equal((run(nil, "--sandbox", "profile", "use", "sandbox-one")), 3)
    expect.equal((run(nil, "profile", "use")), 64)
  end)
end)

describe("anyreach profile test", function()
  it("asks which scopes the credential has", function()
    write(("profiles: {one: {base_url: '%s', token: ak_x.canary, organization: org-1}}"):format(server.base_url))
    server:answer { body = '["agents:read", "agents:manage"]' }
    local code, out = run(nil, "profile", "test", "one")
    expect.equal({ code, out }, { 0,
      "ok  an organisation's key (ak_…) from profile 'one' (config file), organisation org-1, 2 scopes\n" })
    expect.contains(server:requests()[1], "GET /admin/members/me/scopes ")
    local _, event = run(nil, "profile", "test", "one", "--json")
    expect.equal(json.decode(event).scopes, { "agents:read", "agents:manage" })
  end)

  it("ends with the code that stands for what is wrong", function()
    server:answer { status = 401, body = '{"detail":"gone"}' }
    local code, _, err = run(nil, "profile", "test", "one")
    expect.equal(code, 4)
    expect.contains(err, "gone")
    write "profiles: {one: {base_url: 'http://127.0.0.1:1', token: ak_x.canary}}"
    expect.equal((run(nil, "profile", "test", "one")), 10)
  end)
end)

describe("anyreach profile add", function()
  it("writes a new file for the user alone, with the token from standard input", function()
    assert(os.execute("rm -rf " .. directory .. "/anyreach"))
    local code, out, err = run("ak_new.canary\n", "profile", "add", "staging", "--org", "org-1")
    expect.equal({ code, out }, { 0, "" })
    expect.contains(err, "added 'staging' to " .. path)
    expect.equal(anyreach.read_yaml(path), { profiles = { staging = { token = "ak_new.canary",
      organization = "org-1" } } })
    expect.equal({ mode_of(path), mode_of(directory .. "/anyreach") }, { "600", "700" })
  end)

  it("keeps what a person wrote, comments included", function()
    write(FILE)
    expect.equal((run(nil, "profile", "add", "ci", "--token-command", "pass show x", "--protected", "--base-url",
      "https://eu.example.com", "--organization-name", "Clinic", "--environment", "eu", "--default")), 0)
    local text = process.read(path)
    for line in FILE:gmatch("[^\n]+") do
      if not line:find "^default" then expect.contains(text, line .. "\n") end
    end
    local value = anyreach.read_yaml(path)
    expect.equal(value.default, "ci")
    expect.equal(value.profiles.ci, { token_command = "pass show x", protected = true,
      base_url = "https://eu.example.com", organization_name = "Clinic", environment = "eu" })
    expect.equal(value.profiles.production.token, "ak_file.canary")
    expect.equal(mode_of(path), "600")
  end)

  it("refuses what would be wrong before it asks or writes", function()
    write(FILE)
    for _, case in ipairs {
      { 3, "there is a profile 'staging' already", "add", "staging" },
      { 64, "cannot be a profile's name", "add", "../x" },
      { 64, "which name", "add" },
      { 64, "one of them is enough", "add", "x", "--token-env", "X", "--token-command", "y" },
      { 64, "http is only for this machine", "add", "x", "--base-url", "http://example.com" },
      { 3, "x.token_env: expected the name of an environment variable", "add", "x", "--token-env", "a b" },
      { 64, "--protected is for 'profile add'", "list", "--protected" },
      { 64, "did you mean 'add'?", "ad", "x" },
      { 64, "unexpected argument 'x'", "list", "x" },
    } do
      local code, out, err = run("ak_x.canary\n", "profile", table.unpack(case, 3))
      expect.contains(err, case[2])
      expect.equal({ code, out }, { case[1], "" })
    end
    expect.equal(process.read(path), FILE)
  end)

  it("refuses what is no token, without showing it", function()
    for input, part in pairs {
      [""] = "no token was given", ["\n"] = "no token was given", ["canary\n"] = "neither with ak_ nor with pat_",
      ["ak_x canary\n"] = "it contains white space", ["pat_canary\n"] = "needs an organisation: --org ID",
    } do
      local code, _, err = run(input, "profile", "add", "x")
      expect.equal(code, 3)
      expect.contains(err, part)
    end
    expect.equal(process.read(path), FILE)
  end)
end)

describe("on a terminal, anyreach profile add", function()
  local socket = directory .. "/tmux"
  local function tmux(line) return process.run(("tmux -S %s %s"):format(socket, line)) end
  local function screen() return select(2, tmux "capture-pane -p") end

  -- Runs `profile add` in a terminal, types when it asks, and returns the screen when it is over.
  local function add(name, keys)
    -- The trap keeps a shell alive that Ctrl-C would end, too, as it does dash.
    local line = ("trap : INT; %s; echo over: $?; stty -a; cat"):format(environment()
      .. process.anyreach("profile", "add", name))
    tmux("-f /dev/null new-session -d -x 100 -y 40 " .. process.quote(line))
    process.eventually("the question", function() return screen():find("not shown:", 1, true) end)
    tmux("send-keys " .. keys)
    local text = process.eventually("the end", function()
      local now = screen()
      return now:find "over: %d" and now:find " echo " and now
    end)
    tmux "kill-server"
    return text
  end

  it("asks for the token and does not show it", function()
    if (process.run "command -v tmux") ~= 0 then skip "tmux is not installed" end
    write(FILE)
    local text = add("typed", "ak_typed.canary Enter")
    expect.contains(text, "Token of 'typed', not shown:")
    expect.contains(text, "over: 0")
    expect.falsy(text:find("canary", 1, true))
    expect.equal(anyreach.read_yaml(path).profiles.typed.token, "ak_typed.canary")
  end)

  it("leaves the terminal as it was and the file alone after Ctrl-C", function()
    if (process.run "command -v tmux") ~= 0 then skip "tmux is not installed" end
    write(FILE)
    local text = add("typed", "ak_typed.canary C-c")
    expect.match(text, "over: 1[03]")
    expect.falsy(text:find("canary", 1, true))
    expect.equal(process.read(path), FILE)
  end)
end)
