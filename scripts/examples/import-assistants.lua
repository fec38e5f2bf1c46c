-- Imports another vendor's assistants: from its export, such as assistants.json, into agent files, and from there
-- into the organisation.
--
--   anyreach scripts/examples/import-assistants.lua assistants.json agents [--apply]

local errors = require "anyreach.errors"

local files = anyreach.agent_files
local export, directory, mode = ...
if not directory then errors.raise("command_line", "usage: import-assistants.lua EXPORT DIRECTORY [--apply]") end

-- What their abilities are called here, and what they do.
local tools = {
  hangUp = { name = "end_call", action = function() return { type = "hangup" } end },
  forward = { name = "transfer", action = function(ability)
    return { type = "cold_transfer", transfer_number = ability.to }
  end },
}

local function tool_of(ability)
  local tool = assert(tools[ability.id], "no tool is known for the ability " .. ability.id)
  return { name = tool.name, description = ability.hint, actions = { tool.action(ability) } }
end

for _, assistant in ipairs(anyreach.read_json(export).assistants) do
  local list = anyreach.array {}
  for index, ability in ipairs(assistant.abilities) do list[index] = tool_of(ability) end
  files.write(("%s/%s.yaml"):format(directory, assistant.title:lower():gsub("[^%w]+", "-")), {
    name = assistant.title,
    active = assistant.enabled,
    metadata = { labels = assistant.labels },
    config = { instructions = assistant.persona, starting_message = assistant.greeting, tools = list },
  })
end

local api = anyreach.client()
local list = files.compare(api, files.load(directory))
if mode == "--apply" then list = files.apply(api, list) end
for _, item in ipairs(list) do print(item) end
return files.exit_code(list)
