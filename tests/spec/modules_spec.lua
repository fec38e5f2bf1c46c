-- The table "Modules" in lua/README.md names exactly what scripts may require.

local host = require "anyreach.host"

-- Modules in C, and names that init.lua gives to inner ones.
local OTHERS = { "anyreach.json", "anyreach.secret", "anyreach.word_diff", "anyreach.yaml" }

local function documented()
  local names = {}
  local section = host.embedded_text("lua/README.md"):match "\n### Modules\n(.-)\n### "
  for name in section:gmatch "\n| `([%w_.]+)` |" do names[#names + 1] = name end
  return names
end

local function present()
  local names = table.move(OTHERS, 1, #OTHERS, 1, {})
  for _, file in ipairs(host.embedded_names "lua/anyreach/") do
    local name = file:match "^lua/anyreach/([^/]+)%.lua$"
    if name then names[#names + 1] = name == "init" and "anyreach" or "anyreach." .. name end
  end
  table.sort(names)
  return names
end

-- What a row of the table says that a module has.
local function offered(name)
  local text = host.embedded_text "lua/README.md"
  return text:match("\n| `" .. name:gsub("%.", "%%.") .. "` | ([^\n]*) |\n")
end

describe("the modules that scripts may require", function()
  it("are those that lua/README.md names", function() expect.equal(documented(), present()) end)

  it("have the functions that lua/README.md names", function()
    for _, name in ipairs { "anyreach.arguments", "anyreach.errors", "anyreach.files", "anyreach.progress",
      "anyreach.report", "anyreach.yaml" } do
      local module, count = require(name), 0
      for member in offered(name):gmatch "`([%a_]+)[`( ]" do
        local is_method = name == "anyreach.progress" and (member == "finish" or member == "step")
        expect.equal({ name, member, is_method or type(module[member]) == "function" }, { name, member, true })
        count = count + 1
      end
      expect.truthy(count > 1)
    end
  end)

  it("can be required", function()
    for _, name in ipairs(present()) do expect.truthy(require(name)) end
  end)

  it("include the word diff under its earlier name", function()
    expect.equal(rawequal(require "anyreach.words", require "anyreach.word_diff"), true)
    expect.equal(rawequal(anyreach.word_diff, require "anyreach.word_diff"), true)
  end)
end)
