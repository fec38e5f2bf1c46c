-- Recipes that change agents under every exit code that does not depend on what they do: the code, an event
-- a line with --json, the last of them the error, and no write where nothing may be written. What is
-- partly done (8) and in conflict (11) is in the specs of the recipes that can end so.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"

local both = organizations.start()
local limited = organizations.start("--faults", "429")
local broken = organizations.start("--faults", "503")

local NUMBER = "+15551230001"

-- Words of a run that has something to do, of one that has not, and of one with a wrong input.
local recipes = {
  { "numbers", due = { "assign", NUMBER, "Desk" }, idle = { "clear", "+15551230002" }, wrong = { "clear", "+1555" } },
  { "rollback", due = { "Desk", "--to", "1" }, idle = { "Desk", "--to", "2" }, wrong = { "Desk", "--to", "9" } },
  { "deploy-sip", due = { "Desk" }, idle = { "Called" }, wrong = { "Nobody" } },
  { "generate-instructions", due = { "Desk", "--inputs", "inputs.yaml" }, idle = { "Written" }, wrong = { "Desk" } },
  { "migrate-prompts", due = { "prompts", "--publish" }, idle = { "same" }, wrong = { "nowhere" } },
  { "promote", due = { "--from", "staging", "--to", "production", "Desk" },
    idle = { "--from", "production", "--to", "staging", "--all" },
    wrong = { "--from", "staging", "--to", "production", "Nobody" } },
}

local function prepare()
  both:reset()
  local api = both.first
  local desk = organizations.agent(api, "Desk", { instructions = "Say hello." })
  organizations.version(api, desk, { instructions = "Say hello, please." })
  api.agents.deploy_as_sip(organizations.agent(api, "Called", {}).id)
  local written = api.agents.create { name = "Written" }
  api.agents.versions.create(written.id, { config = { instructions = "Text." } })
  api.agents.versions.update(written.id, 1, { instruction_builder_inputs = { purpose = "x" } })
  both:write("inputs.yaml", "purpose: Book.\n")
  both:write("prompts/desk.md", "Say hello, thanks.\n")
  both:write("same/desk.md", "Say hello, please.\n")
  both:writes()
end

-- Runs a recipe with --json. Returns the code, the events and what was asked to write.
local function run(recipe, words, options, environment)
  local all = { "--retries=0", "--json", "--profile=staging" }
  table.move(options or {}, 1, #(options or {}), #all + 1, all)
  table.move({ "run", recipe[1] }, 1, 2, #all + 1, all)
  table.move(words, 1, #words, #all + 1, all)
  local code, out = process.run(("cd %s/work && env %s %s %s"):format(both.directory, both.environment,
    environment or "", process.anyreach(table.unpack(all))))
  local events = {}
  for line in out:gmatch("[^\n]+") do
    events[#events + 1] = json.decode(line)
    expect.equal({ recipe[1], events[#events].version, type(events[#events].event) }, { recipe[1], 1, "string" })
  end
  return code, events, both:writes()
end

local function expect_error(recipe, expected, words, options, environment)
  local code, events, writes = run(recipe, words, options, environment)
  local last = events[#events] or {}
  expect.equal({ recipe[1], code, last.event, last.exit_code, #writes }, { recipe[1], expected, "error", expected, 0 })
end

-- The exit code that the events tell: of the whole run, or of its one agent.
local function told_code(events)
  for _, event in ipairs(events) do
    if event.event == "error" then return event.exit_code end
    if event.error then return event.error.exit_code end
  end
end

local function each_recipe(name, check)
  it(name, function()
    for _, recipe in ipairs(recipes) do
      prepare()
      check(recipe)
    end
  end)
end

describe("a recipe ends with", function()
  each_recipe("0 when it has done its work, and when there is nothing to do", function(recipe)
    local code, _, idle_writes = run(recipe, recipe.idle)
    expect.equal({ recipe[1], code, idle_writes }, { recipe[1], 0, {} })
    local events, writes
    code, events, writes = run(recipe, recipe.due)
    expect.equal({ recipe[1], code, #events > 0, #writes > 0 }, { recipe[1], 0, true, true })
  end)

  each_recipe("2 when --check finds something to do, and with 0 otherwise", function(recipe)
    local words = table.move(recipe.due, 1, #recipe.due, 1, {})
    local code, events, writes = run(recipe, table.move({ "--check" }, 1, 1, #words + 1, words))
    expect.equal({ recipe[1], code, #events > 0, writes }, { recipe[1], 2, true, {} })
    words = table.move(recipe.idle, 1, #recipe.idle, 1, {})
    expect.equal({ recipe[1], (run(recipe, table.move({ "--check" }, 1, 1, #words + 1, words))) }, { recipe[1], 0 })
  end)

  each_recipe("1 when the server fails", function(recipe)
    expect_error(recipe, 1, recipe.due, { "--base-url=" .. broken.sandbox.base_url })
  end)

  each_recipe("3 for a wrong input", function(recipe)
    expect_error(recipe, 3, recipe.wrong)
  end)

  each_recipe("4 for a wrong credential", function(recipe)
    expect_error(recipe, 4, recipe.due, {}, "FIRST_TOKEN=ak_wrong.secret")
  end)

  each_recipe("5 at a rate limit", function(recipe)
    expect_error(recipe, 5, recipe.due, { "--base-url=" .. limited.sandbox.base_url })
  end)

  each_recipe("6 when it may not write", function(recipe)
    local code, events, writes = run(recipe, recipe.due, { "--read-only" })
    expect.equal({ recipe[1], code, told_code(events), writes }, { recipe[1], 6, 6, {} })
  end)

  each_recipe("10 when nobody answers", function(recipe)
    expect_error(recipe, 10, recipe.due, { "--base-url=http://127.0.0.1:1" })
  end)

  each_recipe("64 for wrong usage", function(recipe)
    expect_error(recipe, 64, { "--no-such-option" })
  end)
end)

both:stop()
limited:stop()
broken:stop()
