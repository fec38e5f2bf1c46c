-- anyreach recipes: the bundled recipes with their summaries, or the help of one.

local recipe = require "anyreach.recipe"
local report = require "anyreach.report"

local spec = {
  usage = "anyreach recipes [NAME]",
  summary = "Lists the bundled recipes, or explains one.",
  operands = { name = "at most one recipe", max = 1 },
}

local function print_event(name, help)
  local declared = recipe.spec(name)
  report.event("recipe", { name = name, summary = declared.summary, usage = declared.usage, help = help })
end

local function list()
  if report.is_json() then
    for _, name in ipairs(recipe.names()) do print_event(name) end
    return
  end
  local names, width = recipe.names(), 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for _, name in ipairs(names) do
    print(("%-" .. width .. "s  %s"):format(name, recipe.spec(name).summary))
  end
end

local function run(given)
  if not given[1] then return list() end
  if report.is_json() then return print_event(given[1], recipe.help(given[1])) end
  io.stdout:write(recipe.help(given[1]))
end

return { spec = spec, run = run }
