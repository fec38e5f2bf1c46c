-- anyreach recipes: the bundled recipes with their summaries, or the help of one.

local report = require "anyreach.report"
local summaries = require "anyreach.cli.summaries"

local spec = {
  usage = "anyreach recipes [NAME]",
  summary = "Lists the bundled recipes, or explains one.",
  operands = { name = "at most one recipe", max = 1 },
}

local function list()
  local width = 0
  for _, recipe in ipairs(summaries.recipes) do width = math.max(width, #recipe.name) end
  for _, recipe in ipairs(summaries.recipes) do
    if report.is_json() then
      report.event("recipe", recipe)
    else
      print(("%-" .. width .. "s  %s"):format(recipe.name, recipe.summary))
    end
  end
end

local function explain(name)
  local recipe = require "anyreach.recipe"
  local help = recipe.help(name)
  if not report.is_json() then
    io.stdout:write(help)
    return
  end
  local declared = recipe.spec(name)
  report.event("recipe", { name = name, summary = declared.summary, usage = declared.usage, help = help })
end

local function run(given)
  if given[1] then explain(given[1]) else list() end
end

return { spec = spec, run = run }
