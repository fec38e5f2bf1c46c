-- What a promotion takes for common to source and target where only `provision` has written to the target.

local base = require "anyreach.agents.promotion.base"
local field_digests = require "anyreach.agents.field_digests"
local json = require "anyreach.json"

local ID = "an-agent"

local function row(written, there)
  return { agent_id = ID, fields = field_digests.note(written, there, ID) }
end

describe("what provision wrote", function()
  local tools = json.array { { name = "a", text = "x" }, { name = "b", text = "y" } }
  local written = { config = { voice = "alloy", text = " trimmed ", deep = { a = 1, b = 2 }, tools = tools } }
  local there = { config = { voice = "alloy", text = "trimmed", deep = { a = 1, b = 2, c = 3 }, tools = tools,
    own = 1 } }

  it("is the base as far as nobody has changed it, and as the organisation stored it", function()
    expect.equal(base.of_files(row(written, there), there, ID),
      { config = { voice = "alloy", text = "trimmed", deep = { a = 1, b = 2 }, tools = tools } })
    local edited = { config = { voice = "echo", text = "trimmed", deep = { a = 1, b = 4 },
      tools = json.array { tools[1], { name = "b", text = "z" } } } }
    expect.equal(base.of_files(row(written, there), edited, ID), { config = { text = "trimmed", deep = { a = 1 } } })
  end)

  it("is nothing without digests, or of another agent", function()
    expect.equal(base.of_files({ agent_id = ID }, there, ID), nil)
    expect.equal(base.of_files(row(written, there), there, "another"), nil)
    expect.equal(base.of_files(nil, there, ID), nil)
  end)
end)
