-- README.md keeps its word: the first command, the examples of the recipes, the workflow for CI and the scripts
-- are carried out as they stand, in a copy of scripts/examples.

local document = require "helpers.document"
local process = require "helpers.process"
local recipe = require "anyreach.recipe"
local yaml = require "anyreach.yaml"

local page = process.read(process.root .. "/README.md")
local place = document.place()
assert(os.execute(("cp -r %s/scripts/examples/. %s && find %s -name anyreach.lock -delete"):format(
  process.quote(process.root), place.directory, place.directory)))

-- The rows of the first table below a heading, without its head and marks of code.
local function rows_below(title)
  local rows = {}
  for i, row in ipairs(document.blocks(page, title, "table")[1].rows) do
    local cells = {}
    for column, cell in ipairs(row) do cells[column] = cell:match "^`(.*)`$" or cell end
    rows[i] = cells
  end
  table.remove(rows, 1)
  return rows
end

describe("README.md", function()
  it("shows what `make demo` prints", function()
    local blocks = document.blocks(page, "In under a minute", "code")
    expect.equal(blocks[1].text, "make demo")
    local build = process.relative_build
    local code, out = process.run(("make --no-print-directory -o %s/anyreach BUILD=%s demo"):format(build, build))
    local shown = out:gsub(build:gsub("%p", "%%%0"), "build")
    expect.equal({ code, document.masked(shown) }, { 0, document.masked(blocks[2].text .. "\n") })
  end)

  it("has an example of every recipe, and each works", function()
    local names = {}
    for _, row in ipairs(rows_below "Recipes") do
      local name, _, example = table.unpack(row)
      names[#names + 1] = name
      expect.match(example, "^run " .. name:gsub("%-", "%%-") .. " ")
      local out, code = place:run("anyreach --sandbox=demo.db " .. example)
      expect.equal({ example, code, code == 0 and "" or out }, { example, 0, "" })
    end
    table.sort(names)
    expect.equal(names, recipe.names())
  end)

  it("shows what its scripts print", function()
    local printed, expected = document.carry_out(place, document.parts(page, "Scripts")[1].blocks)
    expect.truthy(#printed >= 3)
    expect.equal(printed, expected)
  end)

  it("shows a session at the prompt as it is", function()
    local shown = document.blocks(page, "The prompt", "code")[1].text .. "\n"
    local entries, expected = {}, {}
    for line in shown:gmatch "(.-)\n" do
      local entry = line:match "^sandbox %(Sandbox One%)> (.*)$"
      table.insert(entry and entries or expected, entry or line)
    end
    expect.truthy(#entries >= 5)
    place:write("entries", table.concat(entries, "\n") .. "\n")
    local out, code = place:run "anyreach --sandbox repl <entries"
    expect.equal({ out, code }, { table.concat(expected, "\n") .. "\n", 1 })
    expect.equal({ place:run "anyreach --sandbox desk.lua" }, { "Front desk\ttrue\nfalse\n", 0 })
  end)

  it("names the exit codes as `anyreach help exit-codes` does", function()
    local listed = {}
    for _, row in ipairs(rows_below "In CI") do listed[#listed + 1] = tonumber(row[1]) end
    local _, wanted = process.run(process.anyreach("help", "exit-codes"))
    local codes = {}
    for code in wanted:gmatch "\n(%d+) " do codes[#codes + 1] = tonumber(code) end
    expect.equal(listed, codes)
  end)
end)

-- The workflow's steps that have commands, as they would run on a branch or for a pull request.
describe("the workflow of README.md", function()
  local workflow = yaml.decode(document.blocks(page, "In CI", "code")[1].text, { name = "README.md" })
  local steps = {}
  for _, step in ipairs(workflow.jobs.agents.steps) do
    if step.run then steps[step.name] = step.run end
  end
  local sandbox = process.sandbox()
  local ci = document.place()

  -- As GitHub runs a step: by bash, which ends at the first failure.
  local function run(command)
    ci:write("step", command)
    return ci:run(("cd checkout && PATH=$PWD/../tools:$PATH %sbash -e ../step"):format(sandbox.environment))
  end

  -- The steps of a deployment, the last one also after a failure. Returns the exit code of the first one.
  local function deploy()
    local _, code = run(steps.provision)
    local out, recorded = run(steps.record)
    expect.equal({ recorded, recorded == 0 and "" or out }, { 0, "" })
    return code
  end

  local function lock_at(branch)
    return (ci:run(("git -C origin show %s:agents/anyreach.lock"):format(branch)))
  end

  it("installs what it calls", function()
    expect.match(steps.install, "^sudo make %-C %S+ install$")
  end)

  it("checks and shows, and leaves everything as it is", function()
    local out, code = ci:run(("git init -q -b main --bare origin && git clone -q origin checkout 2>/dev/null && "
      .. "cp -r %s/clinic/. checkout && cd checkout && git add . && git -c user.name=a -c user.email=a@b commit -qm a "
      .. "&& git push -q origin HEAD"):format(place.directory))
    expect.equal({ out, code }, { "", 0 })
    ci:run "rm -f checkout/agents/anyreach.lock"
    expect.equal(select(2, run(steps.validate)), 0)
    local shown, checked = run(steps.check)
    expect.equal(checked, 0)
    expect.contains(shown, "3 agents: 3 to create")
  end)

  it("provisions, commits the lock, and has nothing to do the next time", function()
    local out, code = run(steps.provision)
    expect.equal({ code, out:match "3 agents: 3 created" }, { 0, "3 agents: 3 created" })
    expect.equal(select(2, run(steps.record)), 0)
    local log = ci:run "git -C origin log --format=%s -1 --name-only main"
    expect.equal(log, "Record what was provisioned\n\nagents/anyreach.lock\n")
    local again, again_code = run(steps.provision)
    expect.equal({ again_code, again:match "3 unchanged" }, { 0, "3 unchanged" })
    local text = lock_at "main"
    expect.equal({ deploy(), lock_at "main" }, { 0, text })
  end)

  it("commits the lock also when only some of the agents could be written", function()
    ci:write("checkout/agents/new.yaml", "name: New\nconfig: {instructions: Be kind.}\n")
    ci:write("checkout/agents/wrong.yaml",
      "name: Wrong\nphone_numbers: ['+15550000000']\nconfig: {instructions: x}\n")
    expect.equal(deploy(), 8)
    expect.contains(lock_at "main", '"agent":"New"')
    ci:run "rm checkout/agents/wrong.yaml"
  end)

  it("offers the lock in a pull request where the branch is protected, and takes it from there later", function()
    ci:write("tools/gh", '#!/bin/sh\necho "$*" >>' .. ci.directory .. "/asked\n[ $2 = create ]\n")
    ci:write("origin/hooks/update", '#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    ci:run "chmod +x tools/gh origin/hooks/update"
    local before = lock_at "main"
    for _, name in ipairs { "Newer", "Newest" } do
      local text = ("name: %s\nconfig: {instructions: I am %s.}\n"):format(name, name)
      ci:write(("checkout/agents/%s.yaml"):format(name), text)
      expect.equal(deploy(), 0)
      expect.equal(lock_at "main", before)
      expect.contains(lock_at "anyreach-lock", ('"agent":"%s"'):format(name))
      ci:run "git -C checkout reset -q --hard origin/main && git -C checkout clean -qfd"
    end
    expect.contains(lock_at "anyreach-lock", '"agent":"Newer"')
    expect.contains(ci:run "cat asked", "pr create --head anyreach-lock")
    local out, code = run(steps.provision)
    expect.equal({ code, out:match "(%d) unchanged" }, { 0, "3" })
  end)

  it("has no deployment that a pull request could take the place of", function()
    expect.equal(workflow.concurrency["cancel-in-progress"], false)
    expect.contains(workflow.concurrency.group, "github.ref")
  end)

  it("fails when there is no credential", function()
    local _, code = ci:run(("cd checkout && ANYREACH_BASE_URL=%s bash -e ../step"):format(sandbox.base_url))
    expect.equal(code, 4)
  end)

  sandbox:stop()
end)

describe("tests/README.md", function()
  it("names every helper of specs", function()
    local text = process.read(process.root .. "/tests/README.md")
    local _, out = process.run(("ls %s/tests/helpers"):format(process.quote(process.root)))
    local missing = {}
    for name in out:gmatch "([%w_]+)%.lua" do
      local is_named = text:find("`helpers." .. name .. "`", 1, true) or text:find("`" .. name .. ".lua`", 1, true)
      if not is_named then missing[#missing + 1] = name end
    end
    expect.equal(missing, {})
  end)
end)

describe("src/README.md", function()
  it("names every C file", function()
    local text = process.read(process.root .. "/src/README.md")
    local _, out = process.run "ls src/*.c"
    local missing = {}
    for name in out:gmatch "src/([%w_]+)%.c" do
      if not text:find("`" .. name .. "`", 1, true) then missing[#missing + 1] = name end
    end
    expect.equal(missing, {})
  end)
end)
