-- The tutorial of lua/README.md: every step is carried out as it stands, one after the other, and must print
-- what the page says.

local document = require "helpers.document"
local process = require "helpers.process"

local STEPS = 10

local page = process.read(process.root .. "/lua/README.md")
local steps = document.parts(page, "Tutorial")
table.remove(steps, 1)
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

describe("the reference of lua/README.md", function()
  local reference = page:match "\n(## The API for scripts\n.*)"

  -- The last cells of the rows of a part's tables, by the names in the first ones.
  local function cells_of(title)
    local cells = {}
    for _, part in ipairs(document.parts(page, "The API for scripts")) do
      for _, block in ipairs(part.title == title and part.blocks or {}) do
        for _, row in ipairs(block.rows or {}) do
          for name in row[1]:gmatch "`([%w_]+)[^`]*`" do cells[name] = row[#row] end
        end
      end
    end
    return cells
  end

  it("names every kind of error with its exit code", function()
    local documented, missing = cells_of "Errors", {}
    for kind, code in pairs(require("anyreach.errors").exit_codes) do
      local is_raised_in_scripts = kind ~= "command_line" and kind ~= "interrupted"
      if is_raised_in_scripts and documented[kind] ~= tostring(code) then missing[#missing + 1] = kind end
    end
    expect.equal(missing, {})
  end)

  it("names every option of a client", function()
    local documented = cells_of "Clients"
    local err = expect.raises(function() anyreach.client { zzzzzzzz = 1 } end, "expected one of")
    for name in err.message:match("expected one of (.*)"):gmatch "[%w_]+" do
      expect.equal({ name, documented[name] and "documented" }, { name, "documented" })
    end
  end)

  it("names every function of anyreach.agent_files", function()
    local documented = cells_of "Agent files"
    for name in pairs(anyreach.agent_files) do
      expect.equal({ name, documented[name] and "documented" }, { name, "documented" })
    end
  end)

  it("names nothing that is not there", function()
    for name in reference:gmatch "[^%w/.]anyreach%.([%a_]+)" do
      local is_module = pcall(require, "anyreach." .. name)
      expect.equal({ name, is_module or anyreach[name] ~= nil }, { name, true })
    end
  end)
end)
