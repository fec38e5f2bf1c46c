-- Slot changes as requests, what remains of interrupted ones, and prompts in configurations.

local interrupted = require "anyreach.agents.numbers.interrupted"
local json = require "anyreach.json"
local text_field = require "anyreach.agents.prompts.text_field"
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

  it("publish a version that gets no number, too", function()
    local list = slot_changes.publish_steps(X1, {})
    expect.equal({ #list, list[1].agent_id, list[1].version, list[1].direction, slot_changes.describe(list[1]) },
      { 1, "id-X", 1, nil, "X@1 published" })
    list = slot_changes.publish_steps(X1, slot_changes.assign({ number = "1", inbound = Y1 }, "inbound", X1))
    expect.equal({ #list, slot_changes.describe(list[1]) }, { 1, "1 inbound: Y@1 -> X@1" })
  end)

  it("name who held a slot, who gets it, and nobody", function()
    local names = {}
    for index, held in ipairs { { version_id = "lost" }, { agent = "X" }, X2 } do
      names[index] = slot_changes.name(held)
    end
    expect.equal({ names, slot_changes.name(nil) }, { { "version lost", "X@new", "X@2" }, "nobody" })
  end)

  it("hand over the slots of one version, and no others", function()
    local phone_numbers = {
      { phone_number = "1", inbound_agent_version_id = "X1", outbound_agent_version_id = "Y1" },
      { phone_number = "2", inbound_agent_version_id = json.null, outbound_agent_version_id = "X1" },
    }
    expect.equal(texts(slot_changes.hand_over(phone_numbers, X1, X2)), { "X@2 inbound +1 -", "X@2 outbound +2 -" })
  end)

  it("are refused for a version that no agent has", function()
    local unknown = { number = "1", inbound = { version_id = "lost" } }
    local list = slot_changes.clear(unknown, "both")
    local err = expect.raises(function() slot_changes.steps(list) end, "holds version lost")
    expect.equal(err.kind, "input")
  end)
end)

describe("slot changes that are carried out", function()
  -- Assigns 1 to X1 and clears 2, against a server whose slots hold these versions afterwards.
  local function apply(one, two)
    local function answer()
      return json.array {
        { phone_number = "1", inbound_agent_version_id = one, outbound_agent_version_id = json.null },
        { phone_number = "2", inbound_agent_version_id = two, outbound_agent_version_id = json.null },
      }
    end
    local list = slot_changes.assign({ number = "1" }, "inbound", X1)
    table.move(slot_changes.clear({ number = "2", inbound = Y1 }, "inbound"), 1, 1, 2, list)
    local sent, steps = {}, slot_changes.steps(list)
    local api = { agents = { versions = { publish = function(agent_id, version, body)
      sent[#sent + 1] = { agent_id, version, body }
      return answer()
    end } } }
    local ok, err = pcall(slot_changes.apply, api, steps)
    return ok, err, sent
  end

  it("publish with numbers to assign or to clear", function()
    local ok, _, sent = apply("X1", json.null)
    expect.equal({ ok, sent }, { true, {
      { "id-X", 1, { phone_numbers = { "1" }, direction = "inbound" } },
      { "id-Y", 1, { unassign_phone_numbers = { "2" }, direction = "inbound" } },
    } })
  end)

  it("fail when a slot does not hold what was written", function()
    local _, err, sent = apply(json.null, json.null)
    expect.equal({ err.kind, #sent }, { "conflict", 1 })
    expect.contains(tostring(err), "the inbound slot of 1 should hold X@1 and holds nothing after it was written")
    _, err = apply("Z9", json.null)
    expect.contains(tostring(err), "should hold X@1 and holds version Z9")
    _, err, sent = apply("X1", "Y1")
    expect.equal({ err.kind, #sent }, { "partial", 2 })
    expect.contains(tostring(err), "the inbound slot of 2 should hold nobody and holds version Y1")
    expect.contains(tostring(err), "done: 1 inbound: nobody -> X@1")
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
    expect.equal(text_field.get(config, "tools[1].description"), "b")
    local copy = text_field.set(config, "tools[1].description", "c")
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
      local text, problem, is_new = text_field.get(config, path)
      expect.equal({ path, text, is_new }, { path, nil, expected[2] })
      expect.contains(problem, expected[1])
    end
  end)
end)
