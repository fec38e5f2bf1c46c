-- Generated instructions. The documentation says to read a version until its generation is finished, but not which
-- field shows that: the fields and their values are defined with the operation (x-wait in src/openapi/core.yaml), and
-- interpreted here.

local checked = require "anyreach.agents.checked"
local waiting = require "anyreach.client.waiting"

local generation = {}

local RULE = waiting.rule("agents.versions.generate_instructions")

--- The generated or written instructions of a version.
---@param version table
---@return string|nil text nil without any
function generation.instructions(version)
  local config = version.config
  local text = type(config) == "table" and config.instructions
  return type(text) == "string" and text ~= "" and text or nil
end

--- The progress of generating a version's instructions. Without a state that says more, the generation is finished
--- when the instructions are other than before.
---@param version table as read just now
---@param before? string the instructions before it was started
---@return "running"|"finished"|"failed"
---@return string|nil state in the server's words
function generation.progress(version, before)
  local progress, state = waiting.progress(RULE, version)
  if progress == "failed" then return "failed", state end
  local text = generation.instructions(version)
  if not text or progress == "running" then return "running", state end
  return (progress == "finished" or text ~= before) and "finished" or "running", state
end

--- True when the server says that the generation is under way, so that it need not be started.
---@param version table
---@return boolean
function generation.is_running(version)
  return waiting.progress(RULE, version) == "running"
end

--- Reads a version, less and less often, until its instructions are generated.
---@param api anyreach.client
---@param agent_id string
---@param number integer
---@param before? string the instructions before it was started
---@param options? anyreach.wait_options
---@return table version
function generation.wait(api, agent_id, number, before, options)
  local what = ("generating the instructions of version %d of agent %s"):format(number, agent_id)
  return waiting.poll(what, function()
    local version = checked.object("version", api.agents.versions.get(agent_id, number), "agents.versions.get")
    local progress, state = generation.progress(version, before)
    return progress, version, state
  end, options)
end

return generation
