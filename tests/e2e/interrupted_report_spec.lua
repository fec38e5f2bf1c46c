-- What `promote` and `migrate-prompts` say when they are stopped, and that the same command completes them. The points
-- of interruption are generated: each write of the second of three agents, before and after the sandbox carries it out.
-- (`provision` is in interrupt_spec.lua.)

local held_request = require "helpers.held_request"
local json = require "anyreach.json"
local organizations = require "helpers.organizations"

local NAMES = { "Ada", "Bert", "Cleo" }

local CREATED = { state = "in_progress", note = "created, not complete" }
local DONE, NOT_BEGUN = { state = "done" }, { state = "not_begun" }

-- The steps, with what is said of the agent whose step is held, and of those before and after it. `promote` creates all
-- agents before it writes versions, because these may refer to each other.
local recipes = {
  {
    words = { "promote", "--from=staging", "--to=production", "--all", "--concurrency=1" },
    steps = {
      { "agents.create", "may have been created", before = CREATED, after = NOT_BEGUN },
      { "agents.versions.create", CREATED.note, before = DONE, after = CREATED },
      { "agents.versions.publish", CREATED.note, before = DONE, after = CREATED },
    },
    target = "second",
  },
  {
    words = { "migrate-prompts", "prompts", "--publish" },
    steps = {
      { "agents.versions.create", "a draft may have been written", before = DONE, after = NOT_BEGUN },
      { "agents.versions.publish", "a draft was written, and may have been published", before = DONE,
        after = NOT_BEGUN },
    },
    target = "first",
  },
}

-- A box with agents in the first organisation, and other prompts for them in files.
local function new_box(case)
  local box = organizations.hold(case)
  for _, name in ipairs(NAMES) do
    organizations.agent(box.first, name, { instructions = "Answer calls." })
    box:write(("prompts/%s.md"):format(name), "Answer all calls.\n")
  end
  return box
end

local function expected_agents(case, step)
  local list = json.array {}
  for index, name in ipairs(NAMES) do
    local told = index < case.number and step.before or index > case.number and step.after
      or { state = "in_progress", note = step[2] }
    list[index] = { name = name, state = told.state, note = told.note }
  end
  return list
end

local WORDS = { { "done", "done" }, { "in_progress", "in progress" }, { "not_begun", "not begun" } }

local function expected_report(agents)
  local counts, lines = {}, {}
  for _, state in ipairs(WORDS) do
    local names = {}
    for _, agent in ipairs(agents) do
      local note = agent.note and (" (%s)"):format(agent.note) or ""
      if agent.state == state[1] then names[#names + 1] = ("'%s'%s"):format(agent.name, note) end
    end
    if #names > 0 then counts[#counts + 1] = ("%d %s"):format(#names, state[2]) end
    if #names > 0 and state[1] ~= "not_begun" then
      lines[#lines + 1] = ("  %s: %s\n"):format(state[2], table.concat(names, ", "))
    end
  end
  return ("anyreach: interrupted; of 3 agents: %s; run the same command again to complete it\n%s"):format(
    table.concat(counts, ", "), table.concat(lines))
end

local function stop(box, case, words)
  local program, code = held_request.stop(box.first, case, function() return box:start(table.unpack(words)) end, "INT")
  expect.equal({ case.name, code }, { case.name, 130 })
  return program
end

-- After the same command was run again, each agent has its published version, and a third run writes nothing.
local function check_completed(box, recipe, case)
  expect.equal({ case.name, (box:run(table.unpack(recipe.words))) }, { case.name, 0 })
  box:writes()
  expect.equal({ case.name, (box:run(table.unpack(recipe.words))), box:writes() }, { case.name, 0, {} })
  local found = {}
  for agent in box[recipe.target].agents.each() do
    local count = 0
    for version in box[recipe.target].agents.versions.each(agent.id) do
      count = count + (version.published and 1 or 1000)
    end
    found[#found + 1] = ("%s %d"):format(agent.name, count)
  end
  table.sort(found)
  local versions = recipe.target == "first" and 2 or 1
  local wanted = {}
  for index, name in ipairs(NAMES) do wanted[index] = ("%s %d"):format(name, versions) end
  expect.equal({ case.name, found }, { case.name, wanted })
end

local function check_case(recipe, case, step)
  local box <close> = new_box(case)
  local report = stop(box, case, recipe.words):output "err"
  local expected = expected_report(expected_agents(case, step))
  expect.equal({ case.name, report:match "anyreach: interrupted.*" }, { case.name, expected })
  check_completed(box, recipe, case)
end

for _, recipe in ipairs(recipes) do
  describe(recipe.words[1] .. " that is stopped", function()
    for _, step in ipairs(recipe.steps) do
      local operation = step[1]
      it(("at %s says of each agent how far it is, and is completed by the same command"):format(operation), function()
        for _, case in ipairs(held_request.cases { operation .. " 2" }) do check_case(recipe, case, step) end
      end)
    end

    it("tells the same in its last event with --json, and whose organisation it is", function()
      local step = recipe.steps[1]
      local case = held_request.cases { step[1] .. " 2" }[1]
      local box <close> = new_box(case)
      local words = table.move(recipe.words, 1, #recipe.words, 1, {})
      words[#words + 1] = "--json"
      local event = json.decode(stop(box, case, words):output():match "[^\n]*\n$")
      expect.equal(event.agents, expected_agents(case, step))
      expect.equal({ event.event, event.profile, #event.writes_open },
        { "error", recipe.target == "second" and "production" or "staging", 1 })
    end)
  end)
end
