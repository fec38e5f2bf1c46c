-- What `help` and `recipes` list: the declarations, without the modules that hold them.

local command = require "anyreach.cli.commands"
local process = require "helpers.process"
local recipe = require "anyreach.recipe"
local summaries = require "anyreach.cli.summaries"

local function declared(names, spec_of)
  local list = {}
  for i, name in ipairs(names) do
    local spec = spec_of(name)
    list[i] = { name = name, usage = spec.usage, summary = spec.summary }
  end
  return list
end

-- How many of our modules are loaded once a command has run.
local COUNT = [[
  require("anyreach.cli.commands").run(table.unpack(%s))
  local count = 0
  for name in pairs(package.loaded) do count = count + (name:find "^anyreach%%." and 1 or 0) end
  io.stderr:write(count)
]]

local function loaded_by(call)
  local code, _, err = process.run(process.anyreach("-e", COUNT:format(call)))
  expect.equal(code, 0)
  return math.tointeger(err)
end

describe("the summaries of commands and recipes", function()
  it("are what the declarations say ('make generate' writes them)", function()
    expect.equal(summaries.commands, declared(command.names(), function(name) return command.get(name).spec end))
    expect.equal(summaries.recipes, declared(recipe.names(), recipe.spec))
  end)

  it("are listed without loading what is listed", function()
    expect.truthy(loaded_by '{ "recipes", { "provision" } }' > 20)
    for _, call in ipairs { '{ "help", {} }', '{ "recipes", {} }', '{ "help", { "run" } }' } do
      expect.equal({ call, loaded_by(call) <= 20 }, { call, true })
    end
  end)
end)
