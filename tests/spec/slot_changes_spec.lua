-- Slot changes as requests, what remains of interrupted ones, and prompts in configurations.

local interrupted = require "anyreach.agents.numbers.interrupted"
local json = require "anyreach.json"
local prompts = require "anyreach.agents.prompts"
local slot_changes = require "anyreach.agents.numbers.slot_changes"

local function holder(agent, version)
  return { version_id = agent .. version, agent_id = "id-" .. agent, agent = agent, version = version }
end

local X1, X2, Y1 = holder("X", 1), holder("X", 2), holder("Y", 1)

-- Each step as "AGENT@VERSION DIRECTION +ASSIGNED -UNASSIGNED".
local function texts(list)
  local result = {}
  for index, step in ipairs(slot_changes.steps(list)) do
    result[index] = ("%s@%d %s +%s -%s"):format(step.agent, step.version, step.direction,
      table.concat(step.phone_numbers, ","), table.concat(step.unassign_phone_numbers, ","))
  end
  return result
end

describe("the requests for changes of slots", function()
  it("are none where nothing changes", function()
    expect.equal(texts(slot_changes.assign({ number = "1", inbound = X1 }, "inbound", X1)), {})
    expect.equal(texts(slot_changes.swap({ number = "1", inbound = X1 }, { number = "2", inbound = X1 }, "both")), {})
  end)

  it("join both slots of a number, and numbers of one version", function()
    expect.equal(texts(slot_changes.assign({ number = "1" }, "both", X1)), { "X@1 both +1 -" })
    local list = slot_changes.assign({ number = "1" }, "inbound", X1)
    table.move(slot_changes.assign({ number = "2" }, "inbound", X1), 1, 1, 2, list)
    expect.equal(texts(list), { "X@1 inbound +1,2 -" })
  end)

  it("assign and clear at once where one agent does both", function()
    expect.equal(texts(slot_changes.move({ number = "1", inbound = X1 }, { number = "2", inbound = Y1 }, "both")),
      { "X@1 inbound +2 -1" })
  end)

  it("keep slots apart that different versions hold", function()
    expect.equal(texts(slot_changes.move({ number = "1", inbound = X1, outbound = Y1 }, { number = "2" }, "both")),
      { "X@1 inbound +2 -1", "Y@1 outbound +2 -1" })
    expect.equal(texts(slot_changes.clear({ number = "1", inbound = X1, outbound = X2 }, "both")), { "X@1 both + -1" })
  end)

  it("keep versions of one agent apart, but not in what they clear", function()
    local list = slot_changes.assign({ number = "1" }, "inbound", X1)
    table.move(slot_changes.assign({ number = "2" }, "inbound", X2), 1, 1, 2, list)
    expect.equal(texts(list), { "X@1 inbound +1 -", "X@2 inbound +2 -" })
    list = slot_changes.clear({ number = "1", inbound = X1 }, "inbound")
    table.move(slot_changes.clear({ number = "2", inbound = X2 }, "inbound"), 1, 1, 2, list)
    expect.equal(texts(list), { "X@1 inbound + -1,2" })
  end)

  it("assign before they clear", function()
    expect.equal(texts(slot_changes.swap({ number = "1", inbound = X1 }, { number = "2", outbound = Y1 }, "both")),
      { "X@1 inbound +2 -1", "Y@1 outbound +1 -2" })
  end)

  it("are refused for a version that no agent has", function()
    local unknown = { number = "1", inbound = { version_id = "lost" } }
    local list = slot_changes.clear(unknown, "both")
    local err = expect.raises(function() slot_changes.steps(list) end, "holds version lost")
    expect.equal(err.kind, "input")
  end)
end)

describe("what remains of interrupted changes", function()
  local function record(number, id)
    return { phone_number = number, inbound_agent_version_id = id or json.null, outbound_agent_version_id = json.null }
  end

  it("is what still holds what it held; what somebody else has changed is told apart", function()
    local list = slot_changes.swap({ number = "1", inbound = X1 }, { number = "2", inbound = Y1 }, "both")
    local function remaining(one, two)
      local due, changed = interrupted.remaining({ what = "swap", changes = list }, { ["1"] = one, ["2"] = two })
      return { #due, #changed }
    end
    expect.equal(remaining(record("1", "X1"), record("2", "Y1")), { 2, 0 })
    expect.equal(remaining(record("1", "Y1"), record("2", "Y1")), { 1, 0 })
    expect.equal(remaining(record("1", "Y1"), record("2", "X1")), { 0, 0 })
    expect.equal(remaining(record("1", "Z1"), record("2")), { 0, 2 })
    expect.equal(remaining(record("1", "Y1"), nil), { 0, 1 })
  end)
end)

describe("a text in a configuration", function()
  local config = { instructions = "a", tools = json.array { { description = "b" } }, n = 1, none = json.null }

  it("is found and set by its path, in a copy", function()
    expect.equal(prompts.get_field(config, "tools[1].description"), "b")
    local copy = prompts.set_field(config, "tools[1].description", "c")
    expect.equal({ copy.tools[1].description, config.tools[1].description }, { "c", "b" })
    expect.truthy(json.is_array(copy.tools))
  end)

  it("that is not there is told from one that cannot be", function()
    for path, expected in pairs {
      ["instrutions"] = { "the configuration has no 'instrutions'; did you mean 'instructions'?", true },
      ["none"] = { "the configuration has no 'none'", true },
      ["tools[2].description"] = { "the configuration has no 'tools[2].description'", false },
      ["n"] = { "'n' holds no text", nil }, ["n.x"] = { "'n' is not a mapping", nil },
      ["[["] = { "'[[' is not a path", nil }, [""] = { "'' is not a path", nil },
    } do
      local text, problem, is_new = prompts.get_field(config, path)
      expect.equal({ path, text, is_new }, { path, nil, expected[2] })
      expect.contains(problem, expected[1])
    end
  end)
end)
