-- Every recipe, and each of its commands, under every exit code that it can end with, as text and with --json:
-- the code, what stands on stdout and stderr, and the events. The table, the help of the recipes, and the
-- descriptions of codes and events in the documentation have to agree, in both directions.

local documented = require "helpers.documented_events"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local process = require "helpers.process"
local recipe = require "anyreach.recipe"
local recipe_world = require "helpers.recipe_world"
local wire = require "helpers.wire"

-- {====== the world ======

local A, B, C, D = "+15551230001", "+15551230002", "+15551230003", "+15551234567"

local EXPERIMENT = [[
agent: %s
variants:
  - {name: old, phone_numbers: ["%s"]}
  - {name: new, phone_numbers: ["%s"], prompt: new.md}
outcome: {metadata: {booked: true}}
lift: 0.1
]]

local function agent_text(name, instructions)
  return ("name: %s\nconfig:\n  instructions: %s\n"):format(name, instructions)
end

local files = {
  ["agents/desk.yaml"] = agent_text("Desk", "Say hello, please."),
  ["changed/desk.yaml"] = agent_text("Desk", "Say hello, thanks."),
  ["changed/other.yaml"] = agent_text("Other", "Other."),
  ["broken/desk.yaml"] = "name: Desk\nconfig: {instructions: Say hello.\n",
  ["astray/desk.yaml"] = agent_text("Desk", "!ref dataset:None"),
  ["twins/desk.yaml"] = agent_text("Desk", "Say hello, please."),
  ["twins/twin.yaml"] = agent_text("Twin", "Either."),
  ["unwise/desk.yaml"] = agent_text("Desk", "Say hello to {{nobody}}."),
  ["inputs/desk.yaml"] = "purpose: Book.\n",
  ["prompts/desk.md"] = "Say hello, thanks.\n",
  ["two/desk.md"] = "Say hello, thanks.\n",
  ["two/other.md"] = "Other.\n",
  ["same/desk.md"] = "Say hello, please.\n",
  ["elsewhere/anyreach.lock"] = '{"agent":"Desk","account":"api.anyreach.ai/7c9e","agent_id":"a1","version":1}\n',
  ["strangers/nobody.md"] = "Say hello.\n",
  ["trials/fresh.yaml"] = EXPERIMENT:format("Desk", D, C),
  ["trials/running.yaml"] = EXPERIMENT:format("Tried", A, B),
  ["trials/new.md"] = "New words.\n",
}

local SET_UP = ([[
  local function publish(api, agent, instructions, body)
    local version = api.agents.versions.create(agent.id, { config = { instructions = instructions } })
    api.agents.versions.publish(agent.id, version.version, body)
  end
  local function add(api, name, instructions, body)
    local agent = api.agents.create { name = name }
    publish(api, agent, instructions, body)
    return agent
  end
  publish(first, add(first, "Desk", "Say hello.", { phone_numbers = { "%s" }, direction = "both" }),
    "Say hello, please.", { phone_numbers = { "%s" }, direction = "inbound" })
  add(first, "Other", "Other.", { phone_numbers = { "%s" } })
  add(first, "Tried", "Old words.", { phone_numbers = { "%s" } })
  first.agents.deploy_as_sip(add(first, "Called", "Called.").id)
  first.agents.create { name = "Bare" }
  local written = first.agents.create { name = "Written" }
  first.agents.versions.create(written.id, { config = { instructions = "Text." } })
  first.agents.versions.update(written.id, 1, { instruction_builder_inputs = { purpose = "x" } })
  for _, name in ipairs { "Same", "Moved" } do
    add(first, name, name)
    add(second, name, name == "Same" and name or "Elsewhere.")
  end]]):format(D, D, C, A)

local TWINS = "first.agents.create { name = 'Twin' } first.agents.create { name = 'Twin' }"

local DRAFT = "for desk in first.agents.each { name = 'Desk' } do first.agents.versions.create(desk.id, "
  .. "{ config = { instructions = 'An idea.' } }) end"

-- With this seed the first request to publish passes, and the second does not.
local SECOND_FAILS = "503;rate=0.5;seed=6;only=agents.versions.publish"

local world = recipe_world.new(files, SET_UP)
recipe_world.must(world:fresh() .. world:command { "--sandbox=../sandbox.db", "run", "ab-test", "start",
  "trials/running.yaml" } .. " && " .. world:command { "--sandbox=../sandbox.db", "--record=replay", "call",
  "sources.list" })
world:keep()
world:call("lost.db", "trials/running.state.json", { 0.5, 0.2 })
world:call("won.db", "trials/running.state.json", { 0.2, 0.5 })

assert(os.execute(("cp %s/template/sandbox.db %s/served.db"):format(world.directory, world.directory)))
local sandbox <close> = process.sandbox("--db", world.directory .. "/served.db")
local server <close> = wire.start()

local SERVED, NOBODY = sandbox.base_url, "http://127.0.0.1:1"

-- }======

