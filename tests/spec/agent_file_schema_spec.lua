-- The schema of agent files that editors use says the same as the program.

local agent_file = require "anyreach.agents.file"
local files = require "anyreach.files"
local json = require "anyreach.json"
local process = require "helpers.process"
local schema = require "anyreach.schema"

local DOCUMENT = files.read_json "scripts/agent-file.schema.json"
local validator = schema.compile(DOCUMENT)

-- What the program says about an agent file, as one text; "" when nothing.
local function said_of(value)
  local path = process.directory() .. "/a.json"
  process.write(path, json.encode(value))
  local ok, err = pcall(agent_file.read, { path })
  return ok and "" or tostring(err)
end

-- One value of each kind that JSON has.
local VALUES = { "text", 1, true, json.null, json.array {}, {} }

describe("the schema of agent files", function()
  it("is a schema", function()
    expect.equal(schema.validate(DOCUMENT, { ["$ref"] = "https://json-schema.org/draft/2020-12/schema" }), {})
  end)

  it("has the keys that the program knows, and no others", function()
    local listed = said_of({ name = "x", [("q"):rep(40)] = 1 }):match("expected one of ([^\n]+)")
    local names = {}
    for name in pairs(DOCUMENT.properties) do names[#names + 1] = name end
    table.sort(names)
    expect.equal(listed, table.concat(names, ", "))
  end)

  it("wants the kinds of values that the program wants", function()
    for name in pairs(DOCUMENT.properties) do
      for _, value in ipairs(VALUES) do
        local said = said_of({ name = "x", [name] = value }):find(name .. ": expected", 1, true) ~= nil
        local found = #schema.validate(value, { ["$ref"] = "a#/properties/" .. name },
          { documents = { a = DOCUMENT } }) > 0
        expect.equal({ name, json.encode(value), found }, { name, json.encode(value), said })
      end
    end
  end)

  it("describes every key", function()
    for name, property in pairs(DOCUMENT.properties) do
      local described = property["$ref"] and DOCUMENT["$defs"][name] or property
      expect.equal({ name, type(described.description) }, { name, "string" })
    end
  end)

  it("knows numbers and directions", function()
    local function problems(entry)
      return #validator:validate { name = "x", phone_numbers = json.array { entry } }
    end
    for _, entry in ipairs { "+15551234567", "number:main", { number = "+15551234567", direction = "both" } } do
      expect.equal({ entry, problems(entry) }, { entry, 0 })
    end
    for _, entry in ipairs { "5551234567", { direction = "both" }, { number = "+15551234567", direction = "in" }, 1 } do
      expect.equal({ entry, problems(entry) }, { entry, 1 })
    end
  end)

  it("accepts the examples", function()
    local agents = agent_file.read { "scripts/examples/clinic/agents" }
    expect.equal(#agents, 3)
    for _, agent in ipairs(agents) do
      expect.equal({ agent.name, validator:validate(agent.document.value) }, { agent.name, {} })
    end
  end)
end)
