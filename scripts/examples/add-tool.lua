-- Adds a tool to all agents of a team that do not have it, in their files and in the organisation. The agents'
-- metadata names their team.
--
--   anyreach scripts/examples/add-tool.lua agents front-office [--apply]

local errors = require "anyreach.errors"

local files = anyreach.agent_files
local directory, team, mode = ...
if not team then errors.raise("command_line", "usage: add-tool.lua DIRECTORY TEAM [--apply]") end

local tool = { name = "take_message", description = "Takes a message for the team.",
  actions = { { type = "take_message" } } }

local function has_tool(config)
  for _, other in ipairs(config.tools or {}) do
    if other.name == tool.name then return true end
  end
end

local agents = {}
for _, agent in ipairs(files.load(directory)) do
  local metadata = agent.own.metadata or {}
  if metadata.team == team and agent.config and not has_tool(agent.config) then
    agent.config.tools = agent.config.tools or anyreach.array {}
    table.insert(agent.config.tools, tool)
    table.insert(agents, agent)
  end
end

local api = anyreach.client()
local changes = files.compare(api, agents)
if mode ~= "--apply" then
  for _, change in ipairs(changes) do print(change) end
  return files.exit_code(changes)
end
for _, agent in ipairs(agents) do files.write(agent.file, agent) end
local results = files.apply(api, changes)
for _, result in ipairs(results) do print(result) end
return files.exit_code(results)
