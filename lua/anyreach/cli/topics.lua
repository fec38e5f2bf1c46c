-- What `anyreach help TOPIC` explains beside commands, recipes and operations: each a Markdown text, a file
-- of lua/anyreach/cli/topics or a part of one of the project's own documents. All are inside the program.

local host = require "anyreach.host"

local topics = {}

local HELP_PREFIX = "lua/anyreach/cli/topics/"

-- Topics that are parts of other documents: file, heading (the whole file without one).
local PARTS = {
  ["agent-files"] = { "scripts/README.md", "Agent files" },
  ["ci"] = { "README.md", "In CI" },
  ["errors"] = { "lua/README.md", "Errors" },
  ["events"] = { "scripts/README.md", "Events" },
  ["json"] = { "lua/README.md", "JSON" },
  ["looking-inside"] = { "README.md", "Looking inside" },
  ["recipes"] = { "scripts/README.md" },
  ["repl"] = { "README.md", "The prompt" },
  ["safety"] = { "README.md", "Safety" },
  ["sandbox"] = { "README.md", "The sandbox" },
  ["scripts"] = { "lua/README.md", "The API for scripts" },
  ["tasks"] = { "lua/README.md", "Tasks" },
  ["tutorial"] = { "lua/README.md", "Tutorial" },
}

local function blocks_of(file, heading)
  local markdown = require "anyreach.text.markdown"
  local text = host.embedded_text(file)
  local blocks = text and markdown.read(text)
  return blocks and heading and markdown.section(blocks, heading) or blocks
end

--- The names of all topics, sorted.
---@return string[]
function topics.names()
  local names = {}
  for name in pairs(PARTS) do names[#names + 1] = name end
  for _, file in ipairs(host.embedded_names(HELP_PREFIX)) do
    names[#names + 1] = file:sub(#HELP_PREFIX + 1):match("^([^/]+)%.md$")
  end
  table.sort(names)
  return names
end

--- A topic as Markdown; nil when no topic has that name.
---@param name string
---@return anyreach.markdown.block[]|nil
function topics.get(name)
  local part = PARTS[name]
  if part then return blocks_of(part[1], part[2]) end
  return blocks_of(HELP_PREFIX .. name .. ".md")
end

--- The first heading of a topic, which says what it is about.
---@param name string
---@return string
function topics.title(name)
  return topics.get(name)[1].text
end

return topics
