-- Agent files and a folder of prompts in one repository: `provision` and `migrate-prompts` each keep a lock, and
-- neither takes what the other has written for a change in the organisation, or its draft for somebody else's.

local organizations = require "helpers.organizations"

local FILE = "name: Desk\nconfig:\n  instructions: %s\n  voice: %s\n%s"

local function run(box, code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and table.concat({ ... }, " ") .. "\n" .. out .. err or nil }, { code, nil })
  return out .. err
end

local function versions(box)
  local list, agent = {}, box.first.agents.each()()
  for version in box.first.agents.versions.each(agent.id) do
    list[version.version] = box.first.agents.versions.get(agent.id, version.version)
  end
  return list, agent
end

local box <close> = organizations.start()

-- The locks may be beside each other, one above the other, or one.
local PLACES = { { "agents", "prompts" }, { "agents", "agents/prompts" }, { "all", "all" } }

local function begin(files, prompts, tail)
  box:reset()
  box:write(files .. "/desk.yaml", FILE:format("Be kind.", "alloy", tail))
  run(box, 0, "provision", files)
  box:write(prompts .. "/Desk.md", "Be kind and calm.\n")
end

describe("a prompt that the other recipe has written", function()
  for _, place in ipairs(PLACES) do
    local files, prompts = place[1], place[2]
    it(("is said to be so: %s and %s"):format(files, prompts), function()
      begin(files, prompts, "")
      run(box, 0, "migrate-prompts", prompts, "--publish", "--force")
      local out = run(box, 0, "provision", files)
      expect.contains(out, "kept: config.instructions, written by 'migrate-prompts' since version 1")
      expect.falsy(out:find("changed in the organisation", 1, true))
      run(box, 0, "provision", files, "--ours")
      out = run(box, 0, "migrate-prompts", prompts, "--publish", "--force")
      expect.contains(out, "kept: config.instructions, written by 'provision' since version 2")
      expect.falsy(out:find("changed in the organisation", 1, true))
      local list, agent = versions(box)
      expect.equal({ #list, list[3].config.instructions }, { 3, "Be kind." })
      organizations.version(box.first, agent, { instructions = "Theirs.", voice = "alloy" })
      expect.contains(run(box, 0, "provision", files), "kept: config.instructions, changed in the organisation")
      expect.contains(run(box, 0, "migrate-prompts", prompts), "kept: config.instructions, changed in the organisation")
    end)
  end
end)

describe("a draft that the other recipe has written", function()
  for _, place in ipairs(PLACES) do
    local files, prompts = place[1], place[2]
    it(("is written into: %s and %s"):format(files, prompts), function()
      begin(files, prompts, "publish: false\n")
      expect.falsy(run(box, 0, "migrate-prompts", prompts, "--force"):find("not written from here", 1, true))
      box:write(files .. "/desk.yaml", FILE:format("Be kind.", "nova", "publish: false\n"))
      local out = run(box, 0, "provision", files)
      expect.falsy(out:find("not written from here", 1, true))
      box:write(prompts .. "/Desk.md", "Be kind and very calm.\n")
      out = run(box, 0, "migrate-prompts", prompts, "--force")
      expect.falsy(out:find("not written from here", 1, true))
      local list, agent = versions(box)
      expect.equal({ #list, list[1].config },
        { 1, { instructions = "Be kind and very calm.", voice = "nova" } })
      box.first.agents.versions.update(agent.id, 1, { config = { instructions = "Theirs.", voice = "echo" } })
      expect.contains(run(box, 11, "migrate-prompts", prompts, "--force"), "has a newer draft, version 1")
    end)
  end
end)
