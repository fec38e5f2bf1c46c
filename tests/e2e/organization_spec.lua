-- Whose organisation a run works on: the first line and the summary name it, the lock belongs to it whatever its key,
-- and one run at a time writes to it.

local digest = require "anyreach.digest"
local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local terminal = require "helpers.terminal"

local FIRST, SECOND = "0a000000-0000-4000-8000-000000000001", "0a000000-0000-4000-8000-000000000002"
local DESK = "name: Desk\nconfig: {instructions: Be kind.}\n"

local box = organizations.start()
local url = box.sandbox.base_url

local function read(name)
  return process.read(box.directory .. "/work/" .. name)
end

local function prepare(lock)
  box:reset()
  box:write("agents/desk.yaml", DESK)
  if lock then box:write("agents/anyreach.lock", lock) end
end

-- Runs a recipe with settings of the environment in place of a profile.
local function run_with(settings, ...)
  return process.run(("cd %s/work && env %s ANYREACH_BASE_URL=%s %s %s"):format(box.directory, box.environment, url,
    settings, process.anyreach("--retries=0", "run", ...)))
end

local function last_event(out)
  return json.decode(out:match "([^\n]+)\n$")
end

-- {====== naming it ======

describe("the first line of a recipe", function()
  local HEADLINE = "organisation: Sandbox One (" .. FIRST .. "), profile 'staging'"
  local RECIPES = {
    { "provision", "agents" }, { "provision", "agents", "--check" }, { "diff", "agents" }, { "export", "out" },
    { "numbers" }, { "deploy-sip", "Desk", "--check" }, { "rollback", "Desk", "--to", "1" },
    { "migrate-prompts", "prompts" },
  }

  it("names organisation and profile, and so does the summary", function()
    prepare()
    expect.equal((box:run("provision", "agents")), 0)
    box:write("prompts/desk.md", "Be kind.\n")
    for _, words in ipairs(RECIPES) do
      local _, out, _, headline = box:run(table.unpack(words))
      expect.equal({ words, headline }, { words, HEADLINE })
      expect.falsy(out:find("organisation:", 1, true))
      table.insert(words, "--json")
      _, out, _, headline = box:run(table.unpack(words))
      local summary = last_event(out)
      expect.equal({ words, headline, summary.organization, summary.organization_name, summary.profile },
        { words, HEADLINE, FIRST, "Sandbox One", "staging" })
    end
  end)

  it("names both organisations of a recipe with two", function()
    for _, recipe in ipairs { "promote", "diff" } do
      local words = { recipe, "--from=staging", "--to=production", "--json" }
      if recipe == "promote" then table.move({ "--all", "--check" }, 1, 2, #words + 1, words) end
      local _, out, _, headline = box:run(table.unpack(words))
      local summary = last_event(out)
      expect.equal(headline, ("organisations: from Sandbox One (%s), profile 'staging'; to Sandbox Two (%s), profile "
        .. "'production'"):format(FIRST, SECOND))
      expect.equal({ summary.from_organization, summary.from_profile, summary.organization, summary.profile },
        { FIRST, "staging", SECOND, "production" })
    end
  end)

  it("of a recipe that asks no organisation says so, and names what the profile says", function()
    local _, out, _, headline = box:run("validate", "agents", "--offline", "--json")
    expect.equal({ headline, last_event(out).profile }, { "organisation: unknown, profile 'staging', "
      .. "not asked", "staging" })
  end)

  it("is not there with --quiet", function()
    expect.equal({ box:run("provision", "agents", "--quiet") }, { 0, "", "" })
  end)

  it("says what it does not know", function()
    local _, _, _, headline = run_with("ANYREACH_TOKEN=ak_sandbox.admin", "numbers")
    expect.equal(headline, "organisation: Sandbox One (" .. FIRST .. "), ANYREACH_TOKEN")
  end)
end)

-- }======

-- {====== the lock's organisation ======

describe("the lock", function()
  local keys = {}
  local function prepare_keys(lock)
    prepare(lock)
    for index = 1, 2 do keys[index] = box.first.admin.organization_pats.create({ name = "CI" }).pat_key end
  end

  local function with_key(index, ...)
    return run_with("ANYREACH_TOKEN=" .. keys[index], "provision", "agents", ...)
  end

  it("knows the organisation by another key, too", function()
    prepare_keys()
    expect.equal((with_key(1)), 0)
    local text = read "agents/anyreach.lock"
    expect.contains(text, '"account":"sandbox/' .. FIRST .. '"')
    box:writes()
    local code, out = with_key(2)
    expect.equal({ code, out:match "(%d) unchanged", box:writes() }, { 0, "1", {} })
    expect.equal(read "agents/anyreach.lock", text)
  end)

  it("of an earlier version, by whichever key, becomes the organisation's", function()
    for _, key in ipairs { 1, 2 } do
      prepare_keys()
      expect.equal((with_key(1)), 0)
      local text = read "agents/anyreach.lock"
      local old = ("%s/credential-%s"):format(url:match "//(.*)$", digest.sha256(keys[1]):sub(1, 12))
      box:write("agents/anyreach.lock", (text:gsub("sandbox/[%x-]+", function() return old end)))
      expect.contains(read "agents/anyreach.lock", old)
      expect.equal((with_key(key)), 0)
      expect.equal(read "agents/anyreach.lock", text)
    end
  end)

  it("of another organisation stops the run before anything is written, unless it is meant", function()
    prepare()
    expect.equal((box:run("provision", "agents")), 0)
    box:writes()
    for _, words in ipairs {
      { "provision", "agents", "--profile=production" }, { "export", "agents", "--profile=production" },
    } do
      local code, out, err = box:run(table.unpack(words))
      expect.equal({ words, code, out }, { words, 6, "" })
      for _, part in ipairs { FIRST, SECOND, "--first-time" } do expect.contains(err, part) end
    end
    local code, out, err = box:run("provision", "agents", "--profile=production", "--check")
    expect.equal({ code, out:match "(%d) to create" }, { 2, "1" })
    expect.contains(err, "--first-time")
    expect.equal(box:writes(), {})
    expect.equal((box:run("provision", "agents", "--profile=production", "--first-time")), 0)
    expect.equal((box:run("provision", "agents", "--profile=production")), 0)
  end)

  it("of another organisation is asked about on a terminal", function()
    terminal.is_needed()
    for answer, expected in pairs { ["y\n"] = 0, ["n\n"] = 6, ["\n"] = 6 } do
      prepare('{"agent":"Desk","account":"api.anyreach.ai/7c9e","agent_id":"a1","version":1}\n')
      local command = ("cd %s/work && env %s"):format(box.directory, box:command("provision", "agents"))
      local code, out = process.run("SHELL=/bin/sh script -qec " .. process.quote(command) .. " /dev/null", answer)
      expect.equal({ answer, code }, { answer, expected })
      expect.contains(out, "Go on for the first time? [y/N]")
    end
  end)
end)

describe("a profile that names another organisation than its credential", function()
  it("ends the run before anything is written", function()
    prepare()
    local path = box.directory .. "/config/anyreach/config.yaml"
    local config = process.read(path)
    process.write(path, config .. ("  wrong: {token_env: FIRST_TOKEN, base_url: '%s', organization: %s}\n"):format(url,
      SECOND))
    box:writes()
    for _, words in ipairs { { "provision", "agents" }, { "numbers", "clear", "+15551230001" }, { "export", "out" } } do
      local code, _, err = box:run("--profile=wrong", table.unpack(words))
      expect.equal({ words, code }, { words, 6 })
      for _, part in ipairs { "'wrong'", FIRST, SECOND } do expect.contains(err, part) end
    end
    expect.equal(box:writes(), {})
    process.write(path, config)
  end)
end)

-- }======

-- {====== one run at a time ======

-- Starts a run that the sandbox holds at its first write, and calls f with it.
local function while_writing(f)
  local held <close> = organizations.hold(held_request.cases({ "agents.create 1" })[1])
  held:write("agents/desk.yaml", DESK)
  local first <close> = held:start("provision", "agents")
  process.eventually("the held request", function()
    for _, request in ipairs(held.first.request { path = "/_sandbox/requests" }) do
      if request.operation == "agents.create" then return true end
    end
  end)
  f(held, first)
end

describe("while a run writes to an organisation", function()
  it("no other does: it is refused, and told who is at work", function()
    while_writing(function(held)
      for _, words in ipairs {
        { "provision", "agents" }, { "numbers", "clear", "+15551230001" }, { "rollback", "Desk", "--to=1" },
        { "promote", "--from=production", "--to=staging", "--all" }, { "deploy-sip", "Desk" },
        { "provision", "agents", "--wait=0.3" },
      } do
        local code, out, err = held:run(table.unpack(words))
        expect.equal({ words, code, out }, { words, 11, "" })
        expect.match(err, "another run is writing to this organisation: 'provision' in .-, process %d+, since %S+Z; ")
      end
    end)
  end)

  it("others look, and work on another organisation", function()
    while_writing(function(held)
      expect.equal((held:run("provision", "agents", "--check")), 2)
      expect.equal((held:run("numbers")), 0)
      expect.equal((held:run("export", "out")), 0)
      expect.equal((held:run("promote", "--from=staging", "--to=production", "--all")), 0)
    end)
  end)

  it("another one waits with --wait, says so once, and goes on when the first is killed", function()
    while_writing(function(held, first)
      -- What the first one may have created is not looked for longer than a second.
      local second <close> = held:start("provision", "agents", "--wait", "--max-wait=1")
      process.eventually("the second run to wait", function()
        return second:output("err"):find("waiting for another run: 'provision'", 1, true)
      end)
      first:stop "KILL"
      expect.equal(second:wait(), 0)
      expect.equal(select(2, second:output("err"):gsub("waiting for another run", "")), 1)
      expect.equal((held:run("provision", "agents")), 0)
    end)
  end)
end)

describe("a run without a place for its state", function()
  it("says that nothing keeps others away, and works", function()
    prepare()
    for _, settings in ipairs { "XDG_STATE_HOME=/dev/null/state", "XDG_STATE_HOME= HOME=" } do
      local code, _, err = run_with("ANYREACH_TOKEN=ak_sandbox.admin " .. settings, "provision", "agents")
      expect.equal({ settings, code }, { settings, 0 })
      expect.contains(err, "warning: nothing keeps other runs on this machine from writing meanwhile: ")
    end
  end)
end)

describe("a recipe that calls another one", function()
  it("does not wait for itself", function()
    prepare()
    box:write("both.lua", [[
      local recipe = require "anyreach.recipe"
      local spec = { usage = "anyreach run both.lua", summary = "x", writes = { "agents.*" } }
      return recipe.run(spec, function()
        recipe.connect(anyreach.client())
        return recipe.call("provision", { "agents" })
      end, ...)]])
    local code, out = box:run("both.lua")
    expect.equal({ code, out:match "1 created" }, { 0, "1 created" })
  end)
end)

-- }======

box:stop()
