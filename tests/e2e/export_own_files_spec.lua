-- The recipe `export` on files of one's own: random ones, written the way people write, are provisioned and exported.
-- Nothing changes but what has changed in the organisation.

local json = require "anyreach.json"
local organizations = require "helpers.organizations"
local process = require "helpers.process"
local random_value = require "helpers.random_value"
local random_yaml = require "helpers.random_yaml"
local reference = require "anyreach.yaml.reference"
local yaml = require "anyreach.yaml"

local box = organizations.start()
local make, random = random_value.generator(1107)
local AGENTS = 60

local function read(name)
  return process.read(box.directory .. "/work/" .. name)
end

local function expect_run(code, ...)
  local actual, out, err = box:run(...)
  expect.equal({ actual, code ~= actual and out .. err or nil }, { code, nil })
  return out
end

-- A value without tags, which would have to refer to something.
local function plain(value)
  if type(value) ~= "table" or json.is_number(value) then return value end
  if yaml.is_tag(value) or reference.is_reference(value) then return "plain" end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = plain(part) end
  return copy
end

local ENDINGS = {
  "metadata: &shared {a: 1.50, b: 0x1F, c: [1.0, \"x\"]} # shared\nis_demo: false\n",
  "metadata:\n  one: &one {a: 1}\n  two: *one\n  three:\n    <<: *one\n    b: 2\n\n# the end\n",
  "metadata: {}\ndescription: null\npublish: true\n",
  "description: >-\n  folded\n  text\ngenerate: false\nallow_markers: [CITY]\n",
  "phone_numbers: [] # none yet\ndeploy_as_sip: false\n",
}

local function file_of(index, dataset_id)
  local config = {
    instructions = "Be kind.\n" .. index, level = 1.5, extra = plain(make()), more = plain(random_value.map(random)),
    transfer_to = "+15551234567", datasets = json.array { dataset_id, yaml.tag("!ref", "dataset:Clinic FAQ") },
  }
  return ("# Agent %d\nname: 'Own %d'\n\n"):format(index, index) .. random_yaml.write({ config = config }, random)
    .. ENDINGS[index % #ENDINGS + 1]
end

local texts = {}

local function expect_same_files(except)
  for index = 1, AGENTS do
    if index ~= except then expect.equal(read(("own/%d.yaml"):format(index)), texts[index]) end
  end
end

local function agent_named(name)
  for agent in box.first.agents.each { name = name } do
    if agent.name == name then return agent end
  end
end

describe("random files of one's own", function()
  local dataset_id = box.first.datasets.create { name = "Clinic FAQ" }.dataset_id
  for index = 1, AGENTS do
    texts[index] = file_of(index, dataset_id)
    box:write(("own/%d.yaml"):format(index), texts[index])
  end
  box:write("environments/staging.yaml", 'references: {number: {main: "+15551234567"}}\n')

  it("are provisioned and exported byte for byte", function()
    expect_run(0, "provision", "own")
    expect.contains(expect_run(0, "export", "own"), ("%d agents: %d unchanged\n"):format(AGENTS, AGENTS))
    expect_same_files()
  end)

  it("have one line changed when one field has changed in the organisation", function()
    for _ = 1, 12 do
      local index = random(1, AGENTS)
      local agent, file = agent_named("Own " .. index), ("own/%d.yaml"):format(index)
      local config = box.first.agents.versions.get(agent.id, agent.latest_version or 1).config
      config.level, config.of_the_server = config.level + 1, "x"
      organizations.version(box.first, agent, config)
      expect_run(0, "export", "own")
      expect_same_files(index)
      local found = read(file)
      local wanted = yaml.decode(texts[index])
      wanted.config.level = config.level
      expect.equal(yaml.decode(found), wanted)
      expect.equal(found:gsub("level: *[%d.]+", ""), (texts[index]:gsub("level: *[%d.]+", "")))
      texts[index] = found
    end
  end)
end)

it("the sandbox ends", function() box:stop() end)
