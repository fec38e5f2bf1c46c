-- Waiting for generated instructions. The documentation says that a version is to be read until its
-- generation is finished, and not by which field that shows; this file is the one place that decides.

local errors = require "anyreach.errors"
local host = require "anyreach.host"

local generation = {}

local DEADLINE = 300 -- seconds
local FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5 -- seconds between two looks

-- Fields of a version that may tell how far its generation is, as text or as an object with the text
-- under `status` or `state`. Our guess: not documented.
local STATE_FIELDS = { "instruction_generation", "instructions_generation", "generation",
  "instruction_generation_status", "generation_status" }

local MEANINGS = {
  finished = { "completed", "complete", "finished", "done", "succeeded", "success", "ready" },
  failed = { "failed", "failure", "error", "errored", "cancelled", "canceled", "timed_out" },
  running = { "running", "pending", "queued", "started", "processing", "in_progress", "generating" },
}

local meaning_of = {}
for meaning, words in pairs(MEANINGS) do
  for _, word in ipairs(words) do meaning_of[word] = meaning end
end

local function state_of(version)
  for _, field in ipairs(STATE_FIELDS) do
    local state = version[field]
    if type(state) == "table" then state = state.status or state.state end
    if type(state) == "string" then return meaning_of[state:lower()], version[field] end
  end
end

--- The generated or written instructions of a version.
---@param version table
---@return string|nil text nil when there are none
function generation.instructions(version)
  local config = version.config
  local text = type(config) == "table" and config.instructions
  return type(text) == "string" and text ~= "" and text or nil
end

--- How far the generation of a version's instructions is. Without a state that says more, it is
--- finished when there are instructions other than before.
---@param version table as read just now
---@param before? string the instructions before it was started
---@return "running"|"finished"|"failed"
---@return any state what the server says of it, when failed
function generation.progress(version, before)
  local meaning, state = state_of(version)
  if meaning == "failed" then return "failed", state end
  local text = generation.instructions(version)
  if not text or meaning == "running" then return "running" end
  return (meaning == "finished" or text ~= before) and "finished" or "running"
end

--- True when a server says that the generation is under way, so that it need not be started.
---@param version table
---@return boolean
function generation.is_running(version)
  return state_of(version) == "running"
end

local function fail(kind, agent_id, number, what)
  errors.raise(kind, "generation of the instructions of version %s of agent %s %s", number, agent_id, what)
end

-- A failure may come as text, or as an object with the reason.
local function reason(state)
  if type(state) ~= "table" then return tostring(state) end
  return errors.detail_text(state.error or state.message or state.detail or state)
end

--- Reads a version, less and less often, until its instructions are generated.
---@param api anyreach.client
---@param agent_id string
---@param number integer
---@param before? string the instructions before it was started
---@param options? {deadline?: number} seconds; default 300
---@return table version
function generation.wait(api, agent_id, number, before, options)
  local deadline = options and options.deadline or DEADLINE
  local started, pause = os.time(), FIRST_PAUSE
  while true do
    local version = api.agents.versions.get(agent_id, number)
    local progress, state = generation.progress(version, before)
    if progress == "finished" then return version end
    if progress == "failed" then fail("generation", agent_id, number, "failed: " .. reason(state)) end
    if os.time() - started >= deadline then
      fail("timeout", agent_id, number, ("is not finished after %d seconds"):format(deadline))
    end
    host.sleep(pause)
    pause = math.min(pause * 1.5, LONGEST_PAUSE)
  end
end

return generation
