-- Writes every inactive agent to an agent file, so that it can be deleted, and brought back with
-- `anyreach run provision`. The script itself deletes nothing.
--
--   anyreach scripts/examples/archive-inactive.lua archive

local errors = require "anyreach.errors"

local directory = ...
if not directory then errors.raise("command_line", "usage: archive-inactive.lua DIRECTORY") end
local api = anyreach.client()

local function newest_version(agent)
  local newest
  for version in api.agents.versions.each(agent.id) do
    if not newest or version.version > newest.version then newest = version end
  end
  return newest and api.agents.versions.get(agent.id, newest.version)
end

for agent in api.agents.each { active = false } do
  local version = newest_version(agent)
  local file = ("%s/%s.yaml"):format(directory, agent.name:lower():gsub("[^%w]+", "-"))
  anyreach.agent_files.write(file, {
    name = agent.name,
    description = agent.description,
    active = false,
    metadata = agent.metadata,
    config = version and version.config,
    publish = version and version.published,
  })
  print(file)
end
