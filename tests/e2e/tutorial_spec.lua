-- The tutorial of lua/README.md: every step is carried out as it stands, one after the other, and must print
-- what the page says.

local document = require "helpers.document"
local process = require "helpers.process"

local STEPS = 10

local page = process.read(process.root .. "/lua/README.md")
local steps = document.sections(page, "## Tutorial")
local place = document.place()

describe("the tutorial", function()
  it("has ten steps", function()
    expect.equal(#steps, STEPS)
  end)

  for index, step in ipairs(steps) do
    it("prints what it says in step " .. step.title, function()
      expect.match(step.title, "^" .. index .. "%. ")
      local printed, expected = document.carry_out(place, step.blocks)
      expect.truthy(#printed > 0)
      expect.equal(printed, expected)
    end)
  end
end)