-- {====== the table ======

-- What every command may meet when it runs with the words that give it something to do, beside what its
-- own rows name. A row is the exit code, when it comes, and of these:
--   words       after the command; otherwise its `due`
--   options     of the program
--   faults      of the sandbox
--   server      who answers instead of the sandbox in the program: an answer, a manner of wire_server.c, or
--               an address
--   profile     otherwise the default
--   also        Lua code that is run before
--   environment of the program
--   signal      is sent when the server has been asked
--   writers     only for commands that write
--   asks        only for commands that send requests
--   insists     only for commands that cannot do without an answer
local COMMON = {
  { 1, "the server fails", server = { status = 400, body = '{"detail": "No."}' }, asks = true },
  { 4, "there is no credential", server = NOBODY, environment = "FIRST_TOKEN=", asks = true },
  { 4, "the credential is refused", server = { status = 401, body = '{"detail": "No."}' }, asks = true },
  { 4, "the credential is not permitted to read", server = { status = 403, body = '{"detail": "No."}' }, asks = true },
  { 5, "the rate limit does not let it through", server = { status = 429, body = "{}" }, insists = true },
  { 6, "it is --read-only", options = { "--read-only" }, writers = true },
  { 6, "the profile is protected", server = SERVED, profile = "guarded", writers = true },
  { 9, "a request is not recorded", server = NOBODY, options = { "--replay=replay" }, asks = true },
  { 10, "nobody answers", server = NOBODY, insists = true },
  { 10, "an answer takes longer than --timeout", server = "stall", options = { "--timeout=0.1" }, insists = true },
  { 10, "the run takes longer than --deadline", server = "stall", options = { "--deadline=0.1" }, asks = true },
  { 64, "it is used in a wrong way", words = "--no-such-option" },
  { 130, "it is interrupted", server = "stall", signal = "INT", asks = true },
}

local commands = {
  { "provision", due = "changed/desk.yaml", writes = true,
    { 0, "nothing is to be done", words = "agents" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "changed --check" },
    { 3, "a file is wrong", words = "broken" },
    { 3, "a reference leads nowhere", words = "astray" },
    { 3, "there is no such directory", words = "nowhere" },
    { 6, "the name after --prune is not the organisation's", words = "agents --prune Nobody" },
    { 8, "one of two agents fails", words = "changed", faults = "503;only=agents.versions.publish" },
    { 11, "two agents have the name", words = "twins/twin.yaml", also = TWINS },
  },
  { "export", due = "out",
    { 6, "the lock knows another organisation alone", words = "elsewhere" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "out --check" },
    { 3, "there is no such agent", words = "out --agent Nobody" },
    { 3, "a file that is there is wrong", words = "broken" },
    { 8, "one agent fails", also = TWINS },
    { 11, "two agents have the name", words = "out --agent Twin", also = TWINS },
  },
  { "diff", due = "changed",
    { 0, "all is compared" },
    { 2, "something differs", words = "changed --exit-code" },
    { 3, "a file is wrong", words = "broken" },
    { 3, "there is no such profile", words = "agents --against nobody" },
    { 8, "one agent fails", words = "twins", also = TWINS },
    { 11, "two agents have the name", words = "twins/twin.yaml", also = TWINS },
  },
  { "promote", due = "--from staging --to production Desk", writes = true,
    names_profiles = true,
    { 0, "nothing is to be done", words = "--from staging --to production Same" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "--from staging --to production Desk --check" },
    { 3, "there is no such agent", words = "--from staging --to production Nobody" },
    { 6, "the target is protected", server = SERVED, words = "--from staging --to sealed Desk" },
    { 8, "one of two is in conflict", words = "--from staging --to production Desk Moved" },
    { 11, "it is in conflict", words = "--from staging --to production Moved" },
  },
  { "migrate-prompts", due = "prompts --publish", writes = true,
    { 0, "nothing is to be done", words = "same" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "prompts --check" },
    { 3, "there is no such agent", words = "strangers" },
    { 3, "there is no such directory", words = "nowhere" },
    { 8, "one of two agents fails", words = "two", faults = "503;only=agents.versions.create" },
    { 11, "a draft is in the way", also = DRAFT },
  },
  { "ab-test plan", due = "--success-rate 0.3 --agent Desk",
    { 0, "it is told" },
    { 3, "there is no such agent", words = "--success-rate 0.3 --agent Nobody" },
  },
  { "ab-test start", due = "trials/fresh.yaml --take-numbers", writes = true,
    { 0, "it runs" },
    { 2, "--check finds something", words = "trials/fresh.yaml --take-numbers --check" },
    { 3, "there is no such file", words = "trials/none.yaml" },
    { 8, "one request fails", faults = SECOND_FAILS },
    { 11, "it runs already", words = "trials/running.yaml" },
    { 11, "another agent holds a number", words = "trials/fresh.yaml" },
  },
  { "ab-test status", due = "trials/running.yaml",
    { 0, "it is told" },
    { 0, "a variant has won", words = "trials/running.yaml --exit-code", database = "won.db" },
    { 2, "it is undecided", words = "trials/running.yaml --exit-code" },
    { 3, "it was not started", words = "trials/fresh.yaml" },
    { 9, "all variants have lost", words = "trials/running.yaml --exit-code", database = "lost.db" },
    { 11, "it runs elsewhere", profile = "production" },
  },
  { "ab-test conclude", due = "trials/running.yaml --restore", writes = true,
    { 0, "a variant has won", words = "trials/running.yaml", database = "won.db" },
    { 2, "it is undecided", words = "trials/running.yaml" },
    { 2, "--check finds something", words = "trials/running.yaml --restore --check" },
    { 3, "there is no such variant", words = "trials/running.yaml --winner nobody" },
    { 8, "one request fails", faults = "503;only=agents.versions.publish", words = "trials/running.yaml --winner new" },
    { 9, "all variants have lost", words = "trials/running.yaml", database = "lost.db" },
    { 11, "it runs elsewhere", profile = "production" },
  },
  { "rollback", due = "Desk --to 1", writes = true,
    { 0, "nothing is to be done", words = "Desk --to 2" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "Desk --to 1 --check" },
    { 3, "there is no such version", words = "Desk --to 9" },
    { 8, "one request fails", faults = "503;only=agents.versions.publish" },
    { 11, "two agents have the name", words = "Twin --to 1", also = TWINS },
  },
  { "numbers list", due = "",
    { 0, "they are listed" },
  },
  { "numbers assign", due = D .. " Other", writes = true,
    { 0, "nothing is to be done", words = C .. " Other" },
    { 0, "all is done" },
    { 2, "--check finds something", words = D .. " Other --check" },
    { 3, "there is no such number", words = "+15559999999 Other" },
    { 11, "two agents have the name", words = D .. " Twin", also = TWINS },
  },
  { "numbers clear", due = D, writes = true,
    { 0, "all is done" },
    { 2, "--check finds something", words = D .. " --check" },
    { 3, "there is no such number", words = "+15559999999" },
  },
  { "numbers move", due = ("%s %s"):format(C, B), writes = true,
    { 0, "all is done" },
    { 2, "--check finds something", words = ("%s %s --check"):format(C, B) },
    { 3, "there is no such number", words = C .. " +15559999999" },
  },
  { "numbers swap", due = ("%s %s"):format(D, C), writes = true,
    { 0, "all is done" },
    { 2, "--check finds something", words = ("%s %s --check"):format(D, C) },
    { 3, "there is no such number", words = D .. " +15559999999" },
    { 8, "one request fails", faults = SECOND_FAILS },
  },
  { "numbers forget", due = "", sends_nothing = true,
    { 0, "there is nothing to forget" },
  },
  { "deploy-sip", due = "Desk", writes = true,
    { 0, "nothing is to be done", words = "Called" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "Desk --check" },
    { 3, "no version is published", words = "Bare" },
    { 11, "two agents have the name", words = "Twin", also = TWINS },
  },
  { "generate-instructions", due = "Desk --inputs inputs/desk.yaml", writes = true,
    { 0, "nothing is to be done", words = "Written --update-draft" },
    { 0, "all is done" },
    { 2, "--check finds something", words = "Desk --inputs inputs/desk.yaml --check" },
    { 3, "there are no inputs", words = "Desk" },
    { 11, "two agents have the name", words = "Twin --inputs inputs/desk.yaml", also = TWINS },
  },
  { "validate", due = "agents", works_without_server = true,
    { 0, "nothing is wrong" },
    { 0, "the schema cannot be fetched", server = { status = 503, body = "{}" } },
    { 3, "a file is wrong", words = "broken" },
    { 9, "there are warnings", words = "unwise --strict" },
  },
}

-- }======

