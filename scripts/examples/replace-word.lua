-- Replaces a word in the prompts of all agent files, and shows the changes word by word.
--
--   anyreach scripts/examples/replace-word.lua agents "dental clinic" "dental practice" [--write]

local errors = require "anyreach.errors"
local words = require "anyreach.text.word_diff"

local directory, old, new, mode = ...
if not new then errors.raise("command_line", "usage: replace-word.lua DIRECTORY OLD NEW [--write]") end

local pattern, replacement = old:gsub("%p", "%%%0"), new:gsub("%%", "%%%%")
for _, agent in ipairs(anyreach.agent_files.load(directory)) do
  local before = agent.config and agent.config.instructions
  local after = type(before) == "string" and before:gsub(pattern, replacement)
  if after and after ~= before then
    print(agent.name)
    for _, line in ipairs(words.render(words.compare(before, after))) do print("  " .. line) end
    agent.config.instructions = after
    if mode == "--write" then anyreach.agent_files.write(agent.file, agent) end
  end
end
