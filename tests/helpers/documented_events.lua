-- The events of recipes as the section "Events" of scripts/README.md documents them, for specs: one table says
-- what the fields of all events are, a second one which more `agent` and `summary` have in a recipe.

local process = require "helpers.process"

local documented = {}

-- The names between backquotes, as a set.
local function add_names(set, text)
  for name in text:gmatch "`([%w_]+)`" do set[name] = true end
  return set
end

local section = process.read(process.root .. "/scripts/README.md"):match "\n## Events\n(.-\n)\n## " .. "\n"

-- The rows of the table whose first column is called so.
local function table_of(heading)
  return section:match("\n| " .. heading .. " |[^\n]*\n(.-)\n\n")
end

local rows = {} -- event -> its fields, in words
for name, fields in table_of("event"):gmatch "| `([%w_]+)` |([^|\n]*)|" do rows[name] = fields end

local own = {} -- recipe -> what its events `agent` and `summary` have
for name, agent, summary in table_of("recipe"):gmatch "| `([%w-]+)` |([^|\n]*)|([^|\n]*)|" do
  own[name] = { agent = agent, summary = summary }
end

--- The names of all events.
---@return string[] sorted
function documented.names()
  local names = {}
  for name in pairs(rows) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The fields that an event may have in a recipe, or nil for an event that is not documented.
---@param recipe string
---@param event string
---@return table<string, boolean>|nil
function documented.fields(recipe, event)
  if not rows[event] then return nil end
  local fields = add_names({ version = true, event = true }, rows[event])
  return add_names(fields, own[recipe] and own[recipe][event] or "")
end

return documented