-- {====== runs ======

local tested_codes, seen_events = {}, {} -- recipe -> code -> true; name -> true

local function words_of(command, row)
  local words = {}
  for word in ((row.words or command.due)):gmatch "%S+" do words[#words + 1] = word end
  return words
end

-- The server of a row: an address, or nil for a sandbox inside of the program.
local function address_of(row)
  if not row.server or row.server == SERVED or row.server == NOBODY then return row.server end
  if type(row.server) == "table" then server:answer(row.server) else server:reply(row.server) end
  return server.base_url
end

-- The shell's words for a run of a row, and what has to be done before.
local function command_line(command, row, is_json)
  local words = table.move(row.options or {}, 1, #(row.options or {}), 1, {})
  local address = address_of(row)
  words[#words + 1] = address and "--base-url=" .. address or "--sandbox=../" .. (row.database or "sandbox.db")
  words[#words + 1] = "--profile=" .. (row.profile or "staging")
  if row.faults then words[#words + 1] = "--sandbox-faults=" .. row.faults end
  if is_json then words[#words + 1] = "--json" end
  words[#words + 1] = "run"
  for word in command[1]:gmatch "%S+" do words[#words + 1] = word end
  local own = words_of(command, row)
  table.move(own, 1, #own, #words + 1, words)
  local before = world:fresh()
  if row.also then before = before .. world:evaluation(row.also) .. " && " end
  return before, world:command(words, row.environment)
end

-- Runs a row. Returns the code, stdout and stderr.
local function run(command, row, is_json)
  local before, line = command_line(command, row, is_json)
  if not row.signal then return process.run(before .. line) end
  recipe_world.must(before .. "true")
  local asked = server:count()
  local program <close> = process.start("-C " .. world.directory .. "/now/work " .. line:gsub("^env ", ""))
  process.eventually("a request", function() return server:count() > asked or program:has_ended() end)
  program:signal(row.signal)
  return program:wait(), program:output(), program:output "err"
end

-- }======

-- {====== checks ======

-- The recipe of "RECIPE COMMAND".
local function recipe_of(command)
  return command[1]:match "^%S+"
end

-- A run that has not done what it was asked to says why in a sentence, and no other does.
local function check_stderr(code, err)
  local sentences = {}
  for line in err:gmatch "[^\n]+" do
    if line:find "^anyreach: " and not line:find "^anyreach: warning: " then sentences[#sentences + 1] = line end
  end
  local is_failure = code ~= 0 and code ~= 2
  if #sentences ~= (is_failure and 1 or 0) then error("on stderr: " .. (err == "" and "nothing" or err), 0) end
end

local function check_text(code, out, err)
  for line in out:gmatch "[^\n]+" do
    local ok, value = pcall(json.decode, line)
    if ok and type(value) == "table" then error("an event without --json: " .. line, 0) end
  end
  check_stderr(code, err)
end

local function check_event(recipe_name, line)
  local ok, event = pcall(json.decode, line)
  if not ok or event.version ~= 1 or type(event.event) ~= "string" then error("no event: " .. line, 0) end
  seen_events[event.event] = true
  local fields = documented.fields(recipe_name, event.event)
  if not fields then error("an event that is not documented: " .. line, 0) end
  for name in pairs(event) do
    if not fields[name] then error(("the field '%s' is not documented: %s"):format(name, line), 0) end
  end
  return event
end

-- Every last event says whose organisation it is about, unless the words do not tell that.
local function check_whose(last, code, err)
  if code == 64 or err:find("no profile", 1, true) then return end
  expect.truthy(last.profile or last.organization)
end

local function check_events(recipe_name, code, out, err)
  local last
  for line in out:gmatch "[^\n]+" do
    if last and (last.event == "summary" or last.event == "error") then
      error("an event after the last one: " .. line, 0)
    end
    last = check_event(recipe_name, line)
  end
  last = last or {}
  expect.equal({ last.event == "summary" or last.event == "error", last.exit_code }, { true, code })
  check_whose(last, code, err)
  check_stderr(code, err)
end

-- After these codes nothing has been written.
local WRITES_NOTHING = { [3] = true, [6] = true, [64] = true }

local function check_row(command, row)
  for _, is_json in ipairs { false, true } do
    local code, out, err = run(command, row, is_json)
    if code ~= row[1] then error(("ended with %d, not %d: %s%s"):format(code, row[1], out, err), 0) end
    if is_json then check_events(recipe_of(command), code, out, err) else check_text(code, out, err) end
    local is_check = (row.words or ""):find("--check", 1, true)
    if (WRITES_NOTHING[code] or is_check) and not row.also then expect.truthy(world:is_untouched()) end
  end
end

-- }======

local function is_met(command, row)
  if row.writers and not command.writes or row.profile and command.names_profiles then return false end
  if row.insists and command.works_without_server then return false end
  return not (row.asks or row.insists) or not command.sends_nothing
end

local function test(command, row)
  local name = recipe_of(command)
  tested_codes[name] = tested_codes[name] or {}
  tested_codes[name][row[1]] = true
  it(("ends with %d when %s"):format(row[1], row[2]), function() check_row(command, row) end)
end

for _, command in ipairs(commands) do
  describe(command[1], function()
    for _, row in ipairs(command) do
      if type(row) == "table" then test(command, row) end
    end
    for _, row in ipairs(COMMON) do
      if is_met(command, row) then test(command, row) end
    end
  end)
end

-- {====== what the documentation says ======

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The codes in the rows "| 9 | … |" of a text.
local function codes_of_table(text)
  local codes = {}
  for code in text:gmatch "\n| (%d+) |" do codes[#codes + 1] = tonumber(code) end
  return codes
end

-- All that an error can stand for, and what else the program ends with.
local function all_codes()
  local set = { [0] = true, [1] = true, [2] = true, [7] = true }
  for _, code in pairs(errors.exit_codes) do set[code] = true end
  return sorted_keys(set)
end

describe("the exit codes", function()
  it("of each recipe are in its help, and nothing else is", function()
    for _, name in ipairs(recipe.names()) do
      local told = {}
      for code in recipe.help(name):match("\nExit codes:\n(.*)$"):gmatch "%f[^\n%z] +(%d+)  " do
        told[tonumber(code)] = true
      end
      expect.equal({ name, sorted_keys(told) }, { name, sorted_keys(tested_codes[name] or {}) })
    end
  end)

  it("of the program are in the README and in 'help exit-codes', and nothing else is", function()
    local readme = process.read(process.root .. "/README.md"):match "\n| exit code |.-\n\n"
    local _, topic = process.run(process.anyreach("help", "exit-codes"))
    expect.equal(codes_of_table(readme), all_codes())
    for _, code in ipairs(all_codes()) do expect.match(topic, "%f[%w]" .. code .. "%f[%W]") end
  end)
end)

it("the events are all documented, and no others are", function()
  expect.equal(sorted_keys(seen_events), documented.names())
end)

-- }======
